/* service_step.c - the steps of a command: one transaction. */
#include "contract/service_private.h"

static enum pv_err
take_step(struct pv_taker *taker, const json_t *object,
          const struct pv_method *method, struct pv_step *step)
{
    static const char *const keywords[] = {"statement", "needed", NULL};
    enum pv_err              err = pv_taker_only(taker, object, keywords);

    step->needed = true;
    if (err == PV_OK) {
        err = pv_taker_bool(taker, object, "needed", &step->needed);
    }
    return err == PV_OK ? pv_take_statement(taker, object, "statement", method,
                                            &step->statement)
                        : err;
}

enum pv_err
pv_take_steps(struct pv_taker *taker, const json_t *object,
              struct pv_method *method)
{
    const json_t *list;
    size_t        needed = 0;
    enum pv_err   err;

    if (json_object_get(object, "statement") != NULL) {
        return pv_taker_refuse(taker, "statement",
                               "a command has \"steps\" instead");
    }
    err = pv_taker_list(taker, object, "steps", PV_STEPS_MAX, &list);
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        size_t mark = pv_taker_enter_index(taker, "steps", i);

        method->step_count = i + 1; /* freed from here on */
        err =
            take_step(taker, json_array_get(list, i), method, &method->step[i]);
        needed += method->step[i].needed;
        pv_taker_leave(taker, mark);
    }
    if (err == PV_OK && needed == 0) {
        return pv_taker_refuse(taker, "steps",
                               "one step at least must be needed: nothing "
                               "else tells done from not done");
    }
    if (err == PV_OK && method->answer == PV_ANSWER_RECORD &&
        !method->step[method->step_count - 1].needed) {
        return pv_taker_refuse(taker, "steps",
                               "the last step gives the record: it is needed");
    }
    return err;
}
