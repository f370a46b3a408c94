/*
 * doctor_registry.c - does the registry answer, and has the image followed it?
 */
#include "doctor.h"
#include "registry.h"

enum { WELL, QUIET, BEHIND, WAITS, AHEAD, ENDING };

#define ENDING_DAYS 14

static const struct pv_doctor_words words[] = {
    [WELL] =
        {"registry", "the registry answers; its image is up to date",
         "دفتر ثبت پاسخ می‌دهد و تصویر آن به‌روز است",
         NULL, NULL},
    [QUIET] =
        {"registry.quiet",
         "the registry does not answer: calls go on, decisions wait",
         "دفتر ثبت پاسخ نمی‌دهد: فراخوانی‌ها ادامه دارد و تصمیم‌ها می‌ماند",
         "start payvand-registryd; its log says why it ended, and "
         "--operator-uid names who may ask",
         "payvand-registryd را راه بیندازید؛ گزارش آن علت را می‌گوید و "
         "--operator-uid نام پرسندگان مجاز است"},
    [BEHIND] =
        {"registry.behind",
         "decisions are not in the policy image: they are not in force",
         "تصمیم‌هایی در تصویر سیاست نیست و اجرا نمی‌شود",
         "look at payvand-registryd's log: the image cannot be written",
         "گزارش payvand-registryd را ببینید: تصویر نوشته نمی‌شود"},
    [WAITS] =
        {"registry.authority",
         "an authority refuses what was decided: certificates wait, or its "
         "list lacks revoked ones (the exchange refuses them all the same)",
         "مرجع صدور آنچه تصمیم گرفته شده را نمی‌پذیرد: گواهی‌ها می‌مانند یا "
         "فهرست باطل‌ها کامل نیست (مرکز تبادل آنها را در هر حال رد می‌کند)",
         "look at payvand-registryd's log for registry.authority_refuses: a "
         "full disk most of all; it asks again by itself",
         "در گزارش payvand-registryd علت registry.authority_refuses را ببینید، "
         "بیش از همه پر بودن دیسک؛ خود دوباره می‌پرسد"},
    [AHEAD] =
        {"registry.authority_ahead",
         "an authority has issued certificates that no decision here knows: the "
         "registry is an older copy than its authority. The exchange refuses "
         "them, and OCSP still says good",
         "مرجع صدور گواهی‌هایی داده که هیچ تصمیمی در اینجا آنها را نمی‌شناسد: "
         "دفتر ثبت نسخه‌ای کهنه‌تر از مرجع است. مرکز تبادل آنها را رد می‌کند و "
         "OCSP هنوز آنها را معتبر می‌خواند",
         "revoke them and have them renewed: their serials are in the "
         "authority's directory, issued/ (docs/keys.md, An older copy)",
         "آنها را باطل و تمدید کنید: شماره سریال آنها در پوشه مرجع، issued/ "
         "است (docs/keys.md)"},
    [ENDING] =
        {"registry.ending",
         "certificates end within two weeks, or have ended, and no other key "
         "follows",
         "گواهی‌هایی تا دو هفته دیگر پایان می‌یابد یا پایان یافته و کلید "
         "دیگری جانشین آنها نیست",
         "payvand certificate ending says whose; their agencies renew them "
         "(docs/keys.md)",
         "payvand certificate ending صاحبان آنها را می‌گوید؛ دستگاه‌ها تمدید "
         "می‌کنند (docs/keys.md)"},
};

/* Those of authorities, and of systems that have not renewed. */
static void
check_ending(struct pv_doctor *doctor)
{
    char          path[64];
    struct pv_why why = {""};
    json_t       *view = NULL;
    json_t       *row;
    size_t        i;
    size_t        count = 0;

    (void)snprintf(path, sizeof(path), "/registry/v1/views/ending?within=%d",
                   ENDING_DAYS);
    if (pv_registry_get_whole(doctor->registry, path, &view, &why) != PV_OK) {
        pv_doctor_add(doctor, PV_DOCTOR_WARN, &words[QUIET], "%s: %s",
                      doctor->registry, why.text);
        return;
    }
    count = json_array_size(json_object_get(view, "authorities"));
    json_array_foreach(json_object_get(view, "certificates"), i, row)
    {
        count += !json_is_true(json_object_get(row, "renewed"));
    }
    if (count > 0) {
        pv_doctor_add(doctor, PV_DOCTOR_WARN, &words[ENDING], "%s, %zu",
                      doctor->registry, count);
    }
    json_decref(view);
}

void
pv_doctor_registry(struct pv_doctor *doctor)
{
    struct pv_why why = {""};
    json_t       *status = NULL;
    json_int_t    behind;
    json_int_t    waits;
    json_int_t    ahead;

    if (doctor->registry == NULL) {
        return;
    }
    if (pv_registry_get_json(doctor->registry, "/registry/v1/status", &status,
                             &why) != PV_OK) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &words[QUIET], "%s: %s",
                      doctor->registry, why.text);
        return;
    }
    behind = json_integer_value(json_object_get(status, "last")) -
             json_integer_value(json_object_get(status, "image"));
    pv_doctor_add(doctor, behind == 0 ? PV_DOCTOR_OK : PV_DOCTOR_BAD,
                  &words[behind == 0 ? WELL : BEHIND], "%s, %lld",
                  doctor->registry,
                  (long long)json_integer_value(
                      json_object_get(status, behind == 0 ? "last" : "image")));
    waits = json_integer_value(json_object_get(status, "authority_waits"));
    if (waits > 0) {
        pv_doctor_add(doctor, PV_DOCTOR_WARN, &words[WAITS], "%s, %lld",
                      doctor->registry, (long long)waits);
    }
    ahead = json_integer_value(json_object_get(status, "authority_ahead"));
    if (ahead > 0) {
        pv_doctor_add(doctor, PV_DOCTOR_WARN, &words[AHEAD], "%s, %lld",
                      doctor->registry, (long long)ahead);
    }
    json_decref(status);
    check_ending(doctor);
}
