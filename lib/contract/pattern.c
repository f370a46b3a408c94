#include "contract/pattern.h"

#include <stdlib.h>

#include "base/utf8.h"

#define NODES_MAX 1100
#define CLASSES_MAX 512
#define RANGES_MAX 512
#define NO_NODE UINT16_MAX
#define NO_LIMIT UINT16_MAX
#define LAST_CODE_POINT 0x10ffffu

enum node_kind {
    NODE_EMPTY,
    NODE_CLASS,  /* a: class */
    NODE_BOTH,   /* a then b */
    NODE_EITHER, /* a or b */
    NODE_REPEAT, /* a, min to max times */
};

struct node {
    enum node_kind kind;
    uint16_t       a;
    uint16_t       b;
    uint16_t       min;
    uint16_t       max;
};

enum op {
    OP_CLASS, /* one code point of class a */
    OP_SPLIT, /* go on at a and at b */
    OP_JUMP,  /* go on at a */
    OP_MATCH,
};

struct step {
    uint8_t  op;
    uint16_t a;
    uint16_t b;
};

struct range {
    uint32_t from;
    uint32_t to;
};

struct class
{
    uint16_t first; /* of its ranges */
    uint16_t count;
    bool     negated;
};

struct set { /* of steps, in the order they were added */
    uint16_t *list;
    size_t    count;
};

struct pv_pattern {
    struct step *step;
    size_t       step_count;
    struct class class[CLASSES_MAX];
    size_t       class_count;
    struct range range[RANGES_MAX];
    size_t       range_count;
    uint16_t    *scratch; /* three lists of step_count each */
    uint32_t    *mark;    /* round in which a step was last added */
    uint32_t     round;
};

struct parser {
    struct pv_slice    left;
    struct pv_pattern *pattern; /* takes classes and ranges */
    struct node       *node;
    size_t             node_count;
    int                depth;
    const char        *complaint;
};

/* ---- classes ---- */

static bool
complain(struct parser *parser, const char *complaint)
{
    if (parser->complaint == NULL) {
        parser->complaint = complaint;
    }
    return false;
}

static bool
add_range(struct parser *parser, uint32_t from, uint32_t to)
{
    struct pv_pattern *pattern = parser->pattern;

    if (from > to) {
        return complain(parser, "a range runs backwards");
    }
    if (pattern->range_count == RANGES_MAX) {
        return complain(parser, "too many ranges");
    }
    pattern->range[pattern->range_count++] = (struct range){from, to};
    return true;
}

static bool
add_ranges(struct parser *parser, const struct range *range, size_t count,
           bool negated)
{
    uint32_t from = 0;

    for (size_t i = 0; i < count; i++) {
        if (!negated) {
            if (!add_range(parser, range[i].from, range[i].to)) {
                return false;
            }
        } else if (range[i].from > from) {
            if (!add_range(parser, from, range[i].from - 1)) {
                return false;
            }
        }
        from = range[i].to + 1;
    }
    return !negated || add_range(parser, from, LAST_CODE_POINT);
}

