#include "net/tls_make.h"

#include "base/encode.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { SERIAL_BYTES = 16, SECONDS_A_DAY = 86400, NAMES_MAX = 600 };

static bool set_serial(X509 *x) {
    unsigned char bytes[SERIAL_BYTES];
    random_bytes(bytes, sizeof bytes);
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, of full length */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return ok;
}

static bool add_extension(X509 *x, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool fill(X509 *x, EVP_PKEY *key, const char *hostname, bool loopback, unsigned days) {
    char names[NAMES_MAX];
    (void)snprintf(names, sizeof names, "DNS:%s%s", hostname, loopback ? ",DNS:localhost,IP:127.0.0.1,IP:::1" : "");
    X509_NAME *subject = X509_get_subject_name(x);
    /* a common name has at most 64 bytes; the SAN is what counts */
    char cn[65];
    (void)snprintf(cn, sizeof cn, "%s", hostname);
    return X509_set_version(x, 2) == 1 && set_serial(x) &&
           X509_gmtime_adj(X509_getm_notBefore(x), -SECONDS_A_DAY) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(x), (long)(days - 1) * SECONDS_A_DAY) != NULL &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, subject) == 1 && X509_set_pubkey(x, key) == 1 &&
           add_extension(x, NID_subject_alt_name, names) &&
           add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, NID_ext_key_usage, "serverAuth") && X509_sign(x, key, EVP_sha256()) > 0;
}

static bool write_pem(X509 *x, EVP_PKEY *key, struct buf *pem) {
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL && PEM_write_bio_X509(bio, x) == 1 &&
              PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    char *p = NULL;
    long n = ok ? BIO_get_mem_data(bio, &p) : 0;
    if (ok) buf_add(pem, str_of(p, (size_t)n));
    if (p != NULL) OPENSSL_cleanse(p, (size_t)n);
    BIO_free(bio);
    return ok && pem->error == 0;
}

int tls_make_certificate(const char *hostname, bool loopback, unsigned days, struct buf *pem, struct error *err) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    bool ok = key != NULL && x != NULL && fill(x, key, hostname, loopback, days) && write_pem(x, key, pem);
    X509_free(x);
    EVP_PKEY_free(key);
    return ok ? 0 : error_set(err, ERR_IO, "OpenSSL could not make a certificate for %s", hostname);
}
