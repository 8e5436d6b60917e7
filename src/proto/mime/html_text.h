/* HTML to plain text, for previews and searches. No browser: what cannot be read is left out. */
#ifndef IEMS_PROTO_MIME_HTML_TEXT_H
#define IEMS_PROTO_MIME_HTML_TEXT_H

#include "base/buf.h"

void html_text_strip(struct str html, struct buf *out);

#endif
