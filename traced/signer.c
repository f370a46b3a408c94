#include "children.h"
#include "event.h"
#include "sandbox.h"
#include <unistd.h>
int
signer_main(const struct options *options)
{
    struct pv_why why;
    (void)options;
    if (sandbox_enter(SANDBOX_SIGNER, &why) != PV_OK) {
        log_event("error", "traced.signer", "%s", why.text);
        return 1;
    }
    for (;;) {
        sleep(1);
    }
}
