/*
 * reg_economy.c - the economy ministry: electronic promissory notes with
 * the items printed on them, and the agencies that are members of SETAD.
 */
#include "registers.h"

#include "base/num.h"

#define VERIFY "promissory-note/verify-note"
#define PARTIES "promissory-note/note-parties"
#define INSTITUTION "monetary-financial-registry-inquiry/inquire"
#define COMPANIES_PER_INSTITUTION 40
#define SERIALS UINT64_C(10000000)
#define EXAMPLE_SERIAL 1
#define EXAMPLE_AMOUNT 1500000
#define PERSONS_PER_NOTE 20

/* catalogue/enactment.json, setad_members; a test compares the two. */
const struct pv_setad_member pv_setad_members[PV_SETAD_MEMBERS] = {
    {"ministry-education", "وزارت آموزش و پرورش", "99900140107", "1398-01-20",
     NULL, 1},
    {"tax-administration", "سازمان امور مالیاتی کشور", "99900143815",
     "1398-02-10", NULL, 1},
    {"national-post-company", "شرکت ملی پست", "99900147521", "1398-07-01", NULL,
     1},
    {"social-security-organisation", "سازمان تأمین اجتماعی", "99900151233",
     "1399-01-15", NULL, 1},
    {"mashhad-municipality", "شهرداری مشهد", "99900154941", "1399-05-12", NULL,
     1},
    {"ministry-energy", "وزارت نیرو", "99900158658", "1399-11-01", NULL, 1},
    {"tobacco-company", "شرکت دخانیات ایران", "99900162360", "1398-03-01",
     "1400-12-29", 0},
    {"astan-quds-razavi", "آستان قدس رضوی", "99900166076", NULL, NULL, 0},
};

#define CURRENT_MEMBERS 6
#define PARTY_COLUMNS(p)                                                       \
    p "_id TEXT, " p "_first_name TEXT, " p "_last_name TEXT, " p              \
      "_company_name TEXT, " p "_postal_code TEXT, " p "_address TEXT,"

static const char tables[] =
    "CREATE TABLE setad_member (agency_unique_id TEXT PRIMARY KEY,"
    " agency TEXT, member_since TEXT, member_until TEXT,"
    " is_current INTEGER) WITHOUT ROWID;"
    "CREATE TABLE institution (institution_id TEXT PRIMARY KEY, name TEXT,"
    " licence_status TEXT, last_change_date TEXT) WITHOUT ROWID;"
    "CREATE TABLE promissory_note (note_serial TEXT PRIMARY KEY,"
    " amount INTEGER, note_status TEXT, issued_on TEXT, due_on TEXT,"
    /* the parties as printed on the note */
    PARTY_COLUMNS("obligor")
        PARTY_COLUMNS("beneficiary") " CHECK (amount > 0)) WITHOUT ROWID";

static const char insert_note[] = "INSERT INTO promissory_note VALUES"
                                  " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/* What a note prints about a party; what does not apply is NULL. */
struct printed {
    char        id[PV_ID_ROOM];
    const char *first_name;
    const char *last_name;
    const char *company_name;
    const char *postal_code;
    const char *address;
    char        code_room[PV_ID_ROOM];
    char        name_room[PV_TEXT_ROOM];
    char        address_room[PV_TEXT_ROOM];
};

static void
print_address(const struct pv_country *country, uint32_t address,
              struct printed *to)
{
    pv_postal_code(country, address, to->code_room);
    pv_address_text(country, address, to->address_room);
    to->postal_code = to->code_room;
    to->address = to->address_room;
}

static void
print_person(const struct pv_country *country, uint32_t person,
             struct printed *to)
{
    pv_person_id(country, person, to->id);
    pv_person_last_name(country, person, to->name_room);
    to->first_name = pv_person_first_name(country, person);
    to->last_name = to->name_room;
    to->company_name = NULL;
    print_address(country, country->persons[person].address, to);
}

