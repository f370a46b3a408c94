/*
 * cmd_doctor.c - `payvand doctor`: what is wrong with an installation, and how
 * to mend it. The looking is done in doctor_*.c.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

#include "cmd.h"
#include "doctor.h"

#define OUT_MAX_LEN (1024 * 1024)

static const char usage_en[] =
    "payvand doctor [OPTION...]\n"
    "\n"
    "Looks for what is wrong with an installation of Payvand and says how to\n"
    "mend it. It changes nothing.\n"
    "\n"
    "  --url URL         the exchange (PAYVAND_URL)\n"
    "  --ca FILE         who signed its key (PAYVAND_CA)\n"
    "  --api URL         the API that shows the trace (PAYVAND_API_URL)\n"
    "  --reader PATH     the trace's reader behind it (PAYVAND_TRACE_SOCKET)\n"
    "  --image DIR       the policy image (PAYVAND_IMAGE)\n"
    "  --journal DIR     the journal (PAYVAND_JOURNAL)\n"
    "  --log DIR         the log of this machine (PAYVAND_LOG)\n"
    "  --registry PATH   the registry's socket (PAYVAND_REGISTRY_SOCKET)\n"
    "  --socket PATH     the journal's socket (PAYVAND_JOURNAL_SOCKET)\n"
    "  --module FILE     the nginx module (PAYVAND_MODULE)\n"
    "  --nginx FILE      nginx (/usr/sbin/nginx)\n"
    "  --providers DIR   connectors' configurations (PAYVAND_PROVIDERS)\n"
    "  --all             also say what is well\n"
    "  --json\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Certificates are those that PAYVAND_CERT_* and PAYVAND_KEY_* name.\n"
    "What is not named is not looked at.\n"
    "\n"
    "Exit code: 0 nothing is broken, 1 something is, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand doctor [OPTION...]\n"
    "\n"
    "ایرادهای یک نصب پیوند را می‌یابد و راه رفع هر یک را می‌گوید. هیچ چیز را\n"
    "تغییر نمی‌دهد.\n"
    "\n"
    "  --url URL         نشانی مرکز تبادل (PAYVAND_URL)\n"
    "  --ca FILE         مرجع گواهی آن (PAYVAND_CA)\n"
    "  --api URL         رابط نمایش دفتر (PAYVAND_API_URL)\n"
    "  --reader PATH     خواننده دفتر پشت آن (PAYVAND_TRACE_SOCKET)\n"
    "  --image DIR       تصویر سیاست (PAYVAND_IMAGE)\n"
    "  --journal DIR     دفتر رویداد (PAYVAND_JOURNAL)\n"
    "  --log DIR         دفتر درهم‌سازی همین دستگاه (PAYVAND_LOG)\n"
    "  --registry PATH   سوکت دفتر ثبت (PAYVAND_REGISTRY_SOCKET)\n"
    "  --socket PATH     سوکت دفتر رویداد (PAYVAND_JOURNAL_SOCKET)\n"
    "  --module FILE     ماژول nginx (PAYVAND_MODULE)\n"
    "  --nginx FILE      برنامه nginx (/usr/sbin/nginx)\n"
    "  --providers DIR   پیکربندی رابط‌ها (PAYVAND_PROVIDERS)\n"
    "  --all             آنچه درست است هم گفته شود\n"
    "  --json\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "گواهی‌ها همان‌هایی است که PAYVAND_CERT_* و PAYVAND_KEY_* نام می‌برند.\n"
    "آنچه نام برده نشود بررسی نمی‌شود.\n"
    "\n"
    "کد خروج: ۰ ایرادی نیست، ۱ ایرادی هست، ۲ خط فرمان نادرست.\n";

static const struct option option[] = {
    {"url", required_argument, NULL, 'u'},
    {"ca", required_argument, NULL, 'c'},
    {"api", required_argument, NULL, 'A'},
    {"reader", required_argument, NULL, 'R'},
    {"image", required_argument, NULL, 'i'},
    {"journal", required_argument, NULL, 'J'},
    {"log", required_argument, NULL, 'L'},
    {"registry", required_argument, NULL, 'r'},
    {"socket", required_argument, NULL, 's'},
    {"module", required_argument, NULL, 'm'},
    {"nginx", required_argument, NULL, 'n'},
    {"providers", required_argument, NULL, 'p'},
    {"all", no_argument, NULL, 'a'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char *const level_word[PV_DOCTOR_LEVELS] = {
    [PV_DOCTOR_OK] = "ok",
    [PV_DOCTOR_WARN] = "warning",
    [PV_DOCTOR_BAD] = "broken",
};

static const char *const level_word_fa[PV_DOCTOR_LEVELS] = {
    [PV_DOCTOR_OK] = "درست",
    [PV_DOCTOR_WARN] = "هشدار",
    [PV_DOCTOR_BAD] = "ایراد",
};

void
pv_doctor_add(struct pv_doctor *doctor, enum pv_doctor_level level,
              const struct pv_doctor_words *words, const char *format, ...)
{
    struct pv_doctor_finding *finding;
    va_list                   list;

    if (doctor->count >= PV_DOCTOR_FINDINGS_MAX) {
        return;
    }
    finding = &doctor->finding[doctor->count++];
    finding->level = level;
    finding->words = words;
    va_start(list, format);
    (void)vsnprintf(finding->subject, sizeof(finding->subject), format,
                    list); /* cut is fine: it is for a person */
    va_end(list);
}

