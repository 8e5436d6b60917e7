/* IMAP command reader and argument parser: pieces of a length that the first byte says. A message literal is streamed,
 * or refused when it is large. */
#include "proto/imap/args.h"
#include "proto/imap/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_apart(struct str text) {
    struct arena *arena = arena_new(1 << 20);
    struct imap_args a = {.rest = text, .arena = arena};
    struct str s;
    struct imap_set set;
    struct imap_flags flags;
    int64_t t;
    bool nil;
    (void)imap_args_tag(&a, &s);
    for (size_t before = SIZE_MAX; before != a.rest.len && a.rest.len > 0;) {
        before = a.rest.len;
        (void)imap_args_space(&a);
        struct imap_args b = a;
        (void)imap_args_mailbox(&b, &s);
        if (imap_args_set(&a, &set)) {
            struct imap_runs runs = {0};
            (void)!imap_set_resolve(&set, 1000, &runs);
            imap_runs_done(&runs);
        } else if (!imap_args_datetime(&a, &t) && !imap_args_date(&a, &t) && !imap_args_flag_list(&a, &flags) &&
                   !imap_args_astring(&a, &s) && !imap_args_nstring(&a, &s, &nil)) {
            (void)imap_args_list_mailbox(&a, &s);
        }
    }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct imap_reader r;
    imap_reader_init(&r, &(struct imap_reader_limits){256, 128});
    size_t step = data[0] % 16 + 1, at = 1;
    uint64_t message = 0;
    while (at < size) {
        size_t n = size - at < step ? size - at : step;
        if (message > 0) {
            if (n > message) n = (size_t)message;
            at += n;
            message -= n;
            if (message == 0) imap_reader_resume(&r);
            continue;
        }
        size_t used = 0;
        enum imap_parse result = imap_reader_feed(&r, str_of(data + at, n), &used);
        IEMS_ASSERT(used <= n && (used > 0 || result != IMAP_MORE));
        at += used;
        if (result == IMAP_ERROR) {
            imap_reader_reset(&r);
        } else if (result == IMAP_EVENT && r.event == IMAP_EVENT_COMMAND) {
            take_apart(buf_str(&r.text));
            imap_reader_reset(&r);
        } else if (result == IMAP_EVENT && r.event == IMAP_EVENT_MESSAGE) {
            if (r.message_size > 64)
                imap_reader_discard(&r, r.message_size, !r.message_sync);
            else if ((message = r.message_size) == 0)
                imap_reader_resume(&r);
        }
    }
    imap_reader_done(&r);
    return 0;
}
