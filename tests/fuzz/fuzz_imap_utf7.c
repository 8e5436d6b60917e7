/* Modified UTF-7: what decodes must encode to the same bytes again; what encodes must decode. */
#include "proto/imap/utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_of(data, size);
    BUF_AUTO utf8 = BUF_INIT(1 << 20);
    BUF_AUTO again = BUF_INIT(1 << 20);
    if (imap_utf7_decode(in, &utf8) == 0) {
        IEMS_ASSERT(imap_utf7_encode(buf_str(&utf8), &again) == 0);
        IEMS_ASSERT(str_eq(buf_str(&again), in));
    }
    buf_clear(&utf8);
    buf_clear(&again);
    if (imap_utf7_encode(in, &utf8) == 0) {
        IEMS_ASSERT(imap_utf7_decode(buf_str(&utf8), &again) == 0);
        IEMS_ASSERT(str_eq(buf_str(&again), in));
    }
    size_t cut = size > 0 ? data[0] % size : 0;
    (void)imap_list_match(str_sub(in, 0, cut), str_sub(in, cut, 200));
    return 0;
}
