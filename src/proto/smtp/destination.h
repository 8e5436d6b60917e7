/* A destination or relay host as text: "example.com", "example.com:587" (by MX), "[mail.example.com]:587" (without MX),
 * "[192.0.2.1]", "[IPv6:2001:db8::1]" (address literal, RFC 5321 section 4.1.3), and addresses without brackets:
 * "192.0.2.1:2525", "2001:db8::1". Pure. */
#ifndef IEMS_PROTO_SMTP_DESTINATION_H
#define IEMS_PROTO_SMTP_DESTINATION_H

#include "net/address.h"

enum { DESTINATION_HOST_MAX = 255 };

struct destination {
    char host[DESTINATION_HOST_MAX + 1]; /* lower case; "" for a literal */
    bool literal;
    struct net_addr addr; /* literal; its port is set */
    bool no_mx;           /* in brackets: the host itself */
    uint16_t port;
};

/* `port`: what is taken when the text has none. ERR_INVALID with a reason. */
NODISCARD int destination_parse(struct str text, uint16_t port, struct destination *out, struct error *err);

#endif
