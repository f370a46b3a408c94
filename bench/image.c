/*
 * image.c - payvand-bench-image SETUP.json DIR: writes the policy image that
 * a bench run calls through. SETUP: consumers (key hashes, hex), providers
 * (ports on 127.0.0.1), services (how many each), tls_name, pin (hex), grants
 * (how many in all; those of further agencies nobody calls with fill up).
 */
#include <jansson.h>

#include "base/num.h"
#include "policy/image.h"

#define SYNTHETIC_FIRST_NUMBER 100000

struct setup {
    json_t          *json;
    struct pv_image *image;
    uint32_t        *method; /* numbers */
    size_t           method_count;
    uint64_t         grants;
};

static void
check(enum pv_err err, const char *what)
{
    if (err != PV_OK) {
        (void)fprintf(stderr, "payvand-bench-image: %s: %s\n", what,
                      pv_err_text(err));
        exit(1);
    }
}

static struct pv_id
text_id(const char *text)
{
    struct pv_id id = {.len = 0};
    size_t       len = strlen(text);

    check(len <= sizeof(id.text) ? PV_OK : PV_ERANGE, text);
    id.len = (uint8_t)len;
    memcpy(id.text, text, len);
    return id;
}

static struct pv_id
id_of(const char *prefix, size_t number, const char *suffix)
{
    char text[PV_POLICY_ID_MAX];
    int  len = snprintf(text, sizeof(text), "%s%zu%s", prefix, number, suffix);

    check(len > 0 && (size_t)len < sizeof(text) ? PV_OK : PV_ERANGE, prefix);
    return text_id(text);
}

static struct pv_slice
view(const struct pv_id *id)
{
    return (struct pv_slice){id->text, id->len};
}

static void
loopback(uint8_t address[16])
{
    static const uint8_t mapped[16] = {0, 0, 0,    0,    0,   0, 0, 0,
                                       0, 0, 0xff, 0xff, 127, 0, 0, 1};

    memcpy(address, mapped, sizeof(mapped));
}

static void
put_provider(struct setup *setup, size_t provider, size_t services)
{
    const char *pin = json_string_value(json_object_get(setup->json, "pin"));
    const char *name =
        json_string_value(json_object_get(setup->json, "tls_name"));
    json_t *port =
        json_array_get(json_object_get(setup->json, "providers"), provider);
    struct pv_image_endpoint endpoint = {.version = 1};
    struct pv_id system = id_of("provider-", provider, "-connector");
    uint32_t     number = 0;

    endpoint.port = (uint16_t)json_integer_value(port);
    loopback(endpoint.address);
    endpoint.name = text_id(name);
    check(pv_hex_bytes(pv_slice_from(pin), endpoint.pin, PV_KEY_HASH_LEN),
          "pin");
    check(
        pv_image_number(setup->image, PV_IMAGE_SYSTEM, view(&system), &number),
        "number");
    check(pv_image_put_endpoint(setup->image, number, &endpoint), "endpoint");
    for (size_t s = 0; s < services; s++) {
        struct pv_image_method method = {
            .row = {.pattern = PV_PATTERN_INQUIRY,
                    .connect_timeout_ms = 1000,
                    .deadline_ms = 10000,
                    .answer_max_len = 1 << 20,
                    .provider = id_of("provider-", provider, ""),
                    .service = id_of("service-", s, ""),
                    .version = text_id("v1"),
                    .method = text_id("inquire"),
                    .endpoint_number = number},
            .code = text_id("1000019")};
        char path[PV_POLICY_PATH_MAX];
        int  len =
            snprintf(path, sizeof(path),
                     "/x/provider-%zu/service-%zu/v1/inquire", provider, s);

        check(pv_image_number(setup->image, PV_IMAGE_METHOD,
                              (struct pv_slice){path, (size_t)len},
                              &method.row.number),
              "number");
        check(pv_image_put_method(
                  setup->image, (struct pv_slice){path, (size_t)len}, &method),
              "method");
        setup->method[setup->method_count++] = method.row.number;
    }
}

static void
put_grants(struct setup *setup, uint32_t agency)
{
    for (size_t m = 0; m < setup->method_count; m++) {
        struct pv_image_place place = {.agency = agency,
                                       .method = setup->method[m],
                                       .level = PV_GRANT_AGENCY,
                                       .subject = agency};
        struct pv_grant_row   grant = {
              .kind = PV_GRANT_AGENCY,
              .start_ms = 1,
              .rate_per_s = 1000000,
              .burst = 1000000,
              .per_day = 1000000000,
              .purpose_count = 1,
              .id = id_of("g-bench-", (size_t)setup->grants, ""),
              .resolution = text_id("bench"),
              .purpose = {text_id("measuring")}};

        check(pv_image_put_grant(setup->image, &place, &grant), "grant");
        setup->grants++;
    }
}

static void
put_consumer(struct setup *setup, size_t consumer)
{
    const char *hash = json_string_value(
        json_array_get(json_object_get(setup->json, "consumers"), consumer));
    struct pv_image_system system = {
        .row = {.kind = PV_SYSTEM_APPLICATION,
                .network_count = 1,
                .system = id_of("consumer-", consumer, "-main"),
                .agency = id_of("consumer-", consumer, "")},
        .has_key = true};

    loopback(system.row.network[0].address);
    system.row.network[0].bits = 96 + 8;
    check(pv_hex_bytes(pv_slice_from(hash), system.key_hash, PV_KEY_HASH_LEN),
          "key hash");
    check(pv_image_number(setup->image, PV_IMAGE_AGENCY,
                          view(&system.row.agency), &system.row.agency_number),
          "number");
    check(pv_image_number(setup->image, PV_IMAGE_SYSTEM,
                          view(&system.row.system), &system.row.number),
          "number");
    check(pv_image_put_system(setup->image, &system), "system");
    put_grants(setup, system.row.agency_number);
}

int
main(int argc, char **argv)
{
    json_error_t  at;
    struct setup  setup = {0};
    struct pv_why why = {""};
    size_t        services;
    size_t        providers;
    uint64_t      wanted;
    uint64_t      changes = 0;

    if (argc != 3) {
        (void)fputs("usage: payvand-bench-image SETUP.json DIR\n", stderr);
        return 2;
    }
    setup.json = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &at);
    check(setup.json == NULL ? PV_EINVAL : PV_OK, argv[1]);
    check(pv_image_open(argv[2], false, &setup.image, &why), why.text);
    check(pv_image_begin(setup.image, PV_IMAGE_REPLACE), "begin");
    services =
        (size_t)json_integer_value(json_object_get(setup.json, "services"));
    providers = json_array_size(json_object_get(setup.json, "providers"));
    wanted =
        (uint64_t)json_integer_value(json_object_get(setup.json, "grants"));
    setup.method = calloc(services * providers, sizeof(*setup.method));
    check(setup.method == NULL ? PV_ENOMEM : PV_OK, "methods");
    for (size_t p = 0; p < providers; p++) {
        put_provider(&setup, p, services);
    }
    for (size_t c = 0;
         c < json_array_size(json_object_get(setup.json, "consumers")); c++) {
        put_consumer(&setup, c);
    }
    for (uint32_t agency = SYNTHETIC_FIRST_NUMBER; setup.grants < wanted;
         agency++) {
        put_grants(&setup, agency);
    }
    check(pv_image_commit(setup.image, &changes), "commit");
    pv_image_close(setup.image);
    (void)printf("{\"grants\":%llu,\"rows\":%llu}\n",
                 (unsigned long long)setup.grants, (unsigned long long)changes);
    free(setup.method);
    json_decref(setup.json);
    return 0;
}
