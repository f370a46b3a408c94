/*
 * shape.h - whether a JSON value is what a field of a contract says: plain
 * items, lists, objects, binary values and geometries, in requests and in
 * answers alike.
 *
 *   plain    a string, or in a request {"type":"national_id","value":"..."}
 *            where the item accepts several identifier types
 *   list     an array of min_items to max_items objects
 *   object   its members and no others
 *   binary   {"media":"image/jpeg","data":"<base64>"}: of an allowed type,
 *            whose first bytes are that type's, of at most max_bytes
 *   geo_polygon   a GeoJSON Polygon or MultiPolygon, carried as it is
 *
 * Threads: one at a time for one set of data items. Blocks: never.
 */
#ifndef PV_CONTRACT_SHAPE_H
#define PV_CONTRACT_SHAPE_H

#include "contract/contract.h"

/*
 * Check value, and bring it to its one form: integers without leading zeros,
 * in requests, alternatives as the value with `<name>.type` beside it.
 * PV_EINVAL with *ret_fault, which names the member ("holders[2].id") and never
 * its value; PV_ENOMEM. `name` is how the field is called in the fault.
 */
enum pv_err pv_shape_take(const struct pv_field *field, json_t *value,
                          const char      *name,
                          struct pv_fault *ret_fault) PV_MUST_CHECK;

/* One object whose members are these fields. */
enum pv_err pv_shape_take_object(const struct pv_field *field, size_t count,
                                 json_t *object, const char *name,
                                 struct pv_fault *ret_fault) PV_MUST_CHECK;

/* The fault of an object in which some member is none of the fields. */
enum pv_err pv_shape_unknown(const struct pv_field *field, size_t count,
                             json_t *object, const char *name,
                             struct pv_fault *ret_fault) PV_MUST_CHECK;

/*
 * A plain value: the text that it stands for, canonical and borrowed from
 * value, and the item that it is.
 */
enum pv_err pv_shape_text(const struct pv_field *field, const json_t *value,
                          const char *name, struct pv_slice *ret_text,
                          const struct pv_data_item **ret_type,
                          struct pv_fault            *ret_fault) PV_MUST_CHECK;

/*
 * Hexadecimal text as {"media":...,"data":...}; *ret is the caller's.
 * PV_EINVAL with *ret_fault as above; PV_ENOMEM.
 */
enum pv_err pv_shape_binary(const struct pv_field *field, struct pv_slice hex,
                            const char *name, json_t **ret,
                            struct pv_fault *ret_fault) PV_MUST_CHECK;

#endif
