/* The body of a message on its way to the store. Small ones are gathered and travel in the submit call; beyond
 * RPC_INLINE_MAX pieces are uploaded while the next are received, one call under way at most: memory stays below
 * BODY_MEMORY_MAX however large the message is. Each byte also goes through the summary builder. */
#ifndef IEMS_SMTPD_BODY_H
#define IEMS_SMTPD_BODY_H

#include "base/buf.h"
#include "proto/mime/summary.h"
#include "rpc/rpc.h"

enum {
    BODY_PIECE_MAX = RPC_INLINE_MAX - 1024, /* leaves room for header fields that are put in front */
    BODY_MEMORY_MAX = 2 * RPC_INLINE_MAX,
};

/* Upload handles belong to a connection: after a reconnect the same number may be somebody else's upload. */
struct store_link {
    struct rpc_client *client;
    uint64_t generation; /* counts the disconnections */
};

struct body;

/* `max`: most bytes of the message. `hint`: what MAIL SIZE= said, 0 = nothing. `complete_host`: not NULL for a
 * submitted message, which gets Message-ID and Date where they are missing (RFC 6409 section 8). NULL: out of memory.
 */
struct body *body_new(const struct store_link *store, uint64_t max, uint64_t hint, const char *complete_host);
/* Fields "X-IEMS-..." are taken out of the header (proto/mime/tags.h); from now on they are kept for body_taken. */
void body_keep_taken(struct body *b);
struct str body_taken(const struct body *b);
/* May wait for the store. What goes wrong is told by body_finish, since the peer has to be read to its end anyway. */
void body_add(struct body *b, struct str bytes);
bool body_failed(const struct body *b);
/* All is there. 0, or ERR_LIMIT (larger than max), or the ERR_ of the store with its text. */
NODISCARD int body_finish(struct body *b, struct error *err);

/* After body_finish: */
uint64_t body_size(const struct body *b);
uint64_t body_upload(const struct body *b); /* 0: the body is in body_inline */
struct str body_inline(const struct body *b);
struct str body_summary(const struct body *b);
/* Value of the first field of that name in the header, unfolded; empty when there is none. */
struct str body_header(const struct body *b, const char *field);
unsigned body_header_count(const struct body *b, const char *field);
/* The upload is still on this connection to the store. */
bool body_is_current(const struct body *b);
void body_submitted(struct body *b); /* the queue has taken the upload over */
/* Drops the upload if it was not submitted. NULL is fine. */
void body_free(struct body *b);

#endif
