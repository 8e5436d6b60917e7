/* Folders that were deleted lose their messages in the background, in slices; a marker in the store lets a restart go
 * on. Its value says where the messages were, if they may be brought back; empty = they go for good. */
#include "base/clock.h"
#include "store/mailbox/expunged.h"
#include "store/service/private.h"

#include <stdlib.h>

enum { SLICE = 200, SLICE_BYTES = 8 * 1024 * 1024 };

struct purge {
    struct list link;
    struct service *s;
    uint64_t folder;
};

void purge_folder(struct service *s, struct batch *b, struct folder *f, bool keep) {
    struct key k = key_of_id(KEY_PURGE, f->id), counters = key_of_id(KEY_COUNTERS, f->account->id);
    BUF_AUTO origin = BUF_INIT(EXPUNGED_HEAD_MAX);
    if (s->undelete.keep_ms > 0 && keep) {
        wire_u64(&origin, f->account->id);
        expunged_origin(f, &origin);
    }
    folds_flush(s, b, f); /* flags are read by the purge */
    batch_put(b, SPACE_META, key_str(&k), buf_str(&origin));
    metadata_delete(b, f->account, f);
    key_u64(&counters, f->id);
    batch_delete(b, SPACE_META, key_str(&counters));
    account_count(f->account, -(int64_t)f->size, -(int64_t)f->messages);
}

struct slice {
    struct engine *e;
    uint64_t folder, account; /* account: who may have them back; 0 = nobody */
    uint64_t at;
    struct str origin;
    struct {
        uint32_t uid;
        uint64_t blob, flags;
        size_t value, value_len;
    } m[SLICE];
    size_t count;
    struct buf values;
};

static void take_flags(void *arg, struct str value) {
    if (value.len == 16) *(uint64_t *)arg = key_get_u64(value, 0);
}

/* On a worker. */
static void keep_value(struct slice *sl, size_t i, struct str value) {
    struct key k;
    message_key(&k, KEY_FLAGS, sl->folder, sl->m[i].uid);
    (void)!engine_visit(sl->e, SPACE_META, key_str(&k), READ_ANY, take_flags, &sl->m[i].flags);
    sl->m[i].value = sl->values.len;
    sl->m[i].value_len = value.len;
    buf_add(&sl->values, value);
}

static bool slice_one(void *arg, struct str key, struct str value) {
    struct slice *sl = arg;
    struct message_stored st;
    if (key.len != 13) return true;
    bool good = message_decode(value, &st) == 0;
    sl->m[sl->count].uid = key_get_u32(key, 9);
    sl->m[sl->count].blob = good ? st.blob : 0;
    sl->m[sl->count].flags = 0;
    if (sl->account != 0 && good) keep_value(sl, sl->count, value);
    sl->count++;
    return sl->count < SLICE && sl->values.len < SLICE_BYTES;
}

/* Counts change in memory as soon as they are put into the batch: nothing may wait between the two. So all counts are
 * brought into memory first. */
static int slice_drop(struct service *s, uint64_t folder, struct slice *sl) {
    struct batch b;
    struct key k;
    struct blob *held[SLICE];
    int rc = 0;
    for (size_t i = 0; i < sl->count; i++) {
        held[i] = NULL;
        if (rc == 0 && sl->m[i].blob != 0) rc = blob_pin(s->bs, sl->m[i].blob, &held[i]);
        if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) rc = 0;
    }
    batch_init(&b);
    for (size_t i = 0; i < sl->count && rc == 0; i++) {
        if (held[i] != NULL && held[i]->refs > 0 && sl->account != 0)
            expunged_put(&b, sl->account, sl->at, folder, sl->m[i].uid, sl->m[i].flags, sl->origin,
                         str_of(sl->values.ptr + sl->m[i].value, sl->m[i].value_len), held[i]);
        else if (held[i] != NULL && held[i]->refs > 0)
            blob_add_refs(s->bs, &b, held[i], -1);
        message_key(&k, KEY_MESSAGE, folder, sl->m[i].uid);
        batch_delete(&b, SPACE_META, key_str(&k));
    }
    for (size_t i = 0; i < sl->count; i++) blob_unpin(s->bs, held[i]);
    if (rc == 0) rc = store_commit(s->st, &b, COMMIT_RELAXED, NULL);
    batch_done(&b);
    return rc;
}

