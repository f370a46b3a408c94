/*
 * reg_buildings.c - of the municipalities: certificates of completion; of the
 * agencies that are asked before a construction: their answers.
 */
#include "draw.h"

#define COMPLETION "completion-certificate/inquire"
#define PERMIT "construction-permit-inquiries/inquire"
#define ADDRESSES_EVERY 25u

static const char completions[] =
    "CREATE TABLE completion (permit_number TEXT PRIMARY KEY,"
    " certificate_number TEXT, issued_on TEXT, postal_code TEXT, area TEXT)"
    " WITHOUT ROWID";

static const char answers[] =
    "CREATE TABLE answer (postal_code TEXT, plate TEXT, answer TEXT,"
    " permit_kind TEXT, valid_until TEXT, PRIMARY KEY (postal_code, plate))"
    " WITHOUT ROWID";

static const char *const word[] = {"no_objection", "objection", "no_objection",
                                   "conditional"};

void
pv_register_completions(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct pv_draw           draw;
    char                     permit[PV_ID_ROOM];
    char                     number[PV_ID_ROOM];
    char                     code[PV_ID_ROOM];
    char                     area[PV_ID_ROOM];

    pv_draw_init(&draw, making, "completions", completions);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO completion VALUES (?,?,?,?,?)");
    for (uint32_t i = 0; i < country->address_count; i += ADDRESSES_EVERY) {
        pv_plain_id("999-1404-", 7, i + 1, permit);
        pv_plain_id("999-", 7, i + 1, number);
        pv_postal_code(country, i, code);
        pv_amount(40 + pv_rng_below(&draw.rng, 400), area);
        pv_writer_row(making->writer, 0, "ttttt", permit, number,
                      pv_draw_day(&draw, -3000, -1), code, area);
        if (i == 0) {
            pv_sample_add(making->samples, COMPLETION, "found",
                          "a finished building", "permit_number", permit, NULL);
        }
    }
    pv_sample_add(making->samples, COMPLETION, "not-found", "no such permit",
                  "permit_number", "999-1404-0", NULL);
}

void
pv_register_answers(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct pv_draw           draw;
    char                     code[PV_ID_ROOM];
    char                     plate[PV_ID_ROOM];

    pv_draw_init(&draw, making, "answers", answers);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO answer VALUES (?,?,?,?,?)");
    for (uint32_t i = 0; i < country->address_count; i += ADDRESSES_EVERY) {
        const char *answer =
            word[i / ADDRESSES_EVERY % (sizeof(word) / sizeof(word[0]))];

        pv_postal_code(country, i, code);
        (void)snprintf(plate, sizeof(plate), "%u/%u", i % 400 + 1,
                       i); /* fits */
        pv_writer_row(making->writer, 0, "ttttt", code, plate, answer,
                      "پروانه ساختمان",
                      answer[0] == 'o' ? NULL : pv_draw_day(&draw, 400, 900));
        if (i == 0) {
            pv_sample_add(making->samples, PERMIT, "found", "no objection",
                          "postal_code", code, "plate", plate, NULL);
            pv_sample_add(making->samples, PERMIT, "not-found", "another plate",
                          "postal_code", code, "plate", "2/1", NULL);
        }
    }
}