/* each in rising order, without overlap */
static const struct range digits[] = {{'0', '9'}};
static const struct range words[] = {
    {'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct range spaces[] = {
    {0x09, 0x0d},     {0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
    {0x3000, 0x3000}, {0xfeff, 0xfeff}};
static const struct range line_ends[] = {
    {0x0a, 0x0a}, {0x0d, 0x0d}, {0x2028, 0x2029}};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
is_punctuation(uint32_t c)
{
    return (c >= 0x21 && c <= 0x2f) || (c >= 0x3a && c <= 0x40) ||
           (c >= 0x5b && c <= 0x60 && c != '_') || (c >= 0x7b && c <= 0x7e);
}

static bool
hex_value(uint32_t c, uint32_t *ret)
{
    if (c >= '0' && c <= '9') {
        *ret = c - '0';
    } else if (c >= 'a' && c <= 'f') {
        *ret = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
        *ret = c - 'A' + 10;
    } else {
        return false;
    }
    return true;
}

/*
 * What follows a backslash: a set of its own (added; *ret_is_set) or one
 * code point (in *ret).
 */
static bool
take_escape(struct parser *parser, uint32_t *ret, bool *ret_is_set)
{
    uint32_t c;
    uint32_t high;
    uint32_t low;

    *ret_is_set = true;
    if (!pv_utf8_next(&parser->left, &c)) {
        return complain(parser, "ends in a backslash");
    }
    switch (c) {
    case 'd':
        return add_ranges(parser, digits, COUNT(digits), false);
    case 'D':
        return add_ranges(parser, digits, COUNT(digits), true);
    case 'w':
        return add_ranges(parser, words, COUNT(words), false);
    case 'W':
        return add_ranges(parser, words, COUNT(words), true);
    case 's':
        return add_ranges(parser, spaces, COUNT(spaces), false);
    case 'S':
        return add_ranges(parser, spaces, COUNT(spaces), true);
    default:
        break;
    }
    *ret_is_set = false;
    if (c == 'x') {
        if (!pv_utf8_next(&parser->left, &high) ||
            !pv_utf8_next(&parser->left, &low) || !hex_value(high, &high) ||
            !hex_value(low, &low)) {
            return complain(parser, "\\x needs two hex digits");
        }
        *ret = high << 4 | low;
        return true;
    }
    if (!is_punctuation(c)) {
        return complain(parser, "an escape that is not in the grammar");
    }
    *ret = c;
    return true;
}

static bool
take_class_item(struct parser *parser, uint32_t *ret, bool *ret_is_set)
{
    *ret_is_set = false;
    if (!pv_utf8_next(&parser->left, ret)) {
        return complain(parser, "a class is not closed");
    }
    return *ret != '\\' || take_escape(parser, ret, ret_is_set);
}

static bool
next_is(const struct parser *parser, char c)
{
    return parser->left.len > 0 && parser->left.ptr[0] == c;
}

static void
skip(struct parser *parser)
{
    parser->left.ptr++;
    parser->left.len--;
}

static bool
take_class_body(struct parser *parser)
{
    uint32_t from;
    uint32_t to;
    bool     is_set;

    while (!next_is(parser, ']')) {
        if (!take_class_item(parser, &from, &is_set)) {
            return false;
        }
        if (is_set) {
            continue;
        }
        to = from;
        if (parser->left.len > 1 && next_is(parser, '-') &&
            parser->left.ptr[1] != ']') {
            skip(parser);
            if (!take_class_item(parser, &to, &is_set)) {
                return false;
            }
            if (is_set) {
                return complain(parser, "a range ends in a class");
            }
        }
        if (!add_range(parser, from, to)) {
            return false;
        }
    }
    skip(parser);
    return true;
}

/* ---- the tree ---- */

static uint16_t
add_node(struct parser *parser, struct node node)
{
    if (parser->node_count == NODES_MAX) {
        complain(parser, "too long");
        return NO_NODE;
    }
    parser->node[parser->node_count] = node;
    return (uint16_t)parser->node_count++;
}

static uint16_t
add_class(struct parser *parser, size_t first_range, bool negated)
{
    struct pv_pattern *pattern = parser->pattern;

    if (pattern->class_count == CLASSES_MAX) {
        complain(parser, "too many classes");
        return NO_NODE;
    }
    pattern->class[pattern->class_count] = (struct class){
        .first = (uint16_t)first_range,
        .count = (uint16_t)(pattern->range_count - first_range),
        .negated = negated,
    };
    return add_node(parser,
                    (struct node){.kind = NODE_CLASS,
                                  .a = (uint16_t)pattern->class_count++});
}

static uint16_t take_either(struct parser *parser);

static uint16_t
take_group(struct parser *parser)
{
    uint16_t inner;

    if (next_is(parser, '?')) {
        complain(parser, "(? groups are not in the grammar");
        return NO_NODE;
    }
    if (parser->depth == PV_PATTERN_DEPTH_MAX) {
        complain(parser, "groups are nested too deeply");
        return NO_NODE;
    }
    parser->depth++;
    inner = take_either(parser);
    parser->depth--;
    if (inner == NO_NODE) {
        return NO_NODE;
    }
    if (!next_is(parser, ')')) {
        complain(parser, "a group is not closed");
        return NO_NODE;
    }
    skip(parser);
    return inner;
}

static uint16_t
take_atom(struct parser *parser)
{
    size_t   first = parser->pattern->range_count;
    uint32_t c;
    bool     is_set;
    bool     negated = false;

    if (!pv_utf8_next(&parser->left, &c)) {
        complain(parser, "is not UTF-8");
        return NO_NODE;
    }
    switch (c) {
    case '(':
        return take_group(parser);
    case '[':
        if (next_is(parser, '^')) {
            skip(parser);
            negated = true;
        }
        return take_class_body(parser) ? add_class(parser, first, negated)
                                       : NO_NODE;
    case '.':
        return add_ranges(parser, line_ends, COUNT(line_ends), false)
                   ? add_class(parser, first, true)
                   : NO_NODE;
    case '\\':
        if (!take_escape(parser, &c, &is_set) ||
            (!is_set && !add_range(parser, c, c))) {
            return NO_NODE;
        }
        return add_class(parser, first, false);
    case '^':
    case '$':
    case '*':
    case '+':
    case '?':
    case '{':
    case '}':
    case ']':
        complain(parser, "a sign stands where it has no meaning");
        return NO_NODE;
    default:
        return add_range(parser, c, c) ? add_class(parser, first, false)
                                       : NO_NODE;
    }
}

static bool
take_number(struct parser *parser, uint16_t *ret)
{
    uint32_t n = 0;
    bool     any = false;

    while (parser->left.len > 0 && parser->left.ptr[0] >= '0' &&
           parser->left.ptr[0] <= '9') {
        n = n * 10 + (uint32_t)(parser->left.ptr[0] - '0');
        if (n > PV_PATTERN_REPEAT_MAX) {
            return complain(parser, "a repetition is too large");
        }
        any = true;
        skip(parser);
    }
    *ret = (uint16_t)n;
    return any || complain(parser, "a repetition without its number");
}

static bool
take_counts(struct parser *parser, uint16_t *ret_min, uint16_t *ret_max)
{
    if (!take_number(parser, ret_min)) {
        return false;
    }
    *ret_max = *ret_min;
    if (next_is(parser, ',')) {
        skip(parser);
        *ret_max = NO_LIMIT;
        if (!next_is(parser, '}') && !take_number(parser, ret_max)) {
            return false;
        }
    }
    if (!next_is(parser, '}') || *ret_max < *ret_min) {
        return complain(parser, "a repetition is malformed");
    }
    skip(parser);
    return true;
}

static uint16_t
take_repeat(struct parser *parser)
{
    uint16_t atom = take_atom(parser);
    uint16_t min = 1;
    uint16_t max = 1;

    if (atom == NO_NODE || parser->left.len == 0) {
        return atom;
    }
    switch (parser->left.ptr[0]) {
    case '?':
        min = 0;
        break;
    case '*':
        min = 0;
        max = NO_LIMIT;
        break;
    case '+':
        max = NO_LIMIT;
        break;
    case '{':
        break;
    default:
        return atom;
    }
    if (next_is(parser, '{')) {
        skip(parser);
        if (!take_counts(parser, &min, &max)) {
            return NO_NODE;
        }
    } else {
        skip(parser);
    }
    if (next_is(parser, '?') || next_is(parser, '*') || next_is(parser, '+') ||
        next_is(parser, '{')) {
        complain(parser, "a repetition of a repetition needs a group");
        return NO_NODE;
    }
    return add_node(
        parser,
        (struct node){.kind = NODE_REPEAT, .a = atom, .min = min, .max = max});
}

static uint16_t
take_sequence(struct parser *parser)
{
    uint16_t all = NO_NODE;

    while (parser->left.len > 0 && !next_is(parser, '|') &&
           !next_is(parser, ')')) {
        uint16_t one = take_repeat(parser);

        if (one == NO_NODE) {
            return NO_NODE;
        }
        all = all == NO_NODE ? one
                             : add_node(parser, (struct node){.kind = NODE_BOTH,
                                                              .a = all,
                                                              .b = one});
        if (all == NO_NODE) {
            return NO_NODE;
        }
    }
    return all == NO_NODE ? add_node(parser, (struct node){.kind = NODE_EMPTY})
                          : all;
}

static uint16_t
take_either(struct parser *parser)
{
    uint16_t all = take_sequence(parser);

    while (all != NO_NODE && next_is(parser, '|')) {
        uint16_t one;

        if (parser->depth == 0) {
            complain(parser, "a | stands only inside a group");
            return NO_NODE;
        }
        skip(parser);
        one = take_sequence(parser);
        if (one == NO_NODE) {
            return NO_NODE;
        }
        all = add_node(parser,
                       (struct node){.kind = NODE_EITHER, .a = all, .b = one});
    }
    return all;
}

/* ---- the program ---- */

static bool
emit(struct parser *parser, uint8_t op, uint16_t a, uint16_t b)
{
    struct pv_pattern *pattern = parser->pattern;

    if (pattern->step_count == PV_PATTERN_STEPS_MAX) {
        return complain(parser, "repetitions make it too large");
    }
    pattern->step[pattern->step_count++] = (struct step){op, a, b};
    return true;
}

static uint16_t
here(const struct parser *parser)
{
    return (uint16_t)parser->pattern->step_count;
}

static bool emit_node(struct parser *parser, uint16_t at);

static bool
emit_repeat(struct parser *parser, const struct node *node)
{
    struct step *step = parser->pattern->step;
    uint16_t     chain = NO_NODE; /* splits to patch, linked by ->b */
    uint16_t     loop;

    for (uint16_t i = 0; i < node->min; i++) {
        if (!emit_node(parser, node->a)) {
            return false;
        }
    }
    if (node->max == NO_LIMIT) {
        loop = here(parser);
        if (!emit(parser, OP_SPLIT, (uint16_t)(loop + 1), 0) ||
            !emit_node(parser, node->a) || !emit(parser, OP_JUMP, loop, 0)) {
            return false;
        }
        step[loop].b = here(parser);
        return true;
    }
    for (uint16_t i = node->min; i < node->max; i++) {
        uint16_t split = here(parser);

        if (!emit(parser, OP_SPLIT, (uint16_t)(split + 1), chain) ||
            !emit_node(parser, node->a)) {
            return false;
        }
        chain = split;
    }
    while (chain != NO_NODE) {
        uint16_t next = step[chain].b;

        step[chain].b = here(parser);
        chain = next;
    }
    return true;
}

static bool
emit_either(struct parser *parser, const struct node *node)
{
    struct step *step = parser->pattern->step;
    uint16_t     split = here(parser);
    uint16_t     jump;

    if (!emit(parser, OP_SPLIT, (uint16_t)(split + 1), 0) ||
        !emit_node(parser, node->a)) {
        return false;
    }
    jump = here(parser);
    if (!emit(parser, OP_JUMP, 0, 0)) {
        return false;
    }
    step[split].b = here(parser);
    if (!emit_node(parser, node->b)) {
        return false;
    }
    step[jump].a = here(parser);
    return true;
}

/* As deep as the tree, whose depth NODES_MAX bounds. */
static bool
emit_node(struct parser *parser, uint16_t at)
{
    const struct node *node = &parser->node[at];

    switch (node->kind) {
    case NODE_EMPTY:
        return true;
    case NODE_CLASS:
        return emit(parser, OP_CLASS, node->a, 0);
    case NODE_BOTH:
        return emit_node(parser, node->a) && emit_node(parser, node->b);
    case NODE_EITHER:
        return emit_either(parser, node);
    case NODE_REPEAT:
        return emit_repeat(parser, node);
    }
    return false;
}

static bool
compile(struct parser *parser)
{
    uint16_t root;

    if (parser->left.len < 2 || parser->left.ptr[0] != '^' ||
        parser->left.ptr[parser->left.len - 1] != '$') {
        return complain(parser, "must begin with ^ and end with $");
    }
    parser->left.ptr++;
    parser->left.len -= 2;
    root = take_either(parser);
    if (root == NO_NODE) {
        return complain(parser, "too long");
    }
    if (parser->left.len > 0) {
        return complain(parser, "a ) without its (");
    }
    return emit_node(parser, root) && emit(parser, OP_MATCH, 0, 0);
}

enum pv_err
pv_pattern_new(struct pv_slice text, struct pv_pattern **ret,
               struct pv_why *why)
{
    struct parser      parser = {.left = text};
    struct pv_pattern *pattern = NULL;
    enum pv_err        err = PV_ENOMEM;

    if (text.len > PV_PATTERN_TEXT_MAX) {
        pv_why_set(why, "a pattern has at most %d bytes", PV_PATTERN_TEXT_MAX);
        return PV_ERANGE;
    }
    pattern = calloc(1, sizeof(*pattern));
    parser.node = calloc(NODES_MAX, sizeof(parser.node[0]));
    if (pattern == NULL || parser.node == NULL) {
        goto out;
    }
    parser.pattern = pattern;
    pattern->step = calloc(PV_PATTERN_STEPS_MAX, sizeof(pattern->step[0]));
    if (pattern->step == NULL) {
        goto out;
    }
    if (!compile(&parser)) {
        pv_why_set(why, "the pattern is refused: %s",
                   parser.complaint == NULL ? "?" : parser.complaint);
        err = PV_EINVAL;
        goto out;
    }
    pattern->scratch =
        calloc(pattern->step_count * 3, sizeof(pattern->scratch[0]));
    pattern->mark = calloc(pattern->step_count, sizeof(pattern->mark[0]));
    if (pattern->scratch == NULL || pattern->mark == NULL) {
        goto out;
    }
    *ret = pattern;
    pattern = NULL;
    err = PV_OK;

out:
    free(parser.node);
    pv_pattern_free(pattern);
    return err;
}

void
pv_pattern_free(struct pv_pattern *pattern)
{
    if (pattern == NULL) {
        return;
    }
    free(pattern->step);
    free(pattern->scratch);
    free(pattern->mark);
    free(pattern);
}

/* ---- matching ---- */

static bool
class_has(const struct pv_pattern *pattern, uint16_t at, uint32_t c)
{
    const struct class *class = &pattern->class[at];

    for (size_t i = 0; i < class->count; i++) {
        const struct range *range = &pattern->range[class->first + i];

        if (c >= range->from && c <= range->to) {
            return !class->negated;
        }
    }
    return class->negated;
}

/*
 * Add a step and all it leads to without reading. Each step is pushed at
 * most once a round, so the stack never holds more than step_count + 1.
 */
static void
add_step(struct pv_pattern *pattern, struct set *set, uint16_t first)
{
    uint16_t *stack = pattern->scratch + 2 * pattern->step_count;
    size_t    depth = 0;

    if (pattern->mark[first] == pattern->round) {
        return;
    }
    pattern->mark[first] = pattern->round;
    stack[depth++] = first;
    while (depth > 0) {
        uint16_t           at = stack[--depth];
        const struct step *step = &pattern->step[at];
        uint16_t           next[2] = {step->a, step->b};
        size_t             count;

        if (step->op == OP_CLASS || step->op == OP_MATCH) {
            set->list[set->count++] = at;
            continue;
        }
        count = step->op == OP_SPLIT ? 2 : 1;
        for (size_t i = 0; i < count; i++) {
            if (pattern->mark[next[i]] != pattern->round) {
                pattern->mark[next[i]] = pattern->round;
                stack[depth++] = next[i];
            }
        }
    }
}

static void
next_round(struct pv_pattern *pattern)
{
    if (++pattern->round == 0) { /* once in 2^32 code points */
        for (size_t i = 0; i < pattern->step_count; i++) {
            pattern->mark[i] = 0;
        }
        pattern->round = 1;
    }
}

bool
pv_pattern_matches(struct pv_pattern *pattern, struct pv_slice text)
{
    struct set now = {pattern->scratch, 0};
    struct set then = {pattern->scratch + pattern->step_count, 0};
    uint32_t   c;

    next_round(pattern);
    add_step(pattern, &now, 0);
    while (text.len > 0 && now.count > 0) {
        struct set swap;

        if (!pv_utf8_next(&text, &c)) {
            return false;
        }
        next_round(pattern);
        then.count = 0;
        for (size_t i = 0; i < now.count; i++) {
            const struct step *step = &pattern->step[now.list[i]];

            if (step->op == OP_CLASS && class_has(pattern, step->a, c)) {
                add_step(pattern, &then, (uint16_t)(now.list[i] + 1));
            }
        }
        swap = now;
        now = then;
        then = swap;
    }
    if (text.len > 0) {
        return false;
    }
    for (size_t i = 0; i < now.count; i++) {
        if (pattern->step[now.list[i]].op == OP_MATCH) {
            return true;
        }
    }
    return false;
}
