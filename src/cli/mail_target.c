#include "cli/mail_target.h"

#include "net/loop.h"
#include "proto/mime/summary.h"

#include <stdlib.h>
#include <string.h>

enum {
    CALL_MS = 5 * 60 * 1000,
    BATCH_MESSAGES = 200,
    BATCH_BYTES = 1024 * 1024, /* bodies and summaries that travel in one call */
    BATCH_MEMORY = 16 * 1024 * 1024,
};

struct present {
    int64_t date;
    uint64_t size;
    uint32_t uid;
    bool used;
};

struct mail_target {
    struct mail_target_config cfg;
    uint64_t folder;
    uint32_t uidvalidity, uidnext;
    struct present *list; /* by date and size */
    size_t count, cap;
    /* what waits */
    struct arena *arena;
    struct buf bodies;
    Store__AppendItem *items[BATCH_MESSAGES];
    struct mail_item told[BATCH_MESSAGES]; /* what of them is for `done` */
    size_t waiting, weight;
};

static int call(struct mail_target *t, uint16_t method, const ProtobufCMessage *req, struct str attach,
                struct rpc_reply *reply, struct error *err) {
    return rpc_call(t->cfg.session->store, method, req, attach, loop_now_ms() + CALL_MS, reply, err);
}

/* --- what is there */
static int by_date(const void *a, const void *b) {
    const struct present *x = a, *y = b;
    if (x->date != y->date) return x->date < y->date ? -1 : 1;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static int add_present(void *arg, const struct mail_message *m, struct error *err) {
    struct mail_target *t = arg;
    (void)err;
    if (t->count == t->cap) {
        t->cap = t->cap * 2 + 256;
        t->list = realloc(t->list, t->cap * sizeof *t->list);
        IEMS_ASSERT(t->list != NULL);
    }
    t->list[t->count++] = (struct present){.date = m->date, .size = (uint64_t)m->size, .uid = m->uid};
    return 0;
}

static int take_folder(struct mail_target *t, const Store__Folder *f, struct error *err) {
    t->folder = f->id;
    t->uidvalidity = f->uidvalidity;
    t->uidnext = f->uidnext;
    int rc = mail_each(t->cfg.session, f->id, MAIL_SIZES, add_present, t, err);
    if (t->count > 0) qsort(t->list, t->count, sizeof *t->list, by_date);
    return rc;
}

static int create(struct mail_target *t, struct error *err) {
    Store__FolderCreate req = STORE__FOLDER_CREATE__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = t->cfg.session->number;
    req.name = (char *)(uintptr_t)t->cfg.name;
    req.special_use = (char *)(uintptr_t)t->cfg.special_use;
    int rc = call(t, STORE_FOLDER_CREATE, &req.base, STR_EMPTY, &reply, err);
    if (rc == ERR_UNSUPPORTED && t->cfg.special_use[0] != '\0') { /* another folder has this use here */
        t->cfg.special_use = "";
        return create(t, err);
    }
    if (rc != 0) return error_prefix(err, "%.100s", t->cfg.name);
    rc = take_folder(t, (const Store__Folder *)reply.msg, err);
    return rc == 0 && t->cfg.subscribe ? mail_subscribe(t->cfg.session, t->cfg.name, true, err) : rc;
}

/* One that is there. */
static int take_existing(struct mail_target *t, const Store__Folder *f, struct error *err) {
    int rc = take_folder(t, f, err);
    bool is_new =
        t->cfg.adopt && !t->cfg.dry_run && f->uidnext == 1 && !str_eq_nocase(str_from(t->cfg.name), STR("INBOX"));
    return rc == 0 && is_new && f->subscribed != t->cfg.subscribe
               ? mail_subscribe(t->cfg.session, t->cfg.name, t->cfg.subscribe, err)
               : rc;
}

int mail_target_open(const struct mail_target_config *cfg, struct mail_target **out, struct error *err) {
    struct mail_target *t = calloc(1, sizeof *t);
    RPC_REPLY_AUTO reply = {0};
    IEMS_ASSERT(t != NULL);
    t->cfg = *cfg;
    if (t->cfg.special_use == NULL) t->cfg.special_use = "";
    t->arena = arena_new(BATCH_MEMORY);
    t->bodies = BUF_INIT(RPC_FRAME_MAX);
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    req.session = cfg->session->number;
    req.name = (char *)(uintptr_t)cfg->name;
    int rc = t->arena == NULL ? ERR_NOMEM : call(t, STORE_FOLDER_STATUS, &req.base, STR_EMPTY, &reply, err);
    if (rc == 0 && !((const Store__Folder *)reply.msg)->no_select)
        rc = take_existing(t, (const Store__Folder *)reply.msg, err);
    else if ((rc == 0 || rc == ERR_NOTFOUND) && cfg->dry_run)
        rc = 0;
    else if (rc == 0 || rc == ERR_NOTFOUND)
        rc = create(t, err);
    if (rc != 0) {
        mail_target_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void mail_target_free(struct mail_target *t) {
    if (t == NULL) return;
    arena_free(t->arena);
    buf_done(&t->bodies);
    free(t->list);
    free(t);
}

static int same_bytes(struct mail_target *t, uint32_t uid, struct str body, bool *same, struct error *err) {
    BUF_AUTO there = BUF_INIT(MAIL_BODY_MAX);
    int rc = mail_read(t->cfg.session, t->folder, uid, &there, err);
    if (rc == ERR_NOTFOUND) return 0;
    *same = rc == 0 && str_eq(buf_str(&there), body);
    return rc;
}

/* Each message that is there stands for one of the source. */
static int is_present(struct mail_target *t, const struct mail_item *item, bool *present, uint32_t *uid,
                      struct error *err) {
    struct present want = {.date = item->date, .size = item->body.len};
    size_t lo = 0, hi = t->count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (by_date(&t->list[mid], &want) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    int rc = 0;
    *present = false;
    for (; rc == 0 && !*present && lo < t->count; lo++) {
        struct present *p = &t->list[lo];
        if (p->date != want.date || p->size != want.size) break;
        if (p->used) continue;
        rc = same_bytes(t, p->uid, item->body, present, err);
        if (*present) *uid = p->uid;
        if (*present) p->used = true;
    }
    return rc;
}

/* --- batches */
static int upload(struct mail_target *t, struct str body, uint64_t *out, struct error *err) {
    Store__UploadNew req = STORE__UPLOAD_NEW__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.size_hint = body.len;
    int rc = call(t, STORE_UPLOAD_NEW, &req.base, STR_EMPTY, &reply, err);
    if (rc != 0) return rc;
    Store__UploadAppend more = STORE__UPLOAD_APPEND__INIT;
    more.upload = *out = ((const Store__UploadHandle *)reply.msg)->upload;
    for (size_t at = 0; rc == 0 && at < body.len; at += RPC_CHUNK_MAX)
        rc = call(t, STORE_UPLOAD_APPEND, &more.base, str_sub(body, at, RPC_CHUNK_MAX), NULL, err);
    return rc;
}

static int summarize(struct mail_target *t, struct str body, ProtobufCBinaryData *out) {
    struct summary_builder *sb = summary_builder_new();
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    if (sb == NULL) return ERR_NOMEM;
    summary_builder_feed(sb, body);
    int rc = summary_builder_finish(sb, &summary);
    summary_builder_free(sb);
    struct str copy = arena_str(t->arena, buf_str(&summary));
    *out = rpc_binary(copy);
    return rc != 0 ? rc : copy.ptr == NULL && summary.len > 0 ? ERR_NOMEM : 0;
}

static int fill(struct mail_target *t, const struct mail_item *item, Store__AppendItem *a, struct error *err) {
    store__append_item__init(a);
    a->flags = item->flags;
    a->internal_date = item->date;
    a->uid = t->cfg.keep_new && item->uid < t->uidnext ? 0 : item->uid;
    a->size = item->body.len;
    a->keywords = arena_alloc(t->arena, (item->keyword_count + 1) * sizeof(char *));
    if (a->keywords == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < item->keyword_count; i++) {
        a->keywords[i] = arena_cstr(t->arena, str_from(item->keywords[i]));
        if (a->keywords[i] == NULL) return ERR_NOMEM;
    }
    a->n_keywords = item->keyword_count;
    int rc = 0;
    if (item->summary.len > 0)
        a->summary = rpc_binary(arena_str(t->arena, item->summary));
    else
        rc = summarize(t, item->body, &a->summary);
    if (item->summary.len > 0 && a->summary.data == NULL) rc = ERR_NOMEM;
    if (rc == 0 && item->body.len > RPC_INLINE_MAX) return upload(t, item->body, &a->upload, err);
    if (rc == 0) buf_add(&t->bodies, item->body);
    return rc;
}

/* `uids`: where UIDs were wished for; else they follow the first. */
static void tell_done(struct mail_target *t, const Store__MessageAppended *m) {
    t->cfg.counts->kept_uid += m->kept_uid;
    t->cfg.counts->added += t->waiting;
    for (size_t i = 0; i < t->waiting; i++) {
        uint32_t uid = m->n_uids == t->waiting ? m->uids[i] : m->uid + (uint32_t)i;
        if (uid >= t->uidnext) t->uidnext = uid + 1;
        if (t->cfg.done != NULL) t->cfg.done(t->cfg.arg, &t->told[i], uid);
    }
}

int mail_target_flush(struct mail_target *t, struct error *err) {
    if (t->waiting == 0) return 0;
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    const Store__AppendItem *first = t->items[0];
    req.session = t->cfg.session->number;
    req.folder = (char *)(uintptr_t)t->cfg.name;
    req.flags = first->flags;
    req.keywords = first->keywords;
    req.n_keywords = first->n_keywords;
    req.internal_date = first->internal_date;
    req.upload = first->upload;
    req.summary = first->summary;
    req.size = first->size;
    req.uid = first->uid;
    req.keep_uidvalidity = t->cfg.keep_new ? t->uidvalidity : t->cfg.keep_uidvalidity;
    req.more = t->items + 1;
    req.n_more = t->waiting - 1;
    int rc = call(t, STORE_MESSAGE_APPEND, &req.base, buf_str(&t->bodies), &reply, err);
    if (rc != 0) return error_prefix(err, "%.100s", t->cfg.name);
    tell_done(t, (const Store__MessageAppended *)reply.msg);
    t->waiting = t->weight = 0;
    buf_clear(&t->bodies);
    arena_reset(t->arena);
    return 0;
}

int mail_target_put(struct mail_target *t, const struct mail_item *item, struct error *err) {
    bool present = false;
    uint32_t uid = 0;
    int rc = t->folder != 0 ? is_present(t, item, &present, &uid, err) : 0;
    if (rc == 0 && present && !t->cfg.dry_run) rc = mail_target_flush(t, err); /* what is told stays in order */
    if (rc != 0) return rc;
    if (present || t->cfg.dry_run) {
        *(present ? &t->cfg.counts->present : &t->cfg.counts->added) += 1;
        if (present && t->cfg.done != NULL && !t->cfg.dry_run) t->cfg.done(t->cfg.arg, item, uid);
        return 0;
    }
    size_t weight = item->body.len > RPC_INLINE_MAX ? 0 : item->body.len;
    if (t->waiting == BATCH_MESSAGES || t->weight + weight > BATCH_BYTES) rc = mail_target_flush(t, err);
    Store__AppendItem *a = arena_alloc(t->arena, sizeof *a);
    if (rc == 0 && a == NULL) rc = ERR_NOMEM;
    if (rc == 0) rc = fill(t, item, a, err);
    if (rc != 0) return rc;
    t->told[t->waiting] = (struct mail_item){.flags = item->flags, .uid = item->uid, .key = item->key};
    t->items[t->waiting++] = a;
    t->weight += weight + a->summary.len;
    t->cfg.counts->bytes += item->body.len;
    return 0;
}

uint32_t mail_target_uidvalidity(const struct mail_target *t) {
    return t->uidvalidity;
}

uint64_t mail_target_folder(const struct mail_target *t) {
    return t->folder;
}
