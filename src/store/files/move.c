/* MOVE: one record goes, one comes, however large the folder is. Only a folder that goes further down is looked
 * through, since what it holds must not get too deep. */
#include "store/files/private.h"

static int check_depth(struct files_account *a, const struct file_walk *from, size_t old_depth, size_t new_depth,
                       struct error *err) {
    struct file_measure m;
    if (!from->info.entry.folder || new_depth <= old_depth) return 0;
    int rc = file_measure(a, from->info.entry.id, FILE_ENTRIES_MAX, &m);
    if (rc != 0) return error_set(err, rc, "the folder cannot be read: %s", err_name(rc));
    return new_depth + m.levels <= FILE_DEPTH_MAX
               ? 0
               : error_set(err, ERR_LIMIT, "a path may have at most %d levels", FILE_DEPTH_MAX);
}

static int find_both(struct files_account *a, const struct file_path *from, const struct file_path *to,
                     struct file_walk *w, struct file_walk *target, struct error *err) {
    if (from->depth == 0) return error_set(err, ERR_INVALID, "the top folder stays where it is");
    int rc = file_walk(a, from, 0, w, err);
    if (rc == 0 && !w->found) rc = file_missing(from, w->at + 1, err);
    if (rc == 0) rc = file_walk_parent(a, to, w->info.entry.folder ? w->info.entry.id : 0, target, err);
    return rc;
}

static bool same_place(const struct file_walk *w, const struct file_path *from, const struct file_walk *target,
                       const struct file_path *to) {
    return to->depth > 0 && w->parent == target->parent && str_eq(from->part[from->depth - 1], to->part[to->depth - 1]);
}

int files_move(struct files_account *a, const struct file_path *from, const struct file_path *to, bool replace,
               struct error *err) {
    struct file_walk w, target;
    struct blob *old = NULL;
    int rc = files_turn(a, err);
    if (rc != 0) return rc;
    rc = find_both(a, from, to, &w, &target, err);
    bool same = rc == 0 && same_place(&w, from, &target, to);
    if (rc == 0 && !same) rc = file_may_replace(&target, to, replace && !w.info.entry.folder, err);
    if (rc == 0 && !same) rc = check_depth(a, &w, from->depth, to->depth, err);
    if (rc == 0 && !same && target.found) rc = file_pin_body(a, target.info.entry.id, &old);
    if (rc == 0 && a->gone) rc = error_set(err, ERR_NOTFOUND, "this mailbox was deleted");
    if (rc == 0 && !same) {
        struct batch b;
        batch_init(&b);
        file_delete_entry(&b, a, w.parent, from->part[from->depth - 1]);
        file_put_entry(&b, a, target.parent, to->part[to->depth - 1], &w.info.entry);
        if (target.found) files_count(a, &b, -1, 0, -(int64_t)target.info.entry.size);
        if (old != NULL && old->refs > 0) blob_add_refs(a->files->bs, &b, old, -1);
        files_submit(a, &b, COMMIT_DURABLE);
        batch_done(&b);
    }
    uint64_t seq = a->seq;
    blob_unpin(a->files->bs, old);
    files_turn_end(a);
    return rc != 0 ? rc : store_wait_durable(a->files->st, seq);
}
