/*
 * trace_client.h - asking the reader of an exchange's trace.
 *
 * On the exchange's machine by its Unix socket, from elsewhere by the API with
 * a system's certificate. What comes is what the reader may be shown; that it
 * was read is recorded there.
 *
 * Ownership: the caller clears the struct. Blocks: until the answer.
 */
#ifndef PV_CLI_TRACE_CLIENT_H
#define PV_CLI_TRACE_CLIENT_H

#include <jansson.h>

#include "client/http.h"
#include "cmd.h"

#define PV_CLIENT_TARGET_MAX 2048
#define PV_CLIENT_UNAVAILABLE 503

/* getopt's values of the options below; the commands' own are others. */
enum pv_client_option {
    PV_CLIENT_SOCKET = 2000,
    PV_CLIENT_URL,
    PV_CLIENT_CA,
    PV_CLIENT_AS,
    PV_CLIENT_CERT,
    PV_CLIENT_KEY,
};

/* Rows of a command's option table. */
#define PV_CLIENT_OPTIONS                                                      \
    {"socket", required_argument, NULL, PV_CLIENT_SOCKET},                     \
        {"url", required_argument, NULL, PV_CLIENT_URL},                       \
        {"ca", required_argument, NULL, PV_CLIENT_CA},                         \
        {"as", required_argument, NULL, PV_CLIENT_AS},                         \
        {"cert", required_argument, NULL, PV_CLIENT_CERT},                     \
    {                                                                          \
        "key", required_argument, NULL, PV_CLIENT_KEY                          \
    }

#define PV_CLIENT_USAGE_EN                                                     \
    "  --socket PATH  the reader on this machine (PAYVAND_TRACE_SOCKET)\n"     \
    "  --url URL      the exchange's API, from elsewhere (PAYVAND_API_URL)\n"  \
    "  --as SYSTEM    whose certificate to show there, as in payvand call\n"   \
    "  --cert FILE --key FILE  instead of --as\n"                              \
    "  --ca FILE      who signed the API's key (PAYVAND_CA)\n"
#define PV_CLIENT_USAGE_FA                                                                         \
    "  --socket PATH  خواننده دفتر در همین رایانه (PAYVAND_TRACE_SOCKET)\n" \
    "  --url URL      رابط مرکز تبادل از راه دور (PAYVAND_API_URL)\n"         \
    "  --as SYSTEM    سامانه‌ای که گواهی آن نشان داده می‌شود\n"  \
    "  --cert FILE --key FILE  به جای --as\n"                                                 \
    "  --ca FILE      مرجع گواهی رابط (PAYVAND_CA)\n"

struct pv_client {
    const char    *socket;
    const char    *url;
    const char    *ca;
    const char    *system;
    const char    *cert;
    const char    *key;
    enum pv_lang   lang;
    bool           quiet_503; /* say nothing of what may come soon */
    char           target[PV_CLIENT_TARGET_MAX];
    struct pv_http http; /* the last answer */
};

void pv_client_init(struct pv_client *client);
void pv_client_clear(struct pv_client *client);

/* Is it one of the options above? Then it is taken. */
bool pv_client_take(struct pv_client *client, int option, const char *value);

/*
 * Begin a target: a path; then add parameters. An empty value adds none.
 * False, with words to stderr: too long, or a value that no query may hold.
 */
bool pv_client_path(struct pv_client *client, const char *path,
                    const char *rest);
bool pv_client_add(struct pv_client *client, const char *name,
                   const char *value);

/*
 * GET the target. PV_EXIT_OK: client->http.answer is a 200's body. Otherwise
 * the words were said to stderr; http.status tells a 503 from others.
 */
int pv_client_get(struct pv_client *client);

/* The same, and the body read as JSON; the caller owns ret. */
int pv_client_get_json(struct pv_client *client, json_t **ret);

/* The text of a member, or "". */
const char *pv_client_text(const json_t *object, const char *name);

#endif
