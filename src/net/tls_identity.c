#include "net/tls_identity.h"

#include "base/encode.h"
#include "net/tls_private.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CERTS_MAX = 32, KEYS_MAX = 4 };

/* What a PEM file holds. */
struct parts {
    X509 *certs[CERTS_MAX];
    EVP_PKEY *keys[KEYS_MAX];
    bool used[KEYS_MAX];
    size_t cert_count, key_count;
};

static void parts_done(struct parts *p) {
    for (size_t i = 0; i < p->cert_count; i++) X509_free(p->certs[i]);
    for (size_t i = 0; i < p->key_count; i++) EVP_PKEY_free(p->keys[i]);
}

static int no_passphrase(char *buf, int size, int rwflag, void *arg) {
    (void)buf;
    (void)size;
    (void)rwflag;
    *(bool *)arg = true;
    return -1;
}

static int read_cert(struct parts *p, struct str block, struct error *err) {
    BIO *bio = BIO_new_mem_buf(block.ptr, (int)block.len);
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (cert == NULL) return tls_error(err, ERR_INVALID, "certificate is damaged", "not readable");
    if (p->cert_count == CERTS_MAX) {
        X509_free(cert);
        return error_set(err, ERR_LIMIT, "too many certificates in one file");
    }
    p->certs[p->cert_count++] = cert;
    return 0;
}

static int read_key(struct parts *p, struct str block, struct error *err) {
    bool encrypted = false;
    BIO *bio = BIO_new_mem_buf(block.ptr, (int)block.len);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
    BIO_free(bio);
    if (key == NULL && encrypted) {
        ERR_clear_error();
        return error_set(err, ERR_INVALID, "key is protected by a passphrase: remove it");
    }
    if (key == NULL) return tls_error(err, ERR_INVALID, "key is damaged", "not readable");
    if (p->key_count == KEYS_MAX) {
        EVP_PKEY_free(key);
        return error_set(err, ERR_LIMIT, "too many keys in one file");
    }
    p->keys[p->key_count++] = key;
    return 0;
}

/* The next "-----BEGIN LABEL-----" with all up to the end of its "-----END" line. false: there is none. */
static bool next_block(struct str *rest, struct str *block, struct str *label) {
    ptrdiff_t begin = str_find_str(*rest, STR("-----BEGIN "));
    if (begin < 0) return false;
    *rest = str_sub(*rest, (size_t)begin, rest->len);
    *label = str_sub(*rest, 11, rest->len);
    ptrdiff_t label_end = str_find_str(*label, STR("-----"));
    *label = str_sub(*label, 0, label_end < 0 ? 0 : (size_t)label_end);
    ptrdiff_t end = str_find_str(*rest, STR("-----END "));
    ptrdiff_t line = end < 0 ? STR_NPOS : str_find(str_sub(*rest, (size_t)end, rest->len), '\n');
    size_t len = line < 0 ? rest->len : (size_t)end + (size_t)line + 1;
    *block = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return true;
}

static int read_all(struct parts *p, struct str pem, struct error *err) {
    struct str block, label;
    int rc = 0;
    while (rc == 0 && next_block(&pem, &block, &label)) {
        if (str_ends(label, STR("PRIVATE KEY"))) rc = read_key(p, block, err);
        if (str_ends(label, STR("CERTIFICATE"))) rc = read_cert(p, block, err);
    }
    if (rc == 0 && p->cert_count == 0) rc = error_set(err, ERR_INVALID, "no certificate found");
    if (rc == 0 && p->key_count == 0) rc = error_set(err, ERR_INVALID, "no private key found");
    return rc;
}

static EVP_PKEY *key_of(struct parts *p, const X509 *cert) {
    EVP_PKEY *key = NULL;
    for (size_t i = 0; i < p->key_count; i++) {
        bool match = EVP_PKEY_eq(X509_get0_pubkey(cert), p->keys[i]) == 1;
        ERR_clear_error();
        if (!match) continue;
        p->used[i] = true;
        key = p->keys[i];
    }
    return key;
}

