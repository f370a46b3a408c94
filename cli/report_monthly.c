/* report_monthly.c - see report_monthly.h. */
#include "report_monthly.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agreement_figures.h"
#include "base/jalali.h"
#include "cmd.h"

#define NAME_ROOM 160

/* ---- the month ---- */

static void
day_text(int64_t day, char room[PV_MONTH_DAY_ROOM])
{
    pv_jalali_text(day * PV_DAY_MS, room);
    room[PV_JALALI_TEXT_LEN] = '\0';
}

bool
pv_report_month(const char *month, char from[PV_MONTH_DAY_ROOM],
                char until[PV_MONTH_DAY_ROOM])
{
    char            text[PV_MONTH_DAY_ROOM];
    struct pv_civil date;
    int64_t         day;

    if (month == NULL) {
        day = pv_time_tehran_day(pv_time_wall_ms());
        if (pv_jalali_from_days(day, &date) != PV_OK ||
            pv_jalali_from_days(day - date.day, &date) != PV_OK) {
            return false;
        }
        date.day = 1; /* of the month that is over */
    } else if (strlen(month) != strlen("1405-08") ||
               snprintf(text, sizeof(text), "%s-01", month) !=
                   PV_JALALI_TEXT_LEN ||
               pv_jalali_parse(pv_slice_from(text), &date) != PV_OK) {
        return false;
    }
    if (pv_jalali_to_days(date, &day) != PV_OK) {
        return false;
    }
    day_text(day, from);
    day_text(day + pv_jalali_month_days(date.year, date.month), until);
    return true;
}

/* ---- whose ---- */

/* Rows of a file, made when the first comes. */
static bool
add_row(json_t *files, const char *name, json_t *row)
{
    json_t *rows = json_object_get(files, name);

    if (rows == NULL) {
        rows = json_array();
        if (json_object_set_new(files, name, rows) != 0) {
            return false;
        }
    }
    return json_array_append(rows, row) == 0;
}

static bool
add_of(json_t *files, const char *agency, const char *as, json_t *row)
{
    char name[NAME_ROOM];

    /* nobody's, or an id that is no id: only the working group has it */
    if (agency[0] == '\0' || strchr(agency, '/') != NULL ||
        snprintf(name, sizeof(name), "%s-%s.csv", agency, as) >=
            (int)sizeof(name)) {
        return true;
    }
    return add_row(files, name, row);
}

static bool
sort_out(struct pv_figures *figures, const json_t *rollups, json_t *files)
{
    json_t *row;
    size_t  i;
    bool    ok = true;

    json_array_foreach(json_object_get(rollups, "rows"), i, row)
    {
        struct pv_slice method = pv_slice_from(pv_client_text(row, "method"));
        struct pv_slice provider;
        char            name[NAME_ROOM];

        /* "-" is no known method; what does not fit is nobody's */
        if (!pv_slice_cut(method, '/', &provider, &method) ||
            pv_slice_to_cstr(provider, name, sizeof(name)) != PV_OK) {
            name[0] = '\0';
        }
        ok = ok && add_row(files, "working-group.csv", row) &&
             add_of(files, name, "provider", row) &&
             add_of(files,
                    pv_figures_agency(figures, pv_client_text(row, "consumer")),
                    "consumer", row);
    }
    return ok;
}

/* ---- files ---- */

static bool
write_row(FILE *file, const json_t *row)
{
    static const char *const texts[] = {"consumer", "method", "outcome"};
    static const char *const numbers[] = {"count", "p50_ms", "p95_ms",
                                          "p99_ms"};
    bool                     ok = true;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ok = fprintf(file, "%s%s", i > 0 ? "," : "",
                     pv_client_text(row, texts[i])) >= 0 &&
             ok;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const json_t *value = json_object_get(row, numbers[i]);

        ok = (json_is_integer(value)
                  ? fprintf(file, ",%lld",
                            (long long)json_integer_value(value)) >= 0
                  : fputc(',', file) != EOF) &&
             ok;
    }
    return fputc('\n', file) != EOF && ok;
}

static bool
write_file(int folder, const char *name, const json_t *rows)
{
    int fd =
        openat(folder, name,
               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    FILE   *file = fd == -1 ? NULL : fdopen(fd, "w");
    json_t *row;
    size_t  i;
    bool    ok;

    if (file == NULL) {
        pv_cli_error("%s: %s", name, strerror(errno));
        if (fd != -1) {
            (void)close(fd); /* nothing was written */
        }
        return false;
    }
    ok = fputs("consumer,method,outcome,count,p50_ms,p95_ms,p99_ms\n", file) !=
         EOF;
    json_array_foreach(rows, i, row)
    {
        ok = write_row(file, row) && ok;
    }
    if (fclose(file) != 0 || !ok) {
        pv_cli_error("%s: it could not be written", name);
        return false;
    }
    return true;
}

static json_t *
write_all(int folder, json_t *files)
{
    json_t     *written = json_array();
    const char *name;
    json_t     *rows;
    bool        ok = true;

    json_object_foreach(files, name, rows)
    {
        ok = ok && write_file(folder, name, rows) &&
             json_array_append_new(
                 written, json_pack("{s:s, s:I}", "file", name, "count",
                                    (json_int_t)json_array_size(rows))) == 0;
    }
    if (!ok) {
        json_decref(written);
        return NULL;
    }
    return written;
}

int
pv_report_monthly(const char *registry, const char *folder,
                  const json_t *rollups, json_t **ret)
{
    struct pv_figures figures = {.registry = registry};
    json_t           *files = json_object();
    json_t           *written = NULL;
    int               fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1) {
        pv_cli_error("%s: %s", folder, strerror(errno));
    } else if (json_object_set_new(files, "working-group.csv", json_array()) ==
                   0 &&
               sort_out(&figures, rollups, files)) {
        written = write_all(fd, files);
    }
    json_decref(figures.agencies); /* accepts NULL */
    json_decref(files);
    if (fd != -1) {
        (void)close(fd); /* a folder: nothing to lose */
    }
    *ret = written == NULL ? NULL : json_pack("{s:o}", "rows", written);
    return *ret == NULL ? PV_EXIT_FAILED : PV_EXIT_OK;
}