static void
print_company(const struct pv_country *country, uint32_t company,
              struct printed *to)
{
    pv_company_id(country, company, to->id);
    pv_company_name(country, company, to->name_room);
    to->first_name = NULL;
    to->last_name = NULL;
    to->company_name = to->name_room;
    print_address(country, country->companies[company].address, to);
}

static void
print_agency(const struct pv_setad_member *member, struct printed *to)
{
    pv_plain_id(member->unique_id, 0, 0, to->id);
    to->first_name = NULL;
    to->last_name = NULL;
    to->company_name = member->name;
    to->postal_code = NULL;
    to->address = NULL;
}

struct note {
    char           serial[PV_ID_ROOM];
    int64_t        amount;
    const char    *status;
    int32_t        issued;
    int32_t        due;
    struct printed obligor;
    struct printed beneficiary;
};

static void
pick_parties(const struct pv_country *country, struct pv_rng *rng,
             struct note *note)
{
    uint32_t at = pv_rng_below(rng, 100);

    if (pv_rng_chance(rng, 650)) {
        print_person(country, pv_pick_adult(country, rng, 20), &note->obligor);
    } else {
        print_company(country, pv_rng_below(rng, country->company_count),
                      &note->obligor);
    }
    if (at < 40) {
        print_person(country, pv_pick_adult(country, rng, 20),
                     &note->beneficiary);
    } else if (at < 80) {
        print_company(country, pv_rng_below(rng, country->company_count),
                      &note->beneficiary);
    } else {
        print_agency(&pv_setad_members[pv_rng_below(rng, CURRENT_MEMBERS)],
                     &note->beneficiary);
    }
}

static void
write_note(struct pv_writer *writer, const struct pv_country *country,
           const struct note *note)
{
    const struct printed *a = &note->obligor;
    const struct printed *b = &note->beneficiary;

    pv_writer_row(writer, 0,
                  "titttttttttttttt"
                  "t",
                  note->serial, note->amount, note->status,
                  pv_country_date(country, note->issued),
                  pv_country_date(country, note->due), a->id, a->first_name,
                  a->last_name, a->company_name, a->postal_code, a->address,
                  b->id, b->first_name, b->last_name, b->company_name,
                  b->postal_code, b->address);
}

static void
sample_parties(struct pv_samples *samples, const struct note *note)
{
    pv_sample_add(samples, PARTIES, "found", "asked by a member of SETAD",
                  "note_serial", note->serial, "agency_id",
                  pv_setad_members[0].unique_id, NULL);
    pv_sample_add(samples, PARTIES, "refused", "a member no longer",
                  "note_serial", note->serial, "agency_id",
                  pv_setad_members[6].unique_id, NULL);
    pv_sample_add(samples, PARTIES, "refused", "never was a member",
                  "note_serial", note->serial, "agency_id",
                  pv_setad_members[7].unique_id, NULL);
    pv_sample_add(samples, PARTIES, "not-found", "no such note", "note_serial",
                  "9999999999", "agency_id", pv_setad_members[0].unique_id,
                  NULL);
}

static void
sample_first(struct pv_samples *samples, const struct note *note)
{
    pv_sample_add(samples, VERIFY, "yes", "all four inputs match",
                  "note_serial", note->serial, "obligor_id:national_id",
                  note->obligor.id, "beneficiary_id:legal_person_id",
                  note->beneficiary.id, "amount", "1500000", NULL);
    pv_sample_add(samples, VERIFY, "no", "the amount differs", "note_serial",
                  note->serial, "obligor_id", note->obligor.id,
                  "beneficiary_id", note->beneficiary.id, "amount", "1500001",
                  NULL);
    pv_sample_add(samples, VERIFY, "no", "the parties are exchanged",
                  "note_serial", note->serial, "obligor_id",
                  note->beneficiary.id, "beneficiary_id", note->obligor.id,
                  "amount", "1500000", NULL);
    sample_parties(samples, note);
}

