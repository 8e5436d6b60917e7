/* FOLDER_REBUILD (REBLD-01 to REBLD-07): looks through the messages of one folder in slices, online; derives summaries
 * and sizes anew from the bodies, takes out what cannot be read, and counts. Nobody else waits, and what a crash leaves
 * is done by the next run. */
#include "proto/mime/summary.h"
#include "store/mailbox/private.h"
#include "store/service/gather.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLICE = 200, PIECE = 1024 * 1024, HEAD_LEN = 32, TOLD_MAX = 200 };
static const char recovered_name[] = "Recovered";

enum found { FOUND_GOOD, FOUND_NEW, FOUND_SALVAGE, FOUND_LOST };

struct item {
    enum found found;
    uint64_t size; /* of the body */
    struct buf summary;
};

struct rebuild {
    struct service *s;
    struct rpc_request *r;
    struct account *a;
    struct folder *f;
    struct gather g;
    struct item *items;
    Store__FolderRebuilt reply;
    int rc;
};

__attribute__((format(printf, 2, 3))) static void tell(struct rebuild *x, const char *fmt, ...) {
    char text[320];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (x->reply.told == NULL) x->reply.told = arena_alloc(x->r->arena, TOLD_MAX * sizeof(char *));
    char *copy = x->reply.n_told < TOLD_MAX ? arena_cstr(x->r->arena, str_from(text)) : NULL;
    if (copy != NULL && x->reply.told != NULL) x->reply.told[x->reply.n_told++] = copy;
}

/* --- looking, on a worker */
static int read_body(struct engine *e, uint64_t id, uint64_t size, struct buf *summary) {
    struct summary_builder *sb = summary_builder_new();
    BUF_AUTO piece = BUF_INIT(PIECE);
    int rc = sb == NULL ? ERR_NOMEM : 0;
    for (uint64_t at = 0; rc == 0 && at < size; at += piece.len) {
        buf_clear(&piece);
        rc = blob_read_now(e, id, size, at, size - at < PIECE ? size - at : PIECE, READ_ANY, &piece);
        if (rc == 0) summary_builder_feed(sb, buf_str(&piece));
    }
    if (rc == 0) rc = summary_builder_finish(sb, summary);
    summary_builder_free(sb);
    return rc;
}

static void look_at(struct rebuild *x, size_t i) {
    struct gathered *m = &x->g.list[i];
    struct item *it = &x->items[i];
    it->summary = BUF_INIT(SUMMARY_MAX);
    it->found = FOUND_LOST;
    if (m->blob == NULL) return;
    it->size = m->blob->size;
    int rc = read_body(x->s->st->engine, m->blob->id, m->blob->size, &it->summary);
    if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) return;
    if (rc != 0) {
        x->rc = rc;
        return;
    }
    if (m->stored.blob == 0)
        it->found = FOUND_SALVAGE;
    else if (m->stored.size != m->stored.prefix.len + it->size || !str_eq(m->stored.summary, buf_str(&it->summary)))
        it->found = FOUND_NEW;
    else
        it->found = FOUND_GOOD;
}

static void look_work(void *arg) {
    struct rebuild *x = arg;
    for (size_t i = 0; i < x->g.count && x->rc == 0; i++) look_at(x, i);
}

/* A record that cannot be decoded may still name its body. */
static int salvage(struct rebuild *x) {
    int rc = 0;
    for (size_t i = 0; i < x->g.count && rc == 0; i++) {
        struct gathered *m = &x->g.list[i];
        if (m->blob != NULL || m->value_len < HEAD_LEN || m->stored.blob != 0) continue;
        struct str head = str_of(x->g.values.ptr + m->value, HEAD_LEN);
        rc = blob_pin(x->s->bs, key_get_u64(head, 24), &m->blob);
        if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) rc = 0;
    }
    return rc;
}

/* --- putting right: no waits */
static void put_record(struct rebuild *x, struct batch *b, size_t i, const struct message *msg) {
    const struct gathered *m = &x->g.list[i];
    struct key k;
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    wire_u64(&v, (uint64_t)m->stored.internal_date);
    wire_u64(&v, (uint64_t)m->stored.save_date);
    wire_u64(&v, m->stored.prefix.len + x->items[i].size);
    wire_u64(&v, m->stored.blob);
    wire_bytes(&v, m->stored.prefix);
    message_key(&k, KEY_MESSAGE, x->f->id, msg->uid);
    batch_put2(b, SPACE_META, key_str(&k), buf_str(&v), buf_str(&x->items[i].summary));
    x->reply.summaries++;
}

static struct folder *recovered(struct rebuild *x, struct batch *b) {
    struct folder *f = account_folder(x->a, str_from(recovered_name));
    if (f == NULL && x->a->folder_count < FOLDERS_MAX) f = account_add_folder(x->a, b, str_from(recovered_name), "");
    return f == NULL || f->no_select ? x->f : f;
}

