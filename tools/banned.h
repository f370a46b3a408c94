/*
 * banned.h - calls that do not compile in this project, force-included by
 * meson.build. Each has a safe form in lib/base: pv_slice_* and pv_buf_* for
 * text, pv_slice_to_u64 for numbers, pv_time_* for dates.
 */
#ifndef PV_BANNED_H
#define PV_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef PV_WITH_LIBPQ /* its macros name what is poisoned below */
#include <libpq-fe.h>
#endif

/* some are macros of a fortified libc */
#undef strcpy
#undef strcat
#undef stpcpy
#undef sprintf
#undef vsprintf
#undef alloca
/* clang-format off */
#pragma GCC poison strcpy strcat stpcpy sprintf vsprintf strtok strtok_r
#pragma GCC poison atoi atol atoll atof strtol strtoul strtoll strtoull strtod
#pragma GCC poison sscanf gets ctime ctime_r asctime localtime gmtime
#pragma GCC poison alloca popen tmpnam mktemp
/* clang-format on */

/* "system" is a word of ours: only the call is banned */
#define system(command) PV_BANNED_CALL_OF_system(command)

#endif
