/* Fibers, their waits, conditions, semaphores, timers, signals, other threads. */
#include "net/fiber_private.h"
#include "net/net_test.h"
#include "net/watch.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int counter;
static char order[64];
static struct cond cond;
static struct semaphore semaphore;

static void note(char c) {
    size_t n = strlen(order);
    assert_true(n + 1 < sizeof order);
    order[n] = c;
    order[n + 1] = '\0';
}

static void count_one(void *arg) {
    (void)arg;
    counter++;
    assert_int_equal(fiber_sleep(1), 0);
    counter++;
}

FIBER_TEST(ten_thousand_fibers) {
#ifdef CONTEXT_TSAN
    enum { MANY = 500 }; /* it keeps much for each */
#else
    enum { MANY = 10000 };
#endif
    counter = 0;
    for (int i = 0; i < MANY; i++) assert_int_equal(fiber_spawn("one", count_one, NULL, NULL), 0);
    assert_int_equal(fiber_count(), MANY + 1);
    assert_int_equal(counter, 0); /* a new fiber waits for its turn */
    while (fiber_count() > 1) assert_int_equal(fiber_sleep(5), 0);
    assert_int_equal(counter, 2 * MANY);
}

static void parked(void *arg) {
    int *result = arg;
    *result = fiber_park(SOON);
    note('p');
}

FIBER_TEST(wake_ends_a_park) {
    struct fiber *f;
    int result = 1;
    order[0] = '\0';
    assert_int_equal(fiber_spawn("parked", parked, &result, &f), 0);
    assert_string_equal(fiber_name(f), "parked");
    fiber_yield();
    assert_int_equal(result, 1);
    fiber_wake(f);
    fiber_wake(f); /* twice is once */
    note('m');
    assert_int_equal(result, 1); /* no nested resume */
    fiber_yield();
    assert_int_equal(result, 0);
    assert_string_equal(order, "mp");
}

FIBER_TEST(wake_while_running_is_remembered_once) {
    fiber_wake(fiber_self());
    fiber_wake(fiber_self());
    assert_int_equal(fiber_park(SOON), 0);
    assert_int_equal(fiber_park(loop_now_ms() + 2), ERR_TIMEOUT);
}

FIBER_TEST(wake_before_the_first_run_is_remembered) {
    struct fiber *f;
    int result = 1;
    assert_int_equal(fiber_spawn("parked", parked, &result, &f), 0);
    fiber_wake(f);
    fiber_yield();
    assert_int_equal(result, 0);
}

FIBER_TEST(park_times_out) {
    uint64_t start = loop_now_ms();
    assert_int_equal(fiber_park(start + 20), ERR_TIMEOUT);
    assert_in_range(loop_now_ms(), start + 20, SOON);
    assert_int_equal(fiber_park(start), ERR_TIMEOUT); /* past */
}

struct sleeper {
    uint64_t far, near;
    int rc[2];
};

static void two_deadlines(void *arg) {
    struct sleeper *s = arg;
    s->rc[0] = fiber_park(loop_now_ms() + s->far);
    s->rc[1] = fiber_park(loop_now_ms() + s->near);
    counter++;
}

/* A near deadline after a far one that was not reached, and the other way round, in random numbers. */
FIBER_TEST(deadlines_are_corrected) {
    enum { MANY = 500 };
    static struct sleeper s[MANY];
    static struct fiber *f[MANY];
    counter = 0;
    srand(7);
    for (int i = 0; i < MANY; i++) {
        s[i] = (struct sleeper){.far = 20000 + (uint64_t)rand() % 1000, .near = (uint64_t)rand() % 30, .rc = {1, 1}};
        assert_int_equal(fiber_spawn("sleeper", two_deadlines, &s[i], &f[i]), 0);
    }
    assert_int_equal(fiber_sleep(2), 0);
    for (int i = 0; i < MANY; i++) fiber_wake(f[i]);
    uint64_t start = loop_now_ms();
    while (fiber_count() > 1) assert_int_equal(fiber_sleep(1), 0);
    assert_in_range(loop_now_ms() - start, 0, 5000);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(s[i].rc[0], 0);
        assert_int_equal(s[i].rc[1], ERR_TIMEOUT);
    }
}

