/* From format 1: there, the key of an entry was "q" channel destination priority id (READY), "d" time id (DEFERRED) or
 * "h" id (HELD), and "w" time id told when it wanted attention. The value is the same in both. */
#include "store/upgrade.h"

#include "store/queue/private.h"

enum { OLD_DEFERRED = 'd', OLD_HELD = 'h', OLD_ATTENTION = 'w', SLICE = 500 };

struct upgrade {
    struct engine *e;
    struct arena *arena;
    struct batch b;
    enum entry_state state;
    size_t count;
    struct error *err;
};

static int flush(struct upgrade *u) {
    int rc = batch_empty(&u->b) ? 0 : engine_write_one(u->e, &u->b, u->err);
    batch_done(&u->b);
    batch_init(&u->b);
    u->count = 0;
    return rc;
}

/* One that cannot be read, and READY ones without a destination, stay where they are. */
static int move(struct upgrade *u, struct str key, struct str value) {
    Store__Entry *e;
    arena_reset(u->arena);
    if (entry_decode(value, u->arena, &e) != 0 || e->id != entry_key_id(key)) return 0;
    if (u->state == ENTRY_READY && e->destination[0] == 0) return 0;
    struct indexed i = index_of(e, u->state);
    struct key k;
    index_key(&k, e, u->state);
    batch_delete(&u->b, SPACE_META, key);
    batch_put(&u->b, SPACE_META, key_str(&k), value);
    index_put(&u->b, e->id, &i);
    return ++u->count == SLICE ? flush(u) : 0;
}

static int move_kind(struct upgrade *u, unsigned char kind, enum entry_state state) {
    unsigned char end = (unsigned char)(kind + 1);
    struct engine_range r = {.space = SPACE_META, .once = true, .from = str_of(&kind, 1), .to = str_of(&end, 1)};
    struct engine_iter *it;
    struct str key, value;
    u->state = state;
    int rc = engine_iter_open(u->e, &r, &it);
    if (rc != 0) return rc;
    while (rc == 0 && engine_iter_next(u->e, it, &key, &value)) rc = move(u, key, value);
    int closed = engine_iter_close(u->e, it);
    return rc != 0 ? rc : closed;
}

int upgrade_from_1(struct engine *e, struct error *err) {
    struct upgrade u = {.e = e, .arena = arena_new(ENTRY_MEMORY_MAX), .err = err};
    unsigned char from = OLD_ATTENTION, to = OLD_ATTENTION + 1;
    batch_init(&u.b);
    int rc = move_kind(&u, KEY_READY, ENTRY_READY);
    if (rc == 0) rc = move_kind(&u, OLD_DEFERRED, ENTRY_DEFERRED);
    if (rc == 0) rc = move_kind(&u, OLD_HELD, ENTRY_HELD);
    if (rc == 0) batch_delete_range(&u.b, SPACE_META, str_of(&from, 1), str_of(&to, 1));
    if (rc == 0) rc = flush(&u);
    batch_done(&u.b);
    arena_free(u.arena);
    return rc;
}
