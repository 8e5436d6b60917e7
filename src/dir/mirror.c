#include "dir/mirror.h"

#include "dir/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_DN_END_MAX = 100 };

struct mirror {
    const struct mirror_ops *ops;
    void *arg;
    struct index by_uuid, by_address, by_account, by_domain, by_row;
    struct mirror_counts counts;
    uint64_t highest_account;
    const struct entry *first_account;
    bool first_known, refreshing;
    uint32_t round, verifiers;
};

struct mirror *mirror_new(const struct mirror_ops *ops, void *arg) {
    struct mirror *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->ops = ops;
    m->arg = arg;
    return m;
}

void mirror_free(struct mirror *m) {
    if (m == NULL) return;
    for (size_t i = 0; i < m->by_uuid.cap; i++) free(m->by_uuid.slots[i].item);
    index_done(&m->by_uuid);
    index_done(&m->by_address);
    index_done(&m->by_account);
    index_done(&m->by_domain);
    index_done(&m->by_row);
    free(m);
}

static uint32_t hash_of(struct str s) {
    return (uint32_t)str_hash(s);
}

static uint32_t uuid_hash(const unsigned char *uuid) {
    return hash_of(str_of(uuid, RECORD_UUID_LEN));
}

static struct entry *find_uuid(const struct mirror *m, const unsigned char *uuid) {
    uint32_t hash = uuid_hash(uuid);
    size_t pos = hash;
    for (const struct index_slot *s; (s = index_next(&m->by_uuid, hash, &pos)) != NULL;) {
        struct entry *e = s->item;
        if (memcmp(e->uuid, uuid, RECORD_UUID_LEN) == 0) return e;
    }
    return NULL;
}

const struct entry *mirror_by_uuid(const struct mirror *m, const unsigned char uuid[static RECORD_UUID_LEN]) {
    return find_uuid(m, uuid);
}

/* Which of two entries with the same address is used: one with an account, else the elder account, else any. */
static bool better(const struct entry *a, const struct entry *b) {
    if (b == NULL) return true;
    if ((a->account != 0) != (b->account != 0)) return a->account != 0;
    return a->account != b->account ? a->account < b->account : memcmp(a->uuid, b->uuid, RECORD_UUID_LEN) < 0;
}

static const struct entry *find_text(const struct index *ix, struct str key) {
    uint32_t hash = hash_of(key);
    size_t pos = hash;
    const struct entry *best = NULL;
    for (const struct index_slot *s; (s = index_next(ix, hash, &pos)) != NULL;) {
        const struct entry *e = s->item;
        if (str_eq(entry_at(e, s->aux), key) && better(e, best)) best = e;
    }
    return best;
}

const struct entry *mirror_by_address(const struct mirror *m, struct str key) {
    return find_text(&m->by_address, key);
}

const struct entry *mirror_domain(const struct mirror *m, struct str key) {
    return find_text(&m->by_domain, key);
}

const struct entry *mirror_domain_match(const struct mirror *m, struct str key) {
    const struct entry *e = mirror_domain(m, key);
    char pattern[320] = "*";
    for (struct str rest = key; e == NULL && rest.len > 0;) {
        (void)str_cut(&rest, '.');
        if (rest.len == 0 || rest.len + 2 >= sizeof pattern) continue;
        pattern[1] = '.';
        memcpy(pattern + 2, rest.ptr, rest.len);
        e = mirror_domain(m, str_of(pattern, rest.len + 2));
    }
    return e;
}

const struct entry *mirror_by_account(const struct mirror *m, uint64_t account) {
    uint32_t hash = hash_of(str_of(&account, sizeof account));
    size_t pos = hash;
    const struct entry *best = NULL;
    for (const struct index_slot *s; (s = index_next(&m->by_account, hash, &pos)) != NULL;) {
        const struct entry *e = s->item;
        if (e->account == account && better(e, best)) best = e;
    }
    return best;
}

