/*
 * rights_verdicts BODY... - what lib/rights says of calls, for tests that ask
 * others the same. BODY is the body of a state. Reads one line a call, writes
 * one line a call:
 *
 *   gives N GRANT PATH SYSTEM WHEN_MS   1 or 0: does the provider whose body is
 *                                       the N-th hold this right?
 *   holds N PATH SYSTEM WHEN_MS         how many grants the consumer has whose
 *                                       body that is
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "contract/data_item.h"
#include "rights/rights.h"

#define BODIES_MAX 1024

static struct pv_rights *rights[BODIES_MAX];

static enum pv_err
read_body(const char *path, struct pv_rights **ret)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, PV_RIGHTS_MAX);
    err = pv_catalogue_read(path, &text);
    if (err == PV_OK) {
        err = pv_rights_read(pv_buf_view(&text), ret);
    }
    pv_buf_clear(&text);
    return err;
}

static size_t
count(const struct pv_rights *own, const struct pv_rights_call *call)
{
    struct pv_rights_items items;
    size_t                 at = 0;
    size_t                 found = 0;

    while (pv_rights_next(own, call, &at, &items)) {
        pv_rights_items_clear(&items);
        found++;
    }
    return found;
}

/* The next word of a line, ended with a NUL. */
static char *
word(char **line)
{
    char *from = *line;
    char *to = strpbrk(from, " \n");

    if (to != NULL) {
        *to = '\0';
        *line = to + 1;
    } else {
        *line = from + strlen(from);
    }
    return from;
}

static enum pv_err
ask(char *line, size_t bodies)
{
    bool                   gives = strcmp(word(&line), "gives") == 0;
    struct pv_rights_call  call = {.grant = ""};
    struct pv_rights_items items;
    uint64_t               number = 0;
    uint64_t               when_ms = 0;
    size_t                 found;
    enum pv_err            err =
        pv_slice_to_u64(pv_slice_from(word(&line)), bodies - 1, &number);

    if (gives) {
        call.grant = word(&line);
    }
    call.path = word(&line);
    call.system = word(&line);
    if (err == PV_OK) {
        err = pv_slice_to_u64(pv_slice_from(word(&line)), INT64_MAX, &when_ms);
    }
    if (err != PV_OK) {
        return err;
    }
    call.when_ms = (int64_t)when_ms;
    if (gives) {
        found = pv_rights_allow(rights[number], &call, &items) ? 1 : 0;
        if (found > 0) {
            pv_rights_items_clear(&items);
        }
    } else {
        found = count(rights[number], &call);
    }
    return printf("%zu\n", found) < 0 ? PV_ESYS : PV_OK;
}

int
main(int argc, char **argv)
{
    char       *line = NULL;
    size_t      room = 0;
    enum pv_err err = argc < 2 || argc > BODIES_MAX ? PV_EINVAL : PV_OK;

    for (int i = 1; err == PV_OK && i < argc; i++) {
        err = read_body(argv[i], &rights[i - 1]);
    }
    while (err == PV_OK && getline(&line, &room, stdin) > 0) {
        err = ask(line, (size_t)argc - 1);
    }
    if (err != PV_OK) {
        (void)fprintf(stderr, "rights_verdicts: %s\n",
                      pv_err_text(err)); /* the exit code says it too */
    }
    for (int i = 1; i < argc && i <= BODIES_MAX; i++) {
        pv_rights_free(rights[i - 1]);
    }
    free(line);
    return err == PV_OK && fflush(stdout) == 0 ? 0 : 1;
}
