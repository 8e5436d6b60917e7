/* The record of a message that was expunged and may be brought back (docs/design/store-format.md, `D`): where it was,
 * its flags by name, and its message record. It holds the reference to the body that the message had. */
#ifndef IEMS_STORE_MAILBOX_EXPUNGED_H
#define IEMS_STORE_MAILBOX_EXPUNGED_H

#include "store/mailbox/mailbox.h"

enum { EXPUNGED_KEY_LEN = 29, EXPUNGED_HEAD_MAX = 32 * 1024 };

struct expunged {
    /* of the key */
    uint64_t account, at, folder; /* at: ms */
    uint32_t uid;
    /* of the value; views point into it */
    uint64_t flags;
    uint32_t uidvalidity;
    struct str name, keywords; /* keywords: NUL-terminated one behind the other, the first is bit 8 */
    struct str record;
    struct message_stored message; /* the summary may be empty: blob_summary has it */
};

/* Appends what is the same for all messages of a folder. */
void expunged_origin(const struct folder *f, struct buf *out);
/* Puts the record; the reference of the message is now its. Its summary goes to the body: a message that was copied and
 * deleted several times has it once. */
void expunged_put(struct batch *b, uint64_t account, uint64_t at, uint64_t folder, uint32_t uid, uint64_t flags,
                  struct str origin, struct str record, const struct blob *body);
/* ERR_CORRUPT. */
NODISCARD int expunged_decode(struct str key, struct str value, struct expunged *out);
/* The next keyword: "" at the end. */
struct str expunged_keyword(struct str *rest);

#endif
