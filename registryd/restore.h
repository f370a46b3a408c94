/*
 * restore.h - a registry from a backup (`payvand backup`): batches of the feed
 * in files named by the decision before them, "000000001000.json". Private to
 * payvand-registryd.
 */
#ifndef PV_REGISTRYD_RESTORE_H
#define PV_REGISTRYD_RESTORE_H

#include "registry.h"

/*
 * Take what the backup holds behind the registry's last decision; every batch
 * is checked against the head that the key (a vkey) signed. An exit code; words
 * go to stderr, the numbers to stdout.
 */
int pv_restore(const struct pv_registry_config *config, const char *dir,
               const char *vkey);

#endif
