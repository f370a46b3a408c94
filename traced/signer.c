/* signer.c - the signer of the trace's log (signer/signer.h). */
#include "signer.h"

#include "children.h"

_Static_assert(PV_SIGNER_REFUSES == CHILD_REFUSES, "one code says it");

int
signer_main(const struct options *options)
{
    const struct pv_signer_config config = {
        .program = "traced", .dirfd = FD_SIGNER, .sockfd = FD_SERVE_LOG};

    (void)options; /* all it needs it was given */
    return pv_signer_run(&config);
}
