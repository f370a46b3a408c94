/*
 * init.h - what the files of `payvand service init` share: a table on its way
 * to become a service.
 *
 * Ownership: cmd_init.c's. Threads: one. Blocks: yes.
 */
#ifndef PV_CLI_INIT_H
#define PV_CLI_INIT_H

#include "cmd.h"
#include "contract/service.h"
#include "recognise.h"
#include "submit.h"

#define PV_INIT_PATH_MAX 1024
#define PV_INIT_TRIES 5

enum pv_init_file {
    PV_INIT_CONTRACT = 0,
    PV_INIT_SERVICE,
    PV_INIT_CONNECTOR, /* holds the connection string: mode 0600 */
    PV_INIT_PASSPORT,  /* forms, to be filled in */
    PV_INIT_FILES,
};

struct pv_init {
    const char           *connection;
    const char           *table_name;
    const char           *provider;
    const char           *service;
    const char           *key; /* a column; NULL: the primary key */
    const char           *title_fa;
    const char           *title_en;
    const char           *out;
    const char           *socket; /* of the connector; NULL: below /run */
    const char           *catalogue;
    const char           *as;       /* role/agency, to submit as */
    const char           *passport; /* forms; NULL: those that are written */
    enum pv_lang          lang;
    bool                  is_submitted;
    bool                  json;
    struct pv_data_items *items;
    struct pv_table       table;
    struct pv_recognised  found[PV_TABLE_COLUMNS_MAX];
    char   field[PV_TABLE_COLUMNS_MAX][PV_NAME_MAX + 1]; /* "": left out */
    size_t key_column;
    bool   indexed;
    char   path[PV_INIT_FILES][PV_INIT_PATH_MAX];
    size_t tried;
    size_t answered;
    struct pv_submit submit;
};

/* init_files.c: contract, service file, connector's configuration and forms of
 * passports, none of which may be there already. PV_EEXIST, PV_ESYS, PV_EINVAL.
 */
enum pv_err pv_init_write(struct pv_init *init,
                          struct pv_why  *why) PV_MUST_CHECK;

/* init_try.c: load what was written, and ask for some keys of the table as the
 * connector would. PV_EINVAL when a file does not hold, PV_EDB. */
enum pv_err pv_init_try(struct pv_init *init, struct pv_why *why) PV_MUST_CHECK;

/* cmd_service_submit.c: what was written to the registry, as ->as. *ret is the
 * contract, which ->submit borrows; pv_contract_free. */
enum pv_err pv_init_submit(struct pv_init *init, struct pv_contract **ret,
                           struct pv_why *why) PV_MUST_CHECK;

#endif
