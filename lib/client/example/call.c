/*
 * call.c - the smallest program with libpayvand: one inquiry, its answer on
 * standard output. Built with
 *
 *     cc call.c $(pkg-config --cflags --libs payvand) -o call
 */
#include <payvand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
    struct payvand      *exchange = payvand_new();
    struct payvand_call *call = NULL;
    const char          *answer;
    size_t               len;
    int                  result = EXIT_FAILURE;

    if (argc != 3 || exchange == NULL) {
        (void)fprintf(stderr, "usage: call METHOD JSON\n");
        goto out;
    }
    /* a file that is absent is said by the call */
    (void)payvand_set(exchange, PAYVAND_URL, getenv("PAYVAND_URL"));
    (void)payvand_set(exchange, PAYVAND_CA, getenv("PAYVAND_CA"));
    (void)payvand_set(exchange, PAYVAND_CERT, getenv("PAYVAND_CERT"));
    (void)payvand_set(exchange, PAYVAND_KEY, getenv("PAYVAND_KEY"));
    (void)payvand_set(exchange, PAYVAND_PROVIDER_KEYS,
                      getenv("PAYVAND_PROVIDER_KEYS"));
    call = payvand_call_new(exchange, argv[1]);
    if (call == NULL) {
        (void)fprintf(stderr, "not PROVIDER/SERVICE/VERSION/METHOD\n");
        goto out;
    }
    if (payvand_call_run(call, argv[2], strlen(argv[2])) != PAYVAND_OK) {
        (void)fprintf(stderr, "%s\n", payvand_call_error(call));
        goto out;
    }
    answer = payvand_call_answer(call, &len);
    if (strcmp(payvand_call_outcome(call), "answered") != 0) {
        const char *title = payvand_call_problem(call, "title");

        (void)fprintf(stderr, "%s: %s\n", payvand_call_outcome(call),
                      title == NULL ? "" : title);
        goto out;
    }
    (void)fwrite(answer, 1, len, stdout);
    (void)fprintf(stderr, "%s %s\n", payvand_call_tracking_id(call),
                  payvand_call_is_verified(call) ? "verified" : "not verified");
    result = EXIT_SUCCESS;

out:
    payvand_call_free(call);
    payvand_free(exchange);
    return result;
}
