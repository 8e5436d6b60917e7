/* The committer against both engines: order, group commit, barriers, fail-stop, what survives a kill and a power cut.
 */
#include "store/engine/commit.h"

#include "base/clock.h"
#include "base/encode.h"
#include "store/engine/testdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A loop thread in miniature. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct {
        void (*fn)(void *);
        void *arg;
    } q[64];
    size_t n;
} mini = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void mini_post(void (*fn)(void *), void *arg) {
    pthread_mutex_lock(&mini.lock);
    IEMS_ASSERT(mini.n < 64);
    mini.q[mini.n].fn = fn;
    mini.q[mini.n++].arg = arg;
    pthread_cond_signal(&mini.cond);
    pthread_mutex_unlock(&mini.lock);
}

static void mini_turn(void) {
    pthread_mutex_lock(&mini.lock);
    while (mini.n == 0) pthread_cond_wait(&mini.cond, &mini.lock);
    void (*fn)(void *) = mini.q[0].fn;
    void *arg = mini.q[0].arg;
    memmove(mini.q, mini.q + 1, --mini.n * sizeof mini.q[0]);
    pthread_mutex_unlock(&mini.lock);
    fn(arg);
}

static int failure;

static void on_failed(int code, const char *text, void *arg) {
    (void)arg;
    (void)text;
    failure = code;
}

static struct committer *start(struct engine *e) {
    struct committer *c;
    mini.n = 0;
    failure = 0;
    struct commit_config cfg = {.engine = e, .post = mini_post, .failed = on_failed};
    assert_int_equal(committer_new(&cfg, &c), 0);
    return c;
}

static void on_done(void *arg, int rc) {
    *(int *)arg = rc == 0 ? 1 : rc;
}

/* Batch number n: two keys that must be there together, and the counter that shows the order. */
static void fill(struct batch *b, uint64_t n) {
    unsigned char k[9] = "x", v[8];
    batch_init(b);
    be64_put(k + 1, n);
    be64_put(v, n);
    batch_put(b, SPACE_META, str_of(k, 9), STR("meta"));
    batch_put(b, SPACE_BLOB, str_of(k, 9), STR("a body of some bytes"));
    batch_put(b, SPACE_META, STR("count"), str_of(v, 8));
}

/* What is in the engine must be whole batches 1..n without a gap; returns n. */
static uint64_t check_prefix(struct engine *e) {
    BUF_AUTO v = BUF_INIT(64);
    uint64_t n = 0;
    if (engine_get(e, SPACE_META, STR("count"), READ_ANY, &v) == 0) n = be64_get((unsigned char *)v.ptr);
    for (int s = 0; s < SPACE_COUNT; s++) {
        struct engine_iter *it;
        struct str key, value;
        uint64_t seen = 0;
        assert_int_equal(engine_iter_open(e, &(struct engine_range){.space = s, .from = STR("x"), .to = STR("y")}, &it),
                         0);
        while (engine_iter_next(e, it, &key, &value)) assert_int_equal(be64_get((unsigned char *)key.ptr + 1), ++seen);
        assert_int_equal(engine_iter_close(e, it), 0);
        assert_int_equal(seen, n);
    }
    return n;
}

static void test_order(void **state) {
    (void)state;
    struct engine *e;
    assert_int_equal(engine_memory_open(&e), 0);
    struct committer *c = start(e);
    int done[300] = {0}, synced = 0, applied = 0;
    struct batch b;
    for (uint64_t i = 1; i <= 300; i++) {
        fill(&b, i);
        assert_int_equal(commit_submit(c, &b, i % 3 == 0 ? COMMIT_DURABLE : COMMIT_RELAXED, on_done, &done[i - 1]), i);
        assert_true(batch_empty(&b));
    }
    commit_applied_wait(c, 299, on_done, &applied);
    commit_barrier(c, 300, on_done, &synced);
    while (!synced) mini_turn();
    assert_int_equal(applied, 1);
    for (int i = 0; i < 300; i++) assert_int_equal(done[i], 1);
    assert_int_equal(commit_durable(c), 300);
    struct commit_stats st;
    commit_get_stats(c, &st);
    assert_int_equal(st.batches, 300);
    assert_true(st.syncs >= 1 && st.syncs <= st.writes + 1);
    engine_memory_crash(e);
    assert_int_equal(check_prefix(e), 300);
    committer_free(c);
    engine_close(e);
}

static void test_conflict(void **state) {
    (void)state;
    struct engine *e;
    assert_int_equal(engine_memory_open(&e), 0);
    struct committer *c = start(e);
    int done = 0;
    struct batch b;
    batch_init(&b);
    batch_expect(&b, SPACE_META, STR("k"), STR("v"));
    batch_put(&b, SPACE_META, STR("k"), STR("w"));
    commit_submit(c, &b, COMMIT_DURABLE, on_done, &done);
    while (!done) mini_turn();
    assert_int_equal(done, ERR_CONFLICT);
    committer_free(c);
    engine_close(e);
}

