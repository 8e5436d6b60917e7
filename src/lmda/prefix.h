/* Header lines that a delivery puts before a message, and the loop check by one of them. Pure. */
#ifndef IEMS_LMDA_PREFIX_H
#define IEMS_LMDA_PREFIX_H

#include "base/buf.h"

enum { PREFIX_MAX = 64 * 1024 };

/* "Return-Path: <sender>", "Delivered-To: recipient" (RFC 5321 section 4.4), then what was put before it on the way. */
void prefix_make(struct str sender, struct str recipient, struct str before, struct buf *out);
/* The message was delivered to this recipient before: it comes round again. `header`: CRLF lines. */
bool prefix_delivered_before(struct str header, struct str recipient);

#endif
