/* The client's side of TLS: who the server has to be, and whether it is. RFC 6125 (names), RFC 7671 and RFC 7672
 * (DANE), RFC 8446 section 4.2.11 (resumption). The certificate part of DANE is OpenSSL's. */
#include "net/address.h"
#include "net/stream_private.h"
#include "net/tls_private.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { NAME_MAX_LEN = 255 };

static int name_to_cstr(struct str name, char out[static NAME_MAX_LEN + 1]) {
    if (name.len > 0 && name.ptr[name.len - 1] == '.') name.len--;
    return str_to_cstr(name, out, NAME_MAX_LEN + 1);
}

/* The name that the certificate must hold, and SNI. */
static int expect_name(SSL *ssl, const struct tls_expect *e) {
    char host[NAME_MAX_LEN + 1];
    struct net_addr ip;
    if (e->name.len == 0 || str_eq(e->name, STR("."))) {
        return e->verify == TLS_VERIFY_NONE || e->verify == TLS_VERIFY_FINGERPRINT ? 0 : ERR_INVALID;
    }
    if (name_to_cstr(e->name, host) != 0) return ERR_INVALID;
    if (net_addr_parse(str_from(host), 0, &ip) == 0) {
        if (e->verify == TLS_VERIFY_DANE || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) != 1)
            return ERR_INVALID;
        return 0;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                               (e->san_only ? (unsigned)X509_CHECK_FLAG_NEVER_CHECK_SUBJECT : 0u));
    if (e->verify != TLS_VERIFY_DANE && SSL_set1_host(ssl, host) != 1) return ERR_INVALID;
    if (SSL_set_tlsext_host_name(ssl, host) != 1) return ERR_INVALID;
    for (size_t i = 0; i < e->name_count; i++) {
        if (name_to_cstr(e->names[i], host) != 0 || SSL_add1_host(ssl, host) != 1) return ERR_INVALID;
    }
    return 0;
}

/* ERR_NOTFOUND: no record is usable (RFC 7672 section 2.2: TLS all the same, but nobody to verify). */
static int expect_dane(struct tls *t, const struct tls_expect *e) {
    char base[NAME_MAX_LEN + 1];
    size_t usable = 0;
    for (size_t i = 0; i < e->tlsa_count; i++) usable += e->tlsa[i].usage == 2 || e->tlsa[i].usage == 3;
    if (usable == 0) return ERR_NOTFOUND;
    if (name_to_cstr(e->name, base) != 0 || SSL_dane_enable(t->ssl, base) != 1) return ERR_INVALID;
    SSL_dane_set_flags(t->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS); /* RFC 7672 section 3.1.1 */
    usable = 0;
    for (size_t i = 0; i < e->tlsa_count; i++) {
        const struct tls_tlsa *r = &e->tlsa[i];
        if (r->usage != 2 && r->usage != 3) continue; /* RFC 7672 section 3.1.3: 0 and 1 are not for SMTP */
        usable += SSL_dane_tlsa_add(t->ssl, r->usage, r->selector, r->matching, (const unsigned char *)r->data.ptr,
                                    r->data.len) > 0;
    }
    ERR_clear_error(); /* of records that are malformed */
    return usable > 0 ? 0 : ERR_NOTFOUND;
}

/* The digest of everything that the check of the server depends on. */
static void resume_key(const struct tls_expect *e, enum tls_verify by, unsigned char out[static TLS_RESUME_KEY]) {
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char head[5] = {(unsigned char)by, (unsigned char)e->name_count, (unsigned char)e->tlsa_count,
                             (unsigned char)e->fingerprint_count, e->san_only};
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(md, head, sizeof head) == 1 && EVP_DigestUpdate(md, e->resume.ptr, e->resume.len) == 1 &&
              EVP_DigestUpdate(md, "\n", 1) == 1 && EVP_DigestUpdate(md, e->name.ptr, e->name.len) == 1;
    for (size_t i = 0; ok && i < e->name_count; i++)
        ok = EVP_DigestUpdate(md, "\n", 1) == 1 && EVP_DigestUpdate(md, e->names[i].ptr, e->names[i].len) == 1;
    for (size_t i = 0; ok && i < e->tlsa_count; i++) {
        const struct tls_tlsa *r = &e->tlsa[i];
        unsigned char fixed[5] = {r->usage, r->selector, r->matching, (unsigned char)(r->data.len >> 8),
                                  (unsigned char)r->data.len};
        ok = EVP_DigestUpdate(md, fixed, sizeof fixed) == 1 && EVP_DigestUpdate(md, r->data.ptr, r->data.len) == 1;
    }
    if (ok && e->fingerprint_count > 0)
        ok = EVP_DigestUpdate(md, e->fingerprints, e->fingerprint_count * TLS_FINGERPRINT) == 1;
    if (!ok || EVP_DigestFinal_ex(md, out, NULL) != 1) memset(out, 0, TLS_RESUME_KEY);
    EVP_MD_CTX_free(md);
}

