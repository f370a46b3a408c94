/*
 * pattern_private.h - what pattern_parse.c and pattern.c share: the tree that
 * the text is read into, and the program that is made of it.
 */
#ifndef PV_CONTRACT_PATTERN_PRIVATE_H
#define PV_CONTRACT_PATTERN_PRIVATE_H

#include "contract/pattern.h"

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
    struct step *step; /* of the maximum's size until it is compiled */
    size_t       step_count;
    struct class *class;
    size_t        class_count;
    struct range *range;
    size_t        range_count;
    uint16_t     *scratch; /* three lists of step_count each */
    uint32_t     *mark;    /* round in which a step was last added */
    uint32_t      round;
};

struct parser {
    struct pv_slice    left;
    struct pv_pattern *pattern; /* takes classes and ranges */
    struct node       *node;
    size_t             node_count;
    int                depth;
    const char        *complaint;
};

static inline bool
complain(struct parser *parser, const char *complaint)
{
    if (parser->complaint == NULL) {
        parser->complaint = complaint;
    }
    return false;
}

/* The root of the tree of an expression; false and a complaint. */
bool pv_pattern_parse(struct parser *parser, uint16_t *ret_root);

#endif