static int
print_json(const struct pv_doctor *doctor, size_t broken)
{
    struct pv_buf  out;
    struct pv_json json;
    size_t         i;
    int            result = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX_LEN);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_u64(&json, "broken", broken);
    pv_json_array(&json, "findings");
    for (i = 0; i < doctor->count; i++) {
        const struct pv_doctor_finding *finding = &doctor->finding[i];

        pv_json_object(&json, NULL);
        pv_json_text(&json, "id", finding->words->id);
        pv_json_text(&json, "level", level_word[finding->level]);
        pv_json_text(&json, "subject", finding->subject);
        pv_json_text(&json, "text", finding->words->en);
        pv_json_text(&json, "text_fa", finding->words->fa);
        if (finding->level != PV_DOCTOR_OK && finding->words->mend_en != NULL) {
            pv_json_text(&json, "mend", finding->words->mend_en);
            pv_json_text(&json, "mend_fa", finding->words->mend_fa);
        }
        pv_json_end_object(&json);
    }
    pv_json_end_array(&json);
    pv_json_end_object(&json);
    if (pv_json_finish(&json) == PV_OK) {
        result = pv_cli_print(&out);
    }
    pv_buf_clear(&out);
    return result;
}

static int
print(const struct pv_doctor *doctor, enum pv_lang lang, bool all,
      size_t broken)
{
    size_t i;
    size_t warnings = 0;
    int    bad = 0;

    for (i = 0; i < doctor->count; i++) {
        const struct pv_doctor_finding *finding = &doctor->finding[i];
        const char                     *mend =
            pv_cli_text(lang, finding->words->mend_en, finding->words->mend_fa);

        if (finding->level == PV_DOCTOR_WARN) {
            warnings++;
        }
        if (finding->level == PV_DOCTOR_OK && !all) {
            continue;
        }
        bad |= printf("%-8s %s: %s\n",
                      pv_cli_text(lang, level_word[finding->level],
                                  level_word_fa[finding->level]),
                      finding->subject,
                      pv_cli_text(lang, finding->words->en,
                                  finding->words->fa)) < 0;
        if (finding->level != PV_DOCTOR_OK && mend != NULL) {
            bad |= printf("         -> %s\n", mend) < 0;
        }
    }
    if (lang == PV_LANG_FA) {
        bad |= printf("%zu مورد بررسی شد، %zu ایراد، %zu هشدار\n",
                      doctor->count, broken, warnings) < 0;
    } else {
        bad |= printf("%zu looked at, %zu broken, %zu warnings\n",
                      doctor->count, broken, warnings) < 0;
    }
    return bad ? PV_EXIT_FAILED : PV_EXIT_OK;
}

