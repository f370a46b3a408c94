/*
 * policy_fixture.h - a small policy image in a temporary directory, and short
 * ways to fill it. Shared by the tests of lib/policy.
 */
#ifndef PV_TESTS_POLICY_FIXTURE_H
#define PV_TESTS_POLICY_FIXTURE_H

#include "policy/image.h"

#define FIXTURE_WHEN INT64_C(1795255200000) /* 2026-11-21T10:00:00Z */
#define FIXTURE_PATH "/x/provider/service/v1/verify"

struct fixture {
    char             dir[64];
    struct pv_image *image;
};

/* A fresh directory; the image in it is open for writing, not durable. */
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture); /* and remove the directory */
void fixture_remove(const char *dir);

struct pv_id fixture_id(const char *text);
void         fixture_key(const char *name, uint8_t key[PV_KEY_HASH_LEN]);

/* Begin, commit; they fail the test when they do not succeed. */
void     fixture_begin(struct fixture *fixture);
uint64_t fixture_commit(struct fixture *fixture);

/* Numbers by id. */
uint32_t fixture_number(struct fixture *fixture, enum pv_image_what what,
                        const char *id);

/* A system of an agency (unit may be NULL) with the key of its own name. */
void fixture_system(struct fixture *fixture, const char *name,
                    const char *agency, const char *unit);
/* A live method with an endpoint. */
void fixture_method(struct fixture *fixture, const char *path);
/* An open grant with one purpose. */
struct pv_grant_row   fixture_grant(uint8_t kind, const char *id);
struct pv_image_place fixture_place(struct fixture *fixture, uint8_t level,
                                    const char *agency, const char *subject,
                                    const char *path);
struct pv_certificate fixture_certificate(const char *name);

/* Find and decide a call of the system; the reason, NONE when allowed. */
enum pv_reason fixture_call(struct pv_policy *policy, const char *name,
                            const char *path);

#endif
