/*
 * cmd_verify_decisions.c - `payvand verify decisions`: is the registry's log
 * of decisions what it signed, and does one decision stand in it?
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cmd.h"
#include "decisions.h"
#include "verify.h"

#define OUT_MAX_LEN 65536

static const char usage_en[] =
    "payvand verify decisions [NUMBER] --registry PATH --decision-key VKEY\n"
    "\n"
    "Reads every decision from the registry and compares the whole log with\n"
    "the head that was signed; with a number, proves that this one stands in it.\n"
    "\n"
    "  --registry PATH      payvand-registryd's socket (PAYVAND_REGISTRY_SOCKET)\n"
    "  --decision-key VKEY  public key of the decision log\n"
    "  --json               one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 it holds, 3 it does not, 1 it cannot be read, 2 wrong command\n"
    "line.\n";

static const char usage_fa[] =
    "payvand verify decisions [شماره] --registry PATH --decision-key VKEY\n"
    "\n"
    "همه تصمیم‌های دفتر ثبت را می‌خواند و کل دفتر را با سر امضاشده آن می‌سنجد؛\n"
    "با شماره، بودن همان تصمیم در دفتر را اثبات می‌کند.\n"
    "\n"
    "  --registry PATH      سوکت payvand-registryd (PAYVAND_REGISTRY_SOCKET)\n"
    "  --decision-key VKEY  کلید عمومی دفتر تصمیم‌ها\n"
    "  --json               یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ درست است، ۳ نادرست است، ۱ خوانده نشد، ۲ خط فرمان نادرست.\n";

static const struct option option_list[] = {
    {"registry", required_argument, NULL, 'r'},
    {"decision-key", required_argument, NULL, 'k'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char        *registry;
    const char        *lang_name;
    enum pv_lang       lang;
    bool               json;
    bool               help;
    bool               has_key;
    struct pv_note_key key;
};

/*
 * The root over leaves that come one by one: the roots of the full trees so
 * far, the largest first; as many as the size has bits that are set.
 */
struct growing {
    struct pv_sha256 *sha;
    uint64_t          size;
    size_t            count;
    struct pv_hash    root[PV_MERKLE_PROOF_MAX];
};

static enum pv_err
grow(struct growing *growing, const json_t *document)
{
    struct pv_hash leaf;
    enum pv_err    err = pv_decisions_leaf(growing->sha, document, &leaf);
    uint64_t       full = growing->size;

    for (; err == PV_OK && (full & 1) != 0; full >>= 1) {
        err = pv_merkle_node(growing->sha, &growing->root[--growing->count],
                             &leaf, &leaf);
    }
    growing->root[growing->count++] = leaf;
    growing->size++;
    return err;
}

static enum pv_err
root_of(struct growing *growing, struct pv_hash *ret)
{
    struct pv_hash root = pv_merkle_empty;
    enum pv_err    err = PV_OK;

    if (growing->count > 0) {
        root = growing->root[growing->count - 1];
    }
    for (size_t i = growing->count; i > 1 && err == PV_OK; i--) {
        err = pv_merkle_node(growing->sha, &growing->root[i - 2], &root, &root);
    }
    *ret = root;
    return err;
}

/* ---- what was found ---- */

struct verdict {
    bool                 good;
    struct pv_checkpoint checkpoint; /* borrows from ->answer */
    uint64_t             read;       /* decisions */
    struct pv_why        why;
    json_t              *answer; /* owned */
};

static enum pv_err
compare(struct args *args, struct growing *growing, struct verdict *verdict)
{
    const json_t  *note = json_object_get(verdict->answer, "checkpoint");
    struct pv_hash root;
    enum pv_err    err = pv_checkpoint_open(
           (struct pv_slice){json_string_value(note), json_string_length(note)},
           &args->key, &verdict->checkpoint, NULL);

    if (err != PV_OK) {
        pv_why_set(&verdict->why, "the head is not signed by this key: %s",
                   pv_err_text(err));
        return PV_OK;
    }
    verdict->read = growing->size;
    err = root_of(growing, &root);
    if (err != PV_OK) {
        return err;
    }
    if (growing->size != verdict->checkpoint.size) {
        pv_why_set(&verdict->why, "%llu decisions are signed, %llu are there",
                   (unsigned long long)verdict->checkpoint.size,
                   (unsigned long long)growing->size);
    } else if (!pv_hash_eq(&root, &verdict->checkpoint.root)) {
        pv_why_set(&verdict->why,
                   "the decisions are not those that were signed");
    } else {
        verdict->good = true;
    }
    return PV_OK;
}

/* Batch after batch; the last, empty one has the head of all of them. */
static enum pv_err
verify_all(struct args *args, struct verdict *verdict, struct pv_why *why)
{
    struct growing growing = {.size = 0};
    enum pv_err    err = pv_sha256_new(&growing.sha);
    bool           more = true;

    while (err == PV_OK && more) {
        const json_t *document;
        size_t        i;

        json_decref(verdict->answer); /* accepts NULL */
        err = pv_decisions_ask(args->registry, &verdict->answer, why,
                               "/registry/v1/feed?from=%llu",
                               (unsigned long long)growing.size);
        if (err == PV_OK && verdict->answer == NULL) {
            pv_why_set(why, "the decision log has no signed head");
            err = PV_ENOTFOUND;
        }
        more = false;
        json_array_foreach(json_object_get(verdict->answer, "decisions"), i,
                           document)
        {
            more = true;
            err = err == PV_OK ? grow(&growing, document) : err;
        }
    }
    if (err == PV_OK) {
        err = compare(args, &growing, verdict);
    }
    pv_sha256_free(growing.sha);
    return err;
}

