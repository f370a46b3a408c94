/*
 * decide.c - what a decision costs with few and with many grants, over LMDB
 * with its lock table, as the workers open it.
 *
 * Three images are made in temporary directories: few parties with few
 * grants, many parties (5,000 systems, 200 methods) with few grants, and many
 * parties with many grants. What grants alone cost is the difference between
 * the last two. Rounds alternate between them; in each, distinct (key, path)
 * pairs in random order are looked up and decided. Times are CPU time of the
 * thread, so that a busy machine disturbs caches but not the clock. Printed are
 * the medians of the rounds, their spread (the lowest are the least disturbed),
 * and what a call costs whose rows are kept: version, revocation and decision.
 */
#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/num.h"
#include "policy/image.h"

#define ROUNDS_MAX 101
#define BATCH 50000 /* grants a transaction */
#define WHEN INT64_C(1795255200000)
#define PATH_MAX_LEN 256
#define LOOKED_UP 200000 /* distinct grants, if there are so many */
#define CALLS 200000     /* a round */
#define IMAGES 3
#define WANTED_NS 800

struct image {
    char              dir[64];
    uint32_t          agencies;
    uint32_t          methods;
    uint32_t          grants; /* evenly over all (agency, method) pairs */
    struct pv_policy *policy;
    uint32_t         *pair; /* shuffled; agency * methods + method */
    uint32_t          pairs;
    double            find_ns[ROUNDS_MAX];
    double            kept_ns[ROUNDS_MAX];
};

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t
next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double
cpu_ns(void)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) != 0) {
        return 0;
    }
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
must(enum pv_err err, const char *what)
{
    if (err != PV_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, pv_err_text(err));
        exit(1);
    }
}

static void
key_of(uint32_t agency, uint8_t key[PV_KEY_HASH_LEN])
{
    uint64_t hash = (agency + 1) * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < PV_KEY_HASH_LEN; i += sizeof(hash)) {
        hash ^= hash >> 29;
        hash *= UINT64_C(0xbf58476d1ce4e5b9);
        pv_store_u64(key + i, hash);
    }
}

static struct pv_slice
path_of(uint32_t method, char room[PATH_MAX_LEN])
{
    int len = snprintf(room, PATH_MAX_LEN,
                       "/x/provider-organisation-%u/service-%u/v1/inquire",
                       method / 8, method);

    return (struct pv_slice){room, (size_t)len};
}

static struct pv_id
id_of(const char *format, uint32_t n)
{
    struct pv_id id = {0};
    char         text[PV_POLICY_ID_MAX];
    int          len;

    len = snprintf(text, sizeof(text), "%s-%u", format, n);
    id.len = (uint8_t)len;
    memcpy(id.text, text, id.len);
    return id;
}

static struct pv_slice
view(const struct pv_id *id)
{
    return (struct pv_slice){id->text, id->len};
}

static void
put_parties(struct pv_image *out, const struct image *image)
{
    struct pv_image_endpoint endpoint = {.port = 1};
    char                     room[PATH_MAX_LEN];

    for (uint32_t i = 0; i < image->agencies; i++) {
        struct pv_image_system row = {.has_key = true};

        row.row.system = id_of("system-of-agency", i);
        row.row.agency = id_of("agency-organisation", i);
        must(pv_image_number(out, PV_IMAGE_SYSTEM, view(&row.row.system),
                             &row.row.number),
             "system");
        must(pv_image_number(out, PV_IMAGE_AGENCY, view(&row.row.agency),
                             &row.row.agency_number),
             "agency");
        row.row.kind = PV_SYSTEM_APPLICATION;
        row.row.network_count = 1;
        key_of(i, row.key_hash);
        must(pv_image_put_system(out, &row), "system");
    }
    for (uint32_t i = 0; i < image->methods; i++) {
        struct pv_image_method row = {.row = {.pattern = PV_PATTERN_INQUIRY}};
        struct pv_slice        path = path_of(i, room);

        must(pv_image_number(out, PV_IMAGE_METHOD, path, &row.row.number),
             "method");
        row.row.provider = id_of("provider-organisation", i / 8);
        row.row.service = id_of("service", i);
        row.row.version = id_of("v", 1);
        row.row.method = id_of("inquire", 0);
        row.row.endpoint_number = 1 + i / 8;
        must(pv_image_put_endpoint(out, row.row.endpoint_number, &endpoint),
             "endpoint");
        must(pv_image_put_method(out, path, &row), "method");
    }
}

/* The pair of the nth grant: every agency gets its share. */
static uint32_t
pair_of(const struct image *image, uint32_t n)
{
    uint32_t step = image->agencies * image->methods / image->grants;

    return n * step + (step > 1 ? n * 7 % step : 0);
}

