#include "children.h"
#include "event.h"
#include "sandbox.h"
#include <unistd.h>
int
log_main(const struct options *options)
{
    struct pv_why why;
    (void)options;
    if (sandbox_enter(SANDBOX_LOG, &why) != PV_OK) {
        log_event("error", "traced.log", "%s", why.text);
        return 1;
    }
    for (;;) {
        sleep(1);
    }
}
