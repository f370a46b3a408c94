/*
 * cmd_trace.c - `payvand trace`: what became of a request. What was asked
 * about whom, and what was answered, is not in the journal, so there
 * is nothing here that could show it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/jalali.h"
#include "base/time.h"
#include "cmd.h"
#include "trace/journal_read.h"
#include "trace/log_read.h"

#define OUT_MAX_LEN (1024 * 1024)
#define POLL_MS 100

static const char usage_en[] =
    "payvand trace TRACKING-ID [OPTION...]\n"
    "payvand trace --follow [OPTION...]\n"
    "\n"
    "Tells what became of one request, or shows records as they come. What was\n"
    "asked about whom and what was answered is not recorded.\n"
    "\n"
    "  --journal DIR  the journal's directory (PAYVAND_JOURNAL)\n"
    "  --follow       show each record as it is written, until interrupted\n"
    "  --all          with --follow: begin with the first record kept\n"
    "  --json         one JSON object a line\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "States: received (no end recorded yet), refused, limited, closed, invalid,\n"
    "unavailable, answered, failed, timeout, unknown (its worker was lost).\n"
    "Exit code: 0 found, 1 not found or not readable, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand trace شناسه-پیگیری [OPTION...]\n"
    "payvand trace --follow [OPTION...]\n"
    "\n"
    "سرنوشت یک درخواست را می‌گوید یا رکوردها را همان‌گونه که نوشته می‌شوند\n"
    "نشان می‌دهد. موضوع پرسش و محتوای پاسخ ثبت نمی‌شود.\n"
    "\n"
    "  --journal DIR  پوشه دفتر رویداد (PAYVAND_JOURNAL)\n"
    "  --follow       نمایش پیوسته رکوردها تا قطع شدن\n"
    "  --all          همراه --follow: از نخستین رکورد نگهداری‌شده\n"
    "  --json         هر خط یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ یافت شد، ۱ یافت یا خوانده نشد، ۲ خط فرمان نادرست.\n";

static const struct option option_list[] = {
    {"journal", required_argument, NULL, 'd'},
    {"follow", no_argument, NULL, 'f'},
    {"all", no_argument, NULL, 'a'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char   *journal;
    enum pv_lang  lang;
    bool          follow;
    bool          all;
    bool          json;
    struct pv_buf out;
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
    (void)number; /* every one of them means: end */
    interrupted = 1;
}

/* Persian for the states. */
static const struct {
    const char *word;
    const char *fa;
} state_fa[] = {
    {"received", "دریافت شد؛ پایانی ثبت نشده است"},
    {"refused", "رد شد"},
    {"limited", "سهمیه پایان یافته بود"},
    {"closed", "خارج از زمان ارائه خدمت"},
    {"invalid", "ورودی نادرست"},
    {"unavailable", "مرکز تبادل در دسترس نبود؛ ارسال نشد"},
    {"answered", "پاسخ داده شد"},
    {"failed", "خطای ارائه‌دهنده"},
    {"timeout", "ارائه‌دهنده به‌موقع پاسخ نداد"},
    {"unknown", "نامعلوم؛ پردازشگر آن از دست رفت"},
};

static struct pv_slice
state_word(const struct pv_trace_found *found)
{
    switch (found->state) {
    case PV_TRACE_RECEIVED:
        return PV_LIT("received");
    case PV_TRACE_DECIDED:
        return found->record.request.decision;
    case PV_TRACE_DONE:
        return pv_outcome_word(found->completion.outcome);
    case PV_TRACE_UNKNOWN:
        return PV_LIT("unknown");
    }
    return PV_LIT("unknown");
}

static const char *
state_in_persian(struct pv_slice word)
{
    for (size_t i = 0; i < sizeof(state_fa) / sizeof(state_fa[0]); i++) {
        if (pv_slice_eq(word, pv_slice_from(state_fa[i].word))) {
            return state_fa[i].fa;
        }
    }
    return "";
}

static void
json_time(struct pv_json *json, const char *name, const char *jalali_name,
          int64_t when_ms)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    if (when_ms > 0) {
        pv_time_text(when_ms, text);
        pv_jalali_text(when_ms, jalali);
        pv_json_string(json, name, (struct pv_slice){text, sizeof(text)});
        pv_json_string(json, jalali_name,
                       (struct pv_slice){jalali, sizeof(jalali)});
    }
}

