/* The contract of engine.h, against every engine. */
#include "store/engine/engine.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/engine/testdir.h"

struct fixture {
    bool rocks;
    char dir[TESTDIR_MAX];
    struct engine *e;
};

static void fixture_open(struct fixture *f) {
    struct error err = {0};
    struct engine_config cfg = {.dir = f->dir, .cache_bytes = 4 << 20};
    int rc = f->rocks ? engine_rocksdb_open(&cfg, &f->e, &err) : engine_memory_open(&f->e);
    if (rc != 0) fail_msg("%s", err.text);
}

static int setup(void **state, bool rocks) {
    struct fixture *f = calloc(1, sizeof *f);
    f->rocks = rocks;
    testdir_make(f->dir);
    fixture_open(f);
    *state = f;
    return 0;
}

static int setup_rocks(void **state) {
    return setup(state, true);
}
static int setup_memory(void **state) {
    return setup(state, false);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    engine_close(f->e);
    testdir_remove(f->dir);
    free(f);
    return 0;
}

static void put(struct engine *e, const char *key, const char *value) {
    struct batch b;
    batch_init(&b);
    batch_put(&b, SPACE_META, str_from(key), str_from(value));
    assert_int_equal(engine_write_one(e, &b, NULL), 0);
    batch_done(&b);
}

static void check_value(struct engine *e, enum engine_space s, const char *key, const char *want) {
    BUF_AUTO b = BUF_INIT(1 << 20);
    int rc = engine_get(e, s, str_from(key), READ_ANY, &b);
    assert_int_equal(rc, want == NULL ? ERR_NOTFOUND : 0);
    if (want != NULL) assert_string_equal(buf_cstr(&b), want);
}

/* Keys of the range, joined by blanks. */
static void check_scan(struct engine *e, struct engine_range r, const char *want) {
    struct engine_iter *it;
    struct str k, v;
    BUF_AUTO got = BUF_INIT(4096);
    assert_int_equal(engine_iter_open(e, &r, &it), 0);
    while (engine_iter_next(e, it, &k, &v)) {
        if (got.len > 0) buf_addc(&got, ' ');
        buf_add(&got, k);
    }
    assert_int_equal(engine_iter_close(e, it), 0);
    assert_string_equal(buf_cstr(&got), want);
}

static void test_put_get_delete(void **state) {
    struct engine *e = ((struct fixture *)*state)->e;
    put(e, "a", "1");
    put(e, "b", "");
    put(e, "a", "2");
    check_value(e, SPACE_META, "a", "2");
    check_value(e, SPACE_META, "b", "");
    check_value(e, SPACE_BLOB, "a", NULL);
    struct batch b;
    batch_init(&b);
    batch_delete(&b, SPACE_META, STR("a"));
    batch_delete(&b, SPACE_META, STR("nothing"));
    batch_put2(&b, SPACE_BLOB, STR("a"), STR("he"), STR("ad"));
    assert_int_equal(engine_write_one(e, &b, NULL), 0);
    batch_done(&b);
    check_value(e, SPACE_META, "a", NULL);
    check_value(e, SPACE_BLOB, "a", "head");
    BUF_AUTO v = BUF_INIT(64);
    assert_int_equal(engine_get(e, SPACE_META, STR("b"), READ_MEMORY, &v), 0);
}

