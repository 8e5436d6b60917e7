/* Destinations, host tables and answers to EHLO: what smtpc reads from options, files and servers. */
#include "proto/smtp/destination.h"
#include "smtpc/caps.h"
#include "smtpc/hosttable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_of(data, size);
    struct destination d;
    struct caps c;
    struct hosttable *t = NULL;
    struct net_addr addr[HOSTTABLE_ADDRESSES_MAX];
    if (destination_parse(in, 25, &d, NULL) == 0) IEMS_ASSERT(d.literal || d.host[0] != '\0');
    caps_parse(in, &c);
    if (hosttable_parse(in, &t, NULL) == 0) {
        size_t n = hosttable_find(t, in, 25, addr);
        n += hosttable_find(t, STR("a.example.com"), 25, addr);
        for (size_t i = 0; i < n && i < HOSTTABLE_ADDRESSES_MAX; i++) IEMS_ASSERT(addr[i].port != 0 || n > 0);
        hosttable_free(t);
    }
    return 0;
}
