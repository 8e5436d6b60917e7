/* The parts of a report, for dsn.c and their tests. */
#ifndef IEMS_PROTO_DSN_PARTS_H
#define IEMS_PROTO_DSN_PARTS_H

#include "proto/dsn/dsn.h"

/* Body of the text part. `utf8` = octets above 0x7f may be shown if they are UTF-8. */
void dsn_text_put(const struct dsn_report *r, bool utf8, struct buf *out);
/* The same from the text of the administrator: template.c. */
void dsn_template_put(const struct dsn_report *r, struct str text, struct buf *out);
/* Takes a first line "Subject: ..." (and an empty line behind it) off the text; empty when there is none. */
struct str dsn_template_subject(struct str *text);
void dsn_template_line(const struct dsn_report *r, struct str text, struct buf *out); /* one line, variables replaced */
/* Body of the message/delivery-status part. */
void dsn_status_put(const struct dsn_report *r, bool utf8, struct buf *out);
/* Text without control bytes, at most `max` bytes, other than ASCII only as UTF-8 and if `utf8`, else "?". */
void dsn_clean_put(struct buf *out, struct str text, size_t max, bool utf8);
/* The same, broken between words into lines that begin with `indent`, ended by CRLF. */
void dsn_wrapped_put(struct buf *out, const char *indent, struct str text, bool utf8);
/* The same as one header field, folded (RFC 5322 section 2.2.3). */
void dsn_field_put(struct buf *out, const char *name, struct str value, bool utf8);
/* The status to show: that of the recipient, or a general one of the action's class. */
struct str dsn_status_of(const struct dsn_recipient *p);
const char *dsn_action_name(enum dsn_action a);

#endif
