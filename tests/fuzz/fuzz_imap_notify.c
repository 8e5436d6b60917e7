/* NOTIFY, and lists of mailboxes as in ESEARCH. */
#include "proto/imap/notify_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_new(1 << 22);
    struct imap_args a = {.rest = str_of(data, size), .arena = arena};
    struct imap_notify n;
    struct imap_sources x;
    if (imap_notify_parse(&a, &n) == 0)
        for (size_t i = 0; i < n.groups; i++)
            (void)imap_sources_match(&n.group[i].sources, str_of(data, size < 64 ? size : 64), size % 2 == 0);
    a.rest = str_of(data, size);
    if (imap_args_sources(&a, &x)) (void)imap_sources_match(&x, STR("a/b"), true);
    arena_free(arena);
    return 0;
}
