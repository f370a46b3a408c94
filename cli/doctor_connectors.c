/*
 * doctor_connectors.c - the connectors of a folder: does each configuration
 * hold, is its ODBC driver known, does somebody listen on its socket, do all of
 * its services answer, and has its keeper its file, its secret and its desk.
 */
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "doctor.h"

#define PATH_MAX_LEN 4096
#define LINE_MAX_LEN 512
#define METRICS_MAX (64 * 1024)
#define METRICS_TIMEOUT_S 5L
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
static const struct pv_doctor_words connector_waits = {
    "connector.waits", "services of the connector are not answered",
    "برخی سرویس‌های رابط پاسخ داده نمی‌شوند",
    "a contract has not come, does not fit, or needs \"secret\" or \"keeper\": "
    "payvand-connectord --config FILE --check says which",
    "قراردادی نرسیده، سازگار نیست یا \"secret\" یا \"keeper\" می‌خواهد: "
    "payvand-connectord --config FILE --check می‌گوید کدام"};
static const struct pv_doctor_words connector_loose = {
    "connector.socket-open", "anybody may write to the connector's socket",
    "همه می‌توانند به سوکت رابط وصل شوند",
    "chmod o-rwx", "chmod o-rwx"};
static const struct pv_doctor_words connector_good = {
    "connector", "the connector listens", "رابط گوش می‌دهد", NULL,
    NULL};

static const struct pv_doctor_words secret_bad = {
    "connector.secret", "the connector's secret is not there, or not its alone",
    "راز رابط نیست، یا تنها از آن خودش نیست",
    "without it no consent number and no row of the ledger is found again: "
    "put it back from its backup, chmod 600",
    "بی آن هیچ شمارهٔ رضایت و هیچ سطری از دفتر دسترسی پیدا نمی‌شود: از پشتیبان "
    "برگردانید، chmod 600"};
static const struct pv_doctor_words keeper_bad = {
    "keeper.file", "the keeper's file is not there, or others may see it",
    "پروندهٔ نگه‌دارنده نیست، یا دیگران آن را می‌بینند",
    "it is made at the first start of the connector; otherwise put it back from "
    "its backup, chmod 600",
    "در نخستین آغاز رابط ساخته می‌شود؛ وگرنه از پشتیبان برگردانید، chmod 600"};
static const struct pv_doctor_words desk_silent = {
    "keeper.desk", "nobody listens on the keeper's desk",
    "کسی به میز نگه‌دارنده گوش نمی‌دهد",
    "no consent number can be given; start payvand-connectord and look at its "
    "log",
    "شمارهٔ رضایت داده نمی‌شود؛ payvand-connectord را راه بیندازید و گزارش آن را "
    "ببینید"};
static const struct pv_doctor_words keeper_good = {
    "keeper", "the keeper has its file, its secret and its desk",
    "نگه‌دارنده پرونده، راز و میز خود را دارد",
    NULL, NULL};

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

/* Does somebody listen there? Otherwise errno says why. */
static bool
listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bool               does;
    int                fd;
    int                why;

    if (pv_slice_to_cstr(pv_slice_from(path), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        errno = ENAMETOOLONG;
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return false;
    }
    does =
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
        errno == EACCES; /* it is not for us: as it should be */
    why = errno;
    (void)close(fd); /* nothing was sent */
    errno = why;
    return does;
}

static size_t
take(char *bytes, size_t size, size_t count, void *context)
{
    struct pv_slice part = {bytes, size * count};

    return pv_buf_add(context, part) == PV_OK ? part.len : 0;
}

/* Its numbers, as whom its socket is for; nothing when it is not for us. */
static void
ask_metrics(const char *path, uid_t peer, struct pv_buf *out)
{
    CURL *curl = curl_easy_init();
    bool  as_peer = geteuid() == 0 && seteuid(peer) == 0;

    if (curl == NULL ||
        curl_easy_setopt(curl, CURLOPT_URL, "http://connector/metrics") !=
            CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_PROXY, "") != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, METRICS_TIMEOUT_S) !=
            CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, out) != CURLE_OK ||
        curl_easy_perform(curl) != CURLE_OK) {
        out->len = 0;
    }
    curl_easy_cleanup(curl); /* accepts NULL */
    if (as_peer && seteuid(0) != 0) {
        abort(); /* whom it was before it must be again */
    }
}