/* A member whose value is JSON already: a record's line. */
static void
json_line(struct pv_json *json, const char *name, struct pv_slice line)
{
    static const struct pv_slice null = PV_SLICE_INIT("null");

    pv_json_null(json, name); /* takes care of the comma and the name */
    if (json->err == PV_OK) {
        json->out->len -= null.len;
        json->err = pv_buf_add(json->out, line);
    }
}

static int
print_json(struct args *args, const struct pv_trace_found *found)
{
    const struct pv_request_record *r = &found->record.request;
    struct pv_json                  json;

    pv_json_init(&json, &args->out);
    pv_json_object(&json, NULL);
    pv_json_string(&json, "tracking_id", r->id);
    pv_json_string(&json, "state", state_word(found));
    if (r->reason.len > 0) {
        pv_json_string(&json, "reason", r->reason);
    }
    json_time(&json, "received_at", "received_at_jalali", (int64_t)r->time_ms);
    if (found->state == PV_TRACE_DONE) {
        const struct pv_completion *c = &found->completion;

        json_time(&json, "forwarded_at", "forwarded_at_jalali",
                  (int64_t)c->forwarded_ms);
        json_time(&json, "first_byte_at", "first_byte_at_jalali",
                  (int64_t)c->first_ms);
        json_time(&json, "ended_at", "ended_at_jalali", (int64_t)c->last_ms);
    }
    json_time(&json, "recorded_at", "recorded_at_jalali", found->written_ms);
    pv_json_u64(&json, "index", found->index);
    json_line(&json, "record", (struct pv_slice){found->line, found->line_len});
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        pv_cli_error("no memory");
        return PV_EXIT_FAILED;
    }
    return pv_cli_print(&args->out);
}

/* ---- for people -------------------------------------------------------- */

#define LABEL_WIDTH 14

/* Pads by characters, not bytes; the zero-width non-joiner takes no room. */
static void
label(struct args *args, const char *en, const char *fa)
{
    const char *text = pv_cli_text(args->lang, en, fa);
    int         width = 0;

    for (const char *at = text; *at != '\0'; at++) {
        width += (*at & 0xc0) != 0x80;
        width -= strncmp(at, "\u200c", 3) == 0;
    }
    (void)printf("%s%*s", text, /* flushed and checked at the end */
                 width < LABEL_WIDTH ? LABEL_WIDTH - width + 1 : 1, "");
}

static void
row(struct args *args, const char *en, const char *fa, struct pv_slice value)
{
    if (value.len > 0) {
        label(args, en, fa);
        (void)printf("%.*s\n", PV_FMT(value)); /* as in label() */
    }
}

static void
row_time(struct args *args, const char *en, const char *fa, int64_t when_ms)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    if (when_ms > 0) {
        pv_time_text(when_ms, text);
        pv_jalali_text(when_ms, jalali);
        label(args, en, fa);
        (void)printf("%.*s  (%.*s)\n", PV_TIME_TEXT_LEN, text,
                     PV_JALALI_TEXT_LEN, jalali); /* as in label() */
    }
}