static void cancelled(void *arg) {
    (void)arg;
    assert_int_equal(fiber_park(DEADLINE_NEVER), ERR_CANCELLED);
    assert_true(fiber_cancelled());
    assert_int_equal(fiber_sleep(1000), ERR_CANCELLED);
    assert_int_equal(cond_wait(&cond, DEADLINE_NEVER), ERR_CANCELLED);
    assert_int_equal(semaphore_take(&semaphore, DEADLINE_NEVER), ERR_CANCELLED);
    counter++;
}

FIBER_TEST(cancel_ends_every_wait) {
    struct fiber *f;
    counter = 0;
    cond_init(&cond);
    semaphore_init(&semaphore, 1);
    assert_int_equal(fiber_spawn("cancelled", cancelled, NULL, &f), 0);
    fiber_yield();
    fiber_cancel(f);
    fiber_yield();
    assert_int_equal(counter, 1);
    assert_int_equal(semaphore.free, 1);
}

static void wait_cond(void *arg) {
    int rc = cond_wait(&cond, SOON);
    note(rc == 0 ? *(char *)arg : '!');
}

FIBER_TEST(cond_wakes_in_order_of_arrival) {
    static char names[] = "abcde";
    order[0] = '\0';
    cond_init(&cond);
    cond_signal(&cond); /* nobody: not remembered */
    for (int i = 0; i < 5; i++) assert_int_equal(fiber_spawn("waiter", wait_cond, &names[i], NULL), 0);
    fiber_yield();
    assert_string_equal(order, "");
    cond_signal(&cond);
    cond_signal(&cond);
    fiber_yield();
    assert_string_equal(order, "ab");
    cond_broadcast(&cond);
    fiber_yield();
    assert_string_equal(order, "abcde");
    assert_int_equal(cond_wait(&cond, loop_now_ms() + 2), ERR_TIMEOUT);
    assert_true(list_empty(&cond.waiters));
}

FIBER_TEST(a_signal_is_not_lost_to_a_cancel_of_the_same_moment) {
    struct fiber *f;
    static char name = 'a';
    order[0] = '\0';
    cond_init(&cond);
    assert_int_equal(fiber_spawn("waiter", wait_cond, &name, &f), 0);
    fiber_yield();
    cond_signal(&cond);
    fiber_cancel(f);
    fiber_yield();
    assert_string_equal(order, "a");
}

static int inside, most;

static void in_semaphore(void *arg) {
    (void)arg;
    assert_int_equal(semaphore_take(&semaphore, SOON), 0);
    if (++inside > most) most = inside;
    assert_int_equal(fiber_sleep(1), 0);
    inside--;
    semaphore_give(&semaphore);
}

FIBER_TEST(semaphore_limits) {
    inside = most = 0;
    semaphore_init(&semaphore, 3);
    for (int i = 0; i < 20; i++) assert_int_equal(fiber_spawn("permit", in_semaphore, NULL, NULL), 0);
    while (fiber_count() > 1) assert_int_equal(fiber_sleep(1), 0);
    assert_int_equal(most, 3);
    assert_int_equal(semaphore.free, 3);
}

FIBER_TEST(semaphore_times_out) {
    semaphore_init(&semaphore, 0);
    assert_int_equal(semaphore_take(&semaphore, loop_now_ms() + 2), ERR_TIMEOUT);
    semaphore_give(&semaphore);
    assert_int_equal(semaphore_take(&semaphore, SOON), 0);
}

static struct loop_timer *timer;

static void tick(void *arg) {
    if (++counter < 3) return;
    loop_timer_free(timer); /* from its own callback */
    fiber_wake(arg);
}

FIBER_TEST(timers_repeat) {
    counter = 0;
    timer = loop_timer_new(1, 1, tick, fiber_self());
    assert_non_null(timer);
    assert_int_equal(fiber_park(SOON), 0);
    assert_int_equal(counter, 3);
    assert_non_null(loop_timer_new(100000, 0, tick, NULL)); /* freed with the loop */
}

