/* restore.c - batch after batch, from the files of a backup. */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/file.h"
#include "feed.h"
#include "people.h"

#define NAME_ROOM 32
#define FILE_MAX ((size_t)24 * 1024 * 1024)

static int
failed(const char *what, const struct pv_why *why, enum pv_err err)
{
    (void)fprintf(stderr, "payvand-registryd: %s: %s\n", what,
                  why->text[0] != '\0' ? why->text
                                       : pv_err_text(err)); /* exit code */
    return 1;
}

/* PV_ENOTFOUND: there is no batch behind that decision. */
static enum pv_err
take_file(struct pv_registry *registry, int dirfd,
          const struct pv_note_key *key, int64_t *last, uint64_t *ret_signed,
          struct pv_why *why)
{
    char                 name[NAME_ROOM];
    struct pv_feed_taken taken;
    struct pv_buf        file;
    enum pv_err          err;

    (void)snprintf(name, sizeof(name), "%012lld.json",
                   (long long)*last); /* it fits */
    pv_buf_init(&file, FILE_MAX);
    err = pv_file_read(dirfd, name, &file);
    if (err == PV_OK) {
        err = pv_feed_take(registry, pv_buf_view(&file), key, &taken, why);
    }
    if (err == PV_OK) {
        bool empty = taken.last == *last;

        *last = taken.last;
        *ret_signed = taken.size;
        json_decref(taken.owner);
        err = empty ? PV_ECORRUPT : PV_OK; /* it would come for ever */
    }
    pv_buf_clear(&file);
    return err;
}

static enum pv_err
take_all(struct pv_registry *registry, int dirfd, const struct pv_note_key *key,
         struct pv_why *why)
{
    int64_t     last = 0;
    int64_t     image = 0;
    uint64_t    head = 0;
    enum pv_err err = pv_registry_numbers(registry, &last, &image);

    while (err == PV_OK) {
        err = take_file(registry, dirfd, key, &last, &head, why);
    }
    if (err != PV_ENOTFOUND) {
        return err;
    }
    if ((uint64_t)last < head) {
        pv_why_set(why,
                   "the backup ends at decision %lld; its head signs %llu: "
                   "files are missing",
                   (long long)last, (unsigned long long)head);
        return PV_ECORRUPT;
    }
    return printf("restored to decision %lld\n", (long long)last) < 0 ? PV_ESYS
                                                                      : PV_OK;
}

int
pv_restore(const struct pv_registry_config *config, const char *dir,
           const char *vkey)
{
    struct pv_registry *registry = NULL;
    struct pv_note_key  key;
    struct pv_why       why = {""};
    int                 dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pv_err         err = PV_ESYS;

    if (dirfd == -1) {
        pv_why_set(&why, "%s: %s", dir, strerror(errno));
        return failed("not restored", &why, err);
    }
    err = pv_note_key_parse(pv_slice_from(vkey), &key);
    if (err == PV_OK) {
        err = pv_registry_open(config, &registry, &why);
    }
    if (err == PV_OK) {
        err = take_all(registry, dirfd, &key, &why);
    }
    pv_registry_close(registry);
    (void)close(dirfd); /* a folder: nothing to lose */
    return err == PV_OK ? 0 : failed("not restored", &why, err);
}

static bool
say_forgotten(const struct pv_forgotten *forgotten, bool yes)
{
    size_t  count = json_array_size(forgotten->persons);
    json_t *person;
    size_t  i;
    bool    ok = true;

    json_array_foreach(forgotten->persons, i, person)
    {
        ok = ok && printf("%s: %s\n",
                          yes ? "to be invited again" : "would be forgotten",
                          json_string_value(person)) >= 0;
    }
    return ok && printf("%zu of %zu %s forgotten\n", count, forgotten->sealed,
                        yes ? "are" : "would be") >= 0;
}

static enum pv_err
forget(struct pv_people *people, const char *secrets, bool yes,
       struct pv_why *why)
{
    struct pv_forgotten forgotten = {.persons = json_array()};
    enum pv_err         err =
        forgotten.persons == NULL
                    ? PV_ENOMEM
                    : pv_people_forget_sealed(people, secrets, !yes, &forgotten, why);
    size_t count = json_array_size(forgotten.persons);

    if (err == PV_OK && !say_forgotten(&forgotten, yes)) {
        err = PV_ESYS;
    }
    if (err == PV_OK && !yes && count > 0) {
        pv_why_set(why, "%s; nothing was changed, --yes forgets them",
                   count < forgotten.sealed
                       ? "no key of the file opens theirs"
                       : "no key of the file opens any: is it the right one?");
        err = PV_EREFUSED;
    }
    json_decref(forgotten.persons); /* accepts NULL */
    return err;
}

int
pv_forget_sealed(const struct pv_registry_config *config, const char *secrets,
                 bool yes)
{
    struct pv_registry *registry = NULL;
    struct pv_people   *people = NULL;
    struct pv_why       why = {""};
    enum pv_err         err = pv_registry_open(config, &registry, &why);

    if (err == PV_OK) {
        err = pv_people_open(registry, &people);
    }
    if (err == PV_OK) {
        err = forget(people, secrets, yes, &why);
    }
    pv_people_close(people);
    pv_registry_close(registry);
    return err == PV_OK ? 0 : failed("nobody was forgotten", &why, err);
}
