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
#include "contract/request.h"
#include "contract/service.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct pv_data_items *items;
static struct pv_service    *service; /* GOOD, below */

/* one method of each answer; ' stands for " */
#define HEAD                                                                   \
    "{'format':1,'service':'sample','version':'v1','provider':'p',"            \
    "'basis':'proposed','title_fa':'x','title_en':'x','methods':["
#define VERIFY                                                                 \
    "{'id':'verify','pattern':'verify','deadline_ms':3000,'inputs':["          \
    "{'name':'national_id','type':'national_id','required':true},"             \
    "{'name':'holder','type':'person_unique_id','required':false},"            \
    "{'name':'amount','type':'amount_rial','required':false}],"                \
    "'outputs':[{'name':'result','type':'yes_no'}],"                           \
    "'meaning':{'yes':'y','no':'n'},"                                          \
    "'statement':'SELECT 1 FROM a WHERE b = :national_id AND c = :holder "     \
    "AND d = :holder.type AND e = ' ':no' AND f::text = :amount'"              \
    ",'answer':'yes-if-row'}"
#define RECORD                                                                 \
    "{'id':'record','pattern':'inquiry','deadline_ms':3000,'inputs':[],"       \
    "'outputs':[{'name':'a.id','type':'national_id'},"                         \
    "{'name':'a.name','type':'first_name'},{'name':'n','type':'count'}],"      \
    "'statement':'SELECT 1','answer':'record'}"
#define ROWS                                                                   \
    "{'id':'rows','pattern':'list','deadline_ms':3000,'inputs':[],"            \
    "'outputs':[{'name':'all','type':'list','items':["                         \
    "{'name':'code','type':'division_code'}]},"                                \
    "{'name':'as_of','type':'last_change_date'},"                              \
    "{'name':'n','type':'count'}],'constants':{'n':'5'},"                      \
    "'statement':'SELECT code FROM d','answer':'rows','rows_as':'all',"        \
    "'max_rows':2,'scalar_statement':'SELECT as_of FROM s'}"
#define GOOD HEAD VERIFY "," RECORD "," ROWS "]}"

/* ' to ", and ' ' to ' for quotes in SQL */
static json_t *
json_of(const char *text)
{
    char   room[8192];
    size_t len = 0;

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
    return json_loadb(room, len, JSON_REJECT_DUPLICATES, NULL);
}

