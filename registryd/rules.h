/*
 * rules.h - what the tables cannot say: checks before a record is written,
 * effects after it, references beyond its fields. Private to registryd.
 *
 * A check is named in the refusal by the R-number it stands for.
 */
#ifndef PV_REGISTRYD_RULES_H
#define PV_REGISTRYD_RULES_H

#include "decide.h"

/* rules_parties.c */
pv_check_fn pv_rule_place;        /* */
pv_check_fn pv_rule_system;       /* units and groups */
pv_check_fn pv_rule_node;         /* a node elsewhere is planned first */
pv_check_fn pv_rule_cartable;     /* */
pv_check_fn pv_rule_attachment;   /* */
pv_check_fn pv_rule_key;          /* design 4: one key, one system */
pv_check_fn pv_rule_appointment;  /* who appoints whom */
pv_check_fn pv_rule_dismissal;    /* who ends what */
pv_check_fn pv_refer_appointment; /* "holder" */

/* rules_keys.c */
#define PV_OVERLAP_DAYS_MAX 90     /* two keys of a system */
pv_check_fn pv_rule_replaced_key;  /* the key before stays for a while */
pv_check_fn pv_rule_certified_key; /* the same, by a certificate */
pv_check_fn pv_refer_system;       /* "key" */

/* May the system have this key? A refusal otherwise. */
enum pv_err pv_key_is_free(struct pv_change *change, const char *system,
                           const char *key) PV_MUST_CHECK;

/* rules_authorities.c, rules_requests.c, rules_certificates.c,
   rules_revocation.c */
pv_check_fn pv_rule_authority;       /* */
pv_check_fn pv_refer_authority;      /* "issuer" */
pv_check_fn pv_rule_signing_request; /* its key is proven */
pv_check_fn pv_rule_approval;        /* says again what it approves */
pv_check_fn pv_rule_issue;           /* what was approved is what was issued */
pv_check_fn pv_rule_outside;         /* of a registered authority */
pv_check_fn pv_refer_certificate;    /* "key" */
pv_check_fn pv_effect_certificate;   /* the system gets its key */
pv_check_fn pv_rule_certificate;     /* the id names one */
pv_check_fn pv_effect_revoked;       /* a key that others know ends */

/* rules_service_codes.c */

/* Is an exemption in force on a day: decided, and not past its last one? */
bool pv_is_exempting(const struct pv_record *exemption, int64_t day);

pv_check_fn pv_rule_exempt;               /* */
pv_check_fn pv_rule_exempt_version;       /* */
pv_check_fn pv_rule_service_code;         /* */
pv_check_fn pv_rule_code_free;            /* */
pv_check_fn pv_effect_passport_confirmed; /* */
pv_check_fn pv_refer_service;             /* "code" */
pv_check_fn pv_refer_exemption;           /* "exempt" */

/* rules_notices.c */
pv_check_fn pv_rule_replacement;    /* */
pv_check_fn pv_rule_ending;         /* */
pv_check_fn pv_rule_notice;         /* */
pv_check_fn pv_rule_rights_checked; /* */

/* rules_services.c */
pv_check_fn pv_rule_one_name;       /* */
pv_check_fn pv_rule_version;        /* methods, R-042 */
pv_check_fn pv_rule_settings;       /* */
pv_check_fn pv_rule_paths;          /* */
pv_check_fn pv_rule_passport;       /* */
pv_check_fn pv_effect_version_live; /* */
pv_check_fn pv_refer_version;       /* "path", "contract" */

/* rules_told.c: what one agency is told has a maximum (rights/rights.h) */
pv_check_fn pv_rule_grants_told;    /* */
pv_check_fn pv_rule_modes_told;     /* */
pv_check_fn pv_rule_contracts_told; /* */

/* rules_contract.c */
pv_check_fn pv_rule_contract; /* compiled, and its hash set */

/* The contract with that hash, 64 hex digits; PV_ENOTFOUND. */
enum pv_err pv_contract_find(struct pv_registry *registry, struct pv_slice hash,
                             struct pv_buf *out) PV_MUST_CHECK;

