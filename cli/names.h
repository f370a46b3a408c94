/*
 * names.h - what `grant` and `service` share: names from the catalogue, dates
 * in both calendars, and the words for a state.
 */
#ifndef PV_CLI_NAMES_H
#define PV_CLI_NAMES_H

#include <jansson.h>

#include "cmd.h"
#include "policy/image.h"

#define PV_DATE_TEXT_MAX 40 /* "1405-08-30 (2026-11-21)" */

/* Names of agencies and services; empty when no catalogue was given. */
struct pv_names {
    json_t *agencies; /* id -> row; owned */
    json_t *services;
};

/* dir may be NULL. PV_EINVAL with a sentence in why. */
enum pv_err pv_names_load(struct pv_names *names, const char *dir,
                          struct pv_why *why) PV_MUST_CHECK;
void        pv_names_clear(struct pv_names *names);

/* name_fa or name_en of the id; NULL when it is not known. */
const char *pv_names_agency(const struct pv_names *names, enum pv_lang lang,
                            const char *id);
const char *pv_names_service(const struct pv_names *names, enum pv_lang lang,
                             const char *id);

/* "1405-08-30 (2026-11-21)"; the day before for an end; "-" for 0. Gives
 * room. */
const char *pv_date_text(int64_t when_ms, bool end,
                         char room[PV_DATE_TEXT_MAX]);

/* {"jalali","gregorian","at"}; null for 0. */
void pv_json_date(struct pv_json *json, const char *name, int64_t when_ms);

/* Is the reason in force now within [since, until)? */
enum pv_reason pv_reason_now(uint8_t reason, int64_t since_ms, int64_t until_ms,
                             int64_t now_ms);

void pv_json_id(struct pv_json *json, const char *name, const struct pv_id *id);

/* "word" and its titles in both languages, or null. */
void pv_json_reason(struct pv_json *json, const char *name,
                    enum pv_reason reason);

/* Text padded to a width in characters, and one space. */
enum pv_err pv_cell(struct pv_buf *out, struct pv_slice text,
                    size_t width) PV_MUST_CHECK;

/* A line of cells; the last is not padded. */
enum pv_err pv_line(struct pv_buf *out, const struct pv_slice *text,
                    const size_t *width, size_t count) PV_MUST_CHECK;

/* The options that both commands take. */
struct pv_list_options {
    const char  *image;
    const char  *catalogue;
    const char  *consumer;
    const char  *service;
    bool         json;
    bool         help;
    enum pv_lang lang;
    const char  *verb;     /* list, show */
    const char  *argument; /* what to show */
};

/* PV_EXIT_OK, or PV_EXIT_USAGE after a message. The image defaults to
 * PAYVAND_POLICY, .run/policy, /var/lib/payvand/policy: the first there is. */
int pv_list_options(int argc, char **argv, const char *command,
                    struct pv_list_options *ret);

/* text equals the id, or is empty (asks for all). */
bool pv_id_matches(const struct pv_id *id, const char *text);

#endif
