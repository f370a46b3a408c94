/* A backend that is an HTTP service: its address in a connector's
   configuration, and its methods in a service file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connectord/config_http.h"
#include "contract/service.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct pv_data_items *items;
static struct pv_contract   *contract;

/* ' stands for " */
#define CONTRACT                                                               \
    "{'contract':1,'service':'sample','version':'v1','provider':'p',"          \
    "'basis':'proposed','title_fa':'x','title_en':'x','methods':["             \
    "{'id':'person','pattern':'inquiry','deadline_ms':3000,"                   \
    "'inputs':[{'name':'id','type':'national_id'},{'name':'first_name',"       \
    "'type':'first_name','required':false,'absent_fa':'x','absent_en':'x'}],"  \
    "'outputs':[{'name':'n','type':'count'}]},"                                \
    "{'id':'match','pattern':'verify','deadline_ms':3000,"                     \
    "'inputs':[{'name':'id','type':'person_unique_id'}],"                      \
    "'outputs':[{'name':'result','type':'yes_no'}],"                           \
    "'meaning':{'yes_fa':'x','yes_en':'x','no_fa':'x','no_en':'x'}},"          \
    "{'id':'soap','pattern':'inquiry','deadline_ms':3000,"                     \
    "'inputs':[{'name':'question','type':'signed_document',"                   \
    "'media':['application/xml'],'max_bytes':2000}],"                          \
    "'outputs':[{'name':'reply','type':'signed_document',"                     \
    "'media':['application/xml'],'max_bytes':2000}]}]}"

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
    static const char *const file[] = {
        PV_SOURCE_ROOT "/catalogue/data_items.json",
        PV_SOURCE_ROOT "/catalogue/enactment.json",
        PV_SOURCE_ROOT "/catalogue/data_items_proposed.json"};
    static char   room[4096];
    struct pv_why why = {""};

    (void)state;
    assert_int_equal(pv_data_items_new(&items), PV_OK);
    for (size_t i = 0; i < COUNT(file); i++) {
        assert_int_equal(pv_data_items_add_file(items, file[i], &why), PV_OK);
    }
    assert_int_equal(pv_data_items_finish(items, &why), PV_OK);
    assert_int_equal(pv_contract_load(quoted(CONTRACT, room, sizeof(room)),
                                      items, &contract, &why),
                     PV_OK);
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

/* ---- the address ---- */

static enum pv_err
take(const char *text, struct pv_buf *out, struct pv_why *why)
{
    char            room[512];
    struct pv_slice json = quoted(text, room, sizeof(room));
    json_t         *http = json_loadb(json.ptr, json.len, 0, NULL);
    enum pv_err     err;

    assert_non_null(http);
    pv_buf_init(out, 4096);
    why->text[0] = '\0';
    err = pv_config_http(http, out, why);
    json_decref(http);
    return err;
}

