/* The story of a message: one small record for each commit under its trace identifier, which begins with its time. A
 * record holds the lines, and the words by which the message is found (queue id, Message-ID, addresses). Finding by
 * these reads the records of the days that are kept: an index would cost every message more than the rare search is
 * worth. */
#include "base/clock.h"
#include "proto/mime/summary.h"
#include "store/queue/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_ID_MAX = 64, LINE_MAX_LEN = 1000, TRACE_KEY_MAX = 1000, TRACE_LIMIT = 10000, IDENT_TIME_LEN = 8 };
#define DAY_MS (24 * 3600 * 1000ll)

/* Message-IDs are kept without their brackets. */
static struct str bare(struct str key) {
    return key.len >= 2 && key.ptr[0] == '<' && key.ptr[key.len - 1] == '>' ? str_sub(key, 1, key.len - 2) : key;
}

void trace_key(struct buf *keys, struct str key) {
    key = str_sub(bare(key), 0, TRACE_KEY_MAX);
    if (key.len == 0) return;
    char *p = buf_reserve(keys, key.len + 1);
    if (p == NULL) return; /* enough */
    for (size_t i = 0; i < key.len; i++) p[i] = ascii_lower(key.ptr[i]);
    p[key.len] = 0;
    buf_commit(keys, key.len + 1);
}

void trace_key_id(struct buf *keys, uint64_t id) {
    char text[24];
    int n = snprintf(text, sizeof text, "#%llu", (unsigned long long)id);
    trace_key(keys, str_of(text, (size_t)n));
}

void trace_key_entry(struct buf *keys, const Store__Entry *e) {
    struct summary s;
    trace_key_id(keys, e->id);
    trace_key(keys, str_from(e->sender));
    if (e->summary.len > 0 && summary_parse(rpc_bytes(e->summary), &s) == 0) trace_key(keys, s.message_id);
    for (size_t i = 0; i < e->n_recipients && keys->error == 0; i++)
        trace_key(keys, str_from(e->recipients[i]->address));
}