/* Reads the marker: who may have the messages back, and what is to be remembered of the folder. */
static int purge_marker(struct service *s, uint64_t folder, struct buf *marker, struct slice *sl) {
    struct key k = key_of_id(KEY_PURGE, folder);
    int rc = store_get(s->st, SPACE_META, key_str(&k), marker);
    struct wire w = wire_of(buf_str(marker));
    uint64_t account = wire_get_u64(&w);
    *sl = (struct slice){.e = s->st->engine, .folder = folder, .at = (uint64_t)clock_wall_ms()};
    sl->values = BUF_INIT(SLICE_BYTES + STORE_VALUE_MAX);
    if (rc == 0 && !w.bad) {
        sl->account = account;
        sl->origin = w.rest;
    }
    return rc;
}

static int purge_messages(struct service *s, uint64_t folder) {
    struct slice *sl = malloc(sizeof *sl);
    struct key from = key_of_id(KEY_MESSAGE, folder), to = from;
    key_end_of_prefix(&to);
    IEMS_ASSERT(sl != NULL);
    BUF_AUTO marker = BUF_INIT(EXPUNGED_HEAD_MAX);
    int rc = purge_marker(s, folder, &marker, sl);
    if (rc != 0) {
        free(sl);
        return rc;
    }
    do {
        sl->count = 0;
        buf_clear(&sl->values);
        struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
        rc = store_scan(s->st, &r, slice_one, sl);
        if (rc == 0 && sl->count > 0) rc = slice_drop(s, folder, sl);
    } while (rc == 0 && sl->count > 0 && !s->closing);
    if (rc == 0 && sl->count > 0) rc = ERR_CANCELLED;
    buf_done(&sl->values);
    free(sl);
    return rc;
}

static void purge_end(struct service *s, uint64_t folder) {
    static const enum key_kind kinds[] = {KEY_MESSAGE, KEY_FLAGS, KEY_PAGE, KEY_VANISHED};
    struct batch b;
    batch_init(&b);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct key from = key_of_id(kinds[i], folder), to = from;
        key_end_of_prefix(&to);
        batch_delete_range(&b, SPACE_META, key_str(&from), key_str(&to));
    }
    struct key k = key_of_id(KEY_PURGE, folder);
    batch_delete(&b, SPACE_META, key_str(&k));
    commit_submit(s->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
}

static void purge_fiber(void *arg) {
    struct purge *p = arg;
    struct service *s = p->s;
    if (store_wait_applied(s->st, commit_last(s->st->commits)) == 0 && purge_messages(s, p->folder) == 0)
        purge_end(s, p->folder);
    list_remove(&p->link);
    free(p);
    s->requests--;
}

void purge_run(struct service *s, uint64_t folder) {
    struct purge *p = calloc(1, sizeof *p);
    IEMS_ASSERT(p != NULL);
    p->s = s;
    p->folder = folder;
    list_push_back(&s->purges, &p->link);
    s->requests++;
    if (fiber_spawn("purge", purge_fiber, p, NULL) == 0) return;
    list_remove(&p->link); /* the next start goes on */
    free(p);
    s->requests--;
}

struct left_over {
    uint64_t *folders;
    size_t count, cap;
};

static bool left_over(void *arg, struct str key, struct str value) {
    struct left_over *l = arg;
    (void)value;
    if (key.len != 9) return true;
    if (l->count == l->cap) {
        l->cap = l->cap * 2 + 16;
        l->folders = realloc(l->folders, l->cap * sizeof *l->folders);
        IEMS_ASSERT(l->folders != NULL);
    }
    l->folders[l->count++] = key_get_u64(key, 1);
    return true;
}

int purge_start(struct service *s, struct error *err) {
    struct left_over l = {0};
    unsigned char from = KEY_PURGE, to = KEY_PURGE + 1;
    struct engine_range r = {.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    int rc = store_scan(s->st, &r, left_over, &l);
    for (size_t i = 0; i < l.count && rc == 0; i++) purge_run(s, l.folders[i]);
    free(l.folders);
    return rc == 0 ? 0 : error_set(err, rc, "deleted folders cannot be read: %s", err_name(rc));
}
