#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trace/record.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define HEAD "{\"consumer\":\"setad\",\"decision\":\"allowed\","
#define TAIL                                                                   \
    "\"grant\":\"g-1\",\"hop\":0,\"id\":\"" ID "\",\"image\":7,"               \
    "\"method\":\"verify\",\"node\":\"nix\",\"provider\":\"central-bank\","    \
    "\"service\":\"national-id-iban-match\",\"size\":\"1k\","                  \
    "\"time\":1790000000000,\"type\":\"request\",\"v\":1,\"version\":\"v1\"}"
#define ONCE(before, most)                                                     \
    before "\"hop\":0,\"id\":\"" ID "\",\"image\":7,\"max_answered\":" most    \
           ",\"method\":\"fetch\",\"node\":\"nix\",\"provider\":\"tavanir\","  \
           "\"service\":\"s\",\"size\":\"0\",\"time\":1,\"type\":\"request\"," \
           "\"v\":1,\"version\":\"v1\"}"
#define READING_OF(count, ids)                                                 \
    "{\"by\":\"uid/1\",\"count\":" count ",\"ids\":" ids                       \
    ",\"node\":\"n\",\"role\":\"auditor\"" SALTED                              \
    ",\"time\":1,\"type\":\"reading\",\"v\":1,\"what\":\"receipt\"}"
#define MADE_BY(grant, number)                                                 \
    HEAD grant "\"grant_decision\":" number ",\"hop\":0,\"id\":\"" ID          \
               "\",\"image\":7,\"method\":\"verify\",\"node\":\"nix\","        \
               "\"provider\":\"p\",\"service\":\"s\",\"size\":\"1k\","         \
               "\"time\":1,\"type\":\"request\",\"v\":1,\"version\":\"v1\"}"
#define SALT "0123456789abcdef0123456789abcdef"
#define SALTED ",\"salt\":\"" SALT "\""
#define FULL                                                                   \
    "{\"case\":\"0198f2c4-0000-4000-8000-000000000000\",\"commitment\":"       \
    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"consumer\":\"setad\","  \
    "\"decision\":\"refused\",\"grant\":\"g/1\",\"hop\":2,\"id\":\"" ID        \
    "\",\"image\":9007199254740991,\"method\":\"verify\",\"node\":\"nix\","    \
    "\"provider\":\"central-bank\",\"purpose\":\"loan\",\"reason\":"           \
    "\"no-grant\",\"service\":\"x_y.z\",\"size\":\"chunked\",\"time\":0,"      \
    "\"type\":\"request\",\"unit\":\"u1\",\"v\":1,\"version\":\"v1\","         \
    "\"via\":\"ix-1\"}"

/* Parse, write what was parsed, compare. */
static void
law(struct pv_slice line, const struct pv_record *record)
{
    char                 room[PV_COMPLETIONS_LEN_MAX];
    size_t               len = 0;
    struct pv_slice      rest = record->completions;
    struct pv_completion completion;
    bool                 first = true;

    switch (record->type) {
    case PV_RECORD_REQUEST:
        assert_int_equal(
            pv_record_write_request(&record->request, room, sizeof(room), &len),
            PV_OK);
        break;
    case PV_RECORD_REFUSALS:
        assert_int_equal(pv_record_write_refusals(&record->refusals, room,
                                                  sizeof(room), &len),
                         PV_OK);
        break;
    case PV_RECORD_WORKER_LOST:
        assert_int_equal(pv_record_write_worker_lost(&record->worker_lost, room,
                                                     sizeof(room), &len),
                         PV_OK);
        break;
    case PV_RECORD_READING:
        assert_int_equal(
            pv_record_write_reading(&record->reading, room, sizeof(room), &len),
            PV_OK);
        break;
    case PV_RECORD_PRUNED:
        assert_int_equal(
            pv_record_write_pruned(&record->pruned, room, sizeof(room), &len),
            PV_OK);
        break;
    case PV_RECORD_COMPLETIONS:
        assert_int_equal(pv_record_begin_completions(room, sizeof(room), &len),
                         PV_OK);
        while (pv_record_next_completion(&rest, &completion) == PV_OK) {
            assert_int_equal(pv_record_add_completion(room, sizeof(room), &len,
                                                      &completion, first),
                             PV_OK);
            first = false;
        }
        assert_int_equal(rest.len, 0);
        assert_int_equal(pv_record_end_completions(room, sizeof(room), &len,
                                                   record->node,
                                                   record->completion_salt),
                         PV_OK);
        break;
    }
    assert_int_equal(len, line.len);
    assert_memory_equal(room, line.ptr, len);
}

