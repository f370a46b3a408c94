/*
 * row.h - keys and values of the policy image, between bytes and structs.
 * Private to lib/policy. image.h has the byte tables.
 *
 * One function walks the fields of a row for both directions, so that reading
 * and writing cannot disagree about the order.
 * Errors: PV_ERANGE when a row does not fit, PV_ECORRUPT when bytes are not
 * what was written.
 */
#ifndef PV_POLICY_ROW_H
#define PV_POLICY_ROW_H

#include "policy/image.h"

enum pv_table {
    PV_TABLE_META = 1,
    PV_TABLE_NUMBERS,
    PV_TABLE_IDS,
    PV_TABLE_KEYS,
    PV_TABLE_SYSTEMS,
    PV_TABLE_METHODS,
    PV_TABLE_ENDPOINTS,
    PV_TABLE_GROUP_GRANTS,
    PV_TABLE_MODES,
    PV_TABLE_SUSPENSIONS,
    PV_TABLE_REVOKED,
    PV_TABLE_HOMES,
    PV_TABLE_GRANTS, /* the database of its own; its keys have no table byte */
    PV_TABLE_END
};

#define PV_GRANTS_NAME "grants"
#define PV_ROW_MAGIC "PVPI"
#define PV_ROW_CRC_LEN 4
#define PV_KEY_GRANT_LEN 14

struct pv_key {
    size_t  len;
    uint8_t bytes[PV_IMAGE_KEY_MAX];
};

/* Building keys: start, then add; a key that is too long is PV_ERANGE. */
void        pv_key_start(struct pv_key *key, enum pv_table table);
void        pv_key_u8(struct pv_key *key, uint8_t n);
void        pv_key_u32(struct pv_key *key, uint32_t n);
enum pv_err pv_key_bytes(struct pv_key *key, const void *bytes,
                         size_t len) PV_MUST_CHECK;

/* The key of a grant; with prefix only agency and method are in it. */
void pv_key_grant(struct pv_key *key, const struct pv_image_place *place);
void pv_key_grants_of(struct pv_key *key, uint32_t agency, uint32_t method);
struct pv_image_place pv_key_place(const uint8_t at[PV_KEY_GRANT_LEN]);
uint32_t              pv_key_load_u32(const uint8_t *at);

/* Without the zero bytes that DER may put in front. */
enum pv_err
pv_key_revoked(struct pv_key               *key,
               const struct pv_certificate *certificate) PV_MUST_CHECK;

struct pv_meta {
    uint32_t format;
    uint64_t decision;
    int64_t  valid_until_ms; /* 0: no limit */
};

/* What a row is; table and struct belong together. */
enum pv_row_kind {
    PV_ROW_META = 1,  /* struct pv_meta */
    PV_ROW_NUMBER,    /* uint32_t */
    PV_ROW_TEXT,      /* struct pv_row_text */
    PV_ROW_WHEN,      /* int64_t */
    PV_ROW_SYSTEM,    /* struct pv_image_system */
    PV_ROW_METHOD,    /* struct pv_image_method */
    PV_ROW_ENDPOINT,  /* struct pv_image_endpoint */
    PV_ROW_GRANT,     /* struct pv_grant_row */
    PV_ROW_MODE,      /* struct pv_image_mode */
    PV_ROW_SUSPENSION /* struct pv_image_suspension */
};

struct pv_row_text {
    uint8_t len;
    char    text[PV_POLICY_PATH_MAX];
};

/* Write the row and its check into room. */
enum pv_err pv_row_write(enum pv_row_kind kind, const void *row,
                         const void *key, size_t key_len,
                         uint8_t room[PV_IMAGE_ROW_MAX],
                         size_t *ret_len) PV_MUST_CHECK;

/* Read it back; the check, every count, flag and word must hold. */
enum pv_err pv_row_read(enum pv_row_kind kind, const void *key, size_t key_len,
                        const void *bytes, size_t len,
                        void *ret_row) PV_MUST_CHECK;

#endif