static bool fingerprint_known(const struct tls_expect *e, const unsigned char *digest, unsigned len) {
    for (size_t i = 0; len == TLS_FINGERPRINT && i < e->fingerprint_count; i++) {
        if (CRYPTO_memcmp(digest, e->fingerprints[i], TLS_FINGERPRINT) == 0) return true;
    }
    return false;
}

static int check_fingerprint(struct tls *t, struct error *err) {
    X509 *peer = SSL_get1_peer_certificate(t->ssl);
    unsigned char digest[EVP_MAX_MD_SIZE], *key = NULL;
    unsigned len = 0;
    bool known =
        peer != NULL && X509_digest(peer, EVP_sha256(), digest, &len) == 1 && fingerprint_known(t->expect, digest, len);
    int key_len = peer == NULL || known ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(peer), &key);
    if (key_len > 0 && EVP_Digest(key, (size_t)key_len, digest, &len, EVP_sha256(), NULL) == 1)
        known = fingerprint_known(t->expect, digest, len);
    OPENSSL_free(key);
    X509_free(peer);
    return known ? 0 : error_set(err, ERR_DENIED, "certificate has none of the fingerprints that are set for the peer");
}

static enum tls_fault fault_of(long result, enum tls_verify by) {
    switch (result) {
    case X509_V_OK: return TLS_FAULT_NONE;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return TLS_FAULT_NAME;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return TLS_FAULT_EXPIRED;
    default: return by == TLS_VERIFY_DANE ? TLS_FAULT_TLSA : TLS_FAULT_UNTRUSTED;
    }
}

static int expect(struct tls *t, struct tls_client *client, const struct tls_expect *e) {
    t->by = e->verify;
    t->expect = e;
    int rc = e->verify == TLS_VERIFY_DANE ? expect_dane(t, e) : 0;
    struct tls_expect open = *e;
    if (rc == ERR_NOTFOUND) {
        open.verify = t->by = TLS_VERIFY_NONE;
        rc = 0;
    }
    if (rc == 0) rc = expect_name(t->ssl, &open);
    if (rc != 0) return rc;
    if (t->by == TLS_VERIFY_NAME || t->by == TLS_VERIFY_DANE) SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
    if (t->by == TLS_VERIFY_FINGERPRINT) t->handshaken = check_fingerprint;
    if (t->by == TLS_VERIFY_NONE) {
        SSL_set_security_level(t->ssl, 1); /* a short key is better than plain text */
    } else if (SSL_set_cipher_list(t->ssl, tls_strict_ciphers) != 1) {
        return ERR_NOMEM;
    }
    SSL_set_app_data(t->ssl, t);
    if (e->resume.len == 0) return 0;
    t->sessions = client->sessions;
    resume_key(e, t->by, t->resume);
    tls_sessions_offer(t);
    return 0;
}

int tls_connect_as(struct stream *s, struct tls_client *client, const struct tls_expect *e, uint64_t deadline_ms,
                   enum tls_fault *fault, struct error *err) {
    long refused = X509_V_OK;
    *fault = TLS_FAULT_HANDSHAKE;
    int rc = tls_before_handshake(s, err);
    if (rc != 0) return rc;
    struct tls *t = tls_session_new(s, client->ctx, false);
    if (t == NULL) return stream_fail(s, tls_error(err, ERR_NOMEM, "TLS", "out of memory"));
    t->refused = &refused;
    rc = expect(t, client, e);
    if (rc != 0) {
        tls_free(t);
        ERR_clear_error();
        (void)error_set(err, rc, "\"%.*s\" is not a name that a certificate can have", (int)(e->name.len % 256),
                        e->name.ptr);
        return stream_fail(s, rc);
    }
    enum tls_verify by = t->by;
    rc = tls_session_start(t, s, deadline_ms, err);
    if (rc != 0) {
        if (refused != X509_V_OK) *fault = fault_of(refused, by);
        if (refused == X509_V_OK && rc == ERR_DENIED) *fault = TLS_FAULT_FINGERPRINT;
        return rc;
    }
    t->refused = NULL;
    t->expect = NULL;
    *fault = by == TLS_VERIFY_FINGERPRINT ? TLS_FAULT_NONE : fault_of(SSL_get_verify_result(t->ssl), by);
    return 0;
}

int tls_connect(struct stream *s, struct tls_client *client, struct str server_name, enum tls_verify verify,
                uint64_t deadline_ms, struct error *err) {
    enum tls_fault fault;
    struct tls_expect e = {.verify = verify, .name = server_name};
    return tls_connect_as(s, client, &e, deadline_ms, &fault, err);
}
