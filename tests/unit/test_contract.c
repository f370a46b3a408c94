#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "contract/answer.h"
#include "contract/example.h"
#include "contract/reply.h"
#include "contract/request.h"
#include "contract/shape.h"
#include "contract/take.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW_MS INT64_C(1679400000000) /* 1402-01-01 in Tehran */

static struct pv_data_items *items;
static struct pv_contract   *good;

#define BLANKS                                                                 \
    "                                                            "             \
    "                                                            "             \
    "                                                "

/* ' stands for " */
#define HEAD                                                                   \
    "{'contract':1,'service':'sample','version':'v1','provider':'p',\n"        \
    "'basis':'document','title_fa':'x','title_en':'x',\n"                      \
    "'sources':[{'document':'001','clause':'r5'}],'methods':[\n"
#define VERIFY                                                                 \
    "{'id':'verify','pattern':'verify','deadline_ms':3000,\n"                  \
    "'inputs':[{'name':'serial','type':'promissory_note_serial'},\n"           \
    "{'name':'start','type':'jalali_date','required':false,"                   \
    "'absent_fa':'x','absent_en':'x'},\n"                                      \
    "{'name':'end','type':'jalali_date','required':false,"                     \
    "'absent_fa':'x','absent_en':'x'}],\n"                                     \
    "'outputs':[{'name':'result','type':'yes_no'}],\n"                         \
    "'meaning':{'yes_fa':'y','yes_en':'y','no_fa':'n','no_en':'n'},\n"         \
    "'rules':[{'not_before':['end','start'],'text_fa':'x','text_en':'x'},\n"   \
    "{'needs':['end','start'],'text_fa':'x','text_en':'x'},\n"                 \
    "{'not_future':['start'],'text_fa':'x','text_en':'x'}],\n"                 \
    "'coverage':{'from':'1400-01-01','text_fa':'x','text_en':'x'},"            \
    "'timed':true,'pad_to':256}"
#define LIST                                                                   \
    "{'id':'list','pattern':'list','deadline_ms':3000,\n"                      \
    "'inputs':[{'name':'day','type':'jalali_date'}],\n"                        \
    "'outputs':[{'name':'persons','type':'list','items':[\n"                   \
    "{'name':'national_id','type':'national_id'},"                             \
    "{'name':'parents','type':'list','max_items':2,'items':["                  \
    "{'name':'id','type':'natural_person_id'}]}]}],\n"                         \
    "'window':{'input':'day','oldest_days':7,'newest_days':1,"                 \
    "'text_fa':'x','text_en':'x'},'never':['life_status'],'max_rows':1000000}"
#define RECORD                                                                 \
    "{'id':'record','pattern':'inquiry','deadline_ms':3000,\n"                 \
    "'inputs':[{'name':'serial','type':'promissory_note_serial'}],\n"          \
    "'outputs':[{'name':'photo','type':'photo_image','max_bytes':100,"         \
    "'media':['image/jpeg','image/png']},\n"                                   \
    "{'name':'address','type':'address_text','until':'1401-12-29'},"           \
    "{'name':'shape','type':'geo_polygon'}],\n"                                \
    "'note_fa':'x','note_en':'x'},\n"                                          \
    "{'id':'second','pattern':'inquiry','deadline_ms':3000,\n"                 \
    "'inputs':[{'name':'serial','type':'promissory_note_serial'}],\n"          \
    "'outputs':[{'name':'n','type':'count'}],"                                 \
    "'after':{'method':'verify','same':['serial'],'valid_s':600},"             \
    "'member':{'input':'serial','text_fa':'x','text_en':'x'},"                 \
    "'consent':{'valid_months':1,'uses':2}}"
