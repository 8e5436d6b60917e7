/* Inside of TLS, for tls_context.c, tls.c and tls_info.c. */
#ifndef IEMS_NET_TLS_PRIVATE_H
#define IEMS_NET_TLS_PRIVATE_H

#include "base/map.h"
#include "net/chunk.h"
#include "net/tls.h"
#include "net/tls_identity.h"
#include "net/tls_tickets.h"

#include <openssl/ssl.h>

enum { TLS_RESUME_KEY = 32 };

enum { TLS_KINDS = 3, TLS_IDENTITY_DIGEST = 32 };

struct tls_leaf {
    X509 *cert;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* without the leaf */
};

struct tls_identity {
    unsigned refs;
    size_t count; /* at least one, each of another kind of key */
    struct tls_leaf leaves[TLS_KINDS];
    unsigned char digest[TLS_IDENTITY_DIGEST]; /* of the PEM text */
};

struct tls_server {
    SSL_CTX *ctx;
    struct tls_identity *standard;  /* for names that are not known; NULL = none */
    struct map *named, *challenges; /* struct tls_identity */
    struct tls_tickets tickets;
    const char *protocols; /* "" = any */
    bool ask_certificates;
    bool only_13; /* TLS 1.3 */
};

struct tls_client {
    SSL_CTX *ctx;
    struct tls_sessions *sessions; /* for resumption */
};

/* One session: the `self` of the filter. */
struct tls {
    SSL *ssl;
    struct stream *stream;
    struct chunk out; /* records that wait to be written, so that several go out in one system call */
    size_t parked;    /* bytes at the front of `out` that wait for company: tickets, which nobody waits for */
    int want;         /* direction that the BIO missed last */
    bool server;
    bool ending, ended; /* nothing is written any more after what comes now; the end was said */
    bool challenge;     /* server: the client asked for "acme-tls/1" */
    enum tls_verify by; /* client: how the server was verified */
    int (*handshaken)(struct tls *t, struct error *err); /* more to check after the handshake, or NULL */
    const struct tls_expect *expect;                     /* during the handshake */
    long *refused;                                       /* where the reason goes for which a chain was refused */
    struct tls_sessions *sessions;                       /* where tickets of this session go, or NULL */
    unsigned char resume[TLS_RESUME_KEY];
};

extern const struct stream_ops tls_stream_ops;

/* Parts of a handshake, for tls_connect.c. The first failure frees `t` and fails the stream. */
struct tls *tls_session_new(struct stream *s, SSL_CTX *ctx, bool server);
NODISCARD int tls_session_start(struct tls *t, struct stream *s, uint64_t deadline_ms, struct error *err);
NODISCARD int tls_before_handshake(struct stream *s, struct error *err);
void tls_free(void *self);

/* --- tls_context.c, tls_server.c: settings without a certificate; with one, or NULL when the library refuses it */
SSL_CTX *tls_context_new(const SSL_METHOD *method);
SSL_CTX *tls_server_context(const struct tls_identity *standard);
/* tls_peer.c: the settings of `t` in a context of its own. */
void tls_server_apply(const struct tls_server *t, SSL_CTX *ctx);

/* --- tls_tickets.c */
NODISCARD int tls_tickets_use(SSL_CTX *ctx); /* whose app data is the server */

/* --- tls_sessions.c: what servers gave for resumption (RFC 8446 section 2.2, RFC 5077), a bounded number */
struct tls_sessions;
struct tls_sessions *tls_sessions_new(SSL_CTX *ctx); /* NULL when out of memory */
void tls_sessions_free(struct tls_sessions *s);
/* Offers what is kept under t->resume, once. */
void tls_sessions_offer(struct tls *t);

/* The session of a stream, or NULL. */
const struct tls *tls_of(const struct stream *s);
/* The BIO through which `t` reaches the layer below. NULL when out of memory. */
BIO *tls_bio_new(struct tls *t);
/* Writes what waits in t->out, without waiting: 0, ERR_AGAIN with t->want, ERR_IO. */
int tls_drain(struct tls *t);
extern const char tls_strict_ciphers[];
/* Fills err with the first reason that OpenSSL gives, or `otherwise`; returns code. */
int tls_error(struct error *err, int code, const char *what, const char *otherwise);

#endif
