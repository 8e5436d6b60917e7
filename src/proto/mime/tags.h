/* Tags of a message as header fields, between hosts that trust each other (DNSBL-11, PEER-15), and their removal from
 * what comes from outside. One field a tag, never folded:
 *     X-IEMS-Spam: dnsbl=zen.example.org bl.example.net
 * Everything that begins with "X-IEMS-" is ours: no other field of the name survives its way in. */
#ifndef IEMS_PROTO_MIME_TAGS_H
#define IEMS_PROTO_MIME_TAGS_H

#include "base/buf.h"

enum {
    TAG_NAME_MAX = 63,   /* letters, digits, "-", "_", "." */
    TAG_VALUE_MAX = 400, /* printable ASCII and blanks */
    TAG_FIELDS_MAX = 16 * 1024,
};

bool tag_is_valid(struct str name, struct str value);
/* Appends the field; nothing if it is not valid. */
void tag_field_format(struct buf *out, struct str name, struct str value);
/* Next valid tag in `*rest`, the text of removed fields; false at the end. Views into it. */
bool tag_field_next(struct str *rest, struct str *name, struct str *value);

/* Filter over a message that takes fields out of its header: "X-IEMS-...", or those whose line begins as `field` says.
 * Resumable at any byte; copies nothing. */
struct tag_filter {
    const char *field; /* in lower case, shorter than `held`; NULL: those of ours */
    enum { TAG_AT_LINE, TAG_AT_CR, TAG_IN_LINE, TAG_IN_FIELD, TAG_IN_BODY } state;
    bool dropping;     /* the field before this line was taken out: so are its continuations */
    char held[16];     /* begin of a line that may be such a field, from input that is gone */
    size_t matched;    /* bytes of the line that match so far */
    size_t from_held;  /* bytes of `held` */
    struct buf *taken; /* gets what is taken out; NULL: it is forgotten */
};
/* The next piece to pass on, lent from `*in` or the filter; false when `*in` is used up. */
bool tag_filter_next(struct tag_filter *f, struct str *in, struct str *piece);
/* What is still held at the end of the message. */
struct str tag_filter_finish(struct tag_filter *f);

#endif
