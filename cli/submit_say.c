/* submit_say.c - where a new service stands, and what comes next. */
#include "submit.h"

#include <stdio.h>
#include <string.h>

/* In the order in which they can be taken; "then" is the state after it. */
static const struct step {
    enum pv_submit_record record;
    const char           *from;
    const char           *event;
    const char           *then;
    const char           *by; /* "": the provider's representative */
    const char           *kind;
} step[] = {
    {PV_SUBMIT_SERVICE_PASSPORT, "submitted", "evaluate", "under-evaluation",
     "representative/administrative-employment-organisation", "passport"},
    {PV_SUBMIT_SERVICE_PASSPORT, "under-evaluation", "confirm", "confirmed",
     "chair/interoperability-working-group", "passport"},
    {PV_SUBMIT_DATA_PASSPORT, "submitted", "evaluate", "under-evaluation",
     "representative/administrative-employment-organisation", "passport"},
    {PV_SUBMIT_DATA_PASSPORT, "under-evaluation", "confirm", "confirmed",
     "chair/interoperability-working-group", "passport"},
    {PV_SUBMIT_VERSION, "designed", "test", "tested", "", "version"},
    {PV_SUBMIT_VERSION, "tested", "go-live", "live",
     "operator/information-technology-organisation", "version"},
};

#define STEPS (sizeof(step) / sizeof(step[0]))

static const char *const title[PV_SUBMIT_RECORDS][2] = {
    [PV_SUBMIT_SERVICE] = {"service", "سرویس"},
    [PV_SUBMIT_VERSION] = {"version", "نسخه"},
    [PV_SUBMIT_SERVICE_PASSPORT] = {"passport", "شناسنامه سرویس"},
    [PV_SUBMIT_DATA_PASSPORT] = {"passport", "شناسنامه داده"},
};

/* Is this step still to come, when `state` holds each record's last one? */
static bool
is_to_come(const struct step *one, const char *state[PV_SUBMIT_RECORDS])
{
    if (strcmp(state[one->record], one->from) != 0) {
        return false;
    }
    state[one->record] = one->then; /* and then what follows it */
    return true;
}

static void
by_of(const struct pv_submit *submit, const struct step *one, char room[128])
{
    (void)snprintf(
        room, 128, "%s%s", one->by[0] == '\0' ? "representative/" : one->by,
        one->by[0] == '\0' ? submit->contract->provider : ""); /* it fits */
}

static void
begin(const struct pv_submit *submit, const char *state[PV_SUBMIT_RECORDS])
{
    for (size_t i = 0; i < PV_SUBMIT_RECORDS; i++) {
        state[i] = submit->state[i];
    }
}

/* ---- JSON ---- */

static void
say_list(struct pv_json *json, const char *name, const json_t *list)
{
    json_t *one;
    size_t  i;

    pv_json_array(json, name);
    json_array_foreach(list, i, one)
    {
        pv_json_text(json, NULL, json_string_value(one));
    }
    pv_json_end_array(json);
}

static void
say_steps(const struct pv_submit *submit, struct pv_json *json)
{
    const char *state[PV_SUBMIT_RECORDS];
    char        by[128];

    begin(submit, state);
    pv_json_array(json, "next");
    for (size_t i = 0; i < STEPS; i++) {
        if (is_to_come(&step[i], state)) {
            by_of(submit, &step[i], by);
            pv_json_object(json, NULL);
            pv_json_text(json, "kind", step[i].kind);
            pv_json_text(json, "event", step[i].event);
            pv_json_text(json, "id", submit->id[step[i].record]);
            pv_json_text(json, "by", by);
            pv_json_end_object(json);
        }
    }
    pv_json_end_array(json);
}

