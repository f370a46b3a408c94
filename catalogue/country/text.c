/*
 * text.c - the words of persons, companies and addresses.
 */
#include <stdarg.h>
#include <string.h>

#include "country.h"

#include "names.h"

static void put(char room[PV_TEXT_ROOM], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
put(char room[PV_TEXT_ROOM], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    /* the longest words in the lists fit many times over */
    (void)vsnprintf(room, PV_TEXT_ROOM, format, args);
    va_end(args);
}

/* n in Persian digits, as addresses are written. */
static void
persian_number(uint32_t n, char room[PV_ID_ROOM])
{
    char   ascii[11];
    size_t len = 0;
    size_t at = 0;

    do {
        ascii[len++] = (char)(n % 10);
        n /= 10;
    } while (n > 0);
    while (len > 0) {
        room[at++] = '\xdb';
        room[at++] = (char)('\xb0' + ascii[--len]);
    }
    room[at] = '\0';
}

const char *
pv_person_first_name(const struct pv_country *country, uint32_t person)
{
    const struct pv_person *at = &country->persons[person];

    return pv_word(at->is_man ? &pv_names_men : &pv_names_women,
                   at->first_name);
}

const char *
pv_person_father_name(const struct pv_country *country, uint32_t person)
{
    return pv_word(&pv_names_men, country->persons[person].father_name);
}

void
pv_person_last_name(const struct pv_country *country, uint32_t person,
                    char room[PV_TEXT_ROOM])
{
    const struct pv_person *at = &country->persons[person];

    put(room, "%s%s", pv_word(&pv_names_family, at->last_name),
        pv_word(&pv_names_family_tail, at->last_tail));
}

/* Each of the combinations once: no two companies have the same name. */
void
pv_company_name(const struct pv_country *country, uint32_t company,
                char room[PV_TEXT_ROOM])
{
    uint32_t at = (uint32_t)pv_perm_at(&country->company_name_perm, company);
    uint32_t brand = at / pv_names_brand_tails.count;
    uint32_t activity = brand / pv_names_brands.count;

    put(room, "شرکت %s %s %s", pv_word(&pv_names_activities, activity),
        pv_word(&pv_names_brands, brand), pv_word(&pv_names_brand_tails, at));
}

const char *
pv_company_type_text(const struct pv_company *company)
{
    static const char *const text[] = {
        "private-joint-stock", "limited", "cooperative", "institute",
        "public-joint-stock",  "state",   "other",
    };

    return text[company->type % (sizeof(text) / sizeof(text[0]))];
}

const char *
pv_company_status_text(const struct pv_company *company)
{
    switch (company->status) {
    case PV_COMPANY_ACTIVE:
        return "active";
    case PV_COMPANY_DISSOLVED:
        return "dissolved";
    case PV_COMPANY_IN_LIQUIDATION:
        return "in-liquidation";
    case PV_COMPANY_SUSPENDED:
        return "suspended";
    case PV_COMPANY_MERGED:
        return "merged";
    }
    return "active";
}

/* The village of that number in a county: the same for everyone. */
const char *
pv_village_name(uint32_t province, uint32_t county, uint32_t village)
{
    return pv_word(&pv_names_villages,
                   province * 7 + county * 2 + village * 11);
}

void
pv_village_code(uint32_t province, uint32_t county, uint32_t village,
                char room[PV_ID_ROOM])
{
    pv_plain_id("99", 2, pv_provinces[province].number, room);
    pv_digits(room + 4, 2, county + 1);
    pv_digits(room + 6, 2, 1); /* one district */
    pv_digits(room + 8, 2, 1); /* one rural district */
    pv_digits(room + 10, 2, village);
    room[12] = '\0';
}

void
pv_address_text(const struct pv_country *country, uint32_t address,
                char room[PV_TEXT_ROOM])
{
    const struct pv_address  *at = &country->addresses[address];
    const struct pv_province *province = &pv_provinces[at->province];
    const struct pv_county   *county = &province->county[at->county];
    char                      building[PV_ID_ROOM];
    char                      floor[PV_ID_ROOM];
    char                      unit[PV_ID_ROOM];

    persian_number(at->building, building);
    persian_number((uint32_t)at->floor, floor);
    persian_number(at->unit, unit);
    put(room, "استان %s، شهرستان %s، %s %s، %s، %s، پلاک %s، طبقه %s، واحد %s",
        province->name, county->name, at->village == 0 ? "شهر" : "روستای",
        at->village == 0
            ? pv_county_seat(county)
            : pv_village_name(at->province, at->county, at->village),
        pv_word(&pv_names_streets, at->street),
        pv_word(&pv_names_alleys, at->alley), building, floor, unit);
}
