/*
 * cmd_witness.c - `payvand witness`: runs an independent cosigner of logs.
 *
 * Does:  answers C2SP tlog-witness over HTTP on loopback or a Unix socket;
 *        TLS and the outside world are for a server before it.
 * Holds: the witness's key, and what it has seen of each log.
 * Talks: with anybody who can reach the socket; a request is taken only with
 *        the signature of a log that the directory names.
 * Calls: what pv_sandbox_enter is given below; files below its directory only.
 * A thief of it can cosign what the witness has not seen; nothing of the trace
 * is here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cmd.h"
#include "daemon/event.h"
#include "daemon/sandbox.h"
#include "http/server.h"
#include "witness.h"

#define OUT_MAX_LEN 4096
#define CONNECTIONS_MAX 64
#define BACKLOG 64
#define WAIT_MS 500
#define QUIET_MS INT64_C(60000) /* between two lines of the same kind */
#define UNIX_PREFIX "unix:"

static const char usage_en[] =
    "payvand witness --init NAME --dir DIR\n"
    "payvand witness --add VKEY --dir DIR\n"
    "payvand witness --dir DIR --listen ADDRESS:PORT|unix:PATH\n"
    "\n"
    "Runs a witness: it cosigns the checkpoints of logs whose growth it has\n"
    "followed, and refuses a log that shows another or a smaller tree. An\n"
    "auditor, another exchange or the press can run one.\n"
    "\n"
    "  --init NAME   make a key in DIR, show its public key, and end\n"
    "  --add VKEY    know the log of this public key, and end\n"
    "  --anew        with --add: of a log in the file `logs` nothing is kept,\n"
    "                and I know that nothing of it was ever cosigned\n"
    "  --dir DIR     its key, what it has seen, and the file `logs` with one\n"
    "                line `log VKEY` for each log\n"
    "  --listen ...  where it answers /add-checkpoint (C2SP tlog-witness)\n"
    "  --json        one JSON object (with --init)\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 ended by a signal, or the key was made or the log added;\n"
    "1 it cannot run; 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand witness --init نام --dir DIR\n"
    "payvand witness --add VKEY --dir DIR\n"
    "payvand witness --dir DIR --listen ADDRESS:PORT|unix:PATH\n"
    "\n"
    "گواه دفترها: نشان دفترهایی را که رشدشان را دنبال کرده امضا می‌کند و دفتری\n"
    "را که درختی دیگر یا کوچک‌تر نشان دهد نمی‌پذیرد. بازرس، مرکزی دیگر یا رسانه\n"
    "می‌تواند آن را اجرا کند.\n"
    "\n"
    "  --init نام    ساخت کلید در DIR و نمایش کلید عمومی آن\n"
    "  --add VKEY    شناختن دفتری با این کلید عمومی\n"
    "  --anew        همراه --add: از دفتری که در logs هست چیزی نمانده است، و\n"
    "                می‌دانم که هرگز چیزی از آن امضا نشده است\n"
    "  --dir DIR     کلید، آنچه دیده است، و پرونده logs با یک خط log VKEY برای\n"
    "                هر دفتر\n"
    "  --listen ...  جایی که به ‎/add-checkpoint پاسخ می‌دهد\n"
    "  --json        یک شیء JSON (همراه --init)\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ با سیگنال پایان یافت، کلید ساخته شد یا دفتر افزوده شد،\n"
    "۱ اجرا نشد، ۲ خط فرمان نادرست.\n";

static const struct option option_list[] = {
    {"add", required_argument, NULL, 'a'},
    {"anew", no_argument, NULL, 'n'},
    {"init", required_argument, NULL, 'i'},
    {"dir", required_argument, NULL, 'd'},
    {"listen", required_argument, NULL, 'L'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char  *add;
    const char  *init;
    const char  *dir;
    const char  *listen;
    const char  *lang_name;
    enum pv_lang lang;
    bool         anew;
    bool         json;
    bool         help;
};

struct running {
    struct pv_witness *witness;
    int64_t            quiet_until_ms; /* no lines of strange checkpoints */
};

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
    (void)number; /* every one of them means: end */
    stopped = 1;
}

