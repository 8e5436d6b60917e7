/* FETCH items and modifiers. */
#include "proto/imap/fetch_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_new(1 << 22);
    struct imap_args a = {.rest = str_of(data, size), .arena = arena};
    struct imap_fetch f;
    struct imap_fetch_modifiers m;
    if (imap_fetch_parse(&a, &f) == 0) (void)!imap_fetch_parse_modifiers(&a, &m);
    arena_free(arena);
    return 0;
}