/* A machine that is busy with other things may hold up any single round, but not each of so many. */
enum { PROMPT_TRIES = 20 };

/* Overlapping barriers after a first batch; returns how long it was until all were met. */
static uint64_t barriers(struct committer *c, uint64_t *n) {
    int done = 0, met[50] = {0};
    struct batch b;
    for (uint64_t i = 0; i < 50; i++) {
        fill(&b, ++*n);
        uint64_t seq = commit_submit(c, &b, COMMIT_RELAXED, on_done, &done);
        commit_barrier(c, seq, on_done, &met[i]);
        if (i % 7 == 0) mini_turn();
    }
    uint64_t from = clock_mono_ms();
    while (!met[49]) mini_turn();
    uint64_t took = clock_mono_ms() - from;
    for (int i = 0; i < 50; i++) assert_int_equal(met[i], 1);
    return took;
}

/* Relaxed work becomes durable by itself, and barriers that overlap are all met. */
static void test_lazy_and_barriers(void **state) {
    (void)state;
    struct engine *e;
    assert_int_equal(engine_memory_open(&e), 0);
    struct committer *c = start(e);
    int done = 0;
    uint64_t n = 1;
    struct batch b;
    fill(&b, 1);
    uint64_t from = clock_mono_ms();
    commit_submit(c, &b, COMMIT_RELAXED, on_done, &done);
    while (commit_durable(c) < 1) mini_turn();
    assert_true(clock_mono_ms() - from >= COMMIT_LAZY_MS / 2);
    int tries = 1;
    while (barriers(c, &n) >= COMMIT_LAZY_MS / 2) assert_true(++tries <= PROMPT_TRIES);
    int at_once = 0;
    commit_barrier(c, n, on_done, &at_once);
    assert_int_equal(at_once, 1);
    committer_free(c);
    engine_close(e);
}

/* How long a SHARED batch was on its way that nobody else's sync took along. */
static uint64_t shared_alone(struct committer *c, uint64_t n) {
    int alone = 0;
    struct batch b;
    fill(&b, n);
    uint64_t from = clock_mono_ms();
    commit_submit(c, &b, COMMIT_SHARED, on_done, &alone);
    while (!alone) mini_turn();
    assert_int_equal(commit_durable(c), n);
    uint64_t took = clock_mono_ms() - from;
    assert_true(took >= COMMIT_SHARED_MS - 1);
    return took;
}

/* SHARED is durable by itself within its time. */
static void test_shared(void **state) {
    (void)state;
    struct engine *e;
    assert_int_equal(engine_memory_open(&e), 0);
    struct committer *c = start(e);
    uint64_t n = 1;
    while (shared_alone(c, n) >= COMMIT_LAZY_MS) assert_true(++n <= PROMPT_TRIES);
    engine_memory_crash(e);
    assert_int_equal(check_prefix(e), n);
    committer_free(c);
    engine_close(e);
}

/* An engine whose writes or syncs fail. */
static struct engine_ops broken_ops;
static int broken_write(struct engine *e, const struct batch *const *b, size_t n, int *results, struct error *err) {
    (void)e, (void)b, (void)n, (void)results;
    return error_set(err, ERR_NOSPACE, "disk full");
}
static int broken_sync(struct engine *e, struct error *err) {
    (void)e;
    return error_set(err, ERR_IO, "sync failed");
}

static void fail_stop(bool write) {
    struct engine *e;
    assert_int_equal(engine_memory_open(&e), 0);
    const struct engine_ops *real = e->ops;
    broken_ops = *real;
    if (write)
        broken_ops.write = broken_write;
    else
        broken_ops.sync = broken_sync;
    e->ops = &broken_ops;
    struct committer *c = start(e);
    int done = 0;
    struct batch b;
    for (uint64_t i = 1; i < 5; i++) {
        fill(&b, i);
        commit_submit(c, &b, COMMIT_DURABLE, on_done, &done);
    }
    while (failure == 0) mini_turn();
    assert_int_equal(failure, write ? ERR_NOSPACE : ERR_IO);
    assert_int_equal(done, 0);
    committer_free(c);
    e->ops = real;
    engine_close(e);
}

static void test_fail_stop(void **state) {
    (void)state;
    fail_stop(true);
    fail_stop(false);
}

