/*
 * cmd_log_prune.c - `payvand log prune`: removes what a decision says need not
 * be kept. The log itself says so first: the record `pruned` is on disk before
 * the first file goes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/jalali.h"
#include "base/time.h"
#include "cmd_log.h"
#include "trace/journal_read.h"
#include "trace/packs.h"
#include "trace/sender.h"

#define RECORD_WAIT_MS 10000
#define GREGORIAN_FROM 1700 /* a year below it is a Jalali one */

struct plan {
    uint64_t first; /* packs from first */
    uint64_t end;   /* and before end go */
    int64_t  first_ms;
    int64_t  last_ms;
    uint64_t len; /* of their files */
    uint64_t removed;
    uint64_t removed_len;
    uint64_t index; /* of the record */
};

/* The first millisecond in Tehran of a day in either calendar. */
static enum pv_err
read_day(const char *text, int64_t *ret_ms)
{
    struct pv_slice day = pv_slice_from(text);
    struct pv_civil jalali;
    int64_t         days;
    enum pv_err     err;

    if (day.len > 0 && text[0] == '1' &&
        pv_jalali_parse(day, &jalali) == PV_OK &&
        jalali.year < GREGORIAN_FROM) {
        err = pv_jalali_to_days(jalali, &days);
        if (err == PV_OK) {
            *ret_ms = days * PV_DAY_MS - PV_TEHRAN_OFFSET_MS;
        }
        return err;
    }
    return pv_time_from_date(day, ret_ms);
}

static enum pv_err
make_plan(int log_fd, int64_t before_ms, struct plan *plan)
{
    struct pv_packs     packs;
    struct pv_pack_line line;
    enum pv_err         err;

    pv_packs_init(&packs, log_fd);
    err = pv_packs_refresh(&packs);
    if (err == PV_OK) {
        err = pv_packs_seek(&packs, before_ms, &plan->end);
    }
    plan->first = packs.pruned;
    for (uint64_t i = plan->first; err == PV_OK && i < plan->end; i++) {
        err = pv_packs_line(&packs, i, &line);
        if (err == PV_OK) {
            plan->first_ms = i == plan->first ? line.first_ms : plan->first_ms;
            plan->last_ms = line.last_ms;
            plan->len += line.len;
        }
    }
    pv_packs_clear(&packs);
    return err;
}

/* The node whose journal this is, from its newest segment. */
static enum pv_err
read_node(int journal_fd, struct pv_segment_head *ret_head)
{
    struct pv_segment_list   list = {NULL, 0};
    struct pv_segment_reader reader;
    enum pv_err              err = pv_segment_list_read(journal_fd, &list);

    if (err == PV_OK && list.count == 0) {
        err = PV_ENOTFOUND;
    }
    if (err == PV_OK) {
        err = pv_segment_open(journal_fd, list.number[list.count - 1], &reader);
    }
    if (err == PV_OK) {
        *ret_head = reader.head;
        pv_segment_close(&reader);
    }
    pv_segment_list_clear(&list);
    return err;
}

static enum pv_err
record(const struct log_args *args, int journal_fd, struct plan *plan,
       int64_t now_ms)
{
    struct pv_segment_head  head;
    struct pv_pruned_record pruned = {
        .count = (plan->end - plan->first) * PV_PACK_LEAVES,
        .decision = pv_slice_from(args->decision),
        .first = plan->first * PV_PACK_LEAVES,
        .time_ms = (uint64_t)now_ms,
    };
    char             line[PV_RECORD_MAX];
    char             salt[PV_RECORD_SALT_LEN];
    struct pv_sender sender;
    size_t           len;
    enum pv_err      err = read_node(journal_fd, &head);

    if (err == PV_OK) {
        err = pv_record_make_salt(salt);
    }
    if (err == PV_OK) {
        pruned.salt = (struct pv_slice){salt, sizeof(salt)};
        pruned.node = (struct pv_slice){head.node, head.node_len};
        err = pv_record_write_pruned(&pruned, line, sizeof(line), &len);
    }
    if (err == PV_OK) {
        pv_sender_init(&sender, args->socket, pruned.node);
        err = pv_sender_record(&sender, (struct pv_slice){line, len},
                               RECORD_WAIT_MS, &plan->index);
        pv_sender_close(&sender);
    }
    return err;
}

static int
print_json(const struct log_args *args, const struct plan *plan)
{
    bool           some = plan->end > plan->first;
    struct pv_json json;
    struct pv_buf  out;
    int            code;

    pv_buf_init(&out, LOG_CLI_OUT_MAX);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_u64(&json, "bytes", args->dry_run ? plan->len : plan->removed_len);
    pv_json_u64(&json, "count",
                some ? (plan->end - plan->first) * PV_PACK_LEAVES : 0);
    pv_json_text(&json, "decision", args->decision);
    pv_json_bool(&json, "dry_run", args->dry_run);
    pv_json_u64(&json, "files",
                args->dry_run ? (some ? plan->end - plan->first : 0)
                              : plan->removed);
    pv_json_u64(&json, "first", plan->first * PV_PACK_LEAVES);
    if (some && !args->dry_run) {
        pv_json_u64(&json, "index", plan->index);
    }
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        pv_cli_error("no memory");
        code = PV_EXIT_FAILED;
    } else {
        code = pv_cli_print(&out);
    }
    pv_buf_clear(&out);
    return code;
}

