/* INV-1 to INV-3: entries and the attention index. */
#include "rpc/frame.h"
#include "store/queue/private.h"
#include "store/service/check.h"

#define ULL(v) (unsigned long long)(v)

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
    check_ref(c, e->blob);
    index_key(&k, e, entry_key_state(key));
    if (!str_eq(key_str(&k), key))
        check_fault(c, REPAIR_NONE, id, "queue entry %llu stands under a wrong key", ULL(id));
    if (map_get(c->entry_ids, map_u64_key(&id)) != NULL)
        check_fault(c, REPAIR_NONE, id, "queue entry %llu is there twice", ULL(id));
    IEMS_ASSERT(map_put(c->entry_ids, map_u64_key(&id), c, NULL) == 0);
    int64_t attention = entry_attention(e);
    attention_key(&k, attention, id);
    if (attention != 0 && !e->held && !check_has(c, key_str(&k)))
        check_fault(c, REPAIR_ATTENTION, id, "queue entry %llu is missing in the attention index", ULL(id));
    k = key_of_id(KEY_BLOB, e->blob);
    if (!check_has(c, key_str(&k))) check_fault(c, REPAIR_NONE, id, "queue entry %llu has no body", ULL(id));
}

static void each_attention(struct check *c, struct str key, struct str value) {
    uint64_t id = entry_key_id(key);
    (void)value;
    if (map_get(c->entry_ids, map_u64_key(&id)) != NULL) return;
    check_fault(c, REPAIR_NONE, id, "the attention index names queue entry %llu, which is not there", ULL(id));
    check_fault_key(c, REPAIR_INDEX, key);
}

int check_queue(struct check *c) {
    int rc = 0;
    c->entry_ids = map_new(MAP_BYTES);
    for (size_t i = 0; i < ENTRY_KINDS && rc == 0; i++) rc = check_each_kind(c, entry_kinds[i], each_entry);
    return rc != 0 ? rc : check_each_kind(c, KEY_ATTENTION, each_attention);
}
