/* A bounded HTTP client for the few requests that processes of ours make (ACME, policies of other domains): one
 * request, one connection, the answer whole in memory. No redirects are followed, no cookies, no cache, no proxies. */
#ifndef IEMS_HTTP_FETCH_H
#define IEMS_HTTP_FETCH_H

#include "base/buf.h"
#include "net/resolver.h"
#include "net/tls.h"
#include "proto/http/response.h"

enum {
    HTTP_FETCH_CONNECT_MS = 10 * 1000, /* for one address, with its TLS handshake */
    HTTP_FETCH_ADDRESSES_MAX = 4,      /* tried in turn */
};

/* What requests share. https answers only count when the chain leads to a root of `tls` and holds the name. */
struct http_client {
    struct resolver *resolver;
    struct tls_client *tls;
    const char *user_agent;
};

struct http_ask {
    const char *method;       /* "GET", "POST", "HEAD" */
    const char *content_type; /* of the body; NULL = no body */
    const char *accept;       /* NULL = anything */
    struct str url;
    struct str body;
    size_t answer_max;    /* bytes of the body; beyond, ERR_LIMIT */
    bool allow_plain;     /* http:// is good too */
    uint64_t deadline_ms; /* for all of it */
};

struct http_answer {
    struct http_response response; /* views into head */
    struct buf head, body;
};
void http_answer_done(struct http_answer *a); /* zeroed or filled, twice is fine */
#define HTTP_ANSWER_AUTO __attribute__((cleanup(http_answer_done))) struct http_answer

/* Asks and waits, in a fiber. 0 = there is an answer, of whatever status. ERR_INVALID (URL, answer is no HTTP),
 * ERR_DENIED (certificate), ERR_NOTFOUND (no such host), ERR_AGAIN (DNS fails), ERR_IO, ERR_TIMEOUT, ERR_LIMIT,
 * ERR_CLOSED (cut off), ERR_CANCELLED; err says which host and why. */
NODISCARD int http_fetch(const struct http_client *c, const struct http_ask *ask, struct http_answer *out,
                         struct error *err);

#endif
