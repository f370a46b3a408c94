/*
 * reg_goods.c - ids of goods, and the permits by which the customs lets them
 * through. Goods are numbered, so that both registers name the same ones.
 */
#include "draw.h"
#include "names.h"

#define GOODS "goods-services-registry-inquiry/inquire"
#define PERMIT "goods-clearance-permits/inquire"
#define GOODS_COUNT 600u
#define PERMIT_COUNT 1500u

static const char goods[] =
    "CREATE TABLE goods (goods_id TEXT PRIMARY KEY, goods_name TEXT,"
    " last_change_date TEXT, call_id TEXT UNIQUE) WITHOUT ROWID";

static const char permits[] =
    "CREATE TABLE permit (permit_number TEXT PRIMARY KEY, goods_id TEXT,"
    " status TEXT, issued_on TEXT) WITHOUT ROWID";

static const char *const kind[] = {"قطعه", "دستگاه", "ماده اولیه", "ابزار"};
static const char *const status[] = {"issued", "pending", "issued", "refused",
                                     "issued"};

static void
goods_id(uint32_t number, char room[PV_ID_ROOM])
{
    pv_plain_id("999", 10, number + 1, room);
}

void
pv_register_goods(struct pv_making *making)
{
    struct pv_draw draw;
    char           id[PV_ID_ROOM];
    char           name[PV_TEXT_ROOM];

    pv_draw_init(&draw, making, "goods", goods);
    pv_draw_commands(&draw);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO goods VALUES (?,?,?,NULL)");
    for (uint32_t i = 0; i < GOODS_COUNT; i++) {
        goods_id(i, id);
        (void)snprintf(name, sizeof(name), "%s %.200s", /* fits */
                       PV_DRAW_WORD(&draw, kind),
                       pv_word(&pv_names_activities, i));
        pv_writer_row(making->writer, 0, "ttt", id, name,
                      pv_draw_day(&draw, -2500, -1));
    }
    goods_id(0, id);
    pv_sample_add(making->samples, GOODS, "found", "a known good", "goods_id",
                  id, NULL);
    pv_sample_add(making->samples, GOODS, "not-found", "no such good",
                  "goods_id", "9980000000001", NULL);
}

void
pv_register_customs(struct pv_making *making)
{
    struct pv_draw draw;
    char           id[PV_ID_ROOM];
    char           number[PV_ID_ROOM];

    pv_draw_init(&draw, making, "customs", permits);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO permit VALUES (?,?,?,?)");
    for (uint32_t i = 0; i < PERMIT_COUNT; i++) {
        const char *now = status[i % (sizeof(status) / sizeof(status[0]))];

        goods_id(pv_rng_below(&draw.rng, GOODS_COUNT), id);
        pv_plain_id("999-", 8, i + 1, number);
        pv_writer_row(making->writer, 0, "tttt", number, id, now,
                      now[0] == 'i' ? pv_draw_day(&draw, -700, -1) : NULL);
        if (i < 2) {
            pv_sample_add(making->samples, PERMIT, "found",
                          i == 0 ? "an issued permit"
                                 : "pending: no day of issue",
                          "permit_number", number, NULL);
        }
    }
    pv_sample_add(making->samples, PERMIT, "not-found", "no such permit",
                  "permit_number", "998-00000001", NULL);
}
