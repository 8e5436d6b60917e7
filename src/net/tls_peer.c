/* Certificates of clients. The chain is not verified here but where the authority is known (iems-dir); what the
 * handshake proves is that the client has the key. */
#include "net/tls_private.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

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
    if (t->only_13) (void)SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    SSL_CTX_set_verify(ctx, t->ask_certificates ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

void tls_server_ask_certificates(struct tls_server *t, bool ask) {
    if (t->ask_certificates == ask) return;
    t->ask_certificates = ask;
    tls_server_apply(t, t->ctx);
}

void tls_server_require_13(struct tls_server *t) {
    t->only_13 = true;
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

int tls_peer_key(const struct stream *s, unsigned char digest[static TLS_FINGERPRINT], int64_t *not_after) {
    const struct tls *t = tls_of(s);
    X509 *peer = t == NULL ? NULL : SSL_get1_peer_certificate(t->ssl);
    unsigned char *key = NULL;
    struct tm end;
    if (peer == NULL) return ERR_NOTFOUND;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(peer), &key);
    bool ok = len > 0 && EVP_Digest(key, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1 &&
              ASN1_TIME_to_tm(X509_get0_notAfter(peer), &end) == 1;
    bool begun = X509_cmp_current_time(X509_get0_notBefore(peer)) < 0;
    OPENSSL_free(key);
    X509_free(peer);
    ERR_clear_error();
    if (!ok) return ERR_INVALID;
    *not_after = begun ? (int64_t)timegm(&end) : 0;
    return 0;
}
