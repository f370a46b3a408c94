/*
 * cmd_backup.c - `payvand backup`: every decision of the registry into files
 * that payvand-registryd --restore takes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "daemon/file.h"
#include "decisions.h"

#define NAME_ROOM 32
#define FILE_MAX ((size_t)24 * 1024 * 1024) /* a batch, as JSON */

static const char usage_en[] =
    "payvand backup DIR --registry PATH [OPTION...]\n"
    "\n"
    "Writes what the registry decided and signed into DIR, and only what is not\n"
    "there yet: run it often. payvand-registryd --restore DIR makes a registry of\n"
    "it, on either database, and checks every decision against the signed head.\n"
    "The trace has payvand log export; keys and configuration are files.\n"
    "\n"
    "  --registry PATH  payvand-registryd's socket (PAYVAND_REGISTRY_SOCKET)\n"
    "  --json           one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 done, 1 it could not be done, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand backup DIR --registry PATH [OPTION...]\n"
    "\n"
    "تصمیم‌های امضاشده دفتر ثبت را در DIR می‌نویسد، تنها آنچه هنوز آنجا نیست؛\n"
    "پس بارها اجرا کنید. payvand-registryd --restore DIR از آن دفتر ثبت می‌سازد و\n"
    "هر تصمیم را با سر امضاشده می‌سنجد. دفتر فراخوانی‌ها payvand log export دارد؛\n"
    "کلیدها و پیکربندی پرونده‌اند.\n"
    "\n"
    "  --registry PATH  سوکت payvand-registryd (PAYVAND_REGISTRY_SOCKET)\n"
    "  --json           یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n";

static const struct option option_list[] = {
    {"registry", required_argument, NULL, 'r'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char  *registry;
    const char  *lang_name;
    enum pv_lang lang;
    bool         json;
    bool         help;
};

/* The file of the batch behind a decision (registryd/feed.h). */
static void
name_of(uint64_t from, char room[NAME_ROOM])
{
    (void)snprintf(room, NAME_ROOM, "%012llu.json",
                   (unsigned long long)from); /* it fits */
}

/* How many decisions the file holds; 0: there is none. */
static enum pv_err
count_of(int dirfd, uint64_t from, size_t *ret, struct pv_why *why)
{
    char          name[NAME_ROOM];
    struct pv_buf file;
    json_t       *batch = NULL;
    enum pv_err   err;

    name_of(from, name);
    pv_buf_init(&file, FILE_MAX);
    err = pv_file_read(dirfd, name, &file);
    *ret = 0;
    if (err == PV_OK) {
        batch = json_loadb(file.ptr, file.len, JSON_REJECT_DUPLICATES, NULL);
        *ret = json_array_size(json_object_get(batch, "decisions"));
        err = *ret == 0 ? PV_ECORRUPT : PV_OK;
    } else if (err == PV_ENOTFOUND) {
        err = PV_OK;
    }
    if (err != PV_OK) {
        pv_why_set(why, "%s: %s", name, pv_err_text(err));
    }
    json_decref(batch);
    pv_buf_clear(&file);
    return err;
}

static int
add_bytes(const char *bytes, size_t len, void *context)
{
    return pv_buf_add(context, (struct pv_slice){bytes, len}) == PV_OK ? 0 : -1;
}

static enum pv_err
write_batch(int dirfd, uint64_t from, const json_t *batch, struct pv_why *why)
{
    char          name[NAME_ROOM];
    struct pv_buf text;
    enum pv_err   err = PV_ERANGE;

    name_of(from, name);
    pv_buf_init(&text, FILE_MAX);
    if (json_dump_callback(batch, add_bytes, &text,
                           JSON_COMPACT | JSON_SORT_KEYS) == 0) {
        err =
            pv_file_replace(dirfd, name, pv_buf_view(&text), PV_FILE_MODE_OWN);
    }
    if (err != PV_OK) {
        pv_why_set(why, "%s: %s", name,
                   err == PV_ESYS ? strerror(errno) : pv_err_text(err));
    }
    pv_buf_clear(&text);
    return err;
}

/* From the last one that is there to the last one that is signed. */
static enum pv_err
copy(const struct args *args, int dirfd, uint64_t *ret_last, uint64_t *ret_new,
     struct pv_why *why)
{
    uint64_t    at = 0;
    size_t      count = 1;
    enum pv_err err = PV_OK;

    while (err == PV_OK && count > 0) {
        err = count_of(dirfd, at, &count, why);
        at += count;
    }
    for (count = 1, *ret_new = 0; err == PV_OK && count > 0;) {
        json_t *batch = NULL;

        err = pv_decisions_ask(args->registry, &batch, why,
                               "/registry/v1/feed?from=%llu",
                               (unsigned long long)at);
        if (err == PV_OK && batch == NULL) {
            pv_why_set(why, "the registry has no signed head");
            err = PV_ENOTFOUND;
        }
        count = json_array_size(json_object_get(batch, "decisions"));
        if (err == PV_OK && count > 0) {
            err = write_batch(dirfd, at, batch, why);
        }
        json_decref(batch);
        at += count;
        *ret_new += count;
    }
    *ret_last = at;
    return err;
}

static int
run(const struct args *args, const char *dir)
{
    struct pv_why why = {""};
    uint64_t      last = 0;
    uint64_t      fresh = 0;
    int           dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pv_err   err;

    if (dirfd == -1) {
        pv_cli_error("%s: %s", dir, strerror(errno));
        return PV_EXIT_FAILED;
    }
    err = copy(args, dirfd, &last, &fresh, &why);
    (void)close(dirfd); /* a folder: each file was synced */
    if (err != PV_OK) {
        pv_cli_error("%s", why.text[0] != '\0' ? why.text : pv_err_text(err));
        return PV_EXIT_FAILED;
    }
    if (args->json) {
        return printf("{\"last\":%llu,\"new\":%llu}\n",
                      (unsigned long long)last, (unsigned long long)fresh) < 0
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    return printf("%s %llu, %s %llu\n",
                  pv_cli_text(args->lang, "last decision held:",
                              "آخرین تصمیم نگهداری‌شده:"),
                  (unsigned long long)last,
                  pv_cli_text(args->lang, "new:", "تازه:"),
                  (unsigned long long)fresh) < 0
               ? PV_EXIT_FAILED
               : PV_EXIT_OK;
}

int
pv_cmd_backup(int argc, char **argv)
{
    struct args args = {.registry = getenv("PAYVAND_REGISTRY_SOCKET")};
    bool        ok = true;
    int         key;

    optind = 0; /* getopt starts anew */
    while (ok &&
           (key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        switch (key) {
        case 'r':
            args.registry = optarg;
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
    if (!ok || argc - optind != 1 || args.registry == NULL) {
        return pv_cli_usage_error("backup");
    }
    return run(&args, argv[optind]);
}
