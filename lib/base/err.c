#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

const char *
pv_err_text(enum pv_err err)
{
    switch (err) {
    case PV_OK:
        return "ok";
    case PV_ENOMEM:
        return "out of memory";
    case PV_ERANGE:
        return "past the allowed maximum";
    case PV_EINVAL:
        return "input breaks its grammar";
    case PV_ENOTFOUND:
        return "not found";
    case PV_EEXIST:
        return "exists already";
    case PV_ESYS:
        return "a system call failed";
    case PV_ECORRUPT:
        return "stored data is damaged";
    case PV_EVERSION:
        return "unknown format version";
    case PV_EPROTO:
        return "the peer broke the protocol";
    case PV_EAGAIN:
        return "try again later";
    case PV_ECLOSED:
        return "the peer closed the connection";
    case PV_EFULL:
        return "no room left";
    case PV_ECRYPTO:
        return "the crypto library failed";
    case PV_EDB:
        return "the database failed";
    case PV_ESTATE:
        return "called in the wrong state";
    case PV_EVERIFY:
        return "a signature, a hash or a proof is not right";
    case PV_EPRUNED:
        return "removed by a decision on retention";
    case PV_EREFUSED:
        return "a rule forbids it";
    }
    return "unknown error";
}

void
pv_why_set(struct pv_why *why, const char *format, ...)
{
    va_list args;

    if (why == NULL) {
        return;
    }
    va_start(args, format);
    /* a longer sentence is cut, which is what the header says */
    (void)vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
}
