/* contracts.c - a folder of the contracts that a state names. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "daemon/file.h"
#include "rights/fetch.h"

#define TIMEOUT_S 10L
#define SUFFIX ".json"
#define HEX_LEN (2 * PV_HASH_LEN)

void
pv_rights_contract_name(const struct pv_hash *sha256,
                        char                  room[PV_RIGHTS_CONTRACT_NAME])
{
    pv_hex_text(sha256->bytes, PV_HASH_LEN, room);
    memcpy(room + HEX_LEN, SUFFIX, sizeof(SUFFIX));
}

static enum pv_err
check(struct pv_slice bytes, const struct pv_hash *sha256)
{
    struct pv_sha256 *sha = NULL;
    struct pv_hash    hash;
    enum pv_err       err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_sha256(sha, &bytes, 1, &hash);
    }
    if (err == PV_OK && !pv_hash_eq(&hash, sha256)) {
        err = PV_EVERIFY;
    }
    pv_sha256_free(sha);
    return err;
}

enum pv_err
pv_rights_contract_read(int dirfd, const struct pv_hash *sha256,
                        struct pv_buf *out)
{
    char        name[PV_RIGHTS_CONTRACT_NAME];
    size_t      from = out->len;
    enum pv_err err;

    pv_rights_contract_name(sha256, name);
    err = pv_file_read(dirfd, name, out);
    if (err == PV_ERANGE) {
        err = PV_EVERIFY; /* none is so long */
    }
    if (err == PV_OK) {
        err =
            check((struct pv_slice){out->ptr + from, out->len - from}, sha256);
    }
    if (err != PV_OK) {
        out->len = from;
    }
    return err;
}

/* PV_OK: it is there now, and was not. */
static enum pv_err
bring(struct pv_rights_fetch *fetch, int dirfd,
      const struct pv_rights_contract *contract)
{
    static const char place[] = "/registry/v1/contracts/";
    char              name[PV_RIGHTS_CONTRACT_NAME];
    char              path[sizeof(place) + HEX_LEN];
    struct pv_buf     bytes;
    enum pv_err       err;

    pv_rights_contract_name(&contract->sha256, name);
    (void)snprintf(path, sizeof(path), "%s%.*s", place, HEX_LEN,
                   name); /* fits */
    pv_buf_init(&bytes, PV_RIGHTS_CONTRACT_MAX);
    err = pv_rights_ask(fetch, path, TIMEOUT_S, &bytes);
    if (err == PV_OK) {
        err = check(pv_buf_view(&bytes), &contract->sha256);
        if (err == PV_EVERIFY) {
            pv_why_set(&fetch->why,
                       "the contract of %.*s that came is not the one whose "
                       "SHA-256 was signed, %.*s",
                       PV_FMT(contract->path), HEX_LEN, name);
        }
    }
    if (err == PV_OK) {
        err =
            pv_file_replace(dirfd, name, pv_buf_view(&bytes), PV_FILE_MODE_OWN);
        if (err != PV_OK) {
            pv_why_set(&fetch->why, "the contract of %.*s cannot be kept: %s",
                       PV_FMT(contract->path), pv_err_text(err));
        }
    }
    pv_buf_clear(&bytes);
    return err;
}

/* ---- what nobody names ---- */

static bool
is_named(const struct pv_rights *rights, const char *name)
{
    struct pv_hash hash;

    if (pv_hex_bytes((struct pv_slice){name, HEX_LEN}, hash.bytes,
                     PV_HASH_LEN) != PV_OK) {
        return true; /* none of ours */
    }
    for (size_t i = 0; i < pv_rights_contract_count(rights); i++) {
        struct pv_rights_contract own = pv_rights_contract_at(rights, i);

        if (pv_hash_eq(&own.sha256, &hash)) {
            return true;
        }
    }
    return false;
}

static void
delete_others(int dirfd, const struct pv_rights *rights)
{
    int            own = dup(dirfd);
    DIR           *folder = own == -1 ? NULL : fdopendir(own);
    struct dirent *entry;

    if (folder == NULL) {
        if (own != -1) {
            (void)close(own); /* a folder: nothing to lose */
        }
        return; /* they take room, no more */
    }
    rewinddir(folder); /* the offset is shared with the caller's */
    while ((entry = readdir(folder)) != NULL) {
        if (strlen(entry->d_name) == HEX_LEN + sizeof(SUFFIX) - 1 &&
            strcmp(entry->d_name + HEX_LEN, SUFFIX) == 0 &&
            !is_named(rights, entry->d_name)) {
            (void)unlinkat(dirfd, entry->d_name, 0); /* as above */
        }
    }
    (void)closedir(folder); /* a folder: nothing to lose */
}

/* ---- all ---- */

/* The body of the state that is held. */
static enum pv_err
read_held(const struct pv_rights_fetch *fetch, struct pv_rights **ret)
{
    struct pv_slice note;
    struct pv_slice body;
    enum pv_err err = pv_rights_cut(pv_buf_view(&fetch->state), &note, &body);

    return err == PV_OK ? pv_rights_read(body, ret) : err;
}

static enum pv_err
bring_all(struct pv_rights_fetch *fetch, int dirfd, const char *below,
          const struct pv_rights *rights, bool *ret_is_new)
{
    enum pv_err worst = PV_OK;

    for (size_t i = 0; i < pv_rights_contract_count(rights); i++) {
        struct pv_rights_contract contract = pv_rights_contract_at(rights, i);
        struct pv_buf             held;
        enum pv_err               err;

        if (!pv_slice_starts(contract.path, pv_slice_from(below))) {
            continue;
        }
        pv_buf_init(&held, PV_RIGHTS_CONTRACT_MAX);
        err = pv_rights_contract_read(dirfd, &contract.sha256, &held);
        pv_buf_clear(&held);
        if (err == PV_ENOMEM) {
            return err;
        }
        if (err != PV_OK) {
            err = bring(fetch, dirfd, &contract);
            *ret_is_new = *ret_is_new || err == PV_OK;
            worst = err != PV_OK ? err : worst;
        }
    }
    return worst;
}

enum pv_err
pv_rights_fetch_contracts(struct pv_rights_fetch *fetch, int dirfd,
                          const char *below, bool *ret_is_new)
{
    struct pv_rights *rights = NULL;
    enum pv_err       err = read_held(fetch, &rights);

    *ret_is_new = false;
    if (err == PV_OK) {
        err = bring_all(fetch, dirfd, below, rights, ret_is_new);
    }
    pv_rights_free(rights);
    return err;
}

void
pv_rights_drop_contracts(const struct pv_rights_fetch *fetch, int dirfd)
{
    struct pv_rights *rights = NULL;

    if (read_held(fetch, &rights) == PV_OK) { /* else they take room, no more */
        delete_others(dirfd, rights);
    }
    pv_rights_free(rights);
}
