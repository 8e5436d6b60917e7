/* CHECKPOINT: a copy of the store beside it, for a backup; and ACCOUNT_LIST. RocksDB's tables never change once they
 * are written, so the copy is made of links, in a moment; what is not in tables yet is written out first. */
#include "store/service/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN = 4096, NAME_LEN = 64, LIST_MAX = 1000 };
static const char prefix[] = "checkpoint-";

/* Only files: a checkpoint has no folders in it. */
static void remove_copy(int dir, const char *name) {
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        if (fd >= 0) close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) (void)!unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    (void)!unlinkat(dir, name, AT_REMOVEDIR);
}

void checkpoints_clear(const char *data_dir) {
    DIR *d = opendir(data_dir);
    if (d == NULL) return;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (str_starts(str_from(e->d_name), str_from(prefix))) remove_copy(dirfd(d), e->d_name);
    closedir(d);
}

static int name_check(const char *name, struct error *err) {
    size_t n = strlen(name);
    bool good = n > 0 && n <= NAME_LEN;
    for (size_t i = 0; i < n; i++) good = good && (ascii_isalnum(name[i]) || name[i] == '-');
    return good ? 0 : error_set(err, ERR_INVALID, "the name of a copy is letters, digits and \"-\"");
}

struct work {
    struct service *s;
    char path[PATH_LEN], name[NAME_LEN + sizeof prefix];
    struct error err;
    int rc;
};

static int prepare(struct work *w, struct service *s, const char *name, struct error *err) {
    *w = (struct work){.s = s};
    if (s->space.dir == NULL) return error_set(err, ERR_UNSUPPORTED, "this store has no folder");
    int rc = name_check(name, err);
    if (rc != 0) return rc;
    snprintf(w->name, sizeof w->name, "%s%s", prefix, name);
    if (snprintf(w->path, sizeof w->path, "%s/%s", s->space.dir, w->name) >= PATH_LEN)
        return error_set(err, ERR_LIMIT, "the path is too long");
    return 0;
}

static void make_work(void *arg) {
    struct work *w = arg;
    w->rc = engine_checkpoint(w->s->st->engine, w->path, &w->err);
}

