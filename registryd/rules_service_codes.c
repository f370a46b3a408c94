/*
 * rules_service_codes.c - service codes, and things that stand on no exchange.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define CODE_LEN 7 /* six digits and a check digit */
#define FIRST_SERIAL 100001
#define SERIAL_META "last-service-serial"

/* ---- exempt things (R-005) ---- */

bool
pv_is_exempting(const struct pv_record *exemption, int64_t day)
{
    const char *state =
        pv_kind_row(PV_KIND_EXEMPTION)->states[exemption->state];
    int64_t until = 0;

    return strcmp(state, "decided") == 0 &&
           (pv_member_day(exemption->body, "until", &until) != PV_OK ||
            until >= day);
}

static enum pv_err
check_exempt(struct pv_change *change, const char *service)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(pv_registry_of(change), "exempt", service,
                                      PV_KIND_EXEMPTION, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record exemption = {.body = NULL};
        bool             holds;

        if (err != PV_OK) {
            break;
        }
        err = pv_record_get(pv_registry_of(change), PV_KIND_EXEMPTION,
                            json_string_value(id), &exemption);
        holds =
            err == PV_OK && pv_is_exempting(&exemption, change->context->day);
        pv_record_clear(&exemption);
        if (holds) {
            err = pv_refuse(change->context->refusal, "R-005", "exempt",
                            "%s: %s is exempt by a decision and cannot stand "
                            "on the open exchange",
                            "%s: %s به موجب تصمیم معاف است و در مرکز تبادل "
                            "ثبت نمی‌شود",
                            change->id, service);
        }
    }
    json_decref(ids);
    return err;
}

enum pv_err
pv_rule_exempt(struct pv_change *change)
{
    return check_exempt(change, change->id);
}

enum pv_err
pv_rule_exempt_version(struct pv_change *change)
{
    return check_exempt(change, pv_member(change->body, "service"));
}

enum pv_err
pv_refer_exemption(struct pv_change *change)
{
    const char *service = pv_member(change->body, "service");

    return service[0] == '\0'
               ? PV_OK
               : pv_record_refer(change, "service", "exempt", service);
}

/* ---- codes (R-003, R-215) ---- */

/* ISO 7064 MOD 11,10 over the serial's digits. */
static char
check_digit(const char *serial)
{
    int p = 10;

    for (size_t i = 0; i < CODE_LEN - 1; i++) {
        p = (p + serial[i] - '0') % 10;
        p = p == 0 ? 10 : p;
        p = 2 * p % 11;
    }
    return (char)('0' + (11 - p) % 10);
}

static bool
is_code(const char *code)
{
    if (strlen(code) != CODE_LEN || code[0] == '0' ||
        code[strspn(code, "0123456789")] != '\0') {
        return false;
    }
    return check_digit(code) == code[CODE_LEN - 1];
}

static enum pv_err
check_code(struct pv_change *change, const char *code, const char *service)
{
    struct pv_holder holder;
    enum pv_err      err;

    if (!is_code(code)) {
        return pv_refuse(change->context->refusal, "R-215", "code",
                         "%s: \"%s\" is no service code: 6 digits and a "
                         "check digit",
                         "%s: «%s» کد سرویس نیست: ۶ رقم و یک رقم کنترل",
                         change->id, code);
    }
    err = pv_held_by(pv_registry_of(change), "code", code, &holder);
    if (err == PV_OK && holder.id[0] != '\0' &&
        strcmp(holder.id, service) != 0) {
        return pv_refuse(
            change->context->refusal, "R-215", "code-taken",
            "%s: the code %s belongs to %s and is never used "
            "again",
            "%s: کد %s متعلق به %s است و دوباره به کار نمی‌رود",
            change->id, code, holder.id);
    }
    return err;
}

enum pv_err
pv_rule_service_code(struct pv_change *change)
{
    const char *code = pv_member(change->body, "code");

    return code[0] == '\0' ? PV_OK : check_code(change, code, change->id);
}

enum pv_err
pv_rule_code_free(struct pv_change *change)
{
    const char *code = pv_member(change->data, "code");

    return code[0] == '\0'
               ? PV_OK
               : check_code(change, code, pv_member(change->body, "service"));
}

static enum pv_err
take_number(void *context, const struct pv_value *column)
{
    int64_t n = 0;

    for (size_t i = 0; i < column[0].text.len; i++) {
        n = n * 10 + (column[0].text.ptr[i] - '0');
    }
    *(int64_t *)context = n;
    return PV_OK;
}

/* Serials go up and are never given twice, also after a refused decision. */
static enum pv_err
next_code(struct pv_registry *registry, char room[CODE_LEN + 1])
{
    struct pv_value  meta[] = {PV_TEXT(PV_LIT(SERIAL_META)), PV_NULL};
    int64_t          serial = FIRST_SERIAL - 1;
    struct pv_holder holder;
    enum pv_err err = pv_store_run(registry->store, PV_STMT_META_GET, meta, 1,
                                   take_number, &serial);

    do {
        serial++;
        if (err == PV_OK && snprintf(room, CODE_LEN + 1, "%06lld",
                                     (long long)serial) != CODE_LEN - 1) {
            err = PV_EFULL;
        }
        if (err != PV_OK) {
            return err;
        }
        room[CODE_LEN - 1] = check_digit(room);
        room[CODE_LEN] = '\0';
        err = pv_held_by(registry, "code", room, &holder);
    } while (err == PV_OK && holder.id[0] != '\0');
    if (err == PV_OK) {
        meta[1] = PV_TEXT(((struct pv_slice){room, CODE_LEN - 1}));
        err = pv_store_run(registry->store, PV_STMT_META_SET, meta, 2, NULL,
                           NULL);
    }
    return err;
}

enum pv_err
pv_refer_service(struct pv_change *change)
{
    const char *code = pv_member(change->body, "code");

    return code[0] == '\0' ? PV_OK
                           : pv_record_refer(change, "code", "code", code);
}

/* A confirmed passport of a service issues its code. */
enum pv_err
pv_effect_passport_confirmed(struct pv_change *change)
{
    const char      *service = pv_member(change->body, "service");
    const char      *code = pv_member(change->data, "code");
    char             room[CODE_LEN + 1];
    struct pv_record record = {.body = NULL};
    json_t          *data = NULL;
    enum pv_err      err;

    if (service[0] == '\0') {
        return PV_OK; /* a passport of data or of a system */
    }
    err = pv_record_get(pv_registry_of(change), PV_KIND_SERVICE, service,
                        &record);
    if (err == PV_OK && code[0] == '\0') {
        code = pv_member(record.body, "code"); /* reserved when ordered */
    }
    if (err == PV_OK && code[0] == '\0') {
        err = next_code(pv_registry_of(change), room);
        code = room;
    }
    if (err == PV_OK) {
        data = json_pack("{s:s, s:b}", "code", code, "code_is_issued", 1);
        err = data == NULL ? PV_ENOMEM
                           : pv_change_also(change, PV_KIND_SERVICE, service,
                                            "issue-code", data);
    }
    json_decref(data);
    pv_record_clear(&record);
    return err;
}
