/*
 * reg_shahkar.c - Shahkar: which number is registered in whose name.
 *
 * The input of the service takes numbers that begin with 09, so fixed
 * lines, which do not, are left out; data cards stand for the internet.
 */
#include "registers.h"

#define VERIFY "shahkar/verify"
#define NUMBERS UINT64_C(10000000)
#define EXAMPLE_NUMBER "09990000001"

static const char tables[] =
    "CREATE TABLE subscription (number TEXT, service_type TEXT,"
    " subscriber_id TEXT, activated_on TEXT,"
    " PRIMARY KEY (number, service_type)) WITHOUT ROWID";

struct lines {
    struct pv_making *making;
    struct pv_rng     rng;
    struct pv_perm    perm;
    uint64_t          count;
    char              number[PV_ID_ROOM]; /* of the last */
};

static void
add_line(struct lines *lines, const char *id, bool is_mobile)
{
    const struct pv_country *country = lines->making->country;
    int32_t day = country->as_of - pv_rng_between(&lines->rng, 1, 6000);

    pv_plain_id(is_mobile ? "0970" : "0971", 7,
                pv_perm_at(&lines->perm, lines->count), lines->number);
    if (lines->count++ == 0) {
        pv_plain_id(EXAMPLE_NUMBER, 0, 0, lines->number);
    }
    pv_writer_row(lines->making->writer, 0, "tttt", lines->number,
                  is_mobile ? "mobile" : "internet", id,
                  pv_country_date(country, day));
}

static void
sample_first(struct lines *lines, const char *id)
{
    struct pv_samples *samples = lines->making->samples;
    char               nobody[PV_ID_ROOM];

    pv_nobodys_id(nobody);
    pv_sample_add(samples, VERIFY, "yes", "absent service type means mobile",
                  "national_id", id, "mobile_number", lines->number, NULL);
    pv_sample_add(samples, VERIFY, "yes", "service type given",
                  "national_id:national_id", id, "mobile_number", lines->number,
                  "service_type", "mobile", NULL);
    pv_sample_add(samples, VERIFY, "no", "another type of service",
                  "national_id", id, "mobile_number", lines->number,
                  "service_type", "internet", NULL);
    pv_sample_add(samples, VERIFY, "no", "registered in another name",
                  "national_id", nobody, "mobile_number", lines->number, NULL);
    pv_sample_add(samples, VERIFY, "no", "a number not registered",
                  "national_id", id, "mobile_number", "09790000000", NULL);
}

static void
person_lines(struct lines *lines, uint32_t person)
{
    struct pv_rng *rng = &lines->rng;
    char           id[PV_ID_ROOM];
    int            mobiles = pv_rng_between(rng, 0, 7);

    /* one for half of the people, two for a quarter, none for an eighth */
    mobiles = mobiles == 0 ? 0 : mobiles <= 4 ? 1 : mobiles <= 6 ? 2 : 3;
    if (lines->count == 0) {
        mobiles = 1;
    }
    pv_person_id(lines->making->country, person, id);
    while (mobiles-- > 0) {
        add_line(lines, id, true);
        if (lines->count == 1) {
            sample_first(lines, id);
        }
    }
    if (pv_rng_chance(rng, 120)) {
        add_line(lines, id, false);
        if (pv_samples_with(lines->making->samples, VERIFY,
                            "an internet line") == 0) {
            pv_sample_add(lines->making->samples, VERIFY, "yes",
                          "an internet line", "national_id", id,
                          "mobile_number", lines->number, "service_type",
                          "internet", NULL);
        }
    }
}

void
pv_register_shahkar(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct lines             lines = {.making = making};
    char                     id[PV_ID_ROOM];

    pv_rng_init(&lines.rng, country->seed, "shahkar");
    pv_perm_init(&lines.perm, NUMBERS, 0, country->seed, "number");
    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO subscription VALUES (?,?,?,?)");
    for (uint32_t i = 0; i < country->person_count; i++) {
        if (pv_person_lives(&country->persons[i]) &&
            pv_person_age(country, i) >= 15) {
            person_lines(&lines, i);
        }
        pv_making_step(making, i, country->person_count);
    }
    for (uint32_t i = 0; i < country->foreigner_count; i++) {
        pv_foreigner_id(country, i, id);
        add_line(&lines, id, true);
        if (i == 0) {
            pv_sample_add(making->samples, VERIFY, "yes",
                          "a line of a foreign national",
                          "national_id:foreigner_code", id, "mobile_number",
                          lines.number, NULL);
        }
    }
    pv_writer_exec(making->writer, "CREATE INDEX subscription_of ON"
                                   " subscription (subscriber_id)");
}