static void
put_grants(struct pv_image *out, const struct image *image)
{
    uint64_t changes;

    for (uint32_t i = 0; i < image->grants; i++) {
        uint32_t              pair = pair_of(image, i);
        struct pv_image_place place = {
            .agency = 1 + pair / image->methods,
            .method = 1 + pair % image->methods,
            .level = PV_GRANT_AGENCY,
            .subject = 1 + pair / image->methods,
        };
        struct pv_grant_row row = {.kind = PV_GRANT_AGENCY,
                                   .start_ms = WHEN - 1,
                                   .rate_per_s = 10,
                                   .burst = 20,
                                   .per_day = 20000,
                                   .purpose_count = 1};

        row.id = id_of("g-m24-r1", i);
        row.resolution = id_of("m24/r", 1);
        row.purpose[0] = id_of("licence-review", 0);
        must(pv_image_put_grant(out, &place, &row), "grant");
        if (i % BATCH == BATCH - 1) {
            must(pv_image_commit(out, &changes), "commit");
            must(pv_image_begin(out, PV_IMAGE_CHANGE), "begin");
        }
    }
    must(pv_image_commit(out, &changes), "commit");
}

static void
shuffle(struct image *image, uint32_t wanted)
{
    uint32_t all = image->grants;

    image->pairs = wanted < all ? wanted : all;
    image->pair = calloc(all, sizeof(*image->pair));
    if (image->pair == NULL) {
        must(PV_ENOMEM, "pairs");
    }
    for (uint32_t i = 0; i < all; i++) {
        image->pair[i] = pair_of(image, i);
    }
    for (uint32_t i = 0; i < image->pairs; i++) {
        uint32_t other = i + (uint32_t)(next_random() % (all - i));
        uint32_t kept = image->pair[i];

        image->pair[i] = image->pair[other];
        image->pair[other] = kept;
    }
}

static void
make(struct image *image, uint32_t agencies, uint32_t methods, uint32_t grants)
{
    struct pv_image *out = NULL;
    struct pv_why    why = {""};
    enum pv_err      err;

    image->agencies = agencies;
    image->methods = methods;
    image->grants = grants;
    memcpy(image->dir, "/tmp/pv-bench-XXXXXX", sizeof("/tmp/pv-bench-XXXXXX"));
    if (mkdtemp(image->dir) == NULL) {
        must(PV_ESYS, "directory");
    }
    err = pv_image_open(image->dir, false, &out, &why);
    must(err, why.text);
    must(pv_image_begin(out, PV_IMAGE_CHANGE), "begin");
    put_parties(out, image);
    put_grants(out, image);
    pv_image_close(out);
    err = pv_policy_open(image->dir, &image->policy, &why);
    must(err, why.text);
    shuffle(image, LOOKED_UP);
}

static void
drop(struct image *image)
{
    static const char *const file[] = {"data.mdb", "lock.mdb"};
    char                     path[128];

    pv_policy_close(image->policy);
    free(image->pair);
    for (size_t i = 0; i < 2; i++) {
        if (snprintf(path, sizeof(path), "%s/%s", image->dir, file[i]) > 0) {
            (void)unlink(path); /* a temporary directory */
        }
    }
    (void)rmdir(image->dir); /* as above */
}

static void
one_call(struct image *image, uint32_t pair, bool kept, struct pv_found *found)
{
    struct pv_certificate certificate = {
        .not_after_ms = INT64_MAX, .serial = {7}, .serial_len = 1};
    struct pv_call     call = {.when_ms = WHEN, .certificate = &certificate};
    struct pv_rows     rows = pv_rows_of(found);
    struct pv_decision decision;
    char               room[PATH_MAX_LEN];
    uint64_t           version;
    bool               revoked = false;

    if (kept) {
        must(pv_policy_version(image->policy, &version), "version");
        must(pv_policy_revoked(image->policy, &certificate, &revoked),
             "revoked");
    } else {
        found->consumer.version = 0;
        found->target.version = 0;
        found->rights.version = 0;
        key_of(pair / image->methods, certificate.key_hash);
        must(pv_policy_find(image->policy, certificate.key_hash,
                            path_of(pair % image->methods, room), found),
             "find");
    }
    pv_policy_decide(&rows, &call, revoked, &decision);
    if (decision.verdict != PV_ALLOW) {
        must(PV_ESTATE, "the decision must allow");
    }
}

/* What making key and path costs, taken off the look-ups. */
static double
overhead_ns(const struct image *image)
{
    uint8_t key[PV_KEY_HASH_LEN];
    char    room[PATH_MAX_LEN];
    size_t  sum = 0;
    double  start = cpu_ns();
    double  end;

    for (uint32_t i = 0; i < image->pairs; i++) {
        key_of(image->pair[i] / image->methods, key);
        sum += path_of(image->pair[i] % image->methods, room).len + key[0];
    }
    end = cpu_ns();
    return sum == 0 ? 0 : (end - start) / image->pairs;
}

