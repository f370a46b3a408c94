#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "contract/answer.h"
#include "contract/opened.h"
#include "contract/request.h"
#include "contract/service.h"

#define NOW_MS INT64_C(1679400000000) /* 1402-01-01 in Tehran */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct pv_data_items *items;
static struct pv_contract   *contract; /* CONTRACT, below */
static struct pv_service    *service;  /* GOOD, below */

/* one method of each answer; ' stands for " */
#define HEAD "'service':'sample','version':'v1','provider':'p',"
#define CONTRACT                                                               \
    "{'contract':1," HEAD                                                      \
    "'basis':'proposed','title_fa':'x','title_en':'x','methods':["             \
    "{'id':'verify','pattern':'verify','deadline_ms':3000,'inputs':["          \
    "{'name':'national_id','type':'national_id'},"                             \
    "{'name':'holder','type':'person_unique_id','required':false,"             \
    "'absent_fa':'x','absent_en':'x'},"                                        \
    "{'name':'amount','type':'amount_rial','required':false,"                  \
    "'absent_fa':'x','absent_en':'x'}],"                                       \
    "'member':{'input':'national_id','text_fa':'x','text_en':'x'},"            \
    "'outputs':[{'name':'result','type':'yes_no'}],"                           \
    "'meaning':{'yes_fa':'y','yes_en':'y','no_fa':'n','no_en':'n'}},"          \
    "{'id':'record','pattern':'inquiry','deadline_ms':3000,'inputs':[],"       \
    "'outputs':[{'name':'a','type':'object','items':["                         \
    "{'name':'id','type':'national_id'},"                                      \
    "{'name':'name','type':'first_name'}]},{'name':'n','type':'count'}]},"     \
    "{'id':'rows','pattern':'list','deadline_ms':3000,'inputs':[],"            \
    "'outputs':[{'name':'all','type':'list','items':["                         \
    "{'name':'code','type':'division_code'}]},"                                \
    "{'name':'as_of','type':'last_change_date'},"                              \
    "{'name':'n','type':'count'}],'max_rows':2},"                              \
    "{'id':'act','pattern':'command','deadline_ms':3000,'inputs':[],"          \
    "'outputs':[{'name':'n','type':'count'}],'idempotency':{'keep_days':1}}]}"
#define VERIFY                                                                 \
    "{'id':'verify','answer':'yes-if-row',"                                    \
    "'member_statement':'SELECT 1 FROM m WHERE id = :national_id',"            \
    "'statement':'SELECT 1 FROM a WHERE b = :national_id AND c = :holder "     \
    "AND d = :holder.type AND e = ' ':no' AND f::text = :amount'}"
#define RECORD "{'id':'record','statement':'SELECT 1','answer':'record'}"
#define ROWS                                                                   \
    "{'id':'rows','statement':'SELECT code FROM d','answer':'rows',"           \
    "'rows_as':'all','constants':{'n':'5'},"                                   \
    "'scalar_statement':'SELECT as_of FROM s'}"
#define ACT                                                                    \
    "{'id':'act','answer':'record','steps':["                                  \
    "{'statement':'UPDATE a SET b = 1','needed':false},"                       \
    "{'statement':'SELECT n FROM a WHERE c = :payvand_tracking_id'}]}"
#define GOOD                                                                   \
    "{'format':2," HEAD "'methods':[" VERIFY "," RECORD "," ROWS "," ACT "]}"

/* ' to ", and ' ' to ' for quotes in SQL */
static struct pv_slice
json_of(const char *text)
{
    static char room[8192]; /* until the next one */
    size_t      len = 0;

    for (size_t i = 0; text[i] != '\0' && len < sizeof(room) - 1; i++) {
        if (text[i] == '\'' && text[i + 1] == ' ' && text[i + 2] == '\'') {
            room[len++] = '\'';
            i += 2;
        } else if (strncmp(text + i, ":no'", 4) == 0) {
            memcpy(room + len, ":no'", 4);
            len += 4;
            i += 3;
        } else {
            room[len++] = text[i] == '\'' ? '"' : text[i];
        }
    }
    return (struct pv_slice){room, len};
}

static enum pv_err
load_service(struct pv_slice text, struct pv_service **ret, struct pv_why *why)
{
    const struct pv_contract *const known[] = {contract};

    return pv_service_load(text, known, 1, ret, why);
}

