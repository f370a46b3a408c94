#include "heirs.h"

struct gathering {
    const struct pv_country *country;
    struct pv_heir          *heirs;
    uint32_t                 count;
};

static void
gather(struct gathering *gathering, uint32_t person, const char *relation)
{
    if (person != PV_NONE && gathering->count < PV_HEIRS_MAX &&
        pv_person_lives(&gathering->country->persons[person])) {
        gathering->heirs[gathering->count++] =
            (struct pv_heir){person, relation};
    }
}

uint32_t
pv_heirs_of(const struct pv_country *country, uint32_t deceased,
            struct pv_heir heirs[PV_HEIRS_MAX])
{
    const struct pv_person *person = &country->persons[deceased];
    struct gathering        gathering = {country, heirs, 0};

    for (uint32_t child = pv_next_child(country, deceased, PV_NONE);
         child != PV_NONE; child = pv_next_child(country, deceased, child)) {
        gather(&gathering, child, PV_HEIR_CHILD);
    }
    gather(&gathering, person->spouse, PV_HEIR_SPOUSE);
    gather(&gathering, person->father, PV_HEIR_FATHER);
    gather(&gathering, person->mother, PV_HEIR_MOTHER);
    return gathering.count;
}
