/*
 * openapi.h - writing the OpenAPI document piece by piece. Private to openapi.c
 * (routes), openapi_schemas.c (what they take and give).
 *
 * In the texts ' stands for ". The first error sticks in ->err, and later calls
 * do nothing.
 */
#ifndef PV_REGISTRYD_OPENAPI_H
#define PV_REGISTRYD_OPENAPI_H

#include "base/buf.h"

struct pv_openapi {
    struct pv_buf *out; /* borrowed */
    enum pv_err    err;
};

void pv_openapi_add(struct pv_openapi *writer, const char *text);

/* format holds no quotes but '; arguments are words of tables */
void pv_openapi_format(struct pv_openapi *writer, const char *format, ...)
    PV_PRINTF(2, 3);

/* Parameters, responses and schemas, those of the kinds too, and the end. */
void pv_openapi_components(struct pv_openapi *writer);

#endif
