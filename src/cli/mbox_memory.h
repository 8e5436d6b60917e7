/* An mbox file in memory, for the test and the fuzzer: what is read of it, and the message at hand. */
#ifndef IEMS_CLI_MBOX_MEMORY_H
#define IEMS_CLI_MBOX_MEMORY_H

#include "cli/mbox_message.h"

#include <string.h>

enum { MBOX_MEMORY_MAX = 4 * 1024 * 1024 };

struct mbox_memory {
    struct buf bytes, raw;
};

static inline void mbox_memory_begin(void *arg, struct str from) {
    (void)from;
    buf_clear(&((struct mbox_memory *)arg)->raw);
}

static inline void mbox_memory_data(void *arg, struct str bytes) {
    buf_add(&((struct mbox_memory *)arg)->raw, bytes);
}

static inline size_t mbox_memory_read(void *arg, uint64_t at, char *out, size_t size) {
    const struct mbox_memory *f = arg;
    if (at >= f->bytes.len) return 0;
    struct str s = str_sub(buf_str(&f->bytes), (size_t)at, size);
    memcpy(out, s.ptr, s.len);
    return s.len;
}

static inline enum mbox_length mbox_memory_length(void *arg, uint64_t header, uint64_t body, uint64_t end) {
    const struct mbox_span span = {header, body, end};
    return mbox_message_length(mbox_memory_read, arg, &span);
}

static inline void mbox_memory_init(struct mbox_memory *f) {
    *f = (struct mbox_memory){.bytes = BUF_INIT(MBOX_MEMORY_MAX), .raw = BUF_INIT(MBOX_MEMORY_MAX)};
}

/* Reads all of it in steps. `events` gets `arg`, whose first member is `f`. False: some of it made no sense. */
static inline bool mbox_memory_feed(const struct mbox_memory *f, const struct mbox_events *events, void *arg,
                                    size_t step) {
    struct mbox m;
    mbox_init(&m, events, arg);
    for (size_t at = 0; at < f->bytes.len; at += step) mbox_feed(&m, str_sub(buf_str(&f->bytes), at, step));
    mbox_finish(&m);
    bool fine = !m.strange;
    mbox_done(&m);
    return fine;
}

static inline void mbox_memory_done(struct mbox_memory *f) {
    buf_done(&f->bytes);
    buf_done(&f->raw);
}

#endif
