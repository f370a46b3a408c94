/*
 * cmd_receipt.c - `payvand receipt`: the small file that proves years later,
 * without this exchange, that a request was made. `payvand verify` checks it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "receipt_list.h"
#include "trace/tracking_id.h"
#include "trace_client.h"
#include "trace_show.h"

#define WAIT_MS 10000 /* for the checkpoint that covers it */
#define STEP_MS 200

static const char usage_en[] =
    "payvand receipt TRACKING-ID... [-o FILE] [OPTION...]\n"
    "\n"
    "Gets the receipt of a request: its record, that it stands in the log, and\n"
    "the signed checkpoint. Keep it; payvand verify checks it offline. Waits up\n"
    "to 10 seconds for the checkpoint that covers a request just made. Several,\n"
    "at most 50, are a line each.\n"
    "\n"
    "  -o FILE        where to (standard output); never written over\n"
    "  --no-wait      do not wait\n" PV_CLIENT_USAGE_EN
    "  --json         accepted: a receipt is JSON already\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 done, 1 there is none or it cannot be had now, 2 wrong\n"
    "command line.\n";

static const char usage_fa[] =
    "payvand receipt شناسه-پیگیری... [-o FILE] [OPTION...]\n"
    "\n"
    "رسید یک درخواست را می‌گیرد: رکورد آن، گواه بودنش در لاگ و نقطه بازبینی\n"
    "امضاشده. آن را نگه دارید؛ payvand verify آن را بدون شبکه می‌سنجد. تا ۱۰\n"
    "ثانیه برای نقطه بازبینی یک درخواست تازه صبر می‌کند. چند رسید، حداکثر ۵۰،\n"
    "هر یک در یک سطر می‌آید.\n"
    "\n"
    "  -o FILE        پرونده خروجی؛ روی پرونده موجود نوشته نمی‌شود\n"
    "  --no-wait      بدون صبر\n" PV_CLIENT_USAGE_FA
    "  --json         پذیرفته می‌شود: رسید خود JSON است\n"
    "  --lang en|fa\n"
    "  -h, --help\n";

static const struct option option_list[] = {
    {"output", required_argument, NULL, 'o'},
    {"no-wait", no_argument, NULL, 'w'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    PV_CLIENT_OPTIONS,
    {NULL, 0, NULL, 0},
};

static int
write_file(const char *path, struct pv_slice bytes)
{
    FILE *file = fopen(path, "wx");
    bool  good;

    if (file == NULL) {
        pv_cli_error("%s: %s", path, strerror(errno));
        return PV_EXIT_FAILED;
    }
    good = fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len;
    good = fclose(file) == 0 && good;
    if (!good) {
        pv_cli_error("%s: %s", path, strerror(errno));
        (void)remove(path); /* half a receipt is none */
    }
    return good ? PV_EXIT_OK : PV_EXIT_FAILED;
}

/* Until it is there: a checkpoint follows a record within a second. */
static int
get(struct pv_client *client, bool wait)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    int64_t               end_ms = pv_time_monotonic_ms() + WAIT_MS;
    int                   code;

    client->quiet_503 = wait;
    for (;;) {
        if (pv_time_monotonic_ms() + STEP_MS >= end_ms) {
            client->quiet_503 = false; /* the last try says why */
        }
        code = pv_client_get(client);
        if (code == PV_EXIT_OK || !wait ||
            client->http.status != PV_CLIENT_UNAVAILABLE ||
            !client->quiet_503) {
            return code;
        }
        (void)nanosleep(&step, NULL); /* shorter is as good */
    }
}

static bool
are_ids(const struct pv_client *client, char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pv_tracking_id parsed;

        if (pv_tracking_id_parse(pv_slice_from(ids[i]), &parsed) != PV_OK) {
            pv_cli_error("%s: %s",
                         pv_cli_text(client->lang, "not a tracking id",
                                     "شناسه پیگیری نیست"),
                         ids[i]);
            return false;
        }
    }
    return true;
}

static int
print(const char *output, struct pv_slice bytes)
{
    if (output != NULL) {
        return write_file(output, bytes);
    }
    (void)fwrite(bytes.ptr, 1, bytes.len, stdout); /* checked below */
    return pv_show_flush();
}

static int
run_one(struct pv_client *client, const char *id, const char *output, bool wait)
{
    int code;

    if (!pv_client_path(client, "/trace/v1/receipts/", id)) {
        return PV_EXIT_USAGE;
    }
    code = get(client, wait);
    return code == PV_EXIT_OK ? print(output, pv_buf_view(&client->http.answer))
                              : code;
}

/* What came is printed, also when some are missing. */
static int
run_list(struct pv_client *client, char *const *ids, size_t count,
         const char *output, bool wait)
{
    size_t        missing = 0;
    struct pv_buf lines;
    int           code;

    pv_buf_init(&lines, PV_HTTP_ANSWER_MAX);
    code = pv_receipt_list(client, (const char *const *)ids, count,
                           wait ? WAIT_MS : 0, &lines, &missing);
    if (code == PV_EXIT_OK && lines.len > 0) {
        code = print(output, pv_buf_view(&lines));
    }
    if (code == PV_EXIT_OK && missing > 0) {
        pv_cli_error("%zu/%zu: %s", missing, count,
                     pv_cli_text(client->lang, "not there, or not yours to see",
                                 "نیست، یا دیدن آن با شما نیست"));
        code = PV_EXIT_FAILED;
    }
    pv_buf_clear(&lines);
    return code;
}

static int
run(struct pv_client *client, char *const *ids, size_t count,
    const char *output, bool wait)
{
    if (!are_ids(client, ids, count)) {
        return PV_EXIT_USAGE;
    }
    return count == 1 ? run_one(client, ids[0], output, wait)
                      : run_list(client, ids, count, output, wait);
}

int
pv_cmd_receipt(int argc, char **argv)
{
    struct pv_client client;
    const char      *lang = NULL;
    const char      *output = NULL;
    bool             wait = true;
    bool             help = false;
    int              code;
    int              key;

    pv_client_init(&client);
    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "ho:", option_list, NULL)) != -1) {
        switch (key) {
        case 'o':
            output = optarg;
            break;
        case 'w':
            wait = false;
            break;
        case 'j':
            break; /* it is */
        case 'l':
            lang = optarg;
            break;
        case 'h':
            help = true;
            break;
        default:
            if (!pv_client_take(&client, key, optarg)) {
                return pv_cli_usage_error("receipt");
            }
            break;
        }
    }
    client.lang = pv_cli_lang(lang);
    if (help) {
        return fputs(pv_cli_text(client.lang, usage_en, usage_fa), stdout) ==
                       EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (argc - optind < 1 || argc - optind > PV_RECEIPT_LIST_MAX) {
        return pv_cli_usage_error("receipt");
    }
    code = run(&client, &argv[optind], (size_t)(argc - optind), output, wait);
    pv_client_clear(&client);
    return code;
}
