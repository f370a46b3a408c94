/*
 * Laws of a backend that is an HTTP service. Its address: what is taken is an
 * address of the machine's own or is asked by https:// with an authority, has
 * no / at its end, headers that HTTP can carry, a certificate with its key;
 * and, said in its own words, it is taken again to the same text. Its methods:
 * each placeholder of path, query and body is a parameter, each parameter an
 * input that is there, those in the path are never absent; a refusal has words.
 *
 * Input: the "http" of a configuration, a NUL, and a service file.
 */
#include <stdlib.h>
#include <string.h>

#include "connectord/config_http.h"
#include "contract/service.h"

#define TEXT_MAX (256 * 1024)

/* ' stands for " */
#define CONTRACT                                                               \
    "{'contract':1,'service':'sample','version':'v1','provider':'p',"          \
    "'basis':'proposed','title_fa':'x','title_en':'x','methods':["             \
    "{'id':'person','pattern':'inquiry','deadline_ms':3000,"                   \
    "'inputs':[{'name':'id','type':'national_id'},{'name':'first_name',"       \
    "'type':'first_name','required':false,'absent_fa':'x','absent_en':'x'}],"  \
    "'outputs':[{'name':'who','type':'object','items':["                       \
    "{'name':'id','type':'national_id'}]},{'name':'n','type':'count'}]},"      \
    "{'id':'match','pattern':'verify','deadline_ms':3000,"                     \
    "'inputs':[{'name':'id','type':'person_unique_id'}],"                      \
    "'outputs':[{'name':'result','type':'yes_no'}],"                           \
    "'meaning':{'yes_fa':'x','yes_en':'x','no_fa':'x','no_en':'x'}},"          \
    "{'id':'soap','pattern':'inquiry','deadline_ms':3000,"                     \
    "'inputs':[{'name':'question','type':'signed_document',"                   \
    "'media':['application/xml'],'max_bytes':2000}],"                          \
    "'outputs':[{'name':'reply','type':'signed_document',"                     \
    "'media':['application/xml'],'max_bytes':2000}]}]}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct pv_data_items *items;
static struct pv_contract   *contract;

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const file[] = {
        PV_SOURCE_ROOT "/catalogue/data_items.json",
        PV_SOURCE_ROOT "/catalogue/enactment.json",
        PV_SOURCE_ROOT "/catalogue/data_items_proposed.json"};
    char          text[] = CONTRACT;
    struct pv_why why = {""};

    (void)argc;
    (void)argv;
    must(pv_data_items_new(&items) == PV_OK);
    for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
        must(pv_data_items_add_file(items, file[i], &why) == PV_OK);
    }
    must(pv_data_items_finish(items, &why) == PV_OK);
    for (size_t i = 0; text[i] != '\0'; i++) {
        text[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    }
    must(pv_contract_load(pv_slice_from(text), items, &contract, &why) ==
         PV_OK);
    return 0;
}

/* ---- the address ---- */

static const char *
word(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void
headers_law(json_t *headers)
{
    const char *name;
    json_t     *value;

    must(headers == NULL || json_is_object(headers));
    json_object_foreach(headers, name, value)
    {
        must(name[0] != '\0' && json_is_string(value));
        for (const char *c = name; *c != '\0'; c++) {
            must(*c > ' ' && *c <= '~' && *c != ':');
        }
        for (const char *c = json_string_value(value); *c != '\0'; c++) {
            must(*c >= ' ' && *c <= '~');
        }
    }
}

/* The same said in its own words: "host" and "port" come from the URL. */
static void
again_law(json_t *made, struct pv_slice text)
{
    json_t       *said = json_copy(made);
    struct pv_why why = {""};
    struct pv_buf again;

    must(json_object_del(said, "host") == 0 &&
         json_object_del(said, "port") == 0);
    pv_buf_init(&again, TEXT_MAX);
    must(pv_config_http(said, &again, &why) == PV_OK);
    must(pv_slice_eq(pv_buf_view(&again), text));
    pv_buf_clear(&again);
    json_decref(said);
}

static void
address_law(struct pv_slice text)
{
    json_t       *http = json_loadb(text.len == 0 ? "" : text.ptr, text.len,
                              JSON_REJECT_DUPLICATES, NULL);
    json_t       *made;
    struct pv_why why = {""};
    struct pv_buf out;
    const char   *url;

    if (!json_is_object(http)) {
        json_decref(http); /* config.c takes an object alone */
        return;
    }
    pv_buf_init(&out, TEXT_MAX);
    if (pv_config_http(http, &out, &why) != PV_OK) {
        must(why.text[0] != '\0' || out.len == 0);
        pv_buf_clear(&out);
        json_decref(http);
        return;
    }
    made = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
    must(json_is_object(made));
    url = word(made, "url");
    must(url[0] != '\0' && url[strlen(url) - 1] != '/');
    must(strpbrk(url, "?#@\r\n ") == NULL);
    must(word(made, "host")[0] != '\0' && word(made, "port")[0] != '\0');
    if (strncmp(url, "https://", 8) == 0) {
        must(word(made, "ca")[0] == '/');
    } else {
        must(strncmp(word(made, "address"), "127.", 4) == 0 ||
             strchr(word(made, "address"), ':') != NULL);
    }
    must((word(made, "cert")[0] == '/') == (word(made, "key")[0] == '/'));
    headers_law(json_object_get(made, "headers"));
    again_law(made, pv_buf_view(&out));
    json_decref(made);
    pv_buf_clear(&out);
    json_decref(http);
}

/* ---- its methods ---- */

static bool
has(const json_t *list, struct pv_slice name)
{
    size_t  i;
    json_t *one;

    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (pv_slice_eq(pv_slice_from(json_string_value(one)), name)) {
            return true;
        }
    }
    return false;
}

