/* mbox files: the same events whole and in pieces. */
#include "proto/mbox/mbox.h"

#include <stdint.h>

enum { OUT_MAX = 1024 * 1024 };

static void on_begin(void *arg, struct str from) {
    buf_adds(arg, "[");
    buf_add(arg, from);
}
static void on_data(void *arg, struct str bytes) {
    buf_add(arg, bytes);
}
static void on_end(void *arg) {
    buf_adds(arg, "]");
}
/* As if a message could end at half of all places. */
static enum mbox_length length(void *arg, uint64_t header, uint64_t body, uint64_t end) {
    (void)arg;
    IEMS_ASSERT(header < body && body < end);
    return end % 2 ? MBOX_NOT_BELIEVED : end % 4 ? MBOX_QUOTED : MBOX_VERBATIM;
}
static const struct mbox_events events = {on_begin, on_data, on_end, length};

static void run(struct str in, size_t step, struct buf *out) {
    struct mbox m;
    mbox_init(&m, &events, out);
    for (size_t at = 0; at < in.len; at += step) mbox_feed(&m, str_sub(in, at, step));
    mbox_finish(&m);
    mbox_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > OUT_MAX / 4) return 0;
    struct str in = str_of(data + 1, size - 1);
    BUF_AUTO whole = BUF_INIT(OUT_MAX);
    BUF_AUTO pieces = BUF_INIT(OUT_MAX);
    run(in, size, &whole);
    run(in, (size_t)data[0] % 7 + 1, &pieces);
    IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
