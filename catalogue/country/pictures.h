/*
 * pictures.h - tiny pictures and a page, made of a number alone.
 *
 * A picture is a baseline JPEG (ITU-T T.81) of grey blocks, 8 by 8 points
 * each, written from the standard: one table of each kind, no AC values.
 * The page is a PDF 1.4 (ISO 32000-1) with nothing on it.
 *
 * All are hexadecimal text, as a binary column is.
 */
#ifndef PV_COUNTRY_PICTURES_H
#define PV_COUNTRY_PICTURES_H

#include <stdint.h>

#define PV_PICTURE_ROOM 1536 /* takes any of them with its NUL */
#define PV_PORTRAITS 64

/* A head and shoulders before a wall; another for each number. */
void pv_portrait(uint32_t number, char room[PV_PICTURE_ROOM]);

/* A written sheet: dark lines on white. */
void pv_sheet(uint32_t number, char room[PV_PICTURE_ROOM]);

/* A page; number < 10^8 stands in its title. */
void pv_page(uint32_t number, char room[PV_PICTURE_ROOM]);

#endif