static void
values_law(const json_t *binds, json_t *value)
{
    const char *text = json_string_value(value);
    size_t      len = json_string_length(value);
    const char *name;
    json_t     *one;
    size_t      i;

    if (len > 2 && text[0] == '{' && text[len - 1] == '}') {
        must(has(binds, (struct pv_slice){text + 1, len - 2}));
    }
    json_array_foreach(value, i, one)
    {
        values_law(binds, one);
    }
    json_object_foreach(value, name, one)
    {
        values_law(binds, one);
    }
}

static void
path_law(const struct pv_method *method, const json_t *binds, const char *path)
{
    must(path[0] == '/' && strpbrk(path, "?#\\ \r\n") == NULL);
    for (const char *at = strchr(path, '{'); at != NULL;
         at = strchr(at + 1, '{')) {
        const char            *end = strchr(at, '}');
        struct pv_slice        name;
        struct pv_slice        input;
        struct pv_slice        kind;
        const struct pv_field *field;

        must(end != NULL);
        name = (struct pv_slice){at + 1, (size_t)(end - at) - 1};
        must(has(binds, name));
        (void)pv_slice_cut(name, '.', &input, &kind);
        field = pv_field_find(method->contract->input,
                              method->contract->input_count, input);
        must(field != NULL && field->required);
    }
}

static void
method_law(const struct pv_method *method)
{
    json_t       *http = json_loads(method->statement.sql, 0, NULL);
    const json_t *binds = json_object_get(http, "binds");
    size_t        i;
    json_t       *one;

    must(json_array_size(binds) == method->statement.bind_count);
    for (i = 0; i < method->statement.bind_count; i++) {
        const struct pv_bind *bind = &method->statement.bind[i];
        const char *name = json_string_value(json_array_get(binds, i));
        const char *input;

        must(bind->input < method->contract->input_count);
        input = method->contract->input[bind->input].name;
        must(strncmp(name, input, strlen(input)) == 0 &&
             strcmp(name + strlen(input), bind->type ? ".type" : "") == 0);
    }
    json_array_foreach(json_object_get(http, "json"), i, one)
    {
        must(has(binds, pv_slice_from(json_string_value(one))));
    }
    path_law(method, binds, word(http, "path"));
    values_law(binds, json_object_get(http, "query"));
    values_law(binds, json_object_get(http, "body"));
    headers_law(json_object_get(http, "headers"));
    must((strcmp(word(http, "method"), "GET") == 0) ==
         (json_object_get(http, "body") == NULL &&
          json_object_get(http, "send") == NULL));
    json_decref(http);
}

static void
service_law(struct pv_slice file)
{
    const struct pv_contract *known[] = {contract};
    struct pv_service        *service = NULL;
    struct pv_why             why = {""};

    if (pv_service_load(file, known, 1, &service, &why) != PV_OK) {
        must(service == NULL && why.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < service->method_count; i++) {
        if (service->method[i].http) {
            method_law(&service->method[i]);
        }
    }
    pv_service_free(service);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice address;
    struct pv_slice file;

    (void)pv_slice_cut((struct pv_slice){(const char *)data, len}, '\0',
                       &address, &file);
    address_law(address);
    service_law(file);
    return 0;
}
