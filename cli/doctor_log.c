/*
 * doctor_log.c - the log of this machine: does it go on, is it watched?
 */
#include "doctor.h"
#include "log_state.h"

static const struct pv_doctor_words words[] = {
    [PV_LOG_WELL] = {"log", "the log is signed and witnessed",
                     "دفتر امضا می‌شود و گواه دارد",
                     NULL, NULL},
    [PV_LOG_UNWITNESSED] =
        {"log.unwitnessed",
         "no witness watches the log: when the whole machine is restored from "
         "an old copy, nobody can tell",
         "هیچ گواهی بر این دفتر ناظر نیست: اگر همه دستگاه از نسخه‌ای کهنه "
         "بازگردانده شود کسی نمی‌فهمد",
         "let others run payvand witness, and name them with --witnesses",
         "از دیگران بخواهید payvand witness را اجرا کنند و با --witnesses "
         "نامشان را بدهید"},
    [PV_LOG_LATE] =
        {"log.late", "records wait too long for a published checkpoint",
         "رکوردها دیر به نقطه وارسی منتشر شده می‌رسند",
         "look at payvand-traced's log: the disk, the signer or the witnesses "
         "are slow",
         "گزارش payvand-traced را ببینید: دیسک، امضاکننده یا گواهان کند هستند"},
    [PV_LOG_UNREADABLE] =
        {"log.unreadable", "the log's status cannot be read",
         "وضعیت دفتر خوانده نمی‌شود",
         "start payvand-traced with --log, or ask as a user who may look there",
         "payvand-traced را با --log راه بیندازید یا با کاربری بپرسید که اجازه "
         "دارد"},
    [PV_LOG_QUIET] =
        {"log.quiet", "the log process does not run: calls go on, proofs wait",
         "پردازه دفتر کار نمی‌کند: فراخوانی‌ها ادامه دارند و گواهی‌ها منتظر "
         "می‌مانند",
         "look at payvand-traced's log, and start it again",
         "گزارش payvand-traced را ببینید و آن را دوباره راه بیندازید"},
    [PV_LOG_SPLIT] =
        {"log.split", "a witness has seen another history of this log",
         "گواهی تاریخچه دیگری از این دفتر دیده است",
         "stop, keep everything as evidence, and tell the auditors",
         "بایستید، همه چیز را به عنوان مدرک نگه دارید و به حسابرسان بگویید"},
    [PV_LOG_FORGOTTEN] =
        {"log.forgotten",
         "a witness was put back from an old copy: it has forgotten what it "
         "cosigned",
         "گواهی از نسخه‌ای کهنه بازگردانده شده و آنچه امضا کرده بود فراموش "
         "کرده است",
         "payvand-traced's log names it (log.witness_back): ask whoever runs "
         "it, and count on the others until then",
         "گزارش payvand-traced نامش را می‌گوید (log.witness_back): از گرداننده "
         "آن بپرسید و تا آن زمان به دیگران تکیه کنید"},
    [PV_LOG_UNCOUNTED] =
        {"log.uncounted",
         "the answers given under max_calls_answered are not known: no call "
         "of such a grant is forwarded",
         "شمار پاسخ‌های داده‌شده زیر max_calls_answered دانسته نیست: هیچ "
         "فراخوانی با چنین مجوزی فرستاده نمی‌شود",
         "stop payvand-traced, count them again with payvand-traced "
         "--count-answers --dir JOURNAL --log LOG, and start it",
         "payvand-traced را بایستانید، با payvand-traced --count-answers "
         "--dir JOURNAL --log LOG دوباره بشمارید و آن را راه بیندازید"},
    [PV_LOG_REFUSES] =
        {"log.refuses", "the log does not go on: calls do, proofs wait",
         "دفتر ادامه نمی‌یابد: فراخوانی‌ها ادامه دارند و گواهی‌ها منتظر می‌مانند",
         "do what the log says here; see payvand-traced(8), WHEN THE LOG "
         "REFUSES",
         "همان کنید که دفتر اینجا می‌گوید؛ payvand-traced(8) را ببینید"},
};

void
pv_doctor_log(struct pv_doctor *doctor)
{
    static const enum pv_doctor_level level[] = {
        [PV_LOG_WELL] = PV_DOCTOR_OK,
        [PV_LOG_UNWITNESSED] = PV_DOCTOR_WARN,
        [PV_LOG_LATE] = PV_DOCTOR_WARN,
        [PV_LOG_UNREADABLE] = PV_DOCTOR_BAD,
        [PV_LOG_QUIET] = PV_DOCTOR_BAD,
        [PV_LOG_SPLIT] = PV_DOCTOR_BAD,
        [PV_LOG_FORGOTTEN] = PV_DOCTOR_WARN,
        [PV_LOG_UNCOUNTED] = PV_DOCTOR_BAD,
        [PV_LOG_REFUSES] = PV_DOCTOR_BAD,
    };
    enum pv_log_state_what what;
    const char            *refusal;
    json_t                *state;

    if (doctor->log == NULL) {
        return;
    }
    state = pv_log_state(doctor->log, PV_LANG_EN, &what);
    if (state == NULL) {
        return; /* no memory for it: the next check will say so */
    }
    refusal = json_string_value(json_object_get(state, "refusal"));
    pv_doctor_add(doctor, level[what], &words[what], "%s%s%s", doctor->log,
                  refusal == NULL ? "" : ": ", refusal == NULL ? "" : refusal);
    json_decref(state);
}
