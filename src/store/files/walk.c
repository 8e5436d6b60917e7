/* Following paths, and reading folders: what stands in the engine. */
#include "store/files/private.h"

#include <stdlib.h>
#include <string.h>

static int path_error(int code, const struct file_path *p, size_t depth, const char *what, struct error *err) {
    BUF_AUTO path = BUF_INIT(FILE_PATH_MAX);
    for (size_t i = 0; i < depth; i++) {
        if (i > 0) buf_addc(&path, '/');
        buf_add(&path, p->part[i]);
    }
    return error_set(err, code, "\"%.200s\" %s", buf_cstr(&path), what);
}

int file_missing(const struct file_path *p, size_t depth, struct error *err) {
    return path_error(ERR_NOTFOUND, p, depth, "is not there", err);
}

static void info_take(const struct file_entry *e, struct file_info *out) {
    out->entry = *e;
    if (e->type.len > 0) memcpy(out->type_text, e->type.ptr, e->type.len);
    out->type_text[e->type.len] = '\0';
    out->entry.type = str_of(out->type_text, e->type.len);
}

/* The text moves with the struct. */
static void info_copy(const struct file_info *from, struct file_info *to) {
    struct file_entry e = from->entry;
    info_take(&e, to);
}

static int look(struct files_account *a, uint64_t parent, struct str name, struct file_walk *w) {
    struct key k;
    struct file_entry e;
    BUF_AUTO v = BUF_INIT(FILE_VALUE_MAX);
    file_key(&k, a->id, parent, name);
    int rc = store_get(a->files->st, SPACE_META, key_str(&k), &v);
    w->found = rc == 0;
    if (rc == ERR_NOTFOUND) return 0;
    if (rc == 0) rc = file_entry_decode(buf_str(&v), &e);
    if (rc == 0) info_take(&e, &w->info);
    return rc;
}

int file_walk(struct files_account *a, const struct file_path *p, uint64_t avoid, struct file_walk *out,
              struct error *err) {
    *out = (struct file_walk){.parent = FILE_ROOT, .found = p->depth == 0};
    info_take(&(struct file_entry){.folder = true, .id = FILE_ROOT}, &out->info);
    for (size_t i = 0; i < p->depth; i++) {
        if (i > 0) out->parent = out->info.entry.id;
        out->at = i;
        int rc = look(a, out->parent, p->part[i], out);
        if (rc != 0) return path_error(rc, p, i + 1, "cannot be read (iems store check --repair)", err);
        if (!out->found) return 0;
        if (i + 1 == p->depth) return 0;
        if (!out->info.entry.folder) return path_error(ERR_NOTFOUND, p, i + 1, "is a file, not a folder", err);
        if (avoid != 0 && out->info.entry.id == avoid)
            return error_set(err, ERR_INVALID, "a folder cannot go into itself");
    }
    return 0;
}

int file_walk_parent(struct files_account *a, const struct file_path *p, uint64_t avoid, struct file_walk *out,
                     struct error *err) {
    int rc = file_walk(a, p, avoid, out, err);
    return rc == 0 && !out->found && out->at + 1 < p->depth ? file_missing(p, out->at + 1, err) : rc;
}

int file_may_replace(const struct file_walk *w, const struct file_path *p, bool replace, struct error *err) {
    if (p->depth == 0) return error_set(err, ERR_EXISTS, "a name is missing: this is the top folder");
    if (!w->found) return 0;
    if (w->info.entry.folder) return path_error(ERR_EXISTS, p, p->depth, "is a folder", err);
    return replace ? 0 : path_error(ERR_EXISTS, p, p->depth, "is there already", err);
}

void file_put_entry(struct batch *b, const struct files_account *a, uint64_t parent, struct str name,
                    const struct file_entry *e) {
    struct key k;
    BUF_AUTO v = BUF_INIT(FILE_VALUE_MAX);
    file_key(&k, a->id, parent, name);
    file_entry_encode(e, &v);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

void file_delete_entry(struct batch *b, const struct files_account *a, uint64_t parent, struct str name) {
    struct key k;
    file_key(&k, a->id, parent, name);
    batch_delete(b, SPACE_META, key_str(&k));
}

int files_stat(struct files_account *a, const struct file_path *p, struct file_info *out, struct error *err) {
    struct file_walk w;
    int rc = file_walk(a, p, 0, &w, err);
    if (rc == 0 && !w.found) rc = file_missing(p, w.at + 1, err);
    if (rc == 0) rc = store_wait_durable(a->files->st, a->seq);
    if (rc == 0) info_copy(&w.info, out);
    return rc;
}

int file_pin_body(struct files_account *a, uint64_t id, struct blob **out) {
    int rc = blob_pin(a->files->bs, id, out);
    if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) *out = NULL;
    return rc == ERR_NOTFOUND || rc == ERR_CORRUPT ? 0 : rc;
}

/* --- folders */
static struct engine_range folder_range(const struct files_account *a, uint64_t folder, struct str after,
                                        struct key *from, struct key *to) {
    file_key(from, a->id, folder, after);
    if (after.len > 0) key_bytes(from, str_of("", 1)); /* names hold no NUL: nothing is between */
    file_key(to, a->id, folder, STR_EMPTY);
    key_end_of_prefix(to);
    return (struct engine_range){.space = SPACE_META, .from = key_str(from), .to = key_str(to)};
}

struct listing {
    struct files_page *page;
    size_t max;
    int rc;
};

/* On a worker, which alone uses the arena meanwhile. An entry that is damaged is left out: `store check` tells of it.
 */
