/*
 * doctor_connectors.c - the connectors of a folder: does each configuration
 * hold, is its ODBC driver known, does somebody listen on its socket.
 */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/slice.h"
#include "doctor.h"

#define PATH_MAX_LEN 4096
#define LINE_MAX_LEN 512
#define DRIVERS_FILE "/etc/odbcinst.ini"

static const struct pv_doctor_words folder_missing = {
    "connectors.missing", "the connectors' configurations cannot be seen",
    "پیکربندی رابط‌ها دیده نمی‌شود",
    "name their folder with --providers", "پوشه آنها را با --providers بدهید"};
static const struct pv_doctor_words config_bad = {
    "connector.configuration", "the configuration is not one of a connector",
    "این پیکربندی یک رابط نیست", "compare with payvand-connectord(8)",
    "با payvand-connectord(8) مقایسه کنید"};
static const struct pv_doctor_words driver_missing = {
    "connector.driver", "the ODBC driver is not known on this machine",
    "راه‌انداز ODBC روی این دستگاه نیست",
    "install it, for SQLite: apt-get install libsqliteodbc",
    "آن را نصب کنید؛ برای SQLite:‏ apt-get install libsqliteodbc"};
static const struct pv_doctor_words connector_silent = {
    "connector.silent", "nobody listens on the connector's socket",
    "کسی به سوکت رابط گوش نمی‌دهد",
    "start payvand-connectord and look at its log",
    "payvand-connectord را راه بیندازید و گزارش آن را ببینید"};
static const struct pv_doctor_words connector_loose = {
    "connector.socket-open", "anybody may write to the connector's socket",
    "همه می‌توانند به سوکت رابط وصل شوند",
    "chmod o-rwx", "chmod o-rwx"};
static const struct pv_doctor_words connector_good = {
    "connector", "the connector listens", "رابط گوش می‌دهد", NULL,
    NULL};

/* Is there a section [name] in the machine's list of drivers? */
static bool
has_driver(const char *name)
{
    char            line[LINE_MAX_LEN];
    struct pv_slice want = pv_slice_from(name);
    FILE           *file = fopen(DRIVERS_FILE, "re");
    bool            found = false;

    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        struct pv_slice section;
        struct pv_slice rest;

        found = line[0] == '[' &&
                pv_slice_cut(pv_slice_from(line + 1), ']', &section, &rest) &&
                pv_slice_eq(section, want);
    }
    if (file != NULL) {
        (void)fclose(file); /* read-only: nothing to lose */
    }
    return found;
}

static void
check_socket(struct pv_doctor *doctor, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat        st;
    int                fd = -1;

    if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &connector_loose, "%s", path);
    }
    if (pv_slice_to_cstr(pv_slice_from(path), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &connector_silent,
                      "%s: the path is too long for a socket", path);
        return;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
        errno == EACCES) { /* it is not for us: as it should be */
        pv_doctor_add(doctor, PV_DOCTOR_OK, &connector_good, "%s", path);
    } else {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &connector_silent, "%s: %s", path,
                      strerror(errno));
    }
    (void)close(fd); /* nothing was sent */
}

static void
check_config(struct pv_doctor *doctor, const char *path)
{
    json_t     *config = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    const char *socket_path =
        json_string_value(json_object_get(config, "socket"));
    const char *driver = json_string_value(json_object_get(config, "driver"));

    if (socket_path == NULL || driver == NULL) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &config_bad, "%s", path);
    } else {
        if (driver[0] != '/' && !has_driver(driver)) {
            pv_doctor_add(doctor, PV_DOCTOR_BAD, &driver_missing, "%s: %s",
                          path, driver);
        }
        check_socket(doctor, socket_path);
    }
    json_decref(config); /* accepts NULL */
}

void
pv_doctor_connectors(struct pv_doctor *doctor)
{
    const struct dirent *entry;
    char                 path[PATH_MAX_LEN];
    DIR                 *folder;

    if (doctor->providers == NULL) {
        return;
    }
    folder = opendir(doctor->providers);
    if (folder == NULL) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &folder_missing, "%s: %s",
                      doctor->providers, strerror(errno));
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        const char *suffix = strrchr(entry->d_name, '.');

        if (suffix != NULL && strcmp(suffix, ".json") == 0 &&
            (size_t)snprintf(path, sizeof(path), "%s/%s", doctor->providers,
                             entry->d_name) < sizeof(path)) {
            check_config(doctor, path);
        }
    }
    (void)closedir(folder); /* read-only: nothing to lose */
}
