/*
 * traced.h - what the files of payvand-traced share.
 *
 * One thread does all the work; a second one only makes the next segment's
 * zeros ready (spare.c). Everything hangs from struct traced.
 */
#ifndef PV_TRACED_H
#define PV_TRACED_H

#include <fcntl.h>
#include <pthread.h>
#include <sys/types.h>

#include "daemon/event.h"
#include "sandbox.h"
#include "snapshot.h"
#include "state.h"
#include "trace/journal.h"
#include "trace/journal_read.h"
#include "trace/record.h"
#include "trace/wire.h"

#define PEERS_MAX 128          /* workers connected at once */
#define PEER_QUEUE_MAX 256     /* packets waiting for one worker */
#define EPOCHS_MAX 1024        /* worker epochs remembered */
#define EPOCH_FRAMES 4096      /* frames remembered of one; a power of two */
#define EPOCH_RESEND_MS 600000 /* away for longer: forgotten */
#define WORKER_GRACE_MS 5000   /* a worker that is back by then was not lost */
#define PENDING_MAX 4096       /* frames in one commit */
#define EFFECTS_MAX 65536
#define EFFECTS_FRAME_MAX (2 * PV_WIRE_RECORDS_MAX + 2 * PV_COMPLETIONS_MAX + 1)
#define COUNT_KEYS_MAX (1u << 20) /* grant x consumer x path in a day */
#define COUNT_OWNERS (1u << 20)   /* calls whose end may take a count back */
#define COUNT_NONE UINT32_MAX
#define MARK_AFTER_MS 1000 /* idle time before a mark */
#define RETRY_MIN_MS 250   /* a journal that cannot be written */
#define RETRY_MAX_MS 30000

/* ---- counts.c: what was forwarded today -------------------------------- */

struct count_key;
struct count_call;

struct counts {
    int64_t           day; /* Tehran day number */
    struct count_key *key; /* dense, in order of first use */
    uint32_t          key_count;
    uint32_t          key_cap;
    char             *text; /* what the keys point into */
    size_t            text_len;
    size_t            text_cap;
    uint32_t         *slot;       /* hash table of key number + 1 */
    uint32_t          slot_count; /* a power of two */
    struct count_owner {
        uint32_t index_low;
        uint32_t key;
    } * owner;
    uint32_t           generation; /* of the day; in the high bits of a key */
    struct count_call *call;       /* of the frame at hand */
    uint32_t           call_count;
    bool               full_logged;
};

enum pv_err counts_init(struct counts *counts) PV_MUST_CHECK;
void        counts_clear(struct counts *counts);
/*
 * The keys of a frame's calls, found together: begin, gather each call while
 * its bytes stand, find. A key is COUNT_NONE when it is of an earlier day.
 */
void counts_begin(struct counts *counts);
void counts_gather(struct counts *counts, const struct pv_request_record *r,
                   uint32_t *ret_key);
void counts_find(struct counts *counts);
void counts_add(struct counts *counts, uint32_t key, uint64_t index);
void counts_take_back(struct counts *counts, uint64_t index);
/* For the snapshot; after a failed load, reset. */
enum pv_err counts_save(const struct counts *counts, uint64_t next_index,
                        struct pv_buf *out) PV_MUST_CHECK;
enum pv_err counts_load(struct counts *counts,
                        struct saved  *saved) PV_MUST_CHECK;
void        counts_reset(struct counts *counts);
/*
 * Fill a COUNTS packet with keys from *at on; its length. *at becomes
 * UINT32_MAX at the end.
 */
size_t counts_packet(const struct counts *counts, int64_t today, uint32_t *at,
                     uint8_t packet[PV_WIRE_PACKET_MAX]);

/* ---- uses.c: grants of which only so many calls may be answered ---------- */

#define USES_MAX 4095      /* such grants, ever; twelve bits of a key */
#define USES_OPEN_MAX 4096 /* calls of them under way, but for a first one */
#define USES_NONE USES_MAX /* no room: none may be answered */
#define USES_LATE_MAX EFFECTS_MAX

