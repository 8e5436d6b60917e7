/* Shared by the files of this folder only. */
#ifndef IEMS_STORE_SERVICE_PRIVATE_H
#define IEMS_STORE_SERVICE_PRIVATE_H

#include "base/map.h"
#include "net/loop.h"
#include "rpc/ticket.h"
#include "store/files/files.h"
#include "store/mailbox/share.h"
#include "store/service/fold.h"
#include "store/service/service.h"
#include "store/service/shelf.h"
#include "store/service/transfer.h"

enum {
    UPLOADS_MAX = 1024, /* of one connection */
    SESSIONS_MAX = 65536,
};

struct space {
    const char *dir;
    uint64_t min, warn, free, total;
    bool accepting, warned;
    char reason[160];
    struct loop_timer *timer;
};

struct check;
enum notice_kind { NOTICE_DISK, NOTICE_QUARANTINE, NOTICE_KINDS };

/* What is to be told to the postmaster, gathered for a moment so that one message tells it all. */
struct notices {
    char *hostname, *domain;
    void (*event)(const char *name, const char *trace, const char *text, void *arg);
    void *arg;
    uint64_t gather_ms;
    bool quiet[NOTICE_KINDS]; /* for the log alone */
    struct buf pending[NOTICE_KINDS];
    struct fiber *fiber;
    struct cond stop;
};

enum { INDEX_TAKE_MAX = 64 };

/* What iems-index works on (index.c). */
struct index_work {
    struct conn *conn; /* who takes; NULL: nobody */
    uint64_t from;     /* bodies that wait and were not given have this number or a higher one */
    uint64_t taken[INDEX_TAKE_MAX];
    size_t taken_count;
    size_t careful;   /* so many are given one at a time: one of them ended who took it */
    uint64_t suspect; /* the one that was taken alone then */
    unsigned deaths;
    bool round, force; /* a round over all bodies; also over those that have a signature */
    uint64_t round_at, round_next;
    uint64_t backlog_since; /* ms; 0: nothing waits */
    struct cond more;
    uint64_t told;  /* how often `more` was told: it may be while a fiber looks, which waits only afterwards */
    uint64_t begun; /* how often the giving began anew: a place found before does not count any more */
    uint64_t made, made_bytes, text_bytes;
};

struct service {
    struct store *st;
    struct blobs *bs;
    struct mailboxes *m;
    struct queue *q;
    struct files *files;
    struct rpc_server *server;
    unsigned char ticket_key[TICKET_KEY_LEN];
    struct space space;
    struct notices notices;
    struct list conns;
    unsigned sessions, requests;
    uint64_t read_bytes;       /* of messages and lists, by mailbox clients */
    struct semaphore metadata; /* who changes annotations */
    struct list purges;        /* folders that are being deleted */
    struct {
        struct map *all; /* address -> struct user_usage */
        struct loop_timer *timer;
        bool dirty;
    } usages;
    struct {
        uint64_t keep_ms; /* 0: what is expunged is gone */
        struct loop_timer *timer;
        struct semaphore turn; /* who moves expunged messages: one at a time */
        bool sweeping;
    } undelete;
    struct index_work index;
    struct shelves shelves;
    struct folds folds;
    struct transfers transfers;
    struct {
        struct loop_timer *timer, *more;
    } pages;
    bool closing, checking;
    struct check *check; /* that runs on a worker */
};

/* One connected peer. */
struct conn {
    struct queue_client client; /* first: the queue knows it by this */
    struct list link;
    struct service *s;
    struct rpc_session *rpc;
    struct map *uploads;  /* handle -> struct upload */
    struct map *sessions; /* number -> struct session */
    uint64_t next_upload;
    uint32_t next_session;
    char *checkpoint; /* the copy that it made last and did not drop; NULL */
};

/* A login. */
struct session {
    struct service *service;
    struct conn *conn; /* not to be used once closed */
    uint32_t number;
    struct account *account;
    struct account **others; /* of whose folders some were used; held */
    size_t other_count;
    uint64_t quota;
    struct {
        bool allowed, admin; /* admin: may look and remove though it is not allowed */
        struct files_limits limits;
    } files;
    struct list watches;
    struct list account_watches; /* watch.c */
    unsigned pins;               /* requests under way */
    bool closed;
};

struct watch {
    struct folder_watch base; /* first */
    struct list link;
    struct session *session;
    uint64_t folder;
};

#define HANDLER(name) int name(struct rpc_request *r, struct error *err, void *arg)

