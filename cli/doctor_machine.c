/*
 * doctor_machine.c - the machine itself: clock, swap, core dumps, nginx.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "doctor.h"

/* 2026-01-01: a clock that stands before it is wrong */
#define CLOCK_OLDEST_MS INT64_C(1767225600000)
#define OUTPUT_MAX_LEN 4096
#define PATH_MAX_LEN 4096

extern char **environ;

static const struct pv_doctor_words clock_wrong = {
    "clock.wrong", "the clock stands before this program was written",
    "ساعت دستگاه پیش از زمان نوشتن این برنامه است",
    "set the time: certificates and grants are dated (timedatectl)",
    "ساعت را تنظیم کنید: گواهی‌ها و مجوزها تاریخ دارند (timedatectl)"};
static const struct pv_doctor_words clock_loose = {
    "clock.not-synchronised", "the kernel does not know the clock to be right",
    "هسته سیستم ساعت را همگام نمی‌داند",
    "run a time service: apt-get install chrony",
    "یک سرویس زمان نصب کنید: apt-get install chrony"};
static const struct pv_doctor_words clock_good = {
    "clock", "the clock is synchronised", "ساعت همگام است", NULL, NULL};
static const struct pv_doctor_words swap_on = {
    "swap", "there is swap: memory with content could reach a disk",
    "حافظه جانبی (swap) روشن است: محتوا ممکن است به دیسک برسد",
    "swapoff -a, or encrypt it; the packaged services forbid it for themselves",
    "swapoff -a یا رمزگذاری آن؛ سرویس‌های بسته‌بندی‌شده خود آن را منع می‌کنند"};
static const struct pv_doctor_words swap_off = {
    "swap", "there is no swap", "حافظه جانبی (swap) خاموش است", NULL, NULL};
static const struct pv_doctor_words core_piped = {
    "core-dumps", "the kernel gives core dumps to a program, limits or not",
    "هسته تصویر حافظه برنامه‌های فروافتاده را به برنامه‌ای می‌دهد",
    "the daemons are not dumpable; for the rest: sysctl "
    "kernel.core_pattern=core",
    "سرویس‌ها خود آن را منع می‌کنند؛ برای بقیه: sysctl kernel.core_pattern=core"};
static const struct pv_doctor_words core_good = {
    "core-dumps", "core dumps obey the limits of each process",
    "تصویر حافظه تابع محدودیت هر برنامه است", NULL, NULL};
static const struct pv_doctor_words nginx_missing = {
    "nginx.missing", "nginx cannot be run", "nginx اجرا نمی‌شود",
    "apt-get install nginx, or name it with --nginx",
    "apt-get install nginx یا نشانی آن را با --nginx بدهید"};
static const struct pv_doctor_words nginx_found = {"nginx", "nginx is there",
                                                   "nginx نصب است", NULL, NULL};
static const struct pv_doctor_words module_missing = {
    "module.missing", "the nginx module is not there", "ماژول nginx نیست",
    "install or build it, or name it with --module",
    "آن را نصب کنید یا بسازید یا نشانی آن را با --module بدهید"};
static const struct pv_doctor_words module_loose = {
    "module.writable", "others than its owner may write to the nginx module",
    "دیگران می‌توانند در ماژول nginx بنویسند",
    "chmod go-w", "chmod go-w"};
static const struct pv_doctor_words module_refused = {
    "module.refused", "nginx does not load the module",
    "nginx ماژول را بارگذاری نمی‌کند",
    "build it against this nginx (package nginx-dev of the same version)",
    "آن را با همین نسخه nginx بسازید (بسته nginx-dev هم‌نسخه)"};
static const struct pv_doctor_words module_loads = {
    "module", "nginx loads the module",
    "nginx ماژول را بارگذاری می‌کند", NULL, NULL};

/* The first bytes of a small file, NUL-ended; false when unreadable. */
static bool
read_text(const char *path, char *room, size_t room_len)
{
    ssize_t got = -1;
    int     fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd != -1) {
        got = read(fd, room, room_len - 1);
        (void)close(fd); /* read-only: nothing to lose */
    }
    if (got < 0) {
        return false;
    }
    room[got] = '\0';
    return true;
}

static void
look_at_clock(struct pv_doctor *doctor)
{
    struct timex state = {0};
    char         text[PV_TIME_TEXT_LEN];
    int64_t      now_ms = pv_time_wall_ms();

    pv_time_text(now_ms, text);
    if (now_ms < CLOCK_OLDEST_MS) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &clock_wrong, "%.*s",
                      PV_TIME_TEXT_LEN, text);
    } else if (adjtimex(&state) == TIME_ERROR) {
        pv_doctor_add(doctor, PV_DOCTOR_WARN, &clock_loose, "%.*s",
                      PV_TIME_TEXT_LEN, text);
    } else {
        pv_doctor_add(doctor, PV_DOCTOR_OK, &clock_good, "%.*s",
                      PV_TIME_TEXT_LEN, text);
    }
}

