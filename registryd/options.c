/* options.c - reading the command line. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/user.h"

#define KINDS_BYTES_MAX ((size_t)1024 * 1024)

static const char help_text[] =
    "payvand-registryd: the registry of an exchange\n"
    "\n"
    "  payvand-registryd --store WHERE --socket PATH [OPTION...]\n"
    "\n"
    "  --store WHERE        sqlite:FILE or postgresql:CONNINFO\n"
    "  --socket PATH        where it listens (made with mode 0600)\n"
    "  --image DIR          the policy image that follows its decisions\n"
    "  --log DIR            the Merkle log of decisions; must exist\n"
    "  --signer DIR         the key of the log, and what was signed with it\n"
    "  --authority DIR      an authority's key and what it issued; may come\n"
    "                       again\n"
    "  --node ID            this exchange: the home of its agencies\n"
    "  --operator-uid USER  who may connect; may come again (default: one's\n"
    "                       own)\n"
    "  --secrets FILE       keys that seal the secrets of one-time codes; made\n"
    "                       when it is not there\n"
    "  --web-socket PATH    where nginx reaches it, for people and systems\n"
    "  --web-uid USER       the user of that nginx (default: one's own)\n"
    "  --sign-in-socket PATH  where payvand-sign-in reaches it\n"
    "  --sign-in-uid USER   the user of that program (default: one's own)\n"
    "  --loopback           endpoints on loopback are allowed (demo only)\n"
    "  --init-key --origin NAME --signer DIR [--pkcs11 URI]\n"
    "                       make the log's key, write its public half, and end\n"
    "  --init-authority ID --authority DIR --log-key VKEY [--crl-url URL]\n"
    "                     [--ocsp-url URL]\n"
    "                       make an authority, write its certificate, and end\n"
    "  --accept-checkpoint FILE --signer DIR\n"
    "                       go on from a checkpoint that was shown, and end\n"
    "  --restore DIR --log-key VKEY\n"
    "                       take what `payvand backup` wrote, and end\n"
    "  --forget-sealed --secrets FILE [--yes]\n"
    "                       forget whose one-time codes no key of the file\n"
    "                       opens, and end; they are invited again. Without\n"
    "                       --yes it is only said who they are\n"
    "  --kinds              write the tables of kinds as JSON, and end\n"
    "  --help, --version\n"
    "\n"
    "Manual: man payvand-registryd\n";

enum {
    OPT_STORE = 256,
    OPT_SOCKET,
    OPT_IMAGE,
    OPT_LOG,
    OPT_SECRETS,
    OPT_SIGNER,
    OPT_ORIGIN,
    OPT_TOKEN,
    OPT_ACCEPT,
    OPT_INIT_KEY,
    OPT_RESTORE,
    OPT_FORGET,
    OPT_YES,
    OPT_LOG_KEY,
    OPT_AUTHORITY,
    OPT_INIT_AUTHORITY,
    OPT_CRL_URL,
    OPT_OCSP_URL,
    OPT_NODE,
    OPT_UID,
    OPT_WEB_SOCKET,
    OPT_WEB_UID,
    OPT_SIGN_IN_SOCKET,
    OPT_SIGN_IN_UID,
    OPT_LOOPBACK,
    OPT_KINDS,
    OPT_HELP,
    OPT_VERSION
};

static const struct option option_list[] = {
    {"store", required_argument, NULL, OPT_STORE},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"image", required_argument, NULL, OPT_IMAGE},
    {"log", required_argument, NULL, OPT_LOG},
    {"secrets", required_argument, NULL, OPT_SECRETS},
    {"signer", required_argument, NULL, OPT_SIGNER},
    {"origin", required_argument, NULL, OPT_ORIGIN},
    {"pkcs11", required_argument, NULL, OPT_TOKEN},
    {"accept-checkpoint", required_argument, NULL, OPT_ACCEPT},
    {"restore", required_argument, NULL, OPT_RESTORE},
    {"forget-sealed", no_argument, NULL, OPT_FORGET},
    {"yes", no_argument, NULL, OPT_YES},
    {"log-key", required_argument, NULL, OPT_LOG_KEY},
    {"authority", required_argument, NULL, OPT_AUTHORITY},
    {"init-authority", required_argument, NULL, OPT_INIT_AUTHORITY},
    {"crl-url", required_argument, NULL, OPT_CRL_URL},
    {"ocsp-url", required_argument, NULL, OPT_OCSP_URL},
    {"init-key", no_argument, NULL, OPT_INIT_KEY},
    {"node", required_argument, NULL, OPT_NODE},
    {"operator-uid", required_argument, NULL, OPT_UID},
    {"web-socket", required_argument, NULL, OPT_WEB_SOCKET},
    {"web-uid", required_argument, NULL, OPT_WEB_UID},
    {"sign-in-socket", required_argument, NULL, OPT_SIGN_IN_SOCKET},
    {"sign-in-uid", required_argument, NULL, OPT_SIGN_IN_UID},
    {"loopback", no_argument, NULL, OPT_LOOPBACK},
    {"kinds", no_argument, NULL, OPT_KINDS},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static bool
add_operator(struct options *options, const char *text)
{
    return options->operator_count < OPERATORS_MAX &&
           pv_user_id(text, &options->operator_uid[options->operator_count++]);
}

static bool
write_kinds(void)
{
    struct pv_buf out;
    bool          ok;

    pv_buf_init(&out, KINDS_BYTES_MAX);
    ok = pv_kinds_json(&out) == PV_OK &&
         fwrite(out.ptr, 1, out.len, stdout) == out.len && puts("") >= 0;
    pv_buf_clear(&out);
    return ok;
}

static bool
take_authority_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case OPT_AUTHORITY:
        if (options->authority_count == PV_AUTHORITIES_MAX) {
            return false;
        }
        options->authority[options->authority_count++] = value;
        return true;
    case OPT_INIT_AUTHORITY:
        options->made.id = value;
        return true;
    case OPT_CRL_URL:
        options->made.crl_url = value;
        return true;
    case OPT_OCSP_URL:
        options->made.ocsp_url = value;
        return true;
    default:
        return false;
    }
}

/* More options than one screen, so in three. */
static bool
take_log_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case OPT_LOG:
        options->registry.log = value;
        return true;
    case OPT_SECRETS:
        options->secrets = value;
        return true;
    case OPT_SIGNER:
        options->signer = value;
        return true;
    case OPT_ORIGIN:
        options->origin = value;
        return true;
    case OPT_TOKEN:
        options->token = value;
        return true;
    case OPT_ACCEPT:
        options->accept = value;
        return true;
    case OPT_INIT_KEY:
        options->init_key = true;
        return true;
    case OPT_RESTORE:
        options->restore = value;
        return true;
    case OPT_FORGET:
        options->forget_sealed = true;
        return true;
    case OPT_YES:
        options->yes = true;
        return true;
    case OPT_LOG_KEY:
        options->log_key = value;
        return true;
    case 'P':
        options->process = value;
        return true;
    default:
        return take_authority_option(options, option, value);
    }
}