static int
load_all(void **state)
{
    struct pv_why why = {""};

    (void)state;
    assert_int_equal(pv_data_items_new(&items), PV_OK);
    if (pv_data_items_add_file(items,
                               PV_SOURCE_ROOT "/catalogue/data_items.json",
                               &why) != PV_OK ||
        pv_data_items_add_file(
            items, PV_SOURCE_ROOT "/catalogue/enactment.json", &why) != PV_OK ||
        pv_data_items_add_file(
            items, PV_SOURCE_ROOT "/catalogue/data_items_proposed.json",
            &why) != PV_OK ||
        pv_data_items_finish(items, &why) != PV_OK ||
        pv_contract_load(json_of(CONTRACT), items, &contract, &why) != PV_OK ||
        load_service(json_of(GOOD), &service, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
    return 0;
}

static int
free_all(void **state)
{
    (void)state;
    pv_service_free(service);
    pv_contract_free(contract);
    pv_data_items_free(items);
    return 0;
}

static void
catalogue_loads(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(
        glob(PV_SOURCE_ROOT "/catalogue/services/*/*.json", 0, NULL, &found),
        0);
    assert_true(found.gl_pathc >= 15);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char                      path[4096];
        struct pv_contract       *of = NULL;
        struct pv_service        *one = NULL;
        struct pv_why             why = {""};
        const struct pv_contract *known[1];
        const char *place = strstr(found.gl_pathv[i], "/services/");

        (void)snprintf(path, sizeof(path),
                       PV_SOURCE_ROOT "/catalogue/contracts/%s",
                       place + strlen("/services/"));
        if (pv_contract_load_file(path, items, &of, &why) != PV_OK) {
            fail_msg("%s", why.text);
        }
        known[0] = of;
        if (pv_service_load_file(found.gl_pathv[i], known, 1, &one, &why) !=
            PV_OK) {
            fail_msg("%s", why.text);
        }
        pv_service_free(one);
        pv_contract_free(of);
    }
    globfree(&found);
}

static void
file_is_understood(void **state)
{
    const struct pv_method *verify = &service->method[0];

    (void)state;
    assert_int_equal(service->method_count, 4);
    assert_string_equal(verify->contract->path, "/x/p/sample/v1/verify");
    assert_string_equal(verify->statement.sql,
                        "SELECT 1 FROM a WHERE b = ? AND c = ? AND d = ? "
                        "AND e = ':no' AND f::text = ?");
    assert_int_equal(verify->statement.bind_count, 4);
    assert_int_equal(verify->statement.bind[2].input, 1);
    assert_true(verify->statement.bind[2].type);
    assert_false(verify->statement.bind[1].type);
    assert_true(service->method[2].column[2].source == PV_FROM_CONSTANT);
    assert_int_equal(service->method[3].step_count, 2);
    assert_false(service->method[3].step[0].needed);
    assert_true(service->method[3].step[1].needed);
    assert_int_equal(service->method[3].step[1].statement.bind[0].input,
                     PV_BIND_CALL + PV_CALL_TRACKING_ID);
}

/* GOOD with one thing replaced; the reason holds the word. */
static void
faults_are_refused(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *word;
    } row[] = {
        {"'format':2", "'format':1", "format"},
        {"'service'", "'colour':1,'service'", "line 1, /colour"},
        {"'service':'sample'", "'service':'other'", "no contract of other"},
        {"'version':'v1'", "'version':'v2'", "v2"},
        {"'id':'record'", "'id':'verify'", "already"},
        {"'id':'record'", "'id':'none'", "no method \"none\""},
        {"'answer':'record','steps'", "'answer':'rows','steps'",
         "pattern command"},
        {"'answer':'record','steps'", "'answer':'yes-if-done','steps'",
         "yes-if-done"},
        {"'statement':'SELECT 1'", "'statement':'SELECT 1','steps':[]",
         "for commands"},
        {"'steps':[", "'statement':'SELECT 1','steps':[", "steps"},
        {"'needed':false", "'needed':0", "/methods/3/steps/0/needed"},
        {"'needed':false", "'wanted':0", "wanted"},
        {":payvand_tracking_id'", ":payvand_tracking_id','needed':false",
         "one step at least"},
        {":payvand_tracking_id", ":payvand_grant", "payvand_grant"},
        {"= :holder ", "= :payvand_time ", "payvand_time"},
        {":holder ", ":other ", ":other"},
        {"'answer':'yes-if-row'", "'answer':'record'", "verify"},
        {"'answer':'record'", "'answer':'maybe'", "maybe"},
        {"'answer':'record'", "'answer':'record','rows_as':'a'", "rows_as"},
        {"'statement':'SELECT 1',", "", "/methods/1: \"statement\""},
        {"'statement':'SELECT 1'", "'statement':'SELECT ?'", ":name"},
        {"'statement':'SELECT 1'", "'statement':'SELECT 1; DROP TABLE a'",
         "one statement"},
        {"'statement':'SELECT 1'", "'statement':'SELECT `a'", "quote"},
        {"'statement':'SELECT 1'", "'statement':'SELECT /* a'", "comment"},
        {"'rows_as':'all',", "", "rows_as"},
        {"'rows_as':'all'", "'rows_as':'other'", "list"},
        {"'constants':{'n':'5'}", "'constants':{'n':'x'}", "constant"},
        {"'constants':{'n':'5'}", "'constants':{'m':'5'}", "constants"},
        {",'scalar_statement':'SELECT as_of FROM s'", "", "scalar_statement"},
        {"'member_statement':'SELECT 1 FROM m WHERE id = :national_id',", "",
         "member_statement"},
        {"FROM m WHERE id = :national_id", "FROM m", "look at :national_id"},
        {"'id':'record'", "'member_statement':'SELECT 1','id':'record'",
         "stands where"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        const char        *at = strstr(GOOD, row[i].from);
        char               text[8192];
        struct pv_service *one = NULL;
        struct pv_why      why = {""};

        assert_non_null(at);
        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD,
                       row[i].to, at + strlen(row[i].from));
        if (load_service(json_of(text), &one, &why) == PV_OK || one != NULL ||
            strstr(why.text, row[i].word) == NULL) {
            fail_msg("%s for %s: \"%s\" should tell of %s", row[i].to,
                     row[i].from, why.text, row[i].word);
        }
    }
}

