/* The answer section of DNS messages. */
#include "net/dns_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ARENA_AUTO arena = arena_new(1 << 20);
    struct dns_packet p;
    if (arena != NULL && dns_packet_answers(str_of(data, size), arena, &p) == 0) {
        for (size_t i = 0; i < p.count; i++) IEMS_ASSERT(p.records[i].name.len <= DNS_NAME_MAX);
    }
    return 0;
}
