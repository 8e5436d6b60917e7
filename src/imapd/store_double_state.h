/* What store_double.c and store_double_messages.c share: the state of the double and steps on it. */
#ifndef IEMS_IMAPD_STORE_DOUBLE_STATE_H
#define IEMS_IMAPD_STORE_DOUBLE_STATE_H

#include "base/buf.h"
#include "net/fiber.h"
#include "rpc/store_methods.h"

enum {
    FOLDERS = 64,
    MESSAGES = 512,
    GONE = 512,
    SESSIONS = 64,
    PAGE_BYTES = 4 * 1024 * 1024,
    UPLOADS = 64,
    NAME = 200,
    KEYWORDS = 8,
    ANNOTATIONS = 32
};

struct message {
    uint32_t uid;
    uint64_t flags, modseq;
    int64_t date;
    struct buf body, summary;
    uint32_t prefix_len;
    uint64_t blob;
};

struct folder {
    uint64_t id;
    char name[NAME], special[32];
    bool subscribed, used;
    uint32_t validity, uidnext, first_recent; /* first_recent 0: nothing ever is */
    uint64_t modseq;
    struct message message[MESSAGES];
    size_t count;
    struct {
        uint32_t uid;
        uint64_t modseq;
    } gone[GONE];
    size_t gone_count;
    char *keyword[KEYWORDS];
    size_t keywords;
};

struct watch {
    struct rpc_session *session;
    uint32_t number;
    uint64_t folder; /* 0: the account */
};

struct annotation {
    char folder[NAME], name[NAME], value[NAME];
};

struct store_double {
    struct rpc_server *server;
    size_t page;
    struct folder *folder;
    uint64_t next_id;
    uint32_t next_session;
    struct watch watch[SESSIONS];
    size_t watches;
    struct buf upload[UPLOADS];
    struct annotation annotation[ANNOTATIONS];
    size_t annotations;
    unsigned slow_ms; /* that a listing takes */
    bool held;        /* calls that may be about many messages wait */
    struct cond released;
    bool overtakes; /* something happens in a folder before the next answer about what has */
    int fail_err;
    unsigned fail_count, calls;
};

/* Waits while the store is held. */
void double_wait(struct store_double *d);

/* A run list of one UID each, in the request's arena. */
struct runs {
    Store__UidRun **run;
    size_t count;
};

extern uint64_t double_next_blob;                                        /* the number of the last body */
struct folder *double_by_name(struct store_double *d, const char *name); /* NULL */
struct folder *double_by_id(struct store_double *d, uint64_t id);        /* NULL */
void double_fill(struct store_double *d, const struct folder *f, Store__Folder *out);
void double_changed(struct store_double *d, const struct folder *f); /* tells who watches */
struct message *double_append(struct folder *f, uint64_t flags, int64_t date, struct str prefix, struct str body,
                              struct str summary);
void double_overtake(struct store_double *d, struct folder *f);
void double_remove_at(struct folder *f, size_t i);
void double_put_record(struct buf *out, unsigned fields, const struct message *m);
void double_add_run(struct rpc_request *r, struct runs *runs, uint32_t uid);

/* A method: counts the call, and fails if the test wants it so. */
#define HANDLER(name, type)                                                                                            \
    static int name##_checked(struct rpc_request *r, const type *q, struct store_double *d);                           \
    int name(struct rpc_request *r, struct error *err, void *arg);                                                     \
    int name(struct rpc_request *r, struct error *err, void *arg) {                                                    \
        struct store_double *d = arg;                                                                                  \
        d->calls++;                                                                                                    \
        if (d->fail_count > 0) {                                                                                       \
            d->fail_count--;                                                                                           \
            return error_set(err, d->fail_err, "as the test wants");                                                   \
        }                                                                                                              \
        return name##_checked(r, (const void *)r->msg, d);                                                             \
    }                                                                                                                  \
    static int name##_checked(struct rpc_request *r, const type *q, struct store_double *d)

int double_message_list(struct rpc_request *r, struct error *err, void *arg);
int double_message_read(struct rpc_request *r, struct error *err, void *arg);
int double_message_store(struct rpc_request *r, struct error *err, void *arg);
int double_message_copy(struct rpc_request *r, struct error *err, void *arg);
int double_message_append(struct rpc_request *r, struct error *err, void *arg);
int double_message_expunge(struct rpc_request *r, struct error *err, void *arg);

#endif
