#include "store/key.h"
#include "store/mailbox/page.h"

static struct message first[PAGE_UIDS], second[PAGE_UIDS];

/* The checksum is put right, so that what is behind it is read. What can be read is the same when it is written anew.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 12 || size > PAGE_VALUE_MAX) return 0;
    struct key k = key_of_id(KEY_PAGE, 7);
    struct page a, b;
    BUF_AUTO value = BUF_INIT(PAGE_VALUE_MAX);
    BUF_AUTO again = BUF_INIT(PAGE_VALUE_MAX);
    key_u32(&k, be32_get(data));
    buf_add(&value, str_of(data + 4, 8));
    buf_add(&value, str_of(data + 4, size - 4));
    if (value.error != 0) return 0;
    page_seal(key_str(&k), value.ptr, value.len);
    if (page_decode(key_str(&k), buf_str(&value), first, &a) != 0) return 0;
    page_encode(key_str(&k), a.range.last, first, a.count, &again);
    IEMS_ASSERT(again.error == 0);
    IEMS_ASSERT(page_decode(key_str(&k), buf_str(&again), second, &b) == 0);
    IEMS_ASSERT(a.count == b.count && a.range.first == b.range.first && a.range.last == b.range.last);
    for (size_t i = 0; i < a.count; i++)
        IEMS_ASSERT(first[i].uid == second[i].uid && first[i].flags == second[i].flags &&
                    first[i].modseq == second[i].modseq);
    return 0;
}
