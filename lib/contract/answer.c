#include "contract/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/jalali.h"
#include "contract/opened.h"
#include "contract/shape.h"

#define ABSENT SIZE_MAX

/* Where each declared column of one source stands in its rows. */
struct map {
    const char           *today; /* the Jalali day, no NUL */
    const struct pv_rows *rows;
    uint64_t              closed;             /* a bit for each column */
    size_t                at[PV_COLUMNS_MAX]; /* by column, or ABSENT */
};

_Static_assert(PV_COLUMNS_MAX <= 64, "a bit for each column");

/* What holds for all of an answer. */
struct circumstances {
    const char *today; /* the Jalali day, no NUL */
    uint64_t    closed;
};

/* ---- which columns a right opens ---- */

/* Does the name of an output, or of an object of outputs, begin like that? */
static bool
is_output(const struct pv_method *method, const char *name)
{
    size_t len = strcspn(name, ".");

    for (size_t i = 0; i < method->column_count; i++) {
        const struct pv_column *column = &method->column[i];

        if (column->source != PV_FROM_STATEMENT &&
            strcspn(column->name, ".") == len &&
            strncmp(column->name, name, len) == 0) {
            return true;
        }
    }
    return false;
}

/* By its list's name, by both, or by its own where that names no output. */
static bool
opens_in_list(const struct pv_method *method, const json_t *items,
              const char *name)
{
    char full[2 * PV_MEMBER_MAX + 1];
    int  len =
        snprintf(full, sizeof(full), "%s.%s", method->rows_as->name, name);

    return len > 0 && (size_t)len < sizeof(full) &&
           (pv_opens(items, full) ||
            (!is_output(method, name) && pv_opens(items, name)));
}

/* Do these names open the column? */
static bool
opens_column(const struct pv_method *method, const json_t *items,
             const struct pv_column *column)
{
    bool in_list =
        method->answer == PV_ANSWER_ROWS && column->source == PV_FROM_STATEMENT;

    return in_list ? opens_in_list(method, items, column->name)
                   : pv_opens(items, column->name);
}

uint64_t
pv_method_closed(const struct pv_method *method, const json_t *open,
                 const json_t *over)
{
    uint64_t closed = 0;

    if (method->answer == PV_ANSWER_YES_IF_ROW ||
        method->answer == PV_ANSWER_YES_IF_DONE) {
        return 0;
    }
    for (size_t i = 0; i < method->column_count; i++) {
        const struct pv_column *column = &method->column[i];

        if ((open != NULL && !opens_column(method, open, column)) ||
            opens_column(method, over, column)) {
            closed |= UINT64_C(1) << i;
        }
    }
    return closed;
}

/* ---- rows ---- */

static enum pv_err
fail(struct pv_fault *fault, enum pv_fault_kind kind, const char *member)
{
    pv_fault_set(fault, kind, pv_slice_from(member));
    return PV_EINVAL;
}

static enum pv_err
map_columns(const struct pv_method *method, enum pv_column_source source,
            const struct pv_rows *rows, const struct circumstances *now,
            struct map *map, struct pv_fault *fault)
{
    size_t declared = 0;

    map->rows = rows;
    map->today = now->today;
    map->closed = now->closed;
    for (size_t i = 0; i < method->column_count; i++) {
        const struct pv_column *column = &method->column[i];

        map->at[i] = ABSENT;
        if (column->source != source) {
            continue;
        }
        for (size_t j = 0; j < rows->column_count; j++) {
            if (pv_slice_eq(rows->column[j], pv_slice_from(column->name))) {
                map->at[i] = j;
            }
        }
        if (map->at[i] == ABSENT) {
            return fail(fault, PV_FAULT_COLUMN_MISSING, column->name);
        }
        declared++;
    }
    if (declared != rows->column_count) {
        return fail(fault, PV_FAULT_COLUMN_UNKNOWN, "");
    }
    return PV_OK;
}

/* Put value, which is taken, at a dotted name, making the objects between. */
static enum pv_err
put(json_t *object, const char *dotted, json_t *value)
{
    struct pv_slice left = pv_slice_from(dotted);
    struct pv_slice part;
    char            name[PV_MEMBER_MAX];

    while (pv_slice_cut(left, '.', &part, &left)) {
        json_t *inner;

        if (pv_slice_to_cstr(part, name, sizeof(name)) != PV_OK) {
            json_decref(value);
            return PV_EINVAL;
        }
        inner = json_object_get(object, name);
        if (inner == NULL) {
            inner = json_object();
            if (json_object_set_new(object, name, inner) != 0) {
                json_decref(value);
                return PV_ENOMEM;
            }
        }
        object = inner;
    }
    if (pv_slice_to_cstr(part, name, sizeof(name)) != PV_OK) {
        json_decref(value);
        return PV_EINVAL;
    }
    return json_object_set_new(object, name, value) == 0 ? PV_OK : PV_ENOMEM;
}

