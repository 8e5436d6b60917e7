/* Power cuts that tear the log: whatever part of the bytes behind the last sync reached the disk, the engine opens with
 * a prefix of the batches in the order written, which includes all that were synced; each batch is there whole or not
 * at all, and work goes on from there (contract of engine.h; SMTPD-15). IEMS_TEARS=1000 tear_test    tears for each
 * round, instead of a few IEMS_TEAR_SEED=5 tear_test   another sequence of them */
#include "store/engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/engine/testdir.h"

enum {
    ROUNDS = 6,
    TEARS = 3,
    SECTOR = 512,
    VALUE_MAX = 6000,
    LOG_MAX = 64 * 1024 * 1024,
};

struct world {
    char top[TESTDIR_MAX], live[TESTDIR_MAX * 2], before[TESTDIR_MAX * 2], torn[TESTDIR_MAX * 2];
    struct engine *e;
    unsigned written, tears;
    uint64_t random;
};

static unsigned pick(struct world *w, unsigned below) {
    w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(w->random >> 33) % below;
}

static struct engine *open_engine(const char *dir) {
    struct engine *e = NULL;
    struct error err = {0};
    struct engine_config cfg = {.dir = dir, .cache_bytes = 1 << 20};
    if (engine_rocksdb_open(&cfg, &e, &err) != 0) fail_msg("%s: %s", dir, err.text);
    return e;
}

/* ---- batches: number n puts one key into each space */
static size_t value_of(unsigned n, enum engine_space s, char out[static VALUE_MAX]) {
    size_t len = 1 + (n * 7919u + (unsigned)s * 104729u) % (n % 5 == 0 ? VALUE_MAX - 1 : 200);
    for (size_t i = 0; i < len; i++) out[i] = (char)(n + i * 31 + (unsigned)s);
    return len;
}

static void write_one(struct engine *e, unsigned n) {
    char key[16], value[VALUE_MAX];
    struct batch b;
    batch_init(&b);
    (void)snprintf(key, sizeof key, "%08u", n);
    for (int s = 0; s < SPACE_COUNT; s++)
        batch_put(&b, (enum engine_space)s, str_from(key), str_of(value, value_of(n, (enum engine_space)s, value)));
    assert_int_equal(engine_write_one(e, &b, NULL), 0);
    batch_done(&b);
}

static bool has(struct engine *e, unsigned n, enum engine_space s) {
    char key[16], value[VALUE_MAX];
    BUF_AUTO got = BUF_INIT(VALUE_MAX);
    (void)snprintf(key, sizeof key, "%08u", n);
    int rc = engine_get(e, s, str_from(key), READ_ANY, &got);
    if (rc == ERR_NOTFOUND) return false;
    assert_int_equal(rc, 0);
    assert_true(str_eq(buf_str(&got), str_of(value, value_of(n, s, value))));
    return true;
}

/* Returns how many batches are there; none behind the first that is missing. */
static unsigned check_prefix(struct engine *e, unsigned synced, unsigned written) {
    unsigned there = 0;
    while (there < written && has(e, there, SPACE_META)) there++;
    assert_true(there >= synced);
    for (unsigned n = 0; n < written; n++)
        for (int s = 0; s < SPACE_COUNT; s++) assert_int_equal(has(e, n, (enum engine_space)s), n < there);
    return there;
}

/* ---- disks */
static bool never_changes(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcmp(dot, ".sst") == 0 || strcmp(dot, ".blob") == 0);
}

static void copy_dir(const char *from, const char *to) {
    testdir_remove(to);
    assert_int_equal(mkdir(to, 0700), 0);
    DIR *d = opendir(from);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char a[TESTDIR_MAX * 4], b[TESTDIR_MAX * 4];
        (void)snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        (void)snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        if (e->d_type != DT_REG) continue;
        if (never_changes(e->d_name))
            assert_true(link(a, b) == 0 || errno == ENOENT); /* what is not needed any more is removed meanwhile */
        else
            testdir_copy_file(a, b);
    }
    closedir(d);
}

