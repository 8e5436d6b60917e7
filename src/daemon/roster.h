/* The sessions of this process whose users have logged in, as the administrator sees them: iems-dir keeps the list of
 * all processes (dir/sessions.c) and tells which are to end. News go there together, a moment after they happen; what
 * an idle session costs is this struct. */
#ifndef IEMS_DAEMON_ROSTER_H
#define IEMS_DAEMON_ROSTER_H

#include "base/list.h"
#include "net/fiber.h"
#include "net/stream.h"
#include "rpc/dir_methods.h"

struct roster_entry;

struct roster {
    struct rpc_client *dir; /* NULL: nobody is told (tests) */
    const char *service;    /* "imap" */
    /* The folder that is open, UTF-8, or NULL. */
    const char *(*folder)(const struct roster_entry *e);
    struct list all; /* of roster_entry.node; new ones at the end */
    uint64_t last_number;
    uint64_t *gone; /* numbers that iems-dir has to forget */
    size_t gone_count, gone_cap;
    struct cond news;
    struct fiber *fiber;
    bool fresh; /* someone came */
    bool anew;  /* iems-dir knows nothing: tell all */
};

/* Part of a session. */
struct roster_entry {
    struct list node;
    struct stream *stream;
    struct fiber *fiber;
    const char *id, *user, *peer; /* lent by the session while it is in the roster */
    uint64_t number;              /* 0 = not in the roster */
    int64_t since;
    uint64_t told_bytes;
    uint32_t told_folder; /* hash of its name */
    bool tls, told;
    bool ended; /* an administrator ended it */
};

void roster_init(struct roster *r, const char *service, const char *(*folder)(const struct roster_entry *e));
void roster_done(struct roster *r);
/* After the login: fills in the rest by itself, but id, user and peer. In the session's own fiber. */
void roster_enter(struct roster *r, struct roster_entry *e, struct stream *s);
void roster_leave(struct roster *r, struct roster_entry *e); /* twice is fine */

/* For rpc_client_ops of the client of iems-dir; `arg` is the roster. */
void roster_connected(struct rpc_client *c, void *arg);
void roster_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach, void *arg);

#endif
