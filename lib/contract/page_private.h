/*
 * page_private.h - what the files that write a contract's page share.
 *
 * Private to lib/contract. The first error stays in ->err and ends the rest.
 */
#ifndef PV_CONTRACT_PAGE_PRIVATE_H
#define PV_CONTRACT_PAGE_PRIVATE_H

#include "contract/contract.h"

#define PV_PAGE_DAYS_ROOM 32

struct pv_page {
    struct pv_buf *out;
    bool           fa;
    int64_t        when_ms;
    enum pv_err    err;
};

/* HTML as it is; text with its four signs escaped. */
void pv_page_raw(struct pv_page *page, const char *html);
void pv_page_text(struct pv_page *page, const char *text);

/* "<NAME>text</NAME>\n" */
void pv_page_element(struct pv_page *page, const char *name, const char *text);

/* Of two texts, or formats, the one of the page's language. */
const char *pv_page_say(const struct pv_page *page, const char *en,
                        const char *fa)
    __attribute__((format_arg(2), format_arg(3)));

/* NAME_fa or NAME_en of an object; "" when there is none. */
const char *pv_page_word(const struct pv_page *page, const json_t *source,
                         const char *name);

/* A Jalali day and behind it, in brackets, the same of ISO 8601. */
void pv_page_day(const char *jalali, char room[PV_PAGE_DAYS_ROOM]);

/* A list item: what it is, its words, and the requirements it comes from, or
 * NULL. _fact takes up to 511 bytes. */
void pv_page_line(struct pv_page *page, const char *label, const char *text,
                  const char *source);
void pv_page_fact(struct pv_page *page, const char *source, const char *label,
                  const char *format, ...) PV_PRINTF(4, 5);

/* page_method.c: the list of what holds for a method. */
void pv_page_method(struct pv_page                  *page,
                    const struct pv_contract_method *method);

/* page_field.c: inputs and outputs as tables, and what stands beside them. */
void pv_page_fields(struct pv_page                  *page,
                    const struct pv_contract_method *method);

#endif
