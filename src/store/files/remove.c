/* REMOVE, and what follows: a folder hangs on a marker once it has no name, and loses its entries in slices; folders in
 * it get markers of their own. */
#include "store/files/private.h"

#include <stdlib.h>

static bool any_one(void *arg, struct str key, struct str value) {
    (void)key;
    (void)value;
    *(bool *)arg = true;
    return false;
}

static int is_empty(struct files_account *a, uint64_t folder, bool *out) {
    struct key from, to;
    bool any = false;
    file_key(&from, a->id, folder, STR_EMPTY);
    to = from;
    key_end_of_prefix(&to);
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
    int rc = store_scan(a->files->st, &r, any_one, &any);
    if (rc == 0) *out = !any;
    return rc;
}

static void put_marker(struct batch *b, uint64_t account, uint64_t folder) {
    struct key k;
    file_purge_key(&k, account, folder);
    batch_put(b, SPACE_META, key_str(&k), STR_EMPTY);
}

int files_remove(struct files_account *a, const struct file_path *p, bool recursive, struct error *err) {
    struct file_walk w;
    struct blob *body = NULL;
    bool empty = true;
    if (p->depth == 0) return error_set(err, ERR_INVALID, "the top folder cannot be removed");
    int rc = files_turn(a, err);
    if (rc != 0) return rc;
    rc = file_walk(a, p, 0, &w, err);
    if (rc == 0 && !w.found) rc = file_missing(p, w.at + 1, err);
    bool folder = rc == 0 && w.info.entry.folder;
    if (folder) rc = is_empty(a, w.info.entry.id, &empty);
    if (rc == 0 && !empty && !recursive) rc = error_set(err, ERR_CONFLICT, "the folder is not empty");
    if (rc == 0 && !folder) rc = file_pin_body(a, w.info.entry.id, &body);
    if (rc == 0 && a->gone) rc = error_set(err, ERR_NOTFOUND, "this mailbox was deleted");
    if (rc == 0) {
        struct batch b;
        batch_init(&b);
        file_delete_entry(&b, a, w.parent, p->part[p->depth - 1]);
        if (!empty) put_marker(&b, a->id, w.info.entry.id);
        if (body != NULL && body->refs > 0) blob_add_refs(a->files->bs, &b, body, -1);
        files_count(a, &b, !folder ? -1 : 0, folder ? -1 : 0, folder ? 0 : -(int64_t)w.info.entry.size);
        files_submit(a, &b, COMMIT_DURABLE);
        batch_done(&b);
        if (!empty) files_purge(a, w.info.entry.id);
    }
    uint64_t seq = a->seq;
    blob_unpin(a->files->bs, body);
    files_turn_end(a);
    return rc != 0 ? rc : store_wait_durable(a->files->st, seq);
}

/* --- in the background */
/* Without a wait. */
static void slice_drop(struct files_account *a, const struct file_slice *s, uint64_t folder) {
    struct batch b;
    int64_t files = 0, folders = 0, bytes = 0;
    batch_init(&b);
    for (size_t i = 0; i < s->count; i++) {
        const struct file_entry *e = &s->list[i].info.entry;
        file_delete_entry(&b, a, folder, str_of(s->list[i].name, s->list[i].name_len));
        if (s->list[i].damaged) continue;
        if (e->folder) {
            put_marker(&b, a->id, e->id);
            files_purge(a, e->id);
            folders++;
            continue;
        }
        if (s->list[i].blob != NULL && s->list[i].blob->refs > 0) blob_add_refs(a->files->bs, &b, s->list[i].blob, -1);
        files++;
        bytes += (int64_t)e->size;
    }
    if (s->count < FILE_SLICE) {
        struct key k;
        file_purge_key(&k, a->id, folder);
        batch_delete(&b, SPACE_META, key_str(&k));
    }
    files_count(a, &b, -files, -folders, -bytes);
    files_submit(a, &b, COMMIT_RELAXED);
    batch_done(&b);
}

static int purge_one(struct files_account *a, uint64_t folder) {
    for (size_t n = FILE_SLICE; n == FILE_SLICE;) {
        struct file_slice s;
        int rc = store_wait_applied(a->files->st, a->seq);
        if (rc == 0) rc = file_slice(a, folder, STR_EMPTY, &s);
        if (rc != 0) return rc;
        n = s.count;
        slice_drop(a, &s, folder);
        file_slice_done(&s);
        if (a->files->stopping && n == FILE_SLICE) return ERR_CANCELLED;
    }
    return 0;
}

/* One that fails is taken up again at the next start. */
static void purge_fiber(void *arg) {
    struct files *f = arg;
    for (struct list *it; (it = list_pop_front(&f->purges)) != NULL;) {
        struct files_purge *p = list_entry(it, struct files_purge, link);
        if (!f->stopping) (void)!purge_one(p->account, p->folder);
        p->account->purging--;
        cond_broadcast(&p->account->purged);
        files_unpin(p->account);
        free(p);
    }
    f->purger = false;
}

void files_purge(struct files_account *a, uint64_t folder) {
    struct files *f = a->files;
    struct files_purge *p = calloc(1, sizeof *p);
    IEMS_ASSERT(p != NULL);
    *p = (struct files_purge){.account = a, .folder = folder};
    a->pins++;
    a->purging++;
    list_push_back(&f->purges, &p->link);
    if (f->purger) return;
    f->purger = fiber_spawn("files-purge", purge_fiber, f, NULL) == 0; /* else with the next one */
}

void files_delete_all(struct files *f, struct batch *b, uint64_t account) {
    struct files_account *a = map_get(f->accounts, map_u64_key(&account));
    if (a == NULL) return; /* it has none */
    a->gone = true;
    if (a->usage.files > 0 || a->usage.folders > 0) put_marker(b, account, FILE_ROOT);
    a->seq = commit_last(f->st->commits) + 1;
}

void files_purge_all(struct files *f, uint64_t account) {
    struct files_account *a = map_get(f->accounts, map_u64_key(&account));
    if (a != NULL && (a->usage.files > 0 || a->usage.folders > 0)) files_purge(a, FILE_ROOT);
}