/* A sync that takes as long as the test wants. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    const struct engine_ops *real;
    bool held, entered;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static int gate_sync(struct engine *e, struct error *err) {
    pthread_mutex_lock(&gate.lock);
    gate.entered = true;
    pthread_cond_broadcast(&gate.cond);
    while (gate.held) pthread_cond_wait(&gate.cond, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return gate.real->sync(e, err);
}

static void gate_open(void) {
    pthread_mutex_lock(&gate.lock);
    gate.held = false;
    pthread_cond_broadcast(&gate.cond);
    pthread_mutex_unlock(&gate.lock);
}

/* Returns while the sync of the first batch is under way. */
static void gate_enter(struct committer *c, int *done) {
    struct batch b;
    gate.held = true;
    gate.entered = false;
    fill(&b, 1);
    commit_submit(c, &b, COMMIT_DURABLE, on_done, done);
    mini_turn(); /* the worker is told */
    pthread_mutex_lock(&gate.lock);
    while (!gate.entered) pthread_cond_wait(&gate.cond, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static struct engine *gate_engine(void) {
    static struct engine_ops gated;
    struct engine *e;
    assert_int_equal(engine_memory_open(&e), 0);
    gate.real = e->ops;
    gated = *e->ops;
    gated.sync = gate_sync;
    e->ops = &gated;
    return e;
}

/* Many SHARED become durable with the sync that another one asks for, and make none of their own. */
static void test_shared_together(void **state) {
    (void)state;
    struct engine *e = gate_engine();
    struct committer *c = start(e);
    int first = 0, done[20] = {0}, durable = 0;
    struct batch b;
    gate_enter(c, &first); /* so that all of them come before anything is written */
    for (uint64_t i = 0; i < 20; i++) {
        fill(&b, i + 2);
        commit_submit(c, &b, COMMIT_SHARED, on_done, &done[i]);
    }
    fill(&b, 22);
    commit_submit(c, &b, COMMIT_DURABLE, on_done, &durable);
    gate_open();
    while (!durable) mini_turn();
    for (int i = 0; i < 20; i++) assert_int_equal(done[i], 1);
    struct commit_stats st;
    commit_get_stats(c, &st);
    assert_int_equal(st.syncs, 2);
    committer_free(c);
    e->ops = gate.real;
    engine_close(e);
}

/* The little that comes during a sync makes one write after it; much is written meanwhile. */
static void test_beside_a_sync(void **state) {
    static const struct {
        uint64_t count;
        size_t bytes; /* of each */
        bool beside;
    } cases[] = {{3, 10, false}, {100, 10, true}, {2, 100 * 1024, true}};
    static char large[100 * 1024];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct engine *e = gate_engine();
        struct committer *c = start(e);
        struct commit_stats before, after;
        int first = 0, last = 0;
        gate_enter(c, &first);
        commit_get_stats(c, &before);
        for (uint64_t n = 2; n < cases[i].count + 2; n++) {
            struct batch b;
            fill(&b, n);
            batch_put(&b, SPACE_BLOB, STR("bytes"), str_of(large, cases[i].bytes));
            commit_submit(c, &b, COMMIT_RELAXED, on_done, &last);
        }
        if (cases[i].beside) {
            while (commit_applied(c) < cases[i].count + 1) mini_turn();
            assert_int_equal(first, 0); /* its sync is held still */
        }
        gate_open();
        while (commit_applied(c) < cases[i].count + 1) mini_turn();
        while (!first) mini_turn();
        commit_get_stats(c, &after);
        if (!cases[i].beside) assert_int_equal(after.writes - before.writes, 1);
        committer_free(c);
        assert_int_equal(check_prefix(e), cases[i].count + 1);
        e->ops = gate.real;
        engine_close(e);
    }
}

static struct engine *open_rocks(const char *dir) {
    struct engine *e;
    struct error err = {0};
    struct engine_config cfg = {.dir = dir, .cache_bytes = 1 << 20};
    if (engine_rocksdb_open(&cfg, &e, &err) != 0) fail_msg("%s", err.text);
    return e;
}

struct told {
    int fd;
    uint64_t n;
};

static void tell(void *arg, int rc) {
    struct told *t = arg;
    if (rc == 0 && write(t->fd, &t->n, sizeof t->n) != sizeof t->n) abort();
    free(t);
}

/* The child commits until it is killed; each durable batch is told through the pipe. It is this program anew: a mere
 * fork would have the engine's locks and counts of threads, as the parent left them, and none of its threads. */
static _Noreturn void child_commits(const char *dir, int fd) {
    struct engine *e = open_rocks(dir);
    struct committer *c = start(e);
    uint64_t n = check_prefix(e);
    for (;;) {
        struct batch b;
        fill(&b, ++n);
        struct told *t = malloc(sizeof *t);
        *t = (struct told){fd, n};
        if (n % 4 == 0)
            commit_submit(c, &b, COMMIT_DURABLE, tell, t);
        else {
            commit_submit(c, &b, COMMIT_RELAXED, NULL, NULL);
            free(t);
        }
        if (commit_last(c) - commit_applied(c) > 40) mini_turn();
    }
}

enum { KILL_ROUNDS = 12 };

static void test_kill(void **state) {
    (void)state;
    char dir[TESTDIR_MAX];
    testdir_make(dir);
    uint64_t acked = 0;
    srandom(7);
    for (int round = 0; round < KILL_ROUNDS; round++) {
        int p[2];
        assert_int_equal(pipe(p), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            char fd[12];
            close(p[0]);
            (void)snprintf(fd, sizeof fd, "%d", p[1]);
            (void)execl("/proc/self/exe", "commit_test", dir, fd, (char *)NULL);
            _exit(127);
        }
        close(p[1]);
        struct pollfd told = {.fd = p[0], .events = POLLIN};
        if (round % 2 != 0) (void)poll(&told, 1, -1); /* the other rounds may well end while the engine opens */
        usleep((useconds_t)(20000 + random() % 60000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        for (uint64_t n; read(p[0], &n, sizeof n) == sizeof n;) {
            assert_true(n > acked);
            acked = n;
        }
        close(p[0]);
        struct engine *e = open_rocks(dir);
        assert_true(check_prefix(e) >= acked);
        engine_close(e);
    }
    assert_true(acked > 0);
    testdir_remove(dir);
}

enum { SECTOR = 512, LOG_MAX = 64 * 1024 * 1024 };

static void newest_log(const char *dir, char *path, size_t size) {
    char name[64] = "";
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);
        if (n > 4 && n < sizeof name && strcmp(e->d_name + n - 4, ".log") == 0 && strcmp(e->d_name, name) > 0)
            snprintf(name, sizeof name, "%s", e->d_name);
    }
    closedir(d);
    snprintf(path, size, "%s/%s", dir, name);
}

static void read_all(const char *path, struct buf *out) {
    buf_init(out, LOG_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (ssize_t n; (n = read(fd, buf_reserve(out, 65536), 65536)) > 0;) buf_commit(out, (size_t)n);
    close(fd);
}

/* A power cut leaves what was synced, and of what was written after it any sectors. */
static void cut_and_check(const char *dir, int round, const struct buf *synced, uint64_t acked) {
    char copy[TESTDIR_MAX + 16], log[TESTDIR_MAX * 2], there[TESTDIR_MAX * 2];
    struct buf now;
    snprintf(copy, sizeof copy, "%s-cut%d", dir, round);
    newest_log(dir, log, sizeof log);
    read_all(log, &now);
    testdir_copy(dir, copy);
    for (size_t at = 0; at < now.len; at += SECTOR) {
        size_t n = now.len - at < SECTOR ? now.len - at : SECTOR, old = at < synced->len ? synced->len - at : 0;
        if (old > n) old = n;
        if (random() % 3 != 0) continue; /* this one made it */
        memcpy(now.ptr + at, synced->ptr + at, old);
        memset(now.ptr + at + old, 0, n - old);
    }
    newest_log(copy, there, sizeof there);
    int fd = open(there, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, now.ptr, now.len), now.len);
    close(fd);
    buf_done(&now);
    struct engine *e = open_rocks(copy);
    assert_true(check_prefix(e) >= acked);
    engine_close(e);
    testdir_remove(copy);
}

enum { CUT_ROUNDS = 15 };

static void test_power_cut(void **state) {
    (void)state;
    char dir[TESTDIR_MAX], log[TESTDIR_MAX * 2];
    testdir_make(dir);
    struct engine *e = open_rocks(dir);
    struct committer *c = start(e);
    uint64_t n = 0;
    srandom(11);
    for (int round = 0; round < CUT_ROUNDS; round++) {
        struct batch b;
        struct buf synced_log;
        int synced = 0, written = 0;
        for (int i = 0; i < 20; i++) {
            fill(&b, ++n);
            commit_submit(c, &b, i == 19 ? COMMIT_DURABLE : COMMIT_RELAXED, on_done, i == 19 ? &synced : &written);
        }
        while (!synced) mini_turn();
        uint64_t acked = n;
        newest_log(dir, log, sizeof log);
        read_all(log, &synced_log);
        for (int i = 0; i < 10; i++) {
            fill(&b, ++n);
            commit_submit(c, &b, COMMIT_RELAXED, on_done, &written);
        }
        while (commit_applied(c) < n) mini_turn();
        cut_and_check(dir, round, &synced_log, acked);
        buf_done(&synced_log);
    }
    committer_free(c);
    engine_close(e);
    testdir_remove(dir);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_conflict),
        cmocka_unit_test(test_lazy_and_barriers),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_fail_stop),
        cmocka_unit_test(test_shared_together),
        cmocka_unit_test(test_beside_a_sync),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_power_cut),
    };
    uint64_t fd;
    if (argc == 3 && str_to_u64(str_from(argv[2]), INT32_MAX, &fd) == 0) child_commits(argv[1], (int)fd);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
