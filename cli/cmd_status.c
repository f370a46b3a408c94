/*
 * cmd_status.c - `payvand status`: what an exchange says about itself.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"
#include "base/time.h"
#include "client/http.h"
#include "cmd.h"
#include "log_state.h"
#include "reader_state.h"

#define ADDRESS_MAX_LEN 512
#define NAME_MAX_LEN 128
#define OUT_MAX_LEN (1024 * 1024)
#define DEPTH_MAX 6
#define WAIT_MS 5000
#define SECONDS_LEN 19 /* 2026-11-21T10:00:00, without the fraction */

static const char usage_en[] =
    "payvand status [OPTION...]\n"
    "\n"
    "Asks an exchange for its counters since start: calls by what became of\n"
    "them, the journal, the policy image, the connections to providers.\n"
    "\n"
    "  --url URL    the exchange (PAYVAND_URL)\n"
    "  --ca FILE    who signed its key (PAYVAND_CA)\n"
    "  --log DIR    the log of this machine, too (PAYVAND_LOG)\n"
    "  --reader PATH  does the trace's reader answer (PAYVAND_TRACE_SOCKET)\n"
    "  --api URL    does its API (PAYVAND_API_URL)\n"
    "  --all        also what is zero\n"
    "  --json       as the exchange says it\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 it answered, 1 it did not, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand status [OPTION...]\n"
    "\n"
    "شمارنده‌های مرکز تبادل از آغاز کار: فراخوانی‌ها به تفکیک سرنوشت، دفتر\n"
    "رویداد، تصویر سیاست و اتصال به ارائه‌دهندگان.\n"
    "\n"
    "  --url URL    نشانی مرکز تبادل (PAYVAND_URL)\n"
    "  --ca FILE    مرجع گواهی آن (PAYVAND_CA)\n"
    "  --log DIR    دفتر همین دستگاه هم (PAYVAND_LOG)\n"
    "  --reader PATH  آیا خواننده دفتر پاسخ می‌دهد (PAYVAND_TRACE_SOCKET)\n"
    "  --api URL    آیا رابط آن پاسخ می‌دهد (PAYVAND_API_URL)\n"
    "  --all        صفرها هم نشان داده شود\n"
    "  --json       همان که مرکز می‌گوید\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ پاسخ داد، ۱ پاسخ نداد، ۲ خط فرمان نادرست.\n";

