#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jalali.h"
#include "names.h"

static enum pv_err
load(const char *dir, const char *name, json_t **ret, struct pv_why *why)
{
    char         path[4096];
    json_error_t error;
    json_t      *file;
    json_t      *index;
    json_t      *row;
    size_t       i;
    int          len;

    len = snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (len < 0 || len >= (int)sizeof(path)) {
        return PV_ERANGE;
    }
    file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (file == NULL) {
        pv_why_set(why, "%s: %s", path, error.text);
        return PV_EINVAL;
    }
    index = json_object();
    json_array_foreach(file, i, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));

        if (id != NULL && json_object_set(index, id, row) != 0) {
            json_decref(index);
            index = NULL;
            break;
        }
    }
    json_decref(file);
    *ret = index;
    return index == NULL ? PV_ENOMEM : PV_OK;
}

enum pv_err
pv_names_load(struct pv_names *names, const char *dir, struct pv_why *why)
{
    enum pv_err err;

    *names = (struct pv_names){.agencies = NULL};
    if (dir == NULL) {
        return PV_OK;
    }
    err = load(dir, "agencies.json", &names->agencies, why);
    if (err == PV_OK) {
        err = load(dir, "services.json", &names->services, why);
    }
    return err;
}

void
pv_names_clear(struct pv_names *names)
{
    json_decref(names->agencies); /* both accept NULL */
    json_decref(names->services);
    *names = (struct pv_names){.agencies = NULL};
}

static const char *
name_of(const json_t *index, enum pv_lang lang, const char *id)
{
    return json_string_value(
        json_object_get(json_object_get(index, id),
                        lang == PV_LANG_FA ? "name_fa" : "name_en"));
}

const char *
pv_names_agency(const struct pv_names *names, enum pv_lang lang, const char *id)
{
    return name_of(names->agencies, lang, id);
}

const char *
pv_names_service(const struct pv_names *names, enum pv_lang lang,
                 const char *id)
{
    return name_of(names->services, lang, id);
}

static void
iso_day(int64_t when_ms, char room[11])
{
    struct pv_civil day = pv_time_civil(pv_time_tehran_day(when_ms));

    if (snprintf(room, 11, "%04u-%02u-%02u", (unsigned)day.year % 10000,
                 (unsigned)day.month % 100, (unsigned)day.day % 100) < 0) {
        room[0] = '\0';
    }
}

const char *
pv_date_text(int64_t when_ms, bool end, char room[PV_DATE_TEXT_MAX])
{
    char jalali[PV_JALALI_TEXT_LEN];
    char iso[11];

    if (when_ms == 0) {
        memcpy(room, "-", 2);
        return room;
    }
    when_ms -= end ? 1 : 0; /* an end is the first moment after the last day */
    pv_jalali_text(when_ms, jalali);
    iso_day(when_ms, iso);
    if (snprintf(room, PV_DATE_TEXT_MAX, "%.*s (%s)", PV_JALALI_TEXT_LEN,
                 jalali, iso) < 0) {
        room[0] = '\0';
    }
    return room;
}

void
pv_json_date(struct pv_json *json, const char *name, int64_t when_ms)
{
    char jalali[PV_JALALI_TEXT_LEN];
    char at[PV_TIME_TEXT_LEN];
    char iso[11];

    if (when_ms == 0) {
        pv_json_null(json, name);
        return;
    }
    pv_jalali_text(when_ms, jalali);
    pv_time_text(when_ms, at);
    iso_day(when_ms, iso);
    pv_json_object(json, name);
    pv_json_string(json, "jalali",
                   (struct pv_slice){jalali, PV_JALALI_TEXT_LEN});
    pv_json_text(json, "gregorian", iso);
    pv_json_string(json, "at", (struct pv_slice){at, PV_TIME_TEXT_LEN});
    pv_json_end_object(json);
}

