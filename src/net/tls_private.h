/* Inside of TLS, for tls_context.c, tls.c and tls_info.c. */
#ifndef IEMS_NET_TLS_PRIVATE_H
#define IEMS_NET_TLS_PRIVATE_H

#include "net/chunk.h"
#include "net/tls.h"

#include <openssl/ssl.h>

struct tls_server {
    SSL_CTX *ctx;
    int64_t not_after;
};

struct tls_client {
    SSL_CTX *ctx;
};

/* One session: the `self` of the filter. */
struct tls {
    SSL *ssl;
    struct stream *stream;
    struct chunk out; /* records that wait to be written, so that several go out in one system call */
    int want;         /* direction that the BIO missed last */
    bool server;
};

extern const struct stream_ops tls_stream_ops;

/* The session of a stream, or NULL. */
const struct tls *tls_of(const struct stream *s);
/* The BIO through which `t` reaches the layer below. NULL when out of memory. */
BIO *tls_bio_new(struct tls *t);
/* Writes what waits in t->out, without waiting: 0, ERR_AGAIN with t->want, ERR_IO. */
int tls_drain(struct tls *t);
/* Fills err with the first reason that OpenSSL gives, or `otherwise`; returns code. */
int tls_error(struct error *err, int code, const char *what, const char *otherwise);

#endif
