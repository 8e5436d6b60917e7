/* Entries as bytes, and their keys in the indexes. */
#include "base/clock.h"
#include "rpc/frame.h"
#include "store/queue/private.h"

#include <limits.h>

const enum key_kind entry_kinds[ENTRY_KINDS] = {KEY_READY, KEY_DEFERRED, KEY_HELD};

struct str entry_pack(const Store__Entry *e, struct buf *out) {
    Store__Entry copy = *e;
    copy.summary = (ProtobufCBinaryData){0, NULL};
    size_t n = store__entry__get_packed_size(&copy);
    char *p = buf_reserve(out, n);
    if (p == NULL) return STR_EMPTY;
    store__entry__pack(&copy, (uint8_t *)p);
    buf_commit(out, n);
    return str_of(p, n);
}

int entry_unpack(struct str bytes, struct arena *arena, Store__Entry **out) {
    ProtobufCMessage *msg = NULL;
    int rc = rpc_unpack(&store__entry__descriptor, bytes, arena, &msg);
    if (rc == 0) *out = (Store__Entry *)msg;
    return rc;
}

static bool name_ok(struct str s, size_t max) {
    if (s.len > max) return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ') return false;
    return true;
}

int entry_check(const Store__Entry *e, struct error *err) {
    struct str channel = entry_channel(e);
    if (channel.len == 0 || !name_ok(channel, CHANNEL_NAME_MAX))
        return error_set(err, ERR_INVALID, "a queue entry needs a channel of 1 to %d characters", CHANNEL_NAME_MAX);
    if (!name_ok(entry_dest(e), QUEUE_TEXT_MAX)) return error_set(err, ERR_INVALID, "the destination is malformed");
    if (e->n_recipients == 0) return error_set(err, ERR_INVALID, "a queue entry needs a recipient");
    if (e->n_recipients > QUEUE_RECIPIENTS_MAX)
        return error_set(err, ERR_LIMIT, "a queue entry may have at most %d recipients", QUEUE_RECIPIENTS_MAX);
    if (e->prefix.len > MESSAGE_PREFIX_MAX)
        return error_set(err, ERR_LIMIT, "the added header lines may have at most %d bytes", MESSAGE_PREFIX_MAX);
    if (str_from(e->trace).len > 64) return error_set(err, ERR_INVALID, "the trace identifier is too long");
    return 0;
}

int64_t entry_attention(const Store__Entry *e) {
    if (e->warn == 0) return e->expires;
    if (e->expires == 0) return e->warn;
    return e->warn < e->expires ? e->warn : e->expires;
}

/* Signed numbers in an order that bytes keep. */
static uint32_t ordered(int32_t v) {
    return (uint32_t)v ^ 0x80000000u;
}

void ready_key(struct key *k, struct str channel, struct str dest, int32_t priority, uint64_t id) {
    key_start(k, KEY_READY);
    key_text(k, channel);
    key_text(k, dest);
    key_u32(k, ordered(priority));
    key_u64(k, id);
}

bool ready_key_parse(struct str key, struct str *channel, struct str *dest, int32_t *priority, uint64_t *id) {
    if (key.len < 15) return false;
    struct str names = str_sub(key, 1, key.len - 13), rest = names;
    *channel = str_cut(&rest, 0);
    if (rest.len == 0 || rest.ptr[rest.len - 1] != 0) return false;
    *dest = str_sub(rest, 0, rest.len - 1);
    *priority = (int32_t)(key_get_u32(key, key.len - 12) ^ 0x80000000u);
    *id = key_get_u64(key, key.len - 8);
    return true;
}

static void time_key(struct key *k, enum key_kind kind, int64_t at, uint64_t id) {
    key_start(k, kind);
    key_u64(k, (uint64_t)(at < 0 ? 0 : at));
    key_u64(k, id);
}

void index_key(struct key *k, const Store__Entry *e, enum entry_state state) {
    if (state == ENTRY_READY)
        ready_key(k, entry_channel(e), entry_dest(e), e->priority, e->id);
    else if (state == ENTRY_DEFERRED)
        time_key(k, KEY_DEFERRED, e->ready, e->id);
    else
        *k = key_of_id(KEY_HELD, e->id);
}

void deferred_key(struct key *k, int64_t ready, uint64_t id) {
    time_key(k, KEY_DEFERRED, ready, id);
}