static void test_scan(void **state) {
    struct engine *e = ((struct fixture *)*state)->e;
    static const char *const keys[] = {"m1", "a", "m3", "m2", "z", "m"};
    for (size_t i = 0; i < 6; i++) put(e, keys[i], "v");
    check_scan(e, (struct engine_range){.space = SPACE_META}, "a m m1 m2 m3 z");
    check_scan(e, (struct engine_range){.space = SPACE_META, .reverse = true}, "z m3 m2 m1 m a");
    check_scan(e, (struct engine_range){.space = SPACE_META, .from = STR("m1"), .to = STR("m3")}, "m1 m2");
    check_scan(e, (struct engine_range){.space = SPACE_META, .from = STR("m1"), .to = STR("m3"), .reverse = true},
               "m2 m1");
    check_scan(e, (struct engine_range){.space = SPACE_META, .from = STR("m2"), .once = true}, "m2 m3 z");
    check_scan(e, (struct engine_range){.space = SPACE_META, .to = STR("b")}, "a");
    check_scan(e, (struct engine_range){.space = SPACE_META, .from = STR("n"), .to = STR("b")}, "");
    check_scan(e, (struct engine_range){.space = SPACE_BLOB}, "");
    struct batch b;
    batch_init(&b);
    batch_delete_range(&b, SPACE_META, STR("m1"), STR("m3"));
    batch_put(&b, SPACE_META, STR("m2"), STR("again")); /* later changes of a batch win */
    assert_int_equal(engine_write_one(e, &b, NULL), 0);
    batch_done(&b);
    check_scan(e, (struct engine_range){.space = SPACE_META}, "a m m2 m3 z");
}

static void test_snapshot(void **state) {
    struct engine *e = ((struct fixture *)*state)->e;
    put(e, "a", "old");
    struct engine_snapshot *s = engine_snapshot_new(e);
    struct engine_iter *it;
    assert_int_equal(engine_iter_open(e, &(struct engine_range){.space = SPACE_META}, &it), 0);
    put(e, "a", "new");
    put(e, "b", "new");
    check_scan(e, (struct engine_range){.space = SPACE_META, .snapshot = s}, "a");
    check_scan(e, (struct engine_range){.space = SPACE_META}, "a b");
    struct str k, v;
    assert_true(engine_iter_next(e, it, &k, &v));
    assert_true(str_eq(v, STR("old")));
    assert_false(engine_iter_next(e, it, &k, &v));
    assert_int_equal(engine_iter_close(e, it), 0);
    engine_snapshot_free(e, s);
}

static void test_expect(void **state) {
    struct engine *e = ((struct fixture *)*state)->e;
    put(e, "a", "1");
    struct batch b[4];
    const struct batch *list[4];
    int results[4];
    for (int i = 0; i < 4; i++) {
        batch_init(&b[i]);
        list[i] = &b[i];
    }
    batch_put(&b[0], SPACE_META, STR("a"), STR("2"));
    batch_expect(&b[1], SPACE_META, STR("a"), STR("1")); /* too late: the first of the group changed it */
    batch_put(&b[1], SPACE_META, STR("c"), STR("no"));
    batch_expect(&b[2], SPACE_META, STR("a"), STR("2"));
    batch_expect_absent(&b[2], SPACE_META, STR("c"));
    batch_put(&b[2], SPACE_META, STR("d"), STR("yes"));
    batch_expect_absent(&b[3], SPACE_META, STR("d"));
    batch_delete(&b[3], SPACE_META, STR("a"));
    assert_int_equal(engine_write(e, list, 4, results, NULL), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(results[i], i % 2 == 1 ? ERR_CONFLICT : 0);
        batch_done(&b[i]);
    }
    check_value(e, SPACE_META, "a", "2");
    check_value(e, SPACE_META, "c", NULL);
    check_value(e, SPACE_META, "d", "yes");
}

/* Clean close and reopen (rocksdb), power cut (memory): what was synced is there. */
static void test_reopen(void **state) {
    struct fixture *f = *state;
    put(f->e, "a", "1");
    assert_int_equal(engine_sync(f->e, NULL), 0);
    if (f->rocks) {
        engine_close(f->e);
        fixture_open(f);
    } else {
        put(f->e, "b", "lost");
        engine_memory_crash(f->e);
    }
    check_value(f->e, SPACE_META, "a", "1");
    check_value(f->e, SPACE_META, "b", NULL);
}

