/*
 * recognise.h - which data item of the catalogue a column of a table is.
 *
 * By its name (the item's id, its Persian names, and how people write them in
 * Latin letters), or by its values where these have a check digit or a form of
 * their own. Every value that was looked at must be one: a column of which one
 * is not would make calls fail.
 *
 * Ownership: what is found belongs to items. Threads: one. Blocks: never.
 */
#ifndef PV_CLI_RECOGNISE_H
#define PV_CLI_RECOGNISE_H

#include "contract/data_item.h"
#include "table.h"

struct pv_recognised {
    const struct pv_data_item *item;  /* NULL: none */
    const struct pv_data_item *named; /* as which it is named; or NULL */
    bool                       by_name;
    size_t                     values; /* not NULL */
    size_t                     wrong;  /* of ->named, when ->item is NULL */
};

void pv_recognise(const struct pv_data_items   *items,
                  const struct pv_table        *table,
                  const struct pv_table_column *column,
                  struct pv_recognised         *ret);

#endif
