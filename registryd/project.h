/*
 * project.h - one projection of records into the image's transaction.
 * Private to registryd.
 */
#ifndef PV_REGISTRYD_PROJECT_H
#define PV_REGISTRYD_PROJECT_H

#include "decide.h"

struct pv_projection {
    struct pv_registry *registry;
    struct pv_image    *image;
    json_t             *dirty[PV_KIND_END]; /* sets of ids; owned */
    json_t             *groups; /* group id -> its body; owned, at first use */
    /* the method that was looked up last, for a resolution's many grants */
    char     version[PV_RECORD_ID_MAX + 1];
    char     method[PV_RECORD_ID_MAX + 1];
    uint32_t method_number;
};

/* Write the rows of a record that stands, or delete them. */
typedef enum pv_err pv_project_fn(struct pv_projection   *projection,
                                  const char             *id,
                                  const struct pv_record *record);

/* project_parties.c */
pv_project_fn pv_project_system;
pv_project_fn pv_project_certificate;

/* project_services.c */
pv_project_fn pv_project_version;

/* project_rights.c */
pv_project_fn pv_project_grant;
pv_project_fn pv_project_mode;
pv_project_fn pv_project_suspension;

/* ---- shared ---- */

bool    pv_text_id(const char *text, struct pv_id *ret);
int64_t pv_day_start_ms(int64_t day); /* in Tehran */

/* Ids of the groups that an agency belongs to now, behind those in out. */
enum pv_err pv_project_groups(struct pv_projection *projection,
                              const char *agency_id, json_t *out) PV_MUST_CHECK;

/* /x/provider/service/version/method of a version's body. */
bool pv_project_path(const json_t *version, const char *method,
                     char room[PV_POLICY_PATH_MAX + 1]);

#endif