static void test_checkpoint(void **state) {
    struct fixture *f = *state;
    if (!f->rocks) {
        assert_int_equal(engine_checkpoint(f->e, "/nowhere", NULL), ERR_UNSUPPORTED);
        return;
    }
    put(f->e, "a", "1");
    char dir[TESTDIR_MAX + 8];
    snprintf(dir, sizeof dir, "%s/copy", f->dir);
    assert_int_equal(engine_checkpoint(f->e, dir, NULL), 0);
    put(f->e, "a", "2");
    struct engine *copy;
    struct engine_config cfg = {.dir = dir, .cache_bytes = 1 << 20};
    assert_int_equal(engine_rocksdb_open(&cfg, &copy, NULL), 0);
    check_value(copy, SPACE_META, "a", "1");
    engine_close(copy);
    struct error err = {0};
    assert_int_not_equal(engine_checkpoint(f->e, dir, &err), 0); /* a folder that is there is not overwritten */
    assert_true(err.text[0] != 0);
}

/* MTA-11: nobody else opens the folder of the queue, from whatever path or host. */
static void test_locked(void **state) {
    struct fixture *f = *state;
    if (!f->rocks) return;
    struct engine *second;
    struct error err = {0};
    struct engine_config cfg = {.dir = f->dir, .cache_bytes = 1 << 20};
    assert_int_equal(engine_rocksdb_open(&cfg, &second, &err), ERR_IO);
    assert_non_null(strstr(err.text, f->dir));
}

/* Bodies larger than the blob threshold, read back whole after they left memory. */
static void test_blob(void **state) {
    struct fixture *f = *state;
    char *body = malloc(300000);
    for (size_t i = 0; i < 300000; i++) body[i] = (char)(i * 7 + i / 251);
    struct batch b;
    batch_init(&b);
    batch_put(&b, SPACE_BLOB, STR("body"), str_of(body, 300000));
    assert_int_equal(engine_write_one(f->e, &b, NULL), 0);
    batch_done(&b);
    BUF_AUTO got = BUF_INIT(1 << 20);
    assert_int_equal(engine_get(f->e, SPACE_BLOB, STR("body"), READ_MEMORY, &got), 0);
    assert_true(str_eq(buf_str(&got), str_of(body, 300000)));
    buf_clear(&got);
    BUF_AUTO small = BUF_INIT(1000);
    assert_int_equal(engine_get(f->e, SPACE_BLOB, STR("body"), READ_ANY, &small), ERR_LIMIT);
    if (f->rocks) {
        engine_close(f->e);
        fixture_open(f);
        int rc = engine_get(f->e, SPACE_BLOB, STR("body"), READ_MEMORY, &got);
        assert_true(rc == ERR_AGAIN || rc == 0);
        buf_clear(&got);
        assert_int_equal(engine_get(f->e, SPACE_BLOB, STR("body"), READ_ANY, &got), 0);
        assert_true(str_eq(buf_str(&got), str_of(body, 300000)));
    }
    free(body);
}

/* --- a copy with a bad place in its one table (REBLD-06) */
enum { HOLE_KEYS = 20000 };

static void flip(const char *dir, unsigned eighth, size_t *size) {
    char path[2 * TESTDIR_MAX];
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".sst") != 0) continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        FILE *f = fopen(path, "r+b");
        assert_non_null(f);
        fseek(f, 0, SEEK_END);
        long end = ftell(f);
        if (end < 4096) {
            fclose(f);
            continue;
        }
        *size = (size_t)end;
        fseek(f, end / 8 * eighth, SEEK_SET);
        int c = fgetc(f);
        fseek(f, -1, SEEK_CUR);
        fputc(255 - c, f);
        fclose(f);
    }
    closedir(d);
}

static void hole_key(unsigned i, char out[128]) {
    /* some long ones that differ late, some short ones */
    (void)snprintf(out, 128,
                   i % 3 ? "k%06u" : "k%06u-and a name which is longer than all that is looked at of it, really", i);
}