const struct entry *mirror_row(const struct mirror *m, struct str key, const char *table) {
    char end[ROW_DN_END_MAX];
    uint32_t hash = hash_of(key);
    size_t pos = hash;
    int n = snprintf(end, sizeof end, ",ietable=%s,o=iems", table);
    if (n < 0 || (size_t)n >= sizeof end) return NULL;
    for (const struct index_slot *s; (s = index_next(&m->by_row, hash, &pos)) != NULL;) {
        const struct entry *e = s->item;
        struct str dn = entry_get(e, (enum directory_attr)ENTRY_DN);
        if (str_eq(entry_at(e, s->aux), key) && str_ends_nocase(dn, str_of(end, (size_t)n))) return e;
    }
    return NULL;
}

static const struct index *index_of(const struct mirror *m, enum directory_attr attr) {
    switch (attr) {
    case ATTR_ADDRESS: return &m->by_address;
    case ATTR_DOMAIN: return &m->by_domain;
    case ATTR_ROW_KEY: return &m->by_row;
    default: return NULL;
    }
}

/* Whether it is found by what it holds. */
static bool is_indexed(const struct entry *e) {
    return !(e->classes & ENTRY_DELETED);
}

static void unlink_entry(struct mirror *m, struct entry *e) {
    struct entry_value v;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) {
        struct index *ix = (struct index *)(uintptr_t)index_of(m, v.attr);
        if (ix != NULL && is_indexed(e)) index_remove(ix, hash_of(v.value), e, v.offset);
    }
    bool account = e->account != 0 && is_indexed(e);
    if (account) index_remove(&m->by_account, hash_of(str_of(&e->account, sizeof e->account)), e, 0);
    index_remove(&m->by_uuid, uuid_hash(e->uuid), e, 0);
    m->counts.entries--;
    m->counts.bytes -= sizeof *e + e->size;
    if (account) m->counts.accounts--;
    if (e->classes & ENTRY_DOMAIN) m->counts.domains--;
    m->first_known = false;
}

static int link_entry(struct mirror *m, struct entry *e) {
    int rc = index_add(&m->by_uuid, uuid_hash(e->uuid), e, 0);
    struct entry_value v;
    for (uint32_t pos = 0; rc == 0 && entry_next(e, &pos, &v);) {
        struct index *ix = (struct index *)(uintptr_t)index_of(m, v.attr);
        if (ix != NULL && is_indexed(e)) rc = index_add(ix, hash_of(v.value), e, v.offset);
    }
    bool account = e->account != 0 && is_indexed(e);
    if (rc == 0 && account) {
        rc = index_add(&m->by_account, hash_of(str_of(&e->account, sizeof e->account)), e, 0);
    }
    m->counts.entries++;
    m->counts.bytes += sizeof *e + e->size;
    if (account) m->counts.accounts++;
    if (e->classes & ENTRY_DOMAIN) m->counts.domains++;
    if (e->account > m->highest_account) m->highest_account = e->account;
    m->first_known = false;
    return rc;
}

static bool same_login(const struct entry *a, const struct entry *b) {
    return a->account == b->account && a->flags == b->flags &&
           str_eq(entry_get(a, ATTR_PASSWORD), entry_get(b, ATTR_PASSWORD)) &&
           str_eq(entry_get(a, ATTR_SCRAM), entry_get(b, ATTR_SCRAM)) &&
           str_eq(entry_get(a, ATTR_SCRAM_SHA1), entry_get(b, ATTR_SCRAM_SHA1));
}

static bool is_domain(const struct entry *e) {
    return e != NULL && entry_get(e, ATTR_DOMAIN).len > 0;
}

