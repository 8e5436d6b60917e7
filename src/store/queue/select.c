#include "store/queue/select.h"

#include <stdlib.h>
#include <string.h>

/* --- points */
static int point_cmp(const struct point *a, const struct point *b) {
    if (a->value != b->value) return a->value < b->value ? -1 : 1;
    if (a->text != NULL && b->text != NULL) {
        int c = str_cmp(str_from(a->text), str_from(b->text));
        if (c != 0) return c;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

int point_write(const struct point *p, struct buf *out) {
    buf_printf(out, "%lld:%llu:%s", (long long)p->value, (unsigned long long)p->id, p->text != NULL ? p->text : "");
    return out->error;
}

int point_parse(struct str text, struct point *out) {
    struct str value = str_cut(&text, ':'), id = str_cut(&text, ':');
    bool negative = str_starts(value, STR("-"));
    uint64_t v, n;
    if (text.len > QUEUE_TEXT_MAX || str_to_u64(str_sub(value, negative, value.len), INT64_MAX, &v) != 0 ||
        str_to_u64(id, UINT64_MAX, &n) != 0)
        return ERR_INVALID;
    *out = (struct point){.value = negative ? -(int64_t)v : (int64_t)v, .text = str_dup(text), .id = n};
    return 0;
}

void point_done(struct point *p) {
    free(p->text);
    p->text = NULL;
}

/* Small numbers come first: the largest of sizes, the oldest of times. */
static struct point point_of(const struct selection *s, uint64_t id, const struct indexed *i) {
    struct point p = {.id = id};
    switch (s->sort) {
    case STORE__QUEUE_SORT__SORT_PRIORITY: p.value = i->priority; break;
    case STORE__QUEUE_SORT__SORT_SIZE: p.value = -(int64_t)i->size; break;
    case STORE__QUEUE_SORT__SORT_TIME: p.value = i->created; break;
    case STORE__QUEUE_SORT__SORT_SENDER: p.text = str_dup(i->sender); break;
    default: break;
    }
    return p;
}

/* --- the heap of the first ones: the last of them on top */
static int heap_cmp(struct chosen *const *h, size_t a, size_t b) {
    return point_cmp(&h[a]->at, &h[b]->at);
}

static void swap(struct chosen **h, size_t a, size_t b) {
    struct chosen *t = h[a];
    h[a] = h[b];
    h[b] = t;
}

static void heap_up(struct chosen **h, size_t i) {
    for (; i > 0 && heap_cmp(h, i, (i - 1) / 2) > 0; i = (i - 1) / 2) swap(h, i, (i - 1) / 2);
}

static void heap_down(struct chosen **h, size_t count) {
    for (size_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && heap_cmp(h, child + 1, child) > 0) child++;
        if (heap_cmp(h, child, i) <= 0) break;
        swap(h, i, child);
    }
}

static void chosen_free(struct chosen *c) {
    point_done(&c->at);
    free(c);
}

static bool is_full(const struct selection *s) {
    return s->count == s->max;
}

static void choose(struct selection *s, struct point p, struct str key) {
    if (s->max == 0 || key.len > KEY_MAX || (is_full(s) && point_cmp(&p, &s->list[0]->at) >= 0)) {
        point_done(&p);
        return;
    }
    struct chosen *c = malloc(sizeof *c + key.len);
    IEMS_ASSERT(c != NULL);
    c->at = p;
    c->key_len = key.len;
    memcpy(c->key, key.ptr, key.len);
    if (is_full(s)) {
        chosen_free(s->list[0]);
        s->list[0] = c;
        heap_down(s->list, s->count);
    } else {
        s->list[s->count++] = c;
        heap_up(s->list, s->count - 1);
    }
}

static void matched(struct selection *s, uint64_t id, const struct indexed *i, struct str key) {
    struct point p = point_of(s, id, i);
    s->total++;
    if (s->after.id != 0 && point_cmp(&p, &s->after) <= 0) {
        point_done(&p);
        return;
    }
    s->behind++;
    choose(s, p, key);
}

/* --- sources; on a worker */
static bool scan_entry(void *arg, struct str key, struct str value) {
    struct selection *s = arg;
    struct place_parts p;
    Store__Entry *e;
    if (!place_key_parse(key, &p) || !filter_may_match(s->filter, value)) return true;
    arena_reset(s->scratch);
    if (entry_decode(value, s->scratch, &e) != 0) {
        damaged_add(&s->damaged, key);
        return true;
    }
    if (!filter_matches(s->filter, e, p.state)) return true;
    struct indexed i = index_of(e, p.state);
    matched(s, p.id, &i, key);
    return true;
}

static bool scan_index(void *arg, struct str key, struct str value) {
    struct selection *s = arg;
    struct indexed i;
    struct key k;
    if (key.len != 9 || !index_parse(value, &i)) return true;
    uint64_t id = key_get_u64(key, 1);
    /* In the order of the index nothing better follows; one more tells that there is more. */
    bool ordered = s->sort == STORE__QUEUE_SORT__SORT_ID && !s->count_all;
    if (ordered && is_full(s) && s->behind > s->max && id > s->list[0]->at.id) return false;
    if (!filter_matches_index(s->filter, &i)) return true;
    place_key(&k, i.state, i.channel, i.dest, i.priority, id);
    matched(s, id, &i, key_str(&k));
    return true;
}

/* --- which source */
static int scan_kind(struct selection *s, enum key_kind kind, uint64_t from_id) {
    struct key from = key_of_id(kind, from_id), to;
    if (from_id == 0) from.len = 1;
    key_start(&to, kind);
    key_end_of_prefix(&to);
    struct engine_range r = {.space = SPACE_META, .once = true, .from = key_str(&from), .to = key_str(&to)};
    return store_scan(s->q->st, &r, kind == KEY_INDEX ? scan_index : scan_entry, s);
}

static int scan_destination(struct selection *s, struct channel *c, struct dest *d) {
    int rc = 0;
    struct key names;
    names.len = 0;
    key_text(&names, str_from(c->name));
    key_text(&names, str_from(d->name));
    for (size_t n = 0; n < ENTRY_KINDS && rc == 0; n++) {
        struct key from, to;
        key_start(&from, entry_kinds[n]);
        key_bytes(&from, key_str(&names));
        to = from;
        key_end_of_prefix(&to);
        struct engine_range r = {.space = SPACE_META, .once = true, .from = key_str(&from), .to = key_str(&to)};
        rc = store_scan(s->q->st, &r, scan_entry, s);
    }
    return rc;
}

static int scan_ids(struct selection *s) {
    const Store__QueueFilter *f = s->filter;
    int rc = 0;
    for (size_t n = 0; n < f->n_ids && rc == 0; n++) {
        struct place p;
        BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
        rc = entry_find(s->q, f->ids[n], &p);
        if (rc == 0) rc = store_get(s->q->st, SPACE_META, key_str(&p.key), &v);
        if (rc == 0) (void)scan_entry(s, key_str(&p.key), buf_str(&v));
        if (rc == ERR_NOTFOUND) rc = 0;
    }
    return rc;
}

static struct channel *channel_like(struct queue *q, struct str name) {
    struct str key;
    void *c;
    for (size_t pos = 0; map_next(q->channels, &pos, &key, &c);)
        if (str_eq_nocase(key, name)) return c;
    return NULL;
}

/* A destination of its own is read by itself; else all there is, as short as can be. */
static int scan(struct selection *s) {
    const Store__QueueFilter *f = s->filter;
    if (f != NULL && f->n_ids > 0) return scan_ids(s);
    if (f != NULL && f->channel[0] != 0 && f->destination[0] != 0 && f->destination[0] != '@') {
        struct channel *c = channel_like(s->q, str_from(f->channel));
        struct dest *d = c == NULL ? NULL : dest_find(c, str_from(f->destination));
        if (d != NULL) return scan_destination(s, c, d);
    }
    int rc = scan_kind(s, KEY_READY, 0);
    if (rc != 0) return rc;
    if (filter_needs_entry(f)) return scan_kind(s, KEY_ENTRY, 0);
    bool ordered = s->sort == STORE__QUEUE_SORT__SORT_ID && !s->count_all;
    return scan_kind(s, KEY_INDEX, ordered && s->after.id < UINT64_MAX ? s->after.id + 1 : 0);
}

static int cmp_chosen(const void *a, const void *b) {
    const struct chosen *const *x = a, *const *y = b;
    return point_cmp(&(*x)->at, &(*y)->at);
}

int selection_run(struct queue *q, struct selection *s) {
    s->q = q;
    s->list = calloc(s->max + 1, sizeof(struct chosen *));
    IEMS_ASSERT(s->list != NULL);
    s->scratch = arena_new(ENTRY_MEMORY_MAX);
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    if (rc == 0) rc = scan(s);
    arena_free(s->scratch);
    if (rc == 0 && s->count > 0) qsort(s->list, s->count, sizeof *s->list, cmp_chosen);
    return rc;
}

void selection_done(struct selection *s) {
    for (size_t i = 0; i < s->count; i++) chosen_free(s->list[i]);
    free(s->list);
    damaged_free(s->damaged);
    s->list = NULL;
    s->damaged = NULL;
    s->count = 0;
}
