/* PROXY headers: the same whole and byte by byte, never more used than given. */
#include "proto/proxy/header.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > (size_t)PROXY_HEADER_MAX * 2) return 0;
    struct str in = str_of(data, size);
    struct proxy_header whole = {0}, h = {0};
    struct error err = {0};
    size_t used = 0, used_whole = 0;
    enum parse rc = proxy_header_parse(in, &used_whole, &whole, &err), step = PARSE_MORE;
    for (size_t n = 0; n <= size && step == PARSE_MORE; n++)
        step = proxy_header_parse(str_sub(in, 0, n), &used, &h, &err);
    IEMS_ASSERT(step == rc);
    if (rc != PARSE_EVENT) return 0;
    IEMS_ASSERT(used == used_whole && used <= size && h.known == whole.known);
    if (!h.known) return 0;
    IEMS_ASSERT(net_addr_same_ip(&h.from, &whole.from) && h.from.port == whole.from.port);
    IEMS_ASSERT(net_addr_same_ip(&h.to, &whole.to) && h.to.port == whole.to.port);
    return 0;
}
