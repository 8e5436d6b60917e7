/* The table of commands: name, states in which they are allowed, handler. The only dispatch. */
#ifndef IEMS_IMAPD_COMMAND_H
#define IEMS_IMAPD_COMMAND_H

#include "imapd/session.h"
#include "proto/imap/args.h"

enum {
    COMMAND_UID = 1, /* exists as UID X too */
    COMMAND_NO_EXPUNGE =
        4, /* no untagged EXPUNGE may be sent at its end unless it came as UID X (RFC 9051 section 7.5.1) */
    COMMAND_NO_SYNC = 8, /* no news of the mailbox at its end */
};

struct command {
    const char *name;
    unsigned states;
    unsigned flags;
    int (*run)(struct cmd *c);
};

extern const struct command command_table[];
extern const size_t command_count;

/* Runs a gathered command; writes the tagged reply. */
void command_dispatch(struct session *s, struct str text);
/* Runs an APPEND whose message literal comes next. */
void command_append(struct session *s);

#define COMMAND_HANDLERS(X)                                                                                            \
    X(append)                                                                                                          \
    X(authenticate)                                                                                                    \
    X(capability)                                                                                                      \
    X(check)                                                                                                           \
    X(close)                                                                                                           \
    X(copy)                                                                                                            \
    X(create) X(delete) X(enable) X(examine) X(expunge) X(fetch) X(getquota) X(getquotaroot) X(id) X(idle) X(list)     \
        X(login) X(logout) X(lsub) X(move) X(namespace) X(noop) X(rename) X(search) X(select) X(starttls) X(status)    \
            X(store) X(subscribe) X(unselect) X(unsubscribe)
#define X(name) int cmd_##name(struct cmd *c);
COMMAND_HANDLERS(X)
#undef X

#endif
