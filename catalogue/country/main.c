/*
 * payvand-country - makes the synthetic country: one SQLite file a provider
 * and country.json with sample calls.
 *
 * What it holds:       invented persons only, no secret.
 * Who may talk to it:  nobody; it reads its arguments and country.json.
 * What it may call:    files in the folder given.
 * What a thief gains:  nothing; anyone can make the same with the same seed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/num.h"
#include "base/time.h"
#include "registers.h"

#define FORMAT 1
#define INDEX_NAME "country.json"
#define INDEX_TEMPORARY "country.json.tmp"
#define INDEX_MAX (1024 * 1024)
#define DEFAULT_SEED 1405
#define DEFAULT_PERSONS 100000
#define SEED_MAX ((UINT64_C(1) << 53) - 1) /* whole in any JSON reader */
#define ID_VALUES 1000000u

struct arguments {
    uint64_t    seed;
    uint64_t    persons;
    const char *out;
    bool        quiet;
    bool        force;
    bool        json;
};

struct run {
    struct arguments  arguments;
    struct pv_country country;
    struct pv_samples samples;
    int               dirfd;
    bool              is_terminal;
    uint32_t         *by_id;
    uint64_t          rows[PV_REGISTERS];
    uint32_t          at; /* the register being written */
    int64_t           last_shown_ms;
    int               last_percent;
};

static const char help[] =
    "Usage: payvand-country --out DIR [--seed N] [--persons N] [--quiet]\n"
    "                       [--force] [--json]\n"
    "\n"
    "Makes a synthetic country: consistent registers of invented persons,\n"
    "families, homes, companies, accounts, deeds, degrees, notes, cases and\n"
    "connections. One SQLite file for each provider of the demo, and\n"
    "country.json with a few sample calls and what they are answered.\n"
    "The same seed and number of persons give the same data everywhere.\n"
    "Nobody in it exists: all numbers are from ranges that are not issued.\n"
    "\n"
    "  --out DIR      where the files go; made when it is missing\n"
    "  --seed N       which country (default 1405)\n"
    "  --persons N    its size: 100 to 1000000 (default 100000)\n"
    "  --force        make it anew, even when it is there already\n"
    "  --quiet        no progress\n"
    "  --json         say the result as JSON on standard output\n"
    "  --help         this text\n"
    "\n"
    "Exit status: 0 made or already there, 1 an error, 2 wrong use.\n"
    "\n"
    "کشوری ساختگی می‌سازد: ثبت‌های سازگار از "
    "اشخاص، "
    "خانواده‌ها، "
    "نشانی‌ها،\n"
    "شرکت‌ها، حساب‌ها، اسناد، مدارک، سفته‌ها، پرونده‌ها "
    "و "
    "انشعاب‌ها؛ "
    "برای هر\n"
    "ارائه‌دهنده یک پرونده SQLite، و country.json با "
    "چند "
    "درخواست "
    "نمونه.\n"
    "با یک seed و یک تعداد، همیشه همان داده‌ها "
    "ساخته "
    "می‌شود.\n"
    "هیچ‌یک از این اشخاص وجود ندارد.\n";

static void
say_error(const char *what, const char *why)
{
    fprintf(stderr, "payvand-country: %s%s%s\n", what, why[0] ? ": " : "", why);
}

static bool
read_number(const char *name, const char *text, uint64_t low, uint64_t high,
            uint64_t *ret)
{
    uint64_t n;

    if (pv_slice_to_u64(pv_slice_from(text), high, &n) == PV_OK && n >= low) {
        *ret = n;
        return true;
    }
    fprintf(stderr,
            "payvand-country: %s must be a whole number from %llu to %llu\n",
            name, (unsigned long long)low, (unsigned long long)high);
    return false;
}

/* 0 go on, otherwise the exit status + 1. */
static int
read_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"persons", required_argument, NULL, 'p'},
        {"out", required_argument, NULL, 'o'},
        {"quiet", no_argument, NULL, 'q'},
        {"force", no_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    bool is_right = true;
    int  option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 's':
            is_right = is_right && read_number("--seed", optarg, 0, SEED_MAX,
                                               &arguments->seed);
            break;
        case 'p':
            is_right =
                is_right && read_number("--persons", optarg, PV_PERSONS_MIN,
                                        PV_PERSONS_MAX, &arguments->persons);
            break;
        case 'o':
            arguments->out = optarg;
            break;
        case 'q':
            arguments->quiet = true;
            break;
        case 'f':
            arguments->force = true;
            break;
        case 'j':
            arguments->json = true;
            break;
        case 'h':
            return fputs(help, stdout) < 0 ? 2 : 1;
        default:
            is_right = false;
            break;
        }
    }
    if (is_right && (arguments->out == NULL || optind != argc)) {
        say_error("--out DIR is needed, and nothing else; see --help", "");
        is_right = false;
    }
    return is_right ? 0 : 3;
}

