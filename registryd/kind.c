/*
 * kind.c - the list of kinds, and looking into their tables.
 */
#include "kind.h"

#include <string.h>

#include "base/utf8.h"
#include "kind_tables.h"

static const struct pv_kind_row *const kind_row[PV_KIND_END] = {
    [PV_KIND_AGENCY] = &pv_kind_agency,
    [PV_KIND_UNIT] = &pv_kind_unit,
    [PV_KIND_SYSTEM] = &pv_kind_system,
    [PV_KIND_CLUSTER] = &pv_kind_cluster,
    [PV_KIND_REGISTER] = &pv_kind_register,
    [PV_KIND_BODY] = &pv_kind_body,
    [PV_KIND_APPOINTMENT] = &pv_kind_appointment,
    [PV_KIND_DATA_ITEM] = &pv_kind_data_item,
    [PV_KIND_SERVICE] = &pv_kind_service,
    [PV_KIND_VERSION] = &pv_kind_version,
    [PV_KIND_PASSPORT] = &pv_kind_passport,
    [PV_KIND_REQUEST] = &pv_kind_request,
    [PV_KIND_GRANT] = &pv_kind_grant,
    [PV_KIND_MODE] = &pv_kind_mode,
    [PV_KIND_SUSPENSION] = &pv_kind_suspension,
    [PV_KIND_AGREEMENT] = &pv_kind_agreement,
    [PV_KIND_EXEMPTION] = &pv_kind_exemption,
    [PV_KIND_EXTENSION] = &pv_kind_extension,
    [PV_KIND_DISPUTE] = &pv_kind_dispute,
    [PV_KIND_NOTICE] = &pv_kind_notice,
    [PV_KIND_INSTRUCTION] = &pv_kind_instruction,
    [PV_KIND_LINK] = &pv_kind_link,
    [PV_KIND_INQUIRY] = &pv_kind_inquiry,
    [PV_KIND_REPRESENTATION] = &pv_kind_representation,
    [PV_KIND_PUBLICATION] = &pv_kind_publication,
    [PV_KIND_COMMITMENT] = &pv_kind_commitment,
    [PV_KIND_MEETING] = &pv_kind_meeting,
    [PV_KIND_RESOLUTION] = &pv_kind_resolution,
    [PV_KIND_PERSON] = &pv_kind_person,
    [PV_KIND_AUTHORITY] = &pv_kind_authority,
    [PV_KIND_CERTIFICATE_REQUEST] = &pv_kind_certificate_request,
    [PV_KIND_CERTIFICATE] = &pv_kind_certificate,
    [PV_KIND_CODE_LIST] = &pv_kind_code_list,
    [PV_KIND_CODE_MAP] = &pv_kind_code_map,
    [PV_KIND_OID] = &pv_kind_oid,
    [PV_KIND_CORRECTION] = &pv_kind_correction,
};

static const char *const basis_words[] = {"document", "proposed", NULL};

const struct pv_field pv_common_field[] = {
    {.name = "basis", .type = PV_FIELD_WORD, .words = basis_words},
    {.name = "note", .type = PV_FIELD_TEXT},
    {.name = "source", .type = PV_FIELD_JSON},
};
const size_t pv_common_field_count =
    sizeof(pv_common_field) / sizeof(pv_common_field[0]);

const struct pv_kind_row *
pv_kind_row(enum pv_kind kind)
{
    return kind_row[kind];
}

enum pv_err
pv_kind_from_word(struct pv_slice word, enum pv_kind *ret)
{
    for (int k = 0; k < PV_KIND_END; k++) {
        if (pv_slice_eq(word, pv_slice_from(kind_row[k]->name))) {
            *ret = (enum pv_kind)k;
            return PV_OK;
        }
    }
    return PV_ENOTFOUND;
}

enum pv_err
pv_kind_event(const struct pv_kind_row *kind, const char *word, size_t *ret)
{
    for (size_t e = 0; e < kind->event_count; e++) {
        if (strcmp(kind->events[e].word, word) == 0) {
            *ret = e;
            return PV_OK;
        }
    }
    return PV_ENOTFOUND;
}

enum pv_err
pv_kind_state(const struct pv_kind_row *kind, const char *word, size_t *ret)
{
    for (size_t s = 0; s < kind->state_count; s++) {
        if (strcmp(kind->states[s], word) == 0) {
            *ret = s;
            return PV_OK;
        }
    }
    return PV_ENOTFOUND;
}

size_t
pv_kind_next(const struct pv_kind_row *kind, size_t state, size_t event)
{
    return kind->next[state * kind->event_count + event];
}

bool
pv_is_record_id(struct pv_slice id)
{
    char before = '/';

    if (id.len == 0 || id.len > PV_RECORD_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!plain &&
            (before == '/' || (c != '-' && c != '.' && c != '_' && c != '/'))) {
            return false; /* each part begins with a letter or a digit */
        }
        before = c;
    }
    return before != '/';
}

/* Points that show as nothing, or make the rest show as something else. */
static bool
is_hidden(uint32_t point)
{
    return (point < 0x20 && point != '\n' && point != '\t') ||
           (point >= 0x7f && point <= 0x9f) ||     /* controls */
           (point >= 0x2028 && point <= 0x202e) || /* lines, overrides */
           (point >= 0x2060 && point <= 0x206f) || /* isolates, invisible */
           point == 0xfeff || (point >= 0xfdd0 && point <= 0xfdef) ||
           (point & 0xfffe) == 0xfffe ||           /* no characters */
           (point >= 0xe0000 && point <= 0xe0fff); /* tags */
}

bool
pv_is_clean_text(struct pv_slice text)
{
    uint32_t point;

    while (pv_utf8_next(&text, &point)) {
        if (is_hidden(point)) {
            return false;
        }
    }
    return text.len == 0; /* what is left is no UTF-8 */
}
