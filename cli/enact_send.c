/*
 * enact_send.c - batches of decisions, and what a refusal says.
 */
#include "enact_send.h"

#include "registry.h"

#define BATCH_MAX 1000
#define BATCH_BYTES_MAX ((size_t)4 * 1024 * 1024)

static int
add_bytes(const char *bytes, size_t len, void *context)
{
    return pv_buf_add(context, (struct pv_slice){bytes, len}) == PV_OK ? 0 : -1;
}

/* Which decision, by which rule, in the language asked for. */
static void
tell_refusal(enum pv_lang lang, const struct pv_enact_step *step, size_t count,
             struct pv_slice answer)
{
    json_t *problem = json_loadb(answer.ptr, answer.len, 0, NULL);
    size_t  index =
        (size_t)json_integer_value(json_object_get(problem, "index"));
    const json_t *decision = step[index < count ? index : 0].decision;
    const char   *rule = pv_enact_text(problem, "rule");

    pv_cli_error(
        "%s %s %s, %s: %s%s%s", pv_enact_text(decision, "kind"),
        pv_enact_text(decision, "id"), pv_enact_text(decision, "event"),
        pv_enact_text(decision, "date"), rule, rule[0] == '\0' ? "" : " ",
        pv_enact_text(problem, lang == PV_LANG_FA ? "title_fa" : "title"));
    json_decref(problem);
}

static bool
send_batch(const char *socket, enum pv_lang lang,
           const struct pv_enact_step *step, size_t count, struct pv_buf *body,
           struct pv_enact_totals *totals)
{
    struct pv_buf answer;
    struct pv_why why = {""};
    long          status = 0;
    json_t       *decided = NULL;
    bool          ok = false;

    pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
    if (pv_registry_ask(socket, "/registry/v1/decisions", pv_buf_view(body),
                        &status, &answer, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        goto out;
    }
    if (status != 200) {
        tell_refusal(lang, step, count, pv_buf_view(&answer));
        goto out;
    }
    decided = json_loadb(answer.ptr, answer.len, 0, NULL);
    totals->sent += (long long)count;
    totals->repeated +=
        json_integer_value(json_object_get(decided, "repeated"));
    ok = true;

out:
    json_decref(decided);
    pv_buf_clear(&answer);
    return ok;
}

bool
pv_enact_send(const char *socket, enum pv_lang lang,
              const struct pv_enact *enact, int64_t until,
              struct pv_enact_totals *totals)
{
    struct pv_buf body;
    size_t        begin = 0;
    bool          ok = true;

    pv_buf_init(&body, BATCH_BYTES_MAX);
    for (size_t i = 0; i < enact->count && ok; i++) {
        const struct pv_enact_step *step = &enact->step[i];
        bool                        is_last;

        if (step->day > until) {
            break;
        }
        ok = pv_buf_add_char(&body, body.len == 0 ? '[' : ',') == PV_OK &&
             json_dump_callback(step->decision, add_bytes, &body,
                                JSON_COMPACT) == 0;
        is_last = i + 1 == enact->count || i + 1 - begin == BATCH_MAX ||
                  enact->step[i + 1].day != step->day ||
                  body.len > BATCH_BYTES_MAX / 4;
        if (ok && is_last) {
            ok = pv_buf_add_char(&body, ']') == PV_OK &&
                 send_batch(socket, lang, &enact->step[begin], i + 1 - begin,
                            &body, totals);
            body.len = 0;
            begin = i + 1;
        }
    }
    pv_buf_clear(&body);
    return ok;
}

bool
pv_enact_list(const struct pv_enact *enact, int64_t until)
{
    bool ok = true;

    for (size_t i = 0; i < enact->count && ok; i++) {
        ok = enact->step[i].day > until ||
             (json_dumpf(enact->step[i].decision, stdout, JSON_COMPACT) == 0 &&
              fputc('\n', stdout) != EOF);
    }
    return ok && fflush(stdout) == 0;
}