static enum pv_err
put_text(json_t *object, const char *dotted, struct pv_slice text)
{
    return put(object, dotted, json_stringn(text.ptr, text.len));
}

/* JSON text of a column, of the shape its field has */
static enum pv_err
put_structure(json_t *object, const struct pv_column *column,
              struct pv_slice text, struct pv_fault *fault)
{
    json_t     *value = json_loadb(text.len == 0 ? "" : text.ptr, text.len,
                               JSON_REJECT_DUPLICATES, NULL);
    enum pv_err err;

    if (value == NULL) {
        return fail(fault, PV_FAULT_NOT_JSON, column->name);
    }
    err = pv_shape_take(column->field, value, column->name, fault);
    if (err != PV_OK) {
        json_decref(value);
        return err;
    }
    return put(object, column->name, value);
}

static enum pv_err
put_checked(json_t *object, const struct pv_column *column,
            struct pv_slice text, struct pv_fault *fault)
{
    const struct pv_data_item *type;
    enum pv_fault_kind         kind;

    if (column->field->type->base == PV_BASE_BINARY) {
        json_t     *value = NULL;
        enum pv_err err =
            pv_shape_binary(column->field, text, column->name, &value, fault);

        return err == PV_OK ? put(object, column->name, value) : err;
    }
    if (column->field->type->pattern == NULL) {
        return put_structure(object, column, text, fault);
    }
    kind = pv_data_item_check(column->field->type, text, &type);
    if (kind != PV_FAULT_NONE) {
        return fail(fault, kind, column->name);
    }
    return put_text(object, column->name, text);
}

/* Has the last day on which it is sent passed? */
static bool
is_over(const char *until, const char today[PV_JALALI_TEXT_LEN])
{
    return until[0] != '\0' && memcmp(until, today, PV_JALALI_TEXT_LEN) < 0;
}

static enum pv_err
put_row(json_t *object, const struct pv_method *method, const struct map *map,
        size_t row, struct pv_fault *fault)
{
    const struct pv_cell *cell =
        map->rows->cell + row * map->rows->column_count;

    for (size_t i = 0; i < method->column_count; i++) {
        enum pv_err err;

        if (map->at[i] == ABSENT || cell[map->at[i]].null ||
            (map->closed >> i & 1) != 0 ||
            is_over(method->column[i].until, map->today)) {
            continue;
        }
        err = put_checked(object, &method->column[i], cell[map->at[i]].text,
                          fault);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

static int
to_buf(const char *text, size_t len, void *out)
{
    return pv_buf_add(out, (struct pv_slice){text, len}) == PV_OK ? 0 : -1;
}

static enum pv_err
put_body(const json_t *body, struct pv_buf *out)
{
    return json_dump_callback(body, to_buf, out, JSON_COMPACT) == 0
               ? PV_OK
               : PV_ERANGE; /* or no memory; both end the call */
}

static enum pv_err
put_found(json_t *body, bool found)
{
    return put_text(body, "found", found ? PV_LIT("yes") : PV_LIT("no"));
}

static enum pv_err
build_record(const struct pv_method *method, const struct pv_rows *rows,
             const struct circumstances *now, json_t *body,
             struct pv_fault *fault)
{
    struct map  map;
    enum pv_err err =
        map_columns(method, PV_FROM_STATEMENT, rows, now, &map, fault);

    if (err == PV_OK && rows->row_count > 1) {
        err = fail(fault, PV_FAULT_ROWS, "");
    }
    if (err == PV_OK && pv_method_says_found(method->contract)) {
        err = put_found(body, rows->row_count == 1);
    }
    if (err == PV_OK && rows->row_count == 1) {
        err = put_row(body, method, &map, 0, fault);
    }
    return err;
}

static enum pv_err
put_list(const struct pv_method *method, const struct pv_rows *rows,
         const struct circumstances *now, json_t *body, struct pv_fault *fault)
{
    json_t     *list = json_array();
    struct map  map;
    enum pv_err err =
        map_columns(method, PV_FROM_STATEMENT, rows, now, &map, fault);

    if (json_object_set_new(body, method->rows_as->name, list) != 0) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; err == PV_OK && i < rows->row_count; i++) {
        json_t *row = json_object();

        if (json_array_append_new(list, row) != 0) {
            return PV_ENOMEM;
        }
        err = put_row(row, method, &map, i, fault);
    }
    return err;
}

static enum pv_err
put_scalars(const struct pv_method *method, const struct pv_rows *scalar,
            const struct circumstances *now, json_t *body,
            struct pv_fault *fault)
{
    struct map  map;
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < method->column_count; i++) {
        if (method->column[i].source == PV_FROM_CONSTANT &&
            (now->closed >> i & 1) == 0) {
            err = put_text(body, method->column[i].name,
                           pv_slice_from(method->column[i].constant));
        }
    }
    if (err != PV_OK || method->scalar.sql == NULL) {
        return err;
    }
    err = map_columns(method, PV_FROM_SCALAR, scalar, now, &map, fault);
    if (err == PV_OK && scalar->row_count > 1) {
        err = fail(fault, PV_FAULT_ROWS, "");
    }
    if (err == PV_OK && scalar->row_count == 1) {
        err = put_row(body, method, &map, 0, fault);
    }
    return err;
}

