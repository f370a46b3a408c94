#include "daemon/event.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"

#define LINE_MAX_LEN 1024

/* One write, so that lines of several processes do not mix. */
void
pv_log_event(const char *level, const char *event, const char *format, ...)
{
    char    line[LINE_MAX_LEN];
    int     kept = errno;
    int     len;
    int     more;
    va_list list;

    pv_time_text(pv_time_wall_ms(), line);
    len = PV_TIME_TEXT_LEN;
    len += snprintf(line + len, sizeof(line) - (size_t)len, " %s %s ", level,
                    event);
    va_start(list, format);
    more = vsnprintf(line + len, sizeof(line) - 1 - (size_t)len, format, list);
    va_end(list);
    if (more > 0) {
        len += more;
    }
    if (len > (int)sizeof(line) - 2) {
        len = (int)sizeof(line) - 2;
    }
    for (int i = 0; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?'; /* no raw line feed or escape in a log */
        }
    }
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)len) == -1) {
        /* nobody is left to be told */
    }
    errno = kept;
}