static void
address_is_one_and_literal(void **state)
{
    static const struct {
        const char *http;
        const char *made; /* NULL: refused */
        const char *word; /* of the refusal */
    } row[] = {
        {"{'url':'http://127.0.0.1:8080/'}",
         "{'host':'127.0.0.1','port':'8080','url':'http://127.0.0.1:8080',"
         "'address':'127.0.0.1'}",
         NULL},
        {"{'url':'http://[::1]/b'}",
         "{'host':'[::1]','port':'80','url':'http://[::1]/b',"
         "'address':'::1'}",
         NULL},
        {"{'url':'https://a.test','address':'10.1.2.3','ca':'/ca.pem'}",
         "{'host':'a.test','port':'443','url':'https://a.test','address':"
         "'10.1.2.3','ca':'/ca.pem'}",
         NULL},
        {"{'url':'https://10.1.2.3','ca':'/a','cert':'/b','key':'/c',"
         "'headers':{'X-Key':'one two'}}",
         "{'host':'10.1.2.3','port':'443','url':'https://10.1.2.3','address':"
         "'10.1.2.3','ca':'/a','cert':'/b','key':'/c','headers':{'X-Key':"
         "'one two'}}",
         NULL},
        {"{}", NULL, "url"},
        {"{'url':'ftp://127.0.0.1'}", NULL, "url"},
        {"{'url':'http://10.1.2.3'}", NULL, "https"},
        {"{'url':'http://a.test','address':'128.0.0.1'}", NULL, "https"},
        {"{'url':'https://a.test','ca':'/a'}", NULL, "address"},
        {"{'url':'https://a.test','ca':'/a','address':'b.test'}", NULL,
         "address"},
        {"{'url':'https://10.1.2.3'}", NULL, "ca"},
        {"{'url':'https://10.1.2.3','ca':'a'}", NULL, "ca"},
        {"{'url':'https://10.1.2.3','ca':'/a','key':'/c'}", NULL, "cert"},
        {"{'url':'http://u@127.0.0.1'}", NULL, "user"},
        {"{'url':'http://@127.0.0.1'}", NULL, "user"},
        {"{'url':'http://127.0.0.1/?'}", NULL, "?"},
        {"{'url':'http://127.0.0.1/#'}", NULL, "#"},
        {"{'url':'http://127.0.0.1/\\u06f1'}", NULL, "sign"},
        {"{'url':'http://127.0.0.1','headers':[]}", NULL, "headers"},
        {"{'url':'http://127.0.0.1','headers':{'A':1}}", NULL, "headers"},
        {"{'url':'http://127.0.0.1','headers':{'':'b'}}", NULL, "headers"},
        {"{'url':'http://127.0.0.1','headers':{'A B':'b'}}", NULL, "headers"},
        {"{'url':'http://127.0.0.1','headers':{'A':'b\\nc'}}", NULL, "headers"},
        {"{'url':'http://127.0.0.1','proxy':'x'}", NULL, "proxy"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_why why;
        struct pv_buf out;
        char          room[512];
        enum pv_err   err = take(row[i].http, &out, &why);

        if (row[i].made != NULL) {
            if (err != PV_OK ||
                !pv_slice_eq(pv_buf_view(&out),
                             quoted(row[i].made, room, sizeof(room)))) {
                fail_msg("%s: %.*s %s", row[i].http, PV_FMT(pv_buf_view(&out)),
                         why.text);
            }
        } else if (err != PV_EINVAL || strstr(why.text, row[i].word) == NULL) {
            fail_msg("%s: %s", row[i].http, why.text);
        }
        pv_buf_clear(&out);
    }
}

/* ---- methods ---- */

static enum pv_err
load(const char *methods, struct pv_service **ret, struct pv_why *why)
{
    const struct pv_contract *known[] = {contract};
    char                      text[1024];
    char                      room[1024];
    int                       len = snprintf(text, sizeof(text),
                                             "{'format':2,'service':'sample','version':'v1',"
                                                                   "'provider':'p','methods':[%s]}",
                                             methods);

    assert_true(len > 0 && (size_t)len < sizeof(text));
    why->text[0] = '\0';
    return pv_service_load(quoted(text, room, sizeof(room)), known, 1, ret,
                           why);
}

#define PERSON(http)                                                           \
    "{'id':'person','answer':'record','http':{'columns':{'n':'/n'}," http "}}"
#define MATCH(http)                                                            \
    "{'id':'match','answer':'yes-if-row','http':{'method':'GET',"              \
    "'path':'/m'," http "}}"
#define SOAP(http)                                                             \
    "{'id':'soap','answer':'record','http':{'path':'/s'," http "}}"

static void
faults_of_a_method_are_named(void **state)
{
    static const struct {
        const char *method;
        const char *word; /* NULL: it is taken */
        size_t      binds;
    } row[] = {
        {PERSON("'method':'GET','path':'/p/{id}/{id.type}'"), NULL, 2},
        {PERSON("'method':'GET','path':'/p','query':{'a':'{first_name}',"
                "'b':'{id}','c':'{id}','d':'{','e':'fa'}"),
         NULL, 2},
        {PERSON("'method':'PUT','path':'/p','body':{'a':['{id}',1,null]},"
                "'headers':{'A':'b'},'none':[404,410],'row':''"),
         NULL, 1},
        {PERSON("'method':'POST','path':'/p'"), "body", 0},
        {PERSON("'method':'GET','path':'/p','body':{}"), "body", 0},
        {PERSON("'method':'DELETE','path':'/p'"), "method", 0},
        {PERSON("'method':'GET','path':'p'"), "begins", 0},
        {PERSON("'method':'GET','path':'/p?a=1'"), "query", 0},
        {PERSON("'method':'GET','path':'/p/{id'"), "without", 0},
        {PERSON("'method':'GET','path':'/p/{other}'"), "other", 0},
        {PERSON("'method':'GET','path':'/p/{first_name}'"), "absent", 0},
        {PERSON("'method':'GET','path':'/p','query':{'a':'{other}'}"), "other",
         0},
        {PERSON("'method':'GET','path':'/p','query':{'a':1}"), "query", 0},
        {PERSON("'method':'GET','path':'/p','headers':{'A:':'b'}"), "header",
         0},
        {PERSON("'method':'GET','path':'/p','none':[200]"), "none", 0},
        {PERSON("'method':'GET','path':'/p','none':[]"), "none", 0},
        {PERSON("'method':'GET','path':'/p','row':'data'"), "row", 0},
        {PERSON("'method':'GET','path':'/p','yes_if':{'/a':1}"), "yes_if", 0},
        {PERSON("'method':'GET','path':'/p','timeout':1"), "timeout", 0},
        {MATCH("'yes_if':{'/a':true},'no_if':{'/a':false}"), NULL, 0},
        {MATCH("'yes_if':{'/a':true}"), "no_if", 0},
        {MATCH("'yes_if':{'/a':null},'no_if':{'/a':1}"), "yes_if", 0},
        {MATCH("'yes_if':{'a':1},'no_if':{'/a':2}"), "yes_if", 0},
        {SOAP("'method':'POST','send':'question','raw':'reply'"), NULL, 1},
        {SOAP("'method':'POST','send':'reply','raw':'reply'"), "send", 0},
        {SOAP("'method':'POST','send':'question','body':1,'raw':'reply'"),
         "exclude", 0},
        {SOAP("'method':'POST','send':'question','raw':'question'"), "raw", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_service *service = NULL;
        struct pv_why      why;
        enum pv_err        err = load(row[i].method, &service, &why);

        if (row[i].word == NULL
                ? err != PV_OK
                : err != PV_EINVAL || strstr(why.text, row[i].word) == NULL) {
            fail_msg("%s: %s", row[i].method, why.text);
        }
        if (err == PV_OK) {
            assert_int_equal(service->method[0].statement.bind_count,
                             row[i].binds);
        }
        pv_service_free(service);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_is_one_and_literal),
        cmocka_unit_test(faults_of_a_method_are_named),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