struct use;

struct use_open {   /* came in time, and its end is not known yet */
    uint64_t index; /* of the request */
    uint64_t epoch;
    uint32_t use;
};

struct use_late {   /* came too late: not to be forwarded */
    uint64_t frame; /* index of its frame's first leaf */
    uint32_t position;
    bool     spent; /* every answer is given; else others are under way */
};

/* Not of one day: it is built from all that was ever written. */
struct uses {
    struct use      *use;
    struct use_open *open; /* in no order */
    struct use_late *late; /* of the frames that wait for their answer */
    uint32_t         use_count;
    uint32_t         open_count;
    uint32_t         late_count;
    bool unknown; /* older answers are not counted: no more may be given */
    bool full_said;
};

enum pv_err uses_init(struct uses *uses) PV_MUST_CHECK;
void        uses_clear(struct uses *uses);
/* Grant and maximum of a request with max_answered, for uses_begin. */
uint32_t uses_key(struct uses *uses, const struct pv_request_record *r);
/* A call that is on disk, in the order of the journal: in time, or late. */
void uses_begin(struct uses *uses, uint32_t key, uint64_t index, uint64_t frame,
                uint64_t epoch);
/* A call whose frame was sent again: late, if it is not under way. */
void uses_again(struct uses *uses, uint32_t key, uint64_t index,
                uint64_t frame);
bool uses_is_open(const struct uses *uses, uint64_t index);
void uses_end(struct uses *uses, uint64_t index, enum pv_outcome outcome);
void uses_lost(struct uses *uses, uint64_t epoch);
/* Sort them; then the late calls of a frame, in order, borrowed; then forget.
 */
void                   uses_sort_late(struct uses *uses);
const struct use_late *uses_late(const struct uses *uses, uint64_t frame,
                                 uint32_t *ret_count);
void                   uses_forget_late(struct uses *uses);
/* For the snapshot; after a failed load, reset. */
enum pv_err uses_save(const struct uses *uses,
                      struct pv_buf     *out) PV_MUST_CHECK;
enum pv_err uses_load(struct uses *uses, struct saved *saved) PV_MUST_CHECK;
void        uses_reset(struct uses *uses);

/* ---- epochs.c: doubles, open calls ------------------------------------- */

struct peer;

struct epoch {
    uint64_t     id;      /* 0: free */
    uint64_t     kept;    /* highest sequence written */
    uint64_t     open;    /* allowed calls without an end */
    int64_t      gone_ms; /* monotonic; when its worker was last connected */
    struct peer *peer;    /* NULL when not connected */
    struct epoch_frame {
        uint64_t sequence;
        uint64_t index;
    } * frame; /* EPOCH_FRAMES, by sequence; NULL when none is needed */
};

struct epochs {
    struct epoch epoch[EPOCHS_MAX];
    uint32_t     used; /* slots ever used */
};

/* The epoch, made when absent. NULL: every slot is connected, or no memory. */
struct epoch *epochs_get(struct epochs *epochs, uint64_t id, int64_t now_ms);
/* Have a table for its frames, so that keeping one cannot fail. PV_ENOMEM. */
enum pv_err epoch_hold(struct epoch *epoch) PV_MUST_CHECK;
void        epoch_keep(struct epoch *epoch, uint64_t sequence, uint64_t index);
/* PV_OK and its index; PV_ENOTFOUND: never written; PV_ERANGE: too old. */
enum pv_err epoch_find(const struct epoch *epoch, uint64_t sequence,
                       uint64_t *ret_index) PV_MUST_CHECK;
void        epochs_forget_frames(struct epochs *epochs, int64_t begun_ms,
                                 int64_t now_ms);
/* For the snapshot; after a failed load, clear. */
enum pv_err epochs_save(const struct epochs *epochs, int64_t now_ms,
                        int64_t wall_ms, struct pv_buf *out) PV_MUST_CHECK;
