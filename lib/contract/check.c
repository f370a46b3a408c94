#include "contract/check.h"

#include "base/jalali.h"
#include "base/num.h"

#define NATIONAL_ID_LEN 10
#define LEGAL_ID_LEN 11
#define IBAN_LEN 26
#define BILL_ID_MIN 6
#define BILL_ID_MAX 13

static bool
all_digits(struct pv_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

static int
digit(struct pv_slice text, size_t at)
{
    return text.ptr[at] - '0';
}

bool
pv_check_national_id(struct pv_slice text)
{
    int  sum = 0;
    int  rest;
    bool all_equal = true;

    if (text.len != NATIONAL_ID_LEN || !all_digits(text)) {
        return false;
    }
    for (size_t i = 0; i < NATIONAL_ID_LEN; i++) {
        all_equal = all_equal && text.ptr[i] == text.ptr[0];
    }
    if (all_equal) {
        return false;
    }
    for (size_t i = 0; i < NATIONAL_ID_LEN - 1; i++) {
        sum += digit(text, i) * (int)(NATIONAL_ID_LEN - i);
    }
    rest = sum % 11;
    return digit(text, NATIONAL_ID_LEN - 1) == (rest < 2 ? rest : 11 - rest);
}

bool
pv_check_legal_id(struct pv_slice text)
{
    static const int weight[] = {29, 27, 23, 19, 17, 29, 27, 23, 19, 17};
    int              sum = 0;
    int              add;
    int              rest;
    bool             all_zero = true;

    if (text.len != LEGAL_ID_LEN || !all_digits(text)) {
        return false;
    }
    for (size_t i = 3; i < 9; i++) {
        all_zero = all_zero && text.ptr[i] == '0';
    }
    if (all_zero) {
        return false;
    }
    add = digit(text, 9) + 2;
    for (size_t i = 0; i < LEGAL_ID_LEN - 1; i++) {
        sum += (digit(text, i) + add) * weight[i];
    }
    rest = sum % 11;
    return digit(text, LEGAL_ID_LEN - 1) == (rest == 10 ? 0 : rest);
}

bool
pv_check_iban(struct pv_slice text)
{
    int rest = 0;

    if (text.len != IBAN_LEN || text.ptr[0] != 'I' || text.ptr[1] != 'R' ||
        !all_digits((struct pv_slice){text.ptr + 2, text.len - 2})) {
        return false;
    }
    for (size_t i = 4; i < IBAN_LEN; i++) {
        rest = (rest * 10 + digit(text, i)) % 97;
    }
    rest = (rest * 10000 + 1827) % 97; /* I and R */
    rest = (rest * 100 + digit(text, 2) * 10 + digit(text, 3)) % 97;
    return rest == 1;
}

bool
pv_check_bill_id(struct pv_slice text)
{
    int sum = 0;
    int weight = 2;
    int rest;

    if (text.len < BILL_ID_MIN || text.len > BILL_ID_MAX || !all_digits(text)) {
        return false;
    }
    for (size_t i = text.len - 1; i-- > 0;) {
        sum += digit(text, i) * weight;
        weight = weight == 7 ? 2 : weight + 1;
    }
    rest = sum % 11;
    return digit(text, text.len - 1) == (rest < 2 ? 0 : 11 - rest);
}

bool
pv_check_jalali_date(struct pv_slice text)
{
    struct pv_civil day;

    return pv_jalali_parse(text, &day) == PV_OK && day.year >= 1300 &&
           day.year <= 1499;
}

static bool
two_digits(const char *at, int max)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') {
        return false;
    }
    return (at[0] - '0') * 10 + (at[1] - '0') <= max;
}

bool
pv_check_time(struct pv_slice text)
{
    int64_t when_ms;

    /* 2023-01-10T09:30:00 then Z or +03:30 */
    if ((text.len != 20 && text.len != 25) || text.ptr[10] != 'T' ||
        text.ptr[13] != ':' || text.ptr[16] != ':' ||
        pv_time_from_date((struct pv_slice){text.ptr, 10}, &when_ms) != PV_OK ||
        !two_digits(text.ptr + 11, 23) || !two_digits(text.ptr + 14, 59) ||
        !two_digits(text.ptr + 17, 60)) { /* 60: a leap second */
        return false;
    }
    if (text.len == 20) {
        return text.ptr[19] == 'Z';
    }
    return (text.ptr[19] == '+' || text.ptr[19] == '-') &&
           two_digits(text.ptr + 20, 23) && text.ptr[22] == ':' &&
           two_digits(text.ptr + 23, 59);
}

bool
pv_check_oid(struct pv_slice text)
{
    struct pv_slice first;
    struct pv_slice second;
    uint64_t        n;

    if (!pv_slice_cut(text, '.', &first, &text) || first.len != 1 ||
        first.ptr[0] < '0' || first.ptr[0] > '2') {
        return false;
    }
    (void)pv_slice_cut(text, '.', &second, &text); /* no third arc is fine */
    return first.ptr[0] == '2' || pv_slice_to_u64(second, 39, &n) == PV_OK;
}

pv_check_fn *
pv_check_find(struct pv_slice name)
{
    static const struct {
        struct pv_slice name;
        pv_check_fn    *check;
    } known[] = {
        {PV_SLICE_INIT("iran_national_id"), pv_check_national_id},
        {PV_SLICE_INIT("iran_legal_id"), pv_check_legal_id},
        {PV_SLICE_INIT("iban_mod97"), pv_check_iban},
        {PV_SLICE_INIT("bill_id_mod11"), pv_check_bill_id},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (pv_slice_eq(known[i].name, name)) {
            return known[i].check;
        }
    }
    return NULL;
}