static void
parse(void **state)
{
    static const struct {
        const char *line;
        enum pv_err err;
        const char *says;
    } row[] = {
        {HEAD TAIL, PV_OK, "takes a plain request"},
        {FULL, PV_OK, "takes a request with every field"},
        {"{\"consumer\":\"s\",\"decision\":\"refused\",\"hop\":0,\"id\":\"" ID
         "\",\"image\":1,\"node\":\"n\",\"reason\":\"method-unknown\","
         "\"size\":\"0\",\"time\":1,\"type\":\"request\",\"v\":1}",
         PV_OK, "takes a refusal that names no method"},
        {ONCE(HEAD "\"grant\":\"g-1\",", "1"), PV_OK,
         "takes a request whose grant allows one answer"},
        {ONCE(HEAD "\"grant\":\"g-1\",", "1048575"), PV_OK,
         "takes the largest number of answers"},
        {ONCE(HEAD "\"grant\":\"g-1\",", "1048576"), PV_EINVAL,
         "refuses one past the largest number of answers"},
        {ONCE(HEAD "\"grant\":\"g-1\",", "0"), PV_EINVAL,
         "refuses a number of answers that is none"},
        {ONCE(HEAD, "1"), PV_EINVAL, "refuses a number of answers of no grant"},
        {MADE_BY("\"grant\":\"g-1\",", "12"), PV_OK,
         "takes the decision that made the grant"},
        {MADE_BY("\"grant\":\"g-1\",", "0"), PV_EINVAL,
         "refuses a decision that is none"},
        {MADE_BY("", "12"), PV_EINVAL, "refuses the decision of no grant"},
        {"{\"done\":[[1,2,3,4,\"answered\"],[5,0,0,0,\"unavailable\"]],\"node\":\"nix\"" SALTED
         ",\"type\":\"completions\",\"v\":1}",
         PV_OK, "takes completions"},
        {"{\"consumer\":\"s\",\"count\":12,\"from\":1,\"node\":\"n\"" SALTED
         ",\"type\":\"refusals\",\"until\":2,\"v\":1}",
         PV_OK, "takes a summary of refusals"},
        {"{\"epoch\":\"00ffeeddccbbaa99\",\"node\":\"n\",\"open\":3,\"time\":1,"
         "\"type\":\"worker-lost\",\"v\":1}",
         PV_OK, "takes a lost worker"},
        {"{\"by\":\"setad-main\",\"count\":1,\"id\":\"" ID
         "\",\"node\":\"n\",\"role\":\"consumer\"" SALTED
         ",\"time\":1,\"type\":\"reading\",\"v\":1,\"what\":\"lookup\"}",
         PV_OK, "takes a reading of one request"},
        {"{\"by\":\"uid/1000\",\"count\":0,\"node\":\"n\",\"role\":\"operator\"" SALTED
         ",\"time\":1,\"type\":\"reading\",\"v\":1,\"what\":\"search\"}",
         PV_OK, "takes a reading of nothing"},
        {READING_OF("2", "[\"" ID "\",\"" ID "\"]"), PV_OK,
         "takes a reading of several requests"},
        {READING_OF("3", "[\"" ID "\",\"" ID "\"]"), PV_EINVAL,
         "refuses fewer ids than were shown"},
        {READING_OF("1", "[\"" ID "\"]"), PV_EINVAL,
         "refuses a list of one id"},
        {READING_OF("0", "[]"), PV_EINVAL, "refuses a list of no id"},
        {READING_OF("2", "[\"" ID "\";\"" ID "\"]"), PV_EINVAL,
         "refuses ids without a comma between"},
        {READING_OF("2", "[\"" ID "\",\"" ID "\",]"), PV_EINVAL,
         "refuses a comma behind the last id"},
        {READING_OF("2", "[\"" ID "\",\"999123456\"]"), PV_EINVAL,
         "refuses another text among ids"},
        {READING_OF("2", "[\"" ID "\",\"" ID "\""), PV_EINVAL,
         "refuses a list that does not end"},
        {"{\"count\":65536,\"decision\":\"resolution/12\",\"first\":0,\"node\":\"n\"" SALTED
         ",\"time\":1,\"type\":\"pruned\",\"v\":1}",
         PV_OK, "takes a pruning"},
        {"{\"count\":65536,\"first\":0,\"node\":\"n\"" SALTED
         ",\"time\":1,\"type\":\"pruned\",\"v\":1}",
         PV_EINVAL, "refuses a pruning without a decision"},
        {"{\"by\":\"uid/1000\",\"count\":0,\"node\":\"n\",\"role\":\"friend\"" SALTED
         ",\"time\":1,\"type\":\"reading\",\"v\":1,\"what\":\"search\"}",
         PV_EINVAL, "refuses a role that is none"},
        {"{\"by\":\"uid/1000\",\"count\":0,\"node\":\"n\",\"role\":\"operator\"" SALTED
         ",\"time\":1,\"type\":\"reading\",\"v\":1,\"what\":\"answer\"}",
         PV_EINVAL, "refuses a reading of what nobody can read"},
        {"{\"by\":\"uid/1000\",\"count\":0,\"id\":\"9991234561\",\"node\":\"n\",\"role\":\"operator\"" SALTED
         ",\"time\":1,\"type\":\"reading\",\"v\":1,\"what\":\"lookup\"}",
         PV_EINVAL, "refuses an id that is no tracking id"},
        {HEAD "\"extra\":\"x\"," TAIL, PV_EINVAL, "refuses an unknown field"},
        {HEAD " " TAIL, PV_EINVAL, "refuses a space"},
        {HEAD TAIL "\n", PV_EINVAL, "refuses a line feed"},
        {HEAD TAIL "}", PV_EINVAL, "refuses bytes behind the end"},
        {HEAD "\"reason\":\"no-grant\"," TAIL, PV_EINVAL,
         "refuses fields out of order"},
        {"{\"consumer\":\"setad\",\"decision\":\"refused\"," TAIL, PV_EINVAL,
         "refuses a refusal without a reason"},
        {"{\"consumer\":\"Setad\",\"decision\":\"allowed\"," TAIL, PV_EINVAL,
         "refuses upper case in an id"},
        {"{\"consumer\":\"\",\"decision\":\"allowed\"," TAIL, PV_EINVAL,
         "refuses an empty id"},
        {"{\"consumer\":\"setad\",\"decision\":\"maybe\"," TAIL, PV_EINVAL,
         "refuses an unknown decision"},
        {"{\"consumer\":\"setad\",\"decision\":\"allowed\",\"hop\":0,\"id\":"
         "\"" ID "\",\"image\":1,\"node\":\"n\",\"size\":\"0\",\"time\":1,"
         "\"type\":\"request\",\"v\":1}",
         PV_EINVAL, "refuses an allowed call without a method"},
        {"{\"consumer\":\"s\",\"decision\":\"refused\",\"hop\":0,\"id\":\"" ID
         "\",\"image\":01,\"node\":\"n\",\"reason\":\"r\",\"size\":\"0\","
         "\"time\":1,\"type\":\"request\",\"v\":1}",
         PV_EINVAL, "refuses a leading zero"},
        {"{\"consumer\":\"s\",\"decision\":\"refused\",\"hop\":0,\"id\":\"" ID
         "\",\"image\":9007199254740992,\"node\":\"n\",\"reason\":\"r\","
         "\"size\":\"0\",\"time\":1,\"type\":\"request\",\"v\":1}",
         PV_EINVAL, "refuses a number no double holds exactly"},
        {"{\"consumer\":\"s\",\"decision\":\"refused\",\"hop\":1,\"id\":\"" ID
         "\",\"image\":1,\"node\":\"n\",\"reason\":\"r\",\"size\":\"0\","
         "\"time\":1,\"type\":\"request\",\"v\":1}",
         PV_EINVAL, "refuses a hop without via"},
        {"{\"consumer\":\"s\",\"decision\":\"refused\",\"hop\":0,\"id\":\"" ID
         "\",\"image\":1,\"node\":\"n\",\"reason\":\"r\",\"size\":\"2k\","
         "\"time\":1,\"type\":\"request\",\"v\":1}",
         PV_EINVAL, "refuses a size that is no class"},
        {"{\"consumer\":\"s\",\"decision\":\"refused\",\"hop\":0,\"id\":\"" ID
         "\",\"image\":1,\"node\":\"n\",\"reason\":\"r\",\"size\":\"0\","
         "\"time\":1,\"type\":\"request\",\"v\":2}",
         PV_EVERSION, "refuses a later version"},
        {"{\"done\":[],\"node\":\"n\"" SALTED
         ",\"type\":\"completions\",\"v\":1}",
         PV_EINVAL, "refuses completions without items"},
        {"{\"done\":[[1,2,3,4,\"yes\"]],\"node\":\"n\"" SALTED
         ",\"type\":\"completions\",\"v\":1}",
         PV_EINVAL, "refuses an outcome that is no class"},
        {"{\"done\":[[1,2,3,4.0,\"answered\"]],\"node\":\"n\"" SALTED
         ",\"type\":\"completions\",\"v\":1}",
         PV_EINVAL, "refuses a fraction"},
        {"{\"epoch\":\"00FFEEDDCCBBAA99\",\"node\":\"n\",\"open\":3,\"time\":1,"
         "\"type\":\"worker-lost\",\"v\":1}",
         PV_EINVAL, "refuses an epoch in upper case"},
        {"{\"done\":[[1,2,3,4,\"answered\"]],\"node\":\"n\","
         "\"type\":\"completions\",\"v\":1}",
         PV_EINVAL, "refuses completions without salt"},
        {"{\"count\":65536,\"decision\":\"d\",\"first\":0,\"node\":"
         "\"n\",\"salt\":\"0123456789ABCDEF0123456789ABCDEF\",\"time\":1,"
         "\"type\":\"pruned\",\"v\":1}",
         PV_EINVAL, "refuses salt in upper case"},
        {"{\"count\":65536,\"decision\":\"d\",\"first\":0,\"node\":"
         "\"n\",\"salt\":\"0123456789abcdef\",\"time\":1,\"type\":"
         "\"pruned\",\"v\":1}",
         PV_EINVAL, "refuses half the salt"},
        {"{", PV_EINVAL, "refuses a stump"},
        {"", PV_EINVAL, "refuses nothing"},
    };

    (void)state; /* cmocka's */
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_slice  line = pv_slice_from(row[i].line);
        struct pv_record record;

        print_message("# parse %s\n", row[i].says);
        memset(&record, 0, sizeof(record));
        assert_int_equal(pv_record_parse(line, &record), row[i].err);
        if (row[i].err == PV_OK) {
            law(line, &record);
        } else {
            assert_int_equal(record.type, 0);
        }
    }
}