static void move_salvaged(struct rebuild *x, struct batch *b, size_t i, uint64_t flags) {
    const struct gathered *m = &x->g.list[i];
    struct folder *to = recovered(x, b);
    struct str head = str_of(x->g.values.ptr + m->value, HEAD_LEN);
    struct message_new n = {.flags = flags & MAILBOX_SYSTEM_FLAGS,
                            .internal_date = (int64_t)key_get_u64(head, 0),
                            .blob = m->blob->id,
                            .body_size = m->blob->size,
                            .prefix = STR_EMPTY,
                            .summary = buf_str(&x->items[i].summary)};
    uint32_t uid = folder_append(to, b, &n);
    to->seq = commit_last(x->s->st->commits) + 1;
    x->reply.recovered++;
    tell(x, "UID %u: its record is damaged; the message is UID %u of \"%.200s\" now", m->uid, uid, to->name);
}

static void drop(struct rebuild *x, struct batch *b, size_t i) {
    struct gathered *m = &x->g.list[i];
    if (m->blob != NULL && m->blob->refs > 0) blob_add_refs(x->s->bs, b, m->blob, -1);
    x->reply.lost++;
    tell(x, "UID %u: its %s; it was taken out", m->uid,
         m->value_len == 0 ? "record is missing" : "body cannot be read");
}

static void put_right(struct rebuild *x, struct batch *b) {
    size_t *index = malloc((x->g.count + 1) * sizeof *index), n = 0;
    uint64_t size = 0;
    IEMS_ASSERT(index != NULL);
    for (size_t i = 0; i < x->g.count; i++) {
        const struct gathered *m = &x->g.list[i];
        size_t at = folder_find(x->f, m->uid);
        if (x->items[i].found == FOUND_GOOD || at == x->f->count || x->f->list[at].uid != m->uid) continue;
        struct message msg = x->f->list[at];
        if (x->items[i].found == FOUND_NEW) {
            put_record(x, b, i, &msg);
            continue;
        }
        if (x->items[i].found == FOUND_SALVAGE)
            move_salvaged(x, b, i, msg.flags);
        else
            drop(x, b, i);
        /* What is appended stands behind all of these: the indexes stay right. */
        index[n++] = at;
        size += m->stored.size;
    }
    if (n > 0) folder_list_remove(x->f, b, index, n, size, folder_next_modseq(x->f));
    free(index);
}

static int commit(struct rebuild *x, struct batch *b) {
    if (batch_empty(b)) return 0;
    struct folder *to = account_folder(x->a, str_from(recovered_name));
    x->f->seq = commit_last(x->s->st->commits) + 1;
    int rc = store_commit(x->s->st, b, COMMIT_DURABLE, NULL);
    if (!x->f->gone) folder_changed(x->f, x->f->seq);
    if (to != NULL && to != x->f && to->seq == x->f->seq) folder_changed(to, to->seq);
    return rc;
}

/* --- records without flags */
struct stray {
    struct rebuild *x;
    uint32_t uids[SLICE];
    size_t count;
};

static bool stray_one(void *arg, struct str key, struct str value) {
    struct stray *t = arg;
    struct message_stored m;
    const struct folder *f = t->x->f; /* nobody changes the list meanwhile that is not looked at again */
    struct key k;
    if (key.len != 13 || message_decode(value, &m) != 0) return true;
    uint32_t uid = key_get_u32(key, 9);
    message_key(&k, KEY_FLAGS, f->id, uid);
    BUF_AUTO v = BUF_INIT(64);
    if (engine_get(t->x->s->st->engine, SPACE_META, key_str(&k), READ_ANY, &v) == ERR_NOTFOUND)
        t->uids[t->count++] = uid;
    return t->count < SLICE;
}

static void adopt(struct rebuild *x, struct batch *b, const struct gathered *m) {
    size_t at = folder_find(x->f, m->uid);
    if (m->blob == NULL || (at < x->f->count && x->f->list[at].uid == m->uid)) return;
    struct message_new n = {.internal_date = m->stored.internal_date,
                            .blob = m->stored.blob,
                            .body_size = m->stored.size - m->stored.prefix.len,
                            .prefix = m->stored.prefix,
                            .summary = m->stored.summary};
    if (list_empty(&x->f->watchers)) {
        folder_insert(x->f, b, m->uid, &n);
    } else {
        struct key k;
        message_key(&k, KEY_MESSAGE, x->f->id, m->uid);
        batch_delete(b, SPACE_META, key_str(&k));
        (void)folder_append(x->f, b, &n);
    }
    x->reply.flags++;
    tell(x, "UID %u: its flags were missing; it is unseen now", m->uid);
}

static int adopt_strays(struct rebuild *x) {
    struct stray *t = calloc(1, sizeof *t);
    struct key from = key_of_id(KEY_MESSAGE, x->f->id), to = from;
    struct gather g = {0};
    struct batch b;
    IEMS_ASSERT(t != NULL);
    key_end_of_prefix(&to);
    t->x = x;
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    int rc = folder_wait_transfers(x->f);
    if (rc == 0) rc = store_wait_applied(x->s->st, x->f->seq);
    if (rc == 0) rc = store_scan(x->s->st, &r, stray_one, t);
    batch_init(&b);
    if (rc == 0 && t->count > 0) {
        rc = gather_take(&g, x->s, x->f->id, t->uids, t->count);
        for (size_t i = 0; rc == 0 && i < g.count && !x->f->gone; i++) adopt(x, &b, &g.list[i]);
        if (rc == 0) gather_done(&g);
    }
    if (rc == 0) rc = commit(x, &b);
    batch_done(&b);
    free(t);
    return rc;
}