static int
print_text(struct args *args, const struct pv_trace_found *found)
{
    const struct pv_request_record *r = &found->record.request;
    struct pv_slice                 word = state_word(found);
    enum pv_reason                  reason = pv_reason_from_word(r->reason);

    row(args, "tracking id", "شناسه پیگیری", r->id);
    row(args, "state", "وضعیت", word);
    if (args->lang == PV_LANG_FA) {
        row(args, "", "", pv_slice_from(state_in_persian(word)));
    }
    row(args, "reason", "دلیل", r->reason);
    if (reason != PV_REASON_NONE) {
        row(args, "", "",
            args->lang == PV_LANG_FA ? pv_reason_title_fa(reason)
                                     : pv_reason_title_en(reason));
    }
    row_time(args, "received", "دریافت", (int64_t)r->time_ms);
    if (found->state == PV_TRACE_DONE) {
        row_time(args, "forwarded", "ارسال",
                 (int64_t)found->completion.forwarded_ms);
        row_time(args, "first byte", "نخستین بایت",
                 (int64_t)found->completion.first_ms);
        row_time(args, "ended", "پایان", (int64_t)found->completion.last_ms);
    }
    row(args, "consumer", "متقاضی", r->consumer);
    row(args, "unit", "واحد", r->unit);
    row(args, "provider", "ارائه‌دهنده", r->provider);
    row(args, "service", "خدمت", r->service);
    row(args, "version", "نسخه", r->version);
    row(args, "method", "متد", r->method);
    row(args, "grant", "مجوز", r->grant);
    row(args, "purpose", "هدف", r->purpose);
    row(args, "case", "پرونده", r->case_id);
    row(args, "via", "از طریق", r->via);
    row(args, "node", "گره", r->node);
    label(args, "leaf", "ردیف");
    (void)printf("%llu\n",
                 (unsigned long long)found->index); /* as in label() */
    if (fflush(stdout) != 0) {
        pv_cli_error("cannot write to standard output");
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

static int
open_journal(const struct args *args)
{
    int fd;

    if (args->journal == NULL) {
        pv_cli_error("%s", pv_cli_text(args->lang,
                                       "where is the journal? give --journal "
                                       "DIR or set PAYVAND_JOURNAL",
                                       "پوشه دفتر رویداد را با --journal یا "
                                       "PAYVAND_JOURNAL بدهید"));
        return -1;
    }
    fd = open(args->journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        pv_cli_error("%s %s: %s",
                     pv_cli_text(args->lang, "cannot read the journal",
                                 "دفتر رویداد خوانده نشد"),
                     args->journal, strerror(errno));
    }
    return fd;
}

static int
show_one(struct args *args, int dirfd, const char *text)
{
    static struct pv_trace_found found;
    struct pv_log               *log;
    struct pv_tracking_id        id;
    enum pv_err                  err;

    if (pv_tracking_id_parse(pv_slice_from(text), &id) != PV_OK) {
        pv_cli_error(
            "%s: %s",
            pv_cli_text(args->lang, "not a tracking id", "شناسه پیگیری نیست"),
            text);
        return PV_EXIT_USAGE;
    }
    err = pv_log_open(dirfd, -1, &log);
    if (err == PV_OK) {
        err = pv_log_find(log, &id, pv_time_wall_ms(), &found);
        pv_log_close(log);
    }
    if (err == PV_ENOTFOUND) {
        pv_cli_error("%s: %s",
                     pv_cli_text(args->lang,
                                 "this node's journal has no such request",
                                 "چنین درخواستی در دفتر این گره نیست"),
                     text);
        return PV_EXIT_FAILED;
    }
    if (err != PV_OK) {
        pv_cli_error("%s: %s",
                     pv_cli_text(args->lang, "cannot read the journal",
                                 "دفتر رویداد خوانده نشد"),
                     pv_err_text(err));
        return PV_EXIT_FAILED;
    }
    return args->json ? print_json(args, &found) : print_text(args, &found);
}

/* ---- follow ------------------------------------------------------------ */

static void
follow_json(struct args *args, uint64_t index, struct pv_slice line)
{
    (void)printf("{\"index\":%llu,\"record\":%.*s}\n",
                 (unsigned long long)index, PV_FMT(line)); /* see follow() */
    (void)args;                                            /* as for people */
}

static void
follow_request(uint64_t index, const struct pv_request_record *r)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    pv_time_text((int64_t)r->time_ms, text);
    pv_jalali_text((int64_t)r->time_ms, jalali);
    (void)printf("%.*s %.*s #%llu %.*s %.*s -> %.*s/%.*s/%.*s/%.*s %.*s %.*s\n",
                 PV_TIME_TEXT_LEN, text, PV_JALALI_TEXT_LEN, jalali,
                 (unsigned long long)index, PV_FMT(r->id), PV_FMT(r->consumer),
                 PV_FMT(r->provider), PV_FMT(r->service), PV_FMT(r->version),
                 PV_FMT(r->method), PV_FMT(r->decision),
                 PV_FMT(r->reason)); /* see follow() */
}

static void
follow_completions(const struct pv_record *record)
{
    struct pv_slice      rest = record->completions;
    struct pv_completion c;
    char                 text[PV_TIME_TEXT_LEN];
    char                 jalali[PV_JALALI_TEXT_LEN];

    while (pv_record_next_completion(&rest, &c) == PV_OK) {
        uint64_t when = c.last_ms > 0 ? c.last_ms : c.forwarded_ms;

        memset(text, '-', sizeof(text));
        memset(jalali, '-', sizeof(jalali));
        if (when > 0) {
            pv_time_text((int64_t)when, text);
            pv_jalali_text((int64_t)when, jalali);
        }
        (void)printf("%.*s %.*s #%llu %.*s\n", PV_TIME_TEXT_LEN, text,
                     PV_JALALI_TEXT_LEN, jalali, (unsigned long long)c.of,
                     PV_FMT(pv_outcome_word(c.outcome))); /* see follow() */
    }
}

static void
follow_text(struct args *args, uint64_t index, struct pv_slice line)
{
    struct pv_record record;

    if (pv_record_parse(line, &record) != PV_OK) {
        follow_json(args, index, line); /* of a later version */
        return;
    }
    switch (record.type) {
    case PV_RECORD_REQUEST:
        follow_request(index, &record.request);
        break;
    case PV_RECORD_COMPLETIONS:
        follow_completions(&record);
        break;
    case PV_RECORD_REFUSALS:
    case PV_RECORD_WORKER_LOST:
    case PV_RECORD_READING:
    case PV_RECORD_PRUNED:
        follow_json(args, index, line);
        break;
    }
}

static void
follow_commit(struct args *args, const struct pv_commit_view *view)
{
    struct pv_frame frame;
    struct pv_slice line;
    size_t          at = 0;

    while (pv_commit_next_frame(view->bytes, &at, &frame) == PV_OK) {
        uint64_t index = frame.first_index;

        for (; pv_frame_next_record(&frame.records, &line) == PV_OK; index++) {
            if (args->json) {
                follow_json(args, index, line);
            } else {
                follow_text(args, index, line);
            }
        }
    }
}

static int
follow(struct args *args, int dirfd)
{
    struct pv_journal_cursor cursor;
    struct pv_commit_view    view;
    struct timespec          pause = {.tv_nsec = POLL_MS * 1000000L};
    enum pv_err              err;

    (void)signal(SIGINT, on_signal);  /* cannot fail */
    (void)signal(SIGTERM, on_signal); /* cannot fail */
    err = pv_journal_cursor_open(&cursor, dirfd, args->all ? 0 : INT64_MAX);
    if (err != PV_OK) {
        pv_cli_error("%s: %s",
                     pv_cli_text(args->lang, "cannot read the journal",
                                 "دفتر رویداد خوانده نشد"),
                     pv_err_text(err));
        return PV_EXIT_FAILED;
    }
    while (interrupted == 0) {
        err = pv_journal_cursor_next(&cursor, &view);
        if (err == PV_OK) {
            follow_commit(args, &view);
            continue;
        }
        if (err != PV_ENOTFOUND || fflush(stdout) != 0 || ferror(stdout)) {
            break;
        }
        (void)nanosleep(&pause, NULL); /* shorter is as good */
    }
    pv_journal_cursor_close(&cursor);
    if (interrupted != 0) {
        return fflush(stdout) == 0 ? PV_EXIT_OK : PV_EXIT_FAILED;
    }
    pv_cli_error("%s", err == PV_ENOTFOUND ? "cannot write to standard output"
                                           : pv_err_text(err));
    return PV_EXIT_FAILED;
}

int
pv_cmd_trace(int argc, char **argv)
{
    struct args args = {.journal = getenv("PAYVAND_JOURNAL")};
    const char *lang = NULL;
    bool        help = false;
    int         code;
    int         dirfd;
    int         key;

    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        switch (key) {
        case 'd':
            args.journal = optarg;
            break;
        case 'f':
            args.follow = true;
            break;
        case 'a':
            args.all = true;
            break;
        case 'j':
            args.json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'h':
            help = true;
            break;
        default:
            return pv_cli_usage_error("trace");
        }
    }
    args.lang = pv_cli_lang(lang);
    if (help) {
        return fputs(pv_cli_text(args.lang, usage_en, usage_fa), stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (argc - optind != (args.follow ? 0 : 1)) {
        return pv_cli_usage_error("trace");
    }
    dirfd = open_journal(&args);
    if (dirfd == -1) {
        return PV_EXIT_FAILED;
    }
    pv_buf_init(&args.out, OUT_MAX_LEN);
    code = args.follow ? follow(&args, dirfd)
                       : show_one(&args, dirfd, argv[optind]);
    pv_buf_clear(&args.out);
    (void)close(dirfd); /* read-only: nothing to lose */
    return code;
}
