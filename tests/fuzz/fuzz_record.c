#include "store/mailbox/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    unsigned fields = data[0] & 127;
    struct str rest = str_of(data + 1, size - 1);
    struct message_record r;
    BUF_AUTO again = BUF_INIT(1 << 20);
    while (message_record_get(&rest, fields, &r) == 0) message_record_put(&again, fields, &r);
    /* What was read is written back byte for byte. */
    size_t used = size - 1 - rest.len;
    IEMS_ASSERT(again.error != 0 || str_eq(buf_str(&again), str_of(data + 1, used)));
    return 0;
}
