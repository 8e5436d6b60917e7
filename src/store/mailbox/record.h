/* The records that MESSAGE_LIST, MESSAGE_STORE and FOLDER_CHANGES carry in their attachment: a stream of packed,
 * little-endian records in ascending UID order. Shared by iems-store (writes) and its clients (read, checked). */
#ifndef IEMS_STORE_MAILBOX_RECORD_H
#define IEMS_STORE_MAILBOX_RECORD_H

#include "base/buf.h"

/* System flags, bits 0 to 7; keywords of the folder are bits 8 to 63. */
enum {
    MAILBOX_ANSWERED = 1,
    MAILBOX_FLAGGED = 2,
    MAILBOX_DELETED = 4,
    MAILBOX_SEEN = 8,
    MAILBOX_DRAFT = 16,
    MAILBOX_SYSTEM_FLAGS = 0xff,
    MAILBOX_KEYWORD_SHIFT = 8,
    MAILBOX_KEYWORDS_MAX = 56,
};

/* What a record holds besides uid, flags, modseq: bits of MessageList.fields, in this order in the record. */
enum {
    FIELD_DATES = 1,   /* i64 internal date (s), i64 save date (s) */
    FIELD_SIZE = 2,    /* u64 RFC822.SIZE (prefix + body), u32 length of the prefix, u64 blob id */
    FIELD_SUMMARY = 4, /* u32 length, summary bytes (proto/mime/summary.h) */
    FIELD_BODY = 8, /* u32 length, prefix + body; only if the whole is at most RPC_INLINE_MAX, else length 0xffffffff */
    FIELD_HEADER =
        16, /* u32 length, prefix + header with its empty line; same limit: for header fetches and searches */
    FIELD_ENVELOPE = 32, /* u32 length, thin summary; not with FIELD_SUMMARY, which has it all */
    FIELD_ID = 64,       /* u64 blob id, u64 hash of the prefix: the same for the same content only */
    /* How FIELD_BODY is given: prefix, then the body as it is stored (blob/pieces.h), for clients that unpack it
     * themselves. Only with FIELD_SIZE and FIELD_BODY, not with FIELD_HEADER. The limit is that of what it unpacks to.
     */
    FIELD_PACKED = 128,
};

struct message_record {
    uint32_t uid;
    uint64_t flags, modseq;
    int64_t internal_date, save_date;
    uint64_t size, blob;
    uint32_t prefix_len;
    uint64_t prefix_hash;
    struct str summary /* thin with FIELD_ENVELOPE */, body /* as it stands there, with FIELD_PACKED */, header;
    bool body_too_large, header_too_large;
};

void message_record_put(struct buf *out, unsigned fields, const struct message_record *r);
/* The same in steps, so that a body is read to where it belongs: what stands before its bytes; then the caller appends
 * them, unless they are not wanted or too large; then their length, and what stands behind them. */
size_t message_record_begin(struct buf *out, unsigned fields, const struct message_record *r);
void message_record_end(struct buf *out, unsigned fields, const struct message_record *r, size_t begun);
/* Takes the next record off `*rest`. ERR_NOTFOUND at the end, ERR_CORRUPT. Views point into the input. */
NODISCARD int message_record_get(struct str *rest, unsigned fields, struct message_record *out);

#endif
