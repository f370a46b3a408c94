/*
 * take.h - members of a contract's or a backend's JSON, checked as they are
 * taken, and refused with line, JSON pointer (RFC 6901) and reason.
 *
 * Private to lib/contract. Errors: PV_EINVAL with
 * `line 12, /methods/0/inputs/2: ...` in why, PV_ENOMEM.
 *
 * Ownership: a taker borrows text, items and why; texts that are taken are
 *            borrowed from the JSON value. Threads: one. Blocks: never.
 */
#ifndef PV_CONTRACT_TAKE_H
#define PV_CONTRACT_TAKE_H

#include <jansson.h>

#include "contract/data_item.h"

#define PV_POINTER_MAX 256

struct pv_taker {
    struct pv_slice             text; /* the file; may be empty: no lines */
    const struct pv_data_items *items;
    struct pv_why              *why;
    char                        pointer[PV_POINTER_MAX]; /* where we are */
};

/* Go down to a member, or to one of a list; _leave goes back up. */
size_t pv_taker_enter(struct pv_taker *taker, const char *name);
size_t pv_taker_enter_index(struct pv_taker *taker, const char *name,
                            size_t index);
void   pv_taker_leave(struct pv_taker *taker, size_t mark);

/* Say what is wrong with the member (NULL: with where we are). */
enum pv_err pv_taker_refuse(const struct pv_taker *taker, const char *member,
                            const char *format, ...) PV_PRINTF(3, 4);

/* An object with no other members than these (NULL ends them). */
enum pv_err pv_taker_only(const struct pv_taker *taker, const json_t *object,
                          const char *const *keywords) PV_MUST_CHECK;

/* A text that must be there, of at most max bytes. */
enum pv_err pv_taker_text(const struct pv_taker *taker, const json_t *object,
                          const char *name, size_t max,
                          const char **ret) PV_MUST_CHECK;

/* Lower-case letters, digits and -, a letter first. */
enum pv_err pv_taker_id(const struct pv_taker *taker, const json_t *object,
                        const char *name, char *room,
                        size_t size) PV_MUST_CHECK;

/* The name of an input or output: a-z first, then a-z, 0-9 and _ . */
enum pv_err pv_taker_name(const struct pv_taker *taker, const json_t *object,
                          const char *name, char *room,
                          size_t size) PV_MUST_CHECK;

/* Absent: the default stays. */
enum pv_err pv_taker_number(const struct pv_taker *taker, const json_t *object,
                            const char *name, uint32_t min, uint32_t max,
                            uint32_t *ret) PV_MUST_CHECK;
enum pv_err pv_taker_bool(const struct pv_taker *taker, const json_t *object,
                          const char *name, bool *ret) PV_MUST_CHECK;

/* The index of one of the words (NULL ends them). */
enum pv_err pv_taker_word(const struct pv_taker *taker, const json_t *object,
                          const char *name, const char *const *words,
                          size_t *ret) PV_MUST_CHECK;

/* A Jalali day, 1401-06-31. */
enum pv_err pv_taker_day(const struct pv_taker *taker, const json_t *object,
                         const char *name, char room[11]) PV_MUST_CHECK;

/* Both NAME_fa and NAME_en, or neither unless they are needed. */
enum pv_err pv_taker_words(const struct pv_taker *taker, const json_t *object,
                           const char *name, bool needed) PV_MUST_CHECK;

/* A list of 1 to max elements. */
enum pv_err pv_taker_list(const struct pv_taker *taker, const json_t *object,
                          const char *name, size_t max,
                          const json_t **ret) PV_MUST_CHECK;

/* The data item that "type" names. */
enum pv_err pv_taker_type(const struct pv_taker *taker, const json_t *object,
                          const struct pv_data_item **ret) PV_MUST_CHECK;

/*
 * The line, from 1, on which the value at a JSON pointer begins (its name,
 * for a member), or the deepest part of the pointer that is there; 0 when
 * text is empty. text is JSON that has been parsed already.
 */
size_t pv_taker_line(struct pv_slice text, const char *pointer);

bool pv_is_id(struct pv_slice text);

#endif
