/* pattern_parse.c - the text of an expression into a tree. */
#include "contract/pattern_private.h"

#include "base/utf8.h"

/* ---- classes ---- */

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

bool
pv_pattern_parse(struct parser *parser, uint16_t *ret_root)
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
    *ret_root = root;
    return true;
}
