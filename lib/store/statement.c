/*
 * statement.c - every statement that reaches a database.
 */
#include "store/statement.h"

/* a body that is not written again stands in an earlier version */
#define BODY                                                                   \
    "CASE WHEN body = '' THEN (SELECT b.body FROM record b "                   \
    "WHERE b.kind = record.kind AND b.id = record.id "                         \
    "AND b.version = record.reference_version) ELSE body END"
#define RECORD "version, from_decision, from_day, state, " BODY
#define STANDS_ON(day)                                                         \
    " from_day <= " day " AND (until_day IS NULL OR until_day > " day ")"
#define STANDS_AT(number)                                                      \
    " from_decision <= " number                                                \
    " AND (until_decision IS NULL OR until_decision > " number ")"

const struct pv_statement pv_statement[PV_STMT_END] = {
    [PV_STMT_DECISION_ADD] =
        {"iiiTttttt", "", true,
         "INSERT INTO decision (number, time_ms, day, client_key, kind, id, "
         "event, actor, document) "
         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
    [PV_STMT_DECISION_LAST] =
        {"", "ii", false,
         "SELECT number, day FROM decision ORDER BY number DESC LIMIT 1"},
    [PV_STMT_DECISION_GET] = {"i", "t", false,
                              "SELECT document FROM decision "
                              "WHERE number = ?1"},
    [PV_STMT_DECISION_KEY] = {"t", "it", false,
                              "SELECT number, document FROM decision "
                              "WHERE client_key = ?1"},
    [PV_STMT_DECISION_LIST] = {"ii", "it", false,
                               "SELECT number, document FROM decision "
                               "WHERE number > ?1 ORDER BY number LIMIT ?2"},
    [PV_STMT_DECISION_OF] = {"tt", "ittt", false,
                             "SELECT number, event, actor, document "
                             "FROM decision WHERE kind = ?1 AND id = ?2 "
                             "ORDER BY number"},
    [PV_STMT_RECORD_ADD] =
        {"ttiiittiII", "", true,
         "INSERT INTO record (kind, id, version, from_decision, from_day, "
         "state, body, reference_version, until_decision, until_day) "
         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
    [PV_STMT_RECORD_CLOSE] =
        {"ttiii", "", true,
         "UPDATE record SET until_decision = ?4, until_day = ?5 "
         "WHERE kind = ?1 AND id = ?2 AND version = ?3 "
         "AND until_decision IS NULL"},
    [PV_STMT_RECORD_GET] = {"tt", "iiitti", false,
                            "SELECT " RECORD
                            ", reference_version FROM record WHERE kind = ?1 "
                            "AND id = ?2 AND until_decision IS NULL"},
    [PV_STMT_RECORD_AS_OF] = {"tti", "iiitt", false,
                              "SELECT " RECORD " FROM record WHERE kind = ?1 "
                              "AND id = ?2 AND" STANDS_ON("?3")},
    [PV_STMT_RECORD_AT] = {"tti", "iiitt", false,
                           "SELECT " RECORD " FROM record WHERE kind = ?1 "
                           "AND id = ?2 AND" STANDS_AT("?3")},
    [PV_STMT_RECORD_HISTORY] = {"tt", "iiitt", false,
                                "SELECT " RECORD " FROM record WHERE kind = ?1 "
                                "AND id = ?2 ORDER BY version"},
    [PV_STMT_RECORD_LIST] = {"tti", "tiiitt", false,
                             "SELECT id, " RECORD " FROM record "
                             "WHERE kind = ?1 AND id > ?2 "
                             "AND until_decision IS NULL "
                             "ORDER BY id LIMIT ?3"},
    [PV_STMT_RECORD_LIST_AS_OF] = {"titi", "tiiitt", false,
                                   "SELECT id, " RECORD " FROM record "
                                   "WHERE kind = ?1 AND id > ?3 "
                                   "AND" STANDS_ON(
                                       "?2") " ORDER BY id LIMIT ?4"},
    [PV_STMT_RECORD_LIST_AT] = {"titi", "tiiitt", false,
                                "SELECT id, " RECORD " FROM record "
                                "WHERE kind = ?1 AND id > ?3 AND" STANDS_AT(
                                    "?2") " ORDER BY id LIMIT ?4"},
    [PV_STMT_RECORD_LIST_STATE] = {"ttti", "tiiitt", false,
                                   "SELECT id, " RECORD " FROM record "
                                   "WHERE kind = ?1 AND state = ?2 "
                                   "AND id > ?3 AND until_decision IS NULL "
                                   "ORDER BY id LIMIT ?4"},
    [PV_STMT_RECORD_CHANGED] = {"i", "tt", false,
                                "SELECT kind, id FROM record "
                                "WHERE from_decision > ?1 "
                                "AND until_decision IS NULL"},
    [PV_STMT_REFERENCE_ADD] =
        {"ttittt", "", true,
         "INSERT INTO reference (kind, id, version, name, target_kind, "
         "target_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    [PV_STMT_REFERENCE_FIND] =
        {"tttti", "ttt", false,
         "SELECT f.id, f.name, r.state FROM reference f JOIN record r "
         "ON r.kind = f.kind AND r.id = f.id "
         "AND r.reference_version = f.version "
         "WHERE f.target_kind = ?1 AND f.target_id = ?2 AND f.kind = ?3 "
         "AND f.id > ?4 AND r.until_decision IS NULL "
         "ORDER BY f.id, f.name LIMIT ?5"},
    [PV_STMT_REFERENCE_EVER] = {"tt", "tt", false,
                                "SELECT kind, id FROM reference "
                                "WHERE target_kind = ?1 AND target_id = ?2 "
                                "LIMIT 1"},
    [PV_STMT_META_SET] = {"tt", "", true,
                          "INSERT INTO meta (name, value) VALUES (?1, ?2) "
                          "ON CONFLICT (name) DO UPDATE "
                          "SET value = excluded.value"},
    [PV_STMT_META_GET] = {"t", "t", false,
                          "SELECT value FROM meta WHERE name = ?1"},
    [PV_STMT_CREDENTIAL_SET] =
        {"tTTiTi", "", true,
         "INSERT INTO credential (person, password, totp, totp_step, code, "
         "code_until_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
         "ON CONFLICT (person) DO UPDATE SET password = excluded.password, "
         "totp = excluded.totp, totp_step = excluded.totp_step, "
         "code = excluded.code, code_until_ms = excluded.code_until_ms"},
    [PV_STMT_CREDENTIAL_GET] =
        {"t", "TTiTi", false,
         "SELECT password, totp, totp_step, code, code_until_ms "
         "FROM credential WHERE person = ?1"},
    [PV_STMT_CREDENTIAL_TOTP] = {"", "tt", false,
                                 "SELECT person, totp FROM credential "
                                 "WHERE totp IS NOT NULL ORDER BY person"},
    [PV_STMT_CREDENTIAL_COUNT] = {"", "i", false,
                                  "SELECT COUNT(*) FROM credential "
                                  "WHERE password IS NOT NULL"},
    [PV_STMT_SESSION_ADD] =
        {"ttttii", "", true,
         "INSERT INTO session (token_hash, person, role, held_at, made_ms, "
         "seen_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    [PV_STMT_SESSION_GET] =
        {"t", "tttii", false,
         "SELECT person, role, held_at, made_ms, seen_ms FROM session "
         "WHERE token_hash = ?1"},
    [PV_STMT_SESSION_SEEN] = {"ti", "", true,
                              "UPDATE session SET seen_ms = ?2 "
                              "WHERE token_hash = ?1"},
    [PV_STMT_SESSION_DROP] = {"t", "", true,
                              "DELETE FROM session WHERE token_hash = ?1"},
    [PV_STMT_SESSION_DROP_OF] = {"t", "", true,
                                 "DELETE FROM session WHERE person = ?1"},
    [PV_STMT_SESSION_DROP_OLD] = {"ii", "", true,
                                  "DELETE FROM session "
                                  "WHERE made_ms < ?1 OR seen_ms < ?2"},
};

/* A place without its last word. */
#define PLACE_BEFORE                                                           \
    "rtrim(target_id, 'abcdefghijklmnopqrstuvwxyz0123456789._/-')"

/*
 * @T is the backend's text type that compares byte by byte, @K its word for a
 * table that is kept in its key. The version of a record that stands has no
 * until_decision; there is one at most.
 */
const char *const pv_migration[PV_STORE_SCHEMA] = {
    "CREATE TABLE decision ("
    "  number BIGINT PRIMARY KEY, time_ms BIGINT NOT NULL,"
    "  day BIGINT NOT NULL, client_key @T UNIQUE, kind @T NOT NULL,"
    "  id @T NOT NULL, event @T NOT NULL, actor @T NOT NULL,"
    "  document @T NOT NULL);"
    "CREATE INDEX decision_subject ON decision (kind, id, number);"
    "CREATE TABLE record ("
    "  kind @T NOT NULL, id @T NOT NULL, version BIGINT NOT NULL,"
    "  from_decision BIGINT NOT NULL, until_decision BIGINT,"
    "  from_day BIGINT NOT NULL, until_day BIGINT, state @T NOT NULL,"
    "  body @T NOT NULL, PRIMARY KEY (kind, id, version));"
    "CREATE UNIQUE INDEX record_current ON record (kind, id)"
    "  WHERE until_decision IS NULL;"
    "CREATE INDEX record_state ON record (kind, state, id)"
    "  WHERE until_decision IS NULL;"
    "CREATE INDEX record_from ON record (from_decision);"
    "CREATE TABLE reference ("
    "  kind @T NOT NULL, id @T NOT NULL, version BIGINT NOT NULL,"
    "  name @T NOT NULL, target_kind @T NOT NULL, target_id @T NOT NULL,"
    "  PRIMARY KEY (target_kind, target_id, kind, id, name, version));"
    "CREATE TABLE meta (name @T PRIMARY KEY, value @T NOT NULL);",
    /* what a person proves himself with: no part of any decision */
    "CREATE TABLE credential ("
    "  person @T PRIMARY KEY, password @T, totp @T,"
    "  totp_step BIGINT NOT NULL, code @T, code_until_ms BIGINT NOT NULL);"
    "CREATE TABLE session ("
    "  token_hash @T PRIMARY KEY, person @T NOT NULL, role @T NOT NULL,"
    "  held_at @T NOT NULL, made_ms BIGINT NOT NULL,"
    "  seen_ms BIGINT NOT NULL);"
    "CREATE INDEX session_person ON session (person);",
    /* a change of the state alone writes no references again */
    ("ALTER TABLE record ADD COLUMN reference_version BIGINT NOT NULL DEFAULT "
     "0;"
     "UPDATE record SET reference_version = version;"),
    /* the key is all that a reference holds */
    "CREATE TABLE reference_by_target ("
    "  kind @T NOT NULL, id @T NOT NULL, version BIGINT NOT NULL,"
    "  name @T NOT NULL, target_kind @T NOT NULL, target_id @T NOT NULL,"
    "  PRIMARY KEY (target_kind, target_id, kind, id, name, version)) @K;"
    /* the version, its last word, comes first: what one resolution makes
       lies together */
    "INSERT INTO reference_by_target SELECT kind, id, version, name,"
    "  target_kind, CASE target_kind WHEN 'place' THEN"
    "  substr(target_id, length(" PLACE_BEFORE ") + 1) || ' ' ||"
    "  substr(target_id, 1, length(" PLACE_BEFORE ") - 1)"
    "  ELSE target_id END FROM reference;"
    "DROP TABLE reference;"
    "ALTER TABLE reference_by_target RENAME TO reference;",
};
