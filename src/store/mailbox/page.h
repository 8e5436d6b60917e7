/* A page (KEY_PAGE) says once more, in one record, what the flag records of a range of UIDs say, so that the list of a
 * large folder is read fast. Its key is folder and first UID of the range; its value:
 *   u64 checksum of key and rest, u32 last UID of the range, u32 messages, then runs of messages whose UIDs follow each
 *   other and whose flags are the same, each: varint UIDs skipped before it, varint (messages - 1) * 2 + s, varint
 * flags, zigzag varint MODSEQ of the first less that of the message before. Inside, MODSEQ grows by s. */
#ifndef IEMS_STORE_MAILBOX_PAGE_H
#define IEMS_STORE_MAILBOX_PAGE_H

#include "store/mailbox/mailbox.h"

enum {
    PAGE_UIDS = 4096,
    PAGE_MESSAGES_MIN = 64,  /* fewer are read as fast one by one */
    PAGED_FOLDER_MIN = 4096, /* folders with fewer messages have no pages */
    PAGE_KEY_LEN = 13,
    PAGE_VALUE_MAX = 128 * 1024, /* more than PAGE_UIDS runs of one message each */
};

struct page {
    struct uid_run range;
    size_t count;
};

/* `list` is all messages in the range, which has at most PAGE_UIDS UIDs, in order. */
void page_encode(struct str key, uint32_t last, const struct message *list, size_t count, struct buf *out);
void page_seal(struct str key, char *value, size_t len); /* puts the checksum of what stands behind its place */
/* Fills out[0 .. page->count), of PAGE_UIDS. ERR_CORRUPT; `out` may be filled then. */
NODISCARD int page_decode(struct str key, struct str value, struct message *out, struct page *page);

#endif
