/* Inside of proto_mime: the tree that the builder makes of a message and the writers turn into a summary. */
#ifndef IEMS_PROTO_MIME_STRUCTURE_H
#define IEMS_PROTO_MIME_STRUCTURE_H

#include "base/arena.h"
#include "proto/mime/summary.h"

enum {
    MIME_DEPTH_MAX = 100,
    MIME_PARTS_MAX = 10000,
    MIME_HEADER_MAX = 1024 * 1024, /* of one header; what is beyond is not looked at */
    MIME_FIELDS_MAX = 10000,       /* of one header */
    MIME_BOUNDARY_MAX = 998,
    MIME_COST_MAX = SUMMARY_MAX - 128 * 1024,        /* of all nodes (mime_node_cost): so the summary fits */
    MIME_ENTITY_TEXT_MAX = 32 * 1024,                /* one text of a part */
    MIME_FIELD_TEXT_MAX = 64 * 1024,                 /* one field of an envelope */
    MIME_SUBJECT_CUT = MIME_FIELD_TEXT_MAX / 2 - 16, /* of a longer Subject; fits with every octet escaped */
    MIME_LIST_TEXT_MAX = 128 * 1024,                 /* one list of recipients of an envelope */
    MIME_ENVELOPE_MAX = 1024 * 1024,
    MIME_ARENA_MAX = 16 * 1024 * 1024, /* no new part begins above half of it; no header needs the other half */
};

struct mime_node {
    struct mime_node *parent, *first, *last, *next;
    unsigned depth, kind, number;
    bool is_root; /* of the message or of a message/rfc822 part */
    uint64_t header_offset, body_offset, body_len;
    uint64_t body_lf;    /* line ends in the message before the body */
    uint64_t lines;      /* of the body */
    struct str boundary; /* "" = no multipart */
    bool open;           /* its boundary may still come */
    /* in IMAP syntax, ready to be written */
    struct str type, subtype, params, id, description, encoding, md5, disposition, language, location;
    struct str envelope; /* of the message of which this is the root */
    bool is_text, is_attachment;
};

/* The fields of the top header that a summary holds by themselves. */
struct mime_top {
    unsigned received;
    int64_t date;
    struct str message_id, base_subject, from, references;
};

/* Reads a header into `n`: kind, boundary, texts. `in_digest`: the default type is message/rfc822. `top` may be NULL.
 * Sets *truncated when a limit was reached. ERR_NOMEM. */
NODISCARD int mime_entity_read(struct mime_node *n, struct str header, bool in_digest, struct arena *arena,
                               struct mime_top *top, bool *truncated);
/* ENVELOPE of a header into `out`; `keep` holds what `top` points to. */
NODISCARD int mime_envelope_write(struct buf *out, struct str header, struct arena *keep, struct mime_top *top,
                                  bool *truncated);

void mime_body_write(struct buf *out, const struct mime_node *n, bool extended);
/* Upper bound of what a node adds to the summary. */
size_t mime_node_cost(const struct mime_node *n);
void mime_parts_write(struct buf *out, const struct mime_node *root);

/* IMAP string: quoted, or a literal where it must be. */
void mime_string_write(struct buf *out, struct str s);
/* The same of an unfolded field value. */
void mime_value_write(struct buf *out, struct str folded);

#endif
