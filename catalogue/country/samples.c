#include "samples.h"

#include <stdarg.h>
#include <string.h>

void
pv_sample_add(struct pv_samples *samples, const char *method,
              const char *expect, const char *note, ...)
{
    struct pv_sample *sample = &samples->sample[samples->count];
    const char       *name;
    va_list           args;

    if (samples->count == PV_SAMPLES_MAX) {
        return;
    }
    *sample = (struct pv_sample){method, expect, note, 0, {NULL}, {{0}}};
    va_start(args, note);
    while ((name = va_arg(args, const char *)) != NULL &&
           sample->input_count < PV_SAMPLE_INPUTS_MAX) {
        struct pv_slice value = pv_slice_from(va_arg(args, const char *));
        uint32_t        at = sample->input_count++;

        sample->name[at] = name;
        if (pv_slice_to_cstr(value, sample->value[at], PV_SAMPLE_VALUE_ROOM) !=
            PV_OK) {
            va_end(args);
            return; /* too long to be a sample */
        }
    }
    va_end(args);
    samples->count++;
}

uint32_t
pv_samples_with(const struct pv_samples *samples, const char *method,
                const char *note)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < samples->count; i++) {
        found += pv_slice_eq(pv_slice_from(samples->sample[i].method),
                             pv_slice_from(method)) &&
                 pv_slice_eq(pv_slice_from(samples->sample[i].note),
                             pv_slice_from(note));
    }
    return found;
}

static void
write_input(const struct pv_sample *sample, uint32_t at, struct pv_json *json)
{
    struct pv_slice whole = pv_slice_from(sample->name[at]);
    struct pv_slice name;
    struct pv_slice type;
    bool            is_binary = pv_slice_cut(whole, '@', &name, &type);
    char            room[PV_SAMPLE_VALUE_ROOM];

    if (!is_binary && !pv_slice_cut(whole, ':', &name, &type)) {
        pv_json_text(json, sample->name[at], sample->value[at]);
        return;
    }
    if (pv_slice_to_cstr(name, room, sizeof(room)) == PV_OK) {
        pv_json_object(json, room);
        pv_json_string(json, is_binary ? "media" : "type", type);
        pv_json_text(json, is_binary ? "data" : "value", sample->value[at]);
        pv_json_end_object(json);
    }
}

static void
write_sample(const struct pv_sample *sample, struct pv_json *json)
{
    pv_json_object(json, NULL);
    pv_json_object(json, "input");
    for (uint32_t i = 0; i < sample->input_count; i++) {
        write_input(sample, i, json);
    }
    pv_json_end_object(json);
    pv_json_text(json, "expect", sample->expect);
    pv_json_text(json, "note", sample->note);
    pv_json_end_object(json);
}

void
pv_samples_write(const struct pv_samples *samples, struct pv_json *json)
{
    bool done[PV_SAMPLES_MAX] = {false};

    pv_json_object(json, "samples");
    for (uint32_t i = 0; i < samples->count; i++) {
        struct pv_slice method = pv_slice_from(samples->sample[i].method);

        if (done[i]) {
            continue;
        }
        pv_json_array(json, samples->sample[i].method);
        for (uint32_t j = i; j < samples->count; j++) {
            if (pv_slice_eq(method, pv_slice_from(samples->sample[j].method))) {
                write_sample(&samples->sample[j], json);
                done[j] = true;
            }
        }
        pv_json_end_array(json);
    }
    pv_json_end_object(json);
}