static void
show(struct run *run, int percent)
{
    if (run->arguments.quiet || !run->is_terminal) {
        return;
    }
    fprintf(stderr, "\r\033[K%3u/%d  %3d%%  %s", run->at + 1, PV_REGISTERS,
            percent, pv_registers[run->at].provider);
    fflush(stderr);
}

static void
on_progress(void *context, uint64_t done, uint64_t total)
{
    struct run *run = context;
    int         percent = total == 0 ? 100 : (int)(done * 100 / total);

    if (percent != run->last_percent) {
        run->last_percent = percent;
        show(run, percent);
    }
}

/* One line for what is finished; on a terminal it ends the moving line. */
static void
say_done(struct run *run, const char *what, uint64_t count, const char *unit)
{
    int64_t now = pv_time_monotonic_ms();

    if (!run->arguments.quiet) {
        fprintf(stderr, "%s%-40s 100%%  %9llu %s, %lld ms\n",
                run->is_terminal ? "\r\033[K" : "", what,
                (unsigned long long)count, unit,
                (long long)(now - run->last_shown_ms));
    }
    run->last_shown_ms = now;
}

static enum pv_err
order_by_id(struct run *run)
{
    uint32_t *at_value;
    uint32_t  count = 0;

    run->by_id = calloc(run->country.person_count, sizeof(*run->by_id));
    at_value = calloc(ID_VALUES, sizeof(*at_value));
    if (run->by_id == NULL || at_value == NULL) {
        free(at_value);
        return PV_ENOMEM;
    }
    /* the first six digits behind the prefix, plus one; 0 is nobody */
    for (uint32_t i = 0; i < run->country.person_count; i++) {
        char     id[PV_ID_ROOM];
        uint32_t value = 0;

        pv_person_id(&run->country, i, id);
        for (size_t d = 3; d < 9; d++) {
            value = value * 10 + (uint32_t)(id[d] - '0');
        }
        if (id[2] == '8') { /* before all of 999 */
            run->by_id[count++] = i;
        } else {
            at_value[value] = i + 1;
        }
    }
    for (uint32_t value = 0; value < ID_VALUES; value++) {
        if (at_value[value] != 0) {
            run->by_id[count++] = at_value[value] - 1;
        }
    }
    free(at_value);
    return PV_OK;
}

static bool
write_registers(struct run *run)
{
    struct pv_writer writer;
    struct pv_making making = {.country = &run->country,
                               .samples = &run->samples,
                               .by_id = run->by_id,
                               .writer = &writer,
                               .progress = on_progress,
                               .context = run};

    for (run->at = 0; run->at < PV_REGISTERS; run->at++) {
        const struct pv_register *at = &pv_registers[run->at];

        run->last_percent = -1;
        pv_writer_open(&writer, run->arguments.out, run->dirfd, at->provider);
        at->write(&making);
        if (pv_writer_finish(&writer) != PV_OK) {
            say_error(writer.why.text, "");
            return false;
        }
        run->rows[run->at] = writer.row_count;
        say_done(run, at->provider, writer.row_count, "rows");
    }
    return true;
}

static enum pv_err
index_text(const struct run *run, bool with_samples, bool is_new,
           struct pv_buf *buf)
{
    struct pv_json json;
    enum pv_err    err;

    pv_json_init(&json, buf);
    pv_json_object(&json, NULL);
    pv_json_u64(&json, "format", FORMAT);
    pv_json_u64(&json, "seed", run->arguments.seed);
    pv_json_u64(&json, "persons", run->arguments.persons);
    if (with_samples) {
        pv_json_bool(&json, "synthetic", true);
        pv_json_text(&json, "as_of",
                     pv_country_date(&run->country, run->country.as_of));
        pv_json_object(&json, "rows");
        for (uint32_t i = 0; i < PV_REGISTERS; i++) {
            pv_json_u64(&json, pv_registers[i].provider, run->rows[i]);
        }
        pv_json_end_object(&json);
        pv_samples_write(&run->samples, &json);
    } else {
        pv_json_text(&json, "out", run->arguments.out);
        pv_json_bool(&json, "made", is_new);
    }
    pv_json_end_object(&json);
    err = pv_json_finish(&json);
    return err == PV_OK ? pv_buf_add_char(buf, '\n') : err;
}

static bool
write_all(int fd, struct pv_slice text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        text.ptr += n;
        text.len -= (size_t)n;
    }
    return true;
}