/* Not even how many rows it has is told then. */
static bool
is_list_closed(const struct pv_method *method, uint64_t closed)
{
    for (size_t i = 0; i < method->column_count; i++) {
        if (method->column[i].source == PV_FROM_STATEMENT &&
            (closed >> i & 1) == 0) {
            return false;
        }
    }
    return true;
}

static enum pv_err
build_rows(const struct pv_method *method, const struct pv_rows *rows,
           const struct pv_rows *scalar, const struct circumstances *now,
           json_t *body, struct pv_fault *fault)
{
    enum pv_err err;

    if (rows->row_count > method->contract->max_rows) {
        return fail(fault, PV_FAULT_ROWS, method->rows_as->name);
    }
    err = put_found(body, rows->row_count > 0);
    if (err == PV_OK && !is_list_closed(method, now->closed)) {
        err = put_list(method, rows, now, body, fault);
    }
    if (err == PV_OK) {
        err = put_scalars(method, scalar, now, body, fault);
    }
    return err;
}

/* What stands behind every answer of the method. */
static enum pv_err
put_validity(const struct pv_contract_method *contract, int64_t when_ms,
             json_t *body)
{
    char        now[PV_TIME_TEXT_LEN];
    enum pv_err err = PV_OK;

    if (contract->coverage_from[0] != '\0') {
        err = put_text(body, "coverage_from",
                       pv_slice_from(contract->coverage_from));
    }
    if (err == PV_OK && contract->timed) {
        pv_time_text(when_ms, now);
        err = put_text(body, "determined_at",
                       (struct pv_slice){now, sizeof(now)});
    }
    return err;
}

/* Yes and no take the same steps and the same number of bytes. */
static enum pv_err
build_yes_or_no(const struct pv_method *method, const struct pv_rows *rows,
                json_t *body)
{
    return put_text(body, method->column[0].name,
                    rows->row_count > 0 ? PV_LIT("yes") : PV_LIT("no"));
}

static enum pv_err
pad(size_t len, struct pv_buf *out)
{
    enum pv_err err = out->len > len ? PV_ERANGE : PV_OK;

    while (err == PV_OK && out->len < len) {
        err = pv_buf_add_char(out, ' ');
    }
    return err;
}

static enum pv_err
build(const struct pv_method *method, const struct pv_rows *rows,
      const struct pv_rows *scalar, int64_t when_ms, uint64_t closed,
      json_t *body, struct pv_fault *fault)
{
    char                       today[PV_JALALI_TEXT_LEN];
    const struct circumstances now = {today, closed};

    pv_jalali_text(when_ms, today);
    switch (method->answer) {
    case PV_ANSWER_YES_IF_ROW:
    case PV_ANSWER_YES_IF_DONE:
        return build_yes_or_no(method, rows, body);
    case PV_ANSWER_RECORD:
        return build_record(method, rows, &now, body, fault);
    case PV_ANSWER_ROWS:
        return build_rows(method, rows, scalar, &now, body, fault);
    }
    return PV_EINVAL;
}

enum pv_err
pv_answer_build(const struct pv_method *method, const struct pv_rows *rows,
                const struct pv_rows *scalar, int64_t when_ms,
                struct pv_slice order_token, uint64_t closed,
                const struct pv_code_map *map, struct pv_buf *out,
                struct pv_fault *ret_fault)
{
    json_t     *body = json_object();
    size_t      start = out->len;
    enum pv_err err = PV_ENOMEM;

    if (body != NULL) {
        err = build(method, rows, scalar, when_ms, closed, body, ret_fault);
    }
    if (err == PV_OK && map != NULL) {
        err = pv_coding_answer(method->contract, map, body);
    }
    if (err == PV_OK) {
        err = put_validity(method->contract, when_ms, body);
    }
    if (err == PV_OK && order_token.len > 0 && rows->row_count > 0) {
        err = put_text(body, "order_token", order_token);
    }
    if (err == PV_OK) {
        err = put_body(body, out);
    }
    if (err == PV_OK && method->answer == PV_ANSWER_YES_IF_ROW) {
        err = pad(start + method->contract->pad_to, out);
    }
    json_decref(body); /* accepts NULL */
    return err;
}