static int
look(struct pv_doctor *doctor, const char *lang, bool all, bool as_json)
{
    size_t broken = 0;
    size_t i;
    int    printed;

    pv_doctor_machine(doctor);
    pv_doctor_nginx(doctor);
    pv_doctor_image(doctor);
    pv_doctor_journal(doctor);
    pv_doctor_log(doctor);
    pv_doctor_reader(doctor);
    pv_doctor_registry(doctor);
    pv_doctor_certificates(doctor);
    pv_doctor_connectors(doctor);
    pv_doctor_exchange(doctor);

    for (i = 0; i < doctor->count; i++) {
        broken += doctor->finding[i].level == PV_DOCTOR_BAD ? 1 : 0;
    }
    printed = as_json ? print_json(doctor, broken)
                      : print(doctor, pv_cli_lang(lang), all, broken);
    if (printed != PV_EXIT_OK) {
        return printed;
    }
    return broken > 0 ? PV_EXIT_FAILED : PV_EXIT_OK;
}

static void
from_environment(struct pv_doctor *doctor)
{
    doctor->url = getenv("PAYVAND_URL");
    doctor->ca = getenv("PAYVAND_CA");
    doctor->api = getenv("PAYVAND_API_URL");
    doctor->trace_socket = getenv("PAYVAND_TRACE_SOCKET");
    doctor->image = getenv("PAYVAND_IMAGE");
    doctor->journal = getenv("PAYVAND_JOURNAL");
    doctor->journal_socket = getenv("PAYVAND_JOURNAL_SOCKET");
    doctor->log = getenv("PAYVAND_LOG");
    doctor->registry = getenv("PAYVAND_REGISTRY_SOCKET");
    doctor->module = getenv("PAYVAND_MODULE");
    doctor->providers = getenv("PAYVAND_PROVIDERS");
    doctor->nginx = "/usr/sbin/nginx";
}

int
pv_cmd_doctor(int argc, char **argv)
{
    struct pv_doctor *doctor = calloc(1, sizeof(*doctor));
    const char       *lang = NULL;
    bool              all = false;
    bool              as_json = false;
    bool              help = false;
    int               which;
    int               result = PV_EXIT_USAGE;

    if (doctor == NULL) {
        pv_cli_error("no memory");
        return PV_EXIT_FAILED;
    }
    from_environment(doctor);
    optind = 1;
    while ((which = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        switch (which) {
        case 'u':
            doctor->url = optarg;
            break;
        case 'c':
            doctor->ca = optarg;
            break;
        case 'A':
            doctor->api = optarg;
            break;
        case 'R':
            doctor->trace_socket = optarg;
            break;
        case 'i':
            doctor->image = optarg;
            break;
        case 'J':
            doctor->journal = optarg;
            break;
        case 'L':
            doctor->log = optarg;
            break;
        case 'r':
            doctor->registry = optarg;
            break;
        case 's':
            doctor->journal_socket = optarg;
            break;
        case 'm':
            doctor->module = optarg;
            break;
        case 'n':
            doctor->nginx = optarg;
            break;
        case 'p':
            doctor->providers = optarg;
            break;
        case 'a':
            all = true;
            break;
        case 'j':
            as_json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'h':
            help = true;
            break;
        default:
            (void)pv_cli_usage_error("doctor"); /* the code is set */
            goto out;
        }
    }
    if (help) {
        result = fputs(pv_cli_text(pv_cli_lang(lang), usage_en, usage_fa),
                       stdout) < 0
                     ? PV_EXIT_FAILED
                     : PV_EXIT_OK;
        goto out;
    }
    if (optind != argc) {
        pv_cli_error("too many arguments");
        (void)pv_cli_usage_error("doctor"); /* the code is set */
        goto out;
    }
    result = look(doctor, lang, all, as_json);

out:
    free(doctor);
    return result;
}
