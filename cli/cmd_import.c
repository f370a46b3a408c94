/*
 * cmd_import.c - payvand import: the catalogue into the policy image.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "import.h"

#define REPORT_BYTES_MAX (256 * 1024)

struct arguments {
    struct pv_import_options import;
    const char              *image;
    bool                     json;
    enum pv_lang             lang;
    bool                     done; /* --help was asked and given */
};

static int
help(enum pv_lang lang)
{
    static const char en[] =
        "payvand import: load a catalogue into the policy image\n\n"
        "  payvand import --catalogue DIR --deployment FILE --image DIR "
        "[--probes]\n"
        "  payvand import --image DIR --set FILE\n\n"
        "  --catalogue DIR    agencies, services, grants ... as JSON\n"
        "  --deployment FILE  keys, networks and endpoints of the systems\n"
        "  --image DIR        the policy image; made when there is none\n"
        "  --probes           load the synthetic grants that tests call\n"
        "  --set FILE         change rows of a live image\n"
        "  --json             the result as JSON\n"
        "  --lang en|fa       the language of messages\n\n"
        "What does not hold together is refused as a whole, with file, row and\n"
        "reason. A change is in force at the next call; a second import of the\n"
        "same files changes nothing. Manual: man payvand-import\n";
    static const char fa[] =
        "payvand import: بارگذاری کاتالوگ در تصویر سیاست\n\n"
        "  payvand import --catalogue DIR --deployment FILE --image DIR "
        "[--probes]\n"
        "  payvand import --image DIR --set FILE\n\n"
        "  --catalogue DIR    دستگاه‌ها، خدمات، مجوزها و ... به صورت JSON\n"
        "  --deployment FILE  کلید، شبکه و نشانی سامانه‌ها\n"
        "  --image DIR        تصویر سیاست؛ اگر نباشد ساخته می‌شود\n"
        "  --probes           مجوزهای ساختگی آزمون را هم بارگذاری کن\n"
        "  --set FILE         ردیف‌های تصویر زنده را تغییر بده\n"
        "  --json             نتیجه به صورت JSON\n"
        "  --lang en|fa       زبان پیام‌ها\n\n"
        "داده ناسازگار یکجا رد می‌شود، با نام پرونده و ردیف و دلیل. تغییر از\n"
        "فراخوانی بعدی اثر دارد. راهنما: man payvand-import\n";

    return fputs(pv_cli_text(lang, en, fa), stdout) < 0 ? PV_EXIT_FAILED
                                                        : PV_EXIT_OK;
}

static int
read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option option[] = {
        {"catalogue", required_argument, NULL, 'c'},
        {"deployment", required_argument, NULL, 'd'},
        {"image", required_argument, NULL, 'i'},
        {"set", required_argument, NULL, 's'},
        {"probes", no_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *lang = NULL;
    bool        asked = false;
    int         c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", option, NULL)) != -1) {
        switch (c) {
        case 'c':
            ret->import.catalogue = optarg;
            break;
        case 'd':
            ret->import.deployment = optarg;
            break;
        case 'i':
            ret->image = optarg;
            break;
        case 's':
            ret->import.overlay = optarg;
            break;
        case 'p':
            ret->import.probes = true;
            break;
        case 'j':
            ret->json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'h':
            asked = true;
            break;
        default:
            return pv_cli_usage_error("import");
        }
    }
    ret->lang = pv_cli_lang(lang);
    if (asked) {
        ret->done = true;
        return help(ret->lang);
    }
    if (optind != argc || ret->image == NULL ||
        (ret->import.catalogue == NULL && ret->import.overlay == NULL) ||
        (ret->import.catalogue == NULL &&
         (ret->import.deployment != NULL || ret->import.probes))) {
        pv_cli_error("import needs --image, and --catalogue or --set");
        return pv_cli_usage_error("import");
    }
    return PV_EXIT_OK;
}

static void
show_progress(void *context, const char *what)
{
    (void)context;
    (void)fprintf(stderr, "\rimport: %-24s", what); /* only for the eye */
}

struct count {
    const char *name; /* of the JSON member */
    const char *en;
    const char *fa;
    size_t      count;
};

#define COUNTS_MAX 20

static size_t
list_counts(const struct pv_import_report *report,
            struct count                   count[COUNTS_MAX])
{
    const struct count list[] = {
        {"agencies", "agencies", "دستگاه", report->agencies},
        {"groups", "of them groups", "از آن‌ها گروه",
         report->groups},
        {"units", "units", "واحد", report->units},
        {"systems", "systems", "سامانه", report->systems},
        {"systems_with_key", "with a registered key",
         "دارای کلید ثبت‌شده", report->systems_with_key},
        {"services", "services", "خدمت", report->services},
        {"services_live", "of them live", "از آن‌ها عملیاتی",
         report->services_live},
        {"methods", "methods", "روش", report->methods},
        {"methods_with_endpoint", "with an endpoint", "دارای نشانی اتصال",
         report->methods_with_endpoint},
        {"grants", "approved grants", "مجوز مصوب", report->grants},
        {"grants_live", "of them live", "از آن‌ها برقرار",
         report->grants_live},
        {"cited", "cited duties (no right)",
         "تکلیف نقل‌شده (بدون حق)", report->cited},
        {"pending", "pending for the next meeting (no right)",
         "موکول به جلسه بعد (بدون حق)", report->pending},
        {"commitments", "commitments to join a system (no right)",
         "تعهد پیوستن به سامانه (بدون حق)", report->commitments},
        {"probes", "synthetic probes", "نمونه ساختگی آزمون", report->probes},
        {"modes", "modes", "حالت دسترسی عمومی", report->modes},
        {"suspensions", "suspensions", "تعلیق", report->suspensions},
        {"revoked", "revoked certificates", "گواهی باطل‌شده",
         report->revoked},
        {"overlays", "overlaid rows", "ردیف بازنویسی‌شده",
         report->overlays},
        {"proposed", "rows marked proposed", "ردیف با نشان پیشنهادی",
         report->proposed},
    };

