/* An account of another IMAP server, by a child process (iems-fetch) that speaks with it in a jail: nothing that the
 * server sends is parsed here. One call at a time. */
#ifndef IEMS_CLI_IMPORT_REMOTE_H
#define IEMS_CLI_IMPORT_REMOTE_H

#include "base/buf.h"
#include "cli/child.h"
#include "rpc/fetch_methods.h"

enum { REMOTE_FINGERPRINT = 32 };

struct remote_server {
    const char *host, *port, *ca_file, *mechanism;
    const char *jail_user; /* "" = stay who we are */
    Fetch__Security security;
    bool verify;
    unsigned char fingerprint[REMOTE_FINGERPRINT];
    bool has_fingerprint;
    uint64_t timeout_ms;
};

struct remote {
    const struct remote_server *server;
    struct child child;
    bool failed; /* the connection broke: it must be made anew */
    struct rpc_client *fetch;
};

/* Connects and logs in; `user_as` is whose mail it is, if not the user's ("" = it is). */
NODISCARD int remote_open(const struct remote_server *s, const char *user, const char *user_as, const char *password,
                          struct remote *out, struct error *err);
void remote_close(struct remote *r); /* zeroed or open, twice is fine */
NODISCARD int remote_call(struct remote *r, uint16_t method, const ProtobufCMessage *req, struct rpc_reply *reply,
                          struct error *err);

struct remote_message {
    uint32_t uid;
    int64_t date;    /* 0 = not told */
    struct str body; /* lent during the call */
    struct str summary;
};
/* Calls `each` for every one of the messages that is still there, until it fails. ERR_DENIED while the connection has
 * not failed: the server refused, perhaps in the middle. */
NODISCARD int remote_bodies(struct remote *r, const uint32_t *uids, size_t count,
                            int (*each)(void *arg, const struct remote_message *m, struct error *err), void *arg,
                            struct error *err);

#endif
