/* What TLS sessions share: certificate and key, trusted roots, versions and ciphers (RFC 9325 section 4.2). */
#include "net/tls_private.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 1024 * 1024, CHAIN_MAX = 16 };

/* Forward secrecy and AEAD only; TLS 1.3 has nothing else. */
static const char server_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
/* A client that encrypts opportunistically also takes what is weaker than that: it is better than plain text (RFC
 * 7435). */
static const char client_ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:RSA+AESGCM:RSA+AES:!aNULL:!eNULL";
/* Where the server must be who it should be, old key exchange has no place. */
const char tls_strict_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL";
static const char groups[] = "X25519:P-256:P-384:P-521";
static const char session_context[] = "iems";

/* Files that hold the system's trusted roots in one PEM. */
static const char *const root_files[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/cert.pem"};

int tls_error(struct error *err, int code, const char *what, const char *otherwise) {
    unsigned long e = ERR_peek_error();
    const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);
    ERR_clear_error();
    return error_set(err, code, "%s: %s", what, reason != NULL ? reason : otherwise);
}

static SSL_CTX *context_new(const SSL_METHOD *method, const char *ciphers) {
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (ctx == NULL) return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ctx, 1);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, ciphers) != 1 ||
        SSL_CTX_set1_groups_list(ctx, groups) != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static int no_passphrase(char *buf, int size, int rwflag, void *arg) {
    (void)buf;
    (void)size;
    (void)rwflag;
    *(bool *)arg = true;
    return -1;
}

static BIO *pem_open(struct str pem) {
    return pem.len > PEM_MAX ? NULL : BIO_new_mem_buf(pem.ptr, (int)pem.len);
}

static int use_chain(SSL_CTX *ctx, struct str pem, struct error *err) {
    BIO *bio = pem_open(pem);
    if (bio == NULL) return error_set(err, ERR_INVALID, "certificate: too large");
    int n = 0, ok = 1;
    X509 *cert;
    while (ok == 1 && n < CHAIN_MAX && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        ok = n == 0 ? SSL_CTX_use_certificate(ctx, cert) : (int)SSL_CTX_add1_chain_cert(ctx, cert);
        X509_free(cert);
        n++;
    }
    BIO_free(bio);
    bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (ok != 1 || (n == 0 && !end) || (n < CHAIN_MAX && !end)) {
        return tls_error(err, ERR_INVALID, "certificate is damaged", "not readable");
    }
    ERR_clear_error();
    return n == 0 ? error_set(err, ERR_INVALID, "no certificate found") : 0;
}

static int use_key(SSL_CTX *ctx, struct str pem, struct error *err) {
    BIO *bio = pem_open(pem);
    if (bio == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    bool encrypted = false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
    BIO_free(bio);
    if (key == NULL) {
        bool none = str_find_str(pem, STR("PRIVATE KEY-----")) == STR_NPOS;
        if (encrypted || none) {
            ERR_clear_error();
            return error_set(err, ERR_INVALID,
                             encrypted ? "key is protected by a passphrase: remove it" : "no private key found");
        }
        return tls_error(err, ERR_INVALID, "key is damaged", "not readable");
    }
    bool match = X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) == 1;
    int rc = 0;
    if (!match) {
        ERR_clear_error();
        rc = error_set(err, ERR_INVALID, "key does not match certificate");
    } else if (SSL_CTX_use_PrivateKey(ctx, key) != 1) {
        rc = tls_error(err, ERR_INVALID, "key", "not usable");
    }
    EVP_PKEY_free(key);
    return rc;
}

static int64_t expiry_of(const X509 *cert) {
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1) return 0;
    return (int64_t)timegm(&tm);
}

int tls_server_reload(struct tls_server *t, struct str pem, struct error *err) {
    ERR_clear_error();
    SSL_CTX *ctx = context_new(TLS_server_method(), server_ciphers);
    if (ctx == NULL) return tls_error(err, ERR_NOMEM, "TLS", "out of memory");
    /* Resumption by tickets: nothing is kept here for sessions that ended. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
    int rc = use_chain(ctx, pem, err);
    if (rc == 0) rc = use_key(ctx, pem, err);
    if (rc == 0 &&
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)session_context, sizeof session_context - 1) != 1) {
        rc = tls_error(err, ERR_NOMEM, "TLS", "out of memory");
    }
    if (rc != 0) {
        SSL_CTX_free(ctx);
        return rc;
    }
    SSL_CTX_free(t->ctx); /* sessions under way hold it */
    t->ctx = ctx;
    t->not_after = expiry_of(SSL_CTX_get0_certificate(ctx));
    return 0;
}

int tls_server_new(struct str pem, struct tls_server **out, struct error *err) {
    struct tls_server *t = calloc(1, sizeof *t);
    if (t == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    int rc = tls_server_reload(t, pem, err);
    if (rc != 0) {
        free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void tls_server_free(struct tls_server *t) {
    if (t == NULL) return;
    SSL_CTX_free(t->ctx);
    free(t);
}

int64_t tls_server_not_after(const struct tls_server *t) {
    return t->not_after;
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
    SSL_CTX *ctx = context_new(TLS_client_method(), client_ciphers);
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

void tls_client_free(struct tls_client *t) {
    if (t == NULL) return;
    tls_sessions_free(t->sessions);
    SSL_CTX_free(t->ctx);
    free(t);
}
