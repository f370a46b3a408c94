/* init_files.c - the files that a table becomes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "init.h"

#define DEADLINE_MS 5000

static json_t *
head_of(const struct pv_init *init, const char *format, int version)
{
    return json_pack("{s:i, s:s, s:s, s:s}", format, version, "service",
                     init->service, "version", "v1", "provider",
                     init->provider);
}

static json_t *
outputs_of(const struct pv_init *init)
{
    json_t *outputs = json_array();

    for (size_t i = 0; i < init->table.column_count; i++) {
        if (init->field[i][0] != '\0' && i != init->key_column &&
            json_array_append_new(
                outputs, json_pack("{s:s, s:s}", "name", init->field[i], "type",
                                   init->found[i].item->id)) != 0) {
            json_decref(outputs);
            return NULL;
        }
    }
    return outputs;
}

static json_t *
contract_of(const struct pv_init *init)
{
    json_t *root = head_of(init, "contract", 1);
    json_t *method = json_pack(
        "{s:s, s:s, s:i, s:[{s:s, s:s}], s:o}", "id", "get", "pattern",
        "inquiry", "deadline_ms", DEADLINE_MS, "inputs", "name",
        init->field[init->key_column], "type",
        init->found[init->key_column].item->id, "outputs", outputs_of(init));

    if (json_object_set_new(root, "basis", json_string("proposed")) != 0 ||
        json_object_set_new(root, "title_fa", json_string(init->title_fa)) !=
            0 ||
        json_object_set_new(root, "title_en", json_string(init->title_en)) !=
            0 ||
        json_object_set_new(root, "methods", json_pack("[o]", method)) != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static enum pv_err
put_statement(const struct pv_init *init, struct pv_buf *sql)
{
    const struct pv_table *table = &init->table;
    bool                   first = true;
    enum pv_err            err = pv_buf_addf(sql, "SELECT ");

    for (size_t i = 0; err == PV_OK && i < table->column_count; i++) {
        if (init->field[i][0] == '\0' || i == init->key_column) {
            continue;
        }
        err = first ? PV_OK : pv_buf_addf(sql, ", ");
        first = false;
        if (err == PV_OK) {
            err = pv_table_quote(table, table->column[i].name, sql);
        }
        if (err == PV_OK) {
            err = pv_buf_addf(sql, " AS ");
        }
        if (err == PV_OK) {
            err = pv_table_quote(table, init->field[i], sql);
        }
    }
    if (err == PV_OK) {
        err = pv_buf_addf(sql, " FROM ");
    }
    if (err == PV_OK) {
        err = pv_table_put_name(table, sql);
    }
    if (err == PV_OK) {
        err = pv_buf_addf(sql, " WHERE ");
    }
    if (err == PV_OK) {
        err = pv_table_quote(table, table->column[init->key_column].name, sql);
    }
    return err == PV_OK
               ? pv_buf_addf(sql, " = :%s", init->field[init->key_column])
               : err;
}

static json_t *
service_of(const struct pv_init *init)
{
    json_t       *root = head_of(init, "format", 2);
    json_t       *methods = NULL;
    struct pv_buf sql;
    const char   *text;

    pv_buf_init(&sql, PV_STATEMENT_MAX);
    if (put_statement(init, &sql) == PV_OK &&
        pv_buf_cstr(&sql, &text) == PV_OK) {
        methods = json_pack("[{s:s, s:s, s:s}]", "id", "get", "statement", text,
                            "answer", "record");
    }
    pv_buf_clear(&sql);
    if (json_object_set_new(root, "methods", methods) != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* Forms of the passports, with what the table tells. */
static json_t *
passport_of(const struct pv_init *init)
{
    json_t       *made = NULL;
    struct pv_buf items;
    const char   *text;
    enum pv_err   err = PV_OK;

    pv_buf_init(&items, (size_t)PV_TABLE_COLUMNS_MAX * PV_NAME_MAX * 2);
    for (size_t i = 0; err == PV_OK && i < init->table.column_count; i++) {
        if (init->field[i][0] != '\0') {
            err = pv_buf_addf(&items, "%s%s", items.len == 0 ? "" : ", ",
                              init->found[i].item->id);
        }
    }
    if (err == PV_OK && pv_buf_cstr(&items, &text) == PV_OK) {
        made = pv_submit_form(init->provider, init->title_fa, text);
    }
    pv_buf_clear(&items);
    return made;
}

