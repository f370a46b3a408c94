/*
 * payvand-overlay IMAGE FILE: the rows of FILE into a live image, in one
 * transaction. rows.c has the members.
 */
#include <stdio.h>

#include "overlay.h"

static enum pv_err
run(struct pv_import *import)
{
    uint64_t    changes;
    enum pv_err err = pv_image_begin(import->image, PV_IMAGE_CHANGE);

    if (err == PV_OK) {
        err = pv_import_set(import);
    }
    if (err == PV_OK && import->complaints > 0) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = pv_image_commit(import->image, &changes);
    } else {
        pv_image_abort(import->image);
    }
    return err;
}

int
main(int argc, char **argv)
{
    struct pv_import import = {.image = NULL};
    struct pv_why    why = {""};
    json_error_t     error;
    enum pv_err      err;

    if (argc != 3) {
        (void)fputs("payvand-overlay IMAGE FILE\n", stderr);
        return 2;
    }
    import.overlay = json_load_file(argv[2], JSON_REJECT_DUPLICATES, &error);
    if (import.overlay == NULL) {
        (void)fprintf(stderr, "%s: line %d: %s\n", argv[2], error.line,
                      error.text);
        return 1;
    }
    err = pv_image_open(argv[1], true, &import.image, &why);
    if (err == PV_OK) {
        err = run(&import);
    }
    if (err != PV_OK) {
        (void)fprintf(stderr, "payvand-overlay: %s %s\n", pv_err_text(err),
                      why.text);
    }
    pv_image_close(import.image);
    json_decref(import.overlay);
    return err == PV_OK ? 0 : 1;
}
