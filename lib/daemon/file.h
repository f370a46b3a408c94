/*
 * file.h - small files that are replaced as a whole.
 *
 * Blocks: on the disk.  Errors: PV_ESYS (errno tells), PV_ENOMEM,
 *         PV_ERANGE: the name or the file is too long.
 */
#ifndef PV_DAEMON_FILE_H
#define PV_DAEMON_FILE_H

#include "base/buf.h"

#define PV_FILE_MODE_GROUP 0640 /* a group may be let to read the trace */
#define PV_FILE_MODE_OWN 0600
#define PV_FILE_NAME_MAX 123 /* bytes of a name that is replaced */

/*
 * name is of dirfd's own, without a slash. Write name.tmp, fsync, rename to
 * name, fsync the directory: after a crash the old or the new content is there.
 * After an error it is not known which.
 */
enum pv_err pv_file_replace(int dirfd, const char *name, struct pv_slice bytes,
                            int mode) PV_MUST_CHECK;

/* The same without the fsyncs, for what may be lost, now too. */
void pv_file_replace_lightly(int dirfd, const char *name, struct pv_slice bytes,
                             int mode);

/* All of a plain file behind what ret holds. PV_ENOTFOUND; PV_ERANGE: it is
   longer than ret may become. */
enum pv_err pv_file_read(int dirfd, const char *name,
                         struct pv_buf *ret) PV_MUST_CHECK;

/* Make a folder if it is not there, durably. */
enum pv_err pv_folder_make(int dirfd, const char *name, int mode) PV_MUST_CHECK;

/*
 * Hold fd's lock (flock) for this open file and its copies alone. Waits 2 s for
 * a process that was just killed and still holds it. PV_EEXIST: another holds
 * it; PV_ESYS.
 */
enum pv_err pv_file_lock(int fd) PV_MUST_CHECK;

/* Whether there is something of that name. */
bool pv_file_is_there(int dirfd, const char *name);

#endif