#define COMMAND                                                                \
    "{'id':'act','pattern':'command','deadline_ms':3000,\n"                    \
    "'inputs':[{'name':'iban','type':'iban'},\n"                               \
    "{'name':'holders','type':'list','min_items':1,'max_items':3,'items':["    \
    "{'name':'id','type':'account_holder_id'}]},\n"                            \
    "{'name':'file','type':'document_image','media':['application/pdf'],"      \
    "'max_bytes':8,'required':false,'absent_fa':'x','absent_en':'x'}],\n"      \
    "'outputs':[{'name':'result','type':'yes_no'}],\n"                         \
    "'meaning':{'yes_fa':'y','yes_en':'y','no_fa':'n','no_en':'n'},\n"         \
    "'idempotency':{'keep_days':7}}"
#define COUNTS                                                                 \
    "{'id':'counts','pattern':'inquiry','deadline_ms':3000,'inputs':[],\n"     \
    "'outputs':[{'name':'n','type':'count'},"                                  \
    "{'name':'total','type':'amount_rial'}],'aggregate_only':true}"
#define PAGED                                                                  \
    "{'id':'paged','pattern':'list','deadline_ms':3000,"                       \
    "'inputs':[{'name':'behind','type':'count','required':false,"              \
    "'absent_fa':'x','absent_en':'x'}],\n"                                     \
    "'outputs':[{'name':'all','type':'list','items':["                         \
    "{'name':'n','type':'count'},"                                             \
    "{'name':'first','type':'first_name','until':'1402-01-01'}]}],"            \
    "'pages':{'key':'n','after':'behind'}}"
#define CODED                                                                  \
    "{'id':'coded','pattern':'inquiry','deadline_ms':3000,"                    \
    "'inputs':[{'name':'place','type':'division_code'}],\n"                    \
    "'outputs':[{'name':'above','type':'division_code'}],"                     \
    "'coding':{'map':'m','list':'m/own','type':'division_code'}}"
#define GOOD                                                                   \
    HEAD VERIFY ",\n" LIST ",\n" RECORD ",\n" COMMAND ",\n" COUNTS ",\n" PAGED \
                ",\n" CODED "\n]}\n"

