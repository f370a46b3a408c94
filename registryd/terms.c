/*
 * terms.c - members of bodies that become rows of the image: checked when
 * they are decided, read again when they are projected.
 */
#include <string.h>

#include "base/due.h"
#include "base/num.h"
#include "kind_tables.h"
#include "policy/address.h"
#include "rules.h"

#define DEADLINE_MAX_MS 600000
#define ANSWER_LEN_MAX (INT64_C(1) << 30)
#define MINUTES_OF_DAY 1440
#define TLS_NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-."

static enum pv_err
refuse_term(struct pv_refusal *refusal, const char *id, const char *name)
{
    return pv_refuse(refusal, "R-111", "terms",
                     "%s: its \"%s\" is not right; see the manual",
                     "%s: «%s» آن درست نیست؛ راهنما را ببینید", id, name);
}

static bool
to_id(const char *text, struct pv_id *ret)
{
    size_t len = strlen(text);

    if (len > PV_POLICY_ID_MAX ||
        !pv_is_record_id((struct pv_slice){text, len})) {
        return false;
    }
    ret->len = (uint8_t)len;
    memcpy(ret->text, text, len);
    return true;
}

/* A whole number from 0; false when there is another thing. */
static bool
to_u32(const json_t *object, const char *name, int64_t max, uint32_t *ret)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > max) {
        return false;
    }
    *ret = (uint32_t)json_integer_value(value);
    return true;
}

/* A typo in a limit would be no limit. */
static bool
has_only(const json_t *object, const char *const *names)
{
    const char *name;
    json_t     *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (!pv_is_one_of(name, names)) {
            return false;
        }
    }
    return true;
}

static bool
set_purposes(const json_t *purposes, struct pv_grant_row *row)
{
    json_t *purpose;
    size_t  i;

    if (json_array_size(purposes) > PV_POLICY_PURPOSES_MAX) {
        return false;
    }
    json_array_foreach(purposes, i, purpose)
    {
        if (!to_id(pv_member(purpose, "id"), &row->purpose[i])) {
            return false;
        }
        row->purpose_count++;
    }
    return row->purpose_count > 0;
}

static bool
set_quota(const json_t *quota, struct pv_grant_row *row)
{
    static const char *const names[] = {"rate_per_s", "burst",      "per_day",
                                        "in_all",     "per_member", NULL};

    row->per_member = pv_member_true(quota, "per_member");
    return json_is_object(quota) && has_only(quota, names) &&
           to_u32(quota, "rate_per_s", UINT32_MAX, &row->rate_per_s) &&
           to_u32(quota, "burst", UINT32_MAX, &row->burst) &&
           to_u32(quota, "per_day", UINT32_MAX, &row->per_day) &&
           to_u32(quota, "in_all", PV_POLICY_ANSWERED_MAX, &row->max_answered);
}

/* First millisecond of a day in Tehran. */
static int64_t
start_of(int64_t day)
{
    return day * PV_DAY_MS - PV_TEHRAN_OFFSET_MS;
}

enum pv_err
pv_terms_row(const char *id, const json_t *body, struct pv_refusal *refusal,
             struct pv_grant_row *row)
{
    const json_t *purposes = json_object_get(body, "purposes");
    const json_t *quota = json_object_get(body, "quota");
    const json_t *consent = json_object_get(body, "consent");
    const char   *resolution = pv_member(body, "resolution");
    int64_t       day;

    if (!to_id(id, &row->id) ||
        (resolution[0] != '\0' && !to_id(resolution, &row->resolution))) {
        return refuse_term(refusal, id, "id");
    }
    if (purposes != NULL && !set_purposes(purposes, row)) {
        return refuse_term(refusal, id, "purposes");
    }
    if (quota != NULL && !set_quota(quota, row)) {
        return refuse_term(refusal, id, "quota");
    }
    if (consent != NULL && !json_is_object(consent) &&
        !json_is_boolean(consent)) { /* a typo would be no consent */
        return refuse_term(refusal, id, "consent");
    }
    row->needs_consent = json_is_object(consent) || json_is_true(consent);
    row->proposed = strcmp(pv_member(body, "basis"), "proposed") == 0;
    if (pv_member_day(body, "start", &day) == PV_OK) {
        row->start_ms = start_of(day);
    }
    if (pv_member_day(body, "end", &day) == PV_OK) {
        row->end_ms = start_of(day + 1);
        if (row->end_ms <= row->start_ms) {
            return refuse_term(refusal, id, "end");
        }
    }
    return PV_OK;
}

/* ---- methods ---- */

uint8_t
pv_pattern_of(const char *word)
{
    static const char *const words[] = {"inquiry", "verify", "list",
                                        "command", "file",   "events"};

    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(words[i], word) == 0) {
            return (uint8_t)(PV_PATTERN_INQUIRY + i);
        }
    }
    return 0;
}

static bool
set_hours(const json_t *hours, struct pv_method_row *row)
{
    uint32_t open = 0;
    uint32_t close = 0;
    uint32_t weekdays = 0;

    if (hours == NULL) {
        return true;
    }
    if (!to_u32(hours, "open_minute", MINUTES_OF_DAY - 1, &open) ||
        !to_u32(hours, "close_minute", MINUTES_OF_DAY, &close) ||
        !to_u32(hours, "weekdays", 0x7f, &weekdays)) {
        return false;
    }
    row->open_minute = (int16_t)open;
    row->close_minute = (int16_t)close;
    row->weekdays = (uint8_t)weekdays;
    return true;
}

