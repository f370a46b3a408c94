/* pattern.c - the tree into a program, and running it over a text. */
#include "contract/pattern_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

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

    return pv_pattern_parse(parser, &root) && emit_node(parser, root) &&
           emit(parser, OP_MATCH, 0, 0);
}

/* Room for the largest program, while it is made. */
static bool
make_room(struct pv_pattern *pattern)
{
    pattern->step = calloc(PV_PATTERN_STEPS_MAX, sizeof(pattern->step[0]));
    pattern->class = calloc(CLASSES_MAX, sizeof(pattern->class[0]));
    pattern->range = calloc(RANGES_MAX, sizeof(pattern->range[0]));
    return pattern->step != NULL && pattern->class != NULL &&
           pattern->range != NULL;
}

/*
 * Put a copy of the right size in its place. Not realloc: that leaves a hole
 * behind each pattern, into which no room for the next fits.
 */
static bool
shrink(void **array, size_t count, size_t size)
{
    void *copy = calloc(count == 0 ? 1 : count, size);

    if (copy == NULL) {
        return false;
    }
    memcpy(copy, *array, count * size);
    free(*array);
    *array = copy;
    return true;
}

/* A catalogue has hundreds of patterns, and most have a few steps. */
static bool
settle(struct pv_pattern *pattern)
{
    void *step = pattern->step;
    void *class = pattern->class;
    void *range = pattern->range;
    bool  done = shrink(&step, pattern->step_count, sizeof(struct step)) &&
                shrink(&class, pattern->class_count, sizeof(struct class)) &&
                shrink(&range, pattern->range_count, sizeof(struct range));

    pattern->step = step;
    pattern->class = class;
    pattern->range = range;
    pattern->scratch =
        calloc(pattern->step_count * 3, sizeof(pattern->scratch[0]));
    pattern->mark = calloc(pattern->step_count, sizeof(pattern->mark[0]));
    return done && pattern->scratch != NULL && pattern->mark != NULL;
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
    if (!make_room(pattern)) {
        goto out;
    }
    if (!compile(&parser)) {
        pv_why_set(why, "the pattern is refused: %s",
                   parser.complaint == NULL ? "?" : parser.complaint);
        err = PV_EINVAL;
        goto out;
    }
    if (!settle(pattern)) {
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
    free(pattern->class);
    free(pattern->range);
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
