/*
 * options.h - the command line of payvand-traced; its children get the same
 * one with `-P name` before it.
 */
#ifndef PV_TRACED_OPTIONS_H
#define PV_TRACED_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "trace/journal.h"

struct options {                       /* texts are argv's; NULL: not given */
    const char               *process; /* -P: which child this is */
    const char               *dir;
    const char               *socket;
    const char               *node;
    const char               *log_dir;
    const char               *signer_dir;
    const char               *origin;
    const char               *token;  /* --pkcs11: the key's URI */
    const char               *accept; /* --accept-checkpoint: a file */
    const char               *witnesses;
    const char               *witness_ca;
    const char               *api; /* sockets of the reader */
    const char               *local;
    const char               *readers;
    const char               *policy_dir;
    uid_t                     api_uid;
    uid_t                     gateway_uid;
    uint64_t                  gather_us;
    uint64_t                  verify_len;
    struct pv_journal_options journal;
    uint64_t                  max_size;
    uint64_t                  retain_percent;
    bool                      check;
    bool                      count_answers;
    bool                      counts_from_journal;
    bool                      init_key;
};

/* 0: go on; otherwise an exit code + 1, and why was said on stderr. */
int options_parse(int argc, char **argv, struct options *ret);

#endif