static void
sample_status(struct pv_samples *samples, const struct note *note,
              const char *words)
{
    char amount[PV_U64_TEXT_MAX + 1];

    if (pv_samples_with(samples, VERIFY, words) == 0) {
        amount[pv_u64_text((uint64_t)note->amount, amount)] = '\0';
        pv_sample_add(
            samples, VERIFY,
            note->status[0] == 'v' && note->status[1] == 'a' ? "yes" : "no",
            words, "note_serial", note->serial, "obligor_id", note->obligor.id,
            "beneficiary_id", note->beneficiary.id, "amount", amount, NULL);
    }
}

static void
make_note(const struct pv_country *country, struct pv_rng *rng,
          struct note *note)
{
    uint32_t at = pv_rng_below(rng, 100);

    pick_parties(country, rng, note);
    note->amount = (1 + (int64_t)pv_rng_below(rng, 5000)) * 1000000;
    note->status = at < 88 ? "valid" : at < 96 ? "settled" : "void";
    note->issued = country->as_of - pv_rng_between(rng, 1, 1400);
    note->due = note->issued + pv_rng_between(rng, 30, 1100);
}

/* Some companies are banks, insurers or brokers. */
static void
write_institutions(struct pv_making *making, int statement)
{
    static const char *const status[] = {"valid", "suspended", "valid",
                                         "revoked", "valid"};
    const struct pv_country *country = making->country;
    char                     id[PV_ID_ROOM];
    char                     name[PV_TEXT_ROOM];

    for (uint32_t i = 0; i < country->company_count;
         i += COMPANIES_PER_INSTITUTION) {
        const struct pv_company *at = &country->companies[i];

        pv_company_id(country, i, id);
        pv_company_name(country, i, name);
        pv_writer_row(making->writer, statement, "tttt", id, name,
                      status[i / COMPANIES_PER_INSTITUTION %
                             (sizeof(status) / sizeof(status[0]))],
                      pv_country_date(country, at->change_day));
        if (i == 0) {
            pv_sample_add(making->samples, INSTITUTION, "found",
                          "a licensed institution", "institution_id", id, NULL);
        }
    }
    pv_no_companys_id(id);
    pv_sample_add(making->samples, INSTITUTION, "not-found",
                  "no such institution", "institution_id", id, NULL);
}

void
pv_register_economy(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct pv_writer        *writer = making->writer;
    uint32_t                 count = country->person_count / PERSONS_PER_NOTE;
    struct pv_rng            rng;
    struct pv_perm           perm;
    struct note              note;

    pv_rng_init(&rng, country->seed, "economy");
    pv_perm_init(&perm, SERIALS, EXAMPLE_SERIAL, country->seed, "note");
    pv_writer_exec(writer, tables);
    (void)pv_writer_prepare(writer, insert_note);
    (void)pv_writer_prepare(writer,
                            "INSERT INTO setad_member VALUES (?,?,?,?,?)");
    for (uint32_t i = 0; i < PV_SETAD_MEMBERS; i++) {
        const struct pv_setad_member *at = &pv_setad_members[i];

        pv_writer_row(writer, 1, "tttti", at->unique_id, at->agency, at->since,
                      at->until, (int64_t)at->is_current);
    }
    for (uint32_t i = 0; i < count; i++) {
        make_note(country, &rng, &note);
        pv_plain_id("999", 7, pv_perm_at(&perm, i), note.serial);
        if (i == 0) { /* the catalogue's example */
            print_person(country, 0, &note.obligor);
            print_company(country, 0, &note.beneficiary);
            note.amount = EXAMPLE_AMOUNT;
            note.status = "valid";
            sample_first(making->samples, &note);
        }
        write_note(writer, country, &note);
        if (note.status[0] == 's') {
            sample_status(making->samples, &note, "a settled note");
        } else if (note.beneficiary.address == NULL && note.status[1] == 'a') {
            sample_status(making->samples, &note,
                          "the beneficiary is an agency");
        }
        pv_making_step(making, i, count);
    }
    write_institutions(
        making,
        pv_writer_prepare(writer, "INSERT INTO institution VALUES (?,?,?,?)"));
}