HANDLER(on_upload_new);
HANDLER(on_upload_append);
HANDLER(on_upload_drop);
HANDLER(on_queue_submit);
HANDLER(on_queue_listen);
HANDLER(on_queue_lease);
HANDLER(on_queue_commit);
HANDLER(on_queue_read);
HANDLER(on_destination_defer);
HANDLER(on_destination_list);
HANDLER(on_queue_list);
HANDLER(on_queue_action);
HANDLER(on_queue_run);
HANDLER(on_queue_stats);
HANDLER(on_trace_add);
HANDLER(on_trace_find);
HANDLER(on_store_check);
HANDLER(on_store_check_progress);
HANDLER(on_session_open);
HANDLER(on_session_close);
HANDLER(on_account_watch);
HANDLER(on_folder_list);
HANDLER(on_folder_status);
HANDLER(on_folder_create);
HANDLER(on_folder_delete);
HANDLER(on_folder_rename);
HANDLER(on_folder_subscribe);
HANDLER(on_folder_open);
HANDLER(on_folder_close);
HANDLER(on_folder_changes);
HANDLER(on_message_list);
HANDLER(on_message_read);
HANDLER(on_message_store);
HANDLER(on_message_copy);
HANDLER(on_message_append);
HANDLER(on_message_expunge);
HANDLER(on_metadata_get);
HANDLER(on_metadata_set);
HANDLER(on_quota_get);
HANDLER(on_acl_get);
HANDLER(on_acl_change);
HANDLER(on_account_share);
HANDLER(on_account_delete);
HANDLER(on_account_restore);
HANDLER(on_account_info);
HANDLER(on_accounts_usage);
HANDLER(on_quota_state_set);
HANDLER(on_account_limits);
HANDLER(on_quota_domains);
HANDLER(on_room_get);
HANDLER(on_status);
HANDLER(on_checkpoint);
HANDLER(on_checkpoint_drop);
HANDLER(on_account_list);
HANDLER(on_undelete_list);
HANDLER(on_undelete_restore);
HANDLER(on_folder_rebuild);
HANDLER(on_index_take);
HANDLER(on_index_read);
HANDLER(on_index_put);
HANDLER(on_search_candidates);
HANDLER(on_search_status);
HANDLER(on_search_rebuild);
HANDLER(on_file_list);
HANDLER(on_file_stat);
HANDLER(on_file_read);
HANDLER(on_file_put);
HANDLER(on_file_mkdir);
HANDLER(on_file_move);
HANDLER(on_file_copy);
HANDLER(on_file_remove);
HANDLER(on_file_usage);
HANDLER(on_usage_get);
HANDLER(on_usage_brake);
HANDLER(on_usage_slowed);

static inline struct conn *conn_of(struct rpc_request *r) {
    return rpc_session_data(r->session);
}
struct upload *conn_upload(struct conn *c, uint64_t handle);
struct upload *conn_upload_take(struct conn *c, uint64_t handle); /* no longer the connection's */
void conn_sessions_close(struct conn *c);

/* ERR_DENIED: no such session. Pins it; session_unpin when the request is done. */
NODISCARD int session_pin(struct rpc_request *r, uint32_t number, struct session **out, struct error *err);
void session_unpin(struct session *s);
void session_unwatch_accounts(struct session *s);
/* A folder of the session's account, or one of others in which it has rights. When one of `rights` is missing:
 * ERR_DENIED, without RIGHT_LOOKUP ERR_NOTFOUND. `rights` 0: any of RIGHTS_KNOWN. In a fiber. */
NODISCARD int session_folder(struct session *s, uint64_t id, uint32_t rights, struct folder **out, struct error *err);
NODISCARD int session_folder_named(struct session *s, const char *name, uint32_t rights, struct folder **out,
                                   struct error *err);

/* names.c: names as a session sees them (RFC 2342): its own folders as they are, those of others below
 * "Other Users/ADDRESS/", those of shared accounts below "Shared/ADDRESS/". */
bool name_is_other(struct str name);    /* of somebody else's folder, or the level above them */
bool name_is_reserved(struct str name); /* one's own folders must not be called so */
/* Whose folder it is, and its name there; for the level of an owner, the name is empty. The account stays with the
 * session. ERR_NOTFOUND: nobody of that name shares anything. In a fiber. */
NODISCARD int session_owner(struct session *s, struct str name, struct account **owner, struct str *local,
                            struct error *err);
/* All accounts that share something with the session, held; NULL entries: cannot be read. In a fiber. */
NODISCARD int session_others(struct session *s, struct account ***out, size_t *count);
const char *session_owner_root(const struct session *s, const struct account *a, struct arena *arena); /* "" = own */
const char *session_folder_name(const struct session *s, const struct folder *f, struct arena *arena);
void session_others_free(struct session *s);
static inline uint32_t session_rights(const struct session *s, const struct folder *f) {
    return folder_rights(f, s->account->id);
}
/* Of the account that pays for what goes into its folder. */
static inline uint64_t session_quota(const struct session *s, const struct account *owner) {
    return owner == s->account ? s->quota : owner->quota;
}
/* ERR_DENIED with a text when not all of `needed` are there. */
NODISCARD int rights_check(uint32_t have, uint32_t needed, struct error *err);

