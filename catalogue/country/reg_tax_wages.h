/*
 * reg_tax_wages.h - what the tax administration knows beside the debts of
 * reg_tax.c: payrolls, incomes, returns, transactions of agencies. Written
 * into the same register.
 */
#ifndef PV_COUNTRY_REG_TAX_WAGES_H
#define PV_COUNTRY_REG_TAX_WAGES_H

#include "registers.h"

void pv_tax_wages(struct pv_making *making);

#endif
