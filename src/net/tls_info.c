/* What a TLS session is: version, cipher, names, and its channel bindings (RFC 9266, RFC 5929). */
#include "net/tls_private.h"

#include "net/stream_private.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

enum { EXPORTER_LEN = 32 };

const struct tls *tls_of(const struct stream *s) {
    const struct stream_filter *f = stream_find_filter(s, &tls_stream_ops);
    return f == NULL ? NULL : f->self;
}

bool stream_is_tls(const struct stream *s) {
    return tls_of(s) != NULL;
}

static bool is_verified(const struct tls *t) {
    if (t->server) return false;
    X509 *peer = SSL_get1_peer_certificate(t->ssl);
    X509_free(peer);
    return peer != NULL && (t->by == TLS_VERIFY_FINGERPRINT || SSL_get_verify_result(t->ssl) == X509_V_OK);
}

int tls_get_info(const struct stream *s, struct tls_info *out) {
    const struct tls *t = tls_of(s);
    if (t == NULL) return ERR_NOTFOUND;
    *out = (struct tls_info){
        .version = SSL_get_version(t->ssl),
        .cipher = SSL_get_cipher_name(t->ssl),
        .bits = SSL_get_cipher_bits(t->ssl, NULL),
        .verified = is_verified(t),
        .resumed = SSL_session_reused(t->ssl) == 1,
        .by = t->by,
    };
    struct str sni = str_from(t->server ? SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) : NULL);
    if (str_to_cstr(sni, out->sni, sizeof out->sni) != 0) out->sni[0] = '\0';
    return 0;
}

/* RFC 9266 section 2: TLS 1.3, or TLS 1.2 with the extended master secret (we never renegotiate). */
static int bind_exporter(const struct tls *t, struct buf *out) {
    static const char label[] = "EXPORTER-Channel-Binding";
    unsigned char key[EXPORTER_LEN];
    if (SSL_version(t->ssl) < TLS1_3_VERSION && SSL_get_extms_support(t->ssl) != 1) return ERR_NOTFOUND;
    if (SSL_export_keying_material(t->ssl, key, sizeof key, label, sizeof label - 1, NULL, 0, 0) != 1) {
        return ERR_NOTFOUND;
    }
    buf_add(out, str_of(key, sizeof key));
    return out->error;
}

/* RFC 5929 section 4.1: the hash of the server's certificate with the hash of its signature, SHA-256 instead of MD5 and
 * SHA-1. Not defined for signatures without a hash of their own (Ed25519). */
static int bind_end_point(const struct tls *t, struct buf *out) {
    /* the certificate of a session that is resumed here was another time's */
    if (t->server && SSL_session_reused(t->ssl) == 1) return ERR_NOTFOUND;
    X509 *cert = t->server ? SSL_get_certificate(t->ssl) : SSL_get1_peer_certificate(t->ssl);
    int hash;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int ok = cert != NULL && X509_get_signature_info(cert, &hash, NULL, NULL, NULL) == 1 && hash != NID_undef;
    if (ok && (hash == NID_md5 || hash == NID_sha1)) hash = NID_sha256;
    ok = ok && X509_digest(cert, EVP_get_digestbynid(hash), digest, &len) == 1;
    if (!t->server) X509_free(cert);
    if (!ok) return ERR_NOTFOUND;
    buf_add(out, str_of(digest, len));
    return out->error;
}

static const struct {
    const char *type;
    int (*bind)(const struct tls *t, struct buf *out);
} bindings[] = {{"tls-exporter", bind_exporter}, {"tls-server-end-point", bind_end_point}};

int tls_channel_binding(const struct stream *s, const char *type, struct buf *out) {
    const struct tls *t = tls_of(s);
    if (t == NULL) return ERR_NOTFOUND;
    for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++) {
        if (strcmp(bindings[i].type, type) == 0) return bindings[i].bind(t, out);
    }
    return ERR_NOTFOUND;
}
