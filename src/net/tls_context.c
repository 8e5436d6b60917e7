/* What TLS sessions share: trusted roots, versions and ciphers (RFC 9325 section 4.2). */
#include "net/tls_private.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 1024 * 1024 };

/* Forward secrecy and AEAD only; TLS 1.3 has nothing else. */
static const char server_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
/* A client that encrypts opportunistically also takes what is weaker than that: it is better than plain text (RFC
 * 7435). */
static const char client_ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:RSA+AESGCM:RSA+AES:!aNULL:!eNULL";
/* Where the server must be who it should be, old key exchange has no place. */
const char tls_strict_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL";
/* TLS 1.3: the key schedule is a good part of a handshake, and SHA-256 is what processors have instructions for. */
static const char suites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256:P-384:P-521";

/* Files that hold the system's trusted roots in one PEM. */
static const char *const root_files[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/cert.pem"};

int tls_error(struct error *err, int code, const char *what, const char *otherwise) {
    unsigned long e = ERR_peek_error();
    const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);
    ERR_clear_error();
    return error_set(err, code, "%s: %s", what, reason != NULL ? reason : otherwise);
}

SSL_CTX *tls_context_new(const SSL_METHOD *method) {
    const char *ciphers = method == TLS_server_method() ? server_ciphers : client_ciphers;
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (ctx == NULL) return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ctx, 1);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, ciphers) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, suites) != 1 || SSL_CTX_set1_groups_list(ctx, groups) != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static BIO *pem_open(struct str pem) {
    return pem.len > PEM_MAX ? NULL : BIO_new_mem_buf(pem.ptr, (int)pem.len);
}

static int trust_pem(SSL_CTX *ctx, struct str pem, struct error *err) {
    BIO *bio = pem_open(pem);
    if (bio == NULL) return error_set(err, ERR_INVALID, "trusted roots: too large");
    int n = 0, ok = 1;
    X509 *cert;
    while (ok == 1 && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert);
        X509_free(cert);
        n++;
    }
    BIO_free(bio);
    if (ok != 1 || n == 0) return tls_error(err, ERR_INVALID, "trusted roots", "no certificate found");
    ERR_clear_error();
    return 0;
}

/* Without any root every name is unverified; sessions that only encrypt work. */
static void trust_system(SSL_CTX *ctx) {
    const char *named = getenv(X509_get_default_cert_file_env());
    if (named != NULL && SSL_CTX_load_verify_file(ctx, named) == 1) return;
    for (size_t i = 0; i < sizeof root_files / sizeof root_files[0]; i++) {
        if (SSL_CTX_load_verify_file(ctx, root_files[i]) == 1) break;
    }
    ERR_clear_error();
}

int tls_client_new(struct str roots_pem, struct tls_client **out, struct error *err) {
    ERR_clear_error();
    struct tls_client *t = calloc(1, sizeof *t);
    SSL_CTX *ctx = tls_context_new(TLS_client_method());
    int rc = t == NULL || ctx == NULL ? error_set(err, ERR_NOMEM, "TLS: out of memory") : 0;
    if (rc == 0 && roots_pem.len > 0) {
        rc = trust_pem(ctx, roots_pem, err);
    } else if (rc == 0) {
        trust_system(ctx);
    }
    if (rc == 0 && ((t->sessions = tls_sessions_new(ctx)) == NULL || SSL_CTX_dane_enable(ctx) != 1))
        rc = tls_error(err, ERR_NOMEM, "TLS", "out of memory");
    if (rc != 0) {
        if (t != NULL) tls_sessions_free(t->sessions);
        SSL_CTX_free(ctx);
        free(t);
        return rc;
    }
    t->ctx = ctx;
    *out = t;
    return 0;
}

int tls_client_identify(struct tls_client *t, struct str pem, struct error *err) {
    struct tls_identity *id = NULL;
    int rc = tls_identity_new(pem, &id, err);
    if (rc != 0) return rc;
    const struct tls_leaf *l = &id->leaves[0];
    bool ok = SSL_CTX_use_cert_and_key(t->ctx, l->cert, l->key, l->chain, 1) == 1 &&
              SSL_CTX_set_min_proto_version(t->ctx, TLS1_3_VERSION) == 1;
    tls_identity_free(id);
    return ok ? 0 : tls_error(err, ERR_INVALID, "TLS", "this certificate cannot be used");
}

void tls_client_free(struct tls_client *t) {
    if (t == NULL) return;
    tls_sessions_free(t->sessions);
    SSL_CTX_free(t->ctx);
    free(t);
}
