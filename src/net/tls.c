/* TLS as a filter: handshakes, and moving of bytes. OpenSSL never waits; the fiber does, between its calls. */
#include "net/tls_private.h"

#include "net/fiber.h"
#include "net/stream_private.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_MAX = 16 * 1024,
    RECORD_ROOM = RECORD_MAX + 512, /* with header, padding and tag */
};

void tls_free(void *self) {
    struct tls *t = self;
    if (t == NULL) return;
    SSL_free(t->ssl);
    chunk_release(&t->out);
    free(t);
}

/* What a call that gave `n` <= 0 means. */
static int result(struct tls *t, int n, int *want) {
    switch (SSL_get_error(t->ssl, n)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: *want = t->want; return ERR_AGAIN;
    default: return ERR_IO;
    }
}

static long tls_read(void *self, char *to, size_t len, int *want) {
    struct tls *t = self;
    ERR_clear_error();
    int n = SSL_read(t->ssl, to, len > INT32_MAX ? INT32_MAX : (int)len);
    /* The answer to a key update; if it cannot go now it goes with the next output. */
    if (chunk_len(&t->out) > t->parked) (void)tls_drain(t);
    return n > 0 ? n : result(t, n, want);
}

static long tls_write(void *self, const char *from, size_t len, int *want) {
    struct tls *t = self;
    int rc = t->parked > 0 ? 0 : tls_drain(t);
    *want = t->want;
    if (rc != 0) return rc;
    ERR_clear_error();
    size_t done = 0;
    while (done < len && chunk_len(&t->out) <= CHUNK_LARGE - RECORD_ROOM) {
        size_t piece = len - done < RECORD_MAX ? len - done : RECORD_MAX;
        int n = SSL_write(t->ssl, from + done, (int)piece);
        if (n <= 0) {
            rc = result(t, n, want);
            if (done == 0) return rc == 0 ? ERR_IO : rc;
            break;
        }
        done += (size_t)n;
    }
    return !t->ending && tls_drain(t) == ERR_IO ? ERR_IO : (long)done;
}

static void say_end(struct tls *t) {
    ERR_clear_error();
    if (!t->ended) (void)SSL_shutdown(t->ssl);
    t->ended = true;
}

static void tls_ending(void *self) {
    ((struct tls *)self)->ending = true;
}

static int tls_flush(void *self, int *want) {
    struct tls *t = self;
    if (t->ending) say_end(t);
    int rc = chunk_len(&t->out) > t->parked ? tls_drain(t) : 0;
    *want = t->want;
    return rc;
}

/* The end too: it may have come in one packet with what was read last. */
static bool tls_pending(void *self) {
    const SSL *ssl = ((struct tls *)self)->ssl;
    return SSL_has_pending(ssl) == 1 || (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

static void tls_close(void *self) {
    struct tls *t = self;
    say_end(t);
    (void)tls_drain(t);
}

const struct stream_ops tls_stream_ops = {
    .name = "tls",
    .read = tls_read,
    .write = tls_write,
    .flush = tls_flush,
    .ending = tls_ending,
    .pending = tls_pending,
    .close = tls_close,
    .free = tls_free,
};

struct tls *tls_session_new(struct stream *s, SSL_CTX *ctx, bool server) {
    struct tls *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->stream = s;
    t->server = server;
    t->ssl = SSL_new(ctx);
    BIO *bio = t->ssl == NULL ? NULL : tls_bio_new(t);
    if (bio == NULL) {
        tls_free(t);
        return NULL;
    }
    SSL_set_bio(t->ssl, bio, bio);
    if (server) {
        SSL_set_accept_state(t->ssl);
    } else {
        SSL_set_connect_state(t->ssl);
    }
    return t;
}

static int drain_wait(struct tls *t, uint64_t deadline_ms) {
    int rc;
    while ((rc = tls_drain(t)) == ERR_AGAIN) {
        rc = stream_wait_fd(t->stream, t->want, deadline_ms);
        if (rc != 0) break;
    }
    return rc;
}

static int handshake_failed(struct tls *t, struct error *err) {
    long verify = SSL_get_verify_result(t->ssl);
    bool refused = ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    (void)tls_drain(t); /* the alert */
    if (refused && verify != X509_V_OK) {
        if (t->refused != NULL) *t->refused = verify;
        ERR_clear_error();
        return error_set(err, ERR_DENIED, "certificate is not trusted: %s", X509_verify_cert_error_string(verify));
    }
    return tls_error(err, ERR_IO, "TLS handshake failed", "the peer closed the connection");
}

static int handshake(struct tls *t, uint64_t deadline_ms, struct error *err) {
    for (;;) {
        ERR_clear_error();
        int n = SSL_do_handshake(t->ssl), want = FIBER_READ;
        int rc = n == 1 ? 0 : result(t, n, &want);
        if (n != 1 && rc != ERR_AGAIN) return handshake_failed(t, err);
        bool done = n == 1;
        /* What a server says last in TLS 1.3 are tickets: they go with its next words, in one packet. */
        if (done && t->server && SSL_version(t->ssl) == TLS1_3_VERSION) {
            t->parked = chunk_len(&t->out);
            return 0;
        }
        rc = drain_wait(t, deadline_ms);
        if (rc == 0 && done) return 0;
        if (rc == 0) rc = stream_wait_fd(t->stream, want, deadline_ms);
        if (rc != 0) {
            return error_set(err, rc, "TLS handshake failed: %s",
                             rc == ERR_TIMEOUT ? "no answer in time" : err_name(rc));
        }
    }
}

int tls_session_start(struct tls *t, struct stream *s, uint64_t deadline_ms, struct error *err) {
    int rc = handshake(t, deadline_ms, err);
    if (rc == 0 && t->handshaken != NULL) rc = t->handshaken(t, err);
    if (rc == 0 && stream_push(s, &tls_stream_ops, t) != 0) rc = error_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0) return 0;
    tls_free(t);
    return stream_fail(s, rc);
}

/* Bytes that came in plain text before the handshake must not be taken for encrypted ones (RFC 3207 section 4.2). */
int tls_before_handshake(struct stream *s, struct error *err) {
    int rc = stream_flush(s);
    if (rc != 0) return error_set(err, rc, "TLS handshake failed: %s", err_name(rc));
    if (stream_peek(s).len == 0) return 0;
    (void)error_set(err, ERR_INVALID, "plain text was sent where the TLS handshake belongs");
    return stream_fail(s, ERR_INVALID);
}
