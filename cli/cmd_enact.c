/*
 * cmd_enact.c - payvand enact: the catalogue as dated decisions, sent to the
 * registry day by day.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/jalali.h"
#include "cmd.h"
#include "enact.h"
#include "registry.h"

#define BATCH_MAX 1000
#define BATCH_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct arguments {
    const char  *catalogue;
    const char  *socket;
    int64_t      until; /* day */
    bool         list;
    bool         json;
    enum pv_lang lang;
    bool         done;
};

struct totals {
    long long sent;
    long long repeated;
    long long last;
};

static int
help(enum pv_lang lang)
{
    static const char en[] =
        "payvand enact: the catalogue as decisions of the registry\n\n"
        "  payvand enact --catalogue DIR --socket PATH [--until DATE]\n"
        "  payvand enact --catalogue DIR --list [--until DATE]\n\n"
        "  --catalogue DIR    agencies, services, resolutions ... as JSON\n"
        "  --socket PATH      where payvand-registryd listens\n"
        "  --until DATE       only decisions up to this Jalali day\n"
        "  --list             write the decisions, one a line; send nothing\n"
        "  --json             the result as JSON\n"
        "  --lang en|fa       the language of messages\n\n"
        "Sending it again decides nothing twice. Manual: man payvand-enact\n";
    static const char fa[] =
        "payvand enact: کاتالوگ به صورت تصمیم‌های دفتر ثبت\n\n"
        "  payvand enact --catalogue DIR --socket PATH [--until DATE]\n"
        "  payvand enact --catalogue DIR --list [--until DATE]\n\n"
        "  --catalogue DIR    دستگاه‌ها، خدمات، مصوبه‌ها و ... به صورت JSON\n"
        "  --socket PATH      سوکت payvand-registryd\n"
        "  --until DATE       فقط تصمیم‌های تا این تاریخ شمسی\n"
        "  --list             تصمیم‌ها را بنویس و چیزی نفرست\n"
        "  --json             نتیجه به صورت JSON\n"
        "  --lang en|fa       زبان پیام‌ها\n\n"
        "فرستادن دوباره چیزی را دو بار تصمیم نمی‌گیرد. راهنما: man "
        "payvand-enact\n";

    return fputs(pv_cli_text(lang, en, fa), stdout) < 0 ? PV_EXIT_FAILED
                                                        : PV_EXIT_OK;
}

static bool
read_day(const char *text, int64_t *ret)
{
    struct pv_civil date;

    return pv_jalali_parse(pv_slice_from(text), &date) == PV_OK &&
           pv_jalali_to_days(date, ret) == PV_OK;
}

