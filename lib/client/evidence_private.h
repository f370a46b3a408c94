/* evidence_private.h - what the files on evidence share. */
#ifndef PV_CLIENT_EVIDENCE_PRIVATE_H
#define PV_CLIENT_EVIDENCE_PRIVATE_H

#include "client/evidence.h"

#define PV_EVIDENCE_TYPE "payvand-evidence"
#define PV_EVIDENCE_VERSION 1
#define PV_EVIDENCE_VERSION_SIGNED 2

/* The commitment of this content under the evidence's nonce. */
enum pv_err pv_evidence_commit(const struct pv_evidence *evidence,
                               struct pv_slice           content,
                               char room[PV_COMMITMENT_TEXT_LEN]) PV_MUST_CHECK;

#endif
