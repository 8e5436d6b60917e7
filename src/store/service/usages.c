/* The usage of all accounts that sent something lately, in memory; what changed is written every few seconds in one
 * relaxed commit, so that counting costs no message anything. */
#include "base/clock.h"
#include "store/service/private.h"
#include "store/service/usage.h"

#include <stdlib.h>

enum { FLUSH_MS = 2000, NAME_MAX_LEN = 320, FLUSH_MOST = 10000, SLOWED_MOST = 1000 };

struct user_usage {
    struct usage usage;
    bool dirty;
};

static bool load_one(void *arg, struct str key, struct str value) {
    struct map *all = arg;
    struct user_usage *u = calloc(1, sizeof *u);
    if (u == NULL) return false;
    if (usage_unpack(value, &u->usage) != 0 || map_put(all, str_sub(key, 1, key.len), u, NULL) != 0) free(u);
    return true;
}

int usages_start(struct service *s, struct error *err) {
    struct key from, to;
    key_start(&from, KEY_USAGE);
    to = from;
    key_end_of_prefix(&to);
    s->usages.all = map_new(MAP_BYTES);
    if (s->usages.all == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    struct engine_range range = {.space = SPACE_META, .once = true, .from = key_str(&from), .to = key_str(&to)};
    int rc = store_scan(s->st, &range, load_one, s->usages.all);
    return rc != 0 ? error_set(err, rc, "the counts of what users sent cannot be read: %s", err_name(rc)) : 0;
}

static void usage_key(struct key *k, struct str name) {
    key_start(k, KEY_USAGE);
    key_bytes(k, name);
}

void usages_flush(struct service *s) {
    struct batch b;
    struct str name;
    void *p;
    int64_t now = clock_wall_ms();
    size_t count = 0;
    if (s->usages.all == NULL || !s->usages.dirty) return;
    batch_init(&b);
    s->usages.dirty = false;
    for (size_t pos = 0; map_next(s->usages.all, &pos, &name, &p);) {
        struct user_usage *u = p;
        struct key k;
        bool old = usage_is_old(&u->usage, now);
        if (!u->dirty && !old) continue;
        if (count++ == FLUSH_MOST) { /* the others go with the next */
            s->usages.dirty = true;
            break;
        }
        usage_key(&k, name);
        BUF_AUTO value = BUF_INIT(USAGE_RECORD_MAX);
        usage_pack(&u->usage, &value);
        u->dirty = false;
        if (!old) {
            batch_put(&b, SPACE_META, key_str(&k), buf_str(&value));
            continue;
        }
        batch_delete(&b, SPACE_META, key_str(&k));
        free(map_remove(s->usages.all, name));
    }
    if (batch_empty(&b))
        batch_done(&b);
    else
        (void)commit_submit(s->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
}

static void on_timer(void *arg) {
    struct service *s = arg;
    loop_timer_free(s->usages.timer);
    s->usages.timer = NULL;
    usages_flush(s);
}

void usages_stop(struct service *s) {
    if (s->usages.timer != NULL) loop_timer_free(s->usages.timer);
    s->usages.timer = NULL;
    usages_flush(s);
    if (s->usages.all != NULL) map_free(s->usages.all, free);
    s->usages.all = NULL;
}

/* The address without case, as the key of the map. ERR_LIMIT: it is none. */
static int name_of(const char *user, struct buf *out) {
    struct str s = str_from(user);
    if (s.len == 0 || s.len > NAME_MAX_LEN) return ERR_LIMIT;
    for (size_t i = 0; i < s.len; i++) buf_addc(out, ascii_lower(s.ptr[i]));
    return out->error;
}

static struct user_usage *find(struct service *s, const char *user, bool make) {
    BUF_AUTO name = BUF_INIT(NAME_MAX_LEN + 1);
    if (s->usages.all == NULL || name_of(user, &name) != 0) return NULL;
    struct user_usage *u = map_get(s->usages.all, buf_str(&name));
    if (u != NULL || !make) return u;
    u = calloc(1, sizeof *u);
    if (u != NULL && map_put(s->usages.all, buf_str(&name), u, NULL) == 0) return u;
    free(u);
    return NULL;
}

static void changed(struct service *s, struct user_usage *u) {
    u->dirty = s->usages.dirty = true;
    if (s->usages.timer == NULL && !s->closing) s->usages.timer = loop_timer_new(FLUSH_MS, 0, on_timer, s);
}

static void add(struct service *s, const char *user, const struct usage_count *n) {
    struct user_usage *u = find(s, user, true);
    if (u == NULL) return;
    usage_add(&u->usage, clock_wall_ms(), n);
    changed(s, u);
}

static struct usage_count count_of(const Store__Entry *e) {
    struct usage_count n = {.messages = 1, .bytes = e->size};
    for (size_t i = 0; i < e->n_recipients; i++) n.recipients += !e->recipients[i]->sent_copy;
    return n;
}

int usages_enter(struct service *s, const Store__QueueSubmit *q, struct error *err) {
    const Store__Entry *e = q->entry;
    if (e == NULL || e->auth_user[0] == '\0') return 0;
    struct user_usage *u = find(s, e->auth_user, true);
    struct usage_count n = count_of(e);
    if (u == NULL) return 0;
    usage_roll(&u->usage, clock_wall_ms());
    if (q->limits != NULL) {
        const Store__UsageLimits *l = q->limits;
        struct usage_limits limits = {l->messages, l->recipients, l->hour_before, l->brake_rate, l->bytes};
        if (!usage_fits(&u->usage, &limits, &n)) return error_set(err, ERR_DENIED, "the user may send no more now");
    }
    usage_add(&u->usage, clock_wall_ms(), &n);
    changed(s, u);
    return 0;
}

void usages_leave(struct service *s, const Store__Entry *e) {
    struct user_usage *u = e == NULL || e->auth_user[0] == '\0' ? NULL : find(s, e->auth_user, false);
    if (u == NULL) return;
    struct usage_count n = count_of(e);
    usage_withdraw(&u->usage, clock_wall_ms(), &n);
    changed(s, u);
}

void usages_bounced(struct service *s, const char *user, uint32_t recipients) {
    if (recipients > 0) add(s, user, &(struct usage_count){.bounces = recipients});
}

uint64_t usages_braked(struct service *s) {
    struct str name;
    void *p;
    uint64_t n = 0;
    for (size_t pos = 0; s->usages.all != NULL && map_next(s->usages.all, &pos, &name, &p);)
        n += ((struct user_usage *)p)->usage.braked != 0;
    return n;
}

HANDLER(on_usage_get) {
    struct service *s = arg;
    struct user_usage *u = find(s, ((const Store__UsageName *)r->msg)->user, false);
    Store__Usage reply = STORE__USAGE__INIT;
    (void)err;
    if (u != NULL) {
        struct usage *g = &u->usage;
        usage_roll(g, clock_wall_ms());
        reply.messages = g->today.messages;
        reply.recipients = g->today.recipients;
        reply.bytes = g->today.bytes;
        reply.bounces = g->today.bounces;
        reply.hour_messages = g->now.messages;
        reply.hour_recipients = g->now.recipients;
        reply.hour_bounces = g->now.bounces;
        reply.usual = g->usual / USAGE_MEMORY;
        reply.braked = g->braked;
        reply.reason = g->reason;
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_usage_brake) {
    struct service *s = arg;
    const Store__UsageBrake *q = (const Store__UsageBrake *)r->msg;
    struct user_usage *u = find(s, q->user, q->on);
    Store__UsageBraked reply = STORE__USAGE_BRAKED__INIT;
    (void)err;
    if (u != NULL) {
        reply.changed = usage_brake(&u->usage, clock_wall_ms(), q->on, q->reason);
        changed(s, u);
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

HANDLER(on_usage_slowed) {
    struct service *s = arg;
    Store__UsageSlowed reply = STORE__USAGE_SLOWED__INIT;
    struct str name;
    void *p;
    reply.users = arena_alloc(r->arena, SLOWED_MOST * sizeof(*reply.users));
    if (reply.users == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t pos = 0; s->usages.all != NULL && map_next(s->usages.all, &pos, &name, &p);) {
        struct usage *u = &((struct user_usage *)p)->usage;
        if (u->braked == 0) continue;
        reply.more = reply.n_users == SLOWED_MOST;
        Store__SlowedUser *one = reply.more ? NULL : arena_alloc(r->arena, sizeof *one);
        if (one == NULL) break;
        usage_roll(u, clock_wall_ms());
        store__slowed_user__init(one);
        one->user = arena_cstr(r->arena, name);
        one->reason = u->reason;
        one->since = u->braked;
        one->hour_recipients = u->now.recipients;
        if (one->user == NULL) break;
        reply.users[reply.n_users++] = one;
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}
