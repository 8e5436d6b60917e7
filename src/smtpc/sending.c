/* What other servers took while the store could not be told of it: kept in memory until the message comes again, so
 * that a store that breaks down does not make this server send twice. Only when this process ends at that moment may a
 * message be sent a second time (RFC 5321 section 6.1 asks for this rather than for a loss). */
#include "base/map.h"
#include "net/loop.h"
#include "smtpc/smtpc.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 10000, NOTE_MEMORY_MAX = 1024 * 1024, WAIT_MS = 30 * 60 * 1000 };

struct sent {
    char *address;
    struct outcome outcome;
};

struct sending {
    struct list node; /* of those that are kept, oldest first */
    uint64_t id;
    bool under_way;
    struct arena *arena; /* of what follows; NULL = nothing was sent */
    struct sent *sent;
    size_t count;
    char *host, *ip, *tls;
    bool peer_dsn, peer_deliverby;
};

int sendings_init(struct smtpc *s) {
    cond_init(&s->sendings.changed);
    list_init(&s->sendings.kept);
    s->sendings.count = 0;
    s->sendings.by_id = map_new(MAP_BYTES);
    return s->sendings.by_id == NULL ? ERR_NOMEM : 0;
}

static void sending_free(void *p) {
    struct sending *x = p;
    list_remove(&x->node);
    arena_free(x->arena);
    free(x);
}

void sendings_done(struct smtpc *s) {
    map_free(s->sendings.by_id, sending_free);
}

static void forget(struct smtpc *s, struct sending *x) {
    (void)map_remove(s->sendings.by_id, map_u64_key(&x->id));
    sending_free(x);
}

static struct sending *begin_new(struct smtpc *s, uint64_t id) {
    struct sending *x = calloc(1, sizeof *x);
    if (x == NULL) return NULL;
    x->id = id;
    list_init(&x->node);
    if (map_put(s->sendings.by_id, map_u64_key(&id), x, NULL) == 0) return x;
    free(x);
    return NULL;
}

/* Recipients that were sent have their outcome; true if that is all of them. */
static bool apply(const struct sending *x, const Store__Entry *e, struct outcome *outcomes) {
    bool all = true;
    for (size_t i = 0; i < e->n_recipients; i++) {
        for (size_t k = 0; k < x->count && outcomes[i].class == OUTCOME_NONE; k++) {
            if (strcmp(x->sent[k].address, e->recipients[i]->address) == 0) outcomes[i] = x->sent[k].outcome;
        }
        all &= outcomes[i].class != OUTCOME_NONE;
    }
    return all;
}

struct sending *sending_begin(struct smtpc *s, struct settlement *done) {
    struct lease *l = done->lease;
    struct sending *x;
    uint64_t id = l->entry->id, deadline = loop_now_ms() + WAIT_MS;
    while ((x = map_get(s->sendings.by_id, map_u64_key(&id))) != NULL && x->under_way) {
        if (cond_wait(&s->sendings.changed, deadline) != 0 || !lease_valid(l)) return NULL;
    }
    if (x == NULL) {
        x = begin_new(s, id);
        if (x == NULL) return NULL;
    } else {
        list_remove(&x->node);
        s->sendings.count--;
    }
    x->under_way = true;
    if (x->count > 0 && apply(x, l->entry, done->outcomes)) {
        done->host = x->host;
        done->ip = x->ip;
        done->tls = x->tls;
        done->peer_dsn = x->peer_dsn;
        done->peer_deliverby = x->peer_deliverby;
    }
    return x;
}

/* Copies what was sent into a new arena, which replaces the old one: some of it may come from there. */
static bool keep(struct sending *x, const struct settlement *done) {
    const Store__Entry *e = done->lease->entry;
    struct arena *a = arena_new(NOTE_MEMORY_MAX);
    struct sent *sent = a == NULL ? NULL : arena_alloc(a, e->n_recipients * sizeof *sent + 1);
    size_t count = 0;
    if (sent == NULL) {
        arena_free(a);
        return false;
    }
    for (size_t i = 0; i < e->n_recipients; i++) {
        const struct outcome *o = &done->outcomes[i];
        if (o->class != OUTCOME_SENT) continue;
        struct sent *n = &sent[count];
        *n = (struct sent){arena_cstr(a, str_from(e->recipients[i]->address)), *o};
        n->outcome.reply = arena_str(a, o->reply);
        n->outcome.reason = arena_str(a, o->reason);
        if (n->address != NULL) count++;
    }
    x->host = arena_cstr(a, str_from(done->host));
    x->ip = arena_cstr(a, str_from(done->ip));
    x->tls = arena_cstr(a, str_from(done->tls));
    x->peer_dsn = done->peer_dsn;
    x->peer_deliverby = done->peer_deliverby;
    arena_free(x->arena);
    x->arena = a;
    x->sent = sent;
    x->count = count;
    return count > 0 && x->host != NULL && x->ip != NULL && x->tls != NULL;
}

void sending_end(struct smtpc *s, struct sending *x, const struct settlement *done) {
    if (x == NULL) return;
    x->under_way = false;
    if (done == NULL || !keep(x, done)) {
        forget(s, x);
    } else {
        list_push_back(&s->sendings.kept, &x->node);
        if (++s->sendings.count > KEPT_MAX) {
            s->sendings.count--;
            forget(s, list_entry(list_first(&s->sendings.kept), struct sending, node));
        }
    }
    cond_broadcast(&s->sendings.changed);
}