/* The absolute path of a file of the catalogue. */
static json_t *
item_file(const struct pv_init *init, const char *name)
{
    char    path[PV_INIT_PATH_MAX];
    char    real[PATH_MAX];
    int     len = snprintf(path, sizeof(path), "%s/%s", init->catalogue, name);
    json_t *made = NULL;

    if (len > 0 && (size_t)len < sizeof(path) && realpath(path, real) != NULL) {
        made = json_string(real);
    }
    return made;
}

/* The driver that the connection string names, or "ODBC". */
static json_t *
driver_of(const struct pv_init *init)
{
    struct pv_slice left = pv_slice_from(init->connection);
    bool            more = true;

    while (more) {
        struct pv_slice part;
        struct pv_slice name;
        struct pv_slice value;

        more = pv_slice_cut(left, ';', &part, &left);
        if (pv_slice_cut(part, '=', &name, &value) &&
            pv_slice_trim(name).len == strlen("driver") &&
            strncasecmp(pv_slice_trim(name).ptr, "driver", strlen("driver")) ==
                0) {
            value = pv_slice_trim(value);
            return json_stringn(value.ptr, value.len);
        }
    }
    return json_string("ODBC"); /* a DSN of odbc.ini names it */
}

static json_t *
connector_of(const struct pv_init *init)
{
    char below[PV_INIT_PATH_MAX];
    int  len = snprintf(below, sizeof(below), "/run/payvand-connector/%.64s",
                        init->service);

    return len < 0
               ? NULL
               : json_pack("{s:s, s:s, s:n, s:o, s:s, s:[s], s:[s], s:[o,o,o]}",
                           "provider", init->provider, "socket",
                           init->socket == NULL ? below : init->socket,
                           "peer_uid", "driver", driver_of(init), "dsn",
                           init->connection, "contracts",
                           init->path[PV_INIT_CONTRACT], "services",
                           init->path[PV_INIT_SERVICE], "data_items",
                           item_file(init, "data_items.json"),
                           item_file(init, "enactment.json"),
                           item_file(init, "data_items_proposed.json"));
}

static enum pv_err
write_file(const char *path, mode_t mode, json_t *root, struct pv_why *why)
{
    int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    bool written;

    if (fd == -1) {
        pv_why_set(why, "%s: %s", path, strerror(errno));
        return errno == EEXIST ? PV_EEXIST : PV_ESYS;
    }
    written =
        json_dumpfd(root, fd, JSON_INDENT(2)) == 0 && write(fd, "\n", 1) == 1;
    if (close(fd) != 0 || !written) {
        pv_why_set(why, "%s: cannot be written", path);
        return PV_ESYS;
    }
    return PV_OK;
}

static enum pv_err
name_files(struct pv_init *init, struct pv_why *why)
{
    static const char *const name[PV_INIT_FILES] = {
        "contract.json", "service.json", "connector.json", "passport.json"};
    char folder[PATH_MAX];

    if (realpath(init->out, folder) == NULL) {
        pv_why_set(why, "%s: %s", init->out, strerror(errno));
        return PV_ESYS;
    }
    for (size_t i = 0; i < PV_INIT_FILES; i++) {
        int len = snprintf(init->path[i], sizeof(init->path[i]), "%s/%s",
                           folder, name[i]);

        if (len < 0 || (size_t)len >= sizeof(init->path[i])) {
            pv_why_set(why, "--out is too long");
            return PV_ERANGE;
        }
    }
    return PV_OK;
}

enum pv_err
pv_init_write(struct pv_init *init, struct pv_why *why)
{
    json_t     *root[PV_INIT_FILES] = {NULL, NULL, NULL, NULL};
    enum pv_err err = name_files(init, why);

    if (err == PV_OK) {
        root[PV_INIT_CONTRACT] = contract_of(init);
        root[PV_INIT_SERVICE] = service_of(init);
        root[PV_INIT_CONNECTOR] = connector_of(init);
        root[PV_INIT_PASSPORT] = passport_of(init);
    }
    for (size_t i = 0; err == PV_OK && i < PV_INIT_FILES; i++) {
        if (root[i] == NULL) {
            pv_why_set(why,
                       "%s cannot be made: a name holds a quote, or "
                       "there is no memory",
                       init->path[i]);
            err = PV_EINVAL;
            break;
        }
        err = write_file(init->path[i], i == PV_INIT_CONNECTOR ? 0600 : 0644,
                         root[i], why);
    }
    for (size_t i = 0; i < PV_INIT_FILES; i++) {
        json_decref(root[i]);
    }
    return err;
}