void
pv_submit_say_json(const struct pv_submit *submit, struct pv_json *json,
                   const char *name)
{
    pv_json_object(json, name);
    pv_json_u64(json, "sent", json_array_size(submit->decisions));
    pv_json_i64(json, "last", submit->last);
    pv_json_array(json, "records");
    for (size_t i = 0; i < PV_SUBMIT_RECORDS; i++) {
        pv_json_object(json, NULL);
        pv_json_text(json, "kind", title[i][0]);
        pv_json_text(json, "id", submit->id[i]);
        pv_json_text(json, "state", submit->state[i]);
        pv_json_end_object(json);
    }
    pv_json_end_array(json);
    say_list(json, "missing", submit->missing);
    say_list(json, "unknown_items", submit->unknown_items);
    pv_json_bool(json, "other_contract", submit->other_contract);
    say_steps(submit, json);
    pv_json_end_object(json);
}

/* ---- text ---- */

static enum pv_err
say_open(const struct pv_submit *submit, struct pv_buf *out)
{
    bool        fa = submit->lang == PV_LANG_FA;
    json_t     *one;
    size_t      i;
    enum pv_err err = PV_OK;

    json_array_foreach(submit->missing, i, one)
    {
        err = err != PV_OK
                  ? err
                  : pv_buf_addf(out,
                                fa ? "  %s: هنوز پر نشده است؛ شناسنامه "
                                     "پیش‌نویس می‌ماند\n"
                                   : "  %s: not filled in; its passport stays "
                                     "a draft\n",
                                json_string_value(one));
    }
    json_array_foreach(submit->unknown_items, i, one)
    {
        err = err != PV_OK
                  ? err
                  : pv_buf_addf(
                        out,
                        fa ? "  %s: در دفتر ثبت قلم داده نیست؛ "
                             "دبیرخانه آن را ثبت می‌کند\n"
                           : "  %s: no registered data item; the "
                             "secretariat registers it\n",
                        json_string_value(one));
    }
    if (err == PV_OK && submit->other_contract) {
        err = pv_buf_addf(
            out,
            fa ? "  %s: قرارداد دیگری دارد و دیگر عوض نمی‌شود؛ نسخه تازه بسازید\n"
               : "  %s: has another contract, and is not changed any more; make "
                 "a new version\n",
            submit->id[PV_SUBMIT_VERSION]);
    }
    return err;
}

static enum pv_err
say_next(const struct pv_submit *submit, struct pv_buf *out)
{
    const char *state[PV_SUBMIT_RECORDS];
    char        by[128];
    enum pv_err err =
        pv_buf_addf(out, "%s\n", pv_cli_text(submit->lang, "next:", "سپس:"));

    if (err == PV_OK && json_array_size(submit->missing) > 0) {
        err = pv_buf_addf(
            out, "  payvand service submit: %s\n",
            pv_cli_text(submit->lang, "when the forms are whole",
                        "هنگامی که فرم‌ها کامل شد"));
    }
    begin(submit, state);
    for (size_t i = 0; err == PV_OK && i < STEPS; i++) {
        if (is_to_come(&step[i], state)) {
            by_of(submit, &step[i], by);
            err = pv_buf_addf(out, "  payvand %s %s %s --as %s\n", step[i].kind,
                              step[i].event, submit->id[step[i].record], by);
        }
    }
    return err != PV_OK
               ? err
               : pv_buf_addf(out, "  payvand request file ... version=%s: %s",
                             submit->id[PV_SUBMIT_VERSION],
                             pv_cli_text(submit->lang, "each consumer (R-112)",
                                         "هر مصرف‌کننده (R-112)"));
}

enum pv_err
pv_submit_say_text(const struct pv_submit *submit, struct pv_buf *out)
{
    bool        fa = submit->lang == PV_LANG_FA;
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < PV_SUBMIT_RECORDS; i++) {
        err =
            pv_buf_addf(out, "%s %s: %s\n", title[i][fa ? 1 : 0], submit->id[i],
                        submit->state[i][0] == '\0' ? "-" : submit->state[i]);
    }
    if (err == PV_OK) {
        err = say_open(submit, out);
    }
    return err == PV_OK ? say_next(submit, out) : err;
}
