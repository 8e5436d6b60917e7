/* SEARCH, SORT and THREAD programs. */
#include "proto/imap/search_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_new(1 << 22);
    struct imap_args a = {.rest = str_of(data, size), .arena = arena};
    struct imap_search s;
    (void)!imap_search_parse(&a, &s);
    a.rest = str_of(data, size);
    (void)!imap_sort_parse(&a, &s);
    a.rest = str_of(data, size);
    (void)!imap_thread_parse(&a, &s);
    arena_free(arena);
    return 0;
}