static enum pv_err
verify_one(struct args *args, uint64_t number, struct verdict *verdict,
           struct pv_why *why)
{
    struct pv_sha256 *sha = NULL;
    json_t           *page = NULL;
    enum pv_err       err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_decisions_ask(args->registry, &page, why,
                               "/registry/v1/decisions?after=%llu&count=1",
                               (unsigned long long)number - 1);
    }
    if (err == PV_OK) {
        err = pv_decisions_ask(args->registry, &verdict->answer, why,
                               "/registry/v1/proof/%llu",
                               (unsigned long long)number);
    }
    if (err == PV_OK && verdict->answer == NULL) {
        pv_why_set(why, "there is no decision %llu",
                   (unsigned long long)number);
        err = PV_ENOTFOUND;
    } else if (err == PV_OK) {
        enum pv_err found = pv_decisions_verify(
            sha, &args->key, verdict->answer,
            json_array_get(json_object_get(page, "decisions"), 0),
            &verdict->checkpoint);

        verdict->good = found == PV_OK;
        verdict->read = 1;
        if (found != PV_OK) {
            pv_why_set(&verdict->why, "decision %llu: %s",
                       (unsigned long long)number, pv_err_text(found));
        }
    }
    json_decref(page);
    pv_sha256_free(sha);
    return err;
}

static int
show(const struct args *args, const struct verdict *verdict)
{
    struct pv_buf  out;
    struct pv_json json;
    int            code = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX_LEN);
    if (args->json) {
        pv_json_init(&json, &out);
        pv_json_object(&json, NULL);
        pv_json_u64(&json, "decisions", verdict->read);
        pv_json_bool(&json, "good", verdict->good);
        pv_json_string(&json, "log", verdict->checkpoint.origin);
        pv_json_u64(&json, "size", verdict->checkpoint.size);
        pv_json_text(&json, "why", verdict->why.text);
        pv_json_end_object(&json);
        code = pv_json_finish(&json) == PV_OK ? pv_cli_print(&out) : code;
    } else if (!verdict->good) {
        pv_cli_error("%s: %s",
                     pv_cli_text(args->lang, "does not hold", "نادرست"),
                     verdict->why.text);
        code = PV_EXIT_OK;
    } else if (pv_buf_addf(
                   &out, "%s: %.*s, %llu / %llu",
                   pv_cli_text(args->lang, "good: stands in the log as signed",
                               "درست: همان است که امضا شده"),
                   PV_FMT(verdict->checkpoint.origin),
                   (unsigned long long)verdict->read,
                   (unsigned long long)verdict->checkpoint.size) == PV_OK) {
        code = pv_cli_print(&out);
    }
    pv_buf_clear(&out);
    return code == PV_EXIT_OK && !verdict->good ? PV_EXIT_UNVERIFIED : code;
}

static int
run(struct args *args, uint64_t number)
{
    struct verdict verdict = {.good = false};
    struct pv_why  why = {""};
    enum pv_err    err = number == 0 ? verify_all(args, &verdict, &why)
                                     : verify_one(args, number, &verdict, &why);
    int            code = PV_EXIT_FAILED;

    if (err == PV_OK) {
        code = show(args, &verdict);
    } else {
        pv_cli_error("%s", why.text[0] != '\0' ? why.text : pv_err_text(err));
    }
    json_decref(verdict.answer); /* accepts NULL */
    return code;
}

int
pv_cmd_verify_decisions(int argc, char **argv)
{
    struct args args = {.registry = getenv("PAYVAND_REGISTRY_SOCKET")};
    uint64_t    number = 0;
    bool        ok = true;
    int         key;

    optind = 0; /* getopt starts anew */
    while (ok &&
           (key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        switch (key) {
        case 'r':
            args.registry = optarg;
            break;
        case 'k':
            ok = pv_note_key_parse(pv_slice_from(optarg), &args.key) == PV_OK;
            args.has_key = ok;
            break;
        case 'j':
            args.json = true;
            break;
        case 'l':
            args.lang_name = optarg;
            break;
        case 'h':
            args.help = true;
            break;
        default:
            ok = false;
        }
    }
    args.lang = pv_cli_lang(args.lang_name);
    if (ok && args.help) {
        return fputs(pv_cli_text(args.lang, usage_en, usage_fa), stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (ok && argc - optind == 1) {
        ok = pv_slice_to_u64(pv_slice_from(argv[optind]), INT64_MAX, &number) ==
                 PV_OK &&
             number > 0;
    }
    if (!ok || argc - optind > 1 || args.registry == NULL || !args.has_key) {
        return pv_cli_usage_error("verify decisions");
    }
    return run(&args, number);
}
