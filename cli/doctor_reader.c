/*
 * doctor_reader.c - who shows the trace: the reader of payvand-traced on its
 * socket, and the API's nginx before it.
 */
#include "doctor.h"

#include <errno.h>
#include <unistd.h>

#include "reader_state.h"

static const struct pv_doctor_words reader_good = {
    "reader", "the reader of the trace answers",
    "خواننده دفتر پاسخ می‌دهد", NULL, NULL};
static const struct pv_doctor_words reader_others = {
    "reader.other-user",
    "the reader's socket is for other users: it was not asked",
    "سوکت خواننده دفتر برای کاربران دیگر است: از آن پرسیده نشد", NULL, NULL};
static const struct pv_doctor_words reader_silent = {
    "reader.silent",
    "the reader of the trace does not answer: calls go on, nobody can look",
    "خواننده دفتر پاسخ نمی‌دهد: فراخوانی‌ها ادامه دارند و کسی نمی‌تواند ببیند",
    "look at payvand-traced's log: traced.reader_failed says why",
    "گزارش payvand-traced را ببینید: traced.reader_failed دلیل را می‌گوید"};
static const struct pv_doctor_words api_good = {
    "api", "the API answers, and shows records to nobody without a certificate",
    "رابط پاسخ می‌دهد و بدون گواهی رکوردی نشان نمی‌دهد",
    NULL, NULL};
static const struct pv_doctor_words api_silent = {
    "api.silent", "the API's nginx does not answer",
    "nginx رابط پاسخ نمی‌دهد",
    "start it, and look at its error log",
    "آن را راه بیندازید و گزارش خطای آن را ببینید"};
static const struct pv_doctor_words api_alone = {
    "api.no-reader", "the API's nginx does not reach the reader of the trace",
    "nginx رابط به خواننده دفتر نمی‌رسد",
    "is payvand-traced's --api the socket of its configuration, and --api-uid "
    "its user?",
    "آیا ‎--api در payvand-traced همان سوکت پیکربندی آن و ‎--api-uid کاربر آن است؟"};
static const struct pv_doctor_words api_open = {
    "api.open", "the API shows records without a certificate",
    "رابط بدون گواهی رکورد نشان می‌دهد",
    "stop it; compare its configuration with packaging/nginx/api.conf.in",
    "آن را بایستانید و پیکربندی‌اش را با packaging/nginx/api.conf.in مقایسه کنید"};

static void
look_at_reader(struct pv_doctor *doctor)
{
    const char   *path = doctor->trace_socket;
    struct pv_why why = {""};
    long          status;

    if (access(path, W_OK) == -1 && errno == EACCES) {
        pv_doctor_add(doctor, PV_DOCTOR_WARN, &reader_others, "%s", path);
        return;
    }
    status = pv_reader_asked(path, &why);
    if (pv_reader_is_answer(status)) {
        pv_doctor_add(doctor, PV_DOCTOR_OK, &reader_good, "%s", path);
    } else if (status == 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &reader_silent, "%s: %s", path,
                      why.text);
    } else {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &reader_silent, "%s: HTTP %ld",
                      path, status);
    }
}

static void
look_at_api(struct pv_doctor *doctor)
{
    const char   *url = doctor->api;
    struct pv_why why = {""};
    long status = pv_api_asked(url, doctor->ca, PV_API_CHECKPOINT, &why);

    if (status == 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &api_silent, "%s: %s", url,
                      why.text);
        return;
    }
    if (!pv_reader_is_answer(status)) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &api_alone, "%s: HTTP %ld", url,
                      status);
        return;
    }
    status = pv_api_asked(url, doctor->ca, PV_API_REQUESTS, &why);
    if (status == 401) {
        pv_doctor_add(doctor, PV_DOCTOR_OK, &api_good, "%s", url);
    } else {
        pv_doctor_add(doctor, PV_DOCTOR_BAD,
                      status == 200 ? &api_open : &api_alone, "%s: HTTP %ld",
                      url, status);
    }
}

void
pv_doctor_reader(struct pv_doctor *doctor)
{
    if (doctor->trace_socket != NULL) {
        look_at_reader(doctor);
    }
    if (doctor->api != NULL) {
        look_at_api(doctor);
    }
}
