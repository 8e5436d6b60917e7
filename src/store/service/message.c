/* MESSAGE_LIST and MESSAGE_READ. Flags come from memory; stored records and bodies are read on a worker, page by page.
 */
#include "proto/mime/summary.h"
#include "store/service/private.h"

#include <stdlib.h>

enum {
    PAGE_MESSAGES = 4096, /* most messages looked at for one page that reads the engine */
    PAGE_BODIES = 512,    /* the same when bodies or headers are read */
    PAGE_MAX = 3 * 1024 * 1024,
    SPARSE = 8, /* a scan is worth it when at least one of so many UIDs is wanted */
    FLAG_RECORD = 20,
};

/* --- selection */
static int cmp_run(const void *x, const void *y) {
    const struct uid_run *a = x, *b = y;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Runs in order, each turned the right way. */
static struct uid_run *sorted_runs(Store__UidRun *const *runs, size_t count, struct arena *arena) {
    struct uid_run *sorted = arena_alloc(arena, (count + 1) * sizeof *sorted);
    if (sorted == NULL) return NULL;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (struct uid_run){runs[i]->first, runs[i]->last};
        if (sorted[i].first > sorted[i].last) sorted[i] = (struct uid_run){runs[i]->last, runs[i]->first};
    }
    if (count > 1) qsort(sorted, count, sizeof *sorted, cmp_run);
    return sorted;
}

int select_messages(struct folder *f, Store__UidRun *const *runs, size_t run_count, uint32_t after_uid, size_t max,
                    struct arena *arena, struct message_selection *out) {
    const struct uid_run all = {1, UINT32_MAX}, *sorted = &all;
    size_t next = after_uid == 0 ? 0 : after_uid == UINT32_MAX ? f->count : folder_find(f, after_uid + 1), n = 0;
    if (run_count > 0)
        sorted = sorted_runs(runs, run_count, arena);
    else
        run_count = 1;
    if (max > f->count - next) max = f->count - next;
    IEMS_ASSERT(max <= UINT32_MAX); /* a folder has no more UIDs */
    out->index = malloc((max + 1) * sizeof *out->index);
    if (sorted == NULL || out->index == NULL) {
        free(out->index);
        out->index = NULL;
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < run_count && n < max; i++) {
        size_t at = folder_find(f, sorted[i].first);
        if (at < next) at = next;
        for (; at < f->count && f->list[at].uid <= sorted[i].last && n < max; at++) out->index[n++] = at;
        next = at;
    }
    out->count = n;
    return 0;
}

/* --- the page that is being made */
struct page {
    struct engine *e;
    uint64_t folder;
    unsigned fields;
    size_t max_bytes;
    const struct message *list; /* wanted, in UID order */
    size_t count, next;
    struct buf out;
    struct buf body, thin;
    uint32_t made, last_uid;
    bool full;
    int rc;
};

static uint64_t header_len(struct str summary, uint64_t body_size) {
    struct summary s;
    if (summary_parse(summary, &s) != 0) return body_size;
    return s.header_len < body_size ? s.header_len : body_size;
}

/* Prefix and header go into page->body. */
static int page_header(struct page *p, const struct message_stored *m, struct message_record *rec) {
    uint64_t len = header_len(m->summary, m->size - m->prefix.len);
    rec->header_too_large = m->prefix.len + len > RPC_INLINE_MAX;
    if (rec->header_too_large) return 0;
    buf_clear(&p->body);
    buf_add(&p->body, m->prefix);
    int rc = blob_read_now(p->e, m->blob, m->size - m->prefix.len, 0, len, READ_ANY, &p->body);
    rec->header = buf_str(&p->body);
    return rc != 0 ? rc : p->body.error;
}

/* Prefix and body, to where they belong. */
static int page_body(struct page *p, const struct message_stored *m) {
    uint64_t size = m->size - m->prefix.len;
    buf_add(&p->out, m->prefix);
    return p->fields & FIELD_PACKED ? blob_read_stored(p->e, m->blob, size, &p->out)
                                    : blob_read_now(p->e, m->blob, size, 0, size, READ_ANY, &p->out);
}