static int count_anew(struct rebuild *x) {
    struct folder *f = x->f;
    struct batch b;
    uint64_t messages = f->messages, size = f->size, unseen = f->unseen, deleted = f->deleted;
    batch_init(&b);
    int rc = folder_recount(f, &b);
    x->reply.counters = messages != f->messages || size != f->size || unseen != f->unseen || deleted != f->deleted;
    account_recount(x->a);
    if (rc == 0 && !x->reply.counters) batch_done(&b);
    if (rc == 0) rc = commit(x, &b);
    batch_done(&b);
    return rc;
}

/* --- one slice */
static int slice(struct rebuild *x, uint32_t after) {
    uint32_t uids[SLICE];
    size_t n = 0, at = folder_find(x->f, after + 1);
    struct batch b;
    for (; at < x->f->count && n < SLICE; at++) uids[n++] = x->f->list[at].uid;
    x->reply.more = at < x->f->count;
    if (n == 0) return 0;
    x->items = calloc(n, sizeof *x->items);
    IEMS_ASSERT(x->items != NULL);
    int rc = folder_wait_records(x->f, uids[n - 1]);
    if (rc == 0) rc = gather_take(&x->g, x->s, x->f->id, uids, n);
    if (rc != 0) {
        free(x->items);
        return rc;
    }
    x->reply.messages = (uint32_t)x->g.count;
    x->reply.more = x->reply.more || x->g.count < n;
    x->reply.last_uid = x->g.count > 0 ? x->g.list[x->g.count - 1].uid : after;
    rc = salvage(x);
    if (rc == 0) rc = store_work(look_work, x);
    if (rc == 0) rc = x->rc;
    if (rc == 0) rc = folder_wait_sources(x->f); /* no wait from here */
    batch_init(&b);
    if (rc == 0 && !x->f->gone && !x->a->deleted) put_right(x, &b);
    for (size_t i = 0; i < x->g.count; i++) buf_done(&x->items[i].summary);
    gather_done(&x->g);
    free(x->items);
    if (rc == 0) rc = commit(x, &b);
    batch_done(&b);
    return rc;
}

static int name_folders(struct rebuild *x) {
    x->reply.folders = arena_alloc(x->r->arena, (x->a->folder_count + 1) * sizeof(char *));
    if (x->reply.folders == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < x->a->folder_count; i++) {
        char *name = arena_cstr(x->r->arena, str_from(x->a->folders[i]->name));
        if (name == NULL) return ERR_NOMEM;
        if (!x->a->folders[i]->no_select) x->reply.folders[x->reply.n_folders++] = name;
    }
    return 0;
}

/* Web folders have no slices: what is put right are records, not contents. */
static int rebuild_files(struct rebuild *x) {
    struct files_repaired told = {0};
    int rc = files_repair(x->s->files, x->a->id, &told);
    if (rc != 0 || (told.removed == 0 && told.recovered == 0 && !told.counted)) return rc;
    tell(x, "web folders counted anew, %llu damaged entries removed, %llu folders without a name are at the top",
         (unsigned long long)told.removed, (unsigned long long)told.recovered);
    x->reply.counters = true;
    return 0;
}

static int rebuild_folder(struct rebuild *x, const Store__FolderRebuild *req, struct error *err) {
    x->f = account_folder(x->a, str_from(req->name));
    if (x->f == NULL) return error_set(err, ERR_NOTFOUND, "there is no folder \"%.200s\"", req->name);
    int rc = folder_load(x->f);
    if (rc != 0) return rc;
    rc = slice(x, req->after_uid);
    if (rc == 0 && !x->reply.more) rc = adopt_strays(x);
    if (rc == 0 && !x->reply.more) rc = count_anew(x);
    folder_unload(x->f);
    return rc;
}

HANDLER(on_folder_rebuild) {
    const Store__FolderRebuild *req = (const Store__FolderRebuild *)r->msg;
    struct rebuild x = {.s = arg, .r = r, .reply = STORE__FOLDER_REBUILT__INIT};
    int rc = account_pin(x.s->m, req->account, STR_EMPTY, false, &x.a);
    if (rc != 0) return error_set(err, rc, "this account has no mailbox");
    rc = req->name[0] == 0 ? rebuild_files(&x) : rebuild_folder(&x, req, err);
    if (rc == 0 && req->name[0] == 0) rc = name_folders(&x);
    account_unpin(x.a);
    if (rc == 0) rpc_answer(r, &x.reply.base, STR_EMPTY);
    if (rc != 0 && err->text[0] == 0) error_fill(err, rc, "the folder cannot be rebuilt: %s", err_name(rc));
    return rc;
}
