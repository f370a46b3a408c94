/* pack.c - the bytes of a pack, without I/O. Byte table: pack.h. */
#include "trace/pack.h"

#include <string.h>

#include "base/num.h"

#define HEAD_CRC_FROM 16
#define TAIL_CRC_AT 52
#define TAIL_MAGIC_AT 56
#define KINDS_MASK                                                             \
    ((1u << PV_PACK_CONSUMER) | (1u << PV_PACK_PROVIDER) |                     \
     (1u << PV_PACK_SERVICE) | (1u << PV_PACK_OUTCOME))

static const uint8_t head_magic[8] = {'P', 'V', 'P', 'A', 'C', 'K', '\r', '\n'};
static const uint8_t tail_magic[8] = {'P', 'V', 'P', 'K', 'E', 'N', 'D', '\n'};

void
pv_pack_name(const struct pv_hash *hash, char room[PV_PACK_NAME_LEN + 1])
{
    pv_hex_text(hash->bytes, PV_HASH_LEN, room);
    memcpy(room + 2 * PV_HASH_LEN, ".pvp", sizeof(".pvp"));
}

void
pv_pack_head_write(uint64_t number, uint8_t room[PV_PACK_HEAD_LEN])
{
    memset(room, 0, PV_PACK_HEAD_LEN);
    memcpy(room, head_magic, sizeof(head_magic));
    pv_store_u32(room + 8, PV_PACK_VERSION);
    pv_store_u64(room + 16, number);
    pv_store_u32(room + 12, pv_crc32c(0, room + HEAD_CRC_FROM,
                                      PV_PACK_HEAD_LEN - HEAD_CRC_FROM));
}

enum pv_err
pv_pack_head_read(const uint8_t bytes[PV_PACK_HEAD_LEN], uint64_t *ret_number)
{
    uint8_t  again[PV_PACK_HEAD_LEN];
    uint64_t number = pv_load_u64(bytes + 16);

    if (memcmp(bytes, head_magic, sizeof(head_magic)) != 0 ||
        pv_load_u32(bytes + 12) !=
            pv_crc32c(0, bytes + HEAD_CRC_FROM,
                      PV_PACK_HEAD_LEN - HEAD_CRC_FROM)) {
        return PV_ECORRUPT;
    }
    if (pv_load_u32(bytes + 8) != PV_PACK_VERSION) {
        return PV_EVERSION;
    }
    pv_pack_head_write(number, again);
    if (number > PV_PACK_NUMBER_MAX ||
        memcmp(again, bytes, sizeof(again)) != 0) {
        return PV_ECORRUPT;
    }
    *ret_number = number;
    return PV_OK;
}

/* ---- foot --------------------------------------------------------------- */

static void
row_write(const struct pv_pack_row *row, uint8_t *at)
{
    pv_store_u64(at, row->at);
    pv_store_u32(at + 8, row->len);
    pv_store_u32(at + 12, row->content_len);
    pv_store_u32(at + 16, row->entries_len);
    pv_store_u32(at + 20, row->crc);
    pv_store_u64(at + 24, (uint64_t)row->first_ms);
    pv_store_u64(at + 32, (uint64_t)row->last_ms);
    pv_store_u64(at + 40, row->id_low_ms);
    pv_store_u64(at + 48, row->id_high_ms);
    pv_store_u64(at + 56, row->of_low);
    pv_store_u64(at + 64, row->of_high);
    pv_store_u32(at + 72, row->has_own ? 1 : 0);
    pv_store_u32(at + 76, 0);
}

/* A range, or the one way to say that there is none. */
static bool
is_range(uint64_t low, uint64_t high)
{
    return low <= high || (low == UINT64_MAX && high == 0);
}

