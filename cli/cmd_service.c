/*
 * cmd_service.c - payvand image service list, service show ID: what can be
 * called, where, when, and why not.
 */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "names.h"

#define LIST_BYTES_MAX (16u << 20)
#define COLUMNS 5

static const size_t column[COLUMNS] = {84, 9, 8, 24, 0};

struct listing {
    const struct pv_list_options *options;
    struct pv_names               names;
    struct pv_buf                *out;
    struct pv_json                json;
    int64_t                       now_ms;
    size_t                        shown;
};

static const char *
pattern_word(uint8_t pattern)
{
    static const char *const word[] = {
        "?", "inquiry", "verify", "list", "command", "file", "events",
    };

    return word[pattern <= PV_PATTERN_EVENTS ? pattern : 0];
}

/* Why nobody can call it now, whatever the grant. */
static enum pv_reason
state_of(const struct pv_method_row *row, int64_t now_ms)
{
    enum pv_reason reason = pv_reason_now(row->state, row->state_since_ms,
                                          row->state_until_ms, now_ms);

    if (reason == PV_REASON_NONE && row->endpoint_number == 0) {
        return PV_REASON_ENDPOINT_MISSING;
    }
    return reason;
}

static void
write_hours(struct pv_json *json, const struct pv_method_row *row)
{
    static const char *const day[] = {"saturday", "sunday",    "monday",
                                      "tuesday",  "wednesday", "thursday",
                                      "friday"};
    char                     clock[2][6];
    int16_t                  minute[2] = {row->open_minute, row->close_minute};

    if (minute[0] == 0 && minute[1] == 0 && row->weekdays == 0) {
        pv_json_null(json, "hours");
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (snprintf(clock[i], sizeof(clock[i]), "%02u:%02u",
                     (unsigned)minute[i] / 60 % 100,
                     (unsigned)minute[i] % 60) < 0) {
            clock[i][0] = '\0';
        }
    }
    pv_json_object(json, "hours");
    pv_json_text(json, "open", clock[0]);
    pv_json_text(json, "close", clock[1]);
    pv_json_array(json, "weekdays");
    for (unsigned i = 0; i < 7; i++) {
        if (row->weekdays == 0 || (row->weekdays >> i & 1) != 0) {
            pv_json_text(json, NULL, day[i]);
        }
    }
    pv_json_end_array(json);
    pv_json_end_object(json);
}

static void
write_json(struct listing *list, const struct pv_image_item *item,
           const char *service)
{
    const struct pv_method_row *row = &item->method->row;
    struct pv_json             *json = &list->json;
    enum pv_reason              state = state_of(row, list->now_ms);
    const char *en = pv_names_service(&list->names, PV_LANG_EN, service);
    const char *fa = pv_names_service(&list->names, PV_LANG_FA, service);

    pv_json_object(json, NULL);
    pv_json_string(json, "path", item->path);
    pv_json_id(json, "provider", &row->provider);
    pv_json_id(json, "service", &row->service);
    if (en != NULL && fa != NULL) {
        pv_json_text(json, "title", en);
        pv_json_text(json, "title_fa", fa);
    }
    pv_json_id(json, "version", &row->version);
    pv_json_id(json, "method", &row->method);
    pv_json_id(json, "code", &item->method->code);
    pv_json_text(json, "pattern", pattern_word(row->pattern));
    pv_json_bool(json, "dedicated", row->dedicated != 0);
    pv_json_bool(json, "needs_consent", row->needs_consent);
    pv_json_u64(json, "deadline_ms", row->deadline_ms);
    pv_json_u64(json, "connect_timeout_ms", row->connect_timeout_ms);
    pv_json_u64(json, "answer_max_len", row->answer_max_len);
    write_hours(json, row);
    pv_json_array(json, "notices");
    for (size_t i = 0; i < row->notice_count; i++) {
        pv_json_object(json, NULL);
        pv_json_date(json, "from", row->notice[i].from_ms);
        pv_json_date(json, "until", row->notice[i].until_ms);
        pv_json_end_object(json);
    }
    pv_json_end_array(json);
    pv_json_bool(json, "callable", state == PV_REASON_NONE);
    pv_json_reason(json, "missing", state);
    pv_json_date(json, "state_since", row->state_since_ms);
    pv_json_text(json, "basis", row->proposed ? "proposed" : "document");
    pv_json_end_object(json);
}