static int
read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option option[] = {
        {"catalogue", required_argument, NULL, 'c'},
        {"socket", required_argument, NULL, 's'},
        {"until", required_argument, NULL, 'u'},
        {"list", no_argument, NULL, 'i'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *lang = NULL;
    bool        asked = false;
    bool        ok = true;
    int         c;

    optind = 1;
    while (ok && (c = getopt_long(argc, argv, "", option, NULL)) != -1) {
        switch (c) {
        case 'c':
            ret->catalogue = optarg;
            break;
        case 's':
            ret->socket = optarg;
            break;
        case 'u':
            ok = read_day(optarg, &ret->until);
            break;
        case 'i':
            ret->list = true;
            break;
        case 'j':
            ret->json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'h':
            asked = true;
            break;
        default:
            ok = false;
        }
    }
    ret->lang = pv_cli_lang(lang);
    if (asked) {
        ret->done = true;
        return help(ret->lang);
    }
    if (!ok || optind != argc || ret->catalogue == NULL ||
        ret->list == (ret->socket != NULL)) {
        pv_cli_error("enact needs --catalogue, and --socket or --list");
        return pv_cli_usage_error("enact");
    }
    return PV_EXIT_OK;
}

/* ---- sending ---- */

static int
add_bytes(const char *bytes, size_t len, void *context)
{
    return pv_buf_add(context, (struct pv_slice){bytes, len}) == PV_OK ? 0 : -1;
}

/* What a refusal says, in the language asked for. */
static void
tell_refusal(const struct arguments *arg, const struct pv_enact_step *step,
             struct pv_slice answer)
{
    json_t *problem = json_loadb(answer.ptr, answer.len, 0, NULL);
    size_t  index =
        (size_t)json_integer_value(json_object_get(problem, "index"));
    const char *key = pv_enact_text(step[index].decision, "key");

    pv_cli_error(
        "%s: %s %s", key, pv_enact_text(problem, "rule"),
        pv_enact_text(problem, arg->lang == PV_LANG_FA ? "title_fa" : "title"));
    json_decref(problem);
}

static bool
send_batch(const struct arguments *arg, const struct pv_enact_step *step,
           struct pv_buf *body, struct totals *totals)
{
    struct pv_buf answer;
    struct pv_why why = {""};
    long          status = 0;
    json_t       *decided = NULL;
    bool          ok = false;

    pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
    if (pv_registry_ask(arg->socket, "/registry/v1/decisions",
                        pv_buf_view(body), &status, &answer, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        goto out;
    }
    if (status != 200) {
        tell_refusal(arg, step, pv_buf_view(&answer));
        goto out;
    }
    decided = json_loadb(answer.ptr, answer.len, 0, NULL);
    totals->repeated +=
        json_integer_value(json_object_get(decided, "repeated"));
    totals->last = json_integer_value(json_object_get(decided, "last"));
    ok = true;

out:
    json_decref(decided);
    pv_buf_clear(&answer);
    return ok;
}

/* Up to a thousand decisions of one day are one transaction. */
static bool
send_all(const struct arguments *arg, const struct pv_enact *enact,
         struct totals *totals)
{
    struct pv_buf body;
    size_t        begin = 0;
    bool          ok = true;

    pv_buf_init(&body, BATCH_BYTES_MAX);
    for (size_t i = 0; i < enact->count && ok; i++) {
        const struct pv_enact_step *step = &enact->step[i];
        bool                        is_last;

        if (step->day > arg->until) {
            break;
        }
        ok = pv_buf_add_char(&body, body.len == 0 ? '[' : ',') == PV_OK &&
             json_dump_callback(step->decision, add_bytes, &body,
                                JSON_COMPACT) == 0;
        is_last = i + 1 == enact->count || i + 1 - begin == BATCH_MAX ||
                  enact->step[i + 1].day != step->day ||
                  body.len > BATCH_BYTES_MAX / 4;
        if (ok && is_last) {
            ok = pv_buf_add_char(&body, ']') == PV_OK &&
                 send_batch(arg, &enact->step[begin], &body, totals);
            totals->sent += (long long)(i + 1 - begin);
            body.len = 0;
            begin = i + 1;
        }
    }
    pv_buf_clear(&body);
    return ok;
}

static bool
list_all(const struct arguments *arg, const struct pv_enact *enact)
{
    bool ok = true;

    for (size_t i = 0; i < enact->count && ok; i++) {
        ok = enact->step[i].day > arg->until ||
             (json_dumpf(enact->step[i].decision, stdout, JSON_COMPACT) == 0 &&
              fputc('\n', stdout) != EOF);
    }
    return ok && fflush(stdout) == 0;
}

static int
print_totals(const struct arguments *arg, const struct totals *totals)
{
    int len;

    if (arg->json) {
        len = printf("{\"last\":%lld,\"ok\":true,\"repeated\":%lld,"
                     "\"sent\":%lld}\n",
                     totals->last, totals->repeated, totals->sent);
    } else if (arg->lang == PV_LANG_FA) {
        len = printf(
            "%lld تصمیم فرستاده شد، %lld از آن‌ها پیش‌تر ثبت بود؛ شماره "
            "آخرین تصمیم %lld است\n",
            totals->sent, totals->repeated, totals->last);
    } else {
        len = printf("%lld decisions sent, %lld of them known before; the "
                     "last has number %lld\n",
                     totals->sent, totals->repeated, totals->last);
    }
    return len < 0 ? PV_EXIT_FAILED : PV_EXIT_OK;
}

int
pv_cmd_enact(int argc, char **argv)
{
    struct arguments arg = {.until = INT64_MAX};
    struct pv_enact  enact = {.dir = NULL};
    struct totals    totals = {0, 0, 0};
    int              code = read_arguments(argc, argv, &arg);

    if (code != PV_EXIT_OK || arg.done) {
        return code;
    }
    if (pv_enact_read(arg.catalogue, &enact) != PV_OK) {
        pv_cli_error("%s", enact.why.text[0] == '\0' ? pv_err_text(enact.err)
                                                     : enact.why.text);
        code = PV_EXIT_FAILED;
    } else if (arg.list) {
        code = list_all(&arg, &enact) ? PV_EXIT_OK : PV_EXIT_FAILED;
    } else {
        code = send_all(&arg, &enact, &totals) ? print_totals(&arg, &totals)
                                               : PV_EXIT_FAILED;
    }
    pv_enact_clear(&enact);
    return code;
}