static enum pv_err
row_read(const uint8_t *at, struct pv_pack_row *row)
{
    uint32_t runs_len;

    row->at = pv_load_u64(at);
    row->len = pv_load_u32(at + 8);
    row->content_len = pv_load_u32(at + 12);
    row->entries_len = pv_load_u32(at + 16);
    row->crc = pv_load_u32(at + 20);
    row->first_ms = (int64_t)pv_load_u64(at + 24);
    row->last_ms = (int64_t)pv_load_u64(at + 32);
    row->id_low_ms = pv_load_u64(at + 40);
    row->id_high_ms = pv_load_u64(at + 48);
    row->of_low = pv_load_u64(at + 56);
    row->of_high = pv_load_u64(at + 64);
    row->has_own = pv_load_u32(at + 72) == 1;
    if (row->len == 0 || row->len > PV_PACK_FRAME_MAX ||
        row->entries_len > PV_BUNDLE_ENTRIES_MAX ||
        row->content_len <= row->entries_len ||
        row->content_len > PV_PACK_CONTENT_MAX || row->first_ms < 0 ||
        row->first_ms > row->last_ms ||
        !is_range(row->id_low_ms, row->id_high_ms) ||
        !is_range(row->of_low, row->of_high) || pv_load_u32(at + 72) > 1 ||
        pv_load_u32(at + 76) != 0) {
        return PV_ECORRUPT;
    }
    runs_len = row->content_len - row->entries_len;
    return runs_len % PV_PACK_RUN_LEN == 0 &&
                   runs_len <= PV_BUNDLE_LEAVES * PV_PACK_RUN_LEN
               ? PV_OK
               : PV_ECORRUPT;
}

/* Rows follow one another, in the file and in time. */
static enum pv_err
table_read(const uint8_t *bytes, struct pv_pack_foot *foot)
{
    uint64_t at = PV_PACK_HEAD_LEN;
    int64_t  time_ms = 0;

    for (size_t i = 0; i < PV_PACK_BUNDLES; i++) {
        struct pv_pack_row *row = &foot->row[i];
        enum pv_err         err = row_read(bytes + i * PV_PACK_ROW_LEN, row);

        if (err != PV_OK) {
            return err;
        }
        if (row->at != at || row->first_ms < time_ms) {
            return PV_ECORRUPT;
        }
        at += row->len;
        time_ms = row->last_ms;
    }
    return at == foot->table_at ? PV_OK : PV_ECORRUPT;
}

enum pv_err
pv_pack_next_word(struct pv_slice words, size_t *at,
                  struct pv_pack_word *ret_word)
{
    const uint8_t *from;
    uint8_t        kind;
    uint8_t        len;

    if (*at == words.len) {
        return PV_ENOTFOUND;
    }
    if (words.len - *at < 2) {
        return PV_ECORRUPT;
    }
    from = (const uint8_t *)words.ptr + *at;
    kind = from[0];
    len = from[1];
    if (kind == 0 || kind >= PV_PACK_KIND_END || len == 0 ||
        words.len - *at < 2u + len + PV_PACK_BITS_LEN) {
        return PV_ECORRUPT;
    }
    ret_word->kind = (enum pv_pack_kind)kind;
    ret_word->text = (struct pv_slice){words.ptr + *at + 2, len};
    ret_word->bits = from + 2 + len;
    *at += 2u + len + PV_PACK_BITS_LEN;
    return PV_OK;
}

static enum pv_err
words_check(const struct pv_pack_foot *foot)
{
    static const uint8_t none[PV_PACK_BITS_LEN] = {0};
    struct pv_pack_word  word;
    struct pv_pack_word  before = {.kind = PV_PACK_KIND_END};
    size_t               at = 0;
    uint32_t             count = 0;
    enum pv_err          err;

    while ((err = pv_pack_next_word(foot->words, &at, &word)) == PV_OK) {
        if (count > 0 && (word.kind < before.kind ||
                          (word.kind == before.kind &&
                           pv_slice_cmp(before.text, word.text) >= 0))) {
            return PV_ECORRUPT;
        }
        if (!pv_record_is_word(word.text) ||
            memcmp(word.bits, none, sizeof(none)) == 0) {
            return PV_ECORRUPT;
        }
        before = word;
        count++;
    }
    return err == PV_ENOTFOUND && count == foot->word_count ? PV_OK
                                                            : PV_ECORRUPT;
}

