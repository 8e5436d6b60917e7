#include "dir/trust.h"

#include "base/log.h"
#include "daemon/files.h"
#include "net/loop.h"
#include "proto/sasl/mechanism.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 10000, AUTHORITY_MAX = 1024 * 1024 };

enum { NAME_MAX_LEN = 1024 };

struct trusted_file {
    char name[NAME_MAX_LEN];
    struct file_stamp stamp;
    uint64_t looked_ms; /* 0 = never */
};

struct trust {
    struct trusted_file keys_file, authority_file;
    struct jwks *keys;
    X509_STORE *authority;
};

struct trust *trust_new(void) {
    return calloc(1, sizeof(struct trust));
}

static bool is_set(const struct dir *d, const char *option) {
    return option_str(d->daemon, option)[0] != '\0';
}

unsigned trust_needs(const struct dir *d) {
    unsigned have = option_bool(d->daemon, "dir.scram_sha1") ? SASL_SHA1 : 0;
    if (is_set(d, "dir.client_ca")) have |= SASL_CERTIFICATE;
    if (is_set(d, "dir.oauth_keys") && is_set(d, "dir.oauth_issuer") && is_set(d, "dir.oauth_audience"))
        have |= SASL_TOKENS;
    return have;
}

void trust_forget(struct trust *t) {
    t->keys_file.looked_ms = t->authority_file.looked_ms = 0;
}

/* Another file than before: what was read is trusted no longer, whether the new one can be read or not. */
static bool is_other(const struct dir *d, const char *option, struct trusted_file *f) {
    const char *name = option_str(d->daemon, option);
    if (strcmp(f->name, name) == 0) return false;
    *f = (struct trusted_file){0};
    if (str_to_cstr(str_from(name), f->name, sizeof f->name) != 0) f->name[0] = '\0';
    return true;
}

/* Reads the file of `option` when it is time to look and it changed: 0, ERR_EXISTS when all is as before, or what is
 * wrong, which is told in the log. */
static int look(struct dir *d, const char *option, struct trusted_file *f, struct buf *out) {
    struct error err = {0};
    uint64_t now = loop_now_ms();
    if (f->looked_ms != 0 && now - f->looked_ms < LOOK_AGAIN_MS) return ERR_EXISTS;
    int rc = daemon_file_read(d->daemon, f->name, &f->stamp, out, &err);
    f->looked_ms = now;
    if (rc != 0 && rc != ERR_EXISTS)
        log_event(LOG_ERROR, "-", "login-trust", "option=%s error=\"%s\" action=\"what was read before stays\"", option,
                  err.text);
    return rc;
}

static void bad(const char *option, const struct error *err) {
    log_event(LOG_ERROR, "-", "login-trust", "option=%s error=\"%s\" action=\"what was read before stays\"", option,
              err->text);
}

const struct jwks *trust_keys(struct dir *d) {
    struct trust *t = d->trust;
    struct error err = {0};
    BUF_AUTO text = BUF_INIT(JWKS_MAX);
    struct jwks *fresh = NULL;
    if (is_other(d, "dir.oauth_keys", &t->keys_file)) {
        jwks_free(t->keys);
        t->keys = NULL;
    }
    if (look(d, "dir.oauth_keys", &t->keys_file, &text) != 0) return t->keys;
    if (jwks_parse(buf_str(&text), &fresh, &err) != 0) {
        bad("dir.oauth_keys", &err);
        return t->keys;
    }
    jwks_free(t->keys);
    t->keys = fresh;
    log_event(LOG_INFO, "-", "login-trust", "option=dir.oauth_keys keys=%zu", jwks_count(fresh));
    return t->keys;
}

/* Certificates of authorities and lists of what they revoked. Whatever stands in the file is trusted as it is: an
 * intermediate authority alone will do. */
static int read_authority(struct str pem, X509_STORE *store, struct error *err) {
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    STACK_OF(X509_INFO) *list = bio == NULL ? NULL : PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
    int certificates = 0, lists = 0;
    bool ok = list != NULL;
    for (int i = 0; ok && i < sk_X509_INFO_num(list); i++) {
        const X509_INFO *one = sk_X509_INFO_value(list, i);
        if (one->x509 != NULL) ok = X509_STORE_add_cert(store, one->x509) == 1;
        if (one->crl != NULL) ok = ok && X509_STORE_add_crl(store, one->crl) == 1;
        certificates += one->x509 != NULL;
        lists += one->crl != NULL;
    }
    sk_X509_INFO_pop_free(list, X509_INFO_free);
    BIO_free(bio);
    ERR_clear_error();
    if (!ok || certificates == 0) return error_set(err, ERR_INVALID, "not a PEM file with certificates");
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | (lists > 0 ? X509_V_FLAG_CRL_CHECK : 0);
    return X509_STORE_set_flags(store, flags) == 1 ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

X509_STORE *trust_authority(struct dir *d) {
    struct trust *t = d->trust;
    struct error err = {0};
    BUF_AUTO pem = BUF_INIT(AUTHORITY_MAX);
    if (is_other(d, "dir.client_ca", &t->authority_file)) {
        X509_STORE_free(t->authority);
        t->authority = NULL;
    }
    if (look(d, "dir.client_ca", &t->authority_file, &pem) != 0) return t->authority;
    X509_STORE *store = X509_STORE_new();
    int rc = store == NULL ? error_set(&err, ERR_NOMEM, "out of memory") : read_authority(buf_str(&pem), store, &err);
    if (rc != 0) {
        X509_STORE_free(store);
        bad("dir.client_ca", &err);
        return t->authority;
    }
    X509_STORE_free(t->authority);
    t->authority = store;
    log_event(LOG_INFO, "-", "login-trust", "option=dir.client_ca");
    return t->authority;
}
