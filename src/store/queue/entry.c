/* Entries as bytes, and their keys in the indexes. */
#include "base/clock.h"
#include "rpc/frame.h"
#include "store/queue/private.h"

const enum key_kind entry_kinds[ENTRY_KINDS] = {KEY_READY, KEY_ENTRY};

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

/* READY entries without a destination are short-lived and many: they have no index record, and keys of their own so
 * that a scan of them meets nothing else. */
static bool is_indexed(enum entry_state state, struct str dest) {
    return state != ENTRY_READY || dest.len > 0;
}

void place_key(struct key *k, enum entry_state state, struct str channel, struct str dest, int32_t priority,
               uint64_t id) {
    bool indexed = is_indexed(state, dest);
    key_start(k, indexed ? KEY_ENTRY : KEY_READY);
    key_text(k, channel);
    key_text(k, dest);
    if (indexed) key_bytes(k, str_of(&(unsigned char){(unsigned char)state}, 1));
    key_u32(k, ordered(priority));
    key_u64(k, id);
}

bool place_key_parse(struct str key, struct place_parts *out) {
    enum { TAIL = 12 };
    bool indexed = key.len > 0 && key.ptr[0] == KEY_ENTRY;
    size_t tail = TAIL + (indexed ? 1 : 0);
    if (key.len < tail + 3) return false;
    struct str names = str_sub(key, 1, key.len - 1 - tail), rest = names;
    struct place_parts p = {.channel = str_cut(&rest, 0)};
    if (rest.len == 0 || rest.ptr[rest.len - 1] != 0) return false;
    p.dest = str_sub(rest, 0, rest.len - 1);
    unsigned state = indexed ? (unsigned char)key.ptr[key.len - tail] : ENTRY_READY;
    p.state = (enum entry_state)state;
    p.priority = (int32_t)(key_get_u32(key, key.len - TAIL) ^ 0x80000000u);
    p.id = key_get_u64(key, key.len - 8);
    *out = p;
    return state <= ENTRY_HELD && p.channel.len > 0 && p.channel.len <= CHANNEL_NAME_MAX;
}

void index_key(struct key *k, const Store__Entry *e, enum entry_state state) {
    place_key(k, state, entry_channel(e), entry_dest(e), e->priority, e->id);
}

/* --- the index record: where the entry stands, and what lists and timers need to know of it */
void index_write(struct buf *v, const struct indexed *i) {
    wire_u8(v, (uint8_t)i->state);
    wire_u64(v, (uint64_t)i->ready);
    wire_u64(v, (uint64_t)i->attention);
    wire_u64(v, (uint64_t)i->created);
    wire_u64(v, i->size);
    wire_u32(v, (uint32_t)i->priority);
    wire_bytes(v, i->channel);
    wire_bytes(v, i->dest);
    wire_bytes(v, i->sender);
}

bool index_parse(struct str value, struct indexed *out) {
    struct wire w = wire_of(value);
    struct indexed i = {.state = (enum entry_state)wire_get_u8(&w)};
    i.ready = (int64_t)wire_get_u64(&w);
    i.attention = (int64_t)wire_get_u64(&w);
    i.created = (int64_t)wire_get_u64(&w);
    i.size = wire_get_u64(&w);
    i.priority = (int32_t)wire_get_u32(&w);
    i.channel = wire_get_bytes(&w);
    i.dest = wire_get_bytes(&w);
    i.sender = wire_get_bytes(&w);
    if (w.bad || (unsigned)i.state > ENTRY_HELD || i.channel.len == 0 || i.channel.len > CHANNEL_NAME_MAX ||
        i.dest.len > QUEUE_TEXT_MAX)
        return false;
    *out = i;
    return true;
}

struct indexed index_of(const Store__Entry *e, enum entry_state state) {
    return (struct indexed){.state = state,
                            .ready = e->ready,
                            .attention = state == ENTRY_HELD ? 0 : entry_attention(e),
                            .created = e->created,
                            .size = e->size,
                            .priority = e->priority,
                            .channel = entry_channel(e),
                            .dest = entry_dest(e),
                            .sender = str_sub(str_from(e->sender), 0, QUEUE_TEXT_MAX)};
}

void index_put(struct batch *b, uint64_t id, const struct indexed *i) {
    struct key k = key_of_id(KEY_INDEX, id);
    BUF_AUTO v = BUF_INIT(INDEX_VALUE_MAX);
    index_write(&v, i);
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
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

/* The READY of a channel without destinations need no attention: they are given to whoever listens. */
void entry_put(struct queue *q, struct batch *b, const Store__Entry *e, enum entry_state state) {
    entry_store(b, e, state);
    if (!is_indexed(state, entry_dest(e))) return;
    struct indexed i = index_of(e, state);
    index_put(b, e->id, &i);
    clock_due(q, &i, e->id);
}

void entry_delete(struct batch *b, const Store__Entry *e, enum entry_state state) {
    struct key k;
    index_key(&k, e, state);
    batch_delete(b, SPACE_META, key_str(&k));
    if (!is_indexed(state, entry_dest(e))) return;
    k = key_of_id(KEY_INDEX, e->id);
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
    struct place_parts p;
    return place_key_parse(key, &p) ? p.state : ENTRY_READY;
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

/* Not in the index: READY without a destination, or nowhere. */
static int find_ready(struct queue *q, uint64_t id, struct place *out) {
    struct search s = {.id = id, .out = out};
    unsigned char from = KEY_READY, to = KEY_READY + 1;
    struct engine_range r = {.space = SPACE_META, .once = true, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    int rc = store_scan(q->st, &r, search_one, &s);
    return rc != 0 ? rc : s.found ? 0 : ERR_NOTFOUND;
}

int entry_find(struct queue *q, uint64_t id, struct place *out) {
    struct indexed i;
    struct key k = key_of_id(KEY_INDEX, id);
    BUF_AUTO v = BUF_INIT(INDEX_VALUE_MAX);
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    if (rc == 0) rc = store_get(q->st, SPACE_META, key_str(&k), &v);
    if (rc == ERR_NOTFOUND) return find_ready(q, id, out);
    if (rc != 0) return rc;
    if (!index_parse(buf_str(&v), &i)) return ERR_CORRUPT;
    out->state = i.state;
    place_key(&out->key, i.state, i.channel, i.dest, i.priority, id);
    return 0;
}
