/*
 * cmd_init.c - payvand service init: a service from a table. Reads the schema,
 * recognises data items, writes contract, service file and the connector's
 * configuration, and tries them.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "items.h"

#define OUT_MAX (256u * 1024)

static const char usage_en[] =
    "payvand service init --dsn CONNECTION --table [SCHEMA.]TABLE\n"
    "    --provider AGENCY --service ID [--key COLUMN] [--out DIR]\n"
    "\n"
    "Makes a service of a table: an inquiry by its key. Columns are recognised\n"
    "by their names and by values (check digits), which are never printed; a\n"
    "column that is not recognised is left out. Nothing in the database is\n"
    "changed.\n"
    "\n"
    "  --dsn CONNECTION  ODBC connection string, with Driver=; or PAYVAND_DSN\n"
    "  --key COLUMN      what is asked by; the primary key\n"
    "  --title-fa TEXT, --title-en TEXT\n"
    "  --out DIR         where contract.json, service.json, connector.json and\n"
    "                    passport.json are written; here\n"
    "  --submit          propose it to the registry, too: payvand service submit\n"
    "  --as ROLE/AGENCY  who proposes; or PAYVAND_AS\n"
    "  --passport FILE   the forms; passport.json, whose gaps stay a draft\n"
    "  --socket PATH     the connector's; /run/payvand-connector/ID\n"
    "  --catalogue DIR   the data items; PAYVAND_CATALOGUE, or `catalogue` here\n"
    "  --json            one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 made, and every key that was tried is answered; 1 not; 2 wrong\n"
    "command line. See docs/open-a-service.md.\n";

static const char usage_fa[] =
    "payvand service init --dsn CONNECTION --table [SCHEMA.]TABLE\n"
    "    --provider AGENCY --service ID [--key COLUMN] [--out DIR]\n"
    "\n"
    "از یک جدول، سرویسی می‌سازد: استعلام با کلید آن. ستون‌ها از نام و از مقدارها\n"
    "(رقم کنترل) شناخته می‌شوند؛ مقداری هرگز چاپ نمی‌شود و ستون ناشناخته کنار\n"
    "گذاشته می‌شود. چیزی در پایگاه داده عوض نمی‌شود.\n"
    "\n"
    "  --dsn CONNECTION  رشته اتصال ODBC با Driver=؛ یا PAYVAND_DSN\n"
    "  --key COLUMN      ستونی که با آن پرسیده می‌شود؛ کلید اصلی\n"
    "  --title-fa TEXT, --title-en TEXT\n"
    "  --out DIR         جای contract.json و service.json و connector.json و\n"
    "                    passport.json؛ همین‌جا\n"
    "  --submit          پیشنهاد به دفتر ثبت هم: payvand service submit\n"
    "  --as ROLE/AGENCY  چه کسی پیشنهاد می‌دهد؛ یا PAYVAND_AS\n"
    "  --passport FILE   فرم‌ها؛ passport.json که تا کامل نشود پیش‌نویس است\n"
    "  --socket PATH     سوکت اتصال‌دهنده؛ /run/payvand-connector/ID\n"
    "  --catalogue DIR   اقلام داده؛ PAYVAND_CATALOGUE یا catalogue همین‌جا\n"
    "  --json            یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ ساخته شد و هر کلید آزموده پاسخ گرفت؛ ۱ نشد؛ ۲ خط فرمان نادرست.\n";

static bool
read_args(int argc, char **argv, struct pv_init *init, int *code)
{
    static const struct option option_list[] = {
        {"dsn", required_argument, NULL, 'd'},
        {"table", required_argument, NULL, 't'},
        {"provider", required_argument, NULL, 'p'},
        {"service", required_argument, NULL, 's'},
        {"key", required_argument, NULL, 'k'},
        {"title-fa", required_argument, NULL, 'f'},
        {"title-en", required_argument, NULL, 'e'},
        {"out", required_argument, NULL, 'o'},
        {"socket", required_argument, NULL, 'u'},
        {"catalogue", required_argument, NULL, 'c'},
        {"submit", no_argument, NULL, 'b'},
        {"as", required_argument, NULL, 'a'},
        {"passport", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const struct {
        int          option;
        const char **to;
    } text[] = {
        {'d', &init->connection}, {'t', &init->table_name},
        {'p', &init->provider},   {'s', &init->service},
        {'k', &init->key},        {'f', &init->title_fa},
        {'e', &init->title_en},   {'o', &init->out},
        {'c', &init->catalogue},  {'u', &init->socket},
        {'a', &init->as},         {'r', &init->passport},
    };
    const char *lang = NULL;
    bool        help = false;
    int         c;

    while ((c = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        bool known = c == 'j' || c == 'l' || c == 'h' || c == 'b';

        init->is_submitted = init->is_submitted || c == 'b';
        init->json = init->json || c == 'j';
        help = help || c == 'h';
        lang = c == 'l' ? optarg : lang;
        for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
            if (text[i].option == c) {
                *text[i].to = optarg;
                known = true;
            }
        }
        if (!known) {
            *code = pv_cli_usage_error("service init");
            return false;
        }
    }
    init->lang = pv_cli_lang(lang);
    if (help) {
        (void)fputs(pv_cli_text(init->lang, usage_en, usage_fa),
                    stdout); /* seen by main's flush */
        *code = PV_EXIT_OK;
        return false;
    }
    if (optind != argc || init->connection == NULL ||
        init->table_name == NULL || init->provider == NULL ||
        init->service == NULL) {
        pv_cli_error("service init needs --dsn, --table, --provider and "
                     "--service");
        *code = pv_cli_usage_error("service init");
        return false;
    }
    return true;
}