static const struct option option[] = {
    {"url", required_argument, NULL, 'u'},
    {"ca", required_argument, NULL, 'c'},
    {"log", required_argument, NULL, 'L'},
    {"reader", required_argument, NULL, 'R'},
    {"api", required_argument, NULL, 'A'},
    {"all", no_argument, NULL, 'a'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Persian for the words that operators look for; others stay as they are. */
static const struct {
    const char *name;
    const char *fa;
} word[] = {
    {"calls", "فراخوانی‌ها"},
    {"forwarded", "فرستاده به ارائه‌دهنده"},
    {"answered", "پاسخ داده شد"},
    {"invalid", "ورودی نامعتبر"},
    {"refused", "رد شد"},
    {"limited", "سهمیه تمام"},
    {"closed", "بسته"},
    {"failed", "خطای ارائه‌دهنده"},
    {"timeout", "پایان مهلت"},
    {"unavailable", "مرکز در دسترس نبود"},
    {"unknown", "نامعلوم"},
    {"node", "گره"},
    {"image_version", "نسخه تصویر سیاست"},
    {"image_valid_until", "اعتبار نسخه سیاست تا"},
    {"journalled", "ثبت شده در دفتر رویداد"},
    {"said", "هشدار"},
    {"refusal", "چرا ادامه نمی‌یابد"},
};

struct view {
    enum pv_lang   lang;
    bool           all;
    const char    *log;    /* its directory; NULL: not asked about */
    const char    *reader; /* its socket; as above */
    const char    *api;
    const char    *ca;
    struct pv_buf *out;
};

static const char *
name_of(const struct view *view, const char *name)
{
    size_t i;

    if (view->lang == PV_LANG_FA) {
        for (i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
            if (strcmp(word[i].name, name) == 0) {
                return word[i].fa;
            }
        }
    }
    return name;
}

static bool
is_moment(const char *name)
{
    return strcmp(name, "started") == 0 || strcmp(name, "time") == 0;
}

/* Seconds since 1970, as a date of both calendars. */
static enum pv_err
show_moment(const struct view *view, const char *name, json_int_t seconds)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    pv_time_text((int64_t)seconds * 1000, text);
    pv_jalali_text((int64_t)seconds * 1000, jalali);
    return pv_buf_addf(view->out, "%-32s %.*sZ (%.*s)\n", name, SECONDS_LEN,
                       text, PV_JALALI_TEXT_LEN, jalali);
}

/* One line; the name may belong to an object. */
static enum pv_err
show_value(const struct view *view, const char *name, const json_t *value)
{
    if (json_is_string(value)) {
        return pv_buf_addf(view->out, "%-32s %s\n", name,
                           json_string_value(value));
    }
    if (json_is_integer(value) && is_moment(name)) {
        return show_moment(view, name, json_integer_value(value));
    }
    if (json_is_integer(value)) {
        return json_integer_value(value) == 0 && !view->all
                   ? PV_OK
                   : pv_buf_addf(view->out, "%-32s %lld\n", name,
                                 (long long)json_integer_value(value));
    }
    if (json_is_boolean(value)) {
        return pv_buf_addf(view->out, "%-32s %s\n", name,
                           json_is_true(value)
                               ? pv_cli_text(view->lang, "yes", "بله")
                               : pv_cli_text(view->lang, "no", "خیر"));
    }
    return PV_OK;
}

static enum pv_err
show(const struct view *view, const char *prefix, json_t *object, int depth)
{
    char        name[NAME_MAX_LEN];
    const char *key;
    json_t     *value;
    enum pv_err err = PV_OK;
    size_t      i;

    if (depth > DEPTH_MAX) {
        return PV_ERANGE;
    }
    json_object_foreach(object, key, value)
    {
        (void)snprintf(name, sizeof(name), "%s%s%s", /* cut is fine here */
                       prefix, prefix[0] != '\0' ? "." : "",
                       name_of(view, key));
        if (json_is_object(value)) {
            err = show(view, name, value, depth + 1);
        } else if (json_is_array(value)) {
            for (i = 0; err == PV_OK && i < json_array_size(value); i++) {
                err =
                    json_is_object(json_array_get(value, i))
                        ? show(view, name, json_array_get(value, i), depth + 1)
                        : show_value(view, name, json_array_get(value, i));
            }
        } else {
            err = show_value(view, name, value);
        }
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

/* The log of this machine beside what the exchange says. */
static bool
add_log(const struct view *view, json_t *root)
{
    enum pv_log_state_what what;
    json_t                *state;

    if (view->log == NULL) {
        return true;
    }
    state = pv_log_state(view->log, view->lang, &what);
    return state != NULL && json_object_set_new(root, "log", state) == 0;
}

static bool
add_answer(json_t *trace, const char *name, long status)
{
    return json_object_set_new(trace, name,
                               json_string(pv_reader_is_answer(status)
                                               ? "answers"
                                               : "silent")) == 0;
}

/* And those who show the trace. */
static bool
add_trace(const struct view *view, json_t *root)
{
    struct pv_why why = {""};
    json_t       *trace;

    if (view->reader == NULL && view->api == NULL) {
        return true;
    }
    trace = json_object();
    if (json_object_set_new(root, "trace", trace) != 0) {
        return false;
    }
    return (view->reader == NULL ||
            add_answer(trace, "reader", pv_reader_asked(view->reader, &why))) &&
           (view->api == NULL ||
            add_answer(
                trace, "api",
                pv_api_asked(view->api, view->ca, PV_API_CHECKPOINT, &why)));
}

static int
print_json(json_t *root)
{
    char         *text = json_dumps(root, JSON_INDENT(1));
    struct pv_buf out;
    int           result = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX_LEN);
    if (text != NULL && pv_buf_add(&out, pv_slice_from(text)) == PV_OK) {
        result = pv_cli_print(&out);
    }
    free(text);
    pv_buf_clear(&out);
    return result;
}

static int
print(const struct view *view, const struct pv_buf *answer, bool as_json)
{
    struct pv_buf out;
    json_t       *root;
    int           result = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX_LEN);
    root = json_loadb(answer->ptr, answer->len, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL) {
        pv_cli_error("what answered is not a Payvand exchange");
        goto out;
    }
    if (as_json && view->log == NULL && view->reader == NULL &&
        view->api == NULL) {
        result = pv_cli_print(answer); /* to the byte */
        goto out;
    }
    if (!add_log(view, root) || !add_trace(view, root)) {
        pv_cli_error("no memory");
        goto out;
    }
    if (as_json) {
        result = print_json(root);
        goto out;
    }
    if (show(&(struct view){.lang = view->lang, .all = view->all, .out = &out},
             "", root, 0) != PV_OK) {
        pv_cli_error("the status is too large");
        goto out;
    }
    if (out.len > 0) {
        out.len--; /* pv_cli_print adds the last line feed */
    }
    result = pv_cli_print(&out);

out:
    json_decref(root);
    pv_buf_clear(&out);
    return result;
}

static int
fetch(const struct view *view, const char *url, const char *ca, bool as_json)
{
    char           address[ADDRESS_MAX_LEN];
    struct pv_http http;
    struct pv_why  why = {""};
    size_t         len;
    int            result = PV_EXIT_FAILED;

    if (url == NULL) {
        pv_cli_error("which exchange? --url, or PAYVAND_URL");
        return pv_cli_usage_error("status");
    }
    len = strlen(url);
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    if ((size_t)snprintf(address, sizeof(address), "%.*s/payvand/status",
                         (int)len, url) >= sizeof(address)) {
        pv_cli_error("the address is too long");
        return PV_EXIT_USAGE;
    }
    pv_http_init(&http);
    http.url = address;
    http.ca = ca;
    http.timeout_ms = WAIT_MS;
    if (pv_http_run(&http, &why) != PV_OK) {
        pv_cli_error("no answer from the exchange: %s", why.text);
    } else if (http.status != 200) {
        pv_cli_error("%s answered HTTP %ld; the status is for this machine "
                     "only",
                     address, http.status);
    } else {
        result = print(view, &http.answer, as_json);
    }
    pv_http_clear(&http);
    return result;
}

int
pv_cmd_status(int argc, char **argv)
{
    const char *url = getenv("PAYVAND_URL");
    const char *ca = getenv("PAYVAND_CA");
    const char *lang = NULL;
    struct view view = {.log = getenv("PAYVAND_LOG"),
                        .reader = getenv("PAYVAND_TRACE_SOCKET"),
                        .api = getenv("PAYVAND_API_URL")};
    bool        as_json = false;
    bool        help = false;
    int         which;

    optind = 1;
    while ((which = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        switch (which) {
        case 'u':
            url = optarg;
            break;
        case 'c':
            ca = optarg;
            break;
        case 'L':
            view.log = optarg;
            break;
        case 'R':
            view.reader = optarg;
            break;
        case 'A':
            view.api = optarg;
            break;
        case 'a':
            view.all = true;
            break;
        case 'j':
            as_json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'h':
            help = true;
            break;
        default:
            return pv_cli_usage_error("status");
        }
    }
    if (help) {
        return fputs(pv_cli_text(pv_cli_lang(lang), usage_en, usage_fa),
                     stdout) < 0
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (optind != argc) {
        pv_cli_error("too many arguments");
        return pv_cli_usage_error("status");
    }
    view.lang = pv_cli_lang(lang);
    view.ca = ca;
    return fetch(&view, url, ca, as_json);
}
