/* Header fields (RFC 5322 section 2.2): splitting a header into fields, unfolding, comments.
 * Lenient where mailboxes must be: LF alone ends a line too, a line that is no field is given with an empty name. */
#ifndef IEMS_PROTO_MIME_HEADER_H
#define IEMS_PROTO_MIME_HEADER_H

#include "base/buf.h"

struct header_field {
    struct str raw;   /* the field as it stands, folded, with its line ends */
    struct str name;  /* before the colon, without blanks; empty: the line is no field */
    struct str value; /* behind the colon as it stands, folded, without the last line end */
};
/* Takes the next field off `*rest`. False at the end: `*rest` is then what follows the empty line, or empty. */
bool header_next(struct str *rest, struct header_field *out);
/* The first field of that name (ASCII case is folded). ERR_NOTFOUND. */
NODISCARD int header_find(struct str header, struct str name, struct header_field *out);

/* Appends `value` with line ends removed and blanks on both ends cut. A NUL becomes a blank. */
void header_unfold(struct buf *out, struct str value);

/* The last line of `*rest` up to and with its LF; empty when `*rest` is empty. */
struct str header_line(struct str *rest);

/* Skips blanks, line ends and comments (RFC 5322 CFWS). `comment` (may be NULL) gets the raw content of the last
 * comment. */
void header_skip_cfws(struct str *rest, struct str *comment);
/* Takes a quoted-string off `*rest`, which begins with '"': appends its content, unquoted, without line ends. A missing
 * closing quote is taken to stand at the end. */
void header_quoted_string(struct str *rest, struct buf *out);

#endif
