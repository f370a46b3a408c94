/*
 * reader.h - reads that may take long, in a process of their own (-P reader).
 *
 * Decisions are taken one after another, by one process; a view of a hundred
 * thousand commitments would hold all of them up. The registry hands such a
 * read to its reader with who asks, and goes on; the reader has a connection
 * of its own that cannot write, and gives one answer after the other, each of
 * one moment. The registry ends with it.
 *
 * Callers take turns: who has many reads waiting holds up only himself. An
 * answer that was given is held until its client has taken it; who holds much
 * of that gets no other, and the public has a share that nobody else has.
 *
 * On the socket (SOCK_SEQPACKET, both ends of one binary): a struct of
 * reader.c that asks; one with the head of the answer; its body in pieces of at
 * most PV_READER_PIECE_MAX bytes.
 *
 * Ownership: the caller owns the struct; a call's ->state is a place in it.
 * Threads:   one.    Blocks: start and end, for a bounded time.
 * Limits:    the PV_READS_*MAX below, PV_READ_WAIT_MS. "One" is a person, the
 *            systems of an agency, the console, or everybody who is nobody.
 */
#ifndef PV_REGISTRYD_READER_H
#define PV_REGISTRYD_READER_H

#include "caller.h"

#define PV_READS_MAX 64           /* asked and not answered */
#define PV_READS_OF_PUBLIC_MAX 16 /* of them: of nobody, and of him alone */
#define PV_READS_OF_ONE_MAX 8     /* of anybody else */
#define PV_READS_ANSWERED_MAX 192 /* and not wholly sent */
#define PV_READS_ANSWERED_OF_ONE_MAX 64
/* bytes of answers, when no other is begun */
#define PV_READS_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define PV_READS_BYTES_OF_ONE_MAX ((size_t)64 * 1024 * 1024)
#define PV_READ_WAIT_MS 60000 /* for an answer; nginx waits no longer */
#define PV_READER_ANSWER_MAX (64 * 1024 * 1024) /* PV_VIEW_ROWS_MAX rows */
#define PV_READER_PIECE_MAX (64 * 1024)

struct pv_reader;

/* Start the process; it has opened the store. PV_ESYS, PV_ECLOSED with words.
 */
enum pv_err pv_reader_start(const struct pv_registry_config *config,
                            struct pv_reader               **ret,
                            struct pv_why                   *why) PV_MUST_CHECK;
void        pv_reader_close(struct pv_reader *reader); /* ends the process */

/* Readable when the process has said something. */
int pv_reader_fd(const struct pv_reader *reader);

/*
 * Take what the process says, and ask it what waits. ret_state is the
 * ->state of a call that may go on, or NULL. PV_ECLOSED: the process ended;
 * PV_EPROTO: it said what it may not.
 */
enum pv_err pv_reader_round(struct pv_reader *reader, const void **ret_state,
                            struct pv_why *why) PV_MUST_CHECK;

/* A route's function, for those of pv_api_read_route: the reader answers. */
void pv_reader_ask(struct pv_reader *reader, const struct pv_caller *caller,
                   struct pv_server_call *call);

/* The process; its exit code. */
int pv_reader_main(const struct pv_registry_config *config);

#endif
