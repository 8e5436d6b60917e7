#include "store/mailbox/acl.h"

#include "store/wire.h"

#include <stdlib.h>
#include <string.h>

void acl_done(struct acl *a) {
    for (size_t i = 0; i < a->count; i++) free(a->entries[i].identifier);
    free(a->entries);
    *a = (struct acl){0};
}

static uint32_t rights_of(const struct acl *a, uint64_t account, bool negative) {
    uint32_t rights = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct acl_entry *e = &a->entries[i];
        if (e->negative == negative && (e->account == account || e->account == 0)) rights |= e->rights;
    }
    return rights;
}

uint32_t acl_granted(const struct acl *a, uint64_t account) {
    return rights_of(a, account, false);
}

uint32_t acl_denied(const struct acl *a, uint64_t account) {
    return rights_of(a, account, true);
}

bool acl_names(const struct acl *a, uint64_t account) {
    for (size_t i = 0; i < a->count; i++)
        if (a->entries[i].account == account && !a->entries[i].negative) return true;
    return false;
}

static struct acl_entry *entry_of(const struct acl *a, uint64_t account, bool negative) {
    for (size_t i = 0; i < a->count; i++)
        if (a->entries[i].account == account && a->entries[i].negative == negative) return &a->entries[i];
    return NULL;
}

const struct acl_entry *acl_find(const struct acl *a, struct str identifier, bool negative) {
    for (size_t i = 0; i < a->count; i++) {
        const struct acl_entry *e = &a->entries[i];
        if (e->negative == negative && str_eq_nocase(str_from(e->identifier), identifier)) return e;
    }
    return NULL;
}

static void add(struct acl *a, uint64_t account, struct str identifier, bool negative, uint32_t rights) {
    a->entries = realloc(a->entries, (a->count + 1) * sizeof *a->entries);
    IEMS_ASSERT(a->entries != NULL);
    a->entries[a->count++] = (struct acl_entry){account, str_dup(identifier), rights, negative};
}

static void drop(struct acl *a, struct acl_entry *e) {
    size_t at = (size_t)(e - a->entries);
    free(e->identifier);
    memmove(e, e + 1, (--a->count - at) * sizeof *e);
}

int acl_change(struct acl *a, uint64_t account, struct str identifier, bool negative, enum acl_mode mode,
               uint32_t rights, bool *changed) {
    struct acl_entry *e = entry_of(a, account, negative);
    uint32_t old = e == NULL ? 0 : e->rights;
    uint32_t now = mode == ACL_SET ? rights : mode == ACL_ADD ? old | rights : old & ~rights;
    now &= RIGHTS_ALL;
    if (e == NULL && now != 0 && a->count == ACL_ENTRIES_MAX) return ERR_LIMIT;
    *changed = now != old;
    if (e != NULL && now == 0)
        drop(a, e);
    else if (e != NULL)
        e->rights = now;
    else if (now != 0)
        add(a, account, str_sub(identifier, 0, ACL_IDENTIFIER_MAX), negative, now);
    return 0;
}

bool acl_forget(struct acl *a, uint64_t account) {
    bool found = false;
    for (int negative = 0; negative < 2; negative++) {
        struct acl_entry *e = entry_of(a, account, negative != 0);
        if (e == NULL) continue;
        drop(a, e);
        found = true;
    }
    return found;
}

void acl_copy(struct acl *to, const struct acl *from) {
    for (size_t i = 0; i < from->count; i++) {
        const struct acl_entry *e = &from->entries[i];
        add(to, e->account, str_from(e->identifier), e->negative, e->rights);
    }
}

bool acl_equal(const struct acl *a, const struct acl *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct acl_entry *e = &a->entries[i], *o = entry_of(b, e->account, e->negative);
        if (o == NULL || o->rights != e->rights || strcmp(o->identifier, e->identifier) != 0) return false;
    }
    return true;
}

void acl_write(const struct acl *a, struct buf *out) {
    wire_u32(out, (uint32_t)a->count);
    for (size_t i = 0; i < a->count; i++) {
        wire_u64(out, a->entries[i].account);
        wire_u8(out, a->entries[i].negative);
        wire_u32(out, a->entries[i].rights);
        wire_bytes(out, str_from(a->entries[i].identifier));
    }
}

int acl_read(struct str value, struct acl *out) {
    struct wire w = wire_of(value);
    struct acl a = {0};
    uint32_t n = wire_get_u32(&w);
    for (uint32_t i = 0; i < n && !w.bad; i++) {
        uint64_t account = wire_get_u64(&w);
        bool negative = wire_get_u8(&w) != 0;
        uint32_t rights = wire_get_u32(&w);
        struct str identifier = wire_get_bytes(&w);
        if (w.bad || a.count == ACL_ENTRIES_MAX) break;
        add(&a, account, identifier, negative, rights & RIGHTS_ALL);
    }
    if (w.bad || a.count != n) {
        acl_done(&a);
        return ERR_CORRUPT;
    }
    *out = a;
    return 0;
}