static struct pv_slice
json_of(const char *text)
{
    static char room[16384]; /* until the next one */
    size_t      len = strlen(text);

    assert_true(len < sizeof(room));
    for (size_t i = 0; i < len; i++) {
        room[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    }
    return (struct pv_slice){room, len};
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
        pv_contract_load(json_of(GOOD), items, &good, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
    return 0;
}

static int
free_all(void **state)
{
    (void)state;
    pv_contract_free(good);
    pv_data_items_free(items);
    return 0;
}

static const struct pv_contract_method *
method(const char *id)
{
    return pv_contract_method(good, pv_slice_from(id));
}

static void
contract_is_understood(void **state)
{
    const struct pv_contract_method *record = method("record");
    const struct pv_contract_method *list = method("list");

    (void)state;
    assert_string_equal(method("verify")->path, "/x/p/sample/v1/verify");
    assert_string_equal(method("verify")->coverage_from, "1400-01-01");
    assert_ptr_equal(method("second")->after.method, method("verify"));
    assert_int_equal(method("second")->after.valid_s, 600);
    assert_ptr_equal(method("verify")->unlocks, method("second"));
    assert_ptr_equal(method("second")->member, &method("second")->input[0]);
    assert_null(method("verify")->member);
    assert_true(method("second")->consent.is_set &&
                method("second")->consent.shared);
    assert_string_equal(record->output[1].until, "1401-12-29");
    assert_int_equal(list->output[0].item[1].item_count, 1);
    assert_int_equal(list->max_rows, 1000000);
    assert_int_equal(method("act")->keep_days, 7);
    assert_true(method("counts")->aggregate_only);
    assert_string_equal(method("paged")->pages.key->name, "n");
    assert_false(list->pages.is_set);
    assert_true(method("coded")->input[0].coded &&
                method("coded")->output[0].coded);
    assert_string_equal(method("coded")->coding.list, "m/own");
    assert_null(method("paged")->coding.type);
    assert_null(method("none"));
}

/* GOOD with one thing replaced: the reason names the line and the word. */
static void
faults_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *word;
    } row[] = {
        {"'contract':1", "'contract':2", "line 1, /contract: "},
        {"'basis':'document'", "'basis':'document','colour':1",
         "line 2, /colour: unknown keyword \"colour\""},
        {"'basis':'document'", "'basis':'guess'", "line 2, /basis"},
        {"'clause':'r5'", "'page':'5'", "line 3, /sources/0/page"},
        {"'service':'sample'", "'service':'Sample'", "line 1, /service"},
        {"'version':'v1'", "'version':'v0'", "line 1, /version"},
        {"'id':'list'", "'id':'verify'", "/methods/1/id: \"verify\" is there"},
        {"'pattern':'list'", "'pattern':'stream'", "/methods/1/pattern"},
        {"'deadline_ms':3000", "'deadline_ms':10", "100 to 60000"},
        {"'deadline_ms':3000,", "", "\"deadline_ms\" is missing"},
        {"'type':'promissory_note_serial'", "'type':'serial'",
         "line 5, /methods/0/inputs/0/type"},
        {"'name':'start'", "'name':'serial'", "already"},
        {"'name':'start'", "'name':'Start'", "/methods/0/inputs/1/name"},
        {"'absent_fa':'x','absent_en':'x'}", "'absent_fa':'x'}",
         "\"absent_en\" is missing"},
        {",'required':false,'absent_fa':'x','absent_en':'x'}",
         ",'absent_fa':'x','absent_en':'x'}", "never absent"},
        {"'name':'result','type':'yes_no'", "'name':'n','type':'count'",
         "R-041"},
        {"'meaning':{'yes_fa':'y','yes_en':'y','no_fa':'n','no_en':'n'},", "",
         "R-146"},
        {"'no_fa':'n',", "", "\"no_fa\" is missing"},
        {"'not_before':['end','start']", "'not_before':['end','serial']",
         "line 10, /methods/0/rules/0/not_before: \"serial\" is no date"},
        {"'not_before':['end','start']", "'not_before':['end']", "two inputs"},
        {"'not_before':['end','start']", "'not_before':['end','none']",
         "no input"},
        {"'needs':['end','start']", "'needs':['end','start'],'one_of':['end']",
         "a rule is one of"},
        {"'from':'1400-01-01'", "'from':'1400-13-01'", "Jalali day"},
        {"'pad_to':256", "'pad_to':64", "longer than \"pad_to\""},
        {"'pad_to':256", "'pad_to':256,'idempotency':{'keep_days':1}",
         "for commands"},
        {"'max_items':2,", "'min_items':3,'max_items':2,", "min_items"},
        {"'input':'day'", "'input':'none'", "no input"},
        {"'newest_days':1", "'newest_days':8", "0 to 7"},
        {"'never':['life_status']", "'never':['national_id']", "never sent"},
        {"'never':['life_status']", "'never':['nothing']", "no data item"},
        {"'max_rows':1000000", "'max_rows':1000001", "max_rows"},
        {"'max_bytes':100,", "", "R-047"},
        {"'max_bytes':100", "'max_bytes':10000000", "max_bytes"},
        {"'image/jpeg'", "'jpeg'", "media"},
        {"'name':'address','type':'address_text'",
         "'max_bytes':5,'name':'address','type':'address_text'",
         "binary items"},
        {"'until':'1401-12-29'", "'until':'1401-12-30'", "Jalali day"},
        {"'after':{'method':'verify'", "'after':{'method':'act'",
         "no method before"},
        {"'same':['serial']", "'same':[]", "same"},
        {"'pad_to':256", "'pad_to':128", "with its token"},
        {"'after':{'method':'verify'", "'after':{'method':'record'",
         "gives no yes or no"},
        {"'name':'serial'", "'name':'order_token'", "connector's own"},
        {",'valid_s':600", "", "\"valid_s\" is missing"},
        {"'member':{'input':'serial'", "'member':{'input':'none'",
         "no required input"},
        {"'member':{'input':'serial','text_fa':'x'",
         "'member':{'input':'serial'", "text_fa"},
        {"'idempotency':{'keep_days':7}",
         "'idempotency':{'keep_days':7},'member':{}", "first step"},
        {"'uses':2", "'uses':0", "uses"},
        {",\n'idempotency':{'keep_days':7}", "", "R-046"},
        {"{'name':'n','type':'count'},", "{'name':'id','type':'national_id'},",
         "R-068"},
        {"'key':'n'", "'key':'m'", "\"m\" is no text, whole number or date"},
        {"'key':'n'", "'key':'first'", "/methods/6/pages/key"},
        {"'key':'n',", "", "/methods/6/pages"},
        {"'after':'behind'}", "'after':'n'}", "no optional input of type"},
        {"'type':'count','required':false",
         "'type':'division_code','required':false",
         "no optional input of type count"},
        {"'pages':{'key'", "'consent':{},'pages':{'key'", "consent number up"},
        {"'id':'paged','pattern':'list'",
         "'id':'paged','pattern':'command','idempotency':{'keep_days':1}",
         "an inquiry or a list"},
        {"'after':'behind'}", "'after':'behind','rows':1}", "unknown keyword"},
        {"'map':'m'", "'map':'M'", "no id of the registry"},
        {"'list':'m/own'", "'list':'m//own'", "no id of the registry"},
        {"'list':'m/own',", "", "/methods/7/coding"},
        {"'list':'m/own','type':'division_code'",
         "'list':'m/own','type':'postal_code'", "no field is of this type"},
        {"'list':'m/own','type':'division_code'",
         "'list':'m/own','type':'no_such_type'", "/methods/7/coding/type"},
        {"'name':'above'", "'name':'code_map'", "connector's own"},
        {"{'name':'place','type':'division_code'}",
         "{'name':'all','type':'list','items':[{'name':'place',"
         "'type':'division_code'}]}",
         "within the input \"all\""},
        {"'pages':{'key':'n'",
         "'coding':{'map':'m','list':'o','type':'count'},'pages':{'key':'n'",
         "keeps its order"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        const char         *at = strstr(GOOD, row[i].from);
        char                text[16384];
        struct pv_contract *one = NULL;
        struct pv_why       why = {""};

        if (at == NULL) {
            fail_msg("not in GOOD: %s", row[i].from);
        }
        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD,
                       row[i].to, at + strlen(row[i].from));
        if (pv_contract_load(json_of(text), items, &one, &why) == PV_OK ||
            one != NULL || strstr(why.text, row[i].word) == NULL) {
            fail_msg("%s for %s: \"%s\" should tell of %s", row[i].to,
                     row[i].from, why.text, row[i].word);
        }
    }
}

