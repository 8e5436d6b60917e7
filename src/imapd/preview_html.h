/* HTML to the plain text of a preview. No browser: what cannot be read is left out. */
#ifndef IEMS_IMAPD_PREVIEW_HTML_H
#define IEMS_IMAPD_PREVIEW_HTML_H

#include "base/buf.h"

void preview_strip_html(struct str html, struct buf *out);

#endif
