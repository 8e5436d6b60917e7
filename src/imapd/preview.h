/* PREVIEW (RFC 8970): the first words of a message as plain text. */
#ifndef IEMS_IMAPD_PREVIEW_H
#define IEMS_IMAPD_PREVIEW_H

#include "imapd/content.h"

enum { PREVIEW_CHARACTERS = 200 };

/* 'PREVIEW "text"' or 'PREVIEW NIL'. `c` has a summary. */
NODISCARD int preview_write(struct content *c);
/* Appends the preview of a text: blanks are made one, quoted lines and signatures left out, at most PREVIEW_CHARACTERS.
 * `html`: tags, comments, style and script are taken away, entities replaced. */
void preview_text(struct str utf8, bool html, struct buf *out);

#endif