/* The log that is written to: the newest. */
static void log_path(const char *dir, char *out, size_t size) {
    unsigned long long best = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char *end;
        unsigned long long n = strtoull(e->d_name, &end, 10);
        if (strcmp(end, ".log") == 0 && n > best) best = n;
    }
    closedir(d);
    (void)snprintf(out, size, "%s/%06llu.log", dir, best);
}

static void read_log(const char *dir, struct buf *out) {
    char path[TESTDIR_MAX * 4];
    log_path(dir, path, sizeof path);
    buf_clear(out);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    char block[65536];
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;) buf_add(out, str_of(block, n));
    (void)fclose(f);
}

static void write_log(const char *dir, struct str bytes) {
    char path[TESTDIR_MAX * 4];
    log_path(dir, path, sizeof path);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

/* ---- tears */
enum tear { CUT_SHORT, OLD_BEHIND, SECTORS, TEAR_KINDS };

/* What is on the disk: `old` at the last sync, `now` in memory; they differ in [from, to). */
static void tear(struct world *w, enum tear kind, struct str old, struct str now, size_t from, size_t to,
                 struct buf *out) {
    size_t at = from + pick(w, (unsigned)(to - from + 1));
    buf_clear(out);
    if (kind != SECTORS) {
        buf_add(out, str_sub(now, 0, at));
        if (kind == OLD_BEHIND) buf_add(out, str_sub(old, at, old.len));
        return;
    }
    buf_add(out, str_sub(now, 0, from));
    for (size_t i = from; i < now.len;) {
        size_t end = (i / SECTOR + 1) * SECTOR;
        struct str source = i < to && pick(w, 2) ? now : old;
        buf_add(out, str_sub(source, i, end));
        i = end;
    }
}

static void check_torn(struct world *w, struct str log, unsigned synced) {
    copy_dir(w->before, w->torn);
    write_log(w->torn, log);
    struct engine *e = open_engine(w->torn);
    unsigned there = check_prefix(e, synced, w->written);
    write_one(e, there);
    assert_int_equal(engine_sync(e, NULL), 0);
    engine_close(e);
    e = open_engine(w->torn);
    assert_int_equal(check_prefix(e, there + 1, w->written + 1), there + 1);
    engine_close(e);
}

static void round_of(struct world *w) {
    BUF_AUTO old = BUF_INIT(LOG_MAX);
    BUF_AUTO now = BUF_INIT(LOG_MAX);
    BUF_AUTO log = BUF_INIT(LOG_MAX);
    for (unsigned n = pick(w, 20); n > 0; n--) write_one(w->e, w->written++);
    assert_int_equal(engine_sync(w->e, NULL), 0);
    unsigned synced = w->written;
    copy_dir(w->live, w->before);
    read_log(w->live, &old);
    for (unsigned n = 1 + pick(w, 12); n > 0; n--) write_one(w->e, w->written++);
    read_log(w->live, &now);
    size_t from = 0, to = now.len;
    while (from < old.len && from < now.len && old.ptr[from] == now.ptr[from]) from++;
    while (to > from && (to > old.len ? now.ptr[to - 1] == 0 : now.ptr[to - 1] == old.ptr[to - 1])) to--;
    assert_true(to > from);
    for (unsigned i = 0; i < w->tears; i++) {
        tear(w, i % TEAR_KINDS, buf_str(&old), buf_str(&now), from, to, &log);
        check_torn(w, buf_str(&log), synced);
    }
}

static void torn_logs(void **state) {
    (void)state;
    struct world w = {.random = strtoull(getenv("IEMS_TEAR_SEED") != NULL ? getenv("IEMS_TEAR_SEED") : "1", NULL, 10)};
    const char *tears = getenv("IEMS_TEARS");
    w.tears = tears != NULL ? (unsigned)strtoul(tears, NULL, 10) : TEARS;
    testdir_make(w.top);
    (void)snprintf(w.live, sizeof w.live, "%s/live", w.top);
    (void)snprintf(w.before, sizeof w.before, "%s/before", w.top);
    (void)snprintf(w.torn, sizeof w.torn, "%s/torn", w.top);
    w.e = open_engine(w.live);
    for (int i = 0; i < ROUNDS; i++) round_of(&w);
    engine_close(w.e);
    testdir_remove(w.top);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(torn_logs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
