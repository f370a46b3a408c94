/*
 * session.c - sessions of persons: found by the hash of their token.
 */
#include <string.h>

#include "kind_tables.h"
#include "people_inside.h"

static enum pv_err
hash_token(struct pv_people *people, struct pv_slice token,
           char ret[PV_TOKEN_LEN + 1])
{
    return token.len == PV_TOKEN_LEN
               ? pv_people_hash(people, "payvand-session-v1 ", token, ret)
               : PV_EVERIFY;
}

/* Known to who holds the token; useless without the cookie. */
static enum pv_err
set_csrf(struct pv_people *people, struct pv_slice token,
         struct pv_session *session)
{
    return pv_people_hash(people, "payvand-csrf-v1 ", token, session->csrf);
}

enum pv_err
pv_session_add(struct pv_people *people, const char *person, const char *role,
               const char *of, int64_t made_ms, struct pv_session *ret)
{
    struct pv_session session = {.made_ms = made_ms,
                                 .seen_ms = pv_people_now_ms(people)};
    struct pv_slice   token = {session.token, PV_TOKEN_LEN};
    char              hash[PV_TOKEN_LEN + 1];
    enum pv_err       err;

    if (pv_slice_to_cstr(pv_slice_from(person), session.person,
                         sizeof(session.person)) != PV_OK ||
        pv_slice_to_cstr(pv_slice_from(role), session.role,
                         sizeof(session.role)) != PV_OK ||
        pv_slice_to_cstr(pv_slice_from(of), session.of, sizeof(session.of)) !=
            PV_OK) {
        return PV_ERANGE;
    }
    err = pv_people_random(session.token, PV_TOKEN_LEN);
    if (err == PV_OK) {
        err = hash_token(people, token, hash);
    }
    if (err == PV_OK) {
        err = set_csrf(people, token, &session);
    }
    if (err == PV_OK) {
        struct pv_value arguments[] = {
            PV_TEXT(pv_slice_from(hash)), PV_TEXT(pv_slice_from(person)),
            PV_TEXT(pv_slice_from(role)), PV_TEXT(pv_slice_from(of)),
            PV_INT(session.made_ms),      PV_INT(session.seen_ms)};

        err = pv_store_run(people->registry->store, PV_STMT_SESSION_ADD,
                           arguments, COUNT(arguments), NULL, NULL);
    }
    if (err == PV_OK) {
        *ret = session;
    }
    return err;
}

/* ---- finding ---- */

struct found {
    struct pv_session session;
    bool              is_there;
};

static enum pv_err
take_session(void *context, const struct pv_value *column)
{
    struct found *found = context;

    found->is_there = true;
    found->session.made_ms = column[3].number;
    found->session.seen_ms = column[4].number;
    return pv_slice_to_cstr(column[0].text, found->session.person,
                            sizeof(found->session.person)) == PV_OK &&
                   pv_slice_to_cstr(column[1].text, found->session.role,
                                    sizeof(found->session.role)) == PV_OK &&
                   pv_slice_to_cstr(column[2].text, found->session.of,
                                    sizeof(found->session.of)) == PV_OK
               ? PV_OK
               : PV_ECORRUPT;
}

/* Is it in time, is the person active, is the role still held? */
static enum pv_err
check_session(struct pv_people *people, const struct found *found,
              int64_t now_ms)
{
    const struct pv_session *session = &found->session;
    bool                     good = false;
    enum pv_err              err;

    if (!found->is_there || now_ms - session->made_ms >= PV_SESSION_LIFE_MS ||
        now_ms - session->seen_ms >= PV_SESSION_IDLE_MS) {
        return PV_EVERIFY;
    }
    err = pv_people_is_active(people, session->person, &good);
    if (err == PV_OK && good && session->role[0] != '\0') {
        err = pv_role_is_held(people->registry, session->person, session->role,
                              session->of, pv_time_tehran_day(now_ms), &good);
    }
    if (err == PV_OK && !good) {
        err = PV_EVERIFY;
    }
    return err;
}

/* A use that is not noted is one that ends earlier: nothing to fear. */
static void
note_use(struct pv_people *people, const char *hash, int64_t now_ms)
{
    struct pv_store *store = people->registry->store;
    struct pv_value  arguments[] = {PV_TEXT(pv_slice_from(hash)),
                                    PV_INT(now_ms)};
    enum pv_err      err = pv_store_begin(store);

    if (err == PV_OK) {
        err = pv_store_run(store, PV_STMT_SESSION_SEEN, arguments,
                           COUNT(arguments), NULL, NULL);
    }
    if (err == PV_OK) {
        err = pv_store_commit(store);
    }
    pv_store_rollback(store);
    (void)err; /* see above */
}