static void
check_waiting(struct pv_doctor *doctor, const char *path, const json_t *peer)
{
    static const char name[] = "\npayvand_connector_services_waiting ";
    const char       *text;
    const char       *at;
    struct pv_slice   count;
    struct pv_buf     said;

    pv_buf_init(&said, METRICS_MAX);
    ask_metrics(path,
                json_is_integer(peer) ? (uid_t)json_integer_value(peer)
                                      : geteuid(),
                &said);
    if (pv_buf_cstr(&said, &text) == PV_OK &&
        (at = strstr(text, name)) != NULL) {
        at += strlen(name);
        count = (struct pv_slice){at, strcspn(at, "\n")};
        if (!pv_slice_eq(count, PV_LIT("0"))) {
            pv_doctor_add(doctor, PV_DOCTOR_WARN, &connector_waits, "%s, %.*s",
                          path, PV_FMT(count));
        }
    }
    pv_buf_clear(&said);
}

static void
check_socket(struct pv_doctor *doctor, const char *path, const json_t *peer)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &connector_loose, "%s", path);
    }
    if (listens(path)) {
        pv_doctor_add(doctor, PV_DOCTOR_OK, &connector_good, "%s", path);
        check_waiting(doctor, path, peer);
    } else {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &connector_silent, "%s: %s", path,
                      strerror(errno));
    }
}

/*
 * A file that is there and is its owner's alone. What stands in a folder that
 * we may not look into is not for us, and nothing is said of it.
 */
static bool
is_private(struct pv_doctor *doctor, const struct pv_doctor_words *words,
           const char *path)
{
    struct stat st;

    if (path != NULL && stat(path, &st) == 0) {
        if (S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0) {
            return true;
        }
        pv_doctor_add(doctor, PV_DOCTOR_BAD, words, "%s: mode %03o", path,
                      (unsigned)st.st_mode & 0777);
        return false;
    }
    if (path != NULL && errno == EACCES) {
        return true;
    }
    pv_doctor_add(doctor, PV_DOCTOR_BAD, words, "%s: %s",
                  path == NULL ? "-" : path,
                  path == NULL ? "it is not configured" : strerror(errno));
    return false;
}

static void
check_keeper(struct pv_doctor *doctor, const json_t *config,
             const json_t *keeper)
{
    const char *file = json_string_value(json_object_get(keeper, "file"));
    const char *desk = json_string_value(json_object_get(keeper, "desk"));
    bool        good =
        is_private(doctor, &secret_bad,
                   json_string_value(json_object_get(config, "secret")));

    good = is_private(doctor, &keeper_bad, file) && good;
    if (desk != NULL && !listens(desk)) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &desk_silent, "%s: %s", desk,
                      strerror(errno));
        good = false;
    }
    if (good) {
        pv_doctor_add(doctor, PV_DOCTOR_OK, &keeper_good, "%s", file);
    }
}

static void
check_config(struct pv_doctor *doctor, const char *path)
{
    json_t     *config = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    const char *socket_path =
        json_string_value(json_object_get(config, "socket"));
    const char   *driver = json_string_value(json_object_get(config, "driver"));
    const json_t *http = json_object_get(config, "http");
    const json_t *keeper = json_object_get(config, "keeper");

    if (socket_path == NULL || (driver == NULL) == (http == NULL)) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &config_bad, "%s", path);
    } else {
        if (driver != NULL && driver[0] != '/' && !has_driver(driver)) {
            pv_doctor_add(doctor, PV_DOCTOR_BAD, &driver_missing, "%s: %s",
                          path, driver);
        }
        check_socket(doctor, socket_path, json_object_get(config, "peer_uid"));
        if (keeper != NULL) {
            check_keeper(doctor, config, keeper);
        }
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
