/* A message in an mbox file. What the form has no place for stands in fields before the header: Status, X-Status,
 * X-Keywords as other programs know them; X-IEMS-Lines if the ends of lines must stay as they are; Content-Length, the
 * last of them, says how long the message is without its quoting, and where these fields end. Whatever the message is,
 * it comes back byte by byte. */
#ifndef IEMS_CLI_MBOX_MESSAGE_H
#define IEMS_CLI_MBOX_MESSAGE_H

#include "cli/mail_target.h"
#include "proto/mbox/mbox.h"

enum { MBOX_WORDS_MAX = MAIL_KEYWORDS_MAX * 256 };

/* From the line "From " to the empty line behind it. ERR_INVALID: the date. */
NODISCARD int mbox_message_put(const struct mail_item *item, struct buf *out);
/* Of what stands behind the line "From ", unquoted: flags, keywords (which lie in `words`) and the body, with CRLF.
 * False: it is no message (the first one of files of UW IMAP). */
bool mbox_message_take(struct str raw, struct mail_item *item, char *words, size_t size, struct buf *body);

struct mbox_span {
    uint64_t header, body, end;
};
/* For mbox_events.length. `read` gives what stands at `at`, less than `size` only at the end of the file. */
enum mbox_length mbox_message_length(size_t (*read)(void *arg, uint64_t at, char *out, size_t size), void *arg,
                                     const struct mbox_span *span);

#endif
