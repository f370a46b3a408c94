/*
 * import_scene.h - an image made of the real catalogue, for the tests of the
 * import.
 */
#ifndef PV_TESTS_IMPORT_SCENE_H
#define PV_TESTS_IMPORT_SCENE_H

#include <jansson.h>

#include "import.h"
#include "policy_fixture.h"

struct scene {
    struct fixture    fixture;
    struct pv_policy *policy;
    json_t           *enactment;
    char              deployment[128];
};

void scene_open(struct scene *scene);
void scene_close(struct scene *scene);

/* A file of the catalogue; the caller's reference. */
json_t *load(const char *name);

/* The key of a name in hex, as policy_fixture.h makes it. */
void hex_key(const char *name, char hex[2 * PV_KEY_HASH_LEN + 1]);

/* One import; the number of complaints, the first of them in text. */
size_t run_import(struct scene *scene, const char *overlay,
                  uint64_t *ret_changes, char text[256]);

/* An overlay given as JSON text; complaints as run_import. */
size_t overlay(struct scene *scene, const char *json, char text[256]);

/* Find and decide a call from 127.0.0.1. */
enum pv_reason call(struct scene *scene, const char *name, const char *path,
                    const char *purpose, bool consent,
                    struct pv_decision *decision, struct pv_found *found);

#endif
