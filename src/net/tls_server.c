/* Which certificate a client of ours sees: by the name that it asks for (SNI, RFC 6066 section 3), by what it can do,
 * and for a certificate authority that checks a name by ALPN (RFC 8737) the proof. */
#include "net/stream_private.h"
#include "net/tls_private.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* Its length and the name itself, as the extension holds them (RFC 7301 section 3.1, RFC 8737 section 6.2). */
static const char acme_alpn[] = "\x0a"
                                "acme-tls/1";

static void identity_free(void *id) {
    tls_identity_free(id);
}

/* ---------------------------------------------------------------- choosing */

static struct tls *session_of(SSL *ssl) {
    return BIO_get_data(SSL_get_rbio(ssl));
}

/* A client that offers exactly this protocol is an authority that checks a name. */
static int on_hello(SSL *ssl, int *alert, void *arg) {
    const unsigned char *alpn;
    size_t len;
    (void)alert;
    (void)arg;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &alpn, &len) == 1 &&
        len > 2) {
        session_of(ssl)->challenge = str_eq(str_of(alpn + 2, len - 2), str_of(acme_alpn, sizeof acme_alpn - 1));
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

static struct tls_identity *find(const struct map *m, struct str name) {
    char wild[256];
    struct tls_identity *id = map_get(m, name);
    ptrdiff_t dot = str_find(name, '.');
    if (id != NULL || dot <= 0) return id;
    struct str parent = str_sub(name, (size_t)dot, name.len);
    if (parent.len + 1 >= sizeof wild) return NULL;
    wild[0] = '*';
    memcpy(wild + 1, parent.ptr, parent.len);
    return map_get(m, str_of(wild, parent.len + 1));
}

static int use(SSL *ssl, const struct tls_identity *id) {
    SSL_certs_clear(ssl);
    for (size_t i = 0; i < id->count; i++) {
        const struct tls_leaf *l = &id->leaves[i];
        if (SSL_use_cert_and_key(ssl, l->cert, l->key, l->chain, 1) != 1) return 0;
    }
    return 1;
}

static int on_certificate(SSL *ssl, void *arg) {
    const struct tls_server *t = arg;
    struct str name = str_from(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    if (name.len > 0 && name.ptr[name.len - 1] == '.') name.len--;
    if (session_of(ssl)->challenge) {
        const struct tls_identity *proof = map_get(t->challenges, name);
        return proof == NULL ? 0 : use(ssl, proof);
    }
    const struct tls_identity *id = name.len == 0 ? NULL : find(t->named, name);
    return id == NULL ? t->standard != NULL : use(ssl, id);
}

/* RFC 7301 section 3.2: one of ours, or an alert; `in` is a list of lengths and names. */
static int choose_protocol(const char *ours, struct str in, const unsigned char **out, unsigned char *out_len) {
    struct str rest = str_from(ours);
    for (struct str word; (word = str_word(&rest)).len > 0;) {
        for (size_t at = 0; at < in.len; at += 1 + (unsigned char)in.ptr[at]) {
            struct str name = str_sub(in, at + 1, (unsigned char)in.ptr[at]);
            if (!str_eq(name, word)) continue;
            *out = (const unsigned char *)name.ptr;
            *out_len = (unsigned char)name.len;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned len,
                   void *arg) {
    const struct tls_server *t = arg;
    if (!session_of(ssl)->challenge)
        return t->protocols[0] == '\0' ? SSL_TLSEXT_ERR_NOACK
                                       : choose_protocol(t->protocols, str_of(in, len), out, out_len);
    *out = (const unsigned char *)acme_alpn + 1;
    *out_len = sizeof acme_alpn - 2;
    return SSL_TLSEXT_ERR_OK;
}

/* RFC 8737 section 3: nothing is said after the handshake. */
static int challenge_done(struct tls *t, struct error *err) {
    if (!t->challenge) return 0;
    return error_set(err, ERR_CLOSED, "the name was shown to a certificate authority");
}

int tls_accept(struct stream *s, struct tls_server *server, uint64_t deadline_ms, struct error *err) {
    int rc = tls_before_handshake(s, err);
    if (rc != 0) return rc;
    struct tls *t = tls_session_new(s, server->ctx, true);
    if (t == NULL) return stream_fail(s, tls_error(err, ERR_NOMEM, "TLS", "out of memory"));
    t->handshaken = challenge_done;
    return tls_session_start(t, s, deadline_ms, err);
}

/* ---------------------------------------------------------------- making */

SSL_CTX *tls_server_context(const struct tls_identity *standard) {
    SSL_CTX *ctx = tls_context_new(TLS_server_method());
    if (ctx == NULL) return NULL;
    /* Resumption by tickets: nothing is kept here for sessions that ended. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
    bool ok = true;
    for (size_t i = 0; ok && standard != NULL && i < standard->count; i++) {
        const struct tls_leaf *l = &standard->leaves[i];
        ok = SSL_CTX_use_cert_and_key(ctx, l->cert, l->key, l->chain, 1) == 1;
    }
    if (ok) return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static int context_set(struct tls_server *t, struct tls_identity *standard, struct error *err) {
    SSL_CTX *ctx = tls_server_context(standard);
    if (ctx == NULL || tls_tickets_use(ctx) != 0) {
        SSL_CTX_free(ctx);
        return tls_error(err, ERR_NOMEM, "TLS", "out of memory");
    }
    SSL_CTX_set_app_data(ctx, t);
    SSL_CTX_set_client_hello_cb(ctx, on_hello, t);
    SSL_CTX_set_cert_cb(ctx, on_certificate, t);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, t);
    tls_server_apply(t, ctx);
    SSL_CTX_free(t->ctx); /* sessions under way hold it */
    t->ctx = ctx;
    tls_identity_free(t->standard);
    t->standard = standard;
    return 0;
}

/* What goes into a server: one text that stands for many names is read once. */
struct filling {
    const struct tls_server *old;
    struct map *named, *challenges, *by_digest;
};

/* That which is there already, when it is the same. */
static int identity_take(const struct filling *f, struct tls_identity *before, struct str pem,
                         struct tls_identity **out, struct error *err) {
    unsigned char digest[TLS_IDENTITY_DIGEST];
    if (EVP_Digest(pem.ptr, pem.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return tls_error(err, ERR_NOMEM, "TLS", "out of memory");
    struct tls_identity *id = map_get(f->by_digest, str_of(digest, sizeof digest));
    bool known = id != NULL;
    if (id == NULL && before != NULL && memcmp(digest, before->digest, sizeof digest) == 0) id = before;
    if (id != NULL) {
        id->refs++;
    } else {
        int rc = tls_identity_new(pem, &id, err);
        if (rc != 0) return rc;
    }
    /* without it the next of the same text is read again */
    if (!known && map_put(f->by_digest, str_of(digest, sizeof digest), id, NULL) == 0) id->refs++;
    *out = id;
    return 0;
}

static int name_put(const struct filling *f, const struct tls_named *n, struct error *err) {
    struct map *fresh = n->challenge ? f->challenges : f->named;
    struct tls_identity *id = NULL;
    void *before = NULL;
    int rc = identity_take(f, map_get(n->challenge ? f->old->challenges : f->old->named, n->name), n->pem, &id, err);
    if (rc != 0) return rc;
    rc = map_put(fresh, n->name, id, &before);
    if (rc != 0) {
        tls_identity_free(id);
        return error_set(err, rc, "out of memory");
    }
    tls_identity_free(before);
    return 0;
}

/* A new context only for another certificate: the one of sessions under way goes with them. */
static int standard_set(struct tls_server *t, struct tls_identity *standard) {
    if (standard == NULL) return 0;
    int rc = standard == t->standard ? ERR_EXISTS : context_set(t, standard, NULL);
    if (rc != 0) tls_identity_free(standard); /* the reference that was taken */
    return rc == ERR_EXISTS ? 0 : rc;
}

int tls_server_set(struct tls_server *t, const struct tls_named *list, size_t count,
                   void (*bad)(struct str name, const struct error *err, void *arg), void *arg) {
    struct filling f = {t, map_new(MAP_NOCASE), map_new(MAP_NOCASE), map_new(MAP_BYTES)};
    struct tls_identity *standard = NULL;
    if (f.named == NULL || f.challenges == NULL || f.by_digest == NULL) {
        map_free(f.named, NULL);
        map_free(f.challenges, NULL);
        map_free(f.by_digest, NULL);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        bool first = list[i].name.len == 0 && standard == NULL;
        int rc = first ? identity_take(&f, t->standard, list[i].pem, &standard, &err) : name_put(&f, &list[i], &err);
        if (rc != 0 && bad != NULL) bad(list[i].name, &err, arg);
    }
    map_free(f.by_digest, identity_free);
    map_free(t->named, identity_free);
    map_free(t->challenges, identity_free);
    t->named = f.named;
    t->challenges = f.challenges;
    return standard_set(t, standard);
}

int tls_server_reload(struct tls_server *t, struct str pem, struct error *err) {
    struct tls_identity *id = NULL;
    int rc = tls_identity_new(pem, &id, err);
    if (rc != 0) return rc;
    rc = context_set(t, id, err);
    if (rc != 0) tls_identity_free(id);
    return rc;
}

int tls_server_new_empty(struct tls_server **out) {
    struct tls_server *t = calloc(1, sizeof *t);
    if (t == NULL) return ERR_NOMEM;
    t->named = map_new(MAP_NOCASE);
    t->challenges = map_new(MAP_NOCASE);
    t->protocols = "";
    if (t->named == NULL || t->challenges == NULL || context_set(t, NULL, NULL) != 0) {
        tls_server_free(t);
        return ERR_NOMEM;
    }
    *out = t;
    return 0;
}

int tls_server_new(struct str pem, struct tls_server **out, struct error *err) {
    struct tls_server *t = NULL;
    int rc = tls_server_new_empty(&t);
    if (rc != 0) return error_set(err, rc, "out of memory");
    rc = tls_server_reload(t, pem, err);
    if (rc != 0) {
        tls_server_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void tls_server_free(struct tls_server *t) {
    if (t == NULL) return;
    SSL_CTX_free(t->ctx);
    tls_identity_free(t->standard);
    map_free(t->named, identity_free);
    map_free(t->challenges, identity_free);
    OPENSSL_cleanse(&t->tickets, sizeof t->tickets);
    free(t);
}

bool tls_server_is_empty(const struct tls_server *t) {
    return t->standard == NULL && map_count(t->named) == 0;
}

int64_t tls_server_not_after(const struct tls_server *t) {
    struct tls_identity_info info;
    if (t->standard == NULL) return 0;
    tls_identity_describe(t->standard, &info);
    return info.not_after;
}