enum pv_err
pv_pack_tail_read(const uint8_t bytes[PV_PACK_TAIL_LEN], uint64_t file_len,
                  uint64_t *ret_at, size_t *ret_len)
{
    uint64_t at = pv_load_u64(bytes);
    uint32_t words_len = pv_load_u32(bytes + 8);

    if (memcmp(bytes + TAIL_MAGIC_AT, tail_magic, sizeof(tail_magic)) != 0 ||
        pv_load_u32(bytes + TAIL_CRC_AT) != pv_crc32c(0, bytes, TAIL_CRC_AT) ||
        file_len > PV_PACK_LEN_MAX || at > file_len ||
        words_len > PV_PACK_WORDS_LEN_MAX ||
        file_len - at != PV_PACK_TABLE_LEN + words_len + PV_PACK_TAIL_LEN) {
        return PV_ECORRUPT;
    }
    *ret_at = at;
    *ret_len = (size_t)(file_len - at);
    return PV_OK;
}

enum pv_err
pv_pack_foot_read(struct pv_slice bytes, struct pv_pack_foot *ret_foot)
{
    static const uint8_t zeros[TAIL_CRC_AT - 24] = {0};
    const uint8_t       *table = (const uint8_t *)bytes.ptr;
    const uint8_t       *tail;
    uint64_t             at;
    size_t               len;
    enum pv_err          err;

    if (bytes.len < PV_PACK_TABLE_LEN + PV_PACK_TAIL_LEN) {
        return PV_ECORRUPT;
    }
    tail = table + bytes.len - PV_PACK_TAIL_LEN;
    ret_foot->table_at = pv_load_u64(tail);
    if (ret_foot->table_at > PV_PACK_LEN_MAX) {
        return PV_ECORRUPT;
    }
    err = pv_pack_tail_read(tail, ret_foot->table_at + bytes.len, &at, &len);
    if (err != PV_OK) {
        return err;
    }
    ret_foot->word_count = pv_load_u32(tail + 12);
    ret_foot->not_all = pv_load_u32(tail + 16);
    ret_foot->words =
        (struct pv_slice){bytes.ptr + PV_PACK_TABLE_LEN,
                          bytes.len - PV_PACK_TABLE_LEN - PV_PACK_TAIL_LEN};
    if (pv_load_u32(tail + 20) !=
            pv_crc32c(0, table, bytes.len - PV_PACK_TAIL_LEN) ||
        memcmp(tail + 24, zeros, sizeof(zeros)) != 0 ||
        ret_foot->word_count > PV_PACK_WORDS_MAX ||
        (ret_foot->not_all & ~KINDS_MASK) != 0) {
        return PV_ECORRUPT;
    }
    err = table_read(table, ret_foot);
    return err == PV_OK ? words_check(ret_foot) : err;
}

enum pv_err
pv_pack_foot_write(const struct pv_pack_foot *foot, struct pv_buf *out)
{
    size_t      from = out->len;
    size_t      len = PV_PACK_TABLE_LEN + foot->words.len;
    uint8_t    *at;
    uint8_t    *tail;
    enum pv_err err = pv_buf_reserve(out, len + PV_PACK_TAIL_LEN);

    if (err != PV_OK) {
        return err;
    }
    at = (uint8_t *)out->ptr + from;
    for (size_t i = 0; i < PV_PACK_BUNDLES; i++) {
        row_write(&foot->row[i], at + i * PV_PACK_ROW_LEN);
    }
    if (foot->words.len > 0) {
        memcpy(at + PV_PACK_TABLE_LEN, foot->words.ptr, foot->words.len);
    }
    tail = at + len;
    memset(tail, 0, PV_PACK_TAIL_LEN);
    pv_store_u64(tail, foot->table_at);
    pv_store_u32(tail + 8, (uint32_t)foot->words.len);
    pv_store_u32(tail + 12, foot->word_count);
    pv_store_u32(tail + 16, foot->not_all);
    pv_store_u32(tail + 20, pv_crc32c(0, at, len));
    pv_store_u32(tail + TAIL_CRC_AT, pv_crc32c(0, tail, TAIL_CRC_AT));
    memcpy(tail + TAIL_MAGIC_AT, tail_magic, sizeof(tail_magic));
    out->len = from + len + PV_PACK_TAIL_LEN;
    return PV_OK;
}

