#include "connectord/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"

#define LINE_MAX_LEN 1024

static void PV_PRINTF(3, 0) put_line(const char *level, const char *event,
                                     const char *format, va_list args)
{
    char when[PV_TIME_TEXT_LEN];
    char line[LINE_MAX_LEN];
    int  saved = errno;
    int  len;
    int  more;

    pv_time_text(pv_time_wall_ms(), when);
    len = snprintf(line, sizeof(line), "%.*s %s %s ", PV_TIME_TEXT_LEN, when,
                   level, event);
    if (len < 0 || (size_t)len >= sizeof(line)) {
        errno = saved;
        return;
    }
    more = vsnprintf(line + len, sizeof(line) - (size_t)len, format, args);
    if (more > 0) {
        len += more;
    }
    if ((size_t)len > sizeof(line) - 2) {
        len = (int)sizeof(line) - 2; /* a long line is cut */
    }
    for (int i = 0; i < len; i++) {
        if (line[i] < 0x20 || line[i] > 0x7e) {
            line[i] = '?';
        }
    }
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)len) == -1) {
        /* nobody listens; the work goes on */
    }
    errno = saved;
}

void
pv_log_info(const char *event, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_line("info", event, format, args);
    va_end(args);
}

void
pv_log_warn(const char *event, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_line("warn", event, format, args);
    va_end(args);
}

void
pv_log_error(const char *event, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_line("error", event, format, args);
    va_end(args);
}