static void
look_at_memory(struct pv_doctor *doctor)
{
    char text[OUTPUT_MAX_LEN];

    if (read_text("/proc/swaps", text, sizeof(text))) {
        const char *line = strchr(text, '\n');

        pv_doctor_add(doctor,
                      line != NULL && line[1] != '\0' ? PV_DOCTOR_WARN
                                                      : PV_DOCTOR_OK,
                      line != NULL && line[1] != '\0' ? &swap_on : &swap_off,
                      "/proc/swaps");
    }
    if (read_text("/proc/sys/kernel/core_pattern", text, sizeof(text))) {
        text[strcspn(text, "\n")] = '\0';
        pv_doctor_add(doctor, text[0] == '|' ? PV_DOCTOR_WARN : PV_DOCTOR_OK,
                      text[0] == '|' ? &core_piped : &core_good, "%.100s",
                      text);
    }
}

void
pv_doctor_machine(struct pv_doctor *doctor)
{
    look_at_clock(doctor);
    look_at_memory(doctor);
}

/*
 * Runs a program with its stderr caught and its stdout with it; gives the exit
 * code, or -1 when it could not be run or did not exit.
 */
static int
run(const char *const *argv, char *room, size_t room_len)
{
    posix_spawn_file_actions_t actions;
    char                      *words[12];
    pid_t                      pid = -1;
    size_t                     len = 0;
    ssize_t                    got;
    size_t                     i;
    int                        status = 0;
    int                        ends[2];

    room[0] = '\0';
    for (i = 0; i + 1 < sizeof(words) / sizeof(words[0]) && argv[i] != NULL;
         i++) {
        words[i] = strdup(argv[i]); /* posix_spawn wants them writable */
    }
    words[i] = NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        goto out;
    }
    if (posix_spawn_file_actions_init(&actions) == 0) {
        if (posix_spawn_file_actions_adddup2(&actions, ends[1], 1) != 0 ||
            posix_spawn_file_actions_adddup2(&actions, ends[1], 2) != 0 ||
            posix_spawn(&pid, argv[0], &actions, NULL, words, environ) != 0) {
            pid = -1;
        }
        (void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
    }
    (void)close(ends[1]); /* the child has its own */
    while (len + 1 < room_len &&
           (got = read(ends[0], room + len, room_len - 1 - len)) > 0) {
        len += (size_t)got;
    }
    room[len] = '\0';
    (void)close(ends[0]); /* read-only: nothing to lose */

out:
    while (i > 0) {
        free(words[--i]);
    }
    if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

/* The line of output that names the trouble, or the first one. */
static const char *
trouble(char *text)
{
    char *line = strstr(text, "[emerg]");

    line = line == NULL ? text : line;
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* A configuration of one line that does nothing but load the module. */
static bool
write_probe(const char *module, const char *folder, char *path, size_t path_len)
{
    FILE *file;
    bool  written;

    if ((size_t)snprintf(path, path_len, "%s/nginx.conf", folder) >= path_len) {
        return false;
    }
    file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    written = fprintf(file,
                      "load_module %s;\npid %s/pid;\nerror_log stderr;\n"
                      "events {}\n",
                      module, folder) > 0;
    return fclose(file) == 0 && written;
}

static void
try_module(struct pv_doctor *doctor)
{
    char        folder[] = "/tmp/payvand-doctor-XXXXXX";
    char        path[PATH_MAX_LEN];
    char        pid_path[PATH_MAX_LEN];
    char        text[OUTPUT_MAX_LEN] = "";
    const char *argv[] = {doctor->nginx, "-t", "-p",     folder, "-c",
                          path,          "-e", "stderr", NULL};

    if (mkdtemp(folder) == NULL) {
        return;
    }
    if (!write_probe(doctor->module, folder, path, sizeof(path))) {
        goto out;
    }
    if (run(argv, text, sizeof(text)) == 0) {
        pv_doctor_add(doctor, PV_DOCTOR_OK, &module_loads, "%s",
                      doctor->module);
    } else {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &module_refused, "%s",
                      trouble(text));
    }

out:
    if ((size_t)snprintf(pid_path, sizeof(pid_path), "%s/pid", folder) <
        sizeof(pid_path)) {
        (void)unlink(pid_path); /* may not be there */
    }
    (void)unlink(path);  /* may not be there */
    (void)rmdir(folder); /* a leftover in /tmp does no harm */
}

void
pv_doctor_nginx(struct pv_doctor *doctor)
{
    const char *argv[] = {doctor->nginx, "-v", NULL};
    char        text[OUTPUT_MAX_LEN];
    struct stat st;

    if (run(argv, text, sizeof(text)) != 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &nginx_missing, "%s",
                      doctor->nginx);
        return;
    }
    text[strcspn(text, "\n")] = '\0';
    pv_doctor_add(doctor, PV_DOCTOR_OK, &nginx_found, "%.200s", text);
    if (doctor->module == NULL) {
        return;
    }
    if (stat(doctor->module, &st) != 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &module_missing, "%s: %s",
                      doctor->module, strerror(errno));
        return;
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &module_loose, "%s",
                      doctor->module);
    }
    try_module(doctor);
}
