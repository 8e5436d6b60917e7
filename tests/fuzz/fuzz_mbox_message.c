/* A message goes to an mbox file and comes back byte by byte, and so does the one behind it. */
#include "cli/mbox_message.h"

#include <stdint.h>
#include <string.h>

enum { FILE_MAX = 4 * 1024 * 1024, BODY_MAX = 64 * 1024 };

struct file {
    struct buf bytes, raw;
    struct str want[2];
    size_t count;
};

static void on_begin(void *arg, struct str from) {
    (void)from;
    buf_clear(&((struct file *)arg)->raw);
}
static void on_data(void *arg, struct str bytes) {
    buf_add(&((struct file *)arg)->raw, bytes);
}
static void on_end(void *arg) {
    static char words[MBOX_WORDS_MAX];
    struct file *f = arg;
    struct mail_item item = {0};
    BUF_AUTO body = BUF_INIT(FILE_MAX);
    IEMS_ASSERT(f->count < 2 && mbox_message_take(buf_str(&f->raw), &item, words, sizeof words, &body));
    IEMS_ASSERT(str_eq(buf_str(&body), f->want[f->count++]));
}
static size_t on_read(void *arg, uint64_t at, char *out, size_t size) {
    const struct file *f = arg;
    if (at >= f->bytes.len) return 0;
    struct str s = str_sub(buf_str(&f->bytes), (size_t)at, size);
    memcpy(out, s.ptr, s.len);
    return s.len;
}
static enum mbox_length on_length(void *arg, uint64_t header, uint64_t body, uint64_t end) {
    const struct mbox_span span = {header, body, end};
    return mbox_message_length(on_read, arg, &span);
}
static const struct mbox_events events = {on_begin, on_data, on_end, on_length};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > BODY_MAX) return 0;
    struct file f = {.bytes = BUF_INIT(FILE_MAX), .raw = BUF_INIT(FILE_MAX)};
    f.want[0] = str_of(data + 1, size - 1);
    f.want[1] = STR("Subject: next\r\n\r\n>From here\r\n");
    for (size_t i = 0; i < 2; i++) {
        const struct mail_item item = {.date = 1000000000, .body = f.want[i]};
        IEMS_ASSERT(mbox_message_put(&item, &f.bytes) == 0);
    }
    struct mbox m;
    mbox_init(&m, &events, &f);
    size_t step = data[0] == 0 ? f.bytes.len : data[0];
    for (size_t at = 0; at < f.bytes.len; at += step) mbox_feed(&m, str_sub(buf_str(&f.bytes), at, step));
    mbox_finish(&m);
    IEMS_ASSERT(f.count == 2);
    mbox_done(&m);
    buf_done(&f.bytes);
    buf_done(&f.raw);
    return 0;
}
