/* backup_private.h - what the files of backup.h share. */
#ifndef PV_TRACE_BACKUP_PRIVATE_H
#define PV_TRACE_BACKUP_PRIVATE_H

#include "trace/backup.h"
#include "trace/checkpoint.h"

#define COPY_CHUNK ((size_t)1 << 20)
#define TREE_DIR "tree"
#define CHECKPOINT_FILE "checkpoint"
#define HEAD_LINE "payvand-log-backup 1\n"
#define PATH_ROOM (PV_BACKUP_PATH_MAX + 65)

struct copier { /* copies files, each with its hash */
    struct pv_backup *backup;
    struct pv_why    *why;
    struct pv_sha256 *sha;
    uint8_t          *chunk;    /* COPY_CHUNK */
    struct pv_buf     manifest; /* lines so far */
    uint64_t          done;     /* bytes */
    uint64_t          total;    /* about; for the progress */
};

enum pv_err copier_init(struct copier *copier, struct pv_backup *backup,
                        struct pv_why *why) PV_MUST_CHECK;
void        copier_clear(struct copier *copier);

/*
 * Copy from's first data_len bytes into a new file of a directory, with zeros
 * behind them up to len; path is its name in the backup. ret_hash may be NULL.
 */
enum pv_err backup_copy_file(struct copier *copier, int from, uint64_t data_len,
                             uint64_t len, int to_dirfd, const char *name,
                             const char     *path,
                             struct pv_hash *ret_hash) PV_MUST_CHECK;

/* A line of the manifest. */
enum pv_err backup_note_file(struct copier *copier, const struct pv_hash *hash,
                             uint64_t len, const char *path) PV_MUST_CHECK;

/* Sets why to "what: the error", with errno when that tells. */
enum pv_err backup_failed(struct pv_why *why, enum pv_err err,
                          const char *what);

/* PV_EEXIST when there is anything in it but a file `lock`. */
enum pv_err backup_need_empty(int dirfd, const char *what,
                              struct pv_why *why) PV_MUST_CHECK;

/* Make when absent, and open; a name in a directory. */
enum pv_err backup_make_dir(int dirfd, const char *name,
                            int *ret_fd) PV_MUST_CHECK;

/* Read a file as a whole; PV_ENOTFOUND, PV_ERANGE above out->max. */
enum pv_err backup_read_file(int dirfd, const char *name,
                             struct pv_buf *out) PV_MUST_CHECK;
enum pv_err backup_write_file(int dirfd, const char *name,
                              struct pv_slice bytes) PV_MUST_CHECK;

/* The checkpoint in a note of the log's directory. PV_ENOTFOUND. */
enum pv_err backup_read_checkpoint(int log_dirfd, const char *name,
                                   struct pv_buf        *note,
                                   struct pv_checkpoint *ret) PV_MUST_CHECK;

/* Of a file that was read, or a directory; -1: nothing. */
void backup_close(int fd);

/* Is what was copied whole by itself? */
enum pv_err backup_check_copy(struct pv_backup *backup, int journal_dirfd,
                              int log_dirfd, struct pv_why *why) PV_MUST_CHECK;

void backup_say(const struct pv_backup *backup, const char *step, uint64_t done,
                uint64_t total);

#endif
