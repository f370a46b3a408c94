/* Answers held against their contract by who got them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "contract/coding.h"
#include "contract/pages.h"
#include "contract/reply.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW_MS INT64_C(1679400000000) /* 1402-01-01 in Tehran */
#define DAY_MS INT64_C(86400000)

static struct pv_data_items *items;
static struct pv_contract   *contract;

/* ' stands for " */
#define CONTRACT                                                               \
    "{'contract':1,'service':'sample','version':'v1','provider':'p',"          \
    "'basis':'proposed','title_fa':'x','title_en':'x','methods':["             \
    "{'id':'verify','pattern':'verify','deadline_ms':3000,"                    \
    "'inputs':[{'name':'iban','type':'iban'}],"                                \
    "'outputs':[{'name':'result','type':'yes_no'}],"                           \
    "'meaning':{'yes_fa':'هست','yes_en':'so','no_fa':'نیست',"           \
    "'no_en':'not so'}},"                                                      \
    "{'id':'person','pattern':'inquiry','deadline_ms':3000,'timed':true,"      \
    "'coverage':{'from':'1390-01-01','text_fa':'x','text_en':'x'},"            \
    "'inputs':[{'name':'id','type':'national_id'}],"                           \
    "'outputs':[{'name':'first_name','type':'first_name'},"                    \
    "{'name':'postal_code','type':'postal_code','until':'1402-01-01'},"        \
    "{'name':'owner','type':'person_unique_id'},"                              \
    "{'name':'homes','type':'list','items':["                                  \
    "{'name':'postal_code','type':'postal_code'}]}]},"                         \
    "{'id':'numbers','pattern':'list','deadline_ms':3000,"                     \
    "'inputs':[{'name':'after','type':'count','required':false,"               \
    "'absent_fa':'x','absent_en':'x'}],"                                       \
    "'outputs':[{'name':'all','type':'list','items':["                         \
    "{'name':'n','type':'count'}]}],'pages':{'key':'n','after':'after'}},"     \
    "{'id':'codes','pattern':'list','deadline_ms':3000,"                       \
    "'inputs':[{'name':'after','type':'division_code','required':false,"       \
    "'absent_fa':'x','absent_en':'x'}],"                                       \
    "'outputs':[{'name':'all','type':'list','items':["                         \
    "{'name':'n','type':'division_code'}]}],"                                  \
    "'pages':{'key':'n','after':'after'}},"                                    \
    "{'id':'coded','pattern':'inquiry','deadline_ms':3000,"                    \
    "'inputs':[{'name':'place','type':'division_code'}],"                      \
    "'outputs':[{'name':'above','type':'division_code'}],"                     \
    "'coding':{'map':'m','list':'m/own','type':'division_code'}}]}"

#define THEIRS                                                                 \
    "'found':'yes','coding':'m/b','code_map':'m','code_map_version':'2'"
#define BESIDE                                                                 \
    "'found':'yes','coverage_from':'1390-01-01',"                              \
    "'determined_at':'2023-03-21T12:00:00.000Z'"

