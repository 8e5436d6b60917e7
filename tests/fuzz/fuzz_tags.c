/* The filter of tag fields: the same whole and byte by byte, nothing is lost, and none is left in the header. */
#include "proto/mime/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024 };

static void run(struct str in, size_t step, struct buf *out, struct buf *taken) {
    struct tag_filter f = {.taken = taken};
    struct str piece;
    for (; in.len > 0; in = str_sub(in, step, in.len)) {
        struct str part = str_sub(in, 0, step);
        while (tag_filter_next(&f, &part, &piece)) buf_add(out, piece);
    }
    buf_add(out, tag_filter_finish(&f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > INPUT_MAX) return 0;
    struct str in = str_of(data, size);
    BUF_AUTO whole = BUF_INIT(INPUT_MAX);
    BUF_AUTO bytes = BUF_INIT(INPUT_MAX);
    BUF_AUTO taken = BUF_INIT(INPUT_MAX);
    BUF_AUTO taken_bytes = BUF_INIT(INPUT_MAX);
    BUF_AUTO again = BUF_INIT(INPUT_MAX);
    BUF_AUTO none = BUF_INIT(INPUT_MAX);
    run(in, SIZE_MAX, &whole, &taken);
    run(in, 1, &bytes, &taken_bytes);
    IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&bytes)) && str_eq(buf_str(&taken), buf_str(&taken_bytes)));
    IEMS_ASSERT(whole.len + taken.len == size);
    run(buf_str(&whole), SIZE_MAX, &again, &none);
    IEMS_ASSERT(none.len == 0);
    struct str rest = buf_str(&taken), name, value;
    while (tag_field_next(&rest, &name, &value)) IEMS_ASSERT(tag_is_valid(name, value));
    return 0;
}
