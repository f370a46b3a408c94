#include "draw.h"

#include "base/num.h"

#define EAST 5100000 /* hundred-thousandths of a degree: east of Tehran */
#define NORTH 3500000
#define COLUMNS 1000u

void
pv_draw_init(struct pv_draw *draw, struct pv_making *making, const char *stream,
             const char *tables)
{
    *draw = (struct pv_draw){.making = making, .country = making->country};
    pv_rng_init(&draw->rng, making->country->seed, stream);
    pv_writer_exec(making->writer, tables);
}

void
pv_draw_commands(struct pv_draw *draw)
{
    pv_writer_exec(draw->making->writer,
                   "CREATE TABLE payvand_idempotency ("
                   "key_digest VARCHAR(64) NOT NULL PRIMARY KEY,"
                   " request_digest VARCHAR(64) NOT NULL,"
                   " made_at VARCHAR(24) NOT NULL,"
                   " keep_until VARCHAR(24) NOT NULL,"
                   " answer VARCHAR(4000));"
                   "CREATE INDEX payvand_idempotency_keep_until"
                   " ON payvand_idempotency (keep_until)");
}

void
pv_draw_persons(struct pv_draw *draw, struct pv_some some, pv_person_fn *fn)
{
    const struct pv_country *country = draw->country;
    char                     id[PV_ID_ROOM];

    for (uint32_t i = 0; i < country->person_count; i++) {
        uint32_t person = draw->making->by_id[i];
        int      age = pv_person_age(country, person);

        pv_making_step(draw->making, i, country->person_count);
        if (person != 0 && (!pv_person_lives(&country->persons[person]) ||
                            age < some.age_min || age > some.age_max ||
                            !pv_rng_chance(&draw->rng, some.per_mille))) {
            continue;
        }
        pv_person_id(country, person, id);
        fn(draw, person, id);
        draw->count++;
    }
}

const char *
pv_draw_day(struct pv_draw *draw, int from, int until)
{
    return pv_country_date(draw->country,
                           draw->country->as_of +
                               pv_rng_between(&draw->rng, from, until));
}

const char *
pv_draw_word(struct pv_draw *draw, const char *const *word, size_t count)
{
    return word[pv_rng_below(&draw->rng, (uint32_t)count)];
}

void
pv_amount(uint64_t n, char room[PV_ID_ROOM])
{
    room[pv_u64_text(n, room)] = '\0';
}

void
pv_rectangle(uint32_t number, uint32_t side, char room[PV_SHAPE_ROOM])
{
    uint32_t west = EAST + number % COLUMNS * 50;
    uint32_t south = NORTH + number / COLUMNS * 50;
    uint32_t east = west + side;
    uint32_t north = south + side;

#define DEGREES(n) (n) / 100000, (n) % 100000
    (void)snprintf(/* fits: at most 160 bytes */
                   room, PV_SHAPE_ROOM,
                   "{\"type\":\"Polygon\",\"coordinates\":[[[%u.%05u,%u.%05u],"
                   "[%u.%05u,%u.%05u],[%u.%05u,%u.%05u],[%u.%05u,%u.%05u],"
                   "[%u.%05u,%u.%05u]]]}",
                   DEGREES(west), DEGREES(south), DEGREES(east), DEGREES(south),
                   DEGREES(east), DEGREES(north), DEGREES(west), DEGREES(north),
                   DEGREES(west), DEGREES(south));
}

void
pv_sample_stranger(struct pv_draw *draw, const char *method, const char *expect,
                   const char *input)
{
    char id[PV_ID_ROOM];

    pv_nobodys_id(id);
    pv_sample_add(draw->making->samples, method, expect, "no such person",
                  input, id, NULL);
}
