/* DNS messages in wire format (RFC 1035 section 4): reads the answer section. Bounded; every length is checked. */
#ifndef IEMS_NET_DNS_PACKET_H
#define IEMS_NET_DNS_PACKET_H

#include "base/arena.h"

enum { DNS_NAME_MAX = 255, DNS_RECORDS_MAX = 500 };

struct dns_record {
    uint16_t type;
    uint32_t ttl;
    struct str name;  /* owner, lower case, no final dot */
    struct str rdata; /* names inside MX, SRV, CNAME, PTR, NS are expanded: see dns_packet_answers */
};
struct dns_packet {
    unsigned rcode;
    size_t count;
    struct dns_record *records; /* in arena */
};

/* Parses the answer section. RDATA is copied; for CNAME, PTR and NS it is the name as text, for MX and SRV
 * two and six octets of numbers and the name as text. ERR_CORRUPT, ERR_LIMIT, ERR_NOMEM. */
NODISCARD int dns_packet_answers(struct str packet, struct arena *arena, struct dns_packet *out);

#endif
