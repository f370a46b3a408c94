/*
 * contract.h - the contract of a service: what its methods take, answer and
 * mean, and the rules the documents attach to them. docs/contract.md is the
 * description of the language for people; this is its table of keywords.
 *
 * JSON, catalogue/contracts/<provider>/<service>.json, version 1:
 *
 *   contract 1 | service, provider (ids), version "v1" | basis document,
 *   proposed | title_fa, title_en | sources [{document, clause}] | methods
 *
 *   method: id | pattern inquiry, verify, list, command, file, events
 *     basis, title_*        default: the contract's own
 *     deadline_ms           100 to 60000
 *     inputs, outputs       fields, below; outputs of verify: one yes_no
 *     meaning               {yes_*, no_*}: every yes_no answer needs it
 *     rules                 [{not_before: [later, earlier]},
 *                            {needs: [input, other]}, {one_of: [input, ...]},
 *                            {not_future: [input, ...]}]
 *                           each with text_* (R-043, R-166)
 *     coverage              {from, text_*}: the Jalali day before which the
 *                           data say nothing; sent with each answer
 *     timed                 true: the answer says when it was determined
 *                           (R-149)
 *     window                {input, oldest_days, newest_days, text_*}: the
 *                           days before today that are answered
 *     consent               {valid_months, uses, shared}
 *     after                 {method, same: [inputs], valid_s}: a yes of
 *                           that method brings "order_token", which this one
 *                           asks for
 *     member                {input, text_*}: answered only for a member, as
 *                           the provider knows them
 *     never                 data items that no answer may hold
 *     aggregate_only        true: counts and amounts only
 *     idempotency           {keep_days}: a command repeated with one key acts
 *                           once; every command has it
 *     pages                 {key, after}: a list in the order of this item of
 *                           its elements, from behind this input on (pages.h)
 *     coding                {map, list, type}: codes may be asked for in
 *                           another list of the map (coding.h, R-211)
 *     consumers             agencies that alone may ask
 *     hours                 {from "07:30", until "14:00", days [sat ... fri]}
 *     max_rows, pad_to      1 to 1,000,000 rows; verify: 32 to 4096 bytes
 *
 *   field: name | type (a data item) | required (inputs; default true)
 *     basis | title_*, note_* | absent_*: what its absence means; an optional
 *     input needs it
 *     items [field], min_items, max_items    of a list; items of an object
 *     media [type/subtype], max_bytes        of a binary item
 *     until                 the last Jalali day on which it is sent
 *
 * X_* is X_fa and X_en, both. Any other keyword is refused with its line.
 *
 * Ownership: struct pv_contract owns all below it, its JSON too; types point
 *            into the data items, which must live longer.
 * Threads:   any, once loaded. Blocks: _load_file reads a file.
 */
#ifndef PV_CONTRACT_CONTRACT_H
#define PV_CONTRACT_CONTRACT_H

#include <jansson.h>

#include "contract/data_item.h"

#define PV_NAME_MAX 64
#define PV_METHODS_MAX 16               /* in one service */
#define PV_FIELDS_MAX 64                /* in one object */
#define PV_FIELD_DEPTH_MAX 4            /* lists and objects in each other */
#define PV_FIELD_ITEMS_MAX 1000         /* elements of a list in a request */
#define PV_FIELD_BYTES_MAX (512 * 1024) /* of a binary value */
#define PV_MEDIA_MAX 8
#define PV_RULES_MAX 16
#define PV_PATH_MAX 288
#define PV_DEADLINE_MIN_MS 100
#define PV_DEADLINE_MAX_MS 60000
#define PV_METHOD_ROWS_MAX 1000000
#define PV_METHOD_ROWS_DEFAULT 1000
#define PV_PAD_MIN 32
#define PV_PAD_DEFAULT 64
#define PV_PAD_MAX 4096
#define PV_CODE_LIST_MAX 120      /* an id of the registry */
#define PV_DAY_LEN 10             /* 1401-06-31 */
#define PV_ORDER_TOKEN_LEN_MAX 64 /* bytes of an order_token */

enum pv_call_pattern {
    PV_CALL_INQUIRY = 0,
    PV_CALL_VERIFY,
    PV_CALL_LIST,
    PV_CALL_COMMAND,
    PV_CALL_FILE,
    PV_CALL_EVENTS,
};

struct pv_field {
    char                       name[PV_NAME_MAX + 1];
    const struct pv_data_item *type;
    bool                       input; /* not an output */
    bool                       required;
    bool                       proposed;
    bool                       coded; /* of the type that `coding` names */
    char                       until[PV_DAY_LEN + 1]; /* "": always */
    struct pv_field           *item; /* members of an object or an element */
    size_t                     item_count;
    uint32_t                   min_items; /* of a list */
    uint32_t                   max_items;
    uint32_t                   max_bytes; /* of a binary item */
    const json_t              *source;    /* the field's own JSON */
};