static int add_leaf(struct tls_identity *id, X509 *cert, EVP_PKEY *key, struct error *err) {
    for (size_t i = 0; i < id->count; i++) {
        if (EVP_PKEY_get_base_id(id->leaves[i].key) == EVP_PKEY_get_base_id(key)) {
            return error_set(err, ERR_INVALID, "two certificates for the same kind of key");
        }
    }
    if (id->count == TLS_KINDS) return error_set(err, ERR_LIMIT, "too many kinds of keys");
    struct tls_leaf *leaf = &id->leaves[id->count];
    leaf->chain = sk_X509_new_null();
    if (leaf->chain == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    id->count++;
    X509_up_ref(cert);
    EVP_PKEY_up_ref(key);
    leaf->cert = cert;
    leaf->key = key;
    return 0;
}

static bool is_there(const struct tls_identity *id, const X509 *cert) {
    for (size_t i = 0; i < id->count; i++) {
        if (X509_cmp(id->leaves[i].cert, cert) == 0) return true;
    }
    return false;
}

static int assemble(struct tls_identity *id, struct parts *p, struct error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < p->cert_count; i++) {
        EVP_PKEY *key = key_of(p, p->certs[i]);
        if (key == NULL && id->count == 0) return error_set(err, ERR_INVALID, "key does not match certificate");
        if (is_there(id, p->certs[i])) continue; /* the certificate and then the chain with it again */
        if (key != NULL) {
            rc = add_leaf(id, p->certs[i], key, err);
        } else if (X509_add_cert(id->leaves[id->count - 1].chain, p->certs[i], X509_ADD_FLAG_UP_REF) != 1) {
            rc = error_set(err, ERR_NOMEM, "out of memory");
        }
    }
    for (size_t i = 0; rc == 0 && i < p->key_count; i++) {
        if (!p->used[i]) rc = error_set(err, ERR_INVALID, "key does not match certificate");
    }
    return rc;
}

/* What the TLS library itself has against it, as a key that is too short. One context serves for all: making one takes
 * milliseconds. */
static int try_use(const struct tls_identity *id, struct error *err) {
    static SSL_CTX *trial;
    if (trial == NULL) trial = tls_context_new(TLS_server_method());
    if (trial == NULL) return tls_error(err, ERR_NOMEM, "TLS", "out of memory");
    for (size_t i = 0; i < id->count; i++) {
        const struct tls_leaf *l = &id->leaves[i];
        if (SSL_CTX_use_cert_and_key(trial, l->cert, l->key, l->chain, 1) != 1) {
            return tls_error(err, ERR_INVALID, "certificate cannot be used", "the library refuses it");
        }
    }
    return 0;
}

