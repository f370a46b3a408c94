#include "pictures.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/num.h"
#include "ids.h"

#define BLOCKS_WIDE 8
#define BLOCKS_HIGH 10
#define TABLE_BYTES 64
#define STEP 8 /* of the quantisation: a level is a unit of the DC value */
#define DC_CODES 12
#define DC_BITS 4 /* every code of the DC table has so many */
#define BYTES_MAX (PV_PICTURE_ROOM / 2 - 1)

struct bytes {
    size_t   len;
    uint32_t bits; /* not written yet */
    uint32_t bit_count;
    uint8_t  at[BYTES_MAX];
};

typedef int level_fn(uint32_t number, int x, int y); /* 0 to 255 */

static void
put(struct bytes *bytes, const uint8_t *from, size_t len)
{
    memcpy(bytes->at + bytes->len, from, len);
    bytes->len += len;
}

/* An 0xff among the bits is followed by a zero (T.81, B.1.1.5). */
static void
put_bits(struct bytes *bytes, uint32_t bits, uint32_t count)
{
    bytes->bits = bytes->bits << count | bits;
    bytes->bit_count += count;
    while (bytes->bit_count >= 8) {
        uint8_t byte = (uint8_t)(bytes->bits >> (bytes->bit_count - 8));

        put(bytes, &byte, 1);
        if (byte == 0xff) {
            put(bytes, (const uint8_t[]){0}, 1);
        }
        bytes->bit_count -= 8;
        bytes->bits &= (1u << bytes->bit_count) - 1;
    }
}

/* The difference to the block before (F.1.2.1), then "no more values". */
static void
put_block(struct bytes *bytes, int difference)
{
    int      size = difference < 0 ? -difference : difference;
    uint32_t category = 0;

    while (size >> category != 0) {
        category++;
    }
    put_bits(bytes, category, DC_BITS);
    if (category > 0) {
        int value =
            difference < 0 ? difference + (1 << category) - 1 : difference;

        put_bits(bytes, (uint32_t)value, category);
    }
    put_bits(bytes, 0, 1);
}

static void
put_head(struct bytes *bytes)
{
    static const uint8_t start[] = {
        0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F',  'I',  'F', 0,  1, 1,
        0,    0,    1,    0,    1, 0,  0,   0xff, 0xdb, 0,   67, 0};
    static const uint8_t frame[] = {
        0xff, 0xc0, 0,    11, 8, 0, 8 * BLOCKS_HIGH, 0, 8 * BLOCKS_WIDE,
        1,    1,    0x11, 0};
    static const uint8_t codes[] = {
        0xff,     0xc4, 0, 19 + DC_CODES,
        0x00,     0,    0, 0,
        DC_CODES, 0,    0, 0,
        0,        0,    0, 0,
        0,        0,    0, 0,
        0,        0,    1, 2,
        3,        4,    5, 6,
        7,        8,    9, 10,
        11, /* DC */
        0xff,     0xc4, 0, 20,
        0x10,     1,    0, 0,
        0,        0,    0, 0,
        0,        0,    0, 0,
        0,        0,    0, 0,
        0,        0, /* AC: nothing but the end of a block */
        0xff,     0xda, 0, 8,
        1,        1,    0, 0,
        63,       0};
    uint8_t steps[TABLE_BYTES];

    memset(steps, STEP, sizeof(steps));
    put(bytes, start, sizeof(start));
    put(bytes, steps, sizeof(steps));
    put(bytes, frame, sizeof(frame));
    put(bytes, codes, sizeof(codes));
}

static void
draw(uint32_t number, level_fn *level, char room[PV_PICTURE_ROOM])
{
    struct bytes bytes = {0};
    int          before = 0;

    put_head(&bytes);
    for (int y = 0; y < BLOCKS_HIGH; y++) {
        for (int x = 0; x < BLOCKS_WIDE; x++) {
            int here = level(number, x, y) - 128;

            put_block(&bytes, here - before);
            before = here;
        }
    }
    put_bits(&bytes, 0x7f, 7); /* the last byte is filled with ones */
    put(&bytes, (const uint8_t[]){0xff, 0xd9}, 2);
    pv_hex_text(bytes.at, bytes.len, room);
    room[2 * bytes.len] = '\0';
}

static int
portrait_level(uint32_t number, int x, int y)
{
    int  wall = 190 + (int)(number % 8) * 8;
    int  skin = 120 + (int)(number / 8 % 8) * 8;
    int  left = 2 * x - BLOCKS_WIDE + 1;
    int  below = y - 4;
    bool head = left * left + 4 * below * below < 36;

    if (head) {
        return below < -1 ? 30 + (int)(number % 5) * 20 : skin;
    }
    return y > 7 && left * left < 60 ? 60 + (int)(number % 3) * 20 : wall;
}

static int
sheet_level(uint32_t number, int x, int y)
{
    bool line = y % 2 == 1 && x > 0 && x < BLOCKS_WIDE - 1 &&
                (number >> (unsigned)(x + y) % 24 & 1u) == 0;

    return line ? 90 : 245;
}

void
pv_portrait(uint32_t number, char room[PV_PICTURE_ROOM])
{
    draw(number % PV_PORTRAITS, portrait_level, room);
}

void
pv_sheet(uint32_t number, char room[PV_PICTURE_ROOM])
{
    draw(number, sheet_level, room);
}

void
pv_page(uint32_t number, char room[PV_PICTURE_ROOM])
{
    char page[] =
        "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
        "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
        "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>\nendobj\n"
        "4 0 obj\n<</Title(00000000)>>\nendobj\n"
        "xref\n0 5\n0000000000 65535 f \n0000000009 00000 n \n"
        "0000000054 00000 n \n0000000105 00000 n \n0000000170 00000 n \n"
        "trailer\n<</Size 5/Root 1 0 R/Info 4 0 R>>\nstartxref\n206\n%%EOF\n";

    pv_digits(strstr(page, "00000000"), 8, number);
    pv_hex_text((const uint8_t *)page, sizeof(page) - 1, room);
    room[2 * (sizeof(page) - 1)] = '\0';
}