/* rules_codes.c */
pv_check_fn pv_rule_code_list;      /* */
pv_check_fn pv_rule_code_map;       /* */
pv_check_fn pv_rule_code_map_fresh; /* */
pv_check_fn pv_rule_oid;            /* */
pv_check_fn pv_rule_oid_parent;     /* */
pv_check_fn pv_rule_item_check;     /* */
pv_check_fn pv_rule_outputs;        /* */

/* rules_passport.c */
pv_check_fn pv_rule_passport_subject; /* */
pv_check_fn pv_rule_custodian;        /* */
pv_check_fn pv_rule_passport_form;    /* */
pv_check_fn pv_rule_passport_whole;   /* */
pv_check_fn pv_rule_licence;          /* */
pv_check_fn pv_rule_coordinated;      /* */

/* rules_rights.c */
pv_check_fn pv_rule_items;             /* the form of what is opened */
pv_check_fn pv_rule_right;             /* */
pv_check_fn pv_rule_statistics;        /* */
pv_check_fn pv_rule_named_consumers;   /* */
pv_check_fn pv_rule_consumers_decided; /* */
pv_check_fn pv_rule_request_endorsed;  /* */
pv_check_fn pv_rule_dedicated;         /* */
pv_check_fn pv_rule_duplicate;         /* */
pv_check_fn pv_rule_service_is_live;   /* */
pv_check_fn pv_rule_mapped;            /* */
pv_check_fn pv_effect_grant_decided;   /* */
pv_check_fn pv_refer_grant;            /* "place" */

/* rules_modes.c */
pv_check_fn pv_rule_mode;            /* */
pv_check_fn pv_rule_mode_named;      /* again, when it is decided */
pv_check_fn pv_rule_halt;            /* */
pv_check_fn pv_effect_mode_in_force; /* */

/* rules_migration.c */
pv_check_fn pv_rule_old_cartable;        /* */
pv_check_fn pv_effect_cartable_declared; /* */
pv_check_fn pv_rule_link_exempt;         /* */
pv_check_fn pv_rule_electronic;          /* */
pv_check_fn pv_rule_paper_report;        /* */

/* rules_agreements.c */
pv_check_fn pv_rule_three_parties;   /* */
pv_check_fn pv_rule_signature;       /* */
pv_check_fn pv_rule_old_link;        /* */
pv_check_fn pv_effect_link_declared; /* */
pv_check_fn pv_effect_link_leaves;   /* */
pv_check_fn pv_effect_link_removed;  /* */

/* rules_representation.c */
pv_check_fn pv_rule_representation; /* */
pv_check_fn pv_effect_represented;  /* the system names whom it serves */

/* rules_data.c */
pv_check_fn pv_rule_needed_for; /* */
pv_check_fn pv_rule_wrong_data; /* */
pv_check_fn pv_rule_no_person;  /* of a report, and of its answer */
pv_check_fn pv_rule_framework;  /* */

/* rules_quality.c */
pv_check_fn pv_rule_thresholds;    /* */
pv_check_fn pv_rule_terms;         /* */
pv_check_fn pv_rule_criteria;      /* */
pv_check_fn pv_rule_measured;      /* */
pv_check_fn pv_rule_agreed_grants; /* */

/* rules_bodies.c */
pv_check_fn pv_rule_has_agenda;      /* */
pv_check_fn pv_rule_agenda;          /* */
pv_check_fn pv_rule_invitations;     /* */
pv_check_fn pv_rule_outcomes;        /* */
pv_check_fn pv_rule_resolution;      /* */
pv_check_fn pv_rule_meeting_held;    /* */
pv_check_fn pv_rule_confirmed;       /* */
pv_check_fn pv_rule_enacted;         /* needs a resolution in force */
pv_check_fn pv_rule_council_decides; /* */
pv_check_fn pv_rule_ncc_decides;     /* */
pv_check_fn pv_effect_issued;        /* */

/* rules_duties.c */
pv_check_fn pv_rule_due;             /* */
pv_check_fn pv_rule_anchor;          /* */
pv_check_fn pv_rule_new_due;         /* */
pv_check_fn pv_rule_take_over;       /* */
pv_check_fn pv_rule_recurring;       /* */
pv_check_fn pv_rule_not_recurring;   /* */
pv_check_fn pv_rule_evidence_needed; /* */
pv_check_fn pv_rule_heir;            /* */
pv_check_fn pv_rule_measure;         /* */
pv_check_fn pv_rule_calculated;      /* */
pv_check_fn pv_rule_reached;         /* */
pv_check_fn pv_rule_progress;        /* */
pv_check_fn pv_effect_extended;      /* */

