/* RPC between the processes: length-prefixed frames over a connected Unix or TCP stream, protobuf payloads, raw
 * attachments behind them so that message bodies are never copied into a protobuf.
 *
 * Frame (little-endian): u32 length of what follows, u32 request id (0 = event), u16 method, u8 kind, u8 zero,
 * u32 length of the protobuf, the protobuf, the attachment. Sizes are checked before anything is unpacked.
 * Kinds: 1 request, 2 reply, 3 error (no protobuf; attachment: i32 code of enum err, then its text), 4 event. */
#ifndef IEMS_RPC_RPC_H
#define IEMS_RPC_RPC_H

#include "base/arena.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

enum {
    RPC_FRAME_MAX = 4 * 1024 * 1024,        /* whole frame */
    RPC_INLINE_MAX = 256 * 1024,            /* bodies up to this travel in one call (STORE_INLINE_MAX) */
    RPC_CHUNK_MAX = 1024 * 1024,            /* piece of an upload or of a read (STORE_CHUNK_MAX) */
    RPC_PAGE_BYTES = 512 * 1024,            /* page of a listing (STORE_PAGE_BYTES) */
    RPC_OUT_MAX = 32 * 1024 * 1024,         /* unsent output of one session; beyond it the session is dropped */
    RPC_IN_FLIGHT_MAX = 1024,               /* requests of one session that are not answered; then reading pauses */
    RPC_IN_FLIGHT_BYTES = 16 * 1024 * 1024, /* bytes of such requests; then reading pauses too */
};

/* Roles of peers, as bits. The responder vouches for them; a peer cannot choose. */
enum rpc_role {
    ROLE_SMTPD = 1 << 0,
    ROLE_MTA = 1 << 1,
    ROLE_SMTPC = 1 << 2,
    ROLE_LMDA = 1 << 3,
    ROLE_IMAPD = 1 << 4,
    ROLE_POP3D = 1 << 5,
    ROLE_WEBD = 1 << 6,
    ROLE_DLM = 1 << 7,
    ROLE_BSMTP = 1 << 8,
    ROLE_DIR = 1 << 9,
    ROLE_STORE = 1 << 10,
    ROLE_CLI = 1 << 11,
    ROLE_RESPONDER = 1 << 12,
    ROLE_ACME = 1 << 13,
    ROLE_INDEX = 1 << 14,
    ROLE_QUOTA = 1 << 16,
    ROLE_REMOTE = 1 << 17,
};
uint32_t rpc_role_from_name(struct str module); /* "smtpd" -> ROLE_SMTPD; 0 = unknown */
const char *rpc_role_name(uint32_t role);

/* One entry of a service's table; the same table serves client and server. */
struct rpc_method {
    uint16_t id;
    const char *name;
    uint32_t roles;                            /* who may call it */
    const ProtobufCMessageDescriptor *request; /* for events: NULL */
    const ProtobufCMessageDescriptor *reply;   /* for events: the event */
};
struct rpc_service {
    const char *name; /* "store" */
    const struct rpc_method *methods;
    size_t count;
};

/* ---------------------------------------------------------------- client
 * A client keeps one connection, made by `connect` and made again after it broke (back-off 50 ms to 1 s). Calls that
 * were under way when it broke fail with ERR_IO: the caller cannot know whether they took effect. Calls made while
 * there is no connection wait for one until their deadline. Any number of fibers may call at once. */
struct rpc_client;

struct rpc_client_ops {
    /* In a fiber: returns a connected, non-blocking descriptor. */
    int (*connect)(void *arg, uint64_t deadline_ms, int *fd, struct error *err);
    /* After each (re)connection, before waiting calls go out; may call. NULL = nothing to do. */
    void (*connected)(struct rpc_client *c, void *arg);
    void (*disconnected)(struct rpc_client *c, void *arg);
    /* An event came. Runs on the reading fiber: must not wait (spawn a fiber for that). Message and attachment are
     * lent. */
    void (*event)(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach, void *arg);
};
NODISCARD int rpc_client_new(const struct rpc_service *service, const struct rpc_client_ops *ops, void *arg,
                             struct rpc_client **out);
