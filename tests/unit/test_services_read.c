/* Services that another process read, for one whose file may be another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connectord/config.h"
#include "contract/document.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define CONTRACT                                                               \
    "{\"contract\":1,\"service\":\"%s\",\"version\":\"v1\",\"provider\":"      \
    "\"p\",\"basis\":\"proposed\",\"title_fa\":\"x\",\"title_en\":\"x\","      \
    "\"methods\":[{\"id\":\"m\",\"pattern\":\"inquiry\","                      \
    "\"deadline_ms\":3000,\"inputs\":[{\"name\":\"id\",\"type\":"              \
    "\"national_id\"}],\"outputs\":[{\"name\":\"n\",\"type\":\"count\"}]}]}"

/* Of a connector with "http", and of one with a database. */
#define SERVICE                                                                \
    "{\"format\":2,\"service\":\"%s\",\"version\":\"v1\",\"provider\":"        \
    "\"p\",\"methods\":[{\"id\":\"m\",\"answer\":\"record\",%s}]}"
#define HTTP                                                                   \
    "\"http\":{\"columns\":{\"n\":\"/n\"},\"method\":\"GET\",\"path\":"        \
    "\"/{id}\"}"
#define STATEMENT "\"statement\":\"SELECT n AS n FROM t WHERE id = :id\""

static struct pv_data_items *items;
static char                  folder[] = "/tmp/pv-services-XXXXXX";

static int
set_up(void **state)
{
    static const char *const file[] = {
        PV_SOURCE_ROOT "/catalogue/data_items.json",
        PV_SOURCE_ROOT "/catalogue/enactment.json",
        PV_SOURCE_ROOT "/catalogue/data_items_proposed.json"};
    struct pv_why why = {""};

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(pv_data_items_new(&items), PV_OK);
    for (size_t i = 0; i < COUNT(file); i++) {
        assert_int_equal(pv_data_items_add_file(items, file[i], &why), PV_OK);
    }
    assert_int_equal(pv_data_items_finish(items, &why), PV_OK);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pv_data_items_free(items);
    return rmdir(folder);
}

/* What a file says that is all the same in this test but for the backend. */
static struct pv_connector_config *
new_config(bool http)
{
    struct pv_connector_config *config = calloc(1, sizeof(*config));

    assert_non_null(config);
    config->provider[0] = 'p';
    memcpy(config->rights.contracts, folder, sizeof(folder));
    config->http = http;
    return config;
}

static void
add_contract(struct pv_connector_config *config, const char *service)
{
    struct pv_contract *contract = NULL;
    struct pv_hash      sha256 = {{(uint8_t)service[0]}};
    struct pv_why       why = {""};
    json_t             *document = NULL;
    char                text[1024];
    char               *whole;

    (void)snprintf(text, sizeof(text), CONTRACT, service);
    if (pv_contract_load(pv_slice_from(text), items, &contract, &why) !=
        PV_OK) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(pv_document_make(contract, items, &document), PV_OK);
    pv_contract_free(contract);
    whole = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    assert_int_equal(pv_config_take_contract(config, &sha256,
                                             pv_slice_from(service),
                                             pv_slice_from(whole)),
                     PV_OK);
    free(whole);
}

static void
add_service(struct pv_connector_config *config, const char *service,
            const char *backend)
{
    char          path[64];
    struct pv_why why = {""};
    FILE         *file;

    (void)snprintf(path, sizeof(path), "%s/%s.json", folder, service);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, SERVICE, service, backend);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(pv_config_take_service(config, path, &why), PV_OK);
    assert_int_equal(unlink(path), 0);
}

static void
the_same_methods_in_the_same_order_or_none(void **state)
{
    static const struct {
        const char *second; /* the backend of the second service */
        bool        base_http;
        enum pv_err err;
    } row[] = {
        {STATEMENT, false, PV_OK},    /* the first waits, there and here */
        {STATEMENT, true, PV_EINVAL}, /* as many, and others */
        {HTTP, false, PV_EINVAL},     /* more than here */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        bool                        http = row[i].second[1] == 'h';
        struct pv_connector_config *other = new_config(http);
        struct pv_connector_config *base = new_config(row[i].base_http);
        struct pv_connector_config *read = NULL;

        add_contract(other, "one");
        add_contract(other, "two");
        add_service(other, "one", HTTP);
        add_service(other, "two", row[i].second);
        assert_int_equal(other->method_count, http ? 2 : 1);
        assert_int_equal(other->waiting, http ? 0 : 1);
        assert_int_equal(
            pv_connector_services_read(base, pv_buf_view(&other->texts), &read),
            row[i].err);
        if (row[i].err == PV_OK) {
            assert_int_equal(read->method_count, 1);
            assert_string_equal(read->method[0]->contract->path,
                                "/x/p/two/v1/m");
        } else {
            assert_null(read);
        }
        pv_connector_config_free(read);
        pv_connector_config_free(base);
        pv_connector_config_free(other);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_methods_in_the_same_order_or_none),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
