/*
 * import.h - from the catalogue, a deployment file or an overlay to the
 * policy image. What does not hold together is refused as a whole: every
 * complaint names the file, the row's id and the reason, and nothing is
 * written.
 *
 * Ownership: the caller owns options and report; pv_import_report_clear.
 * Threads:   one. Blocks: on files.
 */
#ifndef PV_CLI_IMPORT_H
#define PV_CLI_IMPORT_H

#include "base/buf.h"
#include "policy/image.h"

#define PV_IMPORT_COMPLAINTS_MAX 50 /* later ones are counted only */

struct pv_import_options {
    const char *catalogue;  /* directory; NULL: no catalogue (overlay only) */
    const char *deployment; /* file; NULL: none (no keys, no endpoints) */
    const char *overlay;    /* file of --set; NULL: none */
    bool        probes;     /* load the synthetic probes too */
    void (*progress)(void *context, const char *what); /* may be NULL */
    void *context;
};

struct pv_import_report {
    struct pv_buf complaints; /* one line each */
    size_t        complaint_count;
    size_t        agencies;
    size_t        groups;
    size_t        units;
    size_t        systems;
    size_t        systems_with_key;
    size_t        services;
    size_t        services_live;
    size_t        methods;
    size_t        methods_with_endpoint;
    size_t        grants;      /* approved decisions */
    size_t        grants_live; /* both sides ready, service live */
    size_t        cited;       /* duties: no right */
    size_t        pending;     /* next meeting: no right */
    size_t        commitments; /* join-system: no grant */
    size_t        proposed;    /* rows in the image whose basis is proposed */
    size_t        modes;
    size_t        probes;
    size_t        suspensions;
    size_t        revoked;
    size_t        overlays;
    uint64_t      changes; /* rows written and deleted */
    uint64_t      decision;
};

void pv_import_report_init(struct pv_import_report *report);
void pv_import_report_clear(struct pv_import_report *report);

/*
 * Run one import into an open image, in one transaction. PV_EINVAL with
 * complaints in the report when the data does not hold together; otherwise
 * errors of the image with a sentence in why.
 */
enum pv_err pv_import_run(struct pv_image                *image,
                          const struct pv_import_options *options,
                          struct pv_import_report        *report,
                          struct pv_why                  *why) PV_MUST_CHECK;

#endif