void rpc_client_free(struct rpc_client *c);
bool rpc_client_is_connected(const struct rpc_client *c);
/* True: connected, and whatever the server has sent until now was taken, events too. */
bool rpc_client_is_quiet(const struct rpc_client *c);
/* Breaks the connection on purpose; it is made anew. */
void rpc_client_reset(struct rpc_client *c);

struct rpc_reply {
    ProtobufCMessage *msg; /* of the method's reply type */
    struct str attach;
    void *memory; /* owned; see rpc_reply_free */
};
void rpc_reply_free(struct rpc_reply *r); /* zeroed or filled, twice is fine */
#define RPC_REPLY_AUTO __attribute__((cleanup(rpc_reply_free))) struct rpc_reply

/* Calls and waits. 0, or the server's ERR_ code with its text in err, or ERR_TIMEOUT, ERR_CANCELLED, ERR_IO (connection
 * lost), ERR_CORRUPT (reply malformed). `reply` may be NULL when only success matters. */
NODISCARD int rpc_call(struct rpc_client *c, uint16_t method, const ProtobufCMessage *request, struct str attach,
                       uint64_t deadline_ms, struct rpc_reply *reply, struct error *err);

/* ---------------------------------------------------------------- server */
struct rpc_server;
struct rpc_session; /* one connected peer */

/* A request under way. Valid until answered by rpc_answer or rpc_fail. */
struct rpc_request {
    struct rpc_session *session;
    uint16_t method;
    const ProtobufCMessage *msg; /* of the method's request type */
    struct str attach;
    struct arena *arena; /* freed with the request */
};

enum { RPC_LATER = 1 }; /* a handler returns it when it will answer by itself, later */

/* Returns 0 (answered already), RPC_LATER, or an ERR_ code, which is sent with the text of err. */
typedef int (*rpc_handler)(struct rpc_request *r, struct error *err, void *arg);

struct rpc_server_method {
    uint16_t id;
    rpc_handler handle;
    bool in_fiber; /* the handler may wait; else it runs on the reading fiber and must not */
};
struct rpc_server_ops {
    const struct rpc_server_method *methods;
    size_t count;
    void (*session_opened)(struct rpc_session *s, void *arg); /* may be NULL */
    void (*session_closed)(struct rpc_session *s, void *arg); /* requests not answered may still be answered: dropped */
    /* For logs and counters: a call was refused (`method` not permitted or unknown; the session goes on), or the
     * session is being dropped because the peer broke the protocol or does not read. May be NULL. */
    void (*refused)(struct rpc_session *s, const char *method, const char *why, void *arg);
};
NODISCARD int rpc_server_new(const struct rpc_service *service, const struct rpc_server_ops *ops, void *arg,
                             struct rpc_server **out);
/* Serves a connected descriptor (taken over). `name` is copied: for logs and rpc_session_name. */
NODISCARD int rpc_server_add(struct rpc_server *s, int fd, uint32_t role, const char *name);
void rpc_server_free(struct rpc_server *s);

const char *rpc_session_name(const struct rpc_session *s);
uint64_t rpc_session_id(const struct rpc_session *s); /* unique for the life of the server */
void rpc_session_set_data(struct rpc_session *s, void *data);
void *rpc_session_data(const struct rpc_session *s);
/* A session that was closed stays valid while its requests are unanswered; then nothing is sent. */
void rpc_session_close(struct rpc_session *s);
/* Sends an event; never waits. ERR_LIMIT: the peer does not read, the session is being dropped. */
NODISCARD int rpc_session_event(struct rpc_session *s, uint16_t method, const ProtobufCMessage *msg, struct str attach);
/* Events and answers so far go out now, not when the fibers that are ready have run: before what is said to others. */
void rpc_session_flush(struct rpc_session *s);
/* Unsent bytes: for back-pressure of pushed events. */
size_t rpc_session_unsent(const struct rpc_session *s);

/* Answers and frees the request. `attach` is copied or sent before it returns. */
void rpc_answer(struct rpc_request *r, const ProtobufCMessage *msg, struct str attach);
void rpc_fail(struct rpc_request *r, int code, const char *text);

/* protobuf helpers: strings of a message as views */
static inline struct str rpc_bytes(ProtobufCBinaryData b) {
    return str_of(b.data, b.len);
}
static inline ProtobufCBinaryData rpc_binary(struct str s) {
    return (ProtobufCBinaryData){s.len, (uint8_t *)(uintptr_t)s.ptr};
}

#endif