enum pv_reason
pv_reason_now(uint8_t reason, int64_t since_ms, int64_t until_ms,
              int64_t now_ms)
{
    return now_ms >= since_ms && (until_ms == 0 || now_ms < until_ms)
               ? (enum pv_reason)reason
               : PV_REASON_NONE;
}

void
pv_json_id(struct pv_json *json, const char *name, const struct pv_id *id)
{
    if (id->len == 0) {
        pv_json_null(json, name);
    } else {
        pv_json_string(json, name, (struct pv_slice){id->text, id->len});
    }
}

void
pv_json_reason(struct pv_json *json, const char *name, enum pv_reason reason)
{
    if (reason == PV_REASON_NONE) {
        pv_json_null(json, name);
        return;
    }
    pv_json_object(json, name);
    pv_json_string(json, "reason", pv_reason_word(reason));
    pv_json_string(json, "title", pv_reason_title_en(reason));
    pv_json_string(json, "title_fa", pv_reason_title_fa(reason));
    pv_json_end_object(json);
}

bool
pv_id_matches(const struct pv_id *id, const char *text)
{
    return text == NULL || pv_slice_eq((struct pv_slice){id->text, id->len},
                                       pv_slice_from(text));
}

/* Bytes that begin a character; the zero-width non-joiner takes no room. */
static size_t
characters(struct pv_slice text)
{
    static const char zwnj[] = "\xe2\x80\x8c";
    size_t            count = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (((uint8_t)text.ptr[i] & 0xc0) != 0x80 &&
            !(text.len - i >= 3 && memcmp(text.ptr + i, zwnj, 3) == 0)) {
            count++;
        }
    }
    return count;
}

enum pv_err
pv_cell(struct pv_buf *out, struct pv_slice text, size_t width)
{
    enum pv_err err = pv_buf_add(out, text);

    for (size_t n = characters(text); err == PV_OK && n < width; n++) {
        err = pv_buf_add_char(out, ' ');
    }
    return err == PV_OK ? pv_buf_add_char(out, ' ') : err;
}

enum pv_err
pv_line(struct pv_buf *out, const struct pv_slice *text, const size_t *width,
        size_t count)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < count; i++) {
        err = i + 1 < count ? pv_cell(out, text[i], width[i])
                            : pv_buf_add(out, text[i]);
    }
    return err == PV_OK ? pv_buf_add_char(out, '\n') : err;
}

static const char *
default_image(void)
{
    static const char *const place[] = {".run/policy",
                                        "/var/lib/payvand/policy"};
    const char              *named = getenv("PAYVAND_POLICY");

    if (named != NULL && named[0] != '\0') {
        return named;
    }
    return access(place[0], F_OK) == 0 ? place[0] : place[1];
}

int
pv_list_options(int argc, char **argv, const char *command,
                struct pv_list_options *ret)
{
    static const struct option option[] = {
        {"image", required_argument, NULL, 'i'},
        {"catalogue", required_argument, NULL, 'c'},
        {"consumer", required_argument, NULL, 'C'},
        {"service", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *lang = NULL;
    int         c;

    *ret = (struct pv_list_options){.image = NULL};
    optind = 1;
    while ((c = getopt_long(argc, argv, "", option, NULL)) != -1) {
        switch (c) {
        case 'i':
            ret->image = optarg;
            break;
        case 'c':
            ret->catalogue = optarg;
            break;
        case 'C':
            ret->consumer = optarg;
            break;
        case 's':
            ret->service = optarg;
            break;
        case 'j':
            ret->json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'h':
            ret->help = true;
            break;
        default:
            return pv_cli_usage_error(command);
        }
    }
    ret->lang = pv_cli_lang(lang);
    ret->verb = optind < argc ? argv[optind] : "";
    ret->argument = optind + 1 < argc ? argv[optind + 1] : NULL;
    if (ret->image == NULL) {
        ret->image = default_image();
    }
    if (!ret->help && optind + 2 < argc) {
        pv_cli_error("too many arguments");
        return pv_cli_usage_error(command);
    }
    return PV_EXIT_OK;
}