/* ---- columns ---- */

static bool
is_field_name(const char *name)
{
    if (name[0] < 'a' || name[0] > 'z' || strlen(name) > PV_NAME_MAX) {
        return false;
    }
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool
is_taken(const struct pv_init *init, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(init->field[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The item's own name; where that is taken, the column's. */
static void
name_field(struct pv_init *init, size_t i)
{
    const char *name = init->found[i].item->id;

    if (is_taken(init, i, name)) {
        name = init->table.column[i].name;
    }
    if (is_field_name(name) && !is_taken(init, i, name)) {
        (void)snprintf(init->field[i], sizeof(init->field[i]), "%s",
                       name); /* it fits: is_field_name */
    }
}

static enum pv_err
choose(struct pv_init *init, struct pv_why *why)
{
    const char *key = init->key != NULL ? init->key : init->table.key;
    size_t      outputs = 0;
    bool        found = false;

    for (size_t i = 0; i < init->table.column_count; i++) {
        pv_recognise(init->items, &init->table, &init->table.column[i],
                     &init->found[i]);
        if (init->found[i].item != NULL) {
            name_field(init, i);
        }
        if (strcmp(init->table.column[i].name, key) == 0) {
            found = true;
            init->key_column = i;
        } else {
            outputs += init->field[i][0] != '\0';
        }
    }
    if (!found) {
        pv_why_set(why, "%s has no %s", init->table.name,
                   key[0] == '\0' ? "primary key of one column: say --key"
                                  : "such key column");
        return PV_EINVAL;
    }
    if (init->field[init->key_column][0] == '\0' || outputs == 0) {
        pv_why_set(why, "%s: %s", key,
                   outputs == 0 ? "no column beside the key is a data item"
                                : "the key is no data item that is recognised");
        return PV_EINVAL;
    }
    init->indexed = pv_table_is_indexed(&init->table, key);
    return PV_OK;
}

/* ---- what is said ---- */

static void
say_json(const struct pv_init *init, struct pv_buf *out)
{
    struct pv_json json;

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_text(&json, "table", init->table.name);
    pv_json_text(&json, "key", init->table.column[init->key_column].name);
    pv_json_bool(&json, "indexed", init->indexed);
    pv_json_u64(&json, "rows_looked_at", init->table.row_count);
    pv_json_array(&json, "columns");
    for (size_t i = 0; i < init->table.column_count; i++) {
        const struct pv_recognised *found = &init->found[i];

        pv_json_object(&json, NULL);
        pv_json_text(&json, "column", init->table.column[i].name);
        if (init->field[i][0] == '\0') {
            pv_json_null(&json, "field");
        } else {
            pv_json_text(&json, "field", init->field[i]);
            pv_json_text(&json, "item", found->item->id);
            pv_json_text(&json, "by", found->by_name ? "name" : "values");
        }
        pv_json_u64(&json, "values", found->values);
        if (found->item == NULL && found->named != NULL) {
            pv_json_text(&json, "named_as", found->named->id);
            pv_json_u64(&json, "wrong", found->wrong);
        }
        pv_json_end_object(&json);
    }
    pv_json_end_array(&json);
    pv_json_array(&json, "files");
    for (size_t i = 0; i < PV_INIT_FILES; i++) {
        pv_json_text(&json, NULL, init->path[i]);
    }
    pv_json_end_array(&json);
    pv_json_u64(&json, "tried", init->tried);
    pv_json_u64(&json, "answered", init->answered);
    if (init->is_submitted) {
        pv_submit_say_json(&init->submit, &json, "submit");
    }
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        out->len = 0;
    }
}

static enum pv_err
say_column(const struct pv_init *init, size_t i, struct pv_buf *out)
{
    const struct pv_recognised *found = &init->found[i];
    const char                 *name = init->table.column[i].name;
    bool                        fa = init->lang == PV_LANG_FA;

    if (init->field[i][0] != '\0') {
        return pv_buf_addf(out, "  %s: %s, %s\n", name, found->item->id,
                           found->by_name
                               ? (fa ? "از نام ستون" : "by its name")
                               : (fa ? "از مقدارها" : "by its values"));
    }
    if (found->item == NULL && found->named != NULL) {
        return pv_buf_addf(
            out,
            fa ? "  %s: کنار گذاشته شد: نامش %s است، ولی %zu مقدار از %zu چنین نیست\n"
               : "  %s: left out: named as %s, but %zu of %zu values are none\n",
            name, found->named->id, found->wrong, found->values);
    }
    return pv_buf_addf(out, "  %s: %s\n", name,
                       fa ? "کنار گذاشته شد: شناخته نشد"
                          : "left out: not recognised");
}

static enum pv_err
say_key(const struct pv_init *init, struct pv_buf *out)
{
    const char *word =
        init->indexed
            ? pv_cli_text(init->lang, "an index begins with it",
                          "نمایه‌ای با آن آغاز می‌شود")
            : pv_cli_text(
                  init->lang,
                  "no index begins with it: every call would read the "
                  "whole table",
                  "نمایه‌ای ندارد: هر فراخوانی همه جدول را می‌خواند");

    return pv_buf_addf(out, "%s %s: %s\n",
                       pv_cli_text(init->lang, "key", "کلید"),
                       init->table.column[init->key_column].name, word);
}

static enum pv_err
say_next(const struct pv_init *init, struct pv_buf *out)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < PV_INIT_FILES; i++) {
        err = pv_buf_addf(out, "  %s\n", init->path[i]);
    }
    if (err != PV_OK) {
        return err;
    }
    if (init->is_submitted) {
        return pv_submit_say_text(&init->submit, out);
    }
    return pv_buf_addf(
        out,
        "%s\n  payvand contract page %s\n"
        "  payvand service test --config %s\n"
        "  payvand service submit --contract %s --passport %s",
        pv_cli_text(init->lang, "next:", "سپس:"), init->path[PV_INIT_CONTRACT],
        init->path[PV_INIT_CONNECTOR], init->path[PV_INIT_CONTRACT],
        init->path[PV_INIT_PASSPORT]);
}

static void
say_text(const struct pv_init *init, struct pv_buf *out)
{
    bool        fa = init->lang == PV_LANG_FA;
    enum pv_err err = pv_buf_addf(out,
                                  fa ? "%s: %zu ستون، %zu سطر دیده شد\n"
                                     : "%s: %zu columns, %zu rows looked at\n",
                                  init->table.name, init->table.column_count,
                                  init->table.row_count);

    for (size_t i = 0; err == PV_OK && i < init->table.column_count; i++) {
        err = say_column(init, i, out);
    }
    if (err == PV_OK) {
        err = say_key(init, out);
    }
    if (err == PV_OK) {
        err =
            pv_buf_addf(out,
                        fa ? "با %zu کلید جدول آزموده شد: %zu پاسخ گرفت\n"
                           : "tried with %zu keys of the table: %zu answered\n",
                        init->tried, init->answered);
    }
    if (err == PV_OK) {
        err = say_next(init, out);
    }
    if (err != PV_OK) {
        out->len = 0;
    }
}

/* ---- the command ---- */

static enum pv_err
make(struct pv_init *init, struct pv_why *why)
{
    enum pv_err err = pv_cli_items(init->catalogue, &init->items, why);

    if (err == PV_OK) {
        err = pv_table_open(&init->table, init->connection, init->table_name,
                            why);
    }
    if (err == PV_OK) {
        err = choose(init, why);
    }
    if (err == PV_OK) {
        err = pv_init_write(init, why);
    }
    return err == PV_OK ? pv_init_try(init, why) : err;
}

int
pv_cmd_service_init(int argc, char **argv)
{
    static struct pv_init init; /* rows of names: too large for the stack */
    struct pv_why         why = {""};
    struct pv_contract   *contract = NULL;
    struct pv_buf         out;
    enum pv_err           err;
    int                   code = PV_EXIT_OK;

    init.connection = getenv("PAYVAND_DSN");
    init.catalogue = getenv("PAYVAND_CATALOGUE");
    init.out = ".";
    if (!read_args(argc, argv, &init, &code)) {
        return code;
    }
    init.catalogue = init.catalogue == NULL ? "catalogue" : init.catalogue;
    init.title_fa = init.title_fa == NULL ? init.table_name : init.title_fa;
    init.title_en = init.title_en == NULL ? init.table_name : init.title_en;
    err = make(&init, &why);
    if (err == PV_OK && init.is_submitted && init.answered == init.tried) {
        err = pv_init_submit(&init, &contract, &why);
    } else {
        init.is_submitted = false; /* what is not answered is not proposed */
    }
    if (err == PV_OK) {
        pv_buf_init(&out, OUT_MAX);
        if (init.json) {
            say_json(&init, &out);
        } else {
            say_text(&init, &out);
        }
        code = pv_cli_print(&out);
        pv_buf_clear(&out);
    } else {
        pv_cli_error("service init: %s",
                     why.text[0] == '\0' ? pv_err_text(err) : why.text);
        code = PV_EXIT_FAILED;
    }
    if (code == PV_EXIT_OK && init.answered != init.tried) {
        code = PV_EXIT_FAILED;
    }
    pv_submit_clear(&init.submit);
    pv_contract_free(contract);
    pv_table_close(&init.table);
    pv_data_items_free(init.items);
    return code;
}