/* ---- content of a frame ------------------------------------------------- */

enum pv_err
pv_pack_content_write(const struct pv_bundle *bundle, struct pv_buf *out)
{
    struct pv_slice entries = pv_bundle_entries(bundle, bundle->width);
    enum pv_err     err = pv_buf_add(out, entries);
    unsigned        next;

    for (unsigned i = 0; i < bundle->width && err == PV_OK; i = next) {
        uint8_t run[PV_PACK_RUN_LEN];

        next = i + 1;
        while (next < bundle->width &&
               bundle->epoch[next] == bundle->epoch[i] &&
               bundle->written_ms[next] == bundle->written_ms[i]) {
            next++;
        }
        pv_store_u32(run, next - i);
        pv_store_u64(run + 4, bundle->epoch[i]);
        pv_store_u64(run + 12, (uint64_t)bundle->written_ms[i]);
        err =
            pv_buf_add(out, (struct pv_slice){(const char *)run, sizeof(run)});
    }
    return err;
}

/* The runs must be those that content_write would give: none to be joined. */
static enum pv_err
runs_read(struct pv_slice runs, struct pv_bundle *bundle)
{
    unsigned i = 0;

    for (size_t at = 0; at < runs.len; at += PV_PACK_RUN_LEN) {
        const char *run = runs.ptr + at;
        uint32_t    count = pv_load_u32(run);
        uint64_t    epoch = pv_load_u64(run + 4);
        int64_t     written_ms = (int64_t)pv_load_u64(run + 12);

        if (count == 0 || count > bundle->width - i || written_ms < 0 ||
            (i > 0 && (written_ms < bundle->written_ms[i - 1] ||
                       (written_ms == bundle->written_ms[i - 1] &&
                        epoch == bundle->epoch[i - 1])))) {
            return PV_ECORRUPT;
        }
        for (uint32_t k = 0; k < count; k++, i++) {
            bundle->epoch[i] = epoch;
            bundle->written_ms[i] = written_ms;
        }
    }
    return i == bundle->width ? PV_OK : PV_ECORRUPT;
}

enum pv_err
pv_pack_content_read(struct pv_slice content, size_t entries_len, uint64_t n,
                     struct pv_bundle *ret_bundle)
{
    size_t at = 0;

    if (entries_len >= content.len || entries_len > PV_BUNDLE_ENTRIES_MAX ||
        (content.len - entries_len) % PV_PACK_RUN_LEN != 0) {
        return PV_ECORRUPT;
    }
    pv_bundle_begin(ret_bundle, n);
    while (at < entries_len) {
        const uint8_t *from = (const uint8_t *)content.ptr + at;
        size_t         len;
        enum pv_err    err;

        if (entries_len - at < 2) {
            return PV_ECORRUPT;
        }
        len = (size_t)from[0] << 8 | from[1];
        if (len == 0 || len > PV_ENTRY_MAX || len > entries_len - at - 2 ||
            ret_bundle->width == PV_BUNDLE_LEAVES) {
            return PV_ECORRUPT;
        }
        err = pv_bundle_add(ret_bundle,
                            (struct pv_slice){content.ptr + at + 2, len}, 0, 0);
        if (err != PV_OK) {
            return err;
        }
        at += 2 + len;
    }
    return runs_read(
        (struct pv_slice){content.ptr + entries_len, content.len - entries_len},
        ret_bundle);
}