/* FNV-1a: tells prefixes apart, and is the same for ever. */
static uint64_t hash_of(struct str s) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    return h;
}

/* Without a good summary the whole of it goes out as it is: the reader sees that it is damaged. */
static struct str thin_of(struct page *p, struct str summary) {
    struct summary s;
    buf_clear(&p->thin);
    if (summary_parse(summary, &s) != 0) return summary;
    summary_thin(&s, &p->thin);
    return buf_str(&p->thin);
}

static int page_record(struct page *p, const struct message_stored *m, const struct message_record *rec) {
    size_t begun = message_record_begin(&p->out, p->fields, rec);
    int rc = p->fields & FIELD_BODY && !rec->body_too_large ? page_body(p, m) : 0;
    if (rc == 0) message_record_end(&p->out, p->fields, rec, begun);
    return rc;
}

static void page_message(struct page *p, const struct message *m, struct str value) {
    struct message_stored st;
    struct message_record rec = {.uid = m->uid, .flags = m->flags, .modseq = m->modseq};
    if (message_decode(value, &st) != 0) return; /* damaged: the check reports it; the others are listed */
    rec.internal_date = st.internal_date;
    rec.save_date = st.save_date;
    rec.size = st.size;
    rec.blob = st.blob;
    rec.prefix_len = (uint32_t)st.prefix.len;
    rec.summary = p->fields & FIELD_ENVELOPE ? thin_of(p, st.summary) : st.summary;
    if (p->fields & FIELD_ID) rec.prefix_hash = hash_of(st.prefix);
    rec.body_too_large = st.size > RPC_INLINE_MAX;
    size_t before = p->out.len;
    if (before > 0 && (p->fields & (FIELD_BODY | FIELD_PACKED)) == FIELD_BODY && !rec.body_too_large &&
        before + st.size > p->max_bytes) { /* not read for nothing */
        p->full = true;
        return;
    }
    int rc = p->fields & FIELD_HEADER ? page_header(p, &st, &rec) : 0;
    if (rc == 0) rc = page_record(p, &st, &rec);
    if (rc != 0 && p->out.error == 0) { /* gone while we read, or damaged */
        buf_truncate(&p->out, before);
        return;
    }
    if (p->out.error != 0 || (p->out.len > p->max_bytes && before > 0)) {
        buf_truncate(&p->out, before);
        p->out.error = 0;
        p->full = true;
        return;
    }
    p->made++;
    p->last_uid = m->uid;
    if (p->out.len >= p->max_bytes) p->full = true;
}

struct page_take {
    struct page *p;
    const struct message *m;
};

static void page_take(void *arg, struct str value) {
    struct page_take *t = arg;
    page_message(t->p, t->m, value);
}

static void page_by_get(struct page *p) {
    for (; p->next < p->count && !p->full; p->next++) {
        struct key k;
        struct page_take t = {p, &p->list[p->next]};
        message_key(&k, KEY_MESSAGE, p->folder, t.m->uid);
        int rc = engine_visit(p->e, SPACE_META, key_str(&k), READ_ANY, page_take, &t);
        if (rc != 0 && rc != ERR_NOTFOUND && rc != ERR_CORRUPT) p->rc = rc;
        if (p->rc != 0) return;
        if (p->full && p->last_uid != t.m->uid) return; /* it did not fit any more */
    }
}