static void drop_work(void *arg) {
    struct work *w = arg;
    int fd = open(w->s->space.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    remove_copy(fd, w->name);
    close(fd);
}

static void drop_fiber(void *arg) {
    struct work *w = arg;
    if (store_work(drop_work, w) != 0) drop_work(w); /* no worker: here, then; it is only files */
    w->s->requests--;
    free(w);
}

void conn_checkpoint_drop(struct conn *c) {
    struct work *w = c->checkpoint == NULL ? NULL : malloc(sizeof *w);
    struct error err = {0};
    if (w == NULL || c->s->closing || prepare(w, c->s, c->checkpoint, &err) != 0 ||
        fiber_spawn("checkpoint", drop_fiber, w, NULL) != 0) {
        free(w); /* the next start removes it */
        return;
    }
    c->s->requests++; /* the end of the service waits for it */
}

/* Everything that was acknowledged is written by then. */
HANDLER(on_checkpoint) {
    struct service *s = arg;
    struct work *w = malloc(sizeof *w);
    IEMS_ASSERT(w != NULL);
    int rc = prepare(w, s, ((const Store__Checkpoint *)r->msg)->name, err);
    if (rc == 0) rc = space_refuse(s, err);
    bool held = rc == 0 && (rc = service_hold(s)) == 0; /* a copy is read as it is */
    if (rc == 0) rc = store_wait_applied(s->st, commit_last(s->st->commits));
    if (rc == 0) rc = store_work(make_work, w);
    if (held) service_release(s);
    if (rc == 0 && w->rc != 0) rc = error_set(err, w->rc, "the store cannot be copied: %s", w->err.text);
    if (rc == 0) {
        struct conn *c = conn_of(r);
        free(c->checkpoint);
        c->checkpoint = strdup(((const Store__Checkpoint *)r->msg)->name);
        if (c->client.gone) conn_checkpoint_drop(c); /* it went while the copy was made */
        Store__CheckpointMade reply = STORE__CHECKPOINT_MADE__INIT;
        reply.path = w->path;
        reply.format = STORE_FORMAT;
        rpc_answer(r, &reply.base, STR_EMPTY);
    }
    free(w);
    return rc;
}

HANDLER(on_checkpoint_drop) {
    struct service *s = arg;
    struct work *w = malloc(sizeof *w);
    IEMS_ASSERT(w != NULL);
    int rc = prepare(w, s, ((const Store__Checkpoint *)r->msg)->name, err);
    if (rc == 0) rc = store_work(drop_work, w);
    free(w);
    if (rc != 0) return rc;
    free(conn_of(r)->checkpoint);
    conn_of(r)->checkpoint = NULL;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* --- accounts */
struct accounts {
    struct engine *e;
    struct arena *arena;
    Store__AccountEntry *list;
    size_t count, max;
    uint64_t after;
    bool more;
    int rc;
};

static bool add_account(struct accounts *x, uint64_t id, struct str address) {
    x->more = x->count == x->max;
    if (x->more) return false;
    Store__AccountEntry *e = &x->list[x->count++];
    store__account_entry__init(e);
    e->account = id;
    char *text = arena_cstr(x->arena, address);
    if (text != NULL) e->address = text;
    return true;
}

/* On a worker, which alone uses the arena meanwhile. */
static bool each_account(void *arg, struct str key, struct str value) {
    struct wire w = wire_of(value);
    if (key.len != 9) return true;
    bool deleted = wire_get_u8(&w) != 0;
    (void)wire_take(&w, 8 + 8 + 4);
    struct str address = wire_get_bytes(&w);
    return w.bad || deleted || add_account(arg, key_get_u64(key, 1), address);
}

/* The first account behind `after` that has a record of the kind; UINT64_MAX: none. */
static uint64_t next_account(struct accounts *x, enum key_kind kind, uint64_t after) {
    struct key from = key_of_id(kind, after + 1);
    unsigned char to = (unsigned char)kind + 1;
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = str_of(&to, 1)};
    struct engine_iter *it;
    struct str key, value;
    uint64_t id = UINT64_MAX;
    x->rc = engine_iter_open(x->e, &r, &it);
    if (x->rc != 0) return id;
    if (engine_iter_next(x->e, it, &key, &value) && key.len >= 9) id = key_get_u64(key, 1);
    x->rc = engine_iter_close(x->e, it);
    return id;
}

/* Of a damaged copy: those whose record cannot be read are found by their folders. */
static void list_damaged(void *arg) {
    struct accounts *x = arg;
    for (uint64_t at = x->after; x->rc == 0;) {
        uint64_t named = next_account(x, KEY_NAME, at);
        if (x->rc == 0) at = next_account(x, KEY_ACCOUNT, at);
        if (named < at) at = named;
        if (x->rc != 0 || at == UINT64_MAX) return;
        struct key k = key_of_id(KEY_ACCOUNT, at);
        BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
        int rc = engine_get(x->e, SPACE_META, key_str(&k), READ_ANY, &v);
        if (rc == ERR_NOTFOUND) continue;
        if (rc == 0 ? !each_account(x, key_str(&k), buf_str(&v)) : !add_account(x, at, STR_EMPTY)) return;
    }
}

HANDLER(on_account_list) {
    const Store__AccountList *req = (const Store__AccountList *)r->msg;
    struct service *s = arg;
    struct accounts x = {.e = s->st->engine, .arena = r->arena, .max = LIST_MAX, .after = req->after};
    struct key from = key_of_id(KEY_ACCOUNT, req->after + 1);
    unsigned char to = KEY_ACCOUNT + 1;
    Store__AccountListed reply = STORE__ACCOUNT_LISTED__INIT;
    if (req->limit > 0 && req->limit < LIST_MAX) x.max = req->limit;
    x.list = arena_alloc(r->arena, x.max * sizeof *x.list);
    reply.accounts = arena_alloc(r->arena, x.max * sizeof *reply.accounts);
    if (x.list == NULL || reply.accounts == NULL) return ERR_NOMEM;
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = str_of(&to, 1)};
    int rc = store_wait_applied(s->st, commit_last(s->st->commits));
    if (rc == 0) rc = x.e->damaged ? store_work(list_damaged, &x) : store_scan(s->st, &range, each_account, &x);
    if (rc == 0) rc = x.rc;
    if (rc != 0) return error_set(err, rc, "the accounts cannot be read: %s", err_name(rc));
    for (size_t i = 0; i < x.count; i++) reply.accounts[reply.n_accounts++] = &x.list[i];
    reply.more = x.more;
    reply.holes = x.e->holes;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}
