/*
 * json.h - writes JSON text into a pv_buf. Reading is jansson's work.
 *
 * Commas are placed by the writer's state; strings are escaped as RFC 8785
 * (JCS) 3.2.2.2 demands, so that a writer who adds members in code-point
 * order and uses integers below 2^53 writes canonical JSON.
 * The first error sticks in ->err and later calls do nothing.
 */
#ifndef PV_BASE_JSON_H
#define PV_BASE_JSON_H

#include "base/buf.h"

#define PV_JSON_DEPTH_MAX 16

struct pv_json {
    struct pv_buf *out; /* borrowed */
    enum pv_err    err; /* the first that happened */
    int            depth;
    bool           has_item[PV_JSON_DEPTH_MAX];
};

void pv_json_init(struct pv_json *json, struct pv_buf *out);

void pv_json_object(struct pv_json *json, const char *name); /* name or NULL */
void pv_json_array(struct pv_json *json, const char *name);
void pv_json_end_object(struct pv_json *json);
void pv_json_end_array(struct pv_json *json);
void pv_json_string(struct pv_json *json, const char *name,
                    struct pv_slice value);
void pv_json_text(struct pv_json *json, const char *name, const char *value);
void pv_json_u64(struct pv_json *json, const char *name, uint64_t value);
void pv_json_i64(struct pv_json *json, const char *name, int64_t value);
void pv_json_bool(struct pv_json *json, const char *name, bool value);
void pv_json_null(struct pv_json *json, const char *name);

/* ->err, or PV_ESTATE while something is still open. */
enum pv_err pv_json_finish(const struct pv_json *json) PV_MUST_CHECK;

#endif