static void signalled(int signum, void *arg) {
    counter = signum;
    fiber_wake(arg);
}

FIBER_TEST(signals_come_through_the_loop) {
    counter = 0;
    assert_int_equal(loop_on_signal(SIGUSR1, signalled, fiber_self()), 0);
    raise(SIGUSR1);
    assert_int_equal(counter, 0);
    assert_int_equal(fiber_park(SOON), 0);
    assert_int_equal(counter, SIGUSR1);
}

static pthread_t loop_thread;
static int on_loop;

static void posted(void *arg) {
    (void)arg;
    if (pthread_equal(pthread_self(), loop_thread)) on_loop++;
}

static void post_many(void *arg) {
    (void)arg;
    assert_false(pthread_equal(pthread_self(), loop_thread));
    for (int i = 0; i < 100; i++) loop_post(posted, NULL);
}

static void work_one(void *arg) {
    (void)arg;
    assert_int_equal(work_run(post_many, NULL), 0);
    counter++;
}

FIBER_TEST(work_runs_on_threads_and_posts_back) {
    counter = on_loop = 0;
    loop_thread = pthread_self();
    work_set_threads(3);
    for (int i = 0; i < 20; i++) assert_int_equal(fiber_spawn("work", work_one, NULL, NULL), 0);
    while (fiber_count() > 1) assert_int_equal(fiber_sleep(1), 0);
    assert_int_equal(counter, 20);
    assert_int_equal(on_loop, 2000);
}

static void held_work(void *arg) {
    sem_t *go = arg;
    while (sem_wait(go) != 0) continue;
}

static void work_held(void *arg) {
    assert_int_equal(work_run(held_work, arg), 0);
    counter++;
}

FIBER_TEST(work_cannot_be_cancelled) {
    struct fiber *f;
    sem_t go;
    counter = 0;
    assert_int_equal(sem_init(&go, 0, 0), 0);
    assert_int_equal(fiber_spawn("work", work_held, &go, &f), 0);
    assert_int_equal(fiber_sleep(5), 0);
    fiber_cancel(f);
    net_test_settle();
    assert_int_equal(counter, 0);
    assert_int_equal(sem_post(&go), 0);
    while (fiber_count() > 1) assert_int_equal(fiber_sleep(1), 0);
    assert_int_equal(counter, 1);
}

FIBER_TEST(wait_for_a_descriptor) {
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(fiber_wait_fd(sv[0], FIBER_READ, loop_now_ms() + 2), ERR_TIMEOUT);
    assert_int_equal(fiber_wait_fd(sv[0], FIBER_WRITE, SOON), 0);
    assert_int_equal(write(sv[1], "x", 1), 1);
    assert_int_equal(fiber_wait_fd(sv[0], FIBER_READ, SOON), 0);
    assert_int_equal(fiber_wait_fd(sv[0], FIBER_READ | FIBER_WRITE, SOON), 0);
    close(sv[0]);
    close(sv[1]);
    assert_int_equal(fiber_wait_fd(sv[0], FIBER_READ, SOON), ERR_IO);
}

/* Touches n frames of nearly a page. */
static __attribute__((noinline)) int deep(int n) {
    char page[4000];
    memset(page, n, sizeof page);
    __asm__ volatile("" : : "r"(page) : "memory");
    return n == 0 ? page[1] : deep(n - 1) + page[2];
}

FIBER_TEST(trimmed_stack_is_usable) {
    for (int i = 0; i < 3; i++) {
        char keep[] = "kept";
        assert_int_equal(deep(20), 210);
        fiber_trim_stack();
        assert_string_equal(keep, "kept");
    }
}

/* Resident pages of the process. */
static long resident(void) {
    long size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &size, &pages), 2);
    (void)fclose(f);
    return pages;
}