/* Value: words, each ended by a NUL; a NUL; lines, separated by LF. */
void trace_put(struct queue *q, struct batch *b, struct str trace, const struct buf *keys, char *const *lines,
               size_t count) {
    if (trace.len == 0 || trace.len > TRACE_ID_MAX || (count == 0 && keys->len == 0)) return;
    struct key k;
    key_start(&k, KEY_TRACE);
    key_text(&k, trace);
    key_u64(&k, (uint64_t)clock_wall_ms() << 16 | q->trace_serial++);
    BUF_AUTO v = BUF_INIT(2 * 1024 * 1024);
    buf_add(&v, buf_str(keys));
    buf_addc(&v, 0);
    for (size_t i = 0; i < count && v.error == 0; i++) {
        if (i > 0) buf_addc(&v, '\n');
        buf_add(&v, str_sub(str_from(lines[i]), 0, LINE_MAX_LEN));
    }
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

/* Takes the words off the value: true if one of them is `key`; `lines` gets what is behind. */
static bool value_has(struct str value, struct str key, struct str *lines) {
    bool found = false;
    struct str rest = value;
    for (struct str word; (word = str_cut(&rest, 0)).len > 0;) found |= str_eq(word, key);
    *lines = rest;
    return found;
}

int queue_trace_add(struct queue *q, const Store__TraceAdd *r, struct error *err) {
    struct str trace = str_from(r->trace);
    if (trace.len == 0 || trace.len > TRACE_ID_MAX)
        return error_set(err, ERR_INVALID, "the trace identifier is malformed");
    struct batch b;
    batch_init(&b);
    BUF_AUTO keys = BUF_INIT(TRACE_KEYS_MAX);
    for (size_t i = 0; i < r->n_keys; i++) trace_key(&keys, str_from(r->keys[i]));
    trace_put(q, &b, trace, &keys, r->lines, r->n_lines);
    int rc = batch_empty(&b) ? 0 : store_commit(q->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    return rc;
}

/* --- finding */
struct find {
    struct arena *arena;
    struct str key;
    struct str *traces;
    Store__TraceLine **lines;
    size_t count, max;
};

/* From the newest on: all traces that have the key. Records of one trace stand together. */
static bool take_trace(void *arg, struct str key, struct str value) {
    struct find *f = arg;
    struct str rest = str_sub(key, 1, key.len), trace = str_cut(&rest, 0), lines;
    if (f->count > 0 && str_eq(f->traces[f->count - 1], trace)) return true;
    if (!value_has(value, f->key, &lines)) return true;
    struct str copy = arena_str(f->arena, trace);
    if (copy.ptr == NULL) return false;
    f->traces[f->count++] = copy;
    return f->count < f->max;
}

static bool take_line(void *arg, struct str key, struct str value) {
    struct find *f = arg;
    struct str rest;
    if (key.len < 10) return true;
    (void)value_has(value, STR_EMPTY, &rest);
    while (rest.len > 0 && f->count < f->max) {
        Store__TraceLine *l = arena_alloc(f->arena, sizeof *l);
        if (l == NULL) return false;
        store__trace_line__init(l);
        l->at = (int64_t)(key_get_u64(key, key.len - 8) >> 16);
        l->trace = arena_cstr(f->arena, str_sub(key, 1, key.len - 10));
        l->text = arena_cstr(f->arena, str_cut(&rest, '\n'));
        if (l->trace == NULL || l->text == NULL) return false;
        f->lines[f->count++] = l;
    }
    return f->count < f->max;
}

static int scan_trace(struct queue *q, struct str trace, struct find *f) {
    struct key from, to;
    key_start(&from, KEY_TRACE);
    key_text(&from, trace);
    to = from;
    key_end_of_prefix(&to);
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
    return store_scan(q->st, &r, take_line, f);
}

static bool all_digits(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_isdigit(s.ptr[i])) return false;
    return s.len > 0;
}

static int find_traces(struct queue *q, struct str key, struct find *f) {
    unsigned char from = KEY_TRACE, to = KEY_TRACE + 1;
    BUF_AUTO word = BUF_INIT(TRACE_KEYS_MAX);
    if (all_digits(key)) buf_addc(&word, '#');
    trace_key(&word, key);
    f->key = str_sub(buf_str(&word), 0, word.len - 1);
    struct engine_range r = {
        .space = SPACE_META, .reverse = true, .once = true, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    return store_scan(q->st, &r, take_trace, f);
}

/* What is queued still knows its trace. */
static int find_queued(struct queue *q, struct str key, struct find *lines) {
    ARENA_AUTO arena = arena_new(ENTRY_MEMORY_MAX);
    struct place place;
    Store__Entry *e;
    uint64_t id;
    if (!all_digits(key) || str_to_u64(key, UINT64_MAX, &id) != 0) return 0;
    int rc = entry_find(q, id, &place);
    if (rc == 0) rc = entry_get(q, key_str(&place.key), arena, &e);
    if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) return 0;
    return rc != 0 ? rc : scan_trace(q, str_from(e->trace), lines);
}

int queue_trace_find(struct queue *q, struct str key, uint32_t limit, struct arena *arena, Store__TraceFound *reply,
                     struct error *err) {
    if (bare(key).len == 0 || key.len > TRACE_KEY_MAX) return error_set(err, ERR_INVALID, "nothing to look for");
    if (limit == 0 || limit > TRACE_LIMIT) limit = TRACE_LIMIT;
    struct find traces = {.arena = arena, .max = limit}, lines = {.arena = arena, .max = limit};
    traces.traces = arena_alloc(arena, limit * sizeof *traces.traces);
    lines.lines = arena_alloc(arena, limit * sizeof *lines.lines);
    if (traces.traces == NULL || lines.lines == NULL) return ERR_NOMEM;
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    if (rc == 0 && key.len <= TRACE_ID_MAX) rc = scan_trace(q, key, &lines); /* it may be a trace identifier itself */
    if (rc == 0 && lines.count == 0) rc = find_queued(q, key, &lines);
    if (all_digits(key)) traces.max = 1; /* an id is never given twice */
    if (rc == 0 && lines.count == 0) rc = find_traces(q, key, &traces);
    for (size_t i = traces.count; i > 0 && rc == 0 && lines.count < lines.max; i--) /* the oldest first */
        rc = scan_trace(q, traces.traces[i - 1], &lines);
    if (rc != 0) return error_set(err, rc, "%s", err_name(rc));
    reply->lines = lines.lines;
    reply->n_lines = lines.count;
    return 0;
}

/* The first 8 characters of an identifier are its time in base 36. */
static void ident_time(int64_t ms, char out[IDENT_TIME_LEN]) {
    for (int i = IDENT_TIME_LEN - 1; i >= 0; i--, ms /= 36) out[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[ms % 36];
}

void trace_prune(struct queue *q) {
    int64_t today = clock_wall_ms() / DAY_MS, last = today - (int64_t)q->trace_days;
    if (q->trace_pruned_day == today) return;
    q->trace_pruned_day = today;
    struct batch b;
    struct key from, to;
    char before[IDENT_TIME_LEN];
    batch_init(&b);
    ident_time(last * DAY_MS, before);
    key_start(&from, KEY_TRACE);
    key_start(&to, KEY_TRACE);
    key_bytes(&to, str_of(before, sizeof before));
    batch_delete_range(&b, SPACE_META, key_str(&from), key_str(&to));
    commit_submit(q->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
}
