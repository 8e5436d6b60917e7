/* What an account may hold. States of quotas: `Q` account; no record is the state of an account that was never warned
 * and has no limit of messages. Totals of domains are in memory: iems-quota tells them with what it has counted, and
 * what comes and goes is added here until it counts again. */
#include "rpc/store.pb-c.h"
#include "store/mailbox/private.h"

#include <stdlib.h>

enum { QUOTA_VERSION = 1, QUOTA_VERSION_MESSAGES = 2, RECORD_MAX = 64, DOMAIN_MAX = 256 };

static bool is_plain(const struct quota_state *q) {
    return q->stage == STORE__QUOTA_STAGE__FINE && !q->blocked && q->since == 0 && q->messages == 0;
}

void quota_state_put(const struct quota_state *q, uint64_t account, struct batch *b) {
    struct key k = key_of_id(KEY_QUOTA, account);
    BUF_AUTO v = BUF_INIT(RECORD_MAX);
    if (is_plain(q)) {
        batch_delete(b, SPACE_META, key_str(&k));
        return;
    }
    wire_u8(&v, q->messages > 0 ? QUOTA_VERSION_MESSAGES : QUOTA_VERSION); /* as before where there is no need */
    wire_u8(&v, q->stage);
    wire_u8(&v, q->blocked);
    wire_u64(&v, (uint64_t)q->since);
    wire_u64(&v, (uint64_t)q->until);
    wire_u64(&v, q->level);
    if (q->messages > 0) wire_u32(&v, q->messages);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

int quota_state_decode(struct str value, struct quota_state *out) {
    struct wire w = wire_of(value);
    struct quota_state q = {0};
    uint8_t version = wire_get_u8(&w);
    q.stage = wire_get_u8(&w);
    q.blocked = wire_get_u8(&w) != 0;
    q.since = (int64_t)wire_get_u64(&w);
    q.until = (int64_t)wire_get_u64(&w);
    q.level = wire_get_u64(&w);
    if (version == QUOTA_VERSION_MESSAGES) q.messages = wire_get_u32(&w);
    if (w.bad || version < QUOTA_VERSION || version > QUOTA_VERSION_MESSAGES || q.stage > STORE__QUOTA_STAGE__RECOVERED)
        return ERR_CORRUPT;
    *out = q;
    return 0;
}

bool account_takes(const struct account *a) {
    if (a->state.blocked) return false;
    return a->state.stage != STORE__QUOTA_STAGE__EXPIRED || a->bytes + a->reserved < a->state.level;
}

/* ---------------------------------------------------------------- domains */

static struct domain_room *domain_find(const struct mailboxes *m, struct str name) {
    char key[DOMAIN_MAX];
    if (name.len > sizeof key) return NULL;
    for (size_t i = 0; i < name.len; i++) key[i] = ascii_lower(name.ptr[i]);
    return map_get(m->domains, str_of(key, name.len));
}

static struct domain_room *domain_of_address(const struct mailboxes *m, struct str address) {
    ptrdiff_t at = str_rfind(address, '@');
    return at < 0 ? NULL : domain_find(m, str_sub(address, (size_t)at + 1, address.len));
}

bool domains_fit(const struct mailboxes *m, struct str address, uint64_t bytes) {
    const struct domain_room *d = map_count(m->domains) == 0 ? NULL : domain_of_address(m, address);
    return d == NULL || d->total == 0 || d->used + d->reserved + bytes <= d->total;
}

/* NULL: without a total. */
static struct domain_room *domain_of(struct account *a) {
    struct mailboxes *m = a->m;
    if (map_count(m->domains) == 0) return NULL;
    if (a->domain_at != m->domains_told || a->domain == NULL) {
        a->domain = domain_of_address(m, str_from(a->address == NULL ? "" : a->address));
        a->domain_at = m->domains_told;
    }
    return a->domain != NULL && a->domain->total > 0 ? a->domain : NULL;
}

void domains_begin(struct mailboxes *m) {
    m->domains_round++;
    m->domains_told++;
}

int domains_tell(struct mailboxes *m, struct str name, uint64_t total, uint64_t used) {
    struct domain_room *d = domain_find(m, name);
    if (d == NULL) {
        char key[DOMAIN_MAX];
        if (name.len > sizeof key) return ERR_LIMIT;
        for (size_t i = 0; i < name.len; i++) key[i] = ascii_lower(name.ptr[i]);
        d = calloc(1, sizeof *d);
        if (d == NULL || map_put(m->domains, str_of(key, name.len), d, NULL) != 0) {
            free(d);
            return ERR_NOMEM;
        }
    }
    d->total = total;
    d->used = used;
    d->round = m->domains_round;
    return 0;
}

void domains_end(struct mailboxes *m) {
    struct str name;
    void *p;
    for (size_t pos = 0; map_next(m->domains, &pos, &name, &p);) {
        struct domain_room *d = p;
        if (d->round != m->domains_round) d->total = 0;
    }
}

/* ---------------------------------------------------------------- room */

void account_count(struct account *a, int64_t bytes, int64_t messages) {
    struct domain_room *d = domain_of(a);
    a->bytes = (uint64_t)((int64_t)a->bytes + bytes);
    a->messages = (uint64_t)((int64_t)a->messages + messages);
    if (d == NULL) return;
    d->used = bytes < 0 && (uint64_t)-bytes > d->used ? 0 : (uint64_t)((int64_t)d->used + bytes);
}

void account_reserve(struct account *a, uint64_t bytes) {
    struct domain_room *d = domain_of(a);
    a->reserved += bytes;
    a->reserved_messages++;
    if (d != NULL) d->reserved += bytes;
}

void account_reserve_forget(struct account *a) {
    struct domain_room *d = domain_of(a);
    if (d != NULL) d->reserved -= a->reserved < d->reserved ? a->reserved : d->reserved;
    a->reserved = a->reserved_messages = 0;
}

enum account_room account_room(struct account *a, uint64_t bytes, uint32_t messages, uint64_t quota) {
    const struct domain_room *d = domain_of(a);
    if (a->state.blocked) return ROOM_DOMAIN_FULL;
    if (!account_takes(a)) return ROOM_TAKES_NONE;
    if (d != NULL && d->used + d->reserved + bytes > d->total) return ROOM_DOMAIN_FULL;
    if (quota > 0 && a->bytes + a->reserved + bytes > quota) return ROOM_FULL;
    if (a->state.messages > 0 && a->messages + a->reserved_messages + messages > a->state.messages)
        return ROOM_MESSAGES;
    return ROOM_FITS;
}

const char *account_room_text(enum account_room room) {
    static const char *const texts[] = {"", "the mailbox is disabled as it was too full for too long",
                                        "the domain has used up its room", "the mailbox is full",
                                        "the mailbox holds as many messages as it may"};
    return texts[room];
}
