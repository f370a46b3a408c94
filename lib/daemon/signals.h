/*
 * signals.h - the signals that end a daemon.
 *
 * The flag that on_end sets is the program's own (a handler needs a global, and
 * lib/ has none).
 */
#ifndef PV_DAEMON_SIGNALS_H
#define PV_DAEMON_SIGNALS_H

#include "base/err.h"

/*
 * SIGTERM and SIGINT call on_end, SIGPIPE is ignored; files are made for the
 * user and its group alone (umask 027). PV_ESYS, with words.
 */
enum pv_err pv_signals_catch(void (*on_end)(int number),
                             struct pv_why *why) PV_MUST_CHECK;

#endif
