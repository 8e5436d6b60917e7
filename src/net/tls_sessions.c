/* Sessions that servers gave for resumption, by what was expected of the server: a session is only offered where the
 * same check would be made, so that resuming never skips one. A ticket is used once (RFC 8446 appendix C.4). */
#include "base/list.h"
#include "base/map.h"
#include "net/tls_private.h"

#include <stdlib.h>
#include <string.h>

enum { SESSIONS_MAX = 2000, SESSIONS_PER_SERVER = 16, SESSION_LIFE_S = 3600 };

struct tls_sessions {
    struct map *by_key; /* struct group */
    struct list order;  /* struct kept of all, oldest first */
    size_t count;
};

/* Those of one server: as many as connections to it may begin beside each other. */
struct group {
    unsigned char key[TLS_RESUME_KEY];
    struct list kept; /* newest first */
    unsigned count;
};

struct kept {
    struct list node, of_group;
    struct group *group;
    SSL_SESSION *session;
};

/* Takes it from the lists; a group that is empty goes too. The session is the caller's. */
static SSL_SESSION *take(struct tls_sessions *s, struct kept *k) {
    SSL_SESSION *session = k->session;
    struct group *g = k->group;
    list_remove(&k->node);
    list_remove(&k->of_group);
    s->count--;
    if (--g->count == 0) {
        (void)map_remove(s->by_key, str_of(g->key, sizeof g->key));
        free(g);
    }
    free(k);
    return session;
}

static struct group *group_get(struct tls_sessions *s, const unsigned char *key) {
    struct group *g = map_get(s->by_key, str_of(key, TLS_RESUME_KEY));
    if (g != NULL) return g;
    g = calloc(1, sizeof *g);
    if (g == NULL) return NULL;
    memcpy(g->key, key, sizeof g->key);
    list_init(&g->kept);
    if (map_put(s->by_key, str_of(g->key, sizeof g->key), g, NULL) == 0) return g;
    free(g);
    return NULL;
}

static bool keep(struct tls_sessions *s, const unsigned char *key, SSL_SESSION *session) {
    struct kept *k = calloc(1, sizeof *k);
    struct group *g = k == NULL ? NULL : group_get(s, key);
    if (g == NULL) {
        free(k);
        return false;
    }
    k->session = session;
    k->group = g;
    list_push_back(&s->order, &k->node);
    list_push_front(&g->kept, &k->of_group);
    s->count++;
    if (++g->count > SESSIONS_PER_SERVER) SSL_SESSION_free(take(s, list_entry(g->kept.prev, struct kept, of_group)));
    if (s->count > SESSIONS_MAX) SSL_SESSION_free(take(s, list_entry(list_first(&s->order), struct kept, node)));
    return true;
}

/* Returning 1 takes the session over. */
static int session_arrived(SSL *ssl, SSL_SESSION *session) {
    struct tls *t = SSL_get_app_data(ssl);
    if (t == NULL || t->sessions == NULL) return 0;
    return keep(t->sessions, t->resume, session);
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
    while (!list_empty(&s->order)) SSL_SESSION_free(take(s, list_entry(list_first(&s->order), struct kept, node)));
    map_free(s->by_key, NULL);
    free(s);
}

void tls_sessions_offer(struct tls *t) {
    if (t->sessions == NULL) return;
    struct group *g = map_get(t->sessions->by_key, str_of(t->resume, sizeof t->resume));
    if (g == NULL) return;
    SSL_SESSION *newest = take(t->sessions, list_entry(list_first(&g->kept), struct kept, of_group));
    time_t made = (time_t)SSL_SESSION_get_time(newest);
    if (SSL_SESSION_is_resumable(newest) == 1 && time(NULL) - made < SESSION_LIFE_S)
        (void)SSL_set_session(t->ssl, newest);
    SSL_SESSION_free(newest);
}
