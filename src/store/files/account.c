/* Accounts and domains in memory: what they hold, whose turn it is, whether more fits in. */
#include "net/loop.h"
#include "store/files/private.h"

#include <stdlib.h>

enum { MB = 1024 * 1024 };

struct files *files_new(struct store *st, struct blobs *bs) {
    struct files *f = calloc(1, sizeof *f);
    IEMS_ASSERT(f != NULL);
    f->st = st;
    f->bs = bs;
    f->accounts = map_new(MAP_BYTES);
    f->domains = map_new(MAP_NOCASE);
    list_init(&f->purges);
    return f;
}

void files_free(struct files *f) {
    if (f == NULL) return;
    map_free(f->accounts, free);
    map_free(f->domains, free);
    free(f);
}

void files_stop(struct files *f) {
    f->stopping = true;
}

bool files_busy(const struct files *f) {
    return f->purger || f->pack.runs;
}

void files_get_stats(const struct files *f, struct files_stats *out) {
    struct str key;
    void *p;
    *out = (struct files_stats){0};
    for (size_t pos = 0; map_next(f->accounts, &pos, &key, &p);) {
        const struct files_account *a = p;
        out->accounts += a->usage.files > 0;
        out->files += a->usage.files;
        out->bytes += a->usage.bytes;
    }
}

struct files_domain *files_domain_of(struct files *f, struct str name) {
    struct files_domain *d = map_get(f->domains, name);
    if (d != NULL) return d;
    d = calloc(1, sizeof *d);
    IEMS_ASSERT(d != NULL && map_put(f->domains, name, d, NULL) == 0);
    return d;
}

struct files_account *files_pin(struct files *f, uint64_t account, struct str domain) {
    struct files_account *a = map_get(f->accounts, map_u64_key(&account));
    if (a == NULL) {
        a = calloc(1, sizeof *a);
        IEMS_ASSERT(a != NULL);
        *a = (struct files_account){.files = f, .id = account};
        semaphore_init(&a->turn, 1);
        cond_init(&a->purged);
        IEMS_ASSERT(map_put(f->accounts, map_u64_key(&a->id), a, NULL) == 0);
    }
    struct files_domain *d = domain.len > 0 || a->domain == NULL ? files_domain_of(f, domain) : a->domain;
    if (d != a->domain) { /* new, or it was renamed */
        if (a->domain != NULL) a->domain->bytes -= a->usage.bytes;
        if (a->domain != NULL) a->domain->reserved -= a->reserved;
        d->bytes += a->usage.bytes;
        d->reserved += a->reserved;
        a->domain = d;
    }
    a->pins++;
    return a;
}

void files_unpin(struct files_account *a) {
    if (a == NULL || --a->pins > 0 || a->usage.files > 0 || a->usage.folders > 0 || a->damaged) return;
    if (a->seq > commit_applied(a->files->st->commits)) return; /* what reads it must wait for that */
    map_remove(a->files->accounts, map_u64_key(&a->id));
    free(a);
}

int files_turn(struct files_account *a, struct error *err) {
    int rc = semaphore_take(&a->turn, DEADLINE_NEVER);
    if (rc != 0) return rc;
    rc = store_wait_applied(a->files->st, a->seq); /* the tree is read from the engine */
    if (rc == 0 && a->gone) rc = error_set(err, ERR_NOTFOUND, "this mailbox was deleted");
    if (rc != 0) semaphore_give(&a->turn);
    return rc;
}

void files_turn_end(struct files_account *a) {
    semaphore_give(&a->turn);
}

static uint64_t changed(uint64_t n, int64_t by) {
    return by < 0 && n < (uint64_t)-by ? 0 : n + (uint64_t)by; /* a damaged count must not wrap */
}

