/*
 * deploy.h - what one installation adds to the catalogue, as decisions of
 * today: keys, networks and endpoints of systems, deadlines of versions,
 * revoked certificates. Only what differs from the registry becomes a
 * decision, so that the same file sent again decides nothing.
 *
 * The file, all members but none needed:
 *   {"systems":   [{"system", "spki_sha256", "networks"}],
 *    "endpoints": [{"system", "address", "port", "tls_name", "spki_sha256"}],
 *    "versions":  [{"version", "settings": {"deadline_ms", ...}}],
 *    "revoked":   [{"issuer_sha256", "serial"}]}
 * A version without settings of its own takes the deadline of its contract,
 * catalogue/contracts/<provider>/<service>.json.
 */
#ifndef PV_CLI_DEPLOY_H
#define PV_CLI_DEPLOY_H

#include "enact.h"

/*
 * The decisions of today, in ret; file may be NULL, catalogue too. PV_EINVAL
 * with words in ret->why; pv_enact_clear. Asks the registry at socket.
 */
enum pv_err pv_deploy_read(const char *socket, const char *file,
                           const char      *catalogue,
                           struct pv_enact *ret) PV_MUST_CHECK;

#endif