static int
load_all(void **state)
{
    struct pv_why why = {""};
    json_t       *root = json_of(GOOD);

    (void)state;
    assert_non_null(root);
    assert_int_equal(pv_data_items_new(&items), PV_OK);
    if (pv_data_items_add_file(items,
                               PV_SOURCE_ROOT "/catalogue/data_items.json",
                               &why) != PV_OK ||
        pv_data_items_add_file(
            items, PV_SOURCE_ROOT "/catalogue/enactment.json", &why) != PV_OK ||
        pv_data_items_finish(items, &why) != PV_OK ||
        pv_service_load(root, items, &service, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
    json_decref(root);
    return 0;
}

static int
free_all(void **state)
{
    (void)state;
    pv_service_free(service);
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
        struct pv_service *one = NULL;
        struct pv_why      why = {""};

        if (pv_service_load_file(found.gl_pathv[i], items, &one, &why) !=
            PV_OK) {
            fail_msg("%s", why.text);
        }
        pv_service_free(one);
    }
    globfree(&found);
}

static void
file_is_understood(void **state)
{
    const struct pv_method *verify = &service->method[0];

    (void)state;
    assert_int_equal(service->method_count, 3);
    assert_string_equal(verify->path, "/x/p/sample/v1/verify");
    assert_string_equal(verify->statement.sql,
                        "SELECT 1 FROM a WHERE b = ? AND c = ? AND d = ? "
                        "AND e = ':no' AND f::text = ?");
    assert_int_equal(verify->statement.bind_count, 4);
    assert_int_equal(verify->statement.bind[2].input, 1);
    assert_true(verify->statement.bind[2].type);
    assert_false(verify->statement.bind[1].type);
    assert_true(service->method[2].column[2].source == PV_FROM_CONSTANT);
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
        {"'format':1", "'format':2", "format"},
        {"'basis'", "'colour':1,'basis'", "colour"},
        {"'id':'verify'", "'id':'Verify'", "\"id\""},
        {"'id':'record'", "'id':'verify'", "already"},
        {"'version':'v1'", "'version':'1'", "version"},
        {"'version':'v1'", "'version':'v0'", "version"},
        {"'provider':'p'", "'provider':'../p'", "provider"},
        {"'deadline_ms':3000", "'deadline_ms':0", "deadline_ms"},
        {"'deadline_ms':3000,", "", "deadline_ms"},
        {"'type':'national_id'", "'type':'no_such'", "no_such"},
        {"'type':'national_id'", "'type':'document_image'", "binary"},
        {"'type':'national_id'", "'type':'object'", "structure"},
        {"'name':'holder'", "'name':'national_id'", "already"},
        {"'name':'holder'", "'name':'other'", ":holder"},
        {"'required':true", "'required':'yes'", "required"},
        {"'required':true", "'must':true", "must"},
        {"'meaning':{'yes':'y','no':'n'},", "", "meaning"},
        {"'type':'yes_no'", "'type':'count'", "yes_no"},
        {"'answer':'yes-if-row'", "'answer':'record'", "verify"},
        {"'answer':'record'", "'answer':'maybe'", "maybe"},
        {"'name':'a.name'", "'name':'a'", "already"},
        {"'name':'n'", "'name':'found'", "found"},
        {"'name':'n'", "'name':'a..b'", "name"},
        {"'statement':'SELECT 1',", "", "statement"},
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
        {"'max_rows':2", "'max_rows':0", "max_rows"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        const char        *at = strstr(GOOD, row[i].from);
        char               text[8192];
        struct pv_service *one = NULL;
        struct pv_why      why = {""};
        json_t            *root;

        assert_non_null(at);
        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD,
                       row[i].to, at + strlen(row[i].from));
        root = json_of(text);
        assert_non_null(root);
        if (pv_service_load(root, items, &one, &why) == PV_OK || one != NULL ||
            strstr(why.text, row[i].word) == NULL) {
            fail_msg("%s for %s: \"%s\" should tell of %s", row[i].to,
                     row[i].from, why.text, row[i].word);
        }
        json_decref(root);
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
        {"[[[[[]]]]]", PV_FAULT_TOO_DEEP, ""},
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
        enum pv_err       err = pv_request_parse(
                  &service->method[0], pv_slice_from(row[i].body), &request, &fault);

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
    assert_int_equal(pv_request_parse(&service->method[0],
                                      (struct pv_slice){body, PV_BODY_MAX + 1},
                                      &request, &fault),
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
    assert_int_equal(pv_request_parse(method,
                                      PV_LIT("{\"national_id\":\"9991234561\","
                                             "\"holder\":\"99900123455\","
                                             "\"amount\":\"0050\"}"),
                                      &request, &fault),
                     PV_OK);
    assert_true(pv_request_bind(&request, &method->statement.bind[2], &text));
    assert_true(pv_slice_eq(text, PV_LIT("legal_person_id")));
    assert_true(pv_request_bind(&request, &method->statement.bind[3], &text));
    assert_true(pv_slice_eq(text, PV_LIT("50")));
    pv_request_clear(&request);

    assert_int_equal(
        pv_request_parse(method, PV_LIT("{\"national_id\":\"9991234561\"}"),
                         &request, &fault),
        PV_OK);
    assert_false(pv_request_bind(&request, &method->statement.bind[2], &text));
    pv_request_clear(&request);
}

/* ---- answers ---- */

static enum pv_err
build(size_t method, const char *const *columns, const char *const *cells,
      size_t row_count, struct pv_buf *out, struct pv_fault *fault)
{
    struct pv_slice name[8];
    struct pv_cell  cell[32];
    struct pv_slice as_of = PV_LIT("as_of");
    struct pv_cell  as_of_cell = {false, PV_LIT("1402-01-01")};
    struct pv_rows  scalar = {1, 1, &as_of, &as_of_cell};
    struct pv_rows  rows = {0, row_count, name, cell};

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
    return pv_answer_build(&service->method[method], &rows, &scalar, out,
                           fault);
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
        cmocka_unit_test(problem_names_the_member),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, load_all, free_all);
}
