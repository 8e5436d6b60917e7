/* A message goes to an mbox file and comes back byte by byte, and so does the one behind it. */
#include "cli/mbox_memory.h"

enum { BODY_MAX = 64 * 1024 };

struct file {
    struct mbox_memory in;
    struct str want[2];
    size_t count;
};

static void on_end(void *arg) {
    static char words[MBOX_WORDS_MAX];
    struct file *f = arg;
    struct mail_item item = {0};
    BUF_AUTO body = BUF_INIT(MBOX_MEMORY_MAX);
    IEMS_ASSERT(f->count < 2 && mbox_message_take(buf_str(&f->in.raw), &item, words, sizeof words, &body));
    IEMS_ASSERT(str_eq(buf_str(&body), f->want[f->count++]));
}
static const struct mbox_events events = {mbox_memory_begin, mbox_memory_data, on_end, mbox_memory_length};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > BODY_MAX) return 0;
    struct file f = {.count = 0};
    mbox_memory_init(&f.in);
    f.want[0] = str_of(data + 1, size - 1);
    f.want[1] = STR("Subject: next\r\n\r\n>From here\r\n");
    for (size_t i = 0; i < 2; i++) {
        const struct mail_item item = {.date = 1000000000, .body = f.want[i]};
        IEMS_ASSERT(mbox_message_put(&item, &f.in.bytes) == 0);
    }
    (void)mbox_memory_feed(&f.in, &events, &f, data[0] == 0 ? f.in.bytes.len : data[0]);
    IEMS_ASSERT(f.count == 2);
    mbox_memory_done(&f.in);
    return 0;
}
