/* EXTERNAL (RFC 4422 appendix A): the client showed a certificate in its TLS handshake, and so that it has the key. It
 * is verified here, not where the network is: a process that was taken over can at most use certificates it has seen.
 * The account is the one whose address stands in the certificate (subjectAltName, rfc822Name). */
#include "base/log.h"
#include "dir/login.h"
#include "dir/trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static X509 *read_certificate(struct str der) {
    const unsigned char *p = (const unsigned char *)der.ptr;
    X509 *x = der.len == 0 ? NULL : d2i_X509(NULL, &p, (long)der.len);
    ERR_clear_error();
    return x;
}

/* NULL, or what is wrong. */
static const char *judge(X509 *x, X509_STORE *authority) {
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    const char *wrong = "out of memory";
    if (ctx != NULL && X509_STORE_CTX_init(ctx, authority, x, NULL) == 1 &&
        X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) == 1) {
        bool good = X509_verify_cert(ctx) == 1;
        wrong = good ? NULL : X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return wrong;
}

/* The first address of the certificate that is an account's and, when somebody is named, that account's. */
static bool find_account(struct dir *d, struct login *l, const X509 *x, struct str authzid, struct arena *arena,
                         struct login_user *out) {
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        if (n->type != GEN_EMAIL) continue;
        const ASN1_IA5STRING *text = n->d.rfc822Name;
        struct str address = str_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
        if (str_find(address, '@') <= 0 || login_set_name(l, address) != 0) continue;
        login_find(d, l, arena, out);
        found = out->entry != NULL && login_authzid_ok(d, authzid, out, arena);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return found;
}

static int refuse(struct dir *d, struct rpc_request *r, struct login *l, const char *why) {
    log_event(LOG_WARNING, "-", "certificate-refused", "service=%s peer=%s reason=\"%s\"", l->service, l->peer, why);
    return login_refuse(d, r, l);
}

int login_certificate(struct dir *d, struct rpc_request *r, struct login *l, struct str certificate, struct str authzid,
                      struct error *err) {
    struct login_user u;
    if (login_is_braked(d, l)) return login_throttle(d, r);
    X509_STORE *authority = trust_authority(d);
    if (authority == NULL) return login_fail_for_now(r);
    X509 *x = read_certificate(certificate);
    const char *wrong = x == NULL ? "malformed" : judge(x, authority);
    if (wrong == NULL && !find_account(d, l, x, authzid, r->arena, &u)) wrong = "no address of such an account";
    X509_free(x);
    return wrong != NULL ? refuse(d, r, l, wrong) : login_accept(d, r, l, &u, STR_EMPTY, err);
}