static void read_through(struct engine *e, unsigned eighth) {
    struct engine_iter *it;
    struct str key, value;
    char want[128];
    unsigned i = 0, lost = 0, runs = 0;
    uint64_t holes = e->holes;
    const struct engine_range r = {.space = SPACE_META, .from = STR("k"), .to = STR("l")};
    assert_int_equal(engine_iter_open(e, &r, &it), 0);
    for (; engine_iter_next(e, it, &key, &value); i++) {
        unsigned before = lost;
        for (hole_key(i, want); !str_eq(key, str_from(want)); hole_key(++i, want)) {
            assert_true(i < HOLE_KEYS);
            lost++;
        }
        runs += lost > before;
        assert_true(str_eq(value, key));
    }
    int rc = engine_iter_close(e, it);
    if (rc != 0) fail_msg("at %u/8: %s behind key %u, %d holes, %u lost", eighth, err_name(rc), i, (int)e->holes, lost);
    if (i < HOLE_KEYS) runs++, lost += HOLE_KEYS - i;
    /* One block: those of it are missing, and none else but one whose key begins as the last of them does. */
    if (e->holes != holes + 1 || runs != 1 || lost == 0 || lost > 2000)
        fail_msg("at %u/8: %d holes, %u keys lost in %u places", eighth, (int)e->holes, lost, runs);
}

/* Ranges of ten keys: first those that end or begin in the hole, then all of them as one. Known or not, the hole is the
 * same. */
static unsigned read_ranges(struct engine *e) {
    unsigned n = 0;
    for (unsigned i = 0; i < HOLE_KEYS; i += 10) {
        char from[16], to[16];
        struct engine_iter *it;
        struct str key, value;
        (void)snprintf(from, sizeof from, "k%06u", i);
        (void)snprintf(to, sizeof to, "k%06u", i + 10);
        const struct engine_range r = {.space = SPACE_META, .from = str_from(from), .to = str_from(to)};
        assert_int_equal(engine_iter_open(e, &r, &it), 0);
        for (; engine_iter_next(e, it, &key, &value); n++) assert_true(str_eq(value, key));
        assert_int_equal(engine_iter_close(e, it), 0);
    }
    return n;
}

static void read_with_hole(const char *dir, unsigned eighth) {
    struct engine_config cfg = {.dir = dir, .cache_bytes = 1 << 20, .damaged = true};
    struct engine *e;
    assert_int_equal(engine_rocksdb_open(&cfg, &e, NULL), 0);
    unsigned first = read_ranges(e);
    uint64_t holes = e->holes;
    assert_true(holes > 0);
    assert_int_equal(read_ranges(e), first);
    assert_int_equal(e->holes, 2 * holes);
    read_through(e, eighth);
    read_through(e, eighth);
    engine_close(e);
    assert_int_equal(engine_rocksdb_open(&cfg, &e, NULL), 0);
    read_through(e, eighth);
    assert_int_equal(read_ranges(e), first);
    engine_close(e);
}

static void test_holes(void **state) {
    struct fixture *f = *state;
    char key[128], copy[TESTDIR_MAX + 16];
    struct batch b;
    size_t size = 0;
    if (!f->rocks) return;
    for (unsigned i = 0; i < HOLE_KEYS;) {
        batch_init(&b);
        for (unsigned end = i + 1000; i < end; i++) {
            hole_key(i, key);
            batch_put(&b, SPACE_META, str_from(key), str_from(key));
        }
        assert_int_equal(engine_write_one(f->e, &b, NULL), 0);
        batch_done(&b);
    }
    assert_int_equal(engine_compact(f->e, SPACE_META, STR_EMPTY, STR_EMPTY, NULL), 0);
    for (unsigned eighth = 0; eighth < 6; eighth++) {
        (void)snprintf(copy, sizeof copy, "%s/hole%u", f->dir, eighth);
        assert_int_equal(engine_checkpoint(f->e, copy, NULL), 0);
        char own[TESTDIR_MAX]; /* tables of a checkpoint are links */
        testdir_make(own);
        testdir_remove(own);
        testdir_copy(copy, own);
        flip(own, eighth, &size);
        assert_true(size > 0);
        read_with_hole(own, eighth);
        testdir_remove(own);
    }
}

#define BOTH(t)                                                                                                        \
    {#t " (memory)", t, setup_memory, teardown, NULL}, {                                                               \
#t " (rocksdb)", t, setup_rocks, teardown, NULL                                                                \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(test_put_get_delete), BOTH(test_scan),   BOTH(test_snapshot), BOTH(test_expect), BOTH(test_reopen),
        BOTH(test_checkpoint),     BOTH(test_locked), BOTH(test_blob),     BOTH(test_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