/* What belongs together is there. */
static bool
is_whole(const struct options *options)
{
    if (options->process != NULL) {
        return strcmp(options->process, "signer") == 0 ||
               strcmp(options->process, "authority") == 0 ||
               (strcmp(options->process, "reader") == 0 &&
                options->registry.store != NULL);
    }
    if (options->made.id != NULL) {
        return options->authority_count == 1 && options->log_key != NULL;
    }
    if (options->init_key || options->accept != NULL) {
        return options->signer != NULL &&
               (options->accept != NULL) != options->init_key &&
               options->init_key == (options->origin != NULL);
    }
    if (options->restore != NULL) {
        return options->log_key != NULL && options->registry.store != NULL &&
               options->registry.log != NULL;
    }
    return options->registry.store != NULL &&
           (options->forget_sealed ? options->secrets != NULL
                                   : options->socket[PV_FACE_CONSOLE] != NULL);
}

bool
options_read(int argc, char **argv, struct options *ret)
{
    int  c;
    bool ok = true;

    while (ok && (c = getopt_long(argc, argv, "P:", option_list, NULL)) != -1) {
        switch (c) {
        case OPT_STORE:
            ret->registry.store = optarg;
            break;
        case OPT_SOCKET:
            ret->socket[PV_FACE_CONSOLE] = optarg;
            break;
        case OPT_IMAGE:
            ret->registry.image = optarg;
            break;
        case OPT_NODE:
            ret->registry.node = optarg;
            break;
        case OPT_UID:
            ok = add_operator(ret, optarg);
            break;
        case OPT_WEB_SOCKET:
            ret->socket[PV_FACE_WEB] = optarg;
            break;
        case OPT_WEB_UID:
            ok = pv_user_id(optarg, &ret->web_uid);
            break;
        case OPT_SIGN_IN_SOCKET:
            ret->socket[PV_FACE_SIGN_IN] = optarg;
            break;
        case OPT_SIGN_IN_UID:
            ok = pv_user_id(optarg, &ret->sign_in_uid);
            break;
        case OPT_LOOPBACK:
            ret->registry.loopback = true;
            break;
        case OPT_KINDS:
            ret->done = true;
            return write_kinds();
        case OPT_HELP:
            ret->done = true;
            return fputs(help_text, stdout) >= 0;
        case OPT_VERSION:
            ret->done = true;
            return puts("payvand-registryd " PV_VERSION) >= 0;
        default:
            ok = take_log_option(ret, c, optarg);
        }
    }
    if (ret->operator_count == 0) {
        ret->operator_uid[ret->operator_count++] = geteuid();
    }
    return ok && optind == argc && is_whole(ret);
}
