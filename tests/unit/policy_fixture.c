#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "policy_fixture.h"

void
fixture_remove(const char *dir)
{
    char           path[PV_POLICY_PATH_MAX + 256];
    struct dirent *entry;
    DIR           *open_dir = opendir(dir);

    if (open_dir == NULL) {
        return;
    }
    while ((entry = readdir(open_dir)) != NULL) {
        assert_true(snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) <
                    (int)sizeof(path));
        (void)unlink(path); /* "." and ".." are refused by it */
    }
    (void)closedir(open_dir); /* read-only */
    (void)rmdir(dir);         /* what stays is seen by who looks */
}

void
fixture_open(struct fixture *fixture)
{
    struct pv_why why = {""};

    memcpy(fixture->dir, "/tmp/pv-policy-XXXXXX",
           sizeof("/tmp/pv-policy-XXXXXX"));
    assert_non_null(mkdtemp(fixture->dir));
    if (pv_image_open(fixture->dir, false, &fixture->image, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
}

void
fixture_close(struct fixture *fixture)
{
    pv_image_close(fixture->image);
    fixture->image = NULL;
    fixture_remove(fixture->dir);
}

struct pv_id
fixture_id(const char *text)
{
    struct pv_id id = {0};

    id.len = (uint8_t)strlen(text);
    memcpy(id.text, text, id.len);
    return id;
}

void
fixture_key(const char *name, uint8_t key[PV_KEY_HASH_LEN])
{
    uint64_t hash = pv_hash64(pv_slice_from(name));

    for (size_t i = 0; i < PV_KEY_HASH_LEN; i += sizeof(hash)) {
        pv_store_u64(key + i, hash + i);
    }
}

void
fixture_begin(struct fixture *fixture)
{
    assert_int_equal(pv_image_begin(fixture->image, PV_IMAGE_CHANGE), PV_OK);
}

uint64_t
fixture_commit(struct fixture *fixture)
{
    uint64_t changes = 0;

    assert_int_equal(pv_image_commit(fixture->image, &changes), PV_OK);
    return changes;
}

uint32_t
fixture_number(struct fixture *fixture, enum pv_image_what what, const char *id)
{
    uint32_t number = 0;

    assert_int_equal(
        pv_image_number(fixture->image, what, pv_slice_from(id), &number),
        PV_OK);
    return number;
}

void
fixture_system(struct fixture *fixture, const char *name, const char *agency,
               const char *unit)
{
    struct pv_image_system row = {0};

    row.row.number = fixture_number(fixture, PV_IMAGE_SYSTEM, name);
    row.row.agency_number = fixture_number(fixture, PV_IMAGE_AGENCY, agency);
    row.row.system = fixture_id(name);
    row.row.agency = fixture_id(agency);
    if (unit != NULL) {
        row.row.unit_number = fixture_number(fixture, PV_IMAGE_UNIT, unit);
        row.row.unit = fixture_id(unit);
    }
    row.row.kind = PV_SYSTEM_APPLICATION;
    row.row.network_count = 1; /* ::/0 */
    row.has_key = true;
    fixture_key(name, row.key_hash);
    assert_int_equal(pv_image_put_system(fixture->image, &row), PV_OK);
}

void
fixture_method(struct fixture *fixture, const char *path)
{
    struct pv_image_endpoint endpoint = {.port = 1};
    struct pv_image_method   row = {0};

    endpoint.name = fixture_id("provider.test");
    row.row.number = fixture_number(fixture, PV_IMAGE_METHOD, path);
    row.row.pattern = PV_PATTERN_VERIFY;
    row.row.provider = fixture_id("provider");
    row.row.service = fixture_id("service");
    row.row.version = fixture_id("v1");
    row.row.method = fixture_id("verify");
    row.row.endpoint_number =
        fixture_number(fixture, PV_IMAGE_SYSTEM, "provider-connector");
    assert_int_equal(pv_image_put_endpoint(fixture->image,
                                           row.row.endpoint_number, &endpoint),
                     PV_OK);
    assert_int_equal(
        pv_image_put_method(fixture->image, pv_slice_from(path), &row), PV_OK);
}

struct pv_grant_row
fixture_grant(uint8_t kind, const char *id)
{
    struct pv_grant_row row = {0};

    row.kind = kind;
    row.id = fixture_id(id);
    row.resolution = fixture_id("m24/r1");
    row.start_ms = FIXTURE_WHEN - 1000;
    row.purpose_count = 1;
    row.purpose[0] = fixture_id("purpose");
    return row;
}

struct pv_image_place
fixture_place(struct fixture *fixture, uint8_t level, const char *agency,
              const char *subject, const char *path)
{
    struct pv_image_place place = {.level = level};

    place.agency = fixture_number(fixture, PV_IMAGE_AGENCY, agency);
    place.method = fixture_number(fixture, PV_IMAGE_METHOD, path);
    place.subject = place.agency;
    if (level == PV_GRANT_SYSTEM) {
        place.subject = fixture_number(fixture, PV_IMAGE_SYSTEM, subject);
    } else if (level == PV_GRANT_UNIT) {
        place.subject = fixture_number(fixture, PV_IMAGE_UNIT, subject);
    }
    return place;
}

struct pv_certificate
fixture_certificate(const char *name)
{
    struct pv_certificate certificate = {
        .serial = {0, 1, 2},
        .serial_len = 3,
        .not_before_ms = 0,
        .not_after_ms = INT64_MAX,
    };

    fixture_key(name, certificate.key_hash);
    return certificate;
}

enum pv_reason
fixture_call(struct pv_policy *policy, const char *name, const char *path)
{
    struct pv_certificate certificate = fixture_certificate(name);
    struct pv_found       found = {.consumer.version = 0};
    struct pv_rows        rows = pv_rows_of(&found);
    struct pv_decision    decision;
    struct pv_call        call = {
               .when_ms = FIXTURE_WHEN,
               .certificate = &certificate,
    };
    bool revoked = true;

    if (pv_policy_revoked(policy, &certificate, &revoked) != PV_OK ||
        pv_policy_find(policy, certificate.key_hash, pv_slice_from(path),
                       &found) != PV_OK) {
        return PV_REASON_POLICY_UNREADABLE;
    }
    pv_policy_decide(&rows, &call, revoked, &decision);
    assert_int_equal(decision.verdict == PV_ALLOW,
                     decision.reason == PV_REASON_NONE);
    return decision.reason;
}
