/*
 * provider.h - the provider of the national sign-in (OpenID Connect Core 1.0,
 * Discovery 1.0): where it asks people, its keys, and what a code is worth.
 *
 * What was found out is kept for PROVIDER_FRESH_MS; keys are asked for again
 * when a token names an unknown one, at most every PROVIDER_AGAIN_MS.
 *
 * Threads: one. Blocks: on the provider, as fetch.h.
 * Errors:  PV_ECLOSED, PV_EPROTO, PV_ERANGE as fetch.h; PV_EVERIFY the code or
 *          the token is not right.
 */
#ifndef PV_SIGNIN_PROVIDER_H
#define PV_SIGNIN_PROVIDER_H

#include "id_token.h"

#define PROVIDER_FRESH_MS (INT64_C(3600) * 1000)
#define PROVIDER_AGAIN_MS (INT64_C(60) * 1000)
#define PROVIDER_TEXT_MAX 1024 /* of one member of the configuration */

/* {"issuer", "client_id", "client_secret_file", "redirect_uri"[, "ca_file",
 *  "loopback"]} */
struct provider_config {
    char issuer[PROVIDER_TEXT_MAX];
    char client_id[PROVIDER_TEXT_MAX];
    char client_secret[PROVIDER_TEXT_MAX];
    char redirect_uri[PROVIDER_TEXT_MAX];
    char ca_file[PROVIDER_TEXT_MAX]; /* "": the system's */
    bool loopback;
};

struct provider {
    struct provider_config config;
    json_t                *found; /* the discovery document; owned */
    int64_t                found_ms;
    json_t                *keys; /* owned */
    int64_t                keys_ms;
};

/* PV_EINVAL, PV_ESYS with words. */
enum pv_err provider_read(const char *path, struct provider *ret,
                          struct pv_why *why) PV_MUST_CHECK;
void        provider_clear(struct provider *provider);

/* Where to send a browser; borrowed until the next call. */
enum pv_err provider_place(struct provider *provider,
                           const char     **ret_url) PV_MUST_CHECK;

/* Whom the provider has told by this code. */
enum pv_err
provider_exchange(struct provider *provider, const char *code,
                  const char *verifier, const char *nonce,
                  char ret_subject[PV_ID_TOKEN_SUBJECT_MAX + 1]) PV_MUST_CHECK;

#endif
