/* The keys of a server outlive a change of its certificates. */
#include "net/tls_private.h"

#include "base/clock.h"
#include "base/encode.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { TICKET_KEY_MS = 3600 * 1000, TICKET_RENEW = 2 };

bool tls_tickets_rotate(struct tls_tickets *t, uint64_t now_ms) {
    if (t->given || (t->count > 0 && now_ms - t->made_ms < TICKET_KEY_MS)) return false;
    /* after a long silence no key may live on that is too old */
    uint64_t missed = t->count > 0 ? (now_ms - t->made_ms) / TICKET_KEY_MS : 0;
    if (missed >= TLS_TICKET_KEYS) t->count = 0;
    memmove(&t->keys[1], &t->keys[0], (TLS_TICKET_KEYS - 1) * sizeof t->keys[0]);
    random_bytes(&t->keys[0], sizeof t->keys[0]);
    if (t->count < TLS_TICKET_KEYS) t->count++;
    t->made_ms = now_ms;
    return true;
}

struct str tls_tickets_text(const struct tls_tickets *t) {
    return str_of(t->keys, t->count * sizeof t->keys[0]);
}

int tls_server_set_tickets(struct tls_server *server, struct str text) {
    struct tls_tickets *t = &server->tickets;
    if (text.len == 0 || text.len > sizeof t->keys || text.len % sizeof t->keys[0] != 0) return ERR_INVALID;
    OPENSSL_cleanse(t->keys, sizeof t->keys);
    memcpy(t->keys, text.ptr, text.len);
    t->count = (unsigned)(text.len / sizeof t->keys[0]);
    t->given = true;
    return 0;
}

static int key_find(const struct tls_tickets *t, const unsigned char *name) {
    for (unsigned i = 0; i < t->count; i++) {
        if (memcmp(t->keys[i].name, name, sizeof t->keys[i].name) == 0) return (int)i;
    }
    return -1;
}

static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                      int encrypt) {
    struct tls_server *server = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct tls_tickets *t = &server->tickets;
    (void)tls_tickets_rotate(t, clock_mono_ms());
    int i = encrypt != 0 ? 0 : key_find(t, name);
    if (i < 0) return 0; /* a whole handshake instead */
    struct tls_ticket_key *k = &t->keys[i];
    char sha256[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof k->mac),
                           OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
                           OSSL_PARAM_construct_end()};
    if (encrypt != 0) {
        random_bytes(iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
        memcpy(name, k->name, sizeof k->name);
    }
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv, encrypt) != 1) return -1;
    if (EVP_MAC_CTX_set_params(mac, params) != 1) return -1;
    /* with TLS 1.3 a ticket serves once (RFC 8446 appendix C.4): each resumption brings another */
    return i > 0 || SSL_version(ssl) == TLS1_3_VERSION ? TICKET_RENEW : 1;
}

int tls_tickets_use(SSL_CTX *ctx) {
    enum { LIFE_S = (TLS_TICKET_KEYS - 1) * (TICKET_KEY_MS / 1000) };
    SSL_CTX_set_timeout(ctx, LIFE_S);
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key) == 1 ? 0 : ERR_NOMEM;
}