/* Every cut and every changed byte of a line is another record or none. */
static void
holds_under_change(void **state)
{
    static const char line[] = FULL;
    char              copy[sizeof(line)];
    struct pv_record  record;

    (void)state; /* cmocka's */
    for (size_t len = 0; len < sizeof(line) - 1; len++) {
        assert_int_equal(pv_record_parse((struct pv_slice){line, len}, &record),
                         PV_EINVAL);
    }
    for (size_t at = 0; at < sizeof(line) - 1; at++) {
        for (int c = 0; c < 256; c++) {
            struct pv_slice changed = {copy, sizeof(line) - 1};

            memcpy(copy, line, sizeof(line));
            copy[at] = (char)c;
            if (pv_record_parse(changed, &record) == PV_OK) {
                law(changed, &record);
            }
        }
    }
}

static void
needs_room(void **state)
{
    struct pv_record record;
    struct pv_slice  line = PV_LIT(FULL);
    char             room[PV_RECORD_MAX];
    size_t           len = 0;

    (void)state; /* cmocka's */
    assert_int_equal(pv_record_parse(line, &record), PV_OK);
    for (size_t n = 0; n < line.len; n++) {
        assert_int_equal(
            pv_record_write_request(&record.request, room, n, &len), PV_ERANGE);
        assert_int_equal(len, 0);
    }
    assert_int_equal(
        pv_record_write_request(&record.request, room, line.len, &len), PV_OK);
}

