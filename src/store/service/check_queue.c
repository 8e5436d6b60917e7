/* INV-1 to INV-3, INV-20: entries, their index and orders. */
#include "rpc/frame.h"
#include "store/queue/private.h"
#include "store/service/check.h"

#define ULL(v) (unsigned long long)(v)

static void check_indexed(struct check *c, struct str key, const Store__Entry *e, enum entry_state state) {
    struct indexed i = index_of(e, state);
    struct key k = key_of_id(KEY_INDEX, e->id);
    BUF_AUTO want = BUF_INIT(INDEX_VALUE_MAX);
    index_write(&want, &i);
    if (check_value_is(c, key_str(&k), buf_str(&want))) return;
    check_fault(c, REPAIR_ENTRY, e->id, "the index of queue entry %llu is missing or wrong", ULL(e->id));
    check_fault_key(c, REPAIR_ENTRY, key);
}

static void each_entry(struct check *c, struct str key, struct str value) {
    Store__Entry *e;
    ARENA_AUTO arena = arena_new(ENTRY_MEMORY_MAX);
    uint64_t id = entry_key_id(key);
    struct key k;
    c->entries++;
    if (entry_decode(value, arena, &e) != 0 || e->id != id) {
        check_fault(c, REPAIR_NONE, id, "queue entry %llu cannot be read", ULL(id));
        return;
    }
    if (e->blob != 0) check_ref(c, e->blob);
    enum entry_state state = entry_key_state(key);
    index_key(&k, e, state);
    if (!str_eq(key_str(&k), key))
        check_fault(c, REPAIR_NONE, id, "queue entry %llu stands under a wrong key", ULL(id));
    if (map_get(c->entry_ids, map_u64_key(&id)) != NULL)
        check_fault(c, REPAIR_NONE, id, "queue entry %llu is there twice", ULL(id));
    IEMS_ASSERT(map_put(c->entry_ids, map_u64_key(&id), c, NULL) == 0);
    if (key.ptr[0] == KEY_ENTRY) check_indexed(c, key, e, state);
    bool aside = e->home_channel[0] != 0; /* in quarantine what was lost may be missing */
    c->body_unknown |= aside && e->blob == 0;
    k = key_of_id(KEY_BLOB, e->blob);
    if (!aside && !check_has(c, key_str(&k))) check_fault(c, REPAIR_NONE, id, "queue entry %llu has no body", ULL(id));
}

static void each_index(struct check *c, struct str key, struct str value) {
    uint64_t id = entry_key_id(key);
    struct indexed i;
    struct key k = {.len = 0};
    bool good = index_parse(value, &i);
    if (good) place_key(&k, i.state, i.channel, i.dest, i.priority, id);
    if (good && check_has(c, key_str(&k))) return;
    check_fault(c, REPAIR_NONE, id, "the index names queue entry %llu where it does not stand", ULL(id));
    if (map_get(c->entry_ids, map_u64_key(&id)) == NULL) check_fault_key(c, REPAIR_INDEX, key);
}

static void each_order(struct check *c, struct str key, struct str value) {
    uint64_t id = key.len == 9 ? key_get_u64(key, 1) : 0;
    (void)value;
    if (map_get(c->entry_ids, map_u64_key(&id)) != NULL) return;
    check_fault(c, REPAIR_NONE, id, "an order names queue entry %llu, which is not there", ULL(id));
    check_fault_key(c, REPAIR_INDEX, key);
}

int check_queue(struct check *c) {
    int rc = 0;
    c->entry_ids = map_new(MAP_BYTES);
    for (size_t i = 0; i < ENTRY_KINDS && rc == 0; i++) rc = check_each_kind(c, entry_kinds[i], each_entry);
    if (rc == 0) rc = check_each_kind(c, KEY_INDEX, each_index);
    return rc != 0 ? rc : check_each_kind(c, KEY_ORDER, each_order);
}