/* As the session sees it. Strings of the reply live in the arena. */
void folder_fill(const struct session *s, struct folder *f, struct arena *arena, Store__Folder *out);
/* Runs of the request as pairs; ascending order and overlap do not matter. NULL-safe. */
struct message_selection {
    size_t *index; /* into folder->list, ascending */
    size_t count;
};
/* Behind after_uid, at most `max`. Without runs: all. Free out->index. */
NODISCARD int select_messages(struct folder *f, Store__UidRun *const *runs, size_t run_count, uint32_t after_uid,
                              size_t max, struct arena *arena, struct message_selection *out);
Store__UidRun **runs_make(struct arena *arena, const struct uid_run *runs, size_t count);

void notice_init(struct service *s, const struct service_config *cfg);
void notice_stop(struct service *s); /* tells what is pending */
void notice_done(struct service *s);
/* Logs it, and tells the postmaster. */
__attribute__((format(printf, 5, 6))) void notice_add(struct service *s, enum notice_kind kind, const char *event,
                                                      const char *trace, const char *fmt, ...);
/* Only the log. */
void notice_log(struct service *s, const char *event, const char *trace, const char *text);
void notice_quarantined(const struct queue_quarantined *what, void *arg); /* arg: the service */

/* usages.c: what accounts send (SMTPD-11, SMTPD-12) */
NODISCARD int usages_start(struct service *s, struct error *err); /* in a fiber */
void usages_stop(struct service *s);                              /* writes what is not written */
void usages_flush(struct service *s);
/* Counts a message that is about to be queued. ERR_DENIED: it is beyond its limits. */
NODISCARD int usages_enter(struct service *s, const Store__QueueSubmit *q, struct error *err);
void usages_leave(struct service *s, const Store__Entry *e); /* it was not queued after all */
void usages_bounced(struct service *s, const char *user, uint32_t recipients);
uint64_t usages_braked(struct service *s); /* how many are slowed down */

/* undelete.c: expunged messages that may be brought back */
void undelete_start(struct service *s);
void undelete_stop(struct service *s);
void undelete_sweep(struct service *s);       /* removes those whose time is over; returns at once */
void checkpoints_clear(const char *data_dir); /* left over from a run before */
void conn_checkpoint_drop(struct conn *c);    /* it is gone, whoever asked for the copy (killed, perhaps) */
/* metadata.c */
enum { METADATA_BYTES = 256 * 1024 }; /* annotations of a folder together */
/* All annotations of a folder, or with NULL those of the account itself. */
void metadata_delete(struct batch *b, const struct account *a, const struct folder *f);
/* Adds the annotations of a folder, as far as clients made them, to `out`, for metadata_put. In a fiber. */
NODISCARD int metadata_read(struct service *s, const struct folder *f, struct buf *out);
void metadata_put(struct batch *b, const struct folder *f, struct str record);

/* index.c */
void index_open(struct service *s);                              /* before anything can begin to wait */
NODISCARD int index_start(struct service *s, struct error *err); /* in a fiber */
void index_stop(struct service *s);
void index_gone(struct service *s, const struct conn *c); /* a connection ended */
void index_tell(struct service *s);                       /* there is something, or an end, for who waits */
/* Begins a round over all bodies. */
void index_round(struct service *s, bool force);
void index_put_round(struct service *s, struct batch *b);
/* Ids of bodies that wait, from `from` on, at most `max`. In a fiber. */
NODISCARD int index_waiting(struct service *s, uint64_t from, uint64_t *list, size_t max, size_t *count);
/* The same of the round over all bodies, for `c`, once its bodies that were given are put. None when `c` is gone
 * meanwhile. In a fiber. */
NODISCARD int index_round_next(struct service *s, const struct conn *c, uint64_t *list, size_t max, size_t *count);

/* service.c: from here to service_release every change is written record by record, and memory and engine agree but for
 * commits under way. In a fiber. */
NODISCARD int service_hold(struct service *s);
void service_release(struct service *s);

/* pages.c */
void pages_start(struct service *s);
void pages_stop(struct service *s); /* writes what is missing */

void space_start(struct service *s, const char *dir, uint64_t min, uint64_t warn);
void space_stop(struct service *s);
void space_check(struct service *s);
NODISCARD int space_refuse(struct service *s, struct error *err); /* ERR_NOSPACE while too little is free */

NODISCARD int purge_start(struct service *s, struct error *err); /* goes on with what a crash left */
/* Marks it; purge_run after the commit. `keep`: its messages may be brought back for a time. */
void purge_folder(struct service *s, struct batch *b, struct folder *f, bool keep);
void purge_run(struct service *s, uint64_t folder);

#endif
