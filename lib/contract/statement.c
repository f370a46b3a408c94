#include "contract/statement.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct rewrite {
    struct pv_slice   text;
    size_t            at;
    struct pv_buf     out;
    struct pv_bind    bind[PV_BINDS_MAX];
    size_t            bind_count;
    pv_input_find_fn *find;
    const void       *context;
    struct pv_why    *why;
};

static char
peek(const struct rewrite *rewrite, size_t ahead)
{
    size_t at = rewrite->at + ahead;

    return at < rewrite->text.len ? rewrite->text.ptr[at] : '\0';
}

static bool
is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_name(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9');
}

static enum pv_err
copy(struct rewrite *rewrite, size_t count)
{
    struct pv_slice s = {rewrite->text.ptr + rewrite->at, count};

    rewrite->at += count;
    return pv_buf_add(&rewrite->out, s);
}

/* The length of a quoted text or comment that starts here; 0 for none. */
static enum pv_err
opaque_length(const struct rewrite *rewrite, size_t *ret)
{
    char   c = peek(rewrite, 0);
    size_t len = 1;

    *ret = 0;
    if (c == '\'' || c == '"' || c == '`') {
        for (;; len++) {
            if (rewrite->at + len >= rewrite->text.len) {
                pv_why_set(rewrite->why, "a quote is not closed");
                return PV_EINVAL;
            }
            if (peek(rewrite, len) != c) {
                continue;
            }
            if (peek(rewrite, len + 1) != c) {
                break;
            }
            len++; /* a doubled quote stands for itself */
        }
        *ret = len + 1;
    } else if (c == '-' && peek(rewrite, 1) == '-') {
        while (rewrite->at + len < rewrite->text.len &&
               peek(rewrite, len) != '\n') {
            len++;
        }
        *ret = len;
    } else if (c == '/' && peek(rewrite, 1) == '*') {
        len = 2;
        while (peek(rewrite, len) != '*' || peek(rewrite, len + 1) != '/') {
            if (rewrite->at + len >= rewrite->text.len) {
                pv_why_set(rewrite->why, "a comment is not closed");
                return PV_EINVAL;
            }
            len++;
        }
        *ret = len + 2;
    }
    return PV_OK;
}

static enum pv_err
take_parameter(struct rewrite *rewrite)
{
    struct pv_slice name = {rewrite->text.ptr + rewrite->at + 1, 0};
    struct pv_bind *bind = &rewrite->bind[rewrite->bind_count];
    enum pv_err     err;

    if (rewrite->bind_count == PV_BINDS_MAX) {
        pv_why_set(rewrite->why, "more than %d parameters", PV_BINDS_MAX);
        return PV_ERANGE;
    }
    while (is_name(peek(rewrite, 1 + name.len))) {
        name.len++;
    }
    err = rewrite->find(rewrite->context, name, &bind->input);
    if (err != PV_OK) {
        pv_why_set(rewrite->why, "parameter :%.*s is no input of the method",
                   PV_FMT(name));
        return PV_EINVAL;
    }
    rewrite->at += 1 + name.len;
    bind->type = bind->input < PV_BIND_CALL && peek(rewrite, 0) == '.' &&
                 peek(rewrite, 1) == 't' && peek(rewrite, 2) == 'y' &&
                 peek(rewrite, 3) == 'p' && peek(rewrite, 4) == 'e' &&
                 !is_name(peek(rewrite, 5));
    if (bind->type) {
        rewrite->at += 5;
    }
    rewrite->bind_count++;
    return pv_buf_add_char(&rewrite->out, '?');
}

static bool
only_blank_follows(const struct rewrite *rewrite)
{
    for (size_t i = rewrite->at + 1; i < rewrite->text.len; i++) {
        if (memchr(" \t\r\n;", rewrite->text.ptr[i], 5) == NULL) {
            return false;
        }
    }
    return true;
}

static enum pv_err
step(struct rewrite *rewrite)
{
    char        c = peek(rewrite, 0);
    size_t      len;
    enum pv_err err = opaque_length(rewrite, &len);

    if (err != PV_OK) {
        return err;
    }
    if (len > 0) {
        return copy(rewrite, len);
    }
    if (c == ':' && peek(rewrite, 1) == ':') {
        return copy(rewrite, 2);
    }
    if (c == ':' && is_name_start(peek(rewrite, 1))) {
        return take_parameter(rewrite);
    }
    if (c == '?') {
        pv_why_set(rewrite->why, "write parameters as :name, not as ?");
        return PV_EINVAL;
    }
    if (c == ';') {
        if (!only_blank_follows(rewrite)) {
            pv_why_set(rewrite->why, "only one statement is allowed");
            return PV_EINVAL;
        }
        rewrite->at = rewrite->text.len;
        return PV_OK;
    }
    return copy(rewrite, 1);
}

enum pv_err
pv_statement_init(struct pv_statement *statement, struct pv_slice text,
                  pv_input_find_fn *find, const void *context,
                  struct pv_why *why)
{
    struct rewrite rewrite = {
        .text = text, .find = find, .context = context, .why = why};
    const char *sql;
    enum pv_err err = PV_OK;

    *statement = (struct pv_statement){NULL, NULL, 0};
    if (text.len == 0 || text.len > PV_STATEMENT_MAX) {
        pv_why_set(why, "a statement has 1 to %d bytes", PV_STATEMENT_MAX);
        return PV_ERANGE;
    }
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        pv_why_set(why, "a statement holds no NUL");
        return PV_EINVAL;
    }
    pv_buf_init(&rewrite.out, PV_STATEMENT_MAX + 1);
    while (err == PV_OK && rewrite.at < text.len) {
        err = step(&rewrite);
    }
    if (err == PV_OK) {
        err = pv_buf_cstr(&rewrite.out, &sql);
    }
    if (err != PV_OK) {
        goto out;
    }
    if (rewrite.bind_count > 0) {
        statement->bind =
            calloc(rewrite.bind_count, sizeof(statement->bind[0]));
        if (statement->bind == NULL) {
            err = PV_ENOMEM;
            goto out;
        }
        memcpy(statement->bind, rewrite.bind,
               rewrite.bind_count * sizeof(rewrite.bind[0]));
    }
    statement->bind_count = rewrite.bind_count;
    statement->sql = rewrite.out.ptr;
    rewrite.out = (struct pv_buf){NULL, 0, 0, 0};

out:
    pv_buf_clear(&rewrite.out);
    return err;
}

void
pv_statement_clear(struct pv_statement *statement)
{
    if (statement == NULL) {
        return;
    }
    free(statement->sql);
    free(statement->bind);
    *statement = (struct pv_statement){NULL, NULL, 0};
}
