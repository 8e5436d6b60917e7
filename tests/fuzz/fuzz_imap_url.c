/* IMAP URLs and envelopes. */
#include "proto/imap/envelope.h"
#include "proto/imap/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_new(1 << 22);
    struct imap_url u;
    struct imap_envelope e;
    (void)!imap_url_parse(str_of(data, size), arena, &u);
    (void)!imap_envelope_parse(str_of(data, size), arena, &e);
    arena_free(arena);
    return 0;
}
