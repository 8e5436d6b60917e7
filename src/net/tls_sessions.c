/* Sessions that servers gave for resumption, by what was expected of the server: a session is only offered where the
 * same check would be made, so that resuming never skips one. A ticket is used once (RFC 8446 appendix C.4). */
#include "base/list.h"
#include "base/map.h"
#include "net/tls_private.h"

#include <stdlib.h>
#include <string.h>

enum { SESSIONS_MAX = 2000, SESSION_LIFE_S = 3600 };

struct tls_sessions {
    struct map *by_key;
    struct list order; /* oldest first */
};

struct kept {
    struct list node;
    unsigned char key[TLS_RESUME_KEY];
    SSL_SESSION *session;
};

static void kept_free(void *p) {
    struct kept *k = p;
    if (k == NULL) return;
    list_remove(&k->node);
    SSL_SESSION_free(k->session);
    free(k);
}

static void keep(struct tls_sessions *s, const unsigned char *key, SSL_SESSION *session) {
    struct kept *k = calloc(1, sizeof *k);
    void *old = NULL;
    if (k == NULL) {
        SSL_SESSION_free(session);
        return;
    }
    memcpy(k->key, key, sizeof k->key);
    k->session = session;
    list_push_back(&s->order, &k->node);
    if (map_put(s->by_key, str_of(k->key, sizeof k->key), k, &old) != 0) {
        kept_free(k);
        return;
    }
    kept_free(old);
    if (map_count(s->by_key) <= SESSIONS_MAX) return;
    struct kept *oldest = list_entry(list_first(&s->order), struct kept, node);
    (void)map_remove(s->by_key, str_of(oldest->key, sizeof oldest->key));
    kept_free(oldest);
}

/* Returning 1 takes the session over. */
static int session_arrived(SSL *ssl, SSL_SESSION *session) {
    struct tls *t = SSL_get_app_data(ssl);
    if (t == NULL || t->sessions == NULL) return 0;
    keep(t->sessions, t->resume, session);
    return 1;
}

struct tls_sessions *tls_sessions_new(SSL_CTX *ctx) {
    struct tls_sessions *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    list_init(&s->order);
    s->by_key = map_new(MAP_BYTES);
    if (s->by_key == NULL) {
        free(s);
        return NULL;
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_timeout(ctx, SESSION_LIFE_S);
    SSL_CTX_sess_set_new_cb(ctx, session_arrived);
    return s;
}

void tls_sessions_free(struct tls_sessions *s) {
    if (s == NULL) return;
    map_free(s->by_key, kept_free);
    free(s);
}

void tls_sessions_offer(struct tls *t) {
    if (t->sessions == NULL) return;
    struct kept *k = map_remove(t->sessions->by_key, str_of(t->resume, sizeof t->resume));
    if (k == NULL) return;
    time_t made = (time_t)SSL_SESSION_get_time(k->session);
    if (SSL_SESSION_is_resumable(k->session) == 1 && time(NULL) - made < SESSION_LIFE_S)
        (void)SSL_set_session(t->ssl, k->session);
    kept_free(k);
}
