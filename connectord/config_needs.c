/* config_needs.c - the secret, and whether there is what the methods need. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectord/config.h"

static enum pv_err
read_secret(struct pv_connector_config *config, const char *path,
            struct pv_why *why)
{
    uint8_t     bytes[sizeof(config->secrets.key) + 1];
    struct stat st;
    ssize_t     got = -1;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1 || fstat(fd, &st) == -1) {
        pv_why_set(why, "\"secret\": %s: %s", path, strerror(errno));
    } else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        pv_why_set(why, "\"secret\": others may read %s: chmod 0600", path);
    } else {
        got = read(fd, bytes, sizeof(bytes));
        if (got <= 0 || got % PV_KEY_LEN != 0) { /* one too many is odd */
            pv_why_set(why,
                       "\"secret\": %s must hold one to %d keys of %d bytes",
                       path, PV_SECRETS_MAX, PV_KEY_LEN);
            got = 0;
        }
    }
    if (fd != -1) {
        (void)close(fd); /* read-only: nothing to lose */
    }
    if (got > 0) {
        memcpy(config->secrets.key, bytes, (size_t)got);
        config->secrets.count = (size_t)got / PV_KEY_LEN;
    }
    explicit_bzero(bytes, sizeof(bytes));
    return config->secrets.count > 0 ? PV_OK : PV_EINVAL;
}

/* What of the method is told again by keyed digests; NULL: nothing. */
static const char *
need_of(const struct pv_contract_method *method)
{
    return method->after.method != NULL || method->unlocks != NULL
               ? "an order of calls (R-154)"
           : method->pattern == PV_CALL_COMMAND ? "idempotency keys (R-046)"
                                                : NULL;
}

enum pv_err
pv_config_take_secret(struct pv_connector_config *config, const json_t *root,
                      struct pv_why *why)
{
    const json_t *path = json_object_get(root, "secret");

    if (path == NULL) {
        return PV_OK;
    }
    if (!json_is_string(path)) {
        pv_why_set(why, "\"secret\" must be a file");
        return PV_EINVAL;
    }
    return read_secret(config, json_string_value(path), why);
}

enum pv_err
pv_config_check_method(const struct pv_connector_config *config,
                       const struct pv_method *method, struct pv_why *why)
{
    const char *path = method->contract->path;
    const char *need = need_of(method->contract);

    if (need != NULL && config->secrets.count == 0) {
        pv_why_set(why, "%s has %s, which needs \"secret\"", path, need);
    } else if (method->contract->consent.is_set &&
               config->keeper.file[0] == '\0') {
        pv_why_set(why, "%s needs consent numbers (R-135), and they \"keeper\"",
                   path);
    } else if (method->http != config->http) {
        pv_why_set(why, "%s is answered by %s, this connector has %s", path,
                   config->http ? "a statement" : "\"http\"",
                   config->http ? "\"http\"" : "a database");
    } else if (method->step_count > 0 && !config->acts) {
        pv_why_set(why, "commands over SQLite need \"may_write\"");
    } else {
        return PV_OK;
    }
    return PV_EINVAL;
}