/* ---- one key --------------------------------------------------------------
 */

/* The file vkey is made last: the power may have gone before it. */
static const char *
there_is_one(const struct args *args, int dirfd)
{
    if (faccessat(dirfd, PV_WITNESS_VKEY, F_OK, 0) == 0) {
        return pv_cli_text(args->lang, "there is one already",
                           "اینجا کلیدی هست");
    }
    return pv_cli_text(
        args->lang,
        "there is a key but no vkey: an --init did not end, or vkey was lost. "
        "If nothing was cosigned with this key, remove it and make another",
        "پرونده key هست ولی vkey نیست: یک --init به پایان نرسیده یا vkey گم "
        "شده است. اگر چیزی با این کلید امضا نشده است، آن را حذف کنید و کلیدی "
        "تازه بسازید");
}

static int
init(const struct args *args, int dirfd)
{
    struct pv_buf  vkey;
    struct pv_buf  out;
    struct pv_json json;
    enum pv_err    err;
    int            code = PV_EXIT_FAILED;

    pv_buf_init(&vkey, PV_NOTE_VKEY_MAX);
    pv_buf_init(&out, OUT_MAX_LEN);
    err = pv_witness_init(dirfd, pv_slice_from(args->init), &vkey);
    if (err != PV_OK) {
        pv_cli_error(
            "%s: %s",
            pv_cli_text(args->lang, "no key was made", "کلیدی ساخته نشد"),
            err == PV_ESYS     ? strerror(errno)
            : err == PV_EEXIST ? there_is_one(args, dirfd)
            : err == PV_EINVAL ? "a name has no spaces and no +"
                               : pv_err_text(err));
        goto out;
    }
    if (args->json) {
        pv_json_init(&json, &out);
        pv_json_object(&json, NULL);
        pv_json_string(&json, "vkey", pv_buf_view(&vkey));
        pv_json_end_object(&json);
        err = pv_json_finish(&json);
    } else {
        err = pv_buf_add(&out, pv_buf_view(&vkey));
    }
    if (err == PV_OK) {
        code = pv_cli_print(&out);
    }

out:
    pv_buf_clear(&vkey);
    pv_buf_clear(&out);
    return code;
}

/* ---- one log more ---------------------------------------------------------
 */