static void
completions_keep_room_for_their_end(void **state)
{
    struct pv_completion item = {PV_RECORD_NUMBER_MAX, 1, 2, 3,
                                 PV_OUTCOME_UNAVAILABLE};
    char                 room[2048];
    size_t               len = 0;
    size_t               count = 0;
    struct pv_record     record;

    (void)state; /* cmocka's */
    assert_int_equal(pv_record_begin_completions(room, sizeof(room), &len),
                     PV_OK);
    assert_int_equal(pv_record_end_completions(room, sizeof(room), &len,
                                               PV_LIT("nix"), PV_LIT(SALT)),
                     PV_EINVAL);
    while (pv_record_add_completion(room, sizeof(room), &len, &item,
                                    count == 0) == PV_OK) {
        count++;
    }
    assert_true(count > 10);
    assert_int_equal(pv_record_end_completions(room, sizeof(room), &len,
                                               PV_LIT("nix"), PV_LIT(SALT)),
                     PV_OK);
    assert_int_equal(pv_record_parse((struct pv_slice){room, len}, &record),
                     PV_OK);
    assert_int_equal(record.completion_count, count);
    assert_true(pv_slice_eq(record.node, PV_LIT("nix")));
}

static void
size_classes(void **state)
{
    static const struct {
        uint64_t    len;
        const char *word;
    } row[] = {
        {0, "0"},
        {1, "1k"},
        {1024, "1k"},
        {1025, "4k"},
        {4096, "4k"},
        {16384, "16k"},
        {16385, "64k"},
        {65537, "256k"},
        {262145, "1m"},
        {1048576, "1m"},
        {1048577, "big"},
        {UINT64_MAX - 1, "big"},
        {UINT64_MAX, "chunked"},
    };

    (void)state; /* cmocka's */
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_true(pv_slice_eq(pv_record_size_class(row[i].len),
                                pv_slice_from(row[i].word)));
    }
}

int
main(void)
{
    const struct CMUnitTest test[] = {
        cmocka_unit_test(parse),
        cmocka_unit_test(holds_under_change),
        cmocka_unit_test(needs_room),
        cmocka_unit_test(completions_keep_room_for_their_end),
        cmocka_unit_test(size_classes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(test, NULL, NULL);
}