static enum pv_err
write_row(struct listing *list, const struct pv_image_item *item)
{
    const struct pv_method_row *row = &item->method->row;
    enum pv_lang                lang = list->options->lang;
    enum pv_reason              state = state_of(row, list->now_ms);
    struct pv_slice             word =
        state == PV_REASON_NONE
                        ? pv_slice_from(pv_cli_text(lang, "callable", "برقرار"))
                        : pv_reason_word(state);
    const struct pv_slice cell[COLUMNS] = {
        item->path,
        pv_slice_from(pattern_word(row->pattern)),
        item->method->code.len == 0 ? PV_LIT("-")
                                    : (struct pv_slice){item->method->code.text,
                                                        item->method->code.len},
        word,
        pv_slice_from(row->proposed ? pv_cli_text(lang, "proposed", "پیشنهادی")
                                    : pv_cli_text(lang, "document", "سند")),
    };

    return pv_line(list->out, cell, column, COLUMNS);
}

/* One block a method for `show`. */
static enum pv_err
write_card(struct listing *list, const struct pv_image_item *item,
           const char *service)
{
    const struct pv_method_row *row = &item->method->row;
    enum pv_lang                lang = list->options->lang;
    enum pv_reason              state = state_of(row, list->now_ms);
    const char     *title = pv_names_service(&list->names, lang, service);
    struct pv_slice why = lang == PV_LANG_FA ? pv_reason_title_fa(state)
                                             : pv_reason_title_en(state);
    char            since[PV_DATE_TEXT_MAX];
    enum pv_err     err;

    (void)pv_date_text(row->state_since_ms, false, since); /* gives since */
    err = pv_buf_addf(list->out, "%.*s\n", PV_FMT(item->path));
    if (err == PV_OK && title != NULL) {
        err = pv_buf_addf(list->out, "  %s\n", title);
    }
    if (err == PV_OK) {
        err = pv_buf_addf(
            list->out, "  %s: %s; %s: %.*s; %s: %u ms%s%s\n",
            pv_cli_text(lang, "pattern", "الگو"), pattern_word(row->pattern),
            pv_cli_text(lang, "code", "کد"),
            item->method->code.len == 0 ? 1 : item->method->code.len,
            item->method->code.len == 0 ? "-" : item->method->code.text,
            pv_cli_text(lang, "deadline", "مهلت"), row->deadline_ms,
            row->dedicated != 0 ? pv_cli_text(lang, "; dedicated to one system",
                                              "؛ ویژه یک سامانه")
                                : "",
            row->needs_consent
                ? pv_cli_text(lang, "; needs consent", "؛ نیازمند رضایت")
                : "");
    }
    if (err == PV_OK && (row->open_minute != 0 || row->close_minute != 0)) {
        err = pv_buf_addf(list->out, "  %s: %02d:%02d - %02d:%02d\n",
                          pv_cli_text(lang, "hours (Tehran)", "ساعت (تهران)"),
                          row->open_minute / 60, row->open_minute % 60,
                          row->close_minute / 60, row->close_minute % 60);
    }
    if (err == PV_OK && state != PV_REASON_NONE) {
        err = pv_buf_addf(list->out, "  %.*s%s%s: %.*s\n",
                          PV_FMT(pv_reason_word(state)),
                          row->state_since_ms != 0 ? " " : "",
                          row->state_since_ms != 0 ? since : "", PV_FMT(why));
    }
    if (err == PV_OK) {
        err = pv_buf_addf(
            list->out, "  %s: %s\n", pv_cli_text(lang, "basis", "مبنا"),
            row->proposed ? pv_cli_text(lang, "proposed", "پیشنهادی")
                          : pv_cli_text(lang, "document", "سند"));
    }
    return err;
}

static enum pv_err
on_method(void *context, const struct pv_image_item *item)
{
    struct listing             *list = context;
    const struct pv_method_row *row = &item->method->row;
    const char                 *wanted = list->options->argument != NULL
                                             ? list->options->argument
                                             : list->options->service;
    char                        service[PV_POLICY_ID_MAX + 1];
    enum pv_err                 err;

    if (!pv_id_matches(&row->service, wanted) &&
        !pv_slice_eq(item->path, pv_slice_from(wanted))) {
        return PV_OK;
    }
    err =
        pv_slice_to_cstr((struct pv_slice){row->service.text, row->service.len},
                         service, sizeof(service));
    if (err != PV_OK) {
        return err;
    }
    list->shown++;
    if (list->options->json) {
        write_json(list, item, service);
        return list->json.err;
    }
    return list->options->argument != NULL ? write_card(list, item, service)
                                           : write_row(list, item);
}