enum pv_err
pv_session_find(struct pv_people *people, struct pv_slice token,
                struct pv_session *ret)
{
    struct found    found = {.is_there = false};
    char            hash[PV_TOKEN_LEN + 1];
    int64_t         now_ms = pv_people_now_ms(people);
    struct pv_value argument;
    enum pv_err     err = hash_token(people, token, hash);

    if (err != PV_OK) {
        return err;
    }
    argument = PV_TEXT(pv_slice_from(hash));
    err = pv_store_run(people->registry->store, PV_STMT_SESSION_GET, &argument,
                       1, take_session, &found);
    if (err == PV_OK) {
        err = check_session(people, &found, now_ms);
    }
    if (err == PV_OK) {
        err = set_csrf(people, token, &found.session);
    }
    if (err == PV_OK) {
        if (now_ms - found.session.seen_ms > PV_SESSION_SEEN_MS) {
            note_use(people, hash, now_ms);
        }
        *ret = found.session;
    }
    return err;
}

/* ---- changing ---- */

enum pv_err
pv_session_end(struct pv_people *people, struct pv_slice token)
{
    struct pv_store *store = people->registry->store;
    char             hash[PV_TOKEN_LEN + 1];
    struct pv_value  argument;
    enum pv_err      err = hash_token(people, token, hash);

    if (err != PV_OK) {
        return err;
    }
    argument = PV_TEXT(pv_slice_from(hash));
    err = pv_store_begin(store);
    if (err == PV_OK) {
        err =
            pv_store_run(store, PV_STMT_SESSION_DROP, &argument, 1, NULL, NULL);
    }
    if (err == PV_OK) {
        err = pv_store_commit(store);
    }
    pv_store_rollback(store);
    return err;
}

/* Rights change with the role, so the token does too. */
static enum pv_err
replace(struct pv_people *people, struct pv_slice token,
        const struct pv_session *old, const char *role, const char *of,
        struct pv_session *ret)
{
    struct pv_store *store = people->registry->store;
    char             hash[PV_TOKEN_LEN + 1];
    struct pv_value  argument;
    enum pv_err      err = hash_token(people, token, hash);

    if (err == PV_OK) {
        err = pv_store_begin(store);
    }
    if (err == PV_OK) {
        argument = PV_TEXT(pv_slice_from(hash));
        err =
            pv_store_run(store, PV_STMT_SESSION_DROP, &argument, 1, NULL, NULL);
    }
    if (err == PV_OK) {
        err = pv_session_add(people, old->person, role, of, old->made_ms, ret);
    }
    if (err == PV_OK) {
        err = pv_store_commit(store);
    }
    pv_store_rollback(store);
    return err;
}

enum pv_err
pv_session_choose(struct pv_people *people, struct pv_slice token,
                  const char *role, const char *of, struct pv_session *ret)
{
    struct pv_session old;
    bool              held = false;
    enum pv_err       err = pv_session_find(people, token, &old);

    if (err == PV_OK) {
        err = pv_role_is_held(people->registry, old.person, role, of,
                              pv_time_tehran_day(pv_people_now_ms(people)),
                              &held);
    }
    if (err == PV_OK) {
        err = held ? replace(people, token, &old, role, of, ret) : PV_EVERIFY;
    }
    return err;
}

enum pv_err
pv_session_roles(struct pv_people *people, const char *person, json_t **ret)
{
    json_t     *roles = json_array();
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = roles == NULL
                          ? PV_ENOMEM
                          : pv_record_users(people->registry, "person", person,
                                            PV_KIND_APPOINTMENT, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(people->registry, PV_KIND_APPOINTMENT,
                                json_string_value(id), &record);
        }
        if (err == PV_OK &&
            strcmp(pv_kind_row(PV_KIND_APPOINTMENT)->states[record.state],
                   "in-force") == 0 &&
            json_array_append_new(
                roles,
                json_pack("{s:s, s:s}", "role", pv_member(record.body, "role"),
                          "of", pv_member(record.body, "of"))) != 0) {
            err = PV_ENOMEM;
        }
        pv_record_clear(&record);
    }
    json_decref(ids);
    if (err == PV_OK) {
        *ret = roles;
        roles = NULL;
    }
    json_decref(roles);
    return err;
}
