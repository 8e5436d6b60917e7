/* http and https URLs as a client needs them (RFC 3986, RFC 9110 section 4.2): no user name, no fragment. */
#ifndef IEMS_PROTO_HTTP_URL_H
#define IEMS_PROTO_HTTP_URL_H

#include "base/str.h"

enum { HTTP_URL_MAX = 4096 };

struct http_url {
    bool tls;
    struct str host;      /* without brackets */
    struct str authority; /* as it stands in the Host field */
    uint16_t port;
    struct str target; /* path and query; "/" when there is none */
};

/* Views into `text`. ERR_INVALID, ERR_LIMIT. */
NODISCARD int http_url_parse(struct str text, struct http_url *out);

#endif
