/* What the parts of iems-fetch share: one connection to a server, in one fiber at a time. */
#ifndef IEMS_FETCH_FETCH_H
#define IEMS_FETCH_FETCH_H

#include "net/stream.h"
#include "net/tls.h"
#include "proto/imap/response.h"
#include "proto/imap/responses.h"
#include "proto/mime/summary.h"
#include "rpc/fetch_methods.h"

enum {
    FETCH_TEXT_MAX = 1024 * 1024,       /* one response, without the body of a message */
    FETCH_MEMORY_MAX = 4 * 1024 * 1024, /* to take it apart */
    FETCH_COMMAND_MAX = 64 * 1024,
    FETCH_PIECE = 256 * 1024, /* of the body of a message */
    FETCH_ADDRESSES_MAX = 8,
    FETCH_FOLDERS_MAX = 20000,
};

struct fetch {
    struct net_addr addresses[FETCH_ADDRESSES_MAX];
    size_t address_count;
    struct tls_client *tls;
    struct rpc_server *server;
    struct error start; /* what went wrong before the first call */

    struct stream *stream;
    uint64_t timeout_ms;
    struct imap_responses responses;
    struct arena *arena; /* of the present response */
    unsigned tag;
    /* what the server can do, as last told */
    struct buf capabilities;
    uint32_t exists;    /* of the folder that is open */
    uint32_t next;      /* number of the next message to list */
    uint32_t last_uid;  /* the last that was listed */
    uint64_t body_left; /* of the message that is being given */
    struct summary_builder *summary;
};

/* --- conversation.c */
/* Waits for a response and takes it apart: valid until the next call. ERR_AGAIN: the body of a message comes now,
 * body_left says how much. */
NODISCARD int fetch_response(struct fetch *f, struct imap_response *out, struct error *err);
/* Sends a command; its end is the response with its tag. */
NODISCARD int fetch_command(struct fetch *f, struct str command, struct error *err);
/* Reads on to the end of the command; `each` (may be NULL) sees what comes before. ERR_DENIED: NO or BAD, with the
 * server's words. */
NODISCARD int fetch_finish(struct fetch *f, int (*each)(void *arg, const struct imap_response *r, struct error *err),
                           void *arg, struct error *err);
/* Both. */
NODISCARD int fetch_do(struct fetch *f, struct str command,
                       int (*each)(void *arg, const struct imap_response *r, struct error *err), void *arg,
                       struct error *err);
/* Looks whether `r` ends the command, and judges it. */
bool fetch_is_end(const struct fetch *f, const struct imap_response *r, int *rc, struct error *err);
bool fetch_can(const struct fetch *f, const char *capability);
/* A mailbox name as a quoted string. */
void fetch_quote(struct str name, struct buf *out);
void fetch_close(struct fetch *f);

/* --- login.c, folders.c, messages.c: handlers */
int fetch_on_login(struct rpc_request *r, struct error *err, void *arg);
int fetch_on_folders(struct rpc_request *r, struct error *err, void *arg);
int fetch_on_select(struct rpc_request *r, struct error *err, void *arg);
int fetch_on_list(struct rpc_request *r, struct error *err, void *arg);
int fetch_on_bodies(struct rpc_request *r, struct error *err, void *arg);
int fetch_on_next(struct rpc_request *r, struct error *err, void *arg);

#endif