    _Static_assert(sizeof(list) / sizeof(list[0]) <= COUNTS_MAX, "room");
    memcpy(count, list, sizeof(list));
    return sizeof(list) / sizeof(list[0]);
}

static enum pv_err
write_complaints(struct pv_json *json, struct pv_slice text)
{
    struct pv_slice line;

    pv_json_array(json, "complaints");
    while (text.len > 0) {
        (void)pv_slice_cut(text, '\n', &line, &text); /* the last ends too */
        pv_json_string(json, NULL, line);
    }
    pv_json_end_array(json);
    return json->err;
}

static int
print_json(const struct pv_import_report *report, enum pv_err err)
{
    struct count   count[COUNTS_MAX];
    size_t         counts = list_counts(report, count);
    struct pv_buf  out;
    struct pv_json json;
    int            code = PV_EXIT_FAILED;

    pv_buf_init(&out, REPORT_BYTES_MAX);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_bool(&json, "ok", err == PV_OK);
    pv_json_u64(&json, "changes", report->changes);
    pv_json_u64(&json, "decision", report->decision);
    for (size_t i = 0; i < counts; i++) {
        pv_json_u64(&json, count[i].name, count[i].count);
    }
    pv_json_u64(&json, "complaint_count", report->complaint_count);
    if (write_complaints(&json, pv_buf_view(&report->complaints)) == PV_OK) {
        pv_json_end_object(&json);
        if (pv_json_finish(&json) == PV_OK) {
            code = pv_cli_print(&out);
        }
    }
    pv_buf_clear(&out);
    return code;
}

static int
print_text(const struct arguments *arg, const struct pv_import_report *report)
{
    struct count count[COUNTS_MAX];
    size_t       counts = list_counts(report, count);
    bool         ok = true;

    for (size_t i = 0; i < counts; i++) {
        if (count[i].count > 0) {
            ok = printf("%8zu  %s\n", count[i].count,
                        pv_cli_text(arg->lang, count[i].en, count[i].fa)) > 0 &&
                 ok;
        }
    }
    ok = printf("%8llu  %s\n", (unsigned long long)report->changes,
                pv_cli_text(arg->lang, "rows of the image changed",
                            "ردیف تصویر تغییر کرد")) > 0 &&
         printf("%8llu  %s\n", (unsigned long long)report->decision,
                pv_cli_text(arg->lang, "is the number of the last decision",
                            "شماره آخرین تصمیم")) > 0 &&
         ok;
    return ok ? PV_EXIT_OK : PV_EXIT_FAILED;
}

static int
report_failure(const struct arguments *arg, const struct pv_why *why,
               const struct pv_import_report *report, enum pv_err err)
{
    struct pv_slice complaints = pv_buf_view(&report->complaints);

    if (arg->json) {
        (void)print_json(report, err); /* it fails anyway */
    }
    (void)fprintf(stderr, "%.*s", PV_FMT(complaints)); /* as above */
    if (report->complaint_count > PV_IMPORT_COMPLAINTS_MAX) {
        pv_cli_error("and %zu more",
                     report->complaint_count - PV_IMPORT_COMPLAINTS_MAX);
    }
    pv_cli_error("%s", why->text);
    return PV_EXIT_FAILED;
}

int
pv_cmd_import(int argc, char **argv)
{
    struct arguments        arg = {.image = NULL};
    struct pv_import_report report;
    struct pv_image        *image = NULL;
    struct pv_why           why = {""};
    enum pv_err             err;
    int                     code;

    pv_import_report_init(&report);
    code = read_arguments(argc, argv, &arg);
    if (code != PV_EXIT_OK || arg.done) {
        goto out;
    }
    if (!arg.json && isatty(STDERR_FILENO)) {
        arg.import.progress = show_progress;
    }
    err = pv_image_open(arg.image, true, &image, &why);
    if (err == PV_OK) {
        err = pv_import_run(image, &arg.import, &report, &why);
    }
    if (arg.import.progress != NULL) {
        (void)fputs("\r\033[K", stderr); /* take the progress line away */
    }
    if (err != PV_OK) {
        code = report_failure(&arg, &why, &report, err);
        goto out;
    }
    code = arg.json ? print_json(&report, err) : print_text(&arg, &report);

out:
    pv_image_close(image);
    pv_import_report_clear(&report);
    return code;
}
