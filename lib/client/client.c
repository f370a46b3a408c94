/* client.c - libpayvand: an exchange and its settings. */
#include "client/private.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define TIMEOUT_DEFAULT_MS 30000
#define ON_THE_WAY_MS 5000 /* beside a method's own deadline */
#define TRIES_DEFAULT 3

struct payvand *
payvand_new(void)
{
    return calloc(1, sizeof(struct payvand));
}

void
payvand_free(struct payvand *exchange)
{
    if (exchange == NULL) {
        return;
    }
    for (size_t i = 0; i < SETTINGS; i++) {
        free(exchange->setting[i]);
    }
    pv_httpsig_key_free(exchange->key);
    pv_client_forget_items(exchange);
    pv_client_forget_rights(exchange);
    free(exchange);
}

const char *
payvand_error(const struct payvand *exchange)
{
    return exchange->why.text;
}

static enum payvand_result
refuse(struct payvand *exchange, const char *what)
{
    pv_why_set(&exchange->why, "%s", what);
    return PAYVAND_EINVAL;
}

static bool
is_number(const char *value, uint64_t max)
{
    uint64_t n;

    return pv_slice_to_u64(pv_slice_from(value), max, &n) == PV_OK && n > 0;
}

static enum payvand_result
judge(struct payvand *exchange, enum payvand_setting setting, const char *value)
{
    if (strlen(value) > VALUE_MAX) {
        return refuse(exchange, "the value is too long");
    }
    if (setting == PAYVAND_TIMEOUT_MS &&
        !is_number(value, PAYVAND_TIMEOUT_MAX_MS)) {
        return refuse(exchange, "the timeout is no number of milliseconds "
                                "from 1 to 600000");
    }
    if (setting == PAYVAND_TRIES && !is_number(value, PAYVAND_TRIES_MAX)) {
        return refuse(exchange, "tries are a number from 1 to 5");
    }
    return PAYVAND_OK;
}

/* A key that cannot sign is still one for TLS: then nothing is signed, and the
   exchange's sentence says why. */
static void
read_key(struct payvand *exchange)
{
    pv_httpsig_key_free(exchange->key);
    exchange->key = NULL;
    if (exchange->setting[PAYVAND_KEY] != NULL &&
        pv_httpsig_key_read_file(exchange->setting[PAYVAND_KEY], true,
                                 &exchange->key, &exchange->why) != PV_OK) {
        exchange->key = NULL;
    }
}

bool
pv_client_signs(const struct payvand *exchange)
{
    return exchange->key != NULL;
}

enum payvand_result
payvand_set(struct payvand *exchange, enum payvand_setting setting,
            const char *value)
{
    char *copy = NULL;

    if ((unsigned)setting >= SETTINGS) {
        return refuse(exchange, "there is no such setting");
    }
    if (setting == PAYVAND_CONTRACTS && exchange->items != NULL) {
        /* contracts of calls point into what was read */
        return refuse(exchange, "contracts are read already");
    }
    if (value != NULL) {
        enum payvand_result result = judge(exchange, setting, value);

        if (result != PAYVAND_OK) {
            return result;
        }
        copy = strdup(value);
        if (copy == NULL) {
            pv_why_set(&exchange->why, "no memory");
            return PAYVAND_ENOMEM;
        }
    }
    free(exchange->setting[setting]);
    exchange->setting[setting] = copy;
    if (setting == PAYVAND_KEY) {
        read_key(exchange);
    } else if (setting == PAYVAND_RIGHTS || setting == PAYVAND_LOG_KEY ||
               setting == PAYVAND_AGENCY) {
        pv_client_forget_rights(exchange); /* of others */
    }
    return PAYVAND_OK;
}

long
pv_client_number(const struct payvand *exchange, enum payvand_setting setting)
{
    uint64_t n = setting == PAYVAND_TRIES ? TRIES_DEFAULT : TIMEOUT_DEFAULT_MS;

    if (exchange->setting[setting] != NULL &&
        pv_slice_to_u64(pv_slice_from(exchange->setting[setting]),
                        PAYVAND_TIMEOUT_MAX_MS, &n) != PV_OK) {
        return 1; /* judge() lets no such value in */
    }
    return (long)n;
}

long
pv_client_timeout_ms(const struct payvand_call *call)
{
    if (call->exchange->setting[PAYVAND_TIMEOUT_MS] == NULL &&
        call->terms != NULL) {
        return (long)call->terms->deadline_ms + ON_THE_WAY_MS;
    }
    return pv_client_number(call->exchange, PAYVAND_TIMEOUT_MS);
}

/* A name, and not one that leads to another place. */
static bool
is_part(struct pv_slice part)
{
    return part.len > 0 && !pv_slice_eq(part, PV_LIT(".")) &&
           !pv_slice_eq(part, PV_LIT(".."));
}

bool
pv_client_is_method(struct pv_slice method)
{
    struct pv_slice provider;
    struct pv_slice part;
    struct pv_slice rest = method;
    size_t          slashes = 0;
    bool            more = true;

    for (size_t i = 0; i < method.len; i++) {
        char c = method.ptr[i];

        slashes += c == '/';
        if (c <= ' ' || c > '~' || strchr("?#%\\", c) != NULL) {
            return false;
        }
    }
    while (more) {
        more = pv_slice_cut(rest, '/', &part, &rest);
        if (!is_part(part)) {
            return false;
        }
    }
    return slashes == 3 && method.len <= METHOD_MAX &&
           pv_slice_cut(method, '/', &provider, &rest) &&
           provider.len <= PROVIDER_MAX;
}
