/* Certificates of clients. The chain is not verified here but where the authority is known (iems-dir); what the
 * handshake proves is that the client has the key. */
#include "net/tls_private.h"

#include <openssl/x509.h>
#include <string.h>

static int take_any(X509_STORE_CTX *ctx, void *arg) {
    (void)ctx;
    (void)arg;
    return 1;
}

void tls_server_apply(const struct tls_server *t, SSL_CTX *ctx) {
    /* A session that began when nobody was asked holds no certificate: it is not resumed after that has changed. */
    static const char contexts[2][7] = {"iems", "iems-c"};
    const char *name = contexts[t->ask_certificates];
    int ok = SSL_CTX_set_session_id_context(ctx, (const unsigned char *)name, (unsigned)strlen(name));
    IEMS_ASSERT(ok == 1); /* fails only for names that are too long */
    SSL_CTX_set_cert_verify_callback(ctx, take_any, NULL);
    SSL_CTX_set_verify(ctx, t->ask_certificates ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

void tls_server_ask_certificates(struct tls_server *t, bool ask) {
    if (t->ask_certificates == ask) return;
    t->ask_certificates = ask;
    tls_server_apply(t, t->ctx);
}

void tls_server_set_protocols(struct tls_server *t, const char *protocols) {
    t->protocols = protocols;
}

int tls_peer_certificate(const struct stream *s, struct buf *out) {
    const struct tls *t = tls_of(s);
    X509 *peer = t == NULL ? NULL : SSL_get1_peer_certificate(t->ssl);
    if (peer == NULL) return ERR_NOTFOUND;
    int rc = 0;
    if (out != NULL) {
        unsigned char *der = NULL;
        int len = i2d_X509(peer, &der);
        if (len > 0) buf_add(out, str_of(der, (size_t)len));
        OPENSSL_free(der);
        rc = len > 0 ? out->error : ERR_NOMEM;
    }
    X509_free(peer);
    return rc;
}