/* Last of all: who finds it finds all the files. */
static bool
write_index(struct run *run)
{
    struct pv_buf buf;
    int           fd = -1;
    bool          is_done = false;

    pv_buf_init(&buf, INDEX_MAX);
    if (index_text(run, true, true, &buf) != PV_OK) {
        errno = ENOMEM;
        goto out;
    }
    fd = openat(run->dirfd, INDEX_TEMPORARY,
                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd == -1 || !write_all(fd, pv_buf_view(&buf)) || fsync(fd) == -1 ||
        renameat(run->dirfd, INDEX_TEMPORARY, run->dirfd, INDEX_NAME) == -1 ||
        fsync(run->dirfd) == -1) {
        goto out;
    }
    is_done = true;

out:
    if (!is_done) {
        say_error("cannot write " INDEX_NAME, strerror(errno));
    }
    if (fd != -1) {
        (void)close(fd); /* synced already, or an error told above */
    }
    pv_buf_clear(&buf);
    return is_done;
}

static bool
number_is(const json_t *object, const char *name, uint64_t n)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) && json_integer_value(value) == (json_int_t)n;
}

static bool
files_exist(const struct run *run)
{
    char        name[NAME_MAX + 1];
    struct stat about;

    for (uint32_t i = 0; i < PV_REGISTERS; i++) {
        int len =
            snprintf(name, sizeof(name), "%s.sqlite", pv_registers[i].provider);

        if (len < 0 || (size_t)len >= sizeof(name) ||
            fstatat(run->dirfd, name, &about, AT_SYMLINK_NOFOLLOW) == -1 ||
            !S_ISREG(about.st_mode)) {
            return false;
        }
    }
    return true;
}

/* The same country is there, whole. */
static bool
is_made(const struct run *run)
{
    int     fd = openat(run->dirfd, INDEX_NAME, O_RDONLY | O_CLOEXEC);
    json_t *index = NULL;
    bool    is_same = false;

    if (fd != -1) {
        index = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
        (void)close(fd); /* read-only: nothing to lose */
    }
    if (index != NULL) {
        is_same = number_is(index, "format", FORMAT) &&
                  number_is(index, "seed", run->arguments.seed) &&
                  number_is(index, "persons", run->arguments.persons);
    }
    json_decref(index);
    return is_same && files_exist(run);
}

static bool
open_dir(struct run *run)
{
    const char *out = run->arguments.out;

    if (mkdir(out, 0755) == -1 && errno != EEXIST) {
        say_error(out, strerror(errno));
        return false;
    }
    run->dirfd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->dirfd == -1) {
        say_error(out, strerror(errno));
        return false;
    }
    if (flock(run->dirfd, LOCK_EX | LOCK_NB) == -1) {
        say_error(out, errno == EWOULDBLOCK
                           ? "another payvand-country is writing here"
                           : strerror(errno));
        return false;
    }
    return true;
}

static bool
make(struct run *run)
{
    enum pv_err err;

    if (unlinkat(run->dirfd, INDEX_NAME, 0) == -1 && errno != ENOENT) {
        say_error("cannot remove the old " INDEX_NAME, strerror(errno));
        return false;
    }
    run->last_shown_ms = pv_time_monotonic_ms();
    err = pv_country_make(&run->country, run->arguments.seed,
                          (uint32_t)run->arguments.persons);
    if (err == PV_OK) {
        err = order_by_id(run);
    }
    if (err != PV_OK) {
        say_error("cannot make the people", pv_err_text(err));
        return false;
    }
    say_done(run, "people, homes, companies", run->country.person_count,
             "persons");
    return write_registers(run) && write_index(run);
}

static bool
say_result(const struct run *run, bool is_new)
{
    struct pv_buf buf;
    bool          is_done = true;

    if (run->arguments.json) {
        pv_buf_init(&buf, INDEX_MAX);
        is_done = index_text(run, false, is_new, &buf) == PV_OK &&
                  write_all(STDOUT_FILENO, pv_buf_view(&buf));
        pv_buf_clear(&buf);
    } else if (!run->arguments.quiet) {
        fprintf(stderr,
                is_new ? "made in %s (ساخته شد)\n"
                       : "already made in %s: nothing to do"
                         " (از پیش ساخته شده است)\n",
                run->arguments.out);
    }
    return is_done;
}

int
main(int argc, char **argv)
{
    static struct run run; /* large: it holds the samples */
    int               stop;
    bool              is_new;
    bool              is_done = false;

    run.dirfd = -1;
    run.arguments =
        (struct arguments){.seed = DEFAULT_SEED, .persons = DEFAULT_PERSONS};
    stop = read_arguments(argc, argv, &run.arguments);
    if (stop != 0) {
        return stop - 1;
    }
    run.is_terminal = isatty(STDERR_FILENO) == 1;
    if (open_dir(&run)) {
        is_new = run.arguments.force || !is_made(&run);
        is_done = (!is_new || make(&run)) && say_result(&run, is_new);
    }
    pv_country_clear(&run.country);
    free(run.by_id);
    if (run.dirfd != -1) {
        (void)close(run.dirfd); /* also gives the lock back */
    }
    return is_done ? 0 : 1;
}
