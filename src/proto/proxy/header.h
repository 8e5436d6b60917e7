/* The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.8/doc/proxy-protocol.txt): what a front end says in
 * front of a connection about whose it is. Sans-I/O: give all bytes received so far; what comes behind the header
 * belongs to the connection. */
#ifndef IEMS_PROTO_PROXY_HEADER_H
#define IEMS_PROTO_PROXY_HEADER_H

#include "base/parse.h"
#include "net/address.h"

enum {
    PROXY_LINE_MAX = 107,    /* version 1, CRLF included */
    PROXY_HEADER_MAX = 4096, /* version 2 with its extensions, which are skipped */
};

struct proxy_header {
    bool known; /* false: the front end speaks for itself (LOCAL), or does not know (UNKNOWN, UNSPEC) */
    struct net_addr from, to;
};

/* PARSE_EVENT: the header is complete and `used` bytes long. PARSE_MORE: come again with more. PARSE_ERROR: this is no
 * such header; err has why. */
enum parse proxy_header_parse(struct str in, size_t *used, struct proxy_header *out, struct error *err);

#endif