/* Deletes the record when nothing is used. */
static void usage_put(const struct file_usage *u, uint64_t account, struct batch *b) {
    struct key k = key_of_id(KEY_FILE_USAGE, account);
    BUF_AUTO v = BUF_INIT(FILE_VALUE_MAX);
    file_usage_encode(u, &v);
    if (u->files == 0 && u->folders == 0 && u->bytes == 0)
        batch_delete(b, SPACE_META, key_str(&k));
    else
        batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

void files_count(struct files_account *a, struct batch *b, int64_t files, int64_t folders, int64_t bytes) {
    a->usage.files = changed(a->usage.files, files);
    a->usage.folders = changed(a->usage.folders, folders);
    a->usage.bytes = changed(a->usage.bytes, bytes);
    a->domain->bytes = changed(a->domain->bytes, bytes);
    usage_put(&a->usage, a->id, b);
}

static int room(const struct files_account *a, const struct files_limits *l, int64_t bytes, int64_t entries,
                struct error *err) {
    uint64_t there = a->usage.files + a->usage.folders, add = bytes > 0 ? (uint64_t)bytes : 0;
    if (entries > 0 && there + (uint64_t)entries > FILE_ENTRIES_MAX)
        return error_set(err, ERR_LIMIT, "web folders may hold at most %d files and folders", FILE_ENTRIES_MAX);
    if (add == 0) return 0; /* what makes it less is always right */
    uint64_t used = a->usage.bytes + a->reserved;
    if (l->account > 0 && (used >= l->account || add > l->account - used))
        return error_set(err, ERR_NOSPACE,
                         "the web folders are full: %.1f of %.1f MB are used, %.1f MB more are needed",
                         (double)used / MB, (double)l->account / MB, (double)add / MB);
    used = a->domain->bytes + a->domain->reserved;
    if (l->domain > 0 && (used >= l->domain || add > l->domain - used))
        return error_set(err, ERR_NOSPACE, "the domain has used up its room for web folders (%.1f MB)",
                         (double)l->domain / MB);
    return 0;
}

int files_room(struct files_account *a, const struct files_limits *l, int64_t bytes, int64_t entries,
               struct error *err) {
    uint64_t deadline = loop_now_ms() + PURGE_WAIT_MS;
    for (;;) {
        int rc = room(a, l, bytes, entries, err);
        if (rc == 0 || a->purging == 0 || loop_now_ms() >= deadline || a->files->stopping) return rc;
        int waited = cond_wait(&a->purged, deadline);
        if (waited != 0 && waited != ERR_TIMEOUT) return waited;
    }
}

void files_submit(struct files_account *a, struct batch *b, enum commit_kind kind) {
    a->seq = commit_submit(a->files->st->commits, b, kind, NULL, NULL);
}

/* --- start */
struct start {
    struct files *f;
    struct {
        uint64_t account, folder;
    } * purges;
    size_t purge_count, purge_cap;
};

/* "bart@example.test" -> "example.test", from the account's record. */
static struct files_domain *domain_at_start(struct files *f, uint64_t account) {
    struct key k = key_of_id(KEY_ACCOUNT, account);
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    if (engine_get(f->st->engine, SPACE_META, key_str(&k), READ_ANY, &v) != 0) return files_domain_of(f, STR_EMPTY);
    struct wire w = wire_of(buf_str(&v));
    (void)wire_take(&w, 1 + 8 + 8 + 4);
    struct str address = wire_get_bytes(&w);
    ptrdiff_t at = w.bad ? -1 : str_rfind(address, '@');
    return files_domain_of(f, at < 0 ? STR_EMPTY : str_sub(address, (size_t)at + 1, SIZE_MAX));
}

static bool take_usage(void *arg, struct str key, struct str value) {
    struct start *s = arg;
    if (key.len != 9) return true;
    struct files_account *a = calloc(1, sizeof *a);
    IEMS_ASSERT(a != NULL);
    *a = (struct files_account){.files = s->f, .id = key_get_u64(key, 1)};
    semaphore_init(&a->turn, 1);
    cond_init(&a->purged);
    a->damaged = file_usage_decode(value, &a->usage) != 0;
    a->domain = domain_at_start(s->f, a->id);
    a->domain->bytes += a->usage.bytes;
    IEMS_ASSERT(map_put(s->f->accounts, map_u64_key(&a->id), a, NULL) == 0);
    return true;
}

static bool take_purge(void *arg, struct str key, struct str value) {
    struct start *s = arg;
    (void)value;
    if (key.len != 17) return true;
    if (s->purge_count == s->purge_cap) {
        s->purge_cap = s->purge_cap * 2 + 16;
        s->purges = realloc(s->purges, s->purge_cap * sizeof *s->purges);
        IEMS_ASSERT(s->purges != NULL);
    }
    s->purges[s->purge_count].account = key_get_u64(key, 1);
    s->purges[s->purge_count++].folder = key_get_u64(key, 9);
    return true;
}

static int scan_kind(struct files *f, enum key_kind kind, bool (*each)(void *arg, struct str key, struct str value),
                     struct start *s) {
    unsigned char from = (unsigned char)kind, to = (unsigned char)(kind + 1);
    struct engine_range r = {.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    return store_scan(f->st, &r, each, s);
}

/* Accounts whose usage cannot be read are counted anew. */
static void heal(struct files *f) {
    struct files_repaired told;
    struct str key;
    void *p;
    for (bool again = true; again;) { /* the map may change while it waits */
        again = false;
        for (size_t pos = 0; !again && map_next(f->accounts, &pos, &key, &p);)
            again = ((struct files_account *)p)->damaged && !((struct files_account *)p)->gone;
        if (!again) return;
        uint64_t id = ((struct files_account *)p)->id;
        (void)!files_repair(f, id, &told); /* what fails is told by `store check` */
        struct files_account *a = map_get(f->accounts, map_u64_key(&id));
        if (a != NULL) a->damaged = false;
    }
}

int files_start(struct files *f, struct error *err) {
    struct start s = {.f = f};
    int rc = scan_kind(f, KEY_FILE_USAGE, take_usage, &s);
    if (rc == 0) rc = scan_kind(f, KEY_FILE_PURGE, take_purge, &s);
    for (size_t i = 0; rc == 0 && i < s.purge_count; i++) {
        struct files_account *a = files_pin(f, s.purges[i].account, STR_EMPTY);
        a->gone = a->gone || s.purges[i].folder == FILE_ROOT;
        files_purge(a, s.purges[i].folder);
        files_unpin(a);
    }
    free(s.purges);
    if (rc == 0) heal(f);
    return rc == 0 ? 0 : error_set(err, rc, "web folders cannot be read: %s", err_name(rc));
}
