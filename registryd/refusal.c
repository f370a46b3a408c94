/*
 * refusal.c - one refusal, in two languages.
 */
#include <stdarg.h>

#include "decide.h"

enum pv_err
pv_refuse(struct pv_refusal *refusal, const char *rule, const char *word,
          const char *en, const char *fa, ...)
{
    va_list args;
    va_list again;

    va_start(args, fa);
    va_copy(again, args);
    /* what is too long is cut: it is for people */
    (void)snprintf(refusal->rule, sizeof(refusal->rule), "%s", rule);
    (void)snprintf(refusal->word, sizeof(refusal->word), "%s", word);
    (void)vsnprintf(refusal->en, sizeof(refusal->en), en, args);
    (void)vsnprintf(refusal->fa, sizeof(refusal->fa), fa, again);
    va_end(again);
    va_end(args);
    return PV_EREFUSED;
}
