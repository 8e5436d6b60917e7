/* Messages that came as literal8: whatever the pieces, the outcome is the same, and it has no NUL. */
#include "base/error.h"
#include "proto/mime/unbinary.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert(struct str in, size_t step, struct buf *out) {
    struct unbinary *u = unbinary_new();
    IEMS_ASSERT(u != NULL);
    for (size_t at = 0; at < in.len; at += step) (void)!unbinary_feed(u, str_sub(in, at, step), out);
    (void)!unbinary_finish(u, out);
    unbinary_free(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf whole = BUF_INIT(1 << 24), pieces = BUF_INIT(1 << 24);
    convert(str_of(data, size), size + 1, &whole);
    convert(str_of(data, size), 3, &pieces);
    IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    IEMS_ASSERT(whole.len == 0 || memchr(whole.ptr, 0, whole.len) == NULL);
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