int mirror_apply(struct mirror *m, const struct record *r) {
    struct entry *old = find_uuid(m, r->uuid);
    struct str csn;
    int age = old != NULL && record_get(r, ATTR_CSN, &csn) ? str_cmp(csn, entry_get(old, ATTR_CSN)) : 1;
    if (age == 0 || (age < 0 && !m->refreshing)) {
        old->round = m->round;
        return 0;
    }
    struct entry *e = entry_new(r, m->ops->warn, m->arg);
    if (e == NULL) return ERR_NOMEM;
    e->round = m->round;
    e->verifier = old != NULL && same_login(old, e) ? old->verifier : ++m->verifiers;
    bool config = (e->classes & ENTRY_CONFIG) || (old != NULL && (old->classes & ENTRY_CONFIG));
    bool shared = (e->classes & ENTRY_SHARED) || (old != NULL && (old->classes & ENTRY_SHARED));
    bool domain = is_domain(e) || is_domain(old);
    bool row = (e->classes & ENTRY_ROW) || (old != NULL && (old->classes & ENTRY_ROW));
    if (old != NULL) unlink_entry(m, old);
    int rc = link_entry(m, e);
    if (rc != 0) {
        unlink_entry(m, e);
        free(e);
        e = NULL;
    }
    if (row && m->ops->row_changed != NULL) m->ops->row_changed(m->arg, old, e);
    free(old);
    if (domain && m->ops->domains_changed != NULL) m->ops->domains_changed(m->arg);
    if (rc != 0) return rc;
    if (config && m->ops->config_changed != NULL) m->ops->config_changed(m->arg);
    if (shared && m->ops->shared_changed != NULL) m->ops->shared_changed(m->arg);
    return 0;
}

static void drop(struct mirror *m, struct entry *e) {
    bool config = e->classes & ENTRY_CONFIG, domain = is_domain(e);
    unlink_entry(m, e);
    if ((e->classes & ENTRY_ROW) && m->ops->row_changed != NULL) m->ops->row_changed(m->arg, e, NULL);
    free(e);
    if (domain && m->ops->domains_changed != NULL) m->ops->domains_changed(m->arg);
    if (config && m->ops->config_changed != NULL) m->ops->config_changed(m->arg);
}

void mirror_remove(struct mirror *m, const unsigned char uuid[static RECORD_UUID_LEN]) {
    struct entry *e = find_uuid(m, uuid);
    if (e != NULL) drop(m, e);
}

void mirror_refresh_begin(struct mirror *m) {
    m->round++;
    m->refreshing = true;
}

void mirror_refresh_keep(struct mirror *m, const unsigned char uuid[static RECORD_UUID_LEN]) {
    struct entry *e = find_uuid(m, uuid);
    if (e != NULL) e->round = m->round;
}

void mirror_refresh_stop(struct mirror *m) {
    m->refreshing = false;
}

void mirror_refresh_end(struct mirror *m) {
    m->refreshing = false;
    /* Dropping moves slots about: start over behind each one until none is left. */
    for (size_t i = 0; i < m->by_uuid.cap;) {
        struct entry *e = m->by_uuid.slots[i].item;
        if (e != NULL && e->round != m->round)
            drop(m, e);
        else
            i++;
    }
}

const struct entry *mirror_first_account(struct mirror *m) {
    if (m->first_known) return m->first_account;
    m->first_account = NULL;
    m->first_known = true;
    size_t pos = 0;
    for (const struct entry *e; (e = mirror_next(m, &pos)) != NULL;) {
        if (e->account == 0 || !(e->classes & ENTRY_STORE_USER) || (e->flags & ENTRY_DISABLED)) continue;
        if (m->first_account == NULL || e->account < m->first_account->account) m->first_account = e;
    }
    return m->first_account;
}

const struct entry *mirror_next(const struct mirror *m, size_t *pos) {
    while (*pos < m->by_uuid.cap) {
        const struct entry *e = m->by_uuid.slots[(*pos)++].item;
        if (e != NULL) return e;
    }
    return NULL;
}

void mirror_get_counts(const struct mirror *m, struct mirror_counts *out) {
    *out = m->counts;
    out->bytes += (m->by_uuid.cap + m->by_address.cap + m->by_account.cap + m->by_domain.cap + m->by_row.cap) *
                  sizeof(struct index_slot);
}

uint64_t mirror_highest_account(const struct mirror *m) {
    return m->highest_account;
}