static enum pv_err
list_services(struct listing *list, struct pv_policy *policy)
{
    enum pv_lang lang = list->options->lang;
    enum pv_err  err = PV_OK;

    pv_json_init(&list->json, list->out);
    if (list->options->json) {
        pv_json_object(&list->json, NULL);
        pv_json_array(&list->json, "methods");
    } else if (list->options->argument == NULL) {
        const struct pv_slice title[COLUMNS] = {
            pv_slice_from(pv_cli_text(lang, "path", "نشانی")),
            pv_slice_from(pv_cli_text(lang, "pattern", "الگو")),
            pv_slice_from(pv_cli_text(lang, "code", "کد")),
            pv_slice_from(pv_cli_text(lang, "state", "وضعیت")),
            pv_slice_from(pv_cli_text(lang, "basis", "مبنا")),
        };

        err = pv_line(list->out, title, column, COLUMNS);
    }
    if (err == PV_OK) {
        err = pv_policy_walk(policy, PV_WALK_METHODS, on_method, list);
    }
    if (err == PV_OK && list->options->json) {
        pv_json_end_array(&list->json);
        pv_json_end_object(&list->json);
        err = pv_json_finish(&list->json);
    }
    return err;
}

static int
help(enum pv_lang lang)
{
    return fputs(
               pv_cli_text(
                   lang,
                   "payvand image service: the services of the exchange\n\n"
                   "  payvand image service list [--service ID]\n"
                   "  payvand image service show ID|PATH\n"
                   "      [--image DIR] [--catalogue DIR] [--json] "
                   "[--lang en|fa]\n\n"
                   "  --image DIR      the policy image (PAYVAND_POLICY, "
                   ".run/policy)\n"
                   "  --catalogue DIR  show names from there\n\n"
                   "The state is \"callable\" or the reason why nobody can "
                   "call the method now.\n",
                   "payvand image service: خدمات مرکز تبادل\n\n"
                   "  payvand image service list [--service ID]\n"
                   "  payvand image service show ID|PATH\n"
                   "      [--image DIR] [--catalogue DIR] [--json] "
                   "[--lang en|fa]\n\n"
                   "وضعیت یا «برقرار» است یا دلیل آن که اکنون نمی‌توان فراخوانی "
                   "کرد.\n"),
               stdout) < 0
               ? PV_EXIT_FAILED
               : PV_EXIT_OK;
}

static bool
usage_is_right(const struct pv_list_options *options)
{
    if (strcmp(options->verb, "list") == 0) {
        return options->argument == NULL;
    }
    return strcmp(options->verb, "show") == 0 && options->argument != NULL;
}

int
pv_cmd_service(int argc, char **argv)
{
    struct pv_list_options options;
    struct pv_buf          out;
    struct listing         list = {.options = &options, .out = &out};
    struct pv_policy      *policy = NULL;
    struct pv_why          why = {""};
    enum pv_err            err;
    int                    code;

    code = pv_list_options(argc, argv, "image service", &options);
    if (code != PV_EXIT_OK) {
        return code;
    }
    if (options.help) {
        return help(options.lang);
    }
    if (!usage_is_right(&options)) {
        pv_cli_error("service list, or service show ID");
        return pv_cli_usage_error("image service");
    }
    pv_buf_init(&out, LIST_BYTES_MAX);
    list.now_ms = pv_time_wall_ms();
    err = pv_names_load(&list.names, options.catalogue, &why);
    if (err == PV_OK) {
        err = pv_policy_open(options.image, &policy, &why);
    }
    if (err == PV_OK) {
        err = list_services(&list, policy);
        if (err != PV_OK) {
            pv_why_set(&why, "cannot list: %s", pv_err_text(err));
        } else if (list.shown == 0 && options.argument != NULL) {
            pv_why_set(&why, "no such service: %s", options.argument);
            err = PV_ENOTFOUND;
        }
    }
    if (err == PV_OK) {
        code = pv_cli_print(&out);
    } else {
        pv_cli_error("%s", why.text);
        code = PV_EXIT_FAILED;
    }
    pv_policy_close(policy);
    pv_names_clear(&list.names);
    pv_buf_clear(&out);
    return code;
}
