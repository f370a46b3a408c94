/* options.c - the command line of payvand-traced. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "daemon/user.h"
#include "trace/record.h"

#define GATHER_US_MAX 10000
#define RETAIN_FREE_DEFAULT 5
#define VERIFY_LEN_DEFAULT (UINT64_C(4) << 30)

enum option_key {
    OPT_ACCEPT = 256,
    OPT_ALIGN,
    OPT_API,
    OPT_API_UID,
    OPT_CHECK,
    OPT_COUNT_ANSWERS,
    OPT_COUNTS_FROM_JOURNAL,
    OPT_DIR,
    OPT_GATEWAY_UID,
    OPT_GATHER_US,
    OPT_HELP,
    OPT_INIT_KEY,
    OPT_LOCAL,
    OPT_LOG,
    OPT_MAX_SIZE,
    OPT_NODE,
    OPT_ORIGIN,
    OPT_PKCS11,
    OPT_POLICY,
    OPT_READERS,
    OPT_RETAIN_FREE,
    OPT_SEGMENT_SIZE,
    OPT_SIGNER,
    OPT_SOCKET,
    OPT_VERIFY,
    OPT_VERSION,
    OPT_WITNESSES,
    OPT_WITNESS_CA,
};

static const struct option option_list[] = {
    {"accept-checkpoint", required_argument, NULL, OPT_ACCEPT},
    {"align", required_argument, NULL, OPT_ALIGN},
    {"api", required_argument, NULL, OPT_API},
    {"api-uid", required_argument, NULL, OPT_API_UID},
    {"check", no_argument, NULL, OPT_CHECK},
    {"count-answers", no_argument, NULL, OPT_COUNT_ANSWERS},
    {"counts-from-journal", no_argument, NULL, OPT_COUNTS_FROM_JOURNAL},
    {"dir", required_argument, NULL, OPT_DIR},
    {"gateway-uid", required_argument, NULL, OPT_GATEWAY_UID},
    {"gather-us", required_argument, NULL, OPT_GATHER_US},
    {"help", no_argument, NULL, OPT_HELP},
    {"init-key", no_argument, NULL, OPT_INIT_KEY},
    {"local", required_argument, NULL, OPT_LOCAL},
    {"log", required_argument, NULL, OPT_LOG},
    {"max-size", required_argument, NULL, OPT_MAX_SIZE},
    {"node", required_argument, NULL, OPT_NODE},
    {"origin", required_argument, NULL, OPT_ORIGIN},
    {"pkcs11", required_argument, NULL, OPT_PKCS11},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"readers", required_argument, NULL, OPT_READERS},
    {"retain-free", required_argument, NULL, OPT_RETAIN_FREE},
    {"segment-size", required_argument, NULL, OPT_SEGMENT_SIZE},
    {"signer", required_argument, NULL, OPT_SIGNER},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"verify", required_argument, NULL, OPT_VERIFY},
    {"version", no_argument, NULL, OPT_VERSION},
    {"witness-ca", required_argument, NULL, OPT_WITNESS_CA},
    {"witnesses", required_argument, NULL, OPT_WITNESSES},
    {NULL, 0, NULL, 0},
};

static const char help_text[] =
    "payvand-traced: write the journal of an exchange's nginx workers\n"
    "\n"
    "  payvand-traced --dir DIR --socket PATH --node ID [OPTION...]\n"
    "  payvand-traced --check --dir DIR\n"
    "  payvand-traced --count-answers --dir DIR --log DIR\n"
    "  payvand-traced --init-key --signer DIR --origin NAME\n"
    "\n"
    "  --dir DIR             the journal's directory; must exist\n"
    "  --socket PATH         where the workers connect (made with mode 0600)\n"
    "  --node ID             this node's id, [a-z0-9./_-]\n"
    "  --gateway-uid USER    only this user may connect (default: one's own)\n"
    "  --segment-size BYTES  of new segment files (default 67108864)\n"
    "  --max-size BYTES      of all segments together (default: the disk's)\n"
    "  --retain-free PERCENT of the file system, never filled (default 5)\n"
    "  --verify BYTES        read so much of the newest segments at start,\n"
    "                        older ones by their heads (default 4294967296)\n"
    "  --gather-us N         wait N microseconds for more records before a\n"
    "                        commit (default 0: take what is there)\n"
    "  --align BYTES         of a new journal's commits, 512 to 4096 (default:\n"
    "                        the sectors that the disk writes as a whole)\n"
    "  --log DIR             keep the Merkle log there; must exist\n"
    "  --signer DIR          the directory of the log's key (see --init-key)\n"
    "  --witnesses FILE      who cosigns, and how many of them are needed\n"
    "  --witness-ca FILE     authorities of their https, in PEM (default: those\n"
    "                        of the system)\n"
    "  --api PATH            socket for the nginx of the API (see --api-uid)\n"
    "  --api-uid USER        only this user may connect there (default: one's\n"
    "                        own)\n"
    "  --local PATH          socket for users of this machine: one's own and\n"
    "                        those of --readers\n"
    "  --readers FILE        operators and auditors, by user and by key\n"
    "  --policy DIR          the policy image: which key is whose\n"
    "  --init-key            make the log's key in the signer's directory, once;\n"
    "                        prints the public key that others check with\n"
    "  --pkcs11 URI          with --init-key: the key of a token instead\n"
    "  --accept-checkpoint FILE  with --signer: go on from this published\n"
    "                        checkpoint when the signer's `signed` is lost\n"
    "  --origin NAME         the log's name, for ever: no spaces, no plus\n"
    "  --check               read the whole journal, say what was found, end\n"
    "  --count-answers       count again, in the whole log, the answers given\n"
    "                        under max_calls_answered, and end; for when\n"
    "                        the file `state` of the journal was lost\n"
    "  --counts-from-journal  start although `state` was lost and today's older\n"
    "                        records cannot be read: daily maxima begin anew\n"
    "  --version, --help\n"
    "\n"
    "It stays in the foreground and writes one line an event to stderr.\n"
    "Ends with 0 after SIGTERM or SIGINT, 1 when it cannot work (damage in\n"
    "the journal, another writer), 2 when the command line is wrong.\n";

static bool
number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    return pv_slice_to_u64(pv_slice_from(text), max, ret) == PV_OK &&
           *ret >= min;
}

static int
wrong(const char *what)
{
    (void)fprintf(stderr, "payvand-traced: %s; see --help\n",
                  what); /* the exit code says it too */
    return 3;
}

