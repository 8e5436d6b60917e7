/* COPY: bodies are shared. A folder's copy is made below a number that nobody sees, on a marker that lets it go again,
 * in slices; the last commit gives it its name. The turn is kept all the time. */
#include "store/files/private.h"

#include <stdlib.h>

struct pair {
    uint64_t from, to;
};

struct copying {
    struct files_account *a;
    struct pair *todo;
    size_t count, cap;
    uint64_t root;     /* of the copy */
    uint64_t reserved; /* bytes that are still to come */
};

static void todo_add(struct copying *c, uint64_t from, uint64_t to) {
    if (c->count == c->cap) {
        c->cap = c->cap * 2 + 64;
        c->todo = realloc(c->todo, c->cap * sizeof *c->todo);
        IEMS_ASSERT(c->todo != NULL);
    }
    c->todo[c->count++] = (struct pair){from, to};
}

static void reserve(struct copying *c, uint64_t bytes) {
    c->a->reserved += bytes - c->reserved;
    c->a->domain->reserved += bytes - c->reserved;
    c->reserved = bytes;
}

/* Without a wait. */
static int slice_put(struct copying *c, const struct file_slice *s, uint64_t to) {
    struct files_account *a = c->a;
    struct batch b;
    int64_t files = 0, folders = 0, bytes = 0;
    if (a->gone) return ERR_NOTFOUND;
    for (size_t i = 0; i < s->count; i++) {
        bool lost = !s->list[i].damaged && !s->list[i].info.entry.folder &&
                    (s->list[i].blob == NULL || s->list[i].blob->refs == 0);
        if (s->list[i].damaged || lost) return ERR_CORRUPT;
    }
    batch_init(&b);
    for (size_t i = 0; i < s->count; i++) {
        struct file_entry e = s->list[i].info.entry;
        if (e.folder) {
            uint64_t from = e.id;
            e.id = store_new_id(a->files->st);
            todo_add(c, from, e.id);
            folders++;
        } else {
            blob_add_refs(a->files->bs, &b, s->list[i].blob, 1);
            files++;
            bytes += (int64_t)e.size;
        }
        file_put_entry(&b, a, to, str_of(s->list[i].name, s->list[i].name_len), &e);
    }
    reserve(c, (uint64_t)bytes < c->reserved ? c->reserved - (uint64_t)bytes : 0);
    files_count(a, &b, files, folders, bytes);
    files_submit(a, &b, COMMIT_RELAXED);
    batch_done(&b);
    return 0;
}

static int copy_folder(struct copying *c, struct pair p) {
    BUF_AUTO after = BUF_INIT(FILE_NAME_MAX);
    for (size_t n = FILE_SLICE; n == FILE_SLICE;) {
        struct file_slice s;
        int rc = file_slice(c->a, p.from, buf_str(&after), &s);
        if (rc != 0) return rc;
        n = s.count;
        if (n > 0) rc = slice_put(c, &s, p.to);
        buf_clear(&after);
        if (n > 0) buf_add(&after, str_of(s.list[n - 1].name, s.list[n - 1].name_len));
        file_slice_done(&s);
        if (rc == 0 && c->a->files->stopping) rc = ERR_AGAIN;
        if (rc != 0) return rc;
    }
    return 0;
}

static void marker(struct copying *c, struct batch *b, bool on) {
    struct key k;
    file_purge_key(&k, c->a->id, c->root);
    if (on)
        batch_put(b, SPACE_META, key_str(&k), STR_EMPTY);
    else
        batch_delete(b, SPACE_META, key_str(&k));
}

/* All below the folder; then it hangs on its marker. */
static int copy_tree(struct copying *c, uint64_t from) {
    struct batch b;
    batch_init(&b);
    c->root = store_new_id(c->a->files->st);
    marker(c, &b, true);
    files_submit(c->a, &b, COMMIT_RELAXED);
    batch_done(&b);
    todo_add(c, from, c->root);
    int rc = 0;
    while (rc == 0 && c->count > 0) {
        struct pair next = c->todo[--c->count];
        rc = copy_folder(c, next);
    }
    return rc;
}

