/*
 * call_text.h - an example call of a method as a text that can be run: curl,
 * Python, Java and C# with nothing but their standard libraries.
 *
 * The certificate, its key and the authority are named `client.crt`,
 * `client.key` and `ca.crt`; where a language wants them in another form, the
 * text says how to make it.
 *
 * Threads: any. Blocks: never.
 */
#ifndef PV_CONTRACT_CALL_TEXT_H
#define PV_CONTRACT_CALL_TEXT_H

#include "contract/contract.h"

enum pv_call_text {
    PV_CALL_CURL = 0,
    PV_CALL_PYTHON,
    PV_CALL_JAVA,
    PV_CALL_CSHARP,
};

/* "curl", "python", "java", "csharp" */
bool pv_call_text_named(const char *name, enum pv_call_text *ret);

/*
 * Append the text. server: the exchange's URL, or NULL for
 * https://exchange.example. when_ms: the day of the example. PV_ENOMEM,
 * PV_ERANGE past out's maximum.
 */
enum pv_err pv_call_text(const struct pv_contract_method *method,
                         enum pv_call_text as, const char *server,
                         int64_t when_ms, struct pv_buf *out) PV_MUST_CHECK;

#endif
