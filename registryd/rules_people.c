/*
 * rules_people.c - what must hold for persons: an id that is nobody else's,
 * one national sign-in for one person.
 */
#include <string.h>

#include "kind_tables.h"
#include "people.h"
#include "rules.h"

/* Offices (role/place) and the machine's own names are no persons. */
enum pv_err
pv_rule_person(struct pv_change *change)
{
    if (strchr(change->id, '/') == NULL &&
        strlen(change->id) <= PV_PERSON_MAX &&
        strcmp(change->id, "console") != 0) {
        return PV_OK;
    }
    return pv_refuse(change->context->refusal, "R-095", "person-id",
                     "%s: a person's id has no \"/\", at most %d characters "
                     "and is not \"console\"",
                     "%s: شناسه شخص «/» ندارد، حداکثر %d نویسه است و «console» "
                     "نیست",
                     change->id, PV_PERSON_MAX);
}

/* "issuer subject": neither has a space in it. */
static enum pv_err
subject_key(const struct pv_change *change, char room[2 * PV_SUBJECT_MAX + 2])
{
    const char *issuer = pv_member(change->body, "issuer");
    const char *subject = pv_member(change->body, "subject");

    if (strlen(issuer) > PV_SUBJECT_MAX || strlen(subject) > PV_SUBJECT_MAX ||
        issuer[0] == '\0' || subject[0] == '\0' ||
        issuer[strcspn(issuer, " \t\n")] != '\0' ||
        subject[strcspn(subject, " \t\n")] != '\0') {
        return PV_EINVAL;
    }
    return snprintf(room, 2 * PV_SUBJECT_MAX + 2, "%s %s", issuer, subject) > 0
               ? PV_OK
               : PV_ESYS;
}

enum pv_err
pv_rule_link(struct pv_change *change)
{
    char        key[2 * PV_SUBJECT_MAX + 2];
    json_t     *ids = NULL;
    const char *other;
    enum pv_err err;

    if (subject_key(change, key) != PV_OK) {
        return pv_refuse(change->context->refusal, "R-095", "subject",
                         "%s: an issuer and a subject have no blanks and at "
                         "most %d characters",
                         "%s: صادرکننده و شناسه ورود ملی فاصله ندارد و حداکثر "
                         "%d نویسه است",
                         change->id, PV_SUBJECT_MAX);
    }
    err = pv_record_users(change->context->registry, "subject", key,
                          PV_KIND_PERSON, &ids);
    other = json_string_value(json_array_get(ids, 0));
    if (err == PV_OK && other != NULL && strcmp(other, change->id) != 0) {
        err = pv_refuse(change->context->refusal, "R-095", "subject-taken",
                        "%s: this national sign-in belongs to %s",
                        "%s: این ورود ملی متعلق به %s است", change->id, other);
    }
    json_decref(ids);
    return err;
}

enum pv_err
pv_rule_unlink(struct pv_change *change)
{
    if (json_object_get(change->body, "subject") == NULL) {
        return pv_refuse(change->context->refusal, "R-095", "not-linked",
                         "%s has no national sign-in", "%s ورود ملی ندارد",
                         change->id);
    }
    (void)json_object_del(change->body, "issuer"); /* they go together */
    (void)json_object_del(change->body, "subject");
    return PV_OK;
}

enum pv_err
pv_refer_person(struct pv_change *change)
{
    char        key[2 * PV_SUBJECT_MAX + 2];
    enum pv_err err;

    if (json_object_get(change->body, "subject") == NULL) {
        return PV_OK;
    }
    err = subject_key(change, key);
    return err == PV_OK ? pv_record_refer(change, "subject", "subject", key)
                        : err;
}
