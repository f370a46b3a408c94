#include "connectord/config_database.h"

#include <string.h>
#include <strings.h>

#include "connectord/message.h"

static const char *
text_of(const json_t *root, const char *name, struct pv_why *why)
{
    const char *text = json_string_value(json_object_get(root, name));

    if (text == NULL || text[0] == '\0' || strlen(text) >= PV_DSN_MAX) {
        pv_why_set(why, "\"%s\" is missing, is no text or is too long", name);
        return NULL;
    }
    return text;
}

/* Does the connection string have one of these keywords (lower case)? */
static bool
has_keyword(const char *dsn, const char *const *keywords)
{
    struct pv_slice left = pv_slice_from(dsn);
    bool            more = true;

    while (more) {
        struct pv_slice part;
        struct pv_slice name;
        struct pv_slice value;

        more = pv_slice_cut(left, ';', &part, &left);
        if (!pv_slice_cut(part, '=', &name, &value)) {
            continue;
        }
        name = pv_slice_trim(name);
        for (size_t i = 0; keywords[i] != NULL; i++) {
            if (name.len == strlen(keywords[i]) &&
                strncasecmp(name.ptr, keywords[i], name.len) == 0) {
                return true;
            }
        }
    }
    return false;
}

static enum pv_err
put_connection(struct pv_buf *full, const char *driver, const char *dsn)
{
    static const char *const drivers[] = {"driver", "dsn", "filedsn", NULL};
    static const char *const long_names[] = {"longnames", NULL};
    static const char *const no_create[] = {"nocreat", NULL};
    enum pv_err              err = PV_OK;

    if (!has_keyword(dsn, drivers)) {
        err = pv_buf_addf(full, "Driver=%s;", driver);
    }
    if (err == PV_OK) {
        err = pv_buf_addf(full, "%s", dsn);
    }
    /*
     * SQLite's driver cuts the names of columns at a dot, which would make
     * obligor.id and beneficiary.id one name, and it makes an empty database
     * where there is none. Both are to be off unless the operator says else.
     */
    if (err == PV_OK && strcasestr(driver, "sqlite") != NULL) {
        if (!has_keyword(dsn, long_names)) {
            err = pv_buf_addf(full, ";LongNames=1");
        }
        if (err == PV_OK && !has_keyword(dsn, no_create)) {
            err = pv_buf_addf(full, ";NoCreat=1");
        }
    }
    return err;
}

bool
pv_config_is_sqlite(const json_t *root)
{
    const char *driver = json_string_value(json_object_get(root, "driver"));

    return driver != NULL && strcasestr(driver, "sqlite") != NULL;
}

enum pv_err
pv_config_database(const json_t *root, struct pv_buf *out, struct pv_why *why)
{
    const char *driver = text_of(root, "driver", why);
    const char *dsn = driver == NULL ? NULL : text_of(root, "dsn", why);

    return dsn == NULL ? PV_EINVAL : put_connection(out, driver, dsn);
}
