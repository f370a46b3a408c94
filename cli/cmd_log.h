/* cmd_log.h - what the parts of `payvand log` share. */
#ifndef PV_CLI_CMD_LOG_H
#define PV_CLI_CMD_LOG_H

#include "cmd.h"

#define LOG_CLI_OUT_MAX (64 * 1024)

struct log_args {
    const char  *journal;
    const char  *log;
    const char  *socket;   /* prune */
    const char  *before;   /* prune */
    const char  *decision; /* prune */
    const char  *stat;     /* export: directory of a static copy; NULL */
    const char  *dir;      /* export, restore: the backup */
    enum pv_lang lang;
    bool         dry_run;
    bool         json;
};

/* Exit codes. */
int log_prune(const struct log_args *args);
int log_export(const struct log_args *args);
int log_restore(const struct log_args *args);

/* The directory, or -1 after saying why. make: when it is not there. */
int log_open_dir(const struct log_args *args, const char *path, bool make);

/* "1405-08-30 (2026-11-21)" of a time, for people. */
#define LOG_DAY_MAX 32
void log_day(int64_t when_ms, char room[LOG_DAY_MAX]);

#endif