/*
 * Days by which the duty's day has passed at the end of that day; 0 when it
 * has not, or none is known. Of a recurring one, the first that is not done.
 */
int64_t pv_duty_days_over(const json_t *body, int64_t day);

/* Does it fall to that party on that day? When its day has passed, to the
 * heir that its resolution named. */
bool pv_duty_falls_to(const json_t *body, int64_t day, const char *party);

/* The heir of an overdue duty that was not taken over yet, "" otherwise. */
const char *pv_duty_heir(const json_t *body, int64_t day);

/* rules_evidence.c */
pv_check_fn pv_refer_commitment;       /* "delivers", "waits-..." */
pv_check_fn pv_rule_evidence;          /* */
pv_check_fn pv_effect_grant_live;      /* */
pv_check_fn pv_effect_meeting_planned; /* */

/* enact.c */
pv_check_fn pv_effect_enacted;  /* */
pv_check_fn pv_effect_notified; /* */

/*
 * Of what went live, as a part of another effect: duties that waited for it
 * start or get their day, and those to deliver it are met once all
 * they name is live.
 */
enum pv_err pv_duties_of_service(struct pv_change *change,
                                 const char       *service) PV_MUST_CHECK;

/* Is the duty to bring about the services and rights that it names? */
bool pv_duty_is_delivery(const json_t *body);

/* ---- shared ---- */

struct pv_registry *pv_registry_of(const struct pv_change *change);

/* The method of that id in a version's methods, NULL when there is none. */
const json_t *pv_method_of(const json_t *methods, const char *id);

/* Is the right's unit or system (`name`) one of its consumer's? R-012 */
enum pv_err pv_check_part(struct pv_change *change, const char *name,
                          enum pv_kind kind) PV_MUST_CHECK;

struct pv_holder {
    char kind[32];
    char id[PV_RECORD_ID_MAX + 1];
};

/* Who ever held a code, a path ... (`what`); id is "" when nobody did. */
enum pv_err pv_held_by(struct pv_registry *registry, const char *what,
                       const char *value, struct pv_holder *ret) PV_MUST_CHECK;

/* State of a record as its word, NULL when there is none; borrowed. */
enum pv_err pv_state_of(struct pv_registry *registry, enum pv_kind kind,
                        const char *id, const char **ret) PV_MUST_CHECK;

/* One of the states in list (NULL ends it)? */
bool pv_is_one_of(const char *state, const char *const *list);

/*
 * Terms of a right (purposes, quota, consent, start, end) into its row; a
 * refusal where they are not right. What is absent is left alone. terms.c
 */
enum pv_err pv_terms_row(const char *id, const json_t *body,
                         struct pv_refusal   *refusal,
                         struct pv_grant_row *row) PV_MUST_CHECK;

/* Settings of a method (deadline, hours) into its row, in the same way. */
enum pv_err pv_settings_row(const char *id, const json_t *settings,
                            struct pv_refusal    *refusal,
                            struct pv_method_row *row) PV_MUST_CHECK;

/* 0 for a word that is no pattern. */
uint8_t pv_pattern_of(const char *word);

/* "<hash of the issuer's name>/<serial>", both in hex; false when it is not. */
bool pv_certificate_of(const char *id, struct pv_certificate *ret);

/* Networks and endpoint of a system into rows, in the same way. */
enum pv_err pv_system_rows(const char *id, const json_t *body, bool loopback,
                           struct pv_refusal        *refusal,
                           struct pv_image_system   *system,
                           struct pv_image_endpoint *endpoint,
                           bool *ret_has_endpoint) PV_MUST_CHECK;

/* rules_people.c */
pv_check_fn pv_rule_person;  /* ids of persons */
pv_check_fn pv_rule_link;    /* one national sign-in, one person */
pv_check_fn pv_rule_unlink;  /* */
pv_check_fn pv_refer_person; /* "subject" */

#endif
