/* Unit tests of the destination scheduler: SMTPC-05, SMTPC-06, SMTPC-08, PEER-10, LIM-23. */
#include "smtpc/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct sched_limits usual = {500, 20, 2};

/* Sessions that can be opened now, by name: "a a b". */
static void open_all(struct scheduler *s, char *out, size_t size) {
    out[0] = '\0';
    for (struct sched_destination *d; (d = scheduler_next(s)) != NULL;) {
        size_t n = strlen(out);
        (void)snprintf(out + n, size - n, "%s%s", n > 0 ? " " : "", d->name);
    }
}

static void turns(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    char opened[200];
    scheduler_ready(s, STR("a"), 100);
    scheduler_ready(s, STR("b"), 100);
    scheduler_ready(s, STR("c"), 1);
    open_all(s, opened, sizeof opened);
    assert_string_equal(opened, "a b c a b"); /* in turn; one message needs one session */
    assert_int_equal(scheduler_sessions(s), 5);
    scheduler_free(s);
}

static void total_limit(void **state) {
    (void)state;
    static const struct sched_limits few = {3, 20, 2};
    struct scheduler *s = scheduler_new(&few);
    char opened[200];
    struct sched_destination *a = scheduler_ready(s, STR("a"), 100);
    scheduler_ready(s, STR("b"), 100);
    open_all(s, opened, sizeof opened);
    assert_string_equal(opened, "a b a");
    scheduler_ended(s, a);
    open_all(s, opened, sizeof opened);
    assert_string_equal(opened, "b"); /* its turn */
    scheduler_free(s);
}

/* Grows from 2 with every message that is taken, up to the limit. */
static void growth(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    char opened[400];
    struct sched_destination *d = scheduler_ready(s, STR("a"), 1000);
    open_all(s, opened, sizeof opened);
    assert_int_equal(d->sessions, 2);
    scheduler_sent(s, d);
    open_all(s, opened, sizeof opened);
    assert_int_equal(d->sessions, 3);
    for (int i = 0; i < 50; i++) scheduler_sent(s, d);
    open_all(s, opened, sizeof opened);
    assert_int_equal(d->sessions, 20);
    scheduler_free(s);
}

/* A failed destination is probed by one session, whatever waits (SMTPC-06). */
static void probe(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    struct sched_destination *d = scheduler_ready(s, STR("a"), 100);
    assert_ptr_equal(scheduler_next(s), d);
    assert_true(scheduler_failed(s, d));
    assert_int_equal(d->failures, 1);
    assert_null(scheduler_next(s)); /* rests until the store says that it is ready */
    scheduler_ended(s, d);
    assert_int_equal(scheduler_destinations(s), 1);
    assert_ptr_equal(scheduler_ready(s, STR("a"), 100), d);
    assert_ptr_equal(scheduler_next(s), d);
    assert_null(scheduler_next(s));
    assert_true(scheduler_failed(s, d));
    assert_int_equal(d->failures, 2);
    scheduler_ended(s, d);
    scheduler_ready(s, STR("a"), 100);
    assert_ptr_equal(scheduler_next(s), d);
    scheduler_sent(s, d);
    assert_int_equal(d->failures, 0);
    assert_ptr_equal(scheduler_next(s), d); /* back to the usual number */
    assert_null(scheduler_next(s));
    scheduler_free(s);
}

/* When some sessions work and one more is refused, the destination does not rest. */
static void too_many_sessions(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    char opened[100];
    struct sched_destination *d = scheduler_ready(s, STR("a"), 100);
    open_all(s, opened, sizeof opened);
    assert_false(scheduler_failed(s, d));
    scheduler_ended(s, d);
    assert_null(scheduler_next(s));
    assert_int_equal(d->sessions, 1);
    assert_true(scheduler_failed(s, d));
    assert_false(scheduler_failed(s, d)); /* told once */
    scheduler_free(s);
}

/* One message that makes the server hang up does not make the destination rest; several in a row do. */
static void broken_sessions(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    struct sched_destination *d = NULL;
    for (int i = 0; i < SCHED_BROKEN_MAX; i++) {
        d = scheduler_ready(s, STR("a"), 1);
        assert_ptr_equal(scheduler_next(s), d);
        assert_int_equal(scheduler_broken(s, d), i == SCHED_BROKEN_MAX - 1);
        scheduler_taken(s, d, 10, 1);
        scheduler_ended(s, d);
    }
    assert_int_equal(d->failures, 1);
    assert_int_equal(scheduler_destinations(s), 1);
    d = scheduler_ready(s, STR("a"), 1);
    assert_ptr_equal(scheduler_next(s), d);
    assert_false(scheduler_broken(s, d));
    scheduler_sent(s, d); /* begins anew */
    assert_false(scheduler_broken(s, d));
    assert_false(scheduler_broken(s, d));
    scheduler_free(s);
}

static void forgotten(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    struct sched_destination *d = scheduler_ready(s, STR("a"), 3);
    assert_ptr_equal(scheduler_next(s), d);
    scheduler_taken(s, d, 10, 3);
    assert_int_equal(d->waiting, 0);
    scheduler_sent(s, d);
    scheduler_ended(s, d);
    assert_int_equal(scheduler_destinations(s), 0);
    /* failures are remembered, but not without end */
    for (int i = 0; i < SCHED_REMEMBERED_MAX + 10; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "d%d", i);
        d = scheduler_ready(s, str_from(name), 1);
        assert_ptr_equal(scheduler_next(s), d);
        assert_true(scheduler_failed(s, d));
        scheduler_ended(s, d);
    }
    assert_int_equal(scheduler_destinations(s), SCHED_REMEMBERED_MAX);
    scheduler_free(s);
}

/* A session that took all there is goes on waiting; news reopens nothing while it can take it itself. */
static void idle_session(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    struct sched_destination *d = scheduler_ready(s, STR("a"), 1);
    assert_ptr_equal(scheduler_next(s), d);
    scheduler_taken(s, d, 10, 1);
    scheduler_ready(s, STR("a"), 1);
    assert_null(scheduler_next(s));
    scheduler_ready(s, STR("a"), 9);
    assert_ptr_equal(scheduler_next(s), d);
    scheduler_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns),        cmocka_unit_test(total_limit),       cmocka_unit_test(growth),
        cmocka_unit_test(probe),        cmocka_unit_test(too_many_sessions), cmocka_unit_test(forgotten),
        cmocka_unit_test(idle_session), cmocka_unit_test(broken_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