static void
measure(struct image *image, size_t round, uint32_t calls)
{
    static struct pv_found found;
    double                 start = cpu_ns();
    double                 overhead = overhead_ns(image);

    start = cpu_ns();
    for (uint32_t i = 0; i < calls; i++) {
        one_call(image, image->pair[i % image->pairs], false, &found);
    }
    image->find_ns[round] = (cpu_ns() - start) / calls - overhead;
    start = cpu_ns();
    for (uint32_t i = 0; i < calls; i++) {
        one_call(image, 0, true, &found);
    }
    image->kept_ns[round] = (cpu_ns() - start) / calls;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *value, size_t count)
{
    qsort(value, count, sizeof(*value), by_value);
    return value[count / 2];
}

/* Once the rounds are sorted. */
static double
lowest_difference(const struct image image[IMAGES])
{
    return image[2].find_ns[0] - image[1].find_ns[0];
}

static int
report_json(const struct image image[IMAGES], const double find[IMAGES],
            const double kept[IMAGES], size_t rounds)
{
    bool ok = printf("{\"rounds\":%zu,\"images\":[", rounds) > 0;

    for (size_t i = 0; i < IMAGES; i++) {
        ok = printf("%s{\"systems\":%u,\"methods\":%u,\"grants\":%u,"
                    "\"distinct\":%u,\"find_and_decide_ns\":%.0f,"
                    "\"lowest_ns\":%.0f,\"highest_ns\":%.0f,"
                    "\"kept_rows_ns\":%.0f}",
                    i == 0 ? "" : ",", image[i].agencies, image[i].methods,
                    image[i].grants, image[i].pairs, find[i],
                    image[i].find_ns[0], image[i].find_ns[rounds - 1],
                    kept[i]) > 0 &&
             ok;
    }
    return printf("],\"difference_ns\":%.0f,\"difference_of_lowest_ns\":%.0f,"
                  "\"difference_with_parties_ns\":%.0f,\"wanted_ns\":%d}\n",
                  find[2] - find[1], lowest_difference(image),
                  find[2] - find[0], WANTED_NS) > 0 &&
                   ok
               ? 0
               : 1;
}

static int
report(struct image image[IMAGES], size_t rounds, bool as_json)
{
    double find[IMAGES];
    double kept[IMAGES];
    bool   ok;

    for (size_t i = 0; i < IMAGES; i++) {
        find[i] = median(image[i].find_ns, rounds);
        kept[i] = median(image[i].kept_ns, rounds);
    }
    if (as_json) {
        return report_json(image, find, kept, rounds);
    }
    ok = printf("%8s %8s %8s %8s %14s %18s %10s\n", "systems", "methods",
                "grants", "distinct", "find+decide ns", "rounds ns",
                "kept ns") > 0;
    for (size_t i = 0; i < IMAGES; i++) {
        ok = printf("%8u %8u %8u %8u %14.0f %8.0f..%8.0f %10.0f\n",
                    image[i].agencies, image[i].methods, image[i].grants,
                    image[i].pairs, find[i], image[i].find_ns[0],
                    image[i].find_ns[rounds - 1], kept[i]) > 0 &&
             ok;
    }
    return printf("a thousand times the grants: %+.0f ns (wanted: at most %d), "
                  "of the lowest rounds %+.0f;"
                  " with a hundred times the systems too: %+.0f ns\n"
                  "kept: rows kept by the worker: version, revocation, "
                  "decision\n",
                  find[2] - find[1], WANTED_NS, lowest_difference(image),
                  find[2] - find[0]) > 0 &&
                   ok
               ? 0
               : 1;
}

int
main(int argc, char **argv)
{
    static const struct option option[] = {
        {"json", no_argument, NULL, 'j'},
        {"rounds", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static struct image image[IMAGES];
    uint64_t            rounds = 15;
    bool                as_json = false;
    int                 failed;
    int                 c;

    while ((c = getopt_long(argc, argv, "", option, NULL)) != -1) {
        if (c == 'j') {
            as_json = true;
        } else if (c != 'r' ||
                   pv_slice_to_u64(pv_slice_from(optarg), ROUNDS_MAX,
                                   &rounds) != PV_OK ||
                   rounds == 0) {
            (void)fprintf(stderr, "payvand-bench-decide [--rounds N] [--json]"
                                  ": the cost of a decision with 1,000 and "
                                  "with 1,000,000 grants\n");
            return c == 'h' ? 0 : 2;
        }
    }
    make(&image[0], 50, 20, 1000);
    make(&image[1], 5000, 200, 1000);
    make(&image[2], 5000, 200, 1000000);
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < IMAGES; i++) {
            measure(&image[i], round, CALLS);
        }
    }
    failed = report(image, rounds, as_json);
    for (size_t i = 0; i < IMAGES; i++) {
        drop(&image[i]);
    }
    return failed;
}
