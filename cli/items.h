/*
 * items.h - the data items of a catalogue, for commands that read contracts.
 *
 * Ownership: *ret is the caller's to pv_data_items_free, after an error too.
 * Blocks: reads files. Errors: those of pv_data_items_add_file.
 */
#ifndef PV_CLI_ITEMS_H
#define PV_CLI_ITEMS_H

#include "contract/data_item.h"

/* From dir; where that is NULL from PAYVAND_CATALOGUE, or `catalogue` here. */
enum pv_err pv_cli_items(const char *dir, struct pv_data_items **ret,
                         struct pv_why *why) PV_MUST_CHECK;

#endif
