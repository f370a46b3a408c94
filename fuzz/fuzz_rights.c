/*
 * Laws: a state that its log signed for its agency is opened, whole and to the
 * byte, and says whose it is; with any byte changed, cut off or added it is
 * not; what is not signed is never opened. A body that is read gives no right
 * for a path or a grant that is not in it, and what a right opens no more is a
 * list of names.
 *
 * Input: an agency's id, a line end, numbers as "decision time flip", a line
 * end, and a body; the rest is signed here. The whole input is tried as a
 * state, too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "rights/rights.h"

#define LOG "registry.example/decisions"
#define PATH "/x/p/s/v1/m"
#define CALLS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct pv_note_key key;
static struct pv_ed25519 *secret;
static struct pv_sha256  *sha;

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const uint8_t seed[PV_ED25519_SEED_LEN] = {7};
    uint8_t              public_key[PV_ED25519_PUBLIC_LEN];

    (void)argc;
    (void)argv;
    must(pv_sha256_new(&sha) == PV_OK);
    must(pv_ed25519_from_seed(seed, &secret) == PV_OK);
    pv_ed25519_public(secret, public_key);
    must(pv_note_key_init(&key, PV_LIT(LOG), PV_NOTE_ED25519, public_key) ==
         PV_OK);
    return 0;
}

/* False: no state can be said like that. */
static bool
make_state(const struct pv_rights_head *said, struct pv_slice body,
           struct pv_buf *out)
{
    struct pv_rights_head head = *said;
    struct pv_buf         text;
    bool                  good;

    must(pv_sha256(sha, &body, 1, &head.body) == PV_OK);
    pv_buf_init(&text, PV_RIGHTS_TEXT_MAX);
    good = pv_rights_text(&key, &head, &text) == PV_OK;
    if (good) {
        must(pv_buf_add(out, pv_buf_view(&text)) == PV_OK);
        must(pv_buf_add_char(out, '\n') == PV_OK);
        must(pv_note_sign(out, &key, secret, pv_buf_view(&text), 0) == PV_OK);
        must(pv_buf_add(out, body) == PV_OK);
    }
    pv_buf_clear(&text);
    return good;
}

static bool
opens(struct pv_slice state, struct pv_slice agency)
{
    struct pv_rights_head head;
    struct pv_slice       body;

    return pv_rights_open(state, &key, agency, &head, &body) == PV_OK;
}

static void
state_law(const struct pv_rights_head *said, struct pv_slice body, size_t flip)
{
    struct pv_rights_head head;
    struct pv_slice       agency;
    struct pv_slice       found;
    struct pv_buf         state;
    size_t                at;

    pv_buf_init(&state, PV_RIGHTS_MAX);
    if (!make_state(said, body, &state)) {
        pv_buf_clear(&state);
        return;
    }
    must(pv_rights_open(pv_buf_view(&state), &key, said->agency, &head,
                        &found) == PV_OK);
    must(pv_slice_eq(found, body) && head.decision == said->decision &&
         head.when_s == said->when_s);
    must(pv_rights_agency(pv_buf_view(&state), &agency) == PV_OK &&
         pv_slice_eq(agency, said->agency));
    must(!pv_rights_is_older(&head, &head));
    must(!opens(pv_buf_view(&state), PV_LIT("another-agency")) ||
         pv_slice_eq(said->agency, PV_LIT("another-agency")));
    at = flip % state.len;
    must(!opens((struct pv_slice){state.ptr, at}, said->agency));
    state.ptr[at] = (char)(state.ptr[at] ^ (1 << flip % 8));
    must(!opens(pv_buf_view(&state), said->agency));
    state.ptr[at] = (char)(state.ptr[at] ^ (1 << flip % 8));
    must(pv_buf_add_char(&state, (char)flip) == PV_OK);
    must(!opens(pv_buf_view(&state), said->agency));
    pv_buf_clear(&state);
}

/* ---- its body ---- */

static void
items_law(struct pv_rights_items *items)
{
    size_t  i;
    json_t *name;

    must(items->open == NULL || json_is_array(items->open));
    must(items->over == NULL || json_array_size(items->over) > 0);
    json_array_foreach(items->over, i, name)
    {
        must(json_string_length(name) > 0);
    }
    pv_rights_items_clear(items);
}

static void
body_law(struct pv_slice body, int64_t when_ms)
{
    struct pv_rights      *rights = NULL;
    struct pv_rights_items items;
    struct pv_rights_call  call = {
         .grant = "g", .path = PATH, .system = "s", .when_ms = when_ms};
    size_t at = 0;

    if (pv_rights_read(body, &rights) != PV_OK) {
        must(rights == NULL);
        return;
    }
    if (pv_rights_allow(rights, &call, &items)) {
        items_law(&items);
    }
    for (int i = 0; i < CALLS_MAX && pv_rights_next(rights, &call, &at, &items);
         i++) {
        items_law(&items);
    }
    call.grant = "no such grant\x01";
    call.path = "/x/no\x01such/path/v1/m";
    must(!pv_rights_allow(rights, &call, &items));
    at = 0;
    must(!pv_rights_next(rights, &call, &at, &items));
    pv_rights_free(rights);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice       input = {(const char *)data, len};
    struct pv_rights_head head = {.decision = 0};
    struct pv_slice       line;
    struct pv_slice       part;
    struct pv_slice       body;
    uint64_t              flip = 0;

    must(!opens(input, PV_LIT("p"))); /* nobody signed it */
    (void)pv_slice_cut(input, '\n', &head.agency, &body);
    (void)pv_slice_cut(body, '\n', &line, &body);
    (void)pv_slice_cut(line, ' ', &part, &line);
    (void)pv_slice_to_u64(part, INT64_MAX, &head.decision); /* else 0 */
    (void)pv_slice_cut(line, ' ', &part, &line);
    (void)pv_slice_to_u64(part, INT64_MAX / 1000, &head.when_s); /* likewise */
    (void)pv_slice_to_u64(line, UINT32_MAX, &flip);              /* likewise */
    state_law(&head, body, (size_t)flip);
    body_law(body, (int64_t)head.when_s * 1000);
    return 0;
}
