/*
 * churn.c - payvand-churn IMAGE PATH COUNT: COUNT changes of one method's
 * deadline in a live image, each a transaction of its own by the image's
 * writer. Readers must keep up and the file must not grow with the count.
 */
#include "base/num.h"
#include "policy/image.h"

static void
must(enum pv_err err, const char *what)
{
    if (err != PV_OK) {
        (void)fprintf(stderr, "payvand-churn: %s: %s\n", what,
                      pv_err_text(err));
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    static struct pv_image_method row;
    struct pv_image              *image = NULL;
    struct pv_why                 why = {""};
    struct pv_slice               path;
    uint64_t                      count = 0;
    uint64_t                      written = 0;

    if (argc != 4) {
        (void)fputs("usage: payvand-churn IMAGE PATH COUNT\n", stderr);
        return 2;
    }
    path = pv_slice_from(argv[2]);
    must(pv_slice_to_u64(pv_slice_from(argv[3]), 1000000, &count), "count");
    must(pv_image_open(argv[1], false, &image, &why), why.text);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t changes = 0;

        must(pv_image_begin(image, PV_IMAGE_CHANGE), "begin");
        must(pv_image_get_method(image, path, &row), "method");
        row.row.deadline_ms = (uint32_t)(5000 + i % 1000);
        must(pv_image_put_method(image, path, &row), "method");
        must(pv_image_commit(image, &changes), "commit");
        written += changes;
    }
    pv_image_close(image);
    (void)printf("%llu\n", (unsigned long long)written);
    return 0;
}
