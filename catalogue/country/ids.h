/*
 * ids.h - writes synthetic identifiers with valid check digits.
 *
 * Every number carries 999 where its owner's series would stand, so that it
 * cannot be that of a real person, company or account; README.md says why
 * for each. The rules are those of catalogue/data_items.json.
 *
 * Errors: none; the caller keeps the stated ranges.  Blocks: never.
 */
#ifndef PV_COUNTRY_IDS_H
#define PV_COUNTRY_IDS_H

#include <stddef.h>
#include <stdint.h>

#define PV_ID_ROOM 32 /* takes any identifier here with its NUL */

/* `len` decimal digits of n, no NUL; n has no more of them. */
void pv_digits(char *at, size_t len, uint64_t n);

/* nine < 10^9: the digits before the check digit. */
void pv_national_id(uint32_t nine, char room[PV_ID_ROOM]);

/* ten < 10^10 */
void pv_legal_id(uint64_t ten, char room[PV_ID_ROOM]);

/* bank < 1000, account < 10^19 */
void pv_iban(uint32_t bank, uint64_t account, char room[PV_ID_ROOM]);

/* file < 10^8, company < 1000, service < 10 (2 is electricity) */
void pv_bill_id(uint32_t file, uint32_t company, uint32_t service,
                char room[PV_ID_ROOM]);

/* prefix, then `len` digits of n */
void pv_plain_id(const char *prefix, size_t len, uint64_t n,
                 char room[PV_ID_ROOM]);

#endif
