/*
 * service_private.h - what the files that load a service file share.
 *
 * Private to lib/contract. Errors: PV_EINVAL with the place and the reason in
 * loader->why, PV_ENOMEM.
 */
#ifndef PV_CONTRACT_SERVICE_PRIVATE_H
#define PV_CONTRACT_SERVICE_PRIVATE_H

#include <jansson.h>

#include "contract/service.h"

/* What a loader needs everywhere; place is where in the file it stands. */
struct loader {
    const struct pv_data_items *items;
    struct pv_service          *service;
    struct pv_method           *method;
    struct pv_why              *why;
    char                        place[256];
};

/* ---- service_take.c: members of an object ---- */

/* Says where and why; always PV_EINVAL. */
enum pv_err pv_loader_refuse(const struct loader *loader, const char *format,
                             ...) PV_PRINTF(2, 3);

/* Where in the file we are now. */
void pv_loader_place(struct loader *loader, const char *format, ...)
    PV_PRINTF(2, 3);

/* A member that must be there; PV_EINVAL and said why otherwise. */
enum pv_err pv_loader_text(const struct loader *loader, const json_t *object,
                           const char *name, size_t max,
                           const char **ret) PV_MUST_CHECK;
enum pv_err pv_loader_id(const struct loader *loader, const json_t *object,
                         const char *name,
                         char        room[PV_NAME_MAX + 1]) PV_MUST_CHECK;

/* A member that may be absent: then the default stays. */
enum pv_err pv_loader_number(const struct loader *loader, const json_t *object,
                             const char *name, uint32_t min, uint32_t max,
                             uint32_t *ret) PV_MUST_CHECK;

/* One of the words (NULL ends them). */
enum pv_err pv_loader_word(const struct loader *loader, const json_t *object,
                           const char *name, const char *const *words,
                           size_t *ret) PV_MUST_CHECK;

/* An object with these members and no others. */
enum pv_err pv_loader_only(const struct loader *loader, const json_t *object,
                           const char *const *keywords) PV_MUST_CHECK;

/* The data item that "type" names. */
enum pv_err pv_loader_type(const struct loader *loader, const json_t *object,
                           const struct pv_data_item **ret) PV_MUST_CHECK;

/* a-z first, then a-z, 0-9, _ : the names of inputs and outputs */
bool pv_is_member_name(struct pv_slice name);

/* ---- service_output.c, service_method.c ---- */

enum pv_err pv_loader_outputs(struct loader *loader,
                              const json_t  *object) PV_MUST_CHECK;
enum pv_err pv_loader_methods(struct loader *loader,
                              const json_t  *root) PV_MUST_CHECK;

#endif