static int copy_check(struct files_account *a, const struct files_limits *l, const struct file_walk *w,
                      const struct file_walk *target, size_t depth, struct file_usage *out, struct error *err) {
    struct file_measure m = {.levels = 0};
    const struct file_entry *e = &w->info.entry;
    int rc = e->folder ? file_measure(a, e->id, FILE_COPY_MAX, &m) : 0;
    if (rc == ERR_LIMIT) return error_set(err, rc, "more than %d files and folders: copy them in parts", FILE_COPY_MAX);
    if (rc != 0) return error_set(err, rc, "the folder cannot be read: %s", err_name(rc));
    if (depth + m.levels > FILE_DEPTH_MAX)
        return error_set(err, ERR_LIMIT, "a path may have at most %d levels", FILE_DEPTH_MAX);
    m.usage.files += !e->folder;
    m.usage.folders += e->folder;
    m.usage.bytes += e->folder ? 0 : e->size;
    *out = m.usage;
    int64_t gone = target->found ? (int64_t)target->info.entry.size : 0;
    return files_room(a, l, (int64_t)m.usage.bytes - gone, (int64_t)(m.usage.files + m.usage.folders), err);
}

/* The last step: the copy gets its name. Without a wait. */
static int attach(struct copying *c, const struct file_walk *w, const struct file_walk *target, struct str name,
                  struct blob *body, struct blob *old) {
    struct files_account *a = c->a;
    struct file_entry e = w->info.entry;
    struct batch b;
    if (a->gone) return ERR_NOTFOUND;
    if (!e.folder && (body == NULL || body->refs == 0)) return ERR_CORRUPT;
    batch_init(&b);
    if (e.folder) {
        e.id = c->root;
        marker(c, &b, false);
    } else {
        blob_add_refs(a->files->bs, &b, body, 1);
        if (old != NULL && old->refs > 0) blob_add_refs(a->files->bs, &b, old, -1);
    }
    file_put_entry(&b, a, target->parent, name, &e);
    files_count(a, &b, !e.folder && !target->found, e.folder,
                e.folder ? 0 : (int64_t)e.size - (target->found ? (int64_t)target->info.entry.size : 0));
    files_submit(a, &b, COMMIT_DURABLE);
    batch_done(&b);
    return 0;
}

static int copy_now(struct files_account *a, const struct file_walk *w, const struct file_walk *target, struct str name,
                    uint64_t bytes, struct error *err) {
    struct copying c = {.a = a};
    struct blob *body = NULL, *old = NULL;
    bool folder = w->info.entry.folder;
    int rc = 0;
    if (folder) {
        reserve(&c, bytes);
        rc = copy_tree(&c, w->info.entry.id);
        reserve(&c, 0);
    } else {
        rc = file_pin_body(a, w->info.entry.id, &body);
        if (rc == 0 && target->found) rc = file_pin_body(a, target->info.entry.id, &old);
    }
    if (rc == 0) rc = attach(&c, w, target, name, body, old);
    if (rc != 0 && c.root != 0) files_purge(a, c.root);
    free(c.todo);
    blob_unpin(a->files->bs, body);
    blob_unpin(a->files->bs, old);
    return rc == 0 ? 0 : error_set(err, rc, "it cannot be copied: %s", err_name(rc));
}

int files_copy(struct files_account *a, const struct files_limits *l, const struct file_path *from,
               const struct file_path *to, bool replace, struct file_usage *out, struct error *err) {
    struct file_walk w, target;
    struct file_usage u = {0};
    if (from->depth == 0) return error_set(err, ERR_INVALID, "the top folder cannot be copied as a whole");
    int rc = files_turn(a, err);
    if (rc != 0) return rc;
    rc = file_walk(a, from, 0, &w, err);
    if (rc == 0 && !w.found) rc = file_missing(from, w.at + 1, err);
    if (rc == 0) rc = file_walk_parent(a, to, w.info.entry.folder ? w.info.entry.id : 0, &target, err);
    if (rc == 0) rc = file_may_replace(&target, to, replace && !w.info.entry.folder, err);
    bool same = rc == 0 && target.found && target.info.entry.id == w.info.entry.id; /* onto itself */
    if (rc == 0 && !same) rc = copy_check(a, l, &w, &target, to->depth, &u, err);
    if (rc == 0 && !same) rc = copy_now(a, &w, &target, to->part[to->depth - 1], u.bytes, err);
    uint64_t seq = a->seq;
    files_turn_end(a);
    if (rc == 0) rc = store_wait_durable(a->files->st, seq);
    if (rc == 0) *out = u;
    return rc;
}