static int
add(const struct args *args, int dirfd)
{
    struct pv_why why = {""};

    if (pv_witness_know(dirfd, pv_slice_from(args->add),
                        (uint64_t)(pv_time_wall_ms() / 1000), args->anew,
                        &why) != PV_OK) {
        pv_cli_error("%s: %s",
                     pv_cli_text(args->lang, "not added", "افزوده نشد"),
                     why.text);
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

/* ---- answering ------------------------------------------------------------
 */

static void
say(const char *event, const struct pv_witness_answer *answer)
{
    pv_log_event("error", event, "log=%.*s size=%llu seen=%llu",
                 PV_FMT(answer->origin), (unsigned long long)answer->size,
                 (unsigned long long)answer->seen_size);
}

static void
say_started(const struct pv_witness *witness)
{
    pv_log_event("info", "witness.started", "name=%.*s logs=%zu",
                 (int)pv_witness_key(witness)->name_len,
                 pv_witness_key(witness)->name, pv_witness_log_count(witness));
}

static void
say_event(struct running *running, const struct pv_witness_answer *answer)
{
    int64_t now_ms = pv_time_monotonic_ms();

    switch (answer->event) {
    case PV_WITNESS_NOTHING:
    case PV_WITNESS_COSIGNED: /* several a second; they are on disk */
        return;
    case PV_WITNESS_BROKEN:
        say("witness.broken", answer);
        return;
    case PV_WITNESS_SPLIT:
    case PV_WITNESS_ROLLED_BACK:
        break;
    }
    if (now_ms < running->quiet_until_ms) {
        return; /* old checkpoints are public: anybody can send them */
    }
    running->quiet_until_ms = now_ms + QUIET_MS;
    say(answer->event == PV_WITNESS_SPLIT ? "witness.split_view"
                                          : "witness.rolled_back",
        answer);
}

static void
on_add(struct pv_server_call *call)
{
    struct running          *running = call->context;
    struct pv_witness_answer answer;

    pv_witness_add(running->witness, call->body,
                   (uint64_t)(pv_time_wall_ms() / 1000), &answer);
    say_event(running, &answer);
    pv_server_answer(call, answer.status, answer.type);
    if (pv_buf_add(&call->answer, pv_buf_view(&answer.body)) != PV_OK) {
        call->answer.len = 0;
        pv_server_answer(call, 500, answer.type);
    }
    pv_buf_clear(&answer.body);
}

/* GET /<hex>/checkpoint */
static void
on_get(struct pv_server_call *call)
{
    struct running *running = call->context;
    struct pv_slice hex;
    struct pv_slice name;

    (void)pv_slice_cut(call->rest, '/', &hex, &name); /* or name is empty */
    if (!pv_slice_eq(name, PV_LIT("checkpoint")) ||
        pv_witness_latest(running->witness, hex, &call->answer) != PV_OK) {
        pv_server_problem(call, 404, "not-found", "no such checkpoint here",
                          "چنین نشانی اینجا نیست");
        return;
    }
    pv_server_answer(call, 200, "text/plain; charset=utf-8");
}

static const struct pv_server_route route[] = {
    {"POST", "/add-checkpoint", PV_WITNESS_BODY_MAX, on_add},
    {"GET", "/", 0, on_get},
};

/* ---- listening ------------------------------------------------------------
 */

/* 127.0.0.1:8080 or [::1]:8080 */
static bool
parse_address(struct pv_slice text, struct sockaddr_storage *ret,
              socklen_t *len)
{
    struct sockaddr_in  *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    char                 host[INET6_ADDRSTRLEN];
    size_t               colon = text.len;
    bool                 is_v6 = text.len > 0 && text.ptr[0] == '[';
    struct pv_slice      address;
    uint64_t             port;

    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 ||
        pv_slice_to_u64((struct pv_slice){text.ptr + colon, text.len - colon},
                        UINT16_MAX, &port) != PV_OK) {
        return false;
    }
    address = (struct pv_slice){text.ptr, colon - 1};
    if (is_v6) {
        if (address.len < 3 || address.ptr[address.len - 1] != ']') {
            return false;
        }
        address.ptr++;
        address.len -= 2;
    }
    if (pv_slice_to_cstr(address, host, sizeof(host)) != PV_OK) {
        return false;
    }
    memset(ret, 0, sizeof(*ret));
    if (is_v6) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *len = sizeof(*v6);
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    *len = sizeof(*v4);
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static int
listen_tcp(const char *text)
{
    struct sockaddr_storage address;
    socklen_t               len;
    int                     on = 1;
    int                     fd;

    if (!parse_address(pv_slice_from(text), &address, &len)) {
        pv_cli_error("--listen: not ADDRESS:PORT or unix:PATH: %s", text);
        return -1;
    }
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                0);
    if (fd == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, len) != 0 ||
        listen(fd, BACKLOG) != 0) {
        pv_cli_error("cannot listen at %s: %s", text, strerror(errno));
        if (fd != -1) {
            (void)close(fd); /* nobody has used it */
        }
        return -1;
    }
    return fd;
}