/* ---- requests ---- */

static void
requests_are_judged(void **state)
{
    static const struct {
        const char        *body;
        enum pv_fault_kind fault;
        const char        *member;
    } row[] = {
        {"{\"national_id\":\"9991234561\"}", PV_FAULT_NONE, ""},
        {"", PV_FAULT_NOT_JSON, ""},
        {"{", PV_FAULT_NOT_JSON, ""},
        {"{\"national_id\":\"9991234561\"} x", PV_FAULT_NOT_JSON, ""},
        {"{\"national_id\":\"\\u0000\"}", PV_FAULT_NOT_JSON, ""},
        {"{\"national_id\":\"\xff\"}", PV_FAULT_NOT_JSON, ""},
        {"[]", PV_FAULT_NOT_OBJECT, ""},
        {"[[[[[[[[[[[]]]]]]]]]]]", PV_FAULT_TOO_DEEP, ""},
        {"{}", PV_FAULT_MISSING, "national_id"},
        {"{\"national_id\":\"9991234561\",\"national_id\":\"9991234561\"}",
         PV_FAULT_DUPLICATE, "national_id"},
        {"{\"national_id\":\"9991234561\",\"colour\":\"x\"}", PV_FAULT_UNKNOWN,
         "colour"},
        {"{\"national_id\":\"9991234561\",\"9991234561\":\"x\"}",
         PV_FAULT_UNKNOWN, ""},
        {"{\"national_id\":9991234561}", PV_FAULT_NOT_STRING, "national_id"},
        {"{\"national_id\":null}", PV_FAULT_NOT_STRING, "national_id"},
        {"{\"national_id\":\"9991234562\"}", PV_FAULT_CHECK_DIGIT,
         "national_id"},
        {"{\"national_id\":{\"type\":\"national_id\",\"value\":"
         "\"9991234561\"}}",
         PV_FAULT_NOT_STRING, "national_id"},
        {"{\"national_id\":\"9991234561\",\"holder\":{\"type\":"
         "\"legal_person_id\",\"value\":\"99900123455\"}}",
         PV_FAULT_NONE, ""},
        {"{\"national_id\":\"9991234561\",\"holder\":{\"type\":"
         "\"foreigner_code\",\"value\":\"99900123455\"}}",
         PV_FAULT_PATTERN, "holder"},
        {"{\"national_id\":\"9991234561\",\"holder\":{\"type\":"
         "\"postal_code\",\"value\":\"99900123455\"}}",
         PV_FAULT_TYPE, "holder"},
        {"{\"national_id\":\"9991234561\",\"holder\":{\"value\":"
         "\"99900123455\"}}",
         PV_FAULT_ALTERNATIVE, "holder"},
        {"{\"national_id\":\"9991234561\",\"holder\":{\"type\":"
         "\"legal_person_id\",\"value\":\"99900123455\",\"x\":\"\"}}",
         PV_FAULT_ALTERNATIVE, "holder"},
        {"{\"national_id\":\"9991234561\",\"amount\":1000}",
         PV_FAULT_NOT_STRING, "amount"},
        {"{\"national_id\":\"9991234561\",\"amount\":\"1000.5\"}",
         PV_FAULT_PATTERN, "amount"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_request request;
        struct pv_fault   fault = {PV_FAULT_NONE, ""};
        enum pv_err       err = pv_request_parse(service->method[0].contract,
                                                 pv_slice_from(row[i].body), NOW_MS,
                                                 &request, &fault);

        if ((err == PV_OK) != (row[i].fault == PV_FAULT_NONE) ||
            fault.kind != row[i].fault ||
            strcmp(fault.member, row[i].member) != 0) {
            fail_msg("%s: %.*s of \"%s\"", row[i].body,
                     PV_FMT(pv_fault_word(fault.kind)), fault.member);
        }
        if (err == PV_OK) {
            pv_request_clear(&request);
        }
    }
}

static void
too_large_is_refused(void **state)
{
    struct pv_request request;
    struct pv_fault   fault = {PV_FAULT_NONE, ""};
    char             *body = calloc(1, PV_BODY_MAX + 1);

    (void)state;
    assert_non_null(body);
    memset(body, ' ', PV_BODY_MAX + 1);
    assert_int_equal(pv_request_parse(service->method[0].contract,
                                      (struct pv_slice){body, PV_BODY_MAX + 1},
                                      NOW_MS, &request, &fault),
                     PV_EINVAL);
    assert_int_equal(fault.kind, PV_FAULT_TOO_LARGE);
    free(body);
}

static void
parameters_are_bound(void **state)
{
    const struct pv_method *method = &service->method[0];
    struct pv_request       request;
    struct pv_fault         fault;
    struct pv_slice         text;

    (void)state;
    assert_int_equal(pv_request_parse(method->contract,
                                      PV_LIT("{\"national_id\":\"9991234561\","
                                             "\"holder\":\"99900123455\","
                                             "\"amount\":\"0050\"}"),
                                      NOW_MS, &request, &fault),
                     PV_OK);
    assert_true(pv_request_bind(&request, &method->statement.bind[2], &text));
    assert_true(pv_slice_eq(text, PV_LIT("legal_person_id")));
    assert_true(pv_request_bind(&request, &method->statement.bind[3], &text));
    assert_true(pv_slice_eq(text, PV_LIT("50")));
    pv_request_clear(&request);

    assert_int_equal(
        pv_request_parse(method->contract,
                         PV_LIT("{\"national_id\":\"9991234561\"}"), NOW_MS,
                         &request, &fault),
        PV_OK);
    assert_false(pv_request_bind(&request, &method->statement.bind[2], &text));
    pv_request_clear(&request);
}

/* ---- answers ---- */

static enum pv_err
build_of(const char *open, size_t method, const char *const *columns,
         const char *const *cells, size_t row_count, struct pv_buf *out,
         struct pv_fault *fault)
{
    struct pv_slice name[8];
    struct pv_cell  cell[32];
    struct pv_slice as_of = PV_LIT("as_of");
    struct pv_cell  as_of_cell = {false, PV_LIT("1402-01-01")};
    struct pv_rows  scalar = {1, 1, &as_of, &as_of_cell};
    struct pv_rows  rows = {0, row_count, name, cell};
    json_t         *list;
    enum pv_err     err;

    while (columns[rows.column_count] != NULL) {
        name[rows.column_count] = pv_slice_from(columns[rows.column_count]);
        rows.column_count++;
    }
    for (size_t i = 0; i < rows.column_count * row_count; i++) {
        cell[i].null = cells[i] == NULL;
        cell[i].text = pv_slice_from(cells[i]);
    }
    pv_buf_init(out, PV_ANSWER_MAX);
    *fault = (struct pv_fault){PV_FAULT_NONE, ""};
    list = open == NULL ? NULL : json_loads(open, 0, NULL);
    err = pv_answer_build(
        &service->method[method], &rows, &scalar, NOW_MS, PV_LIT(""),
        pv_method_closed(&service->method[method], list, NULL), NULL, out,
        fault);
    json_decref(list); /* accepts NULL */
    return err;
}

/* The answer as whoever got it holds it against the same right. */
static enum pv_err
consumer_takes(const char *open, size_t method, const struct pv_buf *answer)
{
    json_t         *list = json_loads(open, 0, NULL);
    struct pv_fault fault = {PV_FAULT_NONE, ""};
    enum pv_err     err =
        pv_reply_check_items(service->method[method].contract,
                             pv_buf_view(answer), list, NULL, &fault);

    json_decref(list);
    return err;
}

static enum pv_err
build(size_t method, const char *const *columns, const char *const *cells,
      size_t row_count, struct pv_buf *out, struct pv_fault *fault)
{
    return build_of(NULL, method, columns, cells, row_count, out, fault);
}

static void
yes_and_no_have_one_length(void **state)
{
    static const char *const none[] = {NULL};
    struct pv_buf            yes;
    struct pv_buf            no;
    struct pv_fault          fault;

    (void)state;
    assert_int_equal(build(0, none, none, 1, &yes, &fault), PV_OK);
    assert_int_equal(build(0, none, none, 0, &no, &fault), PV_OK);
    assert_int_equal(yes.len, PV_PAD_DEFAULT);
    assert_int_equal(no.len, PV_PAD_DEFAULT);
    assert_true(
        pv_slice_starts(pv_buf_view(&yes), PV_LIT("{\"result\":\"yes\"} ")));
    assert_true(
        pv_slice_starts(pv_buf_view(&no), PV_LIT("{\"result\":\"no\"} ")));
    pv_buf_clear(&yes);
    pv_buf_clear(&no);
}

static void
answers_are_judged(void **state)
{
    static const struct {
        size_t             method;
        const char        *columns[4];
        size_t             rows;
        const char        *cells[9];
        enum pv_fault_kind fault;
        const char        *body; /* or the member */
    } row[] = {
        {1,
         {"n", "a.id", "a.name"},
         1,
         {"5", "9991234561", "x"},
         PV_FAULT_NONE,
         "{\"found\":\"yes\",\"a\":{\"id\":\"9991234561\",\"name\":\"x\"},"
         "\"n\":\"5\"}"},
        {1,
         {"n", "a.id", "a.name"},
         1,
         {"5", NULL, NULL},
         PV_FAULT_NONE,
         "{\"found\":\"yes\",\"n\":\"5\"}"},
        {1,
         {"n", "a.id", "a.name"},
         0,
         {NULL},
         PV_FAULT_NONE,
         "{\"found\":\"no\"}"},
        {1,
         {"n", "a.id", "a.name"},
         1,
         {"5", "9991234562", "x"},
         PV_FAULT_CHECK_DIGIT,
         "a.id"},
        {1,
         {"n", "a.id", "a.name"},
         1,
         {"five", "9991234561", "x"},
         PV_FAULT_PATTERN,
         "n"},
        {1,
         {"n", "a.id", "b"},
         1,
         {"5", "9991234561", "x"},
         PV_FAULT_COLUMN_MISSING,
         "a.name"},
        {1,
         {"n", "a.id", "a.name", "secret"},
         1,
         {"5", "9991234561", "x", "y"},
         PV_FAULT_COLUMN_UNKNOWN,
         ""},
        {1,
         {"n", "a.id", "a.name"},
         2,
         {"5", "9991234561", "x", "5", "9991234561", "x"},
         PV_FAULT_ROWS,
         ""},
        {2,
         {"code"},
         2,
         {"1", "2"},
         PV_FAULT_NONE,
         "{\"found\":\"yes\",\"all\":[{\"code\":\"1\"},{\"code\":\"2\"}],"
         "\"n\":\"5\",\"as_of\":\"1402-01-01\"}"},
        {2,
         {"code"},
         0,
         {NULL},
         PV_FAULT_NONE,
         "{\"found\":\"no\",\"all\":[],\"n\":\"5\","
         "\"as_of\":\"1402-01-01\"}"},
        {2, {"code"}, 3, {"1", "2", "3"}, PV_FAULT_ROWS, "all"},
        {2, {"code"}, 1, {"x"}, PV_FAULT_PATTERN, "code"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        const char     *columns[5] = {NULL};
        struct pv_buf   out;
        struct pv_fault fault;
        enum pv_err     err;

        memcpy(columns, row[i].columns, sizeof(row[i].columns));
        err = build(row[i].method, columns, row[i].cells, row[i].rows, &out,
                    &fault);
        if (fault.kind != row[i].fault ||
            (err == PV_OK) != (row[i].fault == PV_FAULT_NONE) ||
            (err == PV_OK
                 ? !pv_slice_eq(pv_buf_view(&out), pv_slice_from(row[i].body))
                 : strcmp(fault.member, row[i].body) != 0)) {
            fail_msg("%zu: %.*s of \"%s\", %.*s", i,
                     PV_FMT(pv_fault_word(fault.kind)), fault.member,
                     PV_FMT(pv_buf_view(&out)));
        }
        pv_buf_clear(&out);
    }
}

/* what a right does not open is not sent. */
static void
answers_hold_what_a_right_opens(void **state)
{
    static const char *const record[] = {"n", "a.id", "a.name", NULL};
    static const char *const values[] = {"5", "9991234561", "x"};
    static const char *const rows[] = {"code", NULL};
    static const char *const codes[] = {"1", "2"};
    static const struct {
        size_t      method;
        const char *items;
        const char *body;
    } row[] = {
        {1, "[\"n\"]", "{\"found\":\"yes\",\"n\":\"5\"}"},
        {1, "[\"a.name\"]", "{\"found\":\"yes\",\"a\":{\"name\":\"x\"}}"},
        {1, "[\"a\"]",
         "{\"found\":\"yes\",\"a\":{\"id\":\"9991234561\",\"name\":\"x\"}}"},
        {1, "[\"a.nam\",\"a.name.x\",\"\",7]", "{\"found\":\"yes\"}"},
        {1, "[]", "{\"found\":\"yes\"}"},
        {2, "[\"n\"]", "{\"found\":\"yes\",\"n\":\"5\"}"},
        {2, "[\"all.code\"]",
         "{\"found\":\"yes\",\"all\":[{\"code\":\"1\"},{\"code\":\"2\"}]}"},
        {2, "[\"all.n\",\"all.cod\",\"cod\"]", "{\"found\":\"yes\"}"},
        {2, "[\"all\"]",
         "{\"found\":\"yes\",\"all\":[{\"code\":\"1\"},{\"code\":\"2\"}]}"},
        {2, "[\"code\",\"as_of\"]",
         "{\"found\":\"yes\",\"all\":[{\"code\":\"1\"},{\"code\":\"2\"}],"
         "\"as_of\":\"1402-01-01\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        bool            list = row[i].method == 2;
        struct pv_buf   out;
        struct pv_fault fault;

        assert_int_equal(build_of(row[i].items, row[i].method,
                                  list ? rows : record, list ? codes : values,
                                  list ? 2 : 1, &out, &fault),
                         PV_OK);
        if (!pv_slice_eq(pv_buf_view(&out), pv_slice_from(row[i].body))) {
            fail_msg("%zu: %.*s", i, PV_FMT(pv_buf_view(&out)));
        }
        if (consumer_takes(row[i].items, row[i].method, &out) != PV_OK) {
            fail_msg("%zu: the consumer withholds it", i);
        }
        pv_buf_clear(&out);
        assert_int_equal(build_of(NULL, row[i].method, list ? rows : record,
                                  list ? codes : values, list ? 2 : 1, &out,
                                  &fault),
                         PV_OK);
        if (consumer_takes(row[i].items, row[i].method, &out) == PV_OK) {
            fail_msg("%zu: the consumer takes more than the right opens", i);
        }
        pv_buf_clear(&out);
    }
    assert_int_equal(pv_method_closed(&service->method[0], json_null(), NULL),
                     0);
}

/* The same names, held against the answer by who got it. */
static void
an_item_that_is_not_open_is_refused_by_the_consumer(void **state)
{
    static const char answer[] =
        "{\"found\":\"yes\",\"all\":[{\"code\":\"1\"}],\"n\":\"5\","
        "\"as_of\":\"1402-01-01\"}";
    static const struct {
        const char *open;
        const char *over;   /* NULL: none */
        const char *member; /* NULL: it is taken */
    } row[] = {
        {NULL, NULL, NULL},
        {"[\"all\",\"n\",\"as_of\"]", NULL, NULL},
        {"[\"code\",\"n\",\"as_of\"]", NULL, NULL},
        {"[\"all.code\",\"n\"]", NULL, "as_of"},
        {"[\"n\",\"as_of\"]", NULL, "all"},
        {"[\"all.n\",\"n\",\"as_of\"]", NULL, "all"},
        {NULL, "[\"as_of\"]", "as_of"},
        {NULL, "[\"code\"]", "all"},
        {NULL, "[\"all\"]", "all"},
        {NULL, "[\"x\",7,\"\"]", NULL},
        {"[\"all\",\"n\",\"as_of\"]", "[\"n\"]", "n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        json_t *open =
            row[i].open == NULL ? NULL : json_loads(row[i].open, 0, NULL);
        json_t *over =
            row[i].over == NULL ? NULL : json_loads(row[i].over, 0, NULL);
        struct pv_fault fault = {PV_FAULT_NONE, ""};
        enum pv_err     err =
            pv_reply_check_items(service->method[2].contract,
                                 pv_slice_from(answer), open, over, &fault);

        if (err != (row[i].member == NULL ? PV_OK : PV_EINVAL)) {
            fail_msg("%zu: %s", i, fault.member);
        }
        if (row[i].member != NULL) {
            assert_int_equal(fault.kind, PV_FAULT_CLOSED);
            assert_string_equal(fault.member, row[i].member);
        }
        json_decref(open);
        json_decref(over);
    }
}

/* A name that an output beside the list has, too, is that output's. */
static void
a_column_is_not_opened_by_an_outputs_name(void **state)
{
    static const struct {
        const char *open;
        const char *over; /* NULL: none */
        uint64_t    closed;
    } row[] = {
        {"[\"n\"]", NULL, 0x1},      {"[\"all.n\"]", NULL, 0x2},
        {"[\"all\"]", NULL, 0x2},    {"[\"n\",\"all\"]", NULL, 0},
        {"[\"x\"]", NULL, 0x3},      {NULL, "[\"n\"]", 0x2},
        {NULL, "[\"all\"]", 0x1},    {NULL, "[\"all.n\"]", 0x1},
        {NULL, "[\"x\"]", 0},        {"[\"n\",\"all\"]", "[\"n\"]", 0x2},
        {"[\"n\"]", "[\"n\"]", 0x3},
    };
    static struct pv_method method;

    (void)state;
    method.answer = PV_ANSWER_ROWS;
    method.rows_as = service->method[2].rows_as;
    method.column_count = 2;
    method.column[0] =
        (struct pv_column){.name = "n", .source = PV_FROM_STATEMENT};
    method.column[1] =
        (struct pv_column){.name = "n", .source = PV_FROM_SCALAR};
    for (size_t i = 0; i < COUNT(row); i++) {
        json_t *open =
            row[i].open == NULL ? NULL : json_loads(row[i].open, 0, NULL);
        json_t *over =
            row[i].over == NULL ? NULL : json_loads(row[i].over, 0, NULL);

        assert_int_equal(pv_method_closed(&method, open, over), row[i].closed);
        json_decref(open);
        json_decref(over);
    }
}

static void
problem_names_the_member(void **state)
{
    struct pv_fault fault;
    struct pv_buf   out;
    json_t         *root;

    (void)state;
    pv_buf_init(&out, 4096);
    pv_fault_set(&fault, PV_FAULT_CHECK_DIGIT, PV_LIT("national_id"));
    assert_int_equal(
        pv_fault_problem(&fault, PV_LIT("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
                         &out),
        PV_OK);
    root = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "detail")),
                        "national_id: check digit is wrong");
    assert_string_equal(json_string_value(json_object_get(root, "type")),
                        "urn:payvand:problem:contract");
    json_decref(root);
    pv_buf_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalogue_loads),
        cmocka_unit_test(file_is_understood),
        cmocka_unit_test(faults_are_refused),
        cmocka_unit_test(requests_are_judged),
        cmocka_unit_test(too_large_is_refused),
        cmocka_unit_test(parameters_are_bound),
        cmocka_unit_test(yes_and_no_have_one_length),
        cmocka_unit_test(answers_are_judged),
        cmocka_unit_test(answers_hold_what_a_right_opens),
        cmocka_unit_test(an_item_that_is_not_open_is_refused_by_the_consumer),
        cmocka_unit_test(a_column_is_not_opened_by_an_outputs_name),
        cmocka_unit_test(problem_names_the_member),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, load_all, free_all);
}
