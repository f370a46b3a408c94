#include "daemon/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum pv_err
pv_signals_catch(void (*on_end)(int number), struct pv_why *why)
{
    struct sigaction action = {.sa_handler = on_end};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)umask(027); /* cannot fail */
    if (sigaction(SIGTERM, &action, NULL) != 0 ||
        sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        pv_why_set(why, "cannot start: %s", strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}
