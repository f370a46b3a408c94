#include "ids.h"

#include <string.h>

void
pv_digits(char *at, size_t len, uint64_t n)
{
    for (size_t i = len; i > 0; i--) {
        at[i - 1] = (char)('0' + n % 10);
        n /= 10;
    }
}

static uint32_t
digit(const char *at)
{
    return (uint32_t)(*at - '0');
}

void
pv_national_id(uint32_t nine, char room[PV_ID_ROOM])
{
    uint32_t sum = 0;

    pv_digits(room, 9, nine);
    for (uint32_t i = 0; i < 9; i++) {
        sum += digit(room + i) * (10 - i);
    }
    sum %= 11;
    room[9] = (char)('0' + (sum < 2 ? sum : 11 - sum));
    room[10] = '\0';
}

void
pv_legal_id(uint64_t ten, char room[PV_ID_ROOM])
{
    static const uint32_t weight[10] = {29, 27, 23, 19, 17, 29, 27, 23, 19, 17};
    uint32_t              sum = 0;

    pv_digits(room, 10, ten);
    for (uint32_t i = 0; i < 10; i++) {
        sum += (digit(room + i) + digit(room + 9) + 2) * weight[i];
    }
    room[10] = (char)('0' + sum % 11 % 10);
    room[11] = '\0';
}

void
pv_iban(uint32_t bank, uint64_t account, char room[PV_ID_ROOM])
{
    static const char tail[] = "182700"; /* I, R and two zeros */
    uint32_t          rest = 0;

    memcpy(room, "IR00", 4);
    pv_digits(room + 4, 3, bank);
    pv_digits(room + 7, 19, account);
    room[26] = '\0';
    for (size_t i = 4; i < 26; i++) {
        rest = (rest * 10 + digit(room + i)) % 97;
    }
    for (size_t i = 0; i < sizeof(tail) - 1; i++) {
        rest = (rest * 10 + digit(tail + i)) % 97;
    }
    pv_digits(room + 2, 2, 98 - rest);
}

void
pv_bill_id(uint32_t file, uint32_t company, uint32_t service,
           char room[PV_ID_ROOM])
{
    uint32_t sum = 0;

    pv_digits(room, 8, file);
    pv_digits(room + 8, 3, company);
    pv_digits(room + 11, 1, service);
    for (uint32_t i = 0; i < 12; i++) {
        sum += digit(room + 11 - i) * (2 + i % 6);
    }
    sum %= 11;
    room[12] = (char)('0' + (sum < 2 ? 0 : 11 - sum));
    room[13] = '\0';
}

void
pv_plain_id(const char *prefix, size_t len, uint64_t n, char room[PV_ID_ROOM])
{
    size_t head = strnlen(prefix, PV_ID_ROOM);

    memcpy(room, prefix, head);
    pv_digits(room + head, len, n);
    room[head + len] = '\0';
}
