/* New files and folders. */
#include "base/clock.h"
#include "store/files/private.h"

/* The new size, less that of the file that goes. */
static int64_t growth(const struct file_walk *w, uint64_t size) {
    return (int64_t)size - (w->found ? (int64_t)w->info.entry.size : 0);
}

/* Names from `at` up to the last but one become folders; the last one's parent is told. */
static int64_t make_parents(struct files_account *a, struct batch *b, const struct file_path *p, size_t from,
                            uint64_t *parent, int64_t now) {
    int64_t made = 0;
    for (size_t i = from; i + 1 < p->depth; i++, made++) {
        struct file_entry e = {.folder = true, .id = store_new_id(a->files->st), .modified = now};
        file_put_entry(b, a, *parent, p->part[i], &e);
        *parent = e.id;
    }
    return made;
}

static size_t missing_parents(const struct file_walk *w, const struct file_path *p) {
    return w->found ? 0 : p->depth - 1 - w->at;
}

/* What forbids it, at this moment. Waits. */
static int put_check(struct files_account *a, const struct files_limits *l, const struct file_path *p,
                     const struct file_new *n, uint64_t size, struct file_walk *w, struct error *err) {
    if (n->type.len > FILE_TYPE_MAX)
        return error_set(err, ERR_LIMIT, "a content type may have at most %d bytes", FILE_TYPE_MAX);
    if (size > INT64_MAX) return error_set(err, ERR_LIMIT, "no file is as large as that");
    int rc = n->parents ? file_walk(a, p, 0, w, err) : file_walk_parent(a, p, 0, w, err);
    if (rc == 0) rc = file_may_replace(w, p, n->replace, err);
    if (rc == 0) rc = files_room(a, l, growth(w, size), w->found ? 0 : 1 + (int64_t)missing_parents(w, p), err);
    return rc;
}

/* No wait from here to the submission. */
static void put_now(struct files_account *a, const struct file_path *p, struct file_new *n, struct file_walk *w,
                    struct blob *old, struct file_entry *e) {
    struct blobs *bs = a->files->bs;
    struct batch b;
    batch_init(&b);
    int64_t now = clock_wall_ms(), folders = 0, grown = growth(w, e->size);
    if (!w->found) folders = make_parents(a, &b, p, w->at, &w->parent, now);
    if (n->upload != NULL)
        e->id = upload_finish(bs, &b, n->upload, STR_EMPTY, 1);
    else
        e->id = blob_create(bs, &b, n->body, STR_EMPTY, 1);
    n->upload = NULL;
    if (e->modified == 0) e->modified = now;
    file_put_entry(&b, a, w->parent, p->part[p->depth - 1], e);
    if (old != NULL && old->refs > 0) blob_add_refs(bs, &b, old, -1);
    files_count(a, &b, w->found ? 0 : 1, folders, grown);
    files_submit(a, &b, COMMIT_DURABLE);
    batch_done(&b);
}

int files_put(struct files_account *a, const struct files_limits *l, const struct file_path *p, struct file_new *n,
              struct file_entry *out, struct error *err) {
    struct file_walk w;
    struct blob *old = NULL;
    struct file_entry e = {.type = n->type, .modified = n->modified};
    e.size = n->check_only ? n->size : n->upload != NULL ? n->upload->size : n->body.len;
    int rc = files_turn(a, err);
    if (rc != 0) return rc;
    rc = put_check(a, l, p, n, e.size, &w, err);
    if (rc == 0 && w.found && !n->check_only) rc = file_pin_body(a, w.info.entry.id, &old);
    if (rc == 0 && a->gone) rc = error_set(err, ERR_NOTFOUND, "this mailbox was deleted");
    if (rc == 0 && !n->check_only) put_now(a, p, n, &w, old, &e);
    uint64_t seq = a->seq;
    blob_unpin(a->files->bs, old);
    files_turn_end(a);
    if (rc == 0) rc = store_wait_durable(a->files->st, seq);
    if (rc != 0) return rc;
    if (!n->check_only) files_pack(a->files, e.id);
    *out = e;
    return 0;
}

int files_mkdir(struct files_account *a, const struct file_path *p, bool parents, struct error *err) {
    static const struct files_limits none;
    struct file_walk w;
    int rc = files_turn(a, err);
    if (rc != 0) return rc;
    rc = parents ? file_walk(a, p, 0, &w, err) : file_walk_parent(a, p, 0, &w, err);
    bool there = rc == 0 && parents && w.found && w.info.entry.folder;
    if (rc == 0 && !there) rc = file_may_replace(&w, p, false, err);
    if (rc == 0 && !there) rc = files_room(a, &none, 0, 1 + (int64_t)missing_parents(&w, p), err);
    if (rc == 0 && a->gone) rc = error_set(err, ERR_NOTFOUND, "this mailbox was deleted");
    if (rc == 0 && !there) {
        struct batch b;
        batch_init(&b);
        struct file_entry e = {.folder = true, .modified = clock_wall_ms()};
        int64_t made = make_parents(a, &b, p, w.at, &w.parent, e.modified);
        e.id = store_new_id(a->files->st);
        file_put_entry(&b, a, w.parent, p->part[p->depth - 1], &e);
        files_count(a, &b, 0, made + 1, 0);
        files_submit(a, &b, COMMIT_DURABLE);
        batch_done(&b);
    }
    uint64_t seq = a->seq;
    files_turn_end(a);
    return rc != 0 ? rc : store_wait_durable(a->files->st, seq);
}
