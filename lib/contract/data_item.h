/*
 * data_item.h - the data items of catalogue/data_items.json and of
 * enactment.json's data_items_extra, and whether a text is one of them.
 *
 * Every value is text: amounts and counts are decimal strings (a JSON number
 * cannot carry 18 digits everywhere), yes_no is the string yes or no. An item
 * with `union_of` stands for any of its members.
 *
 * Ownership: struct pv_data_items owns its items until _free; items point at
 *            each other. Threads: one owner at a time (patterns have scratch
 *            room). Blocks: _add_file reads a file. Limits: below.
 */
#ifndef PV_CONTRACT_DATA_ITEM_H
#define PV_CONTRACT_DATA_ITEM_H

#include <jansson.h>

#include "contract/check.h"
#include "contract/fault.h"
#include "contract/pattern.h"

#define PV_ITEM_ID_MAX 64
#define PV_ITEMS_MAX 512
#define PV_ITEM_UNION_MAX 8
#define PV_VALUE_MAX 8192                       /* bytes of one value */
#define PV_CATALOGUE_FILE_MAX (4 * 1024 * 1024) /* bytes of one JSON file */

enum pv_base {
    PV_BASE_STRING = 0,
    PV_BASE_INTEGER,
    PV_BASE_DECIMAL,
    PV_BASE_BOOLEAN,
    PV_BASE_DATE,
    PV_BASE_ENUM,
    PV_BASE_BINARY, /* bytes of a media type */
    PV_BASE_OBJECT, /* a structure of other items */
    PV_BASE_LIST,   /* many of a structure */
};

struct pv_data_item {
    char                       id[PV_ITEM_ID_MAX + 1];
    enum pv_base               base;
    struct pv_pattern         *pattern;     /* NULL for structures */
    pv_check_fn               *check;       /* NULL for none */
    enum pv_fault_kind         check_fault; /* what a failed check is */
    const struct pv_data_item *any_of[PV_ITEM_UNION_MAX];
    size_t                     any_count; /* 0: not a union */
    json_t                    *source;    /* its own JSON: names, example */
};

struct pv_data_items;

enum pv_err pv_data_items_new(struct pv_data_items **ret) PV_MUST_CHECK;
void        pv_data_items_free(struct pv_data_items *items);

/*
 * Take the items of a JSON array, or of the member data_items_extra of an
 * object. PV_EINVAL with the place and the reason in why: an unknown
 * keyword, check function or base type, a pattern outside the grammar, an id
 * that is there already, an example that breaks its own rule. After an error
 * the items are only good for _free.
 */
enum pv_err pv_data_items_add(struct pv_data_items *items, const json_t *root,
                              struct pv_why *why) PV_MUST_CHECK;
enum pv_err pv_data_items_add_file(struct pv_data_items *items,
                                   const char           *path,
                                   struct pv_why        *why) PV_MUST_CHECK;

/* Join unions to their members and try every example. Once, after _add. */
enum pv_err pv_data_items_finish(struct pv_data_items *items,
                                 struct pv_why        *why) PV_MUST_CHECK;

size_t pv_data_items_count(const struct pv_data_items *items);

/* The i-th in the order of the files; i is below the count. */
const struct pv_data_item *pv_data_items_at(const struct pv_data_items *items,
                                            size_t                      i);

/* NULL when there is no such item. Lives as long as items. */
const struct pv_data_item *pv_data_items_find(const struct pv_data_items *items,
                                              struct pv_slice             id);

/*
 * Whether text is a value of item: PV_FAULT_NONE, or what is wrong with it.
 * For a union, ret_member is the one member whose pattern fits.
 */
enum pv_fault_kind pv_data_item_check(const struct pv_data_item  *item,
                                      struct pv_slice             text,
                                      const struct pv_data_item **ret_member);

/* The member of a union with this id (or the item itself), or NULL. */
const struct pv_data_item *pv_data_item_member(const struct pv_data_item *item,
                                               struct pv_slice            id);

/*
 * The one way to write a value that has passed: integers without leading
 * zeros, so that 0100 and 100 are the same amount to a database of texts.
 * A part of text; other items as they are.
 */
struct pv_slice pv_data_item_canonical(const struct pv_data_item *item,
                                       struct pv_slice            text);

/* Add a whole file to buf; PV_ESYS, or PV_ERANGE past its maximum. */
enum pv_err pv_catalogue_read(const char    *path,
                              struct pv_buf *buf) PV_MUST_CHECK;

/* Read a whole JSON file of at most PV_CATALOGUE_FILE_MAX bytes; duplicate
 * members are refused. *ret is the caller's to json_decref. */
enum pv_err pv_json_load_file(const char *path, json_t **ret,
                              struct pv_why *why) PV_MUST_CHECK;

/*
 * PV_EINVAL, and a sentence with the place, for the first member of object
 * whose name is not in the NULL-ended list.
 */
enum pv_err pv_json_only(const json_t *object, const char *const *names,
                         const char *place, struct pv_why *why) PV_MUST_CHECK;

#endif
