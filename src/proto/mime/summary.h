/* The parsed form of a message, made once when it is accepted (by the jailed process that received it), stored beside
 * the body, and used by IMAP and others without parsing again. A flat byte string, little-endian:
 *
 *   u8  version (SUMMARY_VERSION)
 *   u8  flags (SUMMARY_*)
 *   u16 count of Received header fields
 *   u32 length of the header in bytes, with the empty line (BODY[HEADER] is [0, this))
 *   u32 lines of the whole body text
 *   i64 time of the Date field, seconds since 1970, or INT64_MIN
 *   u32 length + ENVELOPE in IMAP syntax:       ("date" "subject" ((...)) ...)        with literals as {n}CRLF
 *   u32 length + BODYSTRUCTURE in IMAP syntax (extensible form)
 *   u32 length + BODY in IMAP syntax; 0 = derive from BODYSTRUCTURE is not possible, so it is always there
 *   u32 length + part table: for each part in depth-first order: u8 depth, u8 kind (PART_*), u16 number in its parent
 * (from 1), u64 offset of its MIME header, u64 offset of its body, u64 length of its body; offsets from the start of
 * the message without any delivery prefix u32 length + Message-ID (without blanks), u32 length + base subject (RFC
 * 5256), u32 length + first From mailbox, UTF-8
 *   u32 length + References, unfolded (of a very long one the end); not in version 1
 *
 * A thin summary (summary_thin) has no BODYSTRUCTURE, BODY and part table: enough for listings, half as long.
 *
 * A reader checks every length: a damaged summary gives ERR_CORRUPT, never a wild read. */
#ifndef IEMS_PROTO_MIME_SUMMARY_H
#define IEMS_PROTO_MIME_SUMMARY_H

#include "base/buf.h"

enum { SUMMARY_VERSION = 2, SUMMARY_REFERENCES_MAX = 16 * 1024, SUMMARY_MAX = 2 * 1024 * 1024 };
enum {
    SUMMARY_8BIT = 1,        /* some octet above 0x7f in the body */
    SUMMARY_NUL = 2,         /* some NUL octet */
    SUMMARY_HEADER_UTF8 = 4, /* UTF-8 in the header (RFC 6532) */
    SUMMARY_ATTACHMENT = 8,  /* has a part that is an attachment */
    SUMMARY_TRUNCATED = 16,  /* parser limits reached: structure below is given as one leaf */
    SUMMARY_BARE_LF = 32,    /* some LF without CR */
};
enum { PART_LEAF = 0, PART_MULTIPART = 1, PART_MESSAGE = 2 };

struct summary {
    unsigned flags, received;
    uint32_t header_len, lines;
    int64_t date;
    struct str envelope, bodystructure, body, parts, message_id, base_subject, from, references;
    bool has_references; /* version 1 does not know them */
};
/* ERR_CORRUPT also for a thin one. */
NODISCARD int summary_parse(struct str bytes, struct summary *out);

/* The same for a thin one; `out->parts` may be empty. */
NODISCARD int summary_parse_thin(struct str bytes, struct summary *out);
/* Appends the thin form of a summary that was parsed. */
void summary_thin(const struct summary *s, struct buf *out);

struct summary_part {
    unsigned depth, kind, number;
    uint64_t header_offset, body_offset, body_len;
    size_t next; /* position of the entry behind this one, for summary_part_next */
};
/* Iterates the part table: start with *pos = 0; ERR_NOTFOUND at the end, ERR_CORRUPT. */
NODISCARD int summary_part_next(const struct summary *s, size_t *pos, struct summary_part *out);
/* The part that an IMAP section number names ("1.2.3" as numbers), RFC 9051 section 6.4.5.1. ERR_NOTFOUND. No path: the
 * root. The table holds the root (depth 0), below a PART_MULTIPART its parts, and below a PART_MESSAGE one entry: the
 * root of the message in it (so BODY[2.HEADER] is [header_offset, body_offset) and BODY[2.TEXT] the body of
 * summary_part_nested of part 2). */
NODISCARD int summary_part_find(const struct summary *s, const unsigned *path, size_t path_len,
                                struct summary_part *out);

/* The root of the message inside a PART_MESSAGE. ERR_NOTFOUND for other kinds. */
NODISCARD int summary_part_nested(const struct summary *s, const struct summary_part *message,
                                  struct summary_part *out);

/* Makes a summary from a message that arrives in pieces of any size. Memory is bounded by the limits of the parser. */
struct summary_builder;
struct summary_builder *summary_builder_new(void);
void summary_builder_feed(struct summary_builder *b, struct str bytes);
NODISCARD int summary_builder_finish(struct summary_builder *b,
                                     struct buf *out); /* at the end of the message; ERR_NOMEM */
/* Header fields as they were seen so far (valid once the empty line was fed): first value of a field, unfolded, or
 * empty. */
struct str summary_builder_header(struct summary_builder *b, const char *field);
/* How many fields of that name there are. */
unsigned summary_builder_header_count(const struct summary_builder *b, const char *field);
bool summary_builder_header_done(const struct summary_builder *b);
void summary_builder_free(struct summary_builder *b);
/* Appends the summary of a message that is there as a whole. */
NODISCARD int summary_of(struct str message, struct buf *out);

#endif