int tls_identity_new(struct str pem, struct tls_identity **out, struct error *err) {
    struct parts p = {0};
    struct tls_identity *id = calloc(1, sizeof *id);
    if (id == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    id->refs = 1;
    ERR_clear_error();
    int rc = pem.len > TLS_PEM_MAX ? error_set(err, ERR_LIMIT, "larger than %d bytes", TLS_PEM_MAX) : 0;
    if (rc == 0) rc = read_all(&p, pem, err);
    if (rc == 0) rc = assemble(id, &p, err);
    if (rc == 0) rc = try_use(id, err);
    parts_done(&p);
    if (rc == 0 && EVP_Digest(pem.ptr, pem.len, id->digest, NULL, EVP_sha256(), NULL) != 1) {
        rc = tls_error(err, ERR_NOMEM, "TLS", "out of memory");
    }
    if (rc != 0) {
        tls_identity_free(id);
        return rc;
    }
    *out = id;
    return 0;
}

void tls_identity_free(struct tls_identity *id) {
    if (id == NULL || --id->refs > 0) return;
    for (size_t i = 0; i < id->count; i++) {
        X509_free(id->leaves[i].cert);
        EVP_PKEY_free(id->leaves[i].key);
        sk_X509_pop_free(id->leaves[i].chain, X509_free);
    }
    free(id);
}

/* ---------------------------------------------------------------- what it says */

static int64_t time_of(const ASN1_TIME *t) {
    struct tm tm = {0};
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static const char *kind_name(const EVP_PKEY *key) {
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC: return "ECDSA";
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS: return "RSA";
    default: return "EdDSA";
    }
}

/* The common name of the issuer, or its organisation, without what could break a line of text. */
static void issuer_of(const X509 *cert, char out[static TLS_ISSUER_MAX]) {
    static const int fields[] = {NID_commonName, NID_organizationName};
    const X509_NAME *name = X509_get_issuer_name(cert);
    out[0] = '\0';
    for (size_t i = 0; i < 2 && out[0] == '\0'; i++) {
        if (X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)name, fields[i], out, TLS_ISSUER_MAX) < 0) out[0] = '\0';
    }
    for (char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == '"' || *c == 0x7f) *c = '?';
    }
    ERR_clear_error();
}

static void digest_add(const X509 *cert, char out[static TLS_DIGESTS_MAX]) {
    unsigned char *der = NULL, md[SHA256_DIGEST_LENGTH];
    BUF_AUTO hex = BUF_INIT(TLS_DIGESTS_MAX);
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (len > 0) {
        hex_encode(&hex, str_of(SHA256(der, (size_t)len, md), sizeof md));
        size_t have = strlen(out);
        (void)snprintf(out + have, TLS_DIGESTS_MAX - have, "%s%s", have > 0 ? " " : "", buf_cstr(&hex));
    }
    OPENSSL_free(der);
}

void tls_identity_describe(const struct tls_identity *id, struct tls_identity_info *out) {
    *out = (struct tls_identity_info){.not_after = INT64_MAX};
    for (size_t i = 0; i < id->count; i++) {
        const X509 *cert = id->leaves[i].cert;
        int64_t from = time_of(X509_get0_notBefore(cert)), to = time_of(X509_get0_notAfter(cert));
        size_t len = strlen(out->kinds);
        if (from > out->not_before) out->not_before = from;
        if (to < out->not_after) out->not_after = to;
        (void)snprintf(out->kinds + len, sizeof out->kinds - len, "%s%s", i > 0 ? " " : "",
                       kind_name(id->leaves[i].key));
        digest_add(cert, out->digests);
    }
    X509 *first = id->leaves[0].cert;
    out->self_signed = X509_NAME_cmp(X509_get_issuer_name(first), X509_get_subject_name(first)) == 0;
    issuer_of(first, out->issuer);
}

void tls_identity_names(const struct tls_identity *id, struct buf *out) {
    GENERAL_NAMES *names = X509_get_ext_d2i(id->leaves[0].cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        if (n->type != GEN_DNS) continue;
        struct str text = str_of(ASN1_STRING_get0_data(n->d.dNSName), (size_t)ASN1_STRING_length(n->d.dNSName));
        if (!str_is_ascii(text) || str_find(text, '\n') != STR_NPOS) continue;
        if (out->len > 0) buf_addc(out, ' ');
        buf_add(out, text);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

bool tls_identity_covers(const struct tls_identity *id, struct str name) {
    /* what is below a wildcard stands for it: the label is one that nobody would name */
    char host[256];
    bool wild = str_starts(name, STR("*."));
    int n = snprintf(host, sizeof host, "%s%.*s", wild ? "any-label-will-do" : "",
                     STR_ARG(str_sub(name, wild ? 1 : 0, name.len)));
    if (n < 0 || (size_t)n >= sizeof host) return false;
    for (size_t i = 0; i < id->count; i++) {
        if (X509_check_host(id->leaves[i].cert, host, (size_t)n, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1) {
            return false;
        }
    }
    return true;
}
