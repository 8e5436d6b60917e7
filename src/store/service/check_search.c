/* INV-17: signatures belong to bodies. A record of a body that waits for one may outlive it; it goes when it is met. */
#include "store/service/check.h"

static void each(struct check *c, struct str key, struct str value) {
    (void)value;
    uint64_t id = key.len == 9 ? key_get_u64(key, 1) : 0;
    struct key k = key_of_id(KEY_BLOB, id);
    if (key.len == 9 && check_has(c, key_str(&k))) return;
    check_fault(c, REPAIR_NONE, id, "a signature of body %llu, which is not there", (unsigned long long)id);
    check_fault_key(c, REPAIR_INDEX, key);
}

int check_search(struct check *c) {
    return check_each_kind(c, KEY_SIGNATURE, each);
}
