/*
 * restore.h - what is done once, with the registry stopped: a backup is taken,
 * codes whose key is lost are forgotten. Private to payvand-registryd.
 *
 * A backup (`payvand backup`) is batches of the feed in files named by the
 * decision before them, "000000001000.json".
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

/*
 * Who cannot be asked for a one-time code any more, since the key in the file
 * of secrets is lost, is forgotten and must be invited again (people.h); when
 * not yes, it is only said who and how many. The names go to stdout. An exit
 * code, as above.
 */
int pv_forget_sealed(const struct pv_registry_config *config,
                     const char *secrets, bool yes);

#endif
