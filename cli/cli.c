/*
 * cli.c - what the commands share: language, messages, exit codes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"

#define NAME_MAX_LEN 128

enum pv_lang
pv_cli_lang(const char *name)
{
    static const char *const variable[] = {"PAYVAND_LANG", "LC_ALL",
                                           "LC_MESSAGES", "LANG"};
    const char              *text = name;
    size_t                   i;

    for (i = 0; text == NULL && i < sizeof(variable) / sizeof(variable[0]);
         i++) {
        text = getenv(variable[i]);
        if (text != NULL && text[0] == '\0') {
            text = NULL;
        }
    }
    return pv_slice_starts(pv_slice_from(text), PV_LIT("fa")) ? PV_LANG_FA
                                                              : PV_LANG_EN;
}

const char *
pv_cli_text(enum pv_lang lang, const char *en, const char *fa)
{
    return lang == PV_LANG_FA ? fa : en;
}

void
pv_cli_error(const char *format, ...)
{
    va_list list;

    (void)fputs("payvand: ", stderr); /* nowhere else to complain */
    va_start(list, format);
    (void)vfprintf(stderr, format, list); /* as above */
    va_end(list);
    (void)fputc('\n', stderr); /* as above */
}

int
pv_cli_usage_error(const char *command)
{
    pv_cli_error("see: payvand %s --help", command);
    return PV_EXIT_USAGE;
}

/* How many bytes of a control character stand at at: C0 but what lines are made
   of, DEL, and those of two bytes (C1). */
static size_t
control_len(const char *at, const char *end)
{
    unsigned char c = (unsigned char)at[0];

    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
        return 1;
    }
    return c == 0xc2 && at + 1 < end && (unsigned char)at[1] < 0xa0 ? 2 : 0;
}

/* What others said is no command to a terminal. */
static bool
put_on_terminal(struct pv_slice text)
{
    const char *at = text.ptr;
    const char *end = text.ptr + text.len;
    bool        good = true;

    while (good && at < end) {
        const char *from = at;
        size_t      len = 0;

        while (at < end && (len = control_len(at, end)) == 0) {
            at++;
        }
        good = fwrite(from, 1, (size_t)(at - from), stdout) ==
                   (size_t)(at - from) &&
               (len == 0 || fputc('?', stdout) != EOF);
        at += len;
    }
    return good;
}

bool
pv_cli_put(struct pv_slice text)
{
    if (text.len == 0) {
        return true;
    }
    return isatty(STDOUT_FILENO) == 1
               ? put_on_terminal(text)
               : fwrite(text.ptr, 1, text.len, stdout) == text.len;
}

int
pv_cli_print(const struct pv_buf *out)
{
    if (!pv_cli_put(pv_buf_view(out)) || fputc('\n', stdout) == EOF ||
        fflush(stdout) != 0) {
        pv_cli_error("cannot write to standard output");
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

const char *
pv_cli_of_system(const char *kind, const char *system)
{
    char  name[NAME_MAX_LEN];
    char *at;
    int   len;

    len = snprintf(name, sizeof(name), "PAYVAND_%s_%s", kind, system);
    if (len < 0 || (size_t)len >= sizeof(name)) {
        return NULL;
    }
    for (at = name; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 'a' + 'A');
        } else if (*at == '-') {
            *at = '_';
        }
    }
    return getenv(name);
}

int
pv_cli_outcome_exit(enum pv_outcome outcome)
{
    static const int code[PV_OUTCOME_END] = {
        [PV_OUTCOME_NONE] = PV_EXIT_FAILED,
        [PV_OUTCOME_ANSWERED] = PV_EXIT_OK,
        [PV_OUTCOME_INVALID] = PV_EXIT_INVALID,
        [PV_OUTCOME_REFUSED] = PV_EXIT_REFUSED,
        [PV_OUTCOME_LIMITED] = PV_EXIT_LIMITED,
        [PV_OUTCOME_CLOSED] = PV_EXIT_CLOSED,
        [PV_OUTCOME_FAILED] = PV_EXIT_PROVIDER_FAILED,
        [PV_OUTCOME_TIMEOUT] = PV_EXIT_TIMEOUT,
        [PV_OUTCOME_UNAVAILABLE] = PV_EXIT_UNAVAILABLE,
        [PV_OUTCOME_UNKNOWN] = PV_EXIT_UNKNOWN,
    };

    return outcome < PV_OUTCOME_END ? code[outcome] : PV_EXIT_FAILED;
}
