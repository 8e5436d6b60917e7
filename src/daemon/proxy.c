#include "daemon/proxy.h"

#include "proto/proxy/header.h"

int proxy_accept(struct stream *s, uint64_t deadline_ms, struct error *err) {
    for (;;) {
        struct proxy_header h;
        size_t used;
        enum parse rc = proxy_header_parse(stream_peek(s), &used, &h, err);
        if (rc == PARSE_ERROR) return ERR_INVALID;
        if (rc == PARSE_EVENT) {
            stream_consume(s, used);
            if (h.known) stream_set_peer(s, &h.from);
            return stream_unread(s); /* it may be the begin of a TLS handshake */
        }
        int filled = stream_fill(s, deadline_ms);
        if (filled != 0) return error_set(err, filled, "no PROXY header came");
    }
}