static bool list_one(void *arg, struct str key, struct str value) {
    struct listing *l = arg;
    struct files_page *page = l->page;
    uint64_t account, parent;
    struct str name;
    struct file_entry e;
    if (file_key_parse(key, &account, &parent, &name) != 0 || file_entry_decode(value, &e) != 0) return true;
    page->more = page->count == l->max;
    if (page->more) return false;
    name = arena_str(page->arena, name);
    e.type = arena_str(page->arena, e.type);
    if (name.ptr == NULL || e.type.ptr == NULL) {
        l->rc = ERR_NOMEM;
        return false;
    }
    page->list[page->count].name = name;
    page->list[page->count++].entry = e;
    return true;
}

int files_list(struct files_account *a, const struct file_path *p, struct str after, size_t max,
               struct files_page *page, struct error *err) {
    struct file_info info;
    struct key from, to;
    struct listing l = {.page = page, .max = max > 0 && max < FILE_LIST_MAX ? max : FILE_LIST_MAX};
    int rc = files_stat(a, p, &info, err);
    if (rc != 0) return rc;
    if (!info.entry.folder) return path_error(ERR_INVALID, p, p->depth, "is a file, not a folder", err);
    if (after.len > FILE_NAME_MAX) return error_set(err, ERR_INVALID, "there is no such name");
    page->count = 0;
    page->more = false;
    page->list = arena_alloc(page->arena, l.max * sizeof *page->list);
    if (page->list == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    struct engine_range r = folder_range(a, info.entry.id, after, &from, &to);
    rc = store_scan(a->files->st, &r, list_one, &l);
    if (rc == 0) rc = l.rc;
    if (rc == 0) rc = store_wait_durable(a->files->st, a->seq);
    return rc == 0 ? 0 : error_set(err, rc, "the folder cannot be read: %s", err_name(rc));
}

/* --- slices */
static bool slice_one(void *arg, struct str key, struct str value) {
    struct file_slice *s = arg;
    uint64_t account, parent;
    struct str name;
    struct file_entry e;
    if (file_key_parse(key, &account, &parent, &name) != 0) return true;
    memcpy(s->list[s->count].name, name.ptr, name.len);
    s->list[s->count].name_len = name.len;
    s->list[s->count].blob = NULL;
    s->list[s->count].damaged = file_entry_decode(value, &e) != 0;
    if (!s->list[s->count].damaged) info_take(&e, &s->list[s->count].info);
    return ++s->count < FILE_SLICE;
}

int file_slice(struct files_account *a, uint64_t folder, struct str after, struct file_slice *out) {
    struct key from, to;
    struct file_slice s = {.files = a->files, .list = malloc(FILE_SLICE * sizeof *s.list)};
    IEMS_ASSERT(s.list != NULL);
    struct engine_range r = folder_range(a, folder, after, &from, &to);
    int rc = store_scan(a->files->st, &r, slice_one, &s);
    for (size_t i = 0; i < s.count && rc == 0; i++) {
        if (s.list[i].damaged || s.list[i].info.entry.folder) continue;
        rc = file_pin_body(a, s.list[i].info.entry.id, &s.list[i].blob);
    }
    if (rc != 0)
        file_slice_done(&s);
    else
        *out = s;
    return rc;
}

void file_slice_done(struct file_slice *s) {
    for (size_t i = 0; i < s->count; i++) blob_unpin(s->files->bs, s->list[i].blob);
    free(s->list);
    *s = (struct file_slice){0};
}

/* --- measuring */
struct level {
    uint64_t folder;
    size_t depth;
};

struct measuring {
    struct file_measure *m;
    struct level *todo;
    size_t count, cap, depth;
};

static void todo_add(struct measuring *x, uint64_t folder, size_t depth) {
    if (x->count == x->cap) {
        x->cap = x->cap * 2 + 64;
        x->todo = realloc(x->todo, x->cap * sizeof *x->todo);
        IEMS_ASSERT(x->todo != NULL);
    }
    x->todo[x->count++] = (struct level){folder, depth};
}

static bool measure_one(struct measuring *x, struct str value) {
    struct file_measure *m = x->m;
    struct file_entry e;
    if (m->levels < x->depth) m->levels = x->depth;
    if (file_entry_decode(value, &e) != 0) return true;
    m->usage.files += !e.folder;
    m->usage.folders += e.folder;
    m->usage.bytes += e.folder ? 0 : e.size;
    if (e.folder) todo_add(x, e.id, x->depth + 1);
    if (m->usage.files + m->usage.folders > m->most || x->depth > FILE_DEPTH_MAX) m->rc = ERR_LIMIT;
    return m->rc == 0;
}

static void measure_work(void *arg) {
    struct file_measure *m = arg;
    struct engine *e = m->account->files->st->engine;
    struct measuring x = {.m = m};
    todo_add(&x, m->folder, 1);
    while (x.count > 0 && m->rc == 0) {
        struct level at = x.todo[--x.count];
        struct key from, to;
        struct engine_iter *it;
        struct str k, v;
        struct engine_range r = folder_range(m->account, at.folder, STR_EMPTY, &from, &to);
        x.depth = at.depth;
        m->rc = engine_iter_open(e, &r, &it);
        if (m->rc != 0) break;
        while (engine_iter_next(e, it, &k, &v) && measure_one(&x, v)) {
        }
        int rc = engine_iter_close(e, it);
        if (m->rc == 0) m->rc = rc;
    }
    free(x.todo);
}

int file_measure(struct files_account *a, uint64_t folder, uint64_t most, struct file_measure *out) {
    *out = (struct file_measure){.account = a, .folder = folder, .most = most};
    int rc = store_work(measure_work, out);
    return rc != 0 ? rc : out->rc;
}