enum pv_err epochs_load(struct epochs *epochs, int64_t now_ms, int64_t wall_ms,
                        struct saved *saved) PV_MUST_CHECK;
void        epochs_clear(struct epochs *epochs);

struct traced;

/* ---- spare.c: the thread for what may take its time ---------------------- */

enum spare_state { SPARE_NONE = 0, SPARE_WANTED, SPARE_READY, SPARE_FAILED };

struct spare {
    pthread_mutex_t  lock;
    pthread_cond_t   change;
    pthread_t        thread;
    bool             running;
    bool             stop;
    enum spare_state state;
    int              fd;
    int              error;
    int              dirfd;
    uint64_t         size;
    struct pv_buf    save; /* a snapshot to be written; empty: none */
    uint64_t         save_number;
    uint64_t         saved_number; /* of the segment of the one on disk */
    uint64_t         remove_below; /* segments to be removed; 0: none */
};

/* saved: the segment of the snapshot that was read at start, or 0. */
enum pv_err spare_start(struct spare *spare, int dirfd, uint64_t size,
                        uint64_t saved) PV_MUST_CHECK;
void        spare_stop(struct spare *spare);
/* The next segment's zeros are needed soon. */
void spare_want(struct spare *spare);
bool spare_is_ready(struct spare *spare);
/* The descriptor, or -1; waits for one that is being made. */
int spare_take(struct spare *spare);
/* Write a snapshot of that segment; takes the bytes. */
void     spare_save(struct spare *spare, struct pv_buf *bytes, uint64_t number);
uint64_t spare_saved(struct spare *spare);
/* Remove the segments below that number. */
void spare_remove(struct spare *spare, uint64_t below);

/* ---- removal.c: segments that are in packs --------------------------------
 */

/* Have removed what is packed, published, and not needed by a start. */
void removal_look(struct traced *traced);
/* Note durably that segments below are gone, then remove them; the thread. */
void removal_do(int dirfd, uint64_t below);

/* ---- space.c: how much may still be written ----------------------------- */

struct space {
    uint64_t max_size;       /* of all segments; 0: no limit but the disk's */
    uint64_t retain_percent; /* of the file system, kept free */
    uint64_t used;           /* bytes of all segments */
    uint64_t more;           /* bytes that further segments may take */
    bool     low;            /* only granted calls */
    bool     full;           /* no calls */
    int64_t  checked_ms;
    int64_t  rate_ms; /* forecast: since when */
    uint64_t rate_index;
    uint64_t rate_bytes;
    int64_t  warned_ms;
};

void space_update(struct traced *traced, bool look_at_disk);

/* ---- peer.c, commit.c, main.c -------------------------------------------- */

struct packet {
    struct packet *next;
    size_t         len;
    uint8_t        bytes[];
};

struct peer {
    int            fd; /* -1: free slot */
    bool           dead;
    bool           greeted;
    bool           counting; /* COUNTS are being sent, HELLO_OK follows */
    bool           watching; /* for EPOLLOUT */
    uint32_t       counts_at;
    pid_t          pid;
    uint64_t       last_sequence; /* 0: none on this connection */
    uint64_t       round;         /* in which it greeted */
    struct epoch  *epoch;
    struct packet *first; /* waiting to be sent */
    struct packet *last;
    uint32_t       queued;
};

struct pending {        /* a frame that waits for its answer */
    struct peer  *peer; /* NULL: payvand-traced's own */
    struct epoch *epoch;
    uint64_t      sequence;
    uint64_t      index;
    uint32_t      why;       /* PV_WIRE_WHY_*; 0: kept */
    bool          in_commit; /* not on disk yet */
};

enum effect_kind {
    EFFECT_OPEN = 1,
    EFFECT_END,
    EFFECT_TAKE_BACK,
    EFFECT_LOST,
    EFFECT_USE,
    EFFECT_USED, /* key: its outcome */
};

