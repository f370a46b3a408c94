/*
 * kind.h - what the commands on records share. What kinds, events and fields
 * there are is asked from the registry, so that help and completion say what
 * it really takes.
 */
#ifndef PV_CLI_KIND_H
#define PV_CLI_KIND_H

#include <jansson.h>

#include "base/jalali.h"
#include "cmd.h"

struct pv_kind_args {
    const char   *socket;
    json_t       *tables; /* of GET kinds; owned by pv_cmd_kind */
    const json_t *kind;   /* its row; NULL: none of that name */
    enum pv_lang  lang;
    bool          json;
    const char   *state;
    const char   *at;    /* a decision's number */
    const char   *count; /* records of one page; NULL: all of them */
    const char   *after; /* where the page begins */
    char          as_of[PV_JALALI_TEXT_LEN + 1];
    /* for a decision */
    const char *as; /* role/where, "secretariat/..." */
    char        date[PV_JALALI_TEXT_LEN + 1];
    const char *reason;
    const char *document;
    const char *key;
};

const char *pv_kind_text(const json_t *object, const char *name); /* or "" */

/* The row of that name in an array of objects; NULL. */
const json_t *pv_kind_find(const json_t *rows, const char *member,
                           const char *name);

/*
 * A Jalali day, of "1405-09-05" or of a Gregorian "2026-11-26"; false when it
 * is neither.
 */
bool pv_kind_day(const char *text, char room[PV_JALALI_TEXT_LEN + 1]);

/* kind_show.c; exit codes */
int pv_kind_list(const struct pv_kind_args *args);
int pv_kind_show(const struct pv_kind_args *args, const char *id);
int pv_kind_history(const struct pv_kind_args *args, const char *id);

/* kind_users.c */
int pv_kind_users(const struct pv_kind_args *args, const char *id);

/* kind_decide.c: one decision; words are FIELD=VALUE */
int pv_kind_decide(const struct pv_kind_args *args, const char *event,
                   const char *id, char *const *words, int count);

/* kind_help.c */
int pv_kind_help(const struct pv_kind_args *args);

/*
 * `payvand complete WORD...`: what may stand in the place of the last word,
 * one a line. Silent when the registry is not there.
 */
int pv_cmd_complete(int argc, char **argv);

#endif
