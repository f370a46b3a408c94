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
    struct stat st;
    ssize_t     got = -1;
    char        more;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1 || fstat(fd, &st) == -1) {
        pv_why_set(why, "\"secret\": %s: %s", path, strerror(errno));
    } else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        pv_why_set(why, "\"secret\": others may read %s: chmod 0600", path);
    } else {
        got = read(fd, config->secret, sizeof(config->secret));
        if (got != sizeof(config->secret) || read(fd, &more, 1) != 0) {
            pv_why_set(why, "\"secret\": %s must hold %zu bytes", path,
                       sizeof(config->secret));
            got = -1;
        }
    }
    if (fd != -1) {
        (void)close(fd); /* read-only: nothing to lose */
    }
    config->has_secret = got == (ssize_t)sizeof(config->secret);
    return config->has_secret ? PV_OK : PV_EINVAL;
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

/* Is there what the methods need? */
enum pv_err
pv_config_check_needs(const struct pv_connector_config *config,
                      struct pv_why                    *why)
{
    if (config->keeper.file[0] != '\0' && !config->has_secret) {
        pv_why_set(why, "\"keeper\" needs \"secret\"");
        return PV_EINVAL;
    }
    for (size_t i = 0; i < config->method_count; i++) {
        const struct pv_contract_method *method = config->method[i]->contract;
        const char                      *need = need_of(method);

        if (need != NULL && !config->has_secret) {
            pv_why_set(why, "%s has %s, which needs \"secret\"", method->path,
                       need);
            return PV_EINVAL;
        }
        if (method->consent.is_set && config->keeper.file[0] == '\0') {
            pv_why_set(why,
                       "%s needs consent numbers (R-135), and they \"keeper\"",
                       method->path);
            return PV_EINVAL;
        }
    }
    return PV_OK;
}