struct effect { /* what is done once a commit is on disk */
    uint16_t      kind;
    uint16_t      position; /* in its frame */
    uint32_t      key;
    uint64_t      n; /* index, or how many */
    struct epoch *epoch;
};

struct traced {
    /* options */
    const char *dir;
    const char *socket;
    const char *node;
    uid_t       gateway_uid;
    uid_t       own_uid; /* of the reader too */
    uint64_t    gather_us;
    uint64_t    verify_len;
    /* state */
    struct pv_journal journal;
    struct pv_commit  commit;
    struct counts     counts;
    struct uses       uses;
    struct epochs     epochs;
    struct spare      spare;
    struct space      space;
    struct log_state *state;   /* shared with the children */
    int               control; /* of their supervisor; -1: none */
    uint64_t          lowest;  /* segment that may be the first; 0: not seen */
    bool              gap_said;
    bool              missing_said;
    uint64_t          snapshot; /* the segment that a start goes on from */
    int               epfd;
    int               listenfd;
    int               sigfd;
    bool              stop;
    struct peer       peer[PEERS_MAX];
    struct pending   *pending;
    uint32_t          pending_count;
    struct effect    *effect;
    uint32_t          effect_count;
    uint64_t          round;
    int64_t           wall_ms;   /* of this round */
    int64_t           now_ms;    /* monotonic */
    int64_t           begun_ms;  /* monotonic; when it began to listen */
    int64_t           commit_ms; /* monotonic; of the last commit */
    bool              broken;    /* the journal cannot be written */
    bool              no_room;   /* because there is no room for a segment */
    int64_t           retry_ms;  /* monotonic; when to try again */
    int64_t           retry_wait_ms;
    int64_t           tick_ms;
    /* statistics since start */
    uint64_t commit_count;
    uint64_t frame_count;
    uint64_t refused_count;
    uint64_t double_count;
};

/* peer.c */
void peer_accept(struct traced *traced);
void peer_read(struct traced *traced, struct peer *peer);
void peer_write(struct traced *traced, struct peer *peer);
void peer_send(struct traced *traced, struct peer *peer, const uint8_t *bytes,
               size_t len);
void peer_close(struct traced *traced, struct peer *peer);
void peers_sweep(struct traced *traced); /* free what died in this round */

struct check { /* of one frame */
    struct traced *traced;
    struct epoch  *epoch;
    uint64_t       index;   /* of the record at hand */
    uint64_t       first;   /* of the frame */
    uint64_t       durable; /* completions name records before this one */
    int64_t        when_ms; /* monotonic; when the frame came */
    bool           live;    /* not while the journal is read at start */
    bool           calls;   /* holds requests */
    bool           granted; /* holds an allowed request, or completions */
    bool           ended;   /* completions were met: nothing may follow */
};

/* commit_check.c */
int64_t commit_append_ms(const struct traced *traced);
bool commit_check(struct check *check, struct pv_slice records, uint32_t count);
struct effect *commit_effect(struct traced *traced, enum effect_kind kind,
                             struct epoch *epoch, uint32_t key, uint64_t n);
void           commit_apply(struct traced *traced); /* all effects */
/* Look for late calls in a frame that is on disk and was sent again. */
bool        commit_again(struct traced *traced, uint64_t index, uint32_t count,
                         size_t len);
pv_frame_fn commit_recover_frame; /* context: struct traced */

/* commit.c */
bool commit_has_room(const struct traced *traced);
void commit_frame(struct traced *traced, struct peer *peer, uint64_t sequence,
                  uint32_t count, size_t len);
void commit_answer(struct traced *traced, struct peer *peer, uint64_t sequence,
                   uint64_t index, uint32_t why, bool in_commit);
void commit_round(struct traced *traced);
void commit_publish(struct traced *traced); /* what is on disk, to all */
void commit_lost_workers(struct traced *traced);

#endif