void attention_key(struct key *k, int64_t at, uint64_t id) {
    time_key(k, KEY_ATTENTION, at, id);
}

/* The value begins with what a scan needs to count and to move the entry without unpacking it. */
static void head_put(struct buf *v, const Store__Entry *e) {
    wire_u64(v, e->size);
    wire_u64(v, (uint64_t)e->created);
    wire_u32(v, (uint32_t)e->priority);
    wire_bytes(v, entry_channel(e));
    wire_bytes(v, entry_dest(e));
}

bool entry_head(struct str value, struct entry_head *h) {
    struct wire w = wire_of(value);
    h->size = wire_get_u64(&w);
    h->created = (int64_t)wire_get_u64(&w);
    h->priority = (int32_t)wire_get_u32(&w);
    h->channel = wire_get_bytes(&w);
    h->dest = wire_get_bytes(&w);
    h->packed = w.rest;
    return !w.bad && h->channel.len > 0 && h->channel.len <= CHANNEL_NAME_MAX && h->dest.len <= QUEUE_TEXT_MAX;
}

void entry_store(struct batch *b, const Store__Entry *e, enum entry_state state) {
    struct key k;
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    index_key(&k, e, state);
    head_put(&v, e);
    (void)entry_pack(e, &v);
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

/* The attention index tells where the entry may stand: DEFERRED, or READY by now. */
void entry_put(struct queue *q, struct batch *b, const Store__Entry *e, enum entry_state state) {
    struct key k;
    int64_t attention = entry_attention(e);
    entry_store(b, e, state);
    if (state == ENTRY_DEFERRED) clock_deferred(q, e->ready);
    if (attention == 0 || state == ENTRY_HELD) return;
    BUF_AUTO v = BUF_INIT(4096);
    wire_u64(&v, (uint64_t)e->ready);
    wire_u32(&v, (uint32_t)e->priority);
    wire_bytes(&v, entry_channel(e));
    wire_bytes(&v, entry_dest(e));
    attention_key(&k, attention, e->id);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
    clock_attention(q, attention);
}

void entry_delete(struct batch *b, const Store__Entry *e, enum entry_state state) {
    struct key k;
    int64_t attention = entry_attention(e);
    index_key(&k, e, state);
    batch_delete(b, SPACE_META, key_str(&k));
    if (attention == 0 || state == ENTRY_HELD) return;
    attention_key(&k, attention, e->id);
    batch_delete(b, SPACE_META, key_str(&k));
}

int entry_decode(struct str value, struct arena *arena, Store__Entry **out) {
    struct entry_head h;
    return entry_head(value, &h) ? entry_unpack(h.packed, arena, out) : ERR_CORRUPT;
}

int entry_get(struct queue *q, struct str key, struct arena *arena, Store__Entry **out) {
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    int rc = store_get(q->st, SPACE_META, key, &v);
    return rc != 0 ? rc : entry_decode(buf_str(&v), arena, out);
}

uint64_t entry_key_id(struct str key) {
    return key.len >= 9 ? key_get_u64(key, key.len - 8) : 0;
}

enum entry_state entry_key_state(struct str key) {
    return key.ptr[0] == KEY_READY ? ENTRY_READY : key.ptr[0] == KEY_DEFERRED ? ENTRY_DEFERRED : ENTRY_HELD;
}

struct search {
    uint64_t id;
    struct place *out;
    bool found;
};

static bool search_one(void *arg, struct str key, struct str value) {
    struct search *s = arg;
    (void)value;
    if (entry_key_id(key) != s->id || key.len > KEY_MAX) return true;
    s->out->state = entry_key_state(key);
    s->out->key.len = 0;
    key_bytes(&s->out->key, key);
    s->found = true;
    return false;
}

int entry_find(struct queue *q, uint64_t id, struct place *out) {
    struct search s = {.id = id, .out = out};
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    for (size_t i = 0; i < ENTRY_KINDS && rc == 0 && !s.found; i++) {
        unsigned char from = (unsigned char)entry_kinds[i], to = (unsigned char)(from + 1);
        struct engine_range r = {.space = SPACE_META, .once = true, .from = str_of(&from, 1), .to = str_of(&to, 1)};
        rc = store_scan(q->st, &r, search_one, &s);
    }
    return rc != 0 ? rc : s.found ? 0 : ERR_NOTFOUND;
}