enum pv_rule_kind {
    PV_RULE_NOT_BEFORE = 0, /* input[0] is not before input[1] */
    PV_RULE_NEEDS,          /* input[0] is only there with input[1] */
    PV_RULE_ONE_OF,         /* at least one is there */
    PV_RULE_NOT_FUTURE,     /* none is after today in Tehran */
    PV_RULES,
};

struct pv_rule {
    enum pv_rule_kind kind;
    size_t            input[PV_FIELDS_MAX]; /* indexes of inputs */
    size_t            input_count;
};

struct pv_window {
    bool     is_set;
    size_t   input;
    uint32_t oldest_days;
    uint32_t newest_days;
};

struct pv_consent {
    bool     is_set;
    uint32_t valid_months;
    uint32_t uses;
    bool     shared; /* the provider's methods count together */
};

struct pv_pages {
    bool                   is_set;
    const struct pv_field *list;  /* the output */
    const struct pv_field *key;   /* of its elements */
    size_t                 after; /* input, by index */
};

struct pv_coding {
    const struct pv_data_item *type; /* NULL: none */
    char                       map[PV_CODE_LIST_MAX + 1];
    char                       list[PV_CODE_LIST_MAX + 1]; /* the provider's */
};

struct pv_after {
    const struct pv_contract_method *method; /* NULL: none */
    size_t   same[PV_FIELDS_MAX]; /* inputs of this method, by index */
    size_t   same_count;
    uint32_t valid_s;
};

struct pv_contract_method {
    char                   id[PV_NAME_MAX + 1];
    char                   path[PV_PATH_MAX]; /* /x/provider/service/v1/id */
    enum pv_call_pattern   pattern;
    bool                   proposed;
    uint32_t               deadline_ms;
    uint32_t               max_rows;
    uint32_t               pad_to;
    struct pv_field       *input;
    size_t                 input_count;
    struct pv_field       *output;
    size_t                 output_count;
    struct pv_rule         rule[PV_RULES_MAX];
    size_t                 rule_count;
    char                   coverage_from[PV_DAY_LEN + 1]; /* "": not limited */
    bool                   timed;
    bool                   aggregate_only;
    struct pv_window       window;
    struct pv_consent      consent;
    struct pv_after        after;
    struct pv_pages        pages;
    struct pv_coding       coding;
    const struct pv_field *member;            /* the input, or NULL */
    const struct pv_contract_method *unlocks; /* the one after it, or NULL */
    uint32_t      keep_days; /* a command's idempotency; else 0 */
    const json_t *source;
};

struct pv_contract {
    char                       service[PV_NAME_MAX + 1];
    char                       version[8]; /* v1 to v9999 */
    char                       provider[PV_NAME_MAX + 1];
    bool                       proposed; /* basis: proposed */
    struct pv_contract_method *method;
    size_t                     method_count;
    json_t                    *root;
    struct pv_data_items      *own_items; /* of a document, or NULL */
};

/*
 * PV_EINVAL with line, pointer and reason in why; PV_EVERSION for another
 * version of the language; PV_ENOMEM.
 */
enum pv_err pv_contract_load(struct pv_slice             text,
                             const struct pv_data_items *items,
                             struct pv_contract        **ret,
                             struct pv_why              *why) PV_MUST_CHECK;

/* The same from a file; its path stands in why. Also PV_ESYS. */
enum pv_err pv_contract_load_file(const char                 *path,
                                  const struct pv_data_items *items,
                                  struct pv_contract        **ret,
                                  struct pv_why *why) PV_MUST_CHECK;
void        pv_contract_free(struct pv_contract *contract);

/* NULL when there is none of this name. */
const struct pv_contract_method *
pv_contract_method(const struct pv_contract *contract, struct pv_slice id);
const struct pv_field *pv_field_find(const struct pv_field *field, size_t count,
                                     struct pv_slice name);

/* Whether its answer is one yes or no and nothing else. */
bool pv_method_is_yes_no(const struct pv_contract_method *method);

/* Whether its answer begins with "found": yes or no (inquiry and list). */
bool pv_method_says_found(const struct pv_contract_method *method);

/* Whether it may be an order_token: base64, of at most that many bytes. */
bool pv_order_token_fits(struct pv_slice token);

/* The words of a pattern: "inquiry" ... */
const char *pv_call_pattern_word(enum pv_call_pattern pattern);

#endif