/* Do they belong together? */
static int
check(const struct options *options)
{
    if (options->init_key) {
        return options->signer_dir != NULL && options->origin != NULL
                   ? 0
                   : wrong("--init-key needs --signer and --origin");
    }
    if (options->accept != NULL) {
        return options->signer_dir != NULL
                   ? 0
                   : wrong("--accept-checkpoint needs --signer");
    }
    if (options->count_answers) {
        return options->dir != NULL && options->log_dir != NULL
                   ? 0
                   : wrong("--count-answers needs --dir and --log");
    }
    if (options->dir == NULL || (!options->check && (options->socket == NULL ||
                                                     options->node == NULL))) {
        return wrong("--dir, --socket and --node are needed");
    }
    if (options->log_dir != NULL && options->signer_dir == NULL) {
        return wrong("--log needs --signer");
    }
    if (options->log_dir == NULL &&
        (options->witnesses != NULL || options->api != NULL ||
         options->local != NULL)) {
        return wrong("--witnesses, --api and --local need --log");
    }
    if (options->witness_ca != NULL && options->witnesses == NULL) {
        return wrong("--witness-ca needs --witnesses");
    }
    return 0;
}

int
options_parse(int argc, char **argv, struct options *options)
{
    uint64_t n = 0;
    int      key;
    bool     good = true;

    *options = (struct options){
        .gateway_uid = geteuid(),
        .api_uid = geteuid(),
        .journal = {.segment_size = PV_SEGMENT_SIZE_DEFAULT},
        .retain_percent = RETAIN_FREE_DEFAULT,
        .verify_len = VERIFY_LEN_DEFAULT,
    };

    while (good &&
           (key = getopt_long(argc, argv, "P:", option_list, NULL)) != -1) {
        switch (key) {
        case OPT_ACCEPT:
            options->accept = optarg;
            break;
        case OPT_ALIGN:
            good =
                number(optarg, PV_COMMIT_ALIGN_MIN, PV_COMMIT_ALIGN_MAX, &n) &&
                (n & (n - 1)) == 0;
            options->journal.align = (uint32_t)n;
            break;
        case OPT_API:
            options->api = optarg;
            break;
        case OPT_API_UID:
            good = pv_user_id(optarg, &options->api_uid);
            break;
        case OPT_CHECK:
            options->check = true;
            break;
        case OPT_COUNT_ANSWERS:
            options->count_answers = true;
            break;
        case OPT_COUNTS_FROM_JOURNAL:
            options->counts_from_journal = true;
            break;
        case OPT_DIR:
            options->dir = optarg;
            break;
        case OPT_GATEWAY_UID:
            good = pv_user_id(optarg, &options->gateway_uid);
            break;
        case OPT_GATHER_US:
            good = number(optarg, 0, GATHER_US_MAX, &options->gather_us);
            break;
        case OPT_HELP:
            return fputs(help_text, stdout) == EOF ? 2 : 1;
        case OPT_INIT_KEY:
            options->init_key = true;
            break;
        case OPT_LOCAL:
            options->local = optarg;
            break;
        case OPT_LOG:
            options->log_dir = optarg;
            break;
        case OPT_MAX_SIZE:
            good = number(optarg, PV_SEGMENT_SIZE_MIN, UINT64_MAX,
                          &options->max_size);
            break;
        case OPT_NODE:
            options->node = optarg;
            good = pv_record_is_word(pv_slice_from(optarg)) &&
                   strlen(optarg) <= PV_NODE_MAX;
            break;
        case OPT_ORIGIN:
            options->origin = optarg;
            break;
        case OPT_POLICY:
            options->policy_dir = optarg;
            break;
        case OPT_READERS:
            options->readers = optarg;
            break;
        case OPT_PKCS11:
            options->token = optarg;
            break;
        case OPT_RETAIN_FREE:
            good = number(optarg, 0, 99, &options->retain_percent);
            break;
        case OPT_SEGMENT_SIZE:
            good = number(optarg, PV_SEGMENT_SIZE_MIN, PV_SEGMENT_SIZE_MAX,
                          &options->journal.segment_size) &&
                   options->journal.segment_size % PV_COMMIT_ALIGN_MAX == 0;
            break;
        case OPT_SIGNER:
            options->signer_dir = optarg;
            break;
        case OPT_SOCKET:
            options->socket = optarg;
            break;
        case OPT_VERIFY:
            good = number(optarg, 0, UINT64_MAX, &options->verify_len);
            break;
        case OPT_VERSION:
            return puts("payvand-traced " PV_VERSION) == EOF ? 2 : 1;
        case OPT_WITNESSES:
            options->witnesses = optarg;
            break;
        case OPT_WITNESS_CA:
            options->witness_ca = optarg;
            break;
        case 'P':
            options->process = optarg;
            break;
        default:
            return 3; /* getopt_long has said why */
        }
        if (!good) {
            (void)fprintf(stderr, /* the exit code says it too */
                          "payvand-traced: '%s' is not in its range; see "
                          "--help\n",
                          optarg);
            return 3;
        }
    }
    if (optind != argc) {
        return wrong("no words but options are taken");
    }
    return check(options);
}
