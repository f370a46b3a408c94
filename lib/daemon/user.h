/*
 * user.h - users that an option names.
 *
 * Blocks: on the machine's user database (getpwnam), so only before a process
 *         goes into its sandbox.
 */
#ifndef PV_DAEMON_USER_H
#define PV_DAEMON_USER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * "1000" or "www-data": the number of a user into ret. False, and ret as it
 * was: neither a number below 2^32 - 1 nor a user of this machine.
 */
bool pv_user_id(const char *text, uid_t *ret);

#endif