/* The text with " for ', in a room of the test's own. */
static struct pv_slice
quoted(const char *text, char *room, size_t size)
{
    size_t len = strlen(text);

    assert_true(len < size);
    for (size_t i = 0; i <= len; i++) {
        room[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    }
    return (struct pv_slice){room, len};
}

static int
set_up(void **state)
{
    static char   room[4096];
    struct pv_why why = {""};
    enum pv_err   err;

    (void)state;
    assert_int_equal(pv_data_items_new(&items), PV_OK);
    assert_int_equal(
        pv_data_items_add_file(
            items, PV_SOURCE_ROOT "/catalogue/data_items.json", &why),
        PV_OK);
    assert_int_equal(
        pv_data_items_add_file(
            items, PV_SOURCE_ROOT "/catalogue/enactment.json", &why),
        PV_OK);
    assert_int_equal(pv_data_items_finish(items, &why), PV_OK);
    err = pv_contract_load(quoted(CONTRACT, room, sizeof(room)), items,
                           &contract, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(err, PV_OK);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pv_contract_free(contract);
    pv_data_items_free(items);
    return 0;
}

static void
answer_is_what_its_contract_says(void **state)
{
    static const struct {
        const char        *method;
        const char        *body;
        enum pv_fault_kind fault;
        const char        *member;
    } row[] = {
        {"verify", "{'result':'yes'}", PV_FAULT_NONE, ""},
        {"verify", "{'result':'no'}      ", PV_FAULT_NONE, ""},
        {"verify", "{'result':'maybe'}", PV_FAULT_PATTERN, "result"},
        {"verify", "{'result':true}", PV_FAULT_NOT_STRING, "result"},
        {"verify", "{}", PV_FAULT_MISSING, "result"},
        {"verify", "{'result':'yes','found':'yes'}", PV_FAULT_UNKNOWN, "found"},
        {"verify", "{'result':'yes','order_token':'x'}", PV_FAULT_UNKNOWN,
         "order_token"},
        {"verify", "{'result':'yes','result':'no'}", PV_FAULT_NOT_JSON, ""},
        {"verify", "['yes']", PV_FAULT_NOT_OBJECT, ""},
        {"verify", "", PV_FAULT_NOT_JSON, ""},
        {"person", "{" BESIDE ",'first_name':'a'}", PV_FAULT_NONE, ""},
        {"person",
         "{'found':'no','coverage_from':'1390-01-01',"
         "'determined_at':'2023-03-21T12:00:00.000Z'}",
         PV_FAULT_NONE, ""},
        {"person", "{" BESIDE ",'gender':'1'}", PV_FAULT_UNKNOWN, "gender"},
        {"person", "{" BESIDE ",'postal_code':'123'}", PV_FAULT_PATTERN,
         "postal_code"},
        {"person", "{" BESIDE ",'homes':[{'postal_code':'1234567890'}]}",
         PV_FAULT_NONE, ""},
        {"person", "{" BESIDE ",'homes':[{'first_name':'a'}]}",
         PV_FAULT_UNKNOWN, "homes[0].first_name"},
        {"person", "{" BESIDE ",'owner':'9991234561'}", PV_FAULT_NONE, ""},
        {"person",
         "{" BESIDE ",'owner':{'type':'national_id','value':'9991234561'}}",
         PV_FAULT_NOT_STRING, "owner"},
        {"person", "{'first_name':'a'}", PV_FAULT_MISSING, "found"},
        {"person", "{'found':'yes','determined_at':'2023-03-21T12:00:00.000Z'}",
         PV_FAULT_MISSING, "coverage_from"},
        {"person",
         "{'found':'yes','coverage_from':'1391-01-01',"
         "'determined_at':'2023-03-21T12:00:00.000Z'}",
         PV_FAULT_MISSING, "coverage_from"},
        {"person", "{'found':'yes','coverage_from':'1390-01-01'}",
         PV_FAULT_MISSING, "determined_at"},
        {"coded", "{'found':'yes','above':'17'}", PV_FAULT_NONE, ""},
        {"coded", "{" THEIRS ",'above':'17'}", PV_FAULT_NONE, ""},
        {"coded",
         "{" THEIRS ",'above':{'type':'m/own','value':'17',"
         "'partners':'many'}}",
         PV_FAULT_NONE, ""},
        {"coded",
         "{" THEIRS ",'above':{'type':'m/b','value':'17','partners':'many'}}",
         PV_FAULT_CODING, "above"},
        {"coded",
         "{" THEIRS ",'above':{'type':'m/own','value':'17','partners':'one'}}",
         PV_FAULT_CODING, "above"},
        {"coded",
         "{" THEIRS ",'above':{'type':'m/own','value':'a','partners':'none'}}",
         PV_FAULT_PATTERN, "above"},
        {"coded",
         "{'found':'yes','above':{'type':'m/own','value':'17',"
         "'partners':'none'}}",
         PV_FAULT_NOT_STRING, "above"},
        {"coded", "{'found':'yes','coding':'m/b','above':'17'}",
         PV_FAULT_CODING, "code_map"},
        {"coded",
         "{'found':'yes','coding':'m/b','code_map':'n',"
         "'code_map_version':'2'}",
         PV_FAULT_CODING, "code_map"},
        {"person", "{" BESIDE ",'coding':'m/b'}", PV_FAULT_UNKNOWN, "coding"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_fault fault = {PV_FAULT_NONE, ""};
        char            room[512];
        enum pv_err     err = pv_reply_check(
                pv_contract_method(contract, pv_slice_from(row[i].method)),
                quoted(row[i].body, room, sizeof(room)), NOW_MS, &fault);

        if (err != (row[i].fault == PV_FAULT_NONE ? PV_OK : PV_EINVAL) ||
            fault.kind != row[i].fault ||
            strcmp(fault.member, row[i].member) != 0) {
            fail_msg("%s: %.*s %s", row[i].body,
                     PV_FMT(pv_fault_word(fault.kind)), fault.member);
        }
    }
}

/* */
static void
an_answer_is_in_the_coding_that_was_asked_for(void **state)
{
    static const struct {
        const char *question;
        const char *answer;
        bool        same;
    } row[] = {
        {"{'place':'1'}", "{'found':'no'}", true},
        {"{'place':'1','coding':'m/b'}", "{" THEIRS "}", true},
        {"{'place':'1','coding':'m/b'}", "{'found':'no'}", false},
        {"{'place':'1','coding':'m/c'}", "{" THEIRS "}", false},
        {"{'place':'1'}", "{" THEIRS "}", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_fault fault = {PV_FAULT_NONE, ""};
        char            question[256];
        char            answer[256];
        enum pv_err     err = pv_coding_check_reply(
                pv_contract_method(contract, PV_LIT("coded")),
                quoted(row[i].question, question, sizeof(question)),
                quoted(row[i].answer, answer, sizeof(answer)), &fault);

        assert_int_equal(err, row[i].same ? PV_OK : PV_EINVAL);
        assert_int_equal(fault.kind,
                         row[i].same ? PV_FAULT_NONE : PV_FAULT_CODING);
    }
}

#define UNITED                                                                 \
    "{'contract':1,'service':'s','version':'v1','provider':'p',"               \
    "'basis':'proposed','title_fa':'x','title_en':'x','sources':[{"            \
    "'document':'d','clause':'c'}],'methods':[{'id':'owner',"                  \
    "'pattern':'inquiry','deadline_ms':3000,"                                  \
    "'inputs':[{'name':'who','type':'person_unique_id'}],"                     \
    "'outputs':[{'name':'owner','type':'person_unique_id'}],"                  \
    "'coding':{'map':'m','list':'m/own','type':'legal_person_id'}}]}"

/* codes are those of one member of a union. */
static void
a_code_in_a_union_is_translated_and_its_other_members_are_not(void **state)
{
    static const struct {
        const char *type;
        const char *given;
        const char *asked;    /* of the provider */
        const char *answered; /* of "99900123455" or the person's own number */
    } row[] = {
        {"legal_person_id", "'11111111111'", "99900123455", "11111111111"},
        {"legal_person_id", "{'type':'legal_person_id','value':'11111111111'}",
         "99900123455", "11111111111"},
        {"national_id", "'9991234561'", "9991234561", "9991234561"},
    };
    struct pv_contract *united = NULL;
    struct pv_code_map  map = {.list = "m/b"};
    struct pv_why       why = {""};
    json_t *maps = json_pack("{s:s,s:{s:s},s:{s:s}}", "version", "2", "from",
                             "11111111111", "99900123455", "to", "99900123455",
                             "11111111111");
    char    room[2048];

    (void)state;
    assert_int_equal(pv_contract_load(quoted(UNITED, room, sizeof(room)), items,
                                      &united, &why),
                     PV_OK);
    map.version = json_object_get(maps, "version");
    map.from = json_object_get(maps, "from");
    map.to = json_object_get(maps, "to");
    for (size_t i = 0; i < COUNT(row); i++) {
        const struct pv_contract_method *method =
            pv_contract_method(united, PV_LIT("owner"));
        struct pv_fault   fault = {PV_FAULT_NONE, ""};
        struct pv_request request = {.root = json_object()};
        json_t           *body = json_pack("{s:s}", "owner", row[i].asked);

        (void)json_object_set_new(
            request.root, "who",
            json_loads(quoted(row[i].given, room, sizeof(room)).ptr,
                       JSON_DECODE_ANY, NULL));
        request.value[0] = (struct pv_value){
            .present = true,
            .type = pv_data_items_find(items, pv_slice_from(row[i].type)),
            .text = pv_slice_from(row[i].answered)}; /* as it was given */
        assert_int_equal(pv_coding_request(method, &map, &request, &fault),
                         PV_OK);
        assert_true(
            pv_slice_eq(request.value[0].text, pv_slice_from(row[i].asked)));
        assert_int_equal(pv_coding_answer(method, &map, body), PV_OK);
        assert_string_equal(json_string_value(json_object_get(body, "owner")),
                            row[i].answered);
        json_decref(body);
        json_decref(request.root);
    }
    json_decref(maps);
    pv_contract_free(united);
}

static void
order_token_is_base64_of_few_bytes(void **state)
{
    static const struct {
        const char *token;
        bool        fits;
        const char *sentence;
    } row[] = {
        {"", true, "takes an empty one: it opens nothing"},
        {"Az09+/==", true, "takes letters, digits, + and /, and two ="},
        {"=AAA", false, "refuses = before the end"},
        {"AAAA===", false, "refuses a third ="},
        {"AA-A", false, "refuses another sign"},
        {"AA A", false, "refuses a blank"},
        {"\xdb\xb5", false, "refuses a Persian digit"},
        {"0123456789012345678901234567890123456789012345678901234567890123",
         true, "takes as many as there may be"},
        {"01234567890123456789012345678901234567890123456789012345678901234",
         false, "refuses one more"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        if (pv_order_token_fits(pv_slice_from(row[i].token)) != row[i].fits) {
            fail_msg("order_token %s", row[i].sentence);
        }
    }
}

/* R-178; the last day is a day on which it may be sent. */
static void
dated_item_is_refused_after_its_last_day(void **state)
{
    const struct pv_contract_method *person =
        pv_contract_method(contract, PV_LIT("person"));
    struct pv_fault fault = {PV_FAULT_NONE, ""};
    char            room[256];
    struct pv_slice dated =
        quoted("{" BESIDE ",'postal_code':'1234567890'}", room, sizeof(room));

    (void)state;
    assert_int_equal(pv_reply_check(person, dated, NOW_MS, &fault), PV_OK);
    assert_int_equal(pv_reply_check(person, dated, NOW_MS + DAY_MS, &fault),
                     PV_EINVAL);
    assert_int_equal(fault.kind, PV_FAULT_OVER);
    assert_string_equal(fault.member, "postal_code");
    dated = quoted("{" BESIDE ",'homes':[{'postal_code':'1234567890'}]}", room,
                   sizeof(room)); /* another item of the same name */
    assert_int_equal(pv_reply_check(person, dated, NOW_MS + DAY_MS, &fault),
                     PV_OK);
}

static void
yes_and_no_have_their_meaning(void **state)
{
    const struct pv_contract_method *verify =
        pv_contract_method(contract, PV_LIT("verify"));

    (void)state;
    assert_string_equal(
        pv_reply_meaning(verify, PV_LIT("{\"result\":\"yes\"}"), "en"), "so");
    assert_string_equal(
        pv_reply_meaning(verify, PV_LIT("{\"result\":\"no\"}"), "fa"), "نیست");
    assert_null(pv_reply_meaning(verify, PV_LIT("{}"), "en"));
    assert_null(pv_reply_meaning(verify, PV_LIT("{\"result\":\"no\"}"), "xx"));
    assert_null(pv_reply_meaning(pv_contract_method(contract, PV_LIT("person")),
                                 PV_LIT("{\"found\":\"yes\"}"), "en"));
}

static void
page_ascends_from_where_it_was_asked(void **state)
{
    static const struct {
        const char        *method;
        const char        *question;
        const char        *answer;
        enum pv_fault_kind fault;
        const char        *last; /* of the rows; "": the list is whole */
    } row[] = {
        {"numbers", "{}", "{'found':'yes','all':[{'n':'9'},{'n':'10'}]}",
         PV_FAULT_NONE, "10"},
        {"codes", "{}", "{'found':'yes','all':[{'n':'10'},{'n':'9'}]}",
         PV_FAULT_NONE, "9"},
        {"codes", "{}", "{'found':'yes','all':[{'n':'9'},{'n':'10'}]}",
         PV_FAULT_ORDER, ""},
        {"codes", "{}", "{'found':'yes','all':[{'n':'01'},{'n':'0101'}]}",
         PV_FAULT_NONE, "0101"},
        {"numbers", "{'after':'9'}", "{'found':'yes','all':[{'n':'10'}]}",
         PV_FAULT_NONE, "10"},
        {"numbers", "{'after':'010'}", "{'found':'yes','all':[{'n':'10'}]}",
         PV_FAULT_ORDER, ""},
        {"numbers", "{'after':'11'}", "{'found':'yes','all':[{'n':'10'}]}",
         PV_FAULT_ORDER, ""},
        {"numbers", "{}", "{'found':'yes','all':[{'n':'1'},{'n':'1'}]}",
         PV_FAULT_ORDER, ""},
        {"numbers", "{}", "{'found':'yes','all':[{'n':'1'},{}]}",
         PV_FAULT_MISSING, ""},
        {"numbers", "{'after':'5'}", "{'found':'no','all':[]}", PV_FAULT_NONE,
         ""},
        {"numbers", "{'after':'5'}", "{'found':'no'}", PV_FAULT_MISSING, ""},
        {"numbers", "{'after':'5'}", "{'found':'yes','all':[]}",
         PV_FAULT_MISSING, ""},
        {"numbers", "{'after':'5'}", "{'found':'no','all':[{'n':'7'}]}",
         PV_FAULT_MISSING, ""},
        {"verify", "{}", "{'result':'yes'}", PV_FAULT_NONE, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_fault fault = {PV_FAULT_NONE, ""};
        struct pv_buf   last;
        char            room[2][512];
        enum pv_err     err;

        pv_buf_init(&last, PV_VALUE_MAX);
        err = pv_page_check_reply(
            pv_contract_method(contract, pv_slice_from(row[i].method)),
            quoted(row[i].question, room[0], sizeof(room[0])),
            quoted(row[i].answer, room[1], sizeof(room[1])), &last, &fault);
        if (err != (row[i].fault == PV_FAULT_NONE ? PV_OK : PV_EINVAL) ||
            fault.kind != row[i].fault ||
            !pv_slice_eq(pv_buf_view(&last), pv_slice_from(row[i].last))) {
            fail_msg("%s to %s: %.*s", row[i].answer, row[i].question,
                     PV_FMT(pv_fault_word(fault.kind)));
        }
        pv_buf_clear(&last);
    }
}

static void
next_question_is_the_same_from_another_key(void **state)
{
    struct pv_buf next;
    char          room[64];

    (void)state;
    pv_buf_init(&next, 256);
    assert_int_equal(
        pv_page_next(pv_contract_method(contract, PV_LIT("numbers")),
                     quoted("{'after':'3','x':'y'}", room, sizeof(room)),
                     PV_LIT("7"), &next),
        PV_OK);
    assert_true(pv_slice_eq(pv_buf_view(&next),
                            PV_LIT("{\"after\":\"7\",\"x\":\"y\"}")));
    assert_int_equal(
        pv_page_next(pv_contract_method(contract, PV_LIT("numbers")),
                     PV_LIT("[]"), PV_LIT("7"), &next),
        PV_EINVAL);
    pv_buf_clear(&next);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_is_what_its_contract_says),
        cmocka_unit_test(an_answer_is_in_the_coding_that_was_asked_for),
        cmocka_unit_test(
            a_code_in_a_union_is_translated_and_its_other_members_are_not),
        cmocka_unit_test(order_token_is_base64_of_few_bytes),
        cmocka_unit_test(dated_item_is_refused_after_its_last_day),
        cmocka_unit_test(yes_and_no_have_their_meaning),
        cmocka_unit_test(page_ascends_from_where_it_was_asked),
        cmocka_unit_test(next_question_is_the_same_from_another_key),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
