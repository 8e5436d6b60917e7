#include "acme/keys.h"

#include "base/encode.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { RSA_BITS = 2048, HOUR_S = 3600, PROOF_DAYS = 7, SHA256_LEN = 32 };

EVP_PKEY *acme_key_new(enum acme_kind kind) {
    return kind == ACME_RSA ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
}

EVP_PKEY *acme_key_read(struct str pem) {
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

/* What a memory BIO holds, which is wiped: it may be a key. */
static int drain(BIO *bio, bool ok, struct buf *out) {
    char *p = NULL;
    long n = ok ? BIO_get_mem_data(bio, &p) : 0;
    if (ok) buf_add(out, str_of(p, (size_t)n));
    if (p != NULL) OPENSSL_cleanse(p, (size_t)n);
    BIO_free(bio);
    ERR_clear_error();
    return ok ? out->error : ERR_NOMEM;
}

int acme_key_write(EVP_PKEY *key, struct buf *pem) {
    BIO *bio = BIO_new(BIO_s_mem());
    return drain(bio, bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, pem);
}

static X509_EXTENSION *alternative_name(const char *name) {
    char value[300];
    (void)snprintf(value, sizeof value, "DNS:%s", name);
    return X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
}

static bool fill_request(X509_REQ *req, EVP_PKEY *key, const char *name) {
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    X509_EXTENSION *san = alternative_name(name);
    bool ok = list != NULL && san != NULL && sk_X509_EXTENSION_push(list, san) > 0;
    if (!ok) X509_EXTENSION_free(san);
    ok = ok && X509_REQ_set_version(req, 0) == 1 && X509_REQ_set_pubkey(req, key) == 1 &&
         X509_REQ_add_extensions(req, list) == 1 && X509_REQ_sign(req, key, EVP_sha256()) > 0;
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    return ok;
}

int acme_csr_make(EVP_PKEY *key, const char *name, struct buf *der) {
    X509_REQ *req = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = req != NULL && bio != NULL && fill_request(req, key, name) && i2d_X509_REQ_bio(bio, req) == 1;
    X509_REQ_free(req);
    return drain(bio, ok, der);
}

/* id-pe-acmeIdentifier, critical: the hash of the key authorization as an OCTET STRING. */
static X509_EXTENSION *acme_identifier(struct str key_authorization) {
    unsigned char der[2 + SHA256_LEN] = {V_ASN1_OCTET_STRING, SHA256_LEN};
    if (EVP_Digest(key_authorization.ptr, key_authorization.len, der + 2, NULL, EVP_sha256(), NULL) != 1) return NULL;
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *e = NULL;
    if (oid != NULL && value != NULL && ASN1_OCTET_STRING_set(value, der, sizeof der) == 1) {
        e = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
    }
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    return e;
}

static bool add(X509 *x, X509_EXTENSION *e) {
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool fill_proof(X509 *x, EVP_PKEY *key, const char *name, struct str key_authorization) {
    X509_NAME *subject = X509_get_subject_name(x);
    return X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x), -HOUR_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(x), (long)PROOF_DAYS * 24 * HOUR_S) != NULL &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"ACME", -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, subject) == 1 && X509_set_pubkey(x, key) == 1 && add(x, alternative_name(name)) &&
           add(x, acme_identifier(key_authorization)) && X509_sign(x, key, EVP_sha256()) > 0;
}

int acme_proof_make(const char *name, struct str key_authorization, struct buf *pem) {
    EVP_PKEY *key = acme_key_new(ACME_ECDSA);
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = key != NULL && x != NULL && bio != NULL && fill_proof(x, key, name, key_authorization) &&
              PEM_write_bio_X509(bio, x) == 1 && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    X509_free(x);
    EVP_PKEY_free(key);
    return drain(bio, ok, pem);
}