static void page_by_scan(struct page *p) {
    struct key from, to;
    message_key(&from, KEY_MESSAGE, p->folder, p->list[0].uid);
    message_key(&to, KEY_MESSAGE, p->folder, p->list[p->count - 1].uid);
    key_bytes(&to, str_of("", 1)); /* behind the last */
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    struct engine_iter *it;
    struct str k, v;
    p->rc = engine_iter_open(p->e, &r, &it);
    if (p->rc != 0) return;
    while (p->next < p->count && !p->full && engine_iter_next(p->e, it, &k, &v)) {
        uint32_t uid = key_get_u32(k, 9);
        while (p->next < p->count && p->list[p->next].uid < uid) p->next++;
        if (p->next == p->count || p->list[p->next].uid != uid) continue;
        page_message(p, &p->list[p->next], v);
        if (p->full && p->last_uid != uid) break;
        p->next++;
    }
    int rc = engine_iter_close(p->e, it);
    if (p->rc == 0) p->rc = rc;
    if (!p->full) p->next = p->count; /* what the scan did not find is gone */
}

static void page_work(void *arg) {
    struct page *p = arg;
    uint32_t span = p->list[p->count - 1].uid - p->list[0].uid + 1;
    if (span / SPARSE <= p->count && p->count > 1)
        page_by_scan(p);
    else
        page_by_get(p);
}

/* --- list */
static size_t page_bytes(uint64_t wanted) {
    return wanted == 0 ? RPC_PAGE_BYTES : wanted > PAGE_MAX ? PAGE_MAX : (size_t)wanted;
}

/* The wanted messages behind after_uid, at most `max`; more tells that there are others. */
static struct message *wanted(struct folder *f, const Store__MessageList *req, struct arena *arena, size_t max,
                              size_t *count, bool *more, int *rc) {
    struct message_selection sel = {0};
    size_t look = req->changed_since == 0 ? max + 1 : SIZE_MAX;
    *count = 0;
    *more = false;
    *rc = select_messages(f, req->uids, req->n_uids, req->after_uid, look, arena, &sel);
    if (*rc != 0) return NULL;
    size_t cap = sel.count < max ? sel.count : max;
    struct message *list = malloc((cap + 1) * sizeof *list);
    IEMS_ASSERT(list != NULL);
    for (size_t i = 0; i < sel.count; i++) {
        const struct message *m = &f->list[sel.index[i]];
        if (m->modseq <= req->changed_since) continue;
        if (*count == max) {
            *more = true;
            break;
        }
        list[(*count)++] = *m;
    }
    free(sel.index);
    return list;
}

static void put_flags_only(struct page *p) {
    for (size_t i = 0; i < p->count; i++) {
        struct message_record rec = {.uid = p->list[i].uid, .flags = p->list[i].flags, .modseq = p->list[i].modseq};
        message_record_put(&p->out, 0, &rec);
    }
    p->made = (uint32_t)p->count;
    if (p->count > 0) p->last_uid = p->list[p->count - 1].uid;
}

static int list_page(struct service *s, struct rpc_request *r, const Store__MessageList *req, struct folder *f) {
    unsigned all =
        FIELD_DATES | FIELD_SIZE | FIELD_SUMMARY | FIELD_BODY | FIELD_HEADER | FIELD_ENVELOPE | FIELD_ID | FIELD_PACKED;
    struct page p = {.e = s->st->engine,
                     .folder = f->id,
                     .fields = req->fields & all,
                     .max_bytes = page_bytes(req->max_bytes),
                     .out = BUF_INIT(RPC_FRAME_MAX - 4096),
                     .body = BUF_INIT(RPC_FRAME_MAX),
                     .thin = BUF_INIT(SUMMARY_MAX)};
    if (p.fields & FIELD_SUMMARY) p.fields &= ~(unsigned)FIELD_ENVELOPE;
    uint64_t seq = f->seq;
    bool more;
    int rc;
    size_t max = p.fields == 0                            ? p.max_bytes / FLAG_RECORD + 1
                 : p.fields & (FIELD_BODY | FIELD_HEADER) ? PAGE_BODIES
                                                          : PAGE_MESSAGES;
    struct message *list = wanted(f, req, r->arena, max, &p.count, &more, &rc);
    p.list = list;
    if (rc == 0 && p.fields != 0 && p.count > 0) rc = folder_wait_records(f, list[p.count - 1].uid);
    folder_unload(f);
    if (rc == 0) rc = store_wait_durable(s->st, seq);
    if (rc == 0 && p.fields == 0)
        put_flags_only(&p);
    else if (rc == 0 && p.count > 0)
        rc = store_work(page_work, &p);
    if (rc == 0) rc = p.rc;
    if (rc == 0) {
        Store__MessageListed reply = STORE__MESSAGE_LISTED__INIT;
        reply.count = p.made;
        reply.more = more || (p.fields != 0 && p.next < p.count);
        /* A page of messages that are all gone still moves on. */
        reply.last_uid = p.made > 0 && reply.more && p.next < p.count ? p.last_uid
                         : p.count > 0                                ? p.list[p.count - 1].uid
                                                                      : 0;
        s->read_bytes += p.out.len;
        rpc_answer(r, &reply.base, buf_str(&p.out));
    }
    free(list);
    buf_done(&p.out);
    buf_done(&p.body);
    buf_done(&p.thin);
    return rc;
}

