/* cmd_log_backup.c - `payvand log export` and `payvand log restore`. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/num.h"
#include "cmd_log.h"
#include "trace/backup.h"

struct progress {
    enum pv_lang lang;
    const char  *step;
    uint64_t     percent;
};

/* One line on a terminal, written over and over. */
static void
show_progress(void *context, const char *step, uint64_t done, uint64_t total)
{
    static const struct {
        const char *step;
        const char *en;
        const char *fa;
    } word[] = {
        {"copy", "copying", "نسخه‌برداری"},
        {"check", "checking each record against the tree",
         "سنجش هر رکورد با درخت"},
        {"static", "writing tiles", "نوشتن کاشی‌ها"},
    };
    struct progress *progress = context;
    uint64_t         percent = total == 0 ? 100 : done * 100 / total;

    if (progress->step == step && progress->percent == percent) {
        return;
    }
    progress->step = step;
    progress->percent = percent;
    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        if (strcmp(word[i].step, step) == 0) {
            (void)fprintf(stderr, "\r\033[K%s: %llu%%", /* only a courtesy */
                          pv_cli_text(progress->lang, word[i].en, word[i].fa),
                          (unsigned long long)percent);
        }
    }
}

static void
end_progress(const struct progress *progress)
{
    if (progress->step != NULL) {
        (void)fputs("\r\033[K", stderr); /* only a courtesy */
    }
}

static void
close_dir(int fd)
{
    if (fd != -1) {
        (void)close(fd); /* a directory */
    }
}

static int
exit_code(enum pv_err err)
{
    if (err == PV_OK) {
        return PV_EXIT_OK;
    }
    return err == PV_ECORRUPT || err == PV_EVERIFY || err == PV_EVERSION
               ? PV_EXIT_UNVERIFIED
               : PV_EXIT_FAILED;
}

static int
print_json(const struct pv_backup *backup)
{
    char           root[PV_BASE64_LEN(PV_HASH_LEN)];
    struct pv_json json;
    struct pv_buf  out;
    int            code;

    pv_base64_text(backup->root.bytes, PV_HASH_LEN, root);
    pv_buf_init(&out, LOG_CLI_OUT_MAX);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_u64(&json, "bytes", backup->len);
    pv_json_u64(&json, "checkpoint_size", backup->size);
    pv_json_string(&json, "checkpoint_root",
                   (struct pv_slice){root, sizeof(root)});
    pv_json_u64(&json, "end", backup->end);
    pv_json_u64(&json, "files", backup->file_count);
    pv_json_u64(&json, "first", backup->first);
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
print_text(const struct log_args *args, const struct pv_backup *backup,
           const char *en, const char *fa)
{
    bool persian = args->lang == PV_LANG_FA;

    (void)printf("%s\n", persian ? fa : en); /* flushed and checked below */
    (void)printf(persian ? "%llu پرونده، %llu بایت\n"
                         : "%llu files, %llu bytes\n",
                 (unsigned long long)backup->file_count,
                 (unsigned long long)backup->len); /* as above */
    (void)printf(persian ? "رکوردهای %llu تا %llu؛ نشان دفتر: %llu رکورد\n"
                         : "records %llu to %llu; checkpoint of %llu records\n",
                 (unsigned long long)backup->first,
                 (unsigned long long)backup->end - 1,
                 (unsigned long long)backup->size); /* as above */
    if (fflush(stdout) != 0) {
        pv_cli_error("cannot write to standard output");
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

static int
say_failure(const struct log_args *args, enum pv_err err,
            const struct pv_why *why)
{
    pv_cli_error("%s: %s",
                 exit_code(err) == PV_EXIT_UNVERIFIED
                     ? pv_cli_text(args->lang, "it does not hold", "درست نیست")
                     : pv_cli_text(args->lang, "not done", "انجام نشد"),
                 why->text);
    return exit_code(err);
}

/* From the copy: it stands still, and was checked. */
static int
write_static(const struct log_args *args, const struct pv_backup *backup)
{
    struct pv_backup copy = *backup;
    struct pv_why    why;
    int              fd = log_open_dir(args, args->stat, true);
    enum pv_err      err;

    if (fd == -1) {
        return PV_EXIT_FAILED;
    }
    copy.journal_dirfd =
        openat(backup->dirfd, "journal", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    copy.log_dirfd =
        openat(backup->dirfd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = pv_backup_static(&copy, fd, &why); /* says so when one is -1 */
    close_dir(copy.journal_dirfd);
    close_dir(copy.log_dirfd);
    close_dir(fd);
    end_progress(backup->context);
    return err == PV_OK ? PV_EXIT_OK : say_failure(args, err, &why);
}

typedef enum pv_err work_fn(struct pv_backup *backup, struct pv_why *why);

/* Open the three directories, do it, say how it went. */
static int
work(const struct log_args *args, bool restore, work_fn *fn, const char *en,
     const char *fa)
{
    struct progress  progress = {.lang = args->lang};
    struct pv_why    why;
    struct pv_backup backup = {
        .journal_dirfd = log_open_dir(args, args->journal, restore),
        .log_dirfd = log_open_dir(args, args->log, restore),
        .dirfd = log_open_dir(args, args->dir, !restore),
        .progress = isatty(STDERR_FILENO) == 1 ? show_progress : NULL,
        .context = &progress,
    };
    int code = PV_EXIT_FAILED;

    if (backup.journal_dirfd != -1 && backup.log_dirfd != -1 &&
        backup.dirfd != -1) {
        enum pv_err err = fn(&backup, &why);

        end_progress(&progress);
        code = err == PV_OK ? PV_EXIT_OK : say_failure(args, err, &why);
    }
    if (code == PV_EXIT_OK && args->stat != NULL) {
        code = write_static(args, &backup);
    }
    if (code == PV_EXIT_OK) {
        code = args->json ? print_json(&backup)
                          : print_text(args, &backup, en, fa);
    }
    close_dir(backup.journal_dirfd);
    close_dir(backup.log_dirfd);
    close_dir(backup.dirfd);
    return code;
}

int
log_export(const struct log_args *args)
{
    return work(args, false, pv_backup_export,
                "copied, and every record of the copy checked against the tree",
                "نسخه گرفته شد و هر رکورد آن با درخت سنجیده شد");
}

int
log_restore(const struct log_args *args)
{
    int code = work(args, true, pv_backup_restore,
                    "restored, and every record checked against the tree",
                    "برگردانده شد و هر رکورد با درخت سنجیده شد");

    if (code == PV_EXIT_OK && !args->json) {
        pv_cli_error(
            "%s",
            pv_cli_text(
                args->lang,
                "the signer's directory is not in a backup. With the signer of "
                "before, payvand-traced refuses when it has signed records "
                "that came after the copy: they are lost, and that must be "
                "seen. See payvand-log(1), AFTER A RESTORE",
                "پوشه امضاکننده در نسخه نیست. اگر امضاکننده پیشین رکوردهایی پس "
                "از این نسخه را امضا کرده باشد، payvand-traced آغاز نمی‌شود، "
                "زیرا آن رکوردها از دست رفته‌اند. نگاه کنید به payvand-log(1)"));
    }
    return code;
}
