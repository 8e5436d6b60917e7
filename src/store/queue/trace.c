/* The story of a message: lines under its trace identifier, found by queue id, Message-ID and addresses. Lines are one
 * small record for each commit; index keys stand under the day they were made, so that both go by range when they are
 * old. */
#include "base/clock.h"
#include "proto/mime/summary.h"
#include "store/queue/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_ID_MAX = 64, LINE_MAX_LEN = 1000, TRACE_KEY_MAX = 1000, TRACE_LIMIT = 10000, IDENT_TIME_LEN = 8 };
#define DAY_MS (24 * 3600 * 1000ll)

void trace_put(struct queue *q, struct batch *b, struct str trace, char *const *lines, size_t count) {
    if (count == 0 || trace.len == 0 || trace.len > TRACE_ID_MAX) return;
    struct key k;
    key_start(&k, KEY_TRACE);
    key_text(&k, trace);
    key_u64(&k, (uint64_t)clock_wall_ms() << 16 | q->trace_serial++);
    BUF_AUTO v = BUF_INIT(1024 * 1024);
    for (size_t i = 0; i < count && v.error == 0; i++) {
        struct str line = str_sub(str_from(lines[i]), 0, LINE_MAX_LEN);
        if (i > 0) buf_addc(&v, '\n');
        buf_add(&v, line);
    }
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

static void day_key(struct key *k, int64_t day, struct str key) {
    key_start(k, KEY_TRACE_INDEX);
    key_u32(k, (uint32_t)day);
    key = str_sub(key, 0, TRACE_KEY_MAX);
    for (size_t i = 0; i < key.len; i++) {
        char c = ascii_lower(key.ptr[i]);
        key_bytes(k, str_of(&c, 1));
    }
    key_bytes(k, str_of("", 1));
}

/* Message-IDs are kept without their brackets. */
static struct str bare(struct str key) {
    return key.len >= 2 && key.ptr[0] == '<' && key.ptr[key.len - 1] == '>' ? str_sub(key, 1, key.len - 2) : key;
}

void trace_index(struct batch *b, struct str key, struct str trace) {
    key = bare(key);
    if (key.len == 0 || trace.len == 0 || trace.len > TRACE_ID_MAX) return;
    struct key k;
    day_key(&k, clock_wall_ms() / DAY_MS, key);
    key_bytes(&k, trace);
    batch_put(b, SPACE_META, key_str(&k), STR_EMPTY);
}

void trace_index_id(struct batch *b, uint64_t id, struct str trace) {
    char text[24];
    int n = snprintf(text, sizeof text, "#%llu", (unsigned long long)id);
    trace_index(b, str_of(text, (size_t)n), trace);
}

void trace_index_entry(struct batch *b, const Store__Entry *e, bool addresses) {
    enum { RECIPIENTS_INDEXED = 1000 };
    struct str trace = str_from(e->trace);
    struct summary s;
    trace_index_id(b, e->id, trace);
    if (!addresses) return;
    trace_index(b, str_from(e->sender), trace);
    for (size_t i = 0; i < e->n_recipients && i < RECIPIENTS_INDEXED; i++)
        trace_index(b, str_from(e->recipients[i]->address), trace);
    if (e->summary.len > 0 && summary_parse(rpc_bytes(e->summary), &s) == 0) trace_index(b, s.message_id, trace);
}

int queue_trace_add(struct queue *q, const Store__TraceAdd *r, struct error *err) {
    struct str trace = str_from(r->trace);
    if (trace.len == 0 || trace.len > TRACE_ID_MAX)
        return error_set(err, ERR_INVALID, "the trace identifier is malformed");
    struct batch b;
    batch_init(&b);
    trace_put(q, &b, trace, r->lines, r->n_lines);
    for (size_t i = 0; i < r->n_keys; i++) trace_index(&b, str_from(r->keys[i]), trace);
    int rc = batch_empty(&b) ? 0 : store_commit(q->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    return rc;
}

/* --- finding */
struct find {
    struct arena *arena;
    struct str *traces;
    Store__TraceLine **lines;
    size_t count, max, skip;
    bool failed;
};

static bool take_trace(void *arg, struct str key, struct str value) {
    struct find *f = arg;
    (void)value;
    struct str trace = str_sub(key, f->skip, key.len);
    for (size_t i = 0; i < f->count; i++)
        if (str_eq(f->traces[i], trace)) return true;
    if (f->count == f->max) return false;
    f->traces[f->count] = arena_str(f->arena, trace);
    f->failed |= f->traces[f->count].ptr == NULL;
    f->count++;
    return !f->failed;
}

static bool take_line(void *arg, struct str key, struct str value) {
    struct find *f = arg;
    if (key.len < 10) return true;
    struct str rest = value;
    while (f->count < f->max) {
        Store__TraceLine *l = arena_alloc(f->arena, sizeof *l);
        if (l == NULL) break;
        store__trace_line__init(l);
        l->at = (int64_t)(key_get_u64(key, key.len - 8) >> 16);
        l->trace = arena_cstr(f->arena, str_sub(key, 1, key.len - 10));
        l->text = arena_cstr(f->arena, str_cut(&rest, '\n'));
        if (l->trace == NULL || l->text == NULL) break;
        f->lines[f->count++] = l;
        if (rest.len == 0) return true;
    }
    return false;
}

static int scan_prefix(struct queue *q, struct key *from, bool (*each)(void *, struct str, struct str),
                       struct find *f) {
    struct key to = *from;
    key_end_of_prefix(&to);
    struct engine_range r = {.space = SPACE_META, .from = key_str(from), .to = key_str(&to)};
    return store_scan(q->st, &r, each, f);
}

static int find_traces(struct queue *q, struct str key, struct find *f) {
    int64_t today = clock_wall_ms() / DAY_MS;
    struct key k;
    for (int64_t day = today; day >= today - (int64_t)q->trace_days && f->count < f->max; day--) {
        day_key(&k, day, key);
        f->skip = k.len;
        int rc = scan_prefix(q, &k, take_trace, f);
        if (rc == 0 && f->failed) rc = ERR_NOMEM;
        if (rc != 0) return rc;
    }
    return 0;
}

static int by_trace(const void *a, const void *b) {
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool all_digits(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_isdigit(s.ptr[i])) return false;
    return s.len > 0;
}

int queue_trace_find(struct queue *q, struct str key, uint32_t limit, struct arena *arena, Store__TraceFound *reply,
                     struct error *err) {
    if (key.len == 0 || key.len > TRACE_KEY_MAX) return error_set(err, ERR_INVALID, "nothing to look for");
    if (limit == 0 || limit > TRACE_LIMIT) limit = TRACE_LIMIT;
    key = bare(key);
    struct find traces = {.arena = arena, .max = limit};
    struct find lines = {.arena = arena, .max = limit};
    traces.traces = arena_alloc(arena, limit * sizeof *traces.traces);
    lines.lines = arena_alloc(arena, limit * sizeof *lines.lines);
    if (traces.traces == NULL || lines.lines == NULL) return ERR_NOMEM;
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    if (key.len <= TRACE_ID_MAX) traces.traces[traces.count++] = key; /* it may be a trace identifier itself */
    if (rc == 0 && all_digits(key)) {
        char id[TRACE_KEY_MAX + 2];
        int n = snprintf(id, sizeof id, "#%.*s", STR_ARG(key));
        rc = find_traces(q, str_of(id, (size_t)n), &traces);
    }
    if (rc == 0) rc = find_traces(q, key, &traces);
    qsort(traces.traces, traces.count, sizeof *traces.traces, by_trace);
    for (size_t i = 0; i < traces.count && rc == 0 && lines.count < lines.max; i++) {
        struct key k;
        key_start(&k, KEY_TRACE);
        key_text(&k, traces.traces[i]);
        rc = scan_prefix(q, &k, take_line, &lines);
    }
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
    key_start(&from, KEY_TRACE_INDEX);
    key_start(&to, KEY_TRACE_INDEX);
    key_u32(&to, (uint32_t)last);
    batch_delete_range(&b, SPACE_META, key_str(&from), key_str(&to));
    commit_submit(q->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
}
