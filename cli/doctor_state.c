/*
 * doctor_state.c - what stands on disk: the policy image, the journal.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"
#include "doctor.h"
#include "policy/policy.h"

#define PATH_MAX_LEN 4096
#define SPACE_WARN_PERCENT 20 /* the last tenth is for granted calls only */
#define SPACE_BAD_PERCENT 10

static const struct pv_doctor_words image_unreadable = {
    "image.unreadable",
    "the policy image cannot be read: every call is refused",
    "تصویر سیاست خوانده نمی‌شود: همه فراخوانی‌ها رد می‌شوند",
    "start payvand-registryd, which makes it, and let nginx's user read the "
    "folder",
    "payvand-registryd را راه بیندازید تا آن را بسازد، و خواندن پوشه را به "
    "کاربر nginx بدهید"};
static const struct pv_doctor_words image_loose = {
    "image.writable", "others than its owner may write to the policy image",
    "دیگران می‌توانند در تصویر سیاست بنویسند",
    "chmod go-w on the folder's files",
    "chmod go-w روی پرونده‌های پوشه"};
static const struct pv_doctor_words image_good = {
    "image", "the policy image is readable", "تصویر سیاست خوانا است", NULL,
    NULL};
static const struct pv_doctor_words journal_missing = {
    "journal.missing", "the journal's folder cannot be seen",
    "پوشه دفتر رویداد دیده نمی‌شود",
    "start payvand-traced, or ask as a user who may look there",
    "payvand-traced را راه بیندازید یا با کاربری بپرسید که اجازه دارد"};
static const struct pv_doctor_words journal_loose = {
    "journal.open", "others than its owner may read or write the journal",
    "دیگران می‌توانند دفتر رویداد را بخوانند یا در آن بنویسند",
    "chmod go-rwx on the folder", "chmod go-rwx روی پوشه"};
static const struct pv_doctor_words journal_space = {
    "journal.space", "the journal's disk fills up: calls stop when it is full",
    "دیسک دفتر رویداد رو به پر شدن است: با پر شدن آن فراخوانی‌ها می‌ایستند",
    "make room, or give the journal a disk of its own",
    "جا باز کنید یا دیسک جداگانه به دفتر رویداد بدهید"};
static const struct pv_doctor_words journal_good = {
    "journal", "the journal has room", "دفتر رویداد جا دارد", NULL, NULL};
static const struct pv_doctor_words socket_missing = {
    "socket.missing",
    "the journal's socket is not there: calls are unavailable",
    "سوکت دفتر رویداد نیست: فراخوانی‌ها انجام نمی‌شوند",
    "start payvand-traced and look at its log",
    "payvand-traced را راه بیندازید و گزارش آن را ببینید"};
static const struct pv_doctor_words socket_loose = {
    "socket.open", "others than its owner may write to the journal's socket",
    "دیگران می‌توانند به سوکت دفتر رویداد وصل شوند",
    "chmod go-rwx", "chmod go-rwx"};
static const struct pv_doctor_words socket_dead = {
    "socket.dead", "nobody listens on the journal's socket",
    "کسی به سوکت دفتر رویداد گوش نمی‌دهد",
    "start payvand-traced and look at its log",
    "payvand-traced را راه بیندازید و گزارش آن را ببینید"};
static const struct pv_doctor_words socket_good = {
    "socket", "the journal's writer listens",
    "نویسنده دفتر رویداد گوش می‌دهد", NULL, NULL};

static void
check_image_modes(struct pv_doctor *doctor)
{
    static const char *const name[] = {"", "/data.mdb", "/lock.mdb"};
    char                     path[PATH_MAX_LEN];
    struct stat              st;
    size_t                   i;

    for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
        if ((size_t)snprintf(path, sizeof(path), "%s%s", doctor->image,
                             name[i]) < sizeof(path) &&
            stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
            pv_doctor_add(doctor, PV_DOCTOR_BAD, &image_loose, "%s", path);
        }
    }
}

void
pv_doctor_image(struct pv_doctor *doctor)
{
    struct pv_policy *policy = NULL;
    struct pv_why     why = {""};
    uint64_t          version = 0;
    char              path[PATH_MAX_LEN];
    char              when[PV_TIME_TEXT_LEN] = "-";
    struct stat       st;
    enum pv_err       err;

    if (doctor->image == NULL) {
        return;
    }
    err = pv_policy_open(doctor->image, &policy, &why);
    if (err == PV_OK) {
        err = pv_policy_version(policy, &version);
    }
    if (err != PV_OK) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &image_unreadable, "%s: %s",
                      doctor->image,
                      why.text[0] != '\0' ? why.text : pv_err_text(err));
    } else {
        if ((size_t)snprintf(path, sizeof(path), "%s/data.mdb", doctor->image) <
                sizeof(path) &&
            stat(path, &st) == 0) {
            pv_time_text((int64_t)st.st_mtim.tv_sec * 1000, when);
        }
        pv_doctor_add(doctor, PV_DOCTOR_OK, &image_good,
                      "%s, version %llu, written %.*s", doctor->image,
                      (unsigned long long)version, PV_TIME_TEXT_LEN, when);
    }
    check_image_modes(doctor);
    pv_policy_close(policy);
}

static void
look_at_space(struct pv_doctor *doctor)
{
    struct statvfs       fs;
    unsigned long long   percent;
    unsigned long long   mib;
    enum pv_doctor_level level = PV_DOCTOR_OK;

    if (statvfs(doctor->journal, &fs) != 0 || fs.f_blocks == 0) {
        return;
    }
    percent = (unsigned long long)fs.f_bavail * 100 / fs.f_blocks;
    mib = (unsigned long long)fs.f_bavail * fs.f_frsize / (1024 * 1024);
    if (percent < SPACE_BAD_PERCENT) {
        level = PV_DOCTOR_BAD;
    } else if (percent < SPACE_WARN_PERCENT) {
        level = PV_DOCTOR_WARN;
    }
    pv_doctor_add(doctor, level,
                  level == PV_DOCTOR_OK ? &journal_good : &journal_space,
                  "%s: %llu %% free, %llu MiB", doctor->journal, percent, mib);
}

static void
look_at_socket(struct pv_doctor *doctor)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct pv_slice    name = pv_slice_from(doctor->journal_socket);
    struct stat        st;
    int                fd = -1;

    if (stat(doctor->journal_socket, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &socket_missing, "%s",
                      doctor->journal_socket);
        return;
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &socket_loose, "%s",
                      doctor->journal_socket);
    }
    if (pv_slice_to_cstr(name, address.sun_path, sizeof(address.sun_path)) !=
        PV_OK) {
        return; /* too long to be anybody's socket */
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
        errno == EACCES) { /* it is not for us: as it should be */
        pv_doctor_add(doctor, PV_DOCTOR_OK, &socket_good, "%s",
                      doctor->journal_socket);
    } else {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &socket_dead, "%s: %s",
                      doctor->journal_socket, strerror(errno));
    }
    (void)close(fd); /* nothing was sent */
}

void
pv_doctor_journal(struct pv_doctor *doctor)
{
    struct stat st;

    if (doctor->journal != NULL) {
        if (stat(doctor->journal, &st) != 0) {
            pv_doctor_add(doctor, PV_DOCTOR_BAD, &journal_missing, "%s: %s",
                          doctor->journal, strerror(errno));
        } else {
            if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
                pv_doctor_add(doctor, PV_DOCTOR_BAD, &journal_loose, "%s",
                              doctor->journal);
            }
            look_at_space(doctor);
        }
    }
    if (doctor->journal_socket != NULL) {
        look_at_socket(doctor);
    }
}