static int
print_text(const struct log_args *args, const struct plan *plan)
{
    bool persian = args->lang == PV_LANG_FA;
    char from[LOG_DAY_MAX];
    char until[LOG_DAY_MAX];

    if (plan->end <= plan->first) {
        (void)printf("%s\n",
                     persian
                         ? "هیچ بسته‌ای چنین قدیمی نیست"
                         : "no pack is so old"); /* as below */
    } else {
        log_day(plan->first_ms, from);
        log_day(plan->last_ms, until);
        (void)printf(persian ? "رکوردهای %llu تا %llu، از %s تا %s\n"
                             : "records %llu to %llu, from %s to %s\n",
                     (unsigned long long)plan->first * PV_PACK_LEAVES,
                     (unsigned long long)plan->end * PV_PACK_LEAVES - 1, from,
                     until); /* flushed and checked below */
    }
    if (plan->end > plan->first && args->dry_run) {
        (void)printf(
            persian
                ? "%llu بسته، %llu بایت حذف می‌شد؛ چیزی حذف نشد\n"
                : "%llu packs, %llu bytes would be removed; "
                  "nothing was\n",
            (unsigned long long)(plan->end - plan->first),
            (unsigned long long)plan->len); /* as above */
    } else if (!args->dry_run && plan->removed > 0) {
        (void)printf(persian ? "%llu بسته، %llu بایت حذف شد\n"
                             : "%llu packs, %llu bytes removed\n",
                     (unsigned long long)plan->removed,
                     (unsigned long long)plan->removed_len); /* as above */
    }
    if (plan->end > plan->first && !args->dry_run) {
        (void)printf(persian ? "در دفتر ثبت شد: ردیف %llu، مصوبه %s\n"
                             : "recorded in the log: leaf %llu, decision %s\n",
                     (unsigned long long)plan->index,
                     args->decision); /* as above */
    }
    if (fflush(stdout) != 0) {
        pv_cli_error("cannot write to standard output");
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

static int
not_done(const struct log_args *args, enum pv_err err, const char *en,
         const char *fa)
{
    pv_cli_error("%s: %s%s%s", pv_cli_text(args->lang, en, fa),
                 pv_err_text(err), err == PV_ESYS ? ": " : "",
                 err == PV_ESYS ? strerror(errno) : "");
    return err == PV_ECORRUPT ? PV_EXIT_UNVERIFIED : PV_EXIT_FAILED;
}

/* Say it in the log, then do it. */
static int
carry_out(const struct log_args *args, int journal_fd, int log_fd,
          struct plan *plan)
{
    struct pv_pruning pruning = {
        .end = plan->end,
        .when_ms = pv_time_wall_ms(),
        .decision = pv_slice_from(args->decision),
    };
    enum pv_err err;

    if (plan->end > plan->first) {
        if (args->socket == NULL) {
            pv_cli_error(
                "%s", pv_cli_text(args->lang,
                                  "give --socket PATH of payvand-traced: the "
                                  "removal must be recorded in the log",
                                  "سوکت payvand-traced را با --socket بدهید؛ "
                                  "حذف باید در دفتر ثبت شود"));
            return PV_EXIT_USAGE;
        }
        err = record(args, journal_fd, plan, pruning.when_ms);
        if (err != PV_OK) {
            return not_done(args, err,
                            "nothing was removed: payvand-traced did not "
                            "record it (is it running, and are you its user?)",
                            "چیزی حذف نشد: payvand-traced آن را ثبت نکرد");
        }
    } else {
        pruning.end = plan->first; /* finish what an earlier one began */
    }
    err = pv_packs_prune(log_fd, &pruning, &plan->removed, &plan->removed_len);
    return err == PV_OK
               ? PV_EXIT_OK
               : not_done(args, err,
                          "not all was removed; run the same command again",
                          "همه حذف نشد؛ همین فرمان را دوباره اجرا کنید");
}

int
log_prune(const struct log_args *args)
{
    struct plan plan = {0};
    int64_t     before_ms;
    int         journal_fd;
    int         log_fd;
    int         code = PV_EXIT_FAILED;
    enum pv_err err;

    if (read_day(args->before, &before_ms) != PV_OK) {
        pv_cli_error("%s: %s", pv_cli_text(args->lang, "not a day", "روز نیست"),
                     args->before);
        return PV_EXIT_USAGE;
    }
    if (!pv_record_is_word(pv_slice_from(args->decision))) {
        pv_cli_error("%s: %s",
                     pv_cli_text(args->lang,
                                 "not a reference of a-z 0-9 . / _ -",
                                 "شماره مصوبه باید از a-z 0-9 . / _ - باشد"),
                     args->decision);
        return PV_EXIT_USAGE;
    }
    journal_fd = log_open_dir(args, args->journal, false);
    log_fd = log_open_dir(args, args->log, false);
    if (journal_fd != -1 && log_fd != -1) {
        err = make_plan(log_fd, before_ms, &plan);
        code = err != PV_OK
                   ? not_done(args, err, "cannot read the packs",
                              "فهرست بسته‌ها خوانده نشد")
               : args->dry_run ? PV_EXIT_OK
                               : carry_out(args, journal_fd, log_fd, &plan);
        if (code == PV_EXIT_OK) {
            code =
                args->json ? print_json(args, &plan) : print_text(args, &plan);
        }
    }
    if (journal_fd != -1) {
        (void)close(journal_fd); /* a directory, as the next */
    }
    if (log_fd != -1) {
        (void)close(log_fd);
    }
    return code;
}