enum pv_err
pv_settings_row(const char *id, const json_t *settings,
                struct pv_refusal *refusal, struct pv_method_row *row)
{
    static const char *const names[] = {"deadline_ms", "connect_timeout_ms",
                                        "answer_max_len", "hours", NULL};

    if (settings == NULL) {
        return PV_OK;
    }
    if (!json_is_object(settings) || !has_only(settings, names) ||
        !to_u32(settings, "deadline_ms", DEADLINE_MAX_MS, &row->deadline_ms) ||
        !to_u32(settings, "connect_timeout_ms", DEADLINE_MAX_MS,
                &row->connect_timeout_ms) ||
        !to_u32(settings, "answer_max_len", ANSWER_LEN_MAX,
                &row->answer_max_len) ||
        !set_hours(json_object_get(settings, "hours"), row)) {
        return refuse_term(refusal, id, "settings");
    }
    return PV_OK;
}

/* ---- systems ---- */

static bool
set_networks(const json_t *networks, struct pv_system_row *row)
{
    json_t *network;
    size_t  i;

    if (json_array_size(networks) > PV_POLICY_NETWORKS_MAX) {
        return false;
    }
    json_array_foreach(networks, i, network)
    {
        if (!pv_to_network(pv_slice_from(json_string_value(network)),
                           &row->network[i])) {
            return false;
        }
        row->network_count++;
    }
    return true;
}

static bool
is_inside(const struct pv_system_row *row, const uint8_t address[16])
{
    for (size_t i = 0; i < row->network_count; i++) {
        if (pv_in_network(&row->network[i], address)) {
            return true;
        }
    }
    return false;
}

static bool
set_endpoint(const json_t *from, bool loopback,
             const struct pv_system_row *system, struct pv_image_endpoint *ret)
{
    const char *name = pv_member(from, "tls_name");
    uint32_t    port = 0;
    bool        is_loopback;

    if (!pv_to_address(pv_slice_from(pv_member(from, "address")),
                       ret->address) ||
        !to_u32(from, "port", UINT16_MAX, &port) || port == 0 ||
        name[0] == '\0' || strlen(name) > PV_POLICY_ID_MAX ||
        name[strspn(name, TLS_NAME_CHARACTERS)] != '\0' ||
        pv_hex_bytes(pv_slice_from(pv_member(from, "spki_sha256")), ret->pin,
                     sizeof(ret->pin)) != PV_OK) {
        return false;
    }
    if ((pv_address_special(ret->address, &is_loopback) != NULL &&
         (!is_loopback || !loopback)) ||
        !is_inside(system, ret->address)) {
        return false;
    }
    ret->port = (uint16_t)port;
    ret->name.len = (uint8_t)strlen(name);
    memcpy(ret->name.text, name, ret->name.len);
    return true;
}

/* The key before, until the end of its last day. */
static bool
set_old_key(const json_t *body, struct pv_image_system *system)
{
    const char *old = pv_member(body, "old_spki_sha256");
    int64_t     day;

    if (old[0] == '\0') {
        return true;
    }
    if (pv_member_day(body, "old_until", &day) != PV_OK ||
        pv_hex_bytes(pv_slice_from(old), system->old_key_hash,
                     PV_KEY_HASH_LEN) != PV_OK) {
        return false;
    }
    system->old_until_ms = start_of(day + 1);
    return true;
}

/* A provider that replaces its key may show either meanwhile. */
static void
set_old_pin(const struct pv_image_system *system, struct pv_image_endpoint *ret)
{
    if (system->has_key && system->old_until_ms != 0 &&
        memcmp(ret->pin, system->key_hash, PV_KEY_HASH_LEN) == 0) {
        ret->old_until_ms = system->old_until_ms;
        memcpy(ret->old_pin, system->old_key_hash, PV_KEY_HASH_LEN);
    }
}

enum pv_err
pv_system_rows(const char *id, const json_t *body, bool loopback,
               struct pv_refusal *refusal, struct pv_image_system *system,
               struct pv_image_endpoint *endpoint, bool *ret_has_endpoint)
{
    const json_t *place = json_object_get(body, "endpoint");
    const char   *key = pv_member(body, "spki_sha256");

    *ret_has_endpoint = false;
    if (key[0] != '\0') {
        if (pv_hex_bytes(pv_slice_from(key), system->key_hash,
                         PV_KEY_HASH_LEN) != PV_OK) {
            return refuse_term(refusal, id, "spki_sha256");
        }
        system->has_key = true;
    }
    if (!set_old_key(body, system)) {
        return refuse_term(refusal, id, "old_until");
    }
    if (!set_networks(json_object_get(body, "networks"), &system->row)) {
        return refuse_term(refusal, id, "networks");
    }
    if (json_object_size(place) > 0) {
        if (!set_endpoint(place, loopback, &system->row, endpoint)) {
            return refuse_term(refusal, id, "endpoint");
        }
        set_old_pin(system, endpoint);
        *ret_has_endpoint = true;
    }
    return PV_OK;
}

/* ---- certificates ---- */

bool
pv_certificate_of(const char *id, struct pv_certificate *ret)
{
    struct pv_slice issuer;
    struct pv_slice serial;

    if (!pv_slice_cut(pv_slice_from(id), '/', &issuer, &serial) ||
        serial.len == 0 || serial.len % 2 != 0 ||
        serial.len / 2 > sizeof(ret->serial)) {
        return false;
    }
    ret->serial_len = (uint8_t)(serial.len / 2);
    return pv_hex_bytes(issuer, ret->issuer_hash, sizeof(ret->issuer_hash)) ==
               PV_OK &&
           pv_hex_bytes(serial, ret->serial, ret->serial_len) == PV_OK;
}
