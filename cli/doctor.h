/*
 * doctor.h - what the files of `payvand doctor` share: the findings and the
 * things to look at.
 *
 * A check never fails: what it cannot see is a finding too. A finding has a
 * stable id, a subject (a path, a number), one static sentence in each
 * language, and how to mend it.
 */
#ifndef PV_CLI_DOCTOR_H
#define PV_CLI_DOCTOR_H

#include <stddef.h>

#include "base/err.h"

#define PV_DOCTOR_FINDINGS_MAX 512
#define PV_DOCTOR_SUBJECT_MAX 640 /* a path, and what the log says */

enum pv_doctor_level {
    PV_DOCTOR_OK = 0,
    PV_DOCTOR_WARN, /* works, but something will go wrong */
    PV_DOCTOR_BAD,  /* does not work, or a hole is open */
    PV_DOCTOR_LEVELS,
};

/* Sentences; static, in the table of the file that looks. */
struct pv_doctor_words {
    const char *id; /* "image.unreadable" */
    const char *en;
    const char *fa;
    const char *mend_en; /* NULL: nothing to mend */
    const char *mend_fa;
};

struct pv_doctor_finding {
    enum pv_doctor_level          level;
    const struct pv_doctor_words *words;
    char                          subject[PV_DOCTOR_SUBJECT_MAX];
};

/* Where things are; NULL: not asked about. */
struct pv_doctor {
    const char *url;
    const char *ca;
    const char *api;          /* URL of the trace's API */
    const char *trace_socket; /* of the trace's reader */
    const char *image;
    const char *journal;
    const char *journal_socket;
    const char *log;
    const char *registry; /* socket */
    const char *module;
    const char *nginx;
    const char *providers; /* folder with connectors' configurations */

    size_t                   count;
    struct pv_doctor_finding finding[PV_DOCTOR_FINDINGS_MAX];
};

/* Adds a finding; silently cut at PV_DOCTOR_FINDINGS_MAX. */
void pv_doctor_add(struct pv_doctor *doctor, enum pv_doctor_level level,
                   const struct pv_doctor_words *words, const char *format, ...)
    PV_PRINTF(4, 5);

void pv_doctor_machine(struct pv_doctor *doctor);      /* clock, swap, cores */
void pv_doctor_nginx(struct pv_doctor *doctor);        /* version, module */
void pv_doctor_image(struct pv_doctor *doctor);        /* policy image */
void pv_doctor_journal(struct pv_doctor *doctor);      /* folder, socket */
void pv_doctor_registry(struct pv_doctor *doctor);     /* decisions */
void pv_doctor_log(struct pv_doctor *doctor);          /* tree, witnesses */
void pv_doctor_reader(struct pv_doctor *doctor);       /* who shows it */
void pv_doctor_certificates(struct pv_doctor *doctor); /* PAYVAND_CERT_* */
void pv_doctor_exchange(struct pv_doctor *doctor);     /* does it answer */
void pv_doctor_connectors(struct pv_doctor *doctor);   /* do they answer */

#endif
