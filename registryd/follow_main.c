/*
 * payvand-follow - a node's copy of the registry, and its policy image.
 *
 * What it does:      asks a registry for what was decided (long poll), checks
 *                    it against the signed head, decides it again into its own
 *                    database, and brings the node's policy image up to it.
 * What it holds:     that database, the image, the tree of decisions. No key.
 * Who may talk to it: nobody.
 * What it may call:  files, and one connection to the registry; sandbox.c.
 * What a thief of it gains: this node's image, until he is found by comparing
 *                    it with the log; nothing of any call.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "daemon/event.h"
#include "follow.h"
#include "sandbox.h"

static volatile sig_atomic_t stop;

static const char help_text[] =
    "payvand-follow: a node's copy of an exchange's registry\n"
    "\n"
    "  payvand-follow --store WHERE --image DIR --log DIR --log-key VKEY\n"
    "                 --socket PATH | --url URL --ca FILE --cert FILE --key FILE\n"
    "\n"
    "  --store WHERE     sqlite:FILE or postgresql:CONNINFO, of this node\n"
    "  --image DIR       the policy image that this node's gateway reads\n"
    "  --log DIR         the tree of decisions, checkpoint and status\n"
    "  --log-key VKEY    public key of the registry's decision log\n"
    "  --socket PATH     the registry on this machine\n"
    "  --url URL         the registry elsewhere: https://registry.example\n"
    "  --ca FILE         who signed its certificate\n"
    "  --cert FILE --key FILE  the certificate of this node's gateway\n"
    "  --node ID         this exchange: the home of its agencies\n"
    "  --stale-after S   refuse all calls when nothing was heard so long\n"
    "                    (default 900, at most 86400)\n"
    "  --loopback        endpoints on loopback are allowed (demo only)\n"
    "  --help, --version\n"
    "\n"
    "Manual: man payvand-follow\n";

enum {
    OPT_STORE = 256,
    OPT_IMAGE,
    OPT_LOG,
    OPT_LOG_KEY,
    OPT_SOCKET,
    OPT_URL,
    OPT_CA,
    OPT_CERT,
    OPT_KEY,
    OPT_NODE,
    OPT_STALE,
    OPT_LOOPBACK,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option option_list[] = {
    {"store", required_argument, NULL, OPT_STORE},
    {"image", required_argument, NULL, OPT_IMAGE},
    {"log", required_argument, NULL, OPT_LOG},
    {"log-key", required_argument, NULL, OPT_LOG_KEY},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"url", required_argument, NULL, OPT_URL},
    {"ca", required_argument, NULL, OPT_CA},
    {"cert", required_argument, NULL, OPT_CERT},
    {"key", required_argument, NULL, OPT_KEY},
    {"node", required_argument, NULL, OPT_NODE},
    {"stale-after", required_argument, NULL, OPT_STALE},
    {"loopback", no_argument, NULL, OPT_LOOPBACK},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

struct args {
    struct pv_registry_config registry;
    struct follow             follow;
    bool                      has_key;
    bool                      done;
};

static void
on_signal(int number)
{
    (void)number;
    stop = 1;
}

static bool
take_registry(struct pv_registry_config *config, int option, const char *value)
{
    switch (option) {
    case OPT_STORE:
        config->store = value;
        return true;
    case OPT_IMAGE:
        config->image = value;
        return true;
    case OPT_LOG:
        config->log = value;
        return true;
    case OPT_NODE:
        config->node = value;
        return true;
    case OPT_LOOPBACK:
        config->loopback = true;
        return true;
    default:
        return false;
    }
}

static bool
take(struct args *args, int option, const char *value)
{
    struct follow *follow = &args->follow;
    uint64_t       seconds;

    switch (option) {
    case OPT_LOG_KEY:
        args->has_key =
            pv_note_key_parse(pv_slice_from(value), &follow->log) == PV_OK;
        return args->has_key;
    case OPT_SOCKET:
        follow->socket = value;
        return true;
    case OPT_URL:
        follow->url = value;
        return true;
    case OPT_CA:
        follow->ca = value;
        return true;
    case OPT_CERT:
        follow->cert = value;
        return true;
    case OPT_KEY:
        follow->key = value;
        return true;
    case OPT_STALE:
        if (pv_slice_to_u64(pv_slice_from(value), FOLLOW_STALE_MAX_S,
                            &seconds) != PV_OK ||
            seconds == 0) {
            return false;
        }
        follow->stale_ms = (int64_t)seconds * 1000;
        return true;
    default:
        return take_registry(&args->registry, option, value);
    }
}

static bool
read_args(int argc, char **argv, struct args *args)
{
    const struct pv_registry_config *config = &args->registry;
    int                              c;

    while ((c = getopt_long(argc, argv, "", option_list, NULL)) != -1) {
        if (c == OPT_HELP || c == OPT_VERSION) {
            args->done = true;
            return fputs(c == OPT_HELP ? help_text
                                       : "payvand-follow " PV_VERSION "\n",
                         stdout) >= 0;
        }
        if (!take(args, c, optarg)) {
            return false;
        }
    }
    return optind == argc && args->has_key && config->store != NULL &&
           config->image != NULL && config->log != NULL &&
           (args->follow.socket != NULL) != (args->follow.url != NULL);
}

static enum pv_err
start(struct args *args, struct pv_why *why)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct follow   *follow = &args->follow;
    enum pv_err      err;

    (void)umask(027); /* cannot fail */
    if (sigaction(SIGTERM, &action, NULL) != 0 ||
        sigaction(SIGINT, &action, NULL) != 0 ||
        signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return PV_ESYS;
    }
    follow->logfd =
        open(args->registry.log, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (follow->logfd == -1) {
        pv_why_set(why, "%s: %s", args->registry.log, strerror(errno));
        return PV_ESYS;
    }
    err = pv_registry_open(&args->registry, &follow->registry, why);
    if (err == PV_OK) {
        err = follow_start(follow);
    }
    if (err == PV_OK) {
        err = pv_registry_sandbox(&args->registry, NULL, why);
    }
    return err;
}

int
main(int argc, char **argv)
{
    struct args   args = {.registry = {.durable = true},
                          .follow = {.stale_ms = FOLLOW_STALE_S * INT64_C(1000),
                                     .logfd = -1,
                                     .stop = &stop,
                                     .said = PV_EAGAIN}};
    struct pv_why why = {""};
    enum pv_err   err;

    if (!read_args(argc, argv, &args)) {
        (void)fputs("payvand-follow: see --help\n", stderr);
        return 2;
    }
    if (args.done) {
        return 0;
    }
    err = start(&args, &why);
    if (err == PV_OK) {
        pv_log_event("info", "follow.started", "last=%lld",
                     (long long)args.follow.last);
        while (stop == 0) {
            follow_round(&args.follow);
            if (stop == 0 && args.follow.pause_ms > 0) {
                (void)poll(NULL, 0, (int)args.follow.pause_ms);
            }
        }
    } else {
        pv_log_event("error", "follow.failed", "%s: %s", pv_err_text(err),
                     why.text);
    }
    follow_end(&args.follow);
    pv_registry_close(args.follow.registry);
    if (args.follow.logfd != -1) {
        (void)close(args.follow.logfd); /* a folder: nothing to lose */
    }
    return err == PV_OK ? 0 : 1;
}