HANDLER(on_message_list) {
    const Store__MessageList *req = (const Store__MessageList *)r->msg;
    struct session *session;
    struct folder *f;
    if ((req->fields & FIELD_PACKED) &&
        (req->fields & (FIELD_SIZE | FIELD_BODY | FIELD_HEADER)) != (FIELD_SIZE | FIELD_BODY))
        return error_set(err, ERR_INVALID, "packed bodies go with the size, and without the header");
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = session_folder(session, req->folder, RIGHT_READ, &f, err);
    if (rc == 0) rc = folder_load(f);
    if (rc == 0) rc = list_page(arg, r, req, f);
    session_unpin(session);
    return rc;
}

/* --- read */
static int read_message(struct service *s, const Store__MessageRead *req, uint64_t folder, struct buf *out,
                        uint64_t *total) {
    struct key k;
    struct message_stored m;
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    message_key(&k, KEY_MESSAGE, folder, req->uid);
    int rc = store_get(s->st, SPACE_META, key_str(&k), &v);
    if (rc == 0) rc = message_decode(buf_str(&v), &m);
    if (rc != 0) return rc;
    *total = m.size;
    uint64_t offset = req->offset < m.size ? req->offset : m.size, len = req->length;
    if (len == 0 || len > m.size - offset) len = m.size - offset;
    if (len > RPC_CHUNK_MAX) len = RPC_CHUNK_MAX;
    struct str head = str_sub(m.prefix, offset < m.prefix.len ? (size_t)offset : m.prefix.len, (size_t)len);
    buf_add(out, head);
    uint64_t from = offset + head.len - m.prefix.len;
    return head.len == len ? out->error : blob_read(s->st, m.blob, m.size - m.prefix.len, from, len - head.len, out);
}

HANDLER(on_message_read) {
    const Store__MessageRead *req = (const Store__MessageRead *)r->msg;
    struct service *s = arg;
    struct session *session;
    struct folder *f;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = session_folder(session, req->folder, RIGHT_READ, &f, err);
    if (rc == 0) {
        f->pins++;
        rc = folder_wait_records(f, req->uid);
        if (rc == 0) rc = store_wait_durable(s->st, f->seq);
        folder_unload(f);
    }
    Store__MessageReadReply reply = STORE__MESSAGE_READ_REPLY__INIT;
    BUF_AUTO out = BUF_INIT(RPC_CHUNK_MAX + MESSAGE_PREFIX_MAX);
    if (rc == 0) rc = read_message(s, req, req->folder, &out, &reply.total);
    session_unpin(session);
    if (rc == ERR_NOTFOUND && err->text[0] == 0) error_set(err, rc, "there is no message with UID %u", req->uid);
    if (rc != 0) return rc;
    s->read_bytes += out.len;
    rpc_answer(r, &reply.base, buf_str(&out));
    return 0;
}
