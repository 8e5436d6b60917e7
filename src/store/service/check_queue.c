/* INV-1 to INV-4: entries and their indexes. */
#include "rpc/frame.h"
#include "store/queue/private.h"
#include "store/service/check.h"

#define ULL(v) (unsigned long long)(v)

/* How often an entry stands in READY, DEFERRED, HELD: exactly once in all. */
static void each_entry(struct check *c, struct str key, struct str value) {
    Store__Entry *e;
    ARENA_AUTO arena = arena_new(ENTRY_MEMORY_MAX);
    uint64_t id = key.len == 9 ? key_get_u64(key, 1) : 0;
    c->entries++;
    if (id == 0 || entry_unpack(value, arena, &e) != 0 || e->id != id) {
        check_fault(c, REPAIR_NONE, id, "queue entry %llu cannot be read", ULL(id));
        return;
    }
    check_ref(c, e->blob);
    struct key k;
    int found = 0;
    for (enum entry_state s = ENTRY_READY; s <= ENTRY_HELD; s++) {
        index_key(&k, e, s);
        found += check_has(c, key_str(&k));
    }
    if (found != 1)
        check_fault(c, found == 0 ? REPAIR_INDEX : REPAIR_NONE, id, "queue entry %llu stands in %d indexes", ULL(id),
                    found);
    int64_t attention = entry_attention(e);
    attention_key(&k, attention, id);
    if (attention != 0 && !e->held && !check_has(c, key_str(&k)))
        check_fault(c, REPAIR_INDEX, id, "queue entry %llu is missing in the attention index", ULL(id));
    k = key_of_id(KEY_BLOB, e->blob);
    if (!check_has(c, key_str(&k))) check_fault(c, REPAIR_NONE, id, "queue entry %llu has no body", ULL(id));
}

static void index_of(struct check *c, struct str key, uint64_t id, const char *what) {
    struct key k = key_of_id(KEY_ENTRY, id);
    if (check_has(c, key_str(&k))) return;
    check_fault(c, REPAIR_NONE, id, "the %s index names queue entry %llu, which is not there", what, ULL(id));
    check_fault_key(c, REPAIR_INDEX, key);
}

static void each_ready(struct check *c, struct str key, struct str value) {
    struct str channel, dest;
    int32_t priority;
    uint64_t id;
    (void)value;
    if (ready_key_parse(key, &channel, &dest, &priority, &id)) index_of(c, key, id, "ready");
}

static void each_deferred(struct check *c, struct str key, struct str value) {
    (void)value;
    if (key.len == 17) index_of(c, key, key_get_u64(key, 9), "deferred");
}

static void each_attention(struct check *c, struct str key, struct str value) {
    (void)value;
    if (key.len == 17) index_of(c, key, key_get_u64(key, 9), "attention");
}

static void each_held(struct check *c, struct str key, struct str value) {
    (void)value;
    if (key.len == 9) index_of(c, key, key_get_u64(key, 1), "held");
}

int check_queue(struct check *c) {
    int rc = check_each_kind(c, KEY_ENTRY, each_entry);
    if (rc == 0) rc = check_each_kind(c, KEY_READY, each_ready);
    if (rc == 0) rc = check_each_kind(c, KEY_DEFERRED, each_deferred);
    if (rc == 0) rc = check_each_kind(c, KEY_ATTENTION, each_attention);
    return rc != 0 ? rc : check_each_kind(c, KEY_HELD, each_held);
}
