/* json_line.c - on which line of a JSON text a value stands. */
#include <string.h>

#include "base/num.h"
#include "contract/take.h"

struct walk {
    struct pv_slice text;
    size_t          at;
    size_t          line;
};

static char
peek(const struct walk *walk)
{
    return walk->at < walk->text.len ? walk->text.ptr[walk->at] : '\0';
}

static void
step(struct walk *walk)
{
    if (walk->at < walk->text.len) {
        walk->line += walk->text.ptr[walk->at] == '\n';
        walk->at++;
    }
}

static void
skip_blank(struct walk *walk)
{
    while (peek(walk) == ' ' || peek(walk) == '\t' || peek(walk) == '\n' ||
           peek(walk) == '\r' || peek(walk) == ',' || peek(walk) == ':') {
        step(walk);
    }
}

/* The raw text between the quotes; escapes stay as they are. */
static struct pv_slice
skip_string(struct walk *walk)
{
    size_t start;

    step(walk); /* the quote */
    start = walk->at;
    while (walk->at < walk->text.len && peek(walk) != '"') {
        if (peek(walk) == '\\') {
            step(walk);
        }
        step(walk);
    }
    step(walk);
    return (struct pv_slice){walk->text.ptr + start, walk->at - start - 1};
}

/* One value, whatever it is; the text is valid JSON, so brackets match. */
static void
skip_value(struct walk *walk)
{
    size_t depth = 0;

    do {
        skip_blank(walk);
        switch (peek(walk)) {
        case '"':
            (void)skip_string(walk); /* only its end matters */
            break;
        case '{':
        case '[':
            depth++;
            step(walk);
            break;
        case '}':
        case ']':
            depth--;
            step(walk);
            break;
        default:
            while (walk->at < walk->text.len &&
                   strchr(" \t\r\n,:]}", peek(walk)) == NULL) {
                step(walk);
            }
            break;
        }
        if (depth > 0) {
            skip_blank(walk);
        }
    } while (depth > 0 && walk->at < walk->text.len);
}

/* Stand before the member or element; ret_line is where it begins. */
static bool
go_down(struct walk *walk, struct pv_slice part, size_t *ret_line)
{
    uint64_t index = 0;
    bool     object;

    skip_blank(walk);
    object = peek(walk) == '{';
    if (!object &&
        (peek(walk) != '[' || pv_slice_to_u64(part, 100000, &index) != PV_OK)) {
        return false;
    }
    step(walk);
    for (uint64_t i = 0;; i++) {
        struct pv_slice name = {NULL, 0};
        size_t          line;

        skip_blank(walk);
        if (peek(walk) == '}' || peek(walk) == ']' || peek(walk) == '\0') {
            return false;
        }
        line = walk->line;
        if (object) {
            name = skip_string(walk);
        }
        if (object ? pv_slice_eq(name, part) : i == index) {
            *ret_line = line;
            return true;
        }
        skip_value(walk);
    }
}

size_t
pv_taker_line(struct pv_slice text, const char *pointer)
{
    struct walk     walk = {text, 0, 1};
    struct pv_slice left = pv_slice_from(pointer);
    struct pv_slice part;
    size_t          line;
    bool            more = left.len > 0;

    if (text.len == 0) {
        return 0;
    }
    skip_blank(&walk);
    line = walk.line;
    (void)pv_slice_cut(left, '/', &part, &left); /* "" before the first */
    while (more) {
        more = pv_slice_cut(left, '/', &part, &left);
        if (!go_down(&walk, part, &line)) {
            break;
        }
    }
    return line;
}