static void deep_then_idle(void *arg) {
    (void)arg;
    char keep[] = "kept";
    assert_int_equal(deep(20), 210);
    while (fiber_park(DEADLINE_NEVER) == 0) assert_string_equal(keep, "kept");
}

/* Who waits long gives its stack back without doing anything for it. */
FIBER_TEST(idle_stacks_are_trimmed) {
    enum { MANY = 100 };
    for (int i = 0; i < MANY; i++) assert_int_equal(fiber_spawn("idle", deep_then_idle, NULL, NULL), 0);
    fiber_yield();
    long before = resident();
    assert_in_range(fibers_trim(loop_now_ms()), loop_now_ms(), loop_now_ms() + FIBER_TRIM_AFTER_MS);
    assert_true(resident() > before - MANY);
    (void)fibers_trim(loop_now_ms() + 2 * FIBER_TRIM_AFTER_MS);
#if !defined(CONTEXT_ASAN) && !defined(CONTEXT_TSAN) && !defined(CONTEXT_UCONTEXT)
    assert_true(resident() < before - MANY * 15);
#endif
    assert_true(fibers_trim(loop_now_ms() + 3 * FIBER_TRIM_AFTER_MS) == DEADLINE_NEVER);
}

static void endless(void *arg) {
    (void)arg;
    while (fiber_sleep(100000) == 0) {
    }
    counter++;
}

FIBER_TEST(what_is_left_is_cancelled_by_loop_done) {
    counter = 0;
    for (int i = 0; i < 10; i++) assert_int_equal(fiber_spawn("endless", endless, NULL, NULL), 0);
    fiber_yield();
}

#ifndef CONTEXT_TSAN /* it knows no jump to the stack of another fiber */
static jmp_buf runner;
static bool jumped;

static void note_a_tick(void *arg) {
    (void)arg;
}

static void fails_and_jumps(void) {
    assert_non_null(loop_timer_new(1, 1, note_a_tick, NULL));
    for (int i = 0; i < 10; i++) assert_int_equal(fiber_spawn("endless", endless, NULL, NULL), 0);
    assert_int_equal(fiber_sleep(1), 0);
    jumped = true;
    longjmp(runner, 1); /* as a failed assertion does */
}

static void run_one_that_fails(void) {
    jumped = false;
    if (setjmp(runner) == 0) run_in_fiber(fails_and_jumps);
    assert_true(jumped);
}

/* So that one that fails hides no other. */
static void a_failed_test_leaves_a_clean_loop_to_the_next(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        run_one_that_fails();
        what_is_left_is_cancelled_by_loop_done(NULL);
        assert_int_equal(counter, 10); /* those of this one, none of those that were left */
    }
    loop_abandon(); /* there is none */
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_fibers),
        cmocka_unit_test(wake_ends_a_park),
        cmocka_unit_test(wake_while_running_is_remembered_once),
        cmocka_unit_test(wake_before_the_first_run_is_remembered),
        cmocka_unit_test(park_times_out),
        cmocka_unit_test(deadlines_are_corrected),
        cmocka_unit_test(cancel_ends_every_wait),
        cmocka_unit_test(cond_wakes_in_order_of_arrival),
        cmocka_unit_test(a_signal_is_not_lost_to_a_cancel_of_the_same_moment),
        cmocka_unit_test(semaphore_limits),
        cmocka_unit_test(semaphore_times_out),
        cmocka_unit_test(timers_repeat),
        cmocka_unit_test(signals_come_through_the_loop),
        cmocka_unit_test(work_runs_on_threads_and_posts_back),
        cmocka_unit_test(work_cannot_be_cancelled),
        cmocka_unit_test(wait_for_a_descriptor),
        cmocka_unit_test(trimmed_stack_is_usable),
        cmocka_unit_test(idle_stacks_are_trimmed),
        cmocka_unit_test(what_is_left_is_cancelled_by_loop_done),
#ifndef CONTEXT_TSAN
        cmocka_unit_test(a_failed_test_leaves_a_clean_loop_to_the_next),
#endif
    };
    return cmocka_run_group_tests_name("fiber", tests, NULL, NULL);
}
