/* Self-signed certificates for tests, made when they run. */
#ifndef IEMS_NET_TLS_TEST_CERT_H
#define IEMS_NET_TLS_TEST_CERT_H

#include "base/buf.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

/* Appends a certificate for `names` ("DNS:a.test,IP:127.0.0.1") and its key, which is taken over, as PEM. */
static inline void test_cert_with(EVP_PKEY *key, const char *names, struct buf *cert_pem, struct buf *key_pem) {
    X509 *x = X509_new();
    IEMS_ASSERT(key != NULL && x != NULL);
    ASN1_INTEGER_set(X509_get_serialNumber(x), (long)time(NULL));
    X509_set_version(x, 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    IEMS_ASSERT(san != NULL && X509_add_ext(x, san, -1) == 1);
    X509_EXTENSION_free(san);
    IEMS_ASSERT(X509_sign(x, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    char *p;
    IEMS_ASSERT(PEM_write_bio_X509(bio, x) == 1);
    long n = BIO_get_mem_data(bio, &p);
    buf_add(cert_pem, str_of(p, (size_t)n));
    BIO_reset(bio);
    IEMS_ASSERT(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    n = BIO_get_mem_data(bio, &p);
    buf_add(key_pem, str_of(p, (size_t)n));
    BIO_free(bio);
    X509_free(x);
    EVP_PKEY_free(key);
}

static inline void test_cert(const char *names, struct buf *cert_pem, struct buf *key_pem) {
    test_cert_with(EVP_EC_gen("P-256"), names, cert_pem, key_pem);
}

#endif
