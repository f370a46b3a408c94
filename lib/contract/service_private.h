/*
 * service_private.h - what the files that load a service file share.
 *
 * Private to lib/contract. Errors: as take.h says.
 */
#ifndef PV_CONTRACT_SERVICE_PRIVATE_H
#define PV_CONTRACT_SERVICE_PRIVATE_H

#include "contract/service.h"
#include "contract/take.h"

/* One method; what was taken is freed with the service, whatever happens. */
enum pv_err pv_take_method(struct pv_taker *taker, const json_t *object,
                           struct pv_service *service,
                           struct pv_method  *method) PV_MUST_CHECK;

/* The statement of this name. */
enum pv_err pv_take_statement(const struct pv_taker *taker,
                              const json_t *object, const char *name,
                              const struct pv_method *method,
                              struct pv_statement    *statement) PV_MUST_CHECK;

/* The steps of a command. */
enum pv_err pv_take_steps(struct pv_taker *taker, const json_t *object,
                          struct pv_method *method) PV_MUST_CHECK;

/* The request that "http" describes, in the place of a statement. */
enum pv_err pv_take_http(struct pv_taker *taker, const json_t *object,
                         struct pv_method *method) PV_MUST_CHECK;

/* The columns that the method's statements must give. */
enum pv_err pv_take_columns(struct pv_taker  *taker,
                            struct pv_method *method) PV_MUST_CHECK;

#endif