static void
lines_are_found(void **state)
{
    static const struct {
        const char *pointer;
        size_t      line;
    } row[] = {
        {"", 1},     {"/a", 2},     {"/b", 3},   {"/b/0", 3},
        {"/b/1", 4}, {"/b/1/c", 5}, {"/d", 7},   {"/none", 1},
        {"/b/9", 3}, {"/b/1/x", 4}, {"/d/e", 7},
    };
    const struct pv_slice text = PV_LIT("{\n\"a\": \"}\\\"]\",\n\"b\": [1,\n"
                                        "{\n\"c\": null}\n],\n\"d\": true}\n");

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        size_t line = pv_taker_line(text, row[i].pointer);

        if (line != row[i].line) {
            fail_msg("%s: line %zu", row[i].pointer, line);
        }
    }
    assert_int_equal(pv_taker_line(PV_LIT(""), "/a"), 0);
}

/* ---- requests ---- */

static void
requests_are_judged(void **state)
{
    static const struct {
        const char        *method;
        const char        *body; /* ' for " */
        enum pv_fault_kind fault;
        const char        *member;
    } row[] = {
        {"verify", "{'serial':'1'}", PV_FAULT_NONE, ""},
        {"verify", "{'serial':'1','start':'1401-01-01','end':'1401-01-01'}",
         PV_FAULT_NONE, ""},
        {"verify", "{'serial':'1','start':'1401-01-02','end':'1401-01-01'}",
         PV_FAULT_NOT_BEFORE, "end"},
        {"verify", "{'serial':'1','end':'1401-01-01'}", PV_FAULT_NEEDS, "end"},
        {"verify", "{'serial':'1','start':'1402-01-01'}", PV_FAULT_NONE, ""},
        {"verify", "{'serial':'1','start':'1402-01-02'}", PV_FAULT_FUTURE,
         "start"},
        /* D-7 to D-1, and nothing else */
        {"list", "{'day':'1401-12-29'}", PV_FAULT_NONE, ""},
        {"list", "{'day':'1401-12-23'}", PV_FAULT_NONE, ""},
        {"list", "{'day':'1401-12-22'}", PV_FAULT_WINDOW, "day"},
        {"list", "{'day':'1402-01-01'}", PV_FAULT_WINDOW, "day"},
        {"list", "{'day':'1402-01-05'}", PV_FAULT_WINDOW, "day"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561'},{'id':{'type':'legal_person_id','value':"
         "'99900123455'}}]}",
         PV_FAULT_NONE, ""},
        {"act", "{'iban':'IR740990000000000000000001','holders':[]}",
         PV_FAULT_ITEMS, "holders"},
        {"act", "{'iban':'IR740990000000000000000001','holders':{'id':'1'}}",
         PV_FAULT_NOT_LIST, "holders"},
        {"act", "{'iban':'IR740990000000000000000001','holders':['x']}",
         PV_FAULT_NOT_OBJECT, "holders[0]"},
        {"act", "{'iban':'IR740990000000000000000001','holders':[{}]}",
         PV_FAULT_MISSING, "holders[0].id"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561'},{'id':'9991234562'}]}",
         PV_FAULT_CHECK_DIGIT, "holders[1].id"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561','x':'1'}]}",
         PV_FAULT_UNKNOWN, "holders[0].x"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561','9991234561':'1'}]}",
         PV_FAULT_UNKNOWN, "holders[0]"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561','id.type':'national_id'}]}",
         PV_FAULT_UNKNOWN, "holders[0]"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561'}],'file':'JVBERi0x'}",
         PV_FAULT_BINARY, "file"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561'}],'file':{'media':'application/pdf',"
         "'data':'JVBERi0x'}}",
         PV_FAULT_NONE, ""},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561'}],'file':{'media':'image/png',"
         "'data':'JVBERi0x'}}",
         PV_FAULT_MEDIA, "file"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561'}],'file':{'media':'application/pdf',"
         "'data':'AAAA'}}",
         PV_FAULT_MEDIA, "file"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561'}],'file':{'media':'application/pdf',"
         "'data':'JVBERi0xLjQK'}}",
         PV_FAULT_BYTES, "file"},
        {"act",
         "{'iban':'IR740990000000000000000001','holders':[{'id':"
         "'9991234561'}],'file':{'media':'application/pdf',"
         "'data':'JVBERi0x!'}}",
         PV_FAULT_BINARY, "file"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_request request;
        struct pv_fault   fault = {PV_FAULT_NONE, ""};
        enum pv_err       err =
            pv_request_parse(method(row[i].method), json_of(row[i].body),
                             NOW_MS, &request, &fault);

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
structures_are_bound_as_json(void **state)
{
    static const struct pv_bind holders = {.input = 1};
    struct pv_request           request;
    struct pv_fault             fault;
    struct pv_slice             text;

    (void)state;
    assert_int_equal(
        pv_request_parse(
            method("act"),
            json_of("{'iban':'IR740990000000000000000001','holders':[{'id':{"
                    "'type':'legal_person_id','value':'99900123455'}}]}"),
            NOW_MS, &request, &fault),
        PV_OK);
    assert_true(pv_request_bind(&request, &holders, &text));
    assert_true(pv_slice_eq(text, PV_LIT("[{\"id\":\"99900123455\",\"id.type\":"
                                         "\"legal_person_id\"}]")));
    pv_request_clear(&request);
}

/* ---- answers ---- */

/* One row of the statement of a method, as the connector would have it. */
static enum pv_err
answer(const char *id, const char *const *name, const char *const *cell,
       struct pv_buf *out, struct pv_fault *fault)
{
    static const char *const  kind[] = {"record", "rows"};
    const struct pv_contract *known[] = {good};
    struct pv_slice           column[4];
    struct pv_cell            cells[4];
    struct pv_rows            rows = {0, 1, column, cells};
    struct pv_rows            none = {0, 0, NULL, NULL};
    struct pv_service        *service = NULL;
    struct pv_why             why = {""};
    bool                      list = strcmp(id, "list") == 0;
    char                      text[512];
    enum pv_err               err;

    (void)snprintf(text, sizeof(text),
                   "{'format':2,'service':'sample','version':'v1',"
                   "'provider':'p','methods':[{'id':'%s','answer':'%s',%s"
                   "'statement':'SELECT 1'}]}",
                   id, strcmp(id, "verify") == 0 ? "yes-if-row" : kind[list],
                   list ? "'rows_as':'persons'," : "");
    if (pv_service_load(json_of(text), known, 1, &service, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
    for (; name[rows.column_count] != NULL; rows.column_count++) {
        column[rows.column_count] = pv_slice_from(name[rows.column_count]);
        cells[rows.column_count].null = cell[rows.column_count] == NULL;
        cells[rows.column_count].text = pv_slice_from(cell[rows.column_count]);
    }
    pv_buf_init(out, PV_ANSWER_MAX);
    *fault = (struct pv_fault){PV_FAULT_NONE, ""};
    err = pv_answer_build(&service->method[0], &rows, &none, NOW_MS, PV_LIT(""),
                          0, NULL, out, fault);
    pv_service_free(service);
    return err;
}

static void
answers_have_the_shape_of_their_contract(void **state)
{
    static const struct {
        const char        *method;
        const char        *name[4];
        const char        *cell[3];
        enum pv_fault_kind fault;
        const char        *body; /* or the member; ' for " */
    } row[] = {
        /* since when, and when */
        {"verify",
         {NULL},
         {NULL},
         PV_FAULT_NONE,
         "{'result':'yes','coverage_from':'1400-01-01',"
         "'determined_at':'2023-03-21T12:00:00.000Z'}" BLANKS},
        /* the address went until 1401-12-29 */
        {"record",
         {"photo", "address", "shape"},
         {"ffd8ff00", "somewhere", NULL},
         PV_FAULT_NONE,
         "{'found':'yes','photo':{'media':'image/jpeg','data':'/9j/AA=='}}"},
        {"record",
         {"photo", "address", "shape"},
         {"89504e470d0a1a0a", NULL,
          "{\"type\":\"Polygon\",\"coordinates\":[]}"},
         PV_FAULT_NONE,
         "{'found':'yes','photo':{'media':'image/png','data':'iVBORw0KGgo='},"
         "'shape':{'type':'Polygon','coordinates':[]}}"},
        {"record",
         {"photo", "address", "shape"},
         {"00", NULL, NULL},
         PV_FAULT_MEDIA,
         "photo"},
        {"record",
         {"photo", "address", "shape"},
         {"fff", NULL, NULL},
         PV_FAULT_BINARY,
         "photo"},
        {"record",
         {"photo", "address", "shape"},
         {NULL, NULL, "{\"type\":\"Point\",\"coordinates\":[]}"},
         PV_FAULT_GEOMETRY,
         "shape"},
        {"list",
         {"national_id", "parents"},
         {"9991234561", "[{\"id\":\"9991234561\"}]"},
         PV_FAULT_NONE,
         "{'found':'yes','persons':[{'national_id':'9991234561','parents':["
         "{'id':'9991234561'}]}]}"},
        {"list",
         {"national_id", "parents"},
         {"9991234561", "[{\"id\":\"9991234562\"}]"},
         PV_FAULT_CHECK_DIGIT,
         "parents[0].id"},
        {"list",
         {"national_id", "parents"},
         {"9991234561", "[{},{},{}]"},
         PV_FAULT_ITEMS,
         "parents"},
        {"list",
         {"national_id", "parents"},
         {"9991234561", "[{"},
         PV_FAULT_NOT_JSON,
         "parents"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_buf   out;
        struct pv_fault fault;
        enum pv_err     err =
            answer(row[i].method, row[i].name, row[i].cell, &out, &fault);

        if (fault.kind != row[i].fault ||
            (err == PV_OK) != (row[i].fault == PV_FAULT_NONE) ||
            (err == PV_OK
                 ? !pv_slice_eq(pv_buf_view(&out), json_of(row[i].body))
                 : strcmp(fault.member, row[i].body) != 0)) {
            fail_msg("%zu: %.*s of \"%s\", %.*s", i,
                     PV_FMT(pv_fault_word(fault.kind)), fault.member,
                     PV_FMT(pv_buf_view(&out)));
        }
        if (err == PV_OK) { /* what leaves one end is taken at the other */
            assert_int_equal(
                pv_reply_check(
                    pv_contract_method(good, pv_slice_from(row[i].method)),
                    pv_buf_view(&out), NOW_MS, &fault),
                PV_OK);
        }
        pv_buf_clear(&out);
    }
}

/* An example is a request that the contract takes, also when it is read years
 * later, and an answer of the shape that it promises. */
static void
examples_keep_their_contract(const struct pv_contract_method *one, bool all)
{
    struct pv_request request;
    struct pv_fault   fault = {PV_FAULT_NONE, ""};
    json_t           *example = NULL;
    char             *text;

    assert_int_equal(pv_example_request(one, all, NOW_MS, &example), PV_OK);
    text = json_dumps(example, JSON_COMPACT);
    assert_non_null(text);
    if (pv_request_parse(one, pv_slice_from(text), NOW_MS, &request, &fault) !=
        PV_OK) {
        fail_msg("%s: %s: %.*s of %s", one->path, text,
                 PV_FMT(pv_fault_word(fault.kind)), fault.member);
    }
    pv_request_clear(&request);
    free(text);
    json_decref(example);

    assert_int_equal(pv_example_answer(one, NOW_MS, &example), PV_OK);
    for (size_t i = 0; i < one->output_count; i++) {
        json_t *value = json_object_get(example, one->output[i].name);

        if (value != NULL &&
            pv_shape_take(&one->output[i], value, one->output[i].name,
                          &fault) != PV_OK) {
            fail_msg("%s: %.*s of %s", one->path,
                     PV_FMT(pv_fault_word(fault.kind)), fault.member);
        }
    }
    json_decref(example);
}

static void
catalogue_loads(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(
        glob(PV_SOURCE_ROOT "/catalogue/contracts/*/*.json", 0, NULL, &found),
        0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct pv_contract *one = NULL;
        struct pv_why       why = {""};

        if (pv_contract_load_file(found.gl_pathv[i], items, &one, &why) !=
            PV_OK) {
            fail_msg("%s", why.text);
        }
        for (size_t k = 0; k < one->method_count; k++) {
            examples_keep_their_contract(&one->method[k], true);
            examples_keep_their_contract(&one->method[k], false);
        }
        pv_contract_free(one);
    }
    assert_int_equal(found.gl_pathc, 96);
    globfree(&found);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract_is_understood),
        cmocka_unit_test(faults_are_refused_with_their_line),
        cmocka_unit_test(lines_are_found),
        cmocka_unit_test(requests_are_judged),
        cmocka_unit_test(structures_are_bound_as_json),
        cmocka_unit_test(answers_have_the_shape_of_their_contract),
        cmocka_unit_test(catalogue_loads),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, load_all, free_all);
}
