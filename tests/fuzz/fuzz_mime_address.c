/* Any list of addresses gives a finite number of addresses with balanced groups. */
#include "proto/mime/address.h"

enum { ARENA_MAX = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ARENA_AUTO arena = arena_new(ARENA_MAX);
    struct address_parser p;
    struct address a;
    bool in_group = false;
    size_t count = 0;
    address_parser_init(&p, str_of(data, size), arena);
    while (address_next(&p, &a)) {
        IEMS_ASSERT(a.kind != ADDRESS_GROUP_START || !in_group);
        IEMS_ASSERT(a.kind != ADDRESS_GROUP_END || in_group);
        if (a.kind != ADDRESS_MAILBOX) in_group = !in_group;
        IEMS_ASSERT(++count <= size + 1);
    }
    IEMS_ASSERT(!in_group);
    return 0;
}