static int
listen_at(const char *text, bool *ret_tcp)
{
    const struct pv_slice prefix = PV_SLICE_INIT(UNIX_PREFIX);
    struct pv_why         why;
    int                   fd;

    *ret_tcp = !pv_slice_starts(pv_slice_from(text), prefix);
    if (*ret_tcp) {
        return listen_tcp(text);
    }
    if (pv_server_listen(text + prefix.len, 0660, &fd, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        return -1;
    }
    return fd;
}

/* ---- the program ----------------------------------------------------------
 */

/* It keeps a key, and answers anybody: HTTP, and files below its directory. */
static enum pv_err
give_up(int dirfd, struct pv_why *why)
{
    const struct pv_sandbox sandbox = {
        .list = {pv_sandbox_every, pv_sandbox_files, pv_sandbox_http},
        .walls = true,
        .place = {{dirfd, true}},
    };

    return pv_sandbox_enter(&sandbox, why);
}

static int
serve(struct running *running, int dirfd, int listenfd, bool is_tcp)
{
    const uid_t             uid[] = {0, geteuid()};
    struct pv_server_config config = {
        .listenfd = listenfd,
        .uid = uid,
        .uid_count = sizeof(uid) / sizeof(uid[0]),
        .is_tcp = is_tcp,
        .connections_max = CONNECTIONS_MAX,
        .route = route,
        .route_count = sizeof(route) / sizeof(route[0]),
        .context = running,
    };
    struct pv_server *server = NULL;
    struct pv_why     why = {""};
    enum pv_err       err = pv_server_open(&config, &server);

    pv_why_set(&why, "%s", pv_err_text(err));
    if (err == PV_OK) {
        err = give_up(dirfd, &why);
    }
    if (err == PV_OK) {
        say_started(running->witness);
    }
    while (err == PV_OK && stopped == 0) {
        err = pv_server_run(server, WAIT_MS);
        pv_why_set(&why, "%s", pv_err_text(err));
    }
    pv_server_close(server);
    if (err != PV_OK) {
        pv_cli_error("%s", why.text);
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

static int
run(const struct args *args, int dirfd)
{
    struct running running = {.witness = NULL};
    struct pv_why  why = {""};
    bool           is_tcp = false;
    int            listenfd;
    int            code;

    if (pv_witness_open(dirfd, &running.witness, &why) != PV_OK) {
        pv_cli_error("%s: %s", args->dir, why.text);
        return PV_EXIT_FAILED;
    }
    listenfd = listen_at(args->listen, &is_tcp);
    if (listenfd == -1) {
        pv_witness_close(running.witness);
        return PV_EXIT_FAILED;
    }
    (void)signal(SIGINT, on_signal);  /* cannot fail */
    (void)signal(SIGTERM, on_signal); /* cannot fail */
    (void)signal(SIGPIPE, SIG_IGN);   /* cannot fail */
    code = serve(&running, dirfd, listenfd, is_tcp);
    pv_witness_close(running.witness);
    return code;
}

static bool
take_option(struct args *args, int key)
{
    switch (key) {
    case 'a':
        args->add = optarg;
        return true;
    case 'n':
        args->anew = true;
        return true;
    case 'i':
        args->init = optarg;
        return true;
    case 'd':
        args->dir = optarg;
        return true;
    case 'L':
        args->listen = optarg;
        return true;
    case 'j':
        args->json = true;
        return true;
    case 'l':
        args->lang_name = optarg;
        return true;
    case 'h':
        args->help = true;
        return true;
    default:
        return false;
    }
}

int
pv_cmd_witness(int argc, char **argv)
{
    struct args   args = {.init = NULL};
    struct pv_why why = {""};
    int           code;
    int           dirfd;
    int           key;

    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (!take_option(&args, key)) {
            return pv_cli_usage_error("witness");
        }
    }
    args.lang = pv_cli_lang(args.lang_name);
    if (args.help) {
        return fputs(pv_cli_text(args.lang, usage_en, usage_fa), stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (argc != optind || args.dir == NULL ||
        (args.init != NULL) + (args.add != NULL) + (args.listen != NULL) != 1 ||
        (args.anew && args.add == NULL)) {
        return pv_cli_usage_error("witness");
    }
    if (pv_sandbox_harden(&why) != PV_OK) {
        pv_cli_error("%s", why.text);
        return PV_EXIT_FAILED;
    }
    dirfd = open(args.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd == -1) {
        pv_cli_error("%s: %s", args.dir, strerror(errno));
        return PV_EXIT_FAILED;
    }
    code = args.init != NULL  ? init(&args, dirfd)
           : args.add != NULL ? add(&args, dirfd)
                              : run(&args, dirfd);
    (void)close(dirfd); /* a folder: nothing to lose */
    return code;
}
