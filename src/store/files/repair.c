/* Puts the tree of an account right: entries that cannot be read, or whose body is gone, go; folders that nothing names
 * come to the top; what is counted is what is there. */
#include "store/files/private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct repairing {
    struct files_account *a;
    struct map *folders; /* numbers that an entry or a marker names */
    uint64_t *parents;   /* of everything that is there */
    size_t count, cap;
    struct batch b;
    struct file_usage usage;
    struct files_repaired told;
    int rc;
};

static void folder_add(struct repairing *r, uint64_t id) {
    IEMS_ASSERT(map_put(r->folders, map_u64_key(&id), r, NULL) == 0);
}

static void parent_add(struct repairing *r, uint64_t parent) {
    if (r->count > 0 && r->parents[r->count - 1] == parent) return;
    if (r->count == r->cap) {
        r->cap = r->cap * 2 + 64;
        r->parents = realloc(r->parents, r->cap * sizeof *r->parents);
        IEMS_ASSERT(r->parents != NULL);
    }
    r->parents[r->count++] = parent;
}

static void ignore(void *arg, struct str value) {
    (void)arg;
    (void)value;
}

static bool has_body(struct repairing *r, uint64_t id) {
    struct key k = key_of_id(KEY_BLOB, id);
    return engine_visit(r->a->files->st->engine, SPACE_META, key_str(&k), READ_ANY, ignore, NULL) != ERR_NOTFOUND;
}

static void look_at(struct repairing *r, struct str key, struct str value) {
    struct file_entry e;
    uint64_t account, parent;
    struct str name;
    bool good = file_key_parse(key, &account, &parent, &name) == 0 && file_entry_decode(value, &e) == 0;
    if (!good || (!e.folder && !has_body(r, e.id))) {
        batch_delete(&r->b, SPACE_META, key);
        r->told.removed++;
        return;
    }
    r->usage.files += !e.folder;
    r->usage.folders += e.folder;
    r->usage.bytes += e.folder ? 0 : e.size;
    if (e.folder) folder_add(r, e.id);
    parent_add(r, parent);
}

static int each_of(struct repairing *r, enum key_kind kind,
                   void (*each)(struct repairing *r, struct str k, struct str v)) {
    struct key from = key_of_id(kind, r->a->id), to = from;
    struct engine_iter *it;
    struct str k, v;
    struct engine *e = r->a->files->st->engine;
    key_end_of_prefix(&to);
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
    int rc = engine_iter_open(e, &range, &it);
    if (rc != 0) return rc;
    while (engine_iter_next(e, it, &k, &v)) each(r, k, v);
    return engine_iter_close(e, it);
}

static void marker_at(struct repairing *r, struct str key, struct str value) {
    (void)value;
    if (key.len == FILE_KEY_HEAD) folder_add(r, key_get_u64(key, 9));
}

/* A folder under a name that says where it comes from. */
static void bring_up(struct repairing *r, uint64_t folder) {
    char name[40];
    struct file_entry e = {.folder = true, .id = folder};
    (void)snprintf(name, sizeof name, "recovered-%" PRIu64, folder);
    file_put_entry(&r->b, r->a, FILE_ROOT, str_from(name), &e);
    folder_add(r, folder);
    r->usage.folders++;
    r->told.recovered++;
}

/* On a worker. */
static void repair_work(void *arg) {
    struct repairing *r = arg;
    folder_add(r, FILE_ROOT);
    r->rc = each_of(r, KEY_FILE_PURGE, marker_at);
    if (r->rc == 0) r->rc = each_of(r, KEY_FILE, look_at);
    for (size_t i = 0; r->rc == 0 && i < r->count; i++)
        if (map_get(r->folders, map_u64_key(&r->parents[i])) == NULL) bring_up(r, r->parents[i]);
}

static int repair_now(struct repairing *r) {
    struct files_account *a = r->a;
    int rc = store_work(repair_work, r);
    if (rc == 0) rc = r->rc;
    if (rc != 0 || a->gone) return rc; /* gone: its entries are being removed, and counted as they go */
    r->told.counted = a->damaged || a->usage.files != r->usage.files || a->usage.folders != r->usage.folders ||
                      a->usage.bytes != r->usage.bytes;
    if (r->told.removed == 0 && r->told.recovered == 0 && !r->told.counted) return 0;
    files_count(a, &r->b, (int64_t)(r->usage.files - a->usage.files), (int64_t)(r->usage.folders - a->usage.folders),
                (int64_t)(r->usage.bytes - a->usage.bytes));
    a->damaged = false;
    files_submit(a, &r->b, COMMIT_DURABLE);
    return store_wait_durable(a->files->st, a->seq);
}

int files_repair(struct files *f, uint64_t account, struct files_repaired *out) {
    struct files_account *a = files_pin(f, account, STR_EMPTY);
    struct error err = {0};
    struct repairing r = {.a = a};
    int rc = files_turn(a, &err);
    if (rc != 0) {
        files_unpin(a);
        return rc == ERR_NOTFOUND ? 0 : rc;
    }
    while (rc == 0 && a->purging > 0 && !f->stopping) rc = cond_wait(&a->purged, DEADLINE_NEVER);
    if (rc == 0) rc = store_wait_applied(f->st, a->seq);
    batch_init(&r.b);
    r.folders = map_new(MAP_BYTES);
    if (rc == 0) rc = repair_now(&r);
    map_free(r.folders, NULL);
    free(r.parents);
    batch_done(&r.b);
    files_turn_end(a);
    files_unpin(a);
    if (rc == 0) *out = r.told;
    return rc;
}
