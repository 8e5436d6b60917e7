/* Unit tests of the destination scheduler: SMTPC-05, SMTPC-06, SMTPC-08, PEER-10, LIM-23. */
#include "smtpc/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct sched_limits usual = {500, 20, 2, 100, 50};

/* The next session, its look-up done at once. */
static struct sched_destination *open_next(struct scheduler *s) {
    struct sched_destination *d = scheduler_next(s);
    if (d != NULL) assert_true(scheduler_open(s, d));
    return d;
}

/* Sessions that can be opened now, by name: "a a b". */
static void open_all(struct scheduler *s, char *out, size_t size) {
    out[0] = '\0';
    for (struct sched_destination *d; (d = open_next(s)) != NULL;) {
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

/* SQM-02 */
static void total_limit(void **state) {
    (void)state;
    static const struct sched_limits few = {3, 20, 2, 100, 50};
    struct scheduler *s = scheduler_new(&few);
    char opened[200];
    struct sched_destination *a = scheduler_ready(s, STR("a"), 100);
    scheduler_ready(s, STR("b"), 100);
    open_all(s, opened, sizeof opened);
    assert_string_equal(opened, "a b a");
    scheduler_ended(s, a, true);
    open_all(s, opened, sizeof opened);
    assert_string_equal(opened, "b"); /* its turn */
    scheduler_free(s);
}

/* SQM-04: grows from 2 with every message that is taken, up to the limit. */
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
    assert_ptr_equal(open_next(s), d);
    assert_true(scheduler_failed(s, d));
    assert_int_equal(d->failures, 1);
    assert_null(open_next(s)); /* rests until the store says that it is ready */
    scheduler_ended(s, d, true);
    assert_int_equal(scheduler_destinations(s), 1);
    assert_ptr_equal(scheduler_ready(s, STR("a"), 100), d);
    assert_ptr_equal(open_next(s), d);
    assert_null(open_next(s));
    assert_true(scheduler_failed(s, d));
    assert_int_equal(d->failures, 2);
    scheduler_ended(s, d, true);
    scheduler_ready(s, STR("a"), 100);
    assert_ptr_equal(open_next(s), d);
    scheduler_sent(s, d);
    assert_int_equal(d->failures, 0);
    assert_ptr_equal(open_next(s), d); /* back to the usual number */
    assert_null(open_next(s));
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
    scheduler_ended(s, d, true);
    assert_null(open_next(s));
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
        assert_ptr_equal(open_next(s), d);
        assert_int_equal(scheduler_broken(s, d), i == SCHED_BROKEN_MAX - 1);
        scheduler_taken(s, d, 10, 1);
        scheduler_ended(s, d, true);
    }
    assert_int_equal(d->failures, 1);
    assert_int_equal(scheduler_destinations(s), 1);
    d = scheduler_ready(s, STR("a"), 1);
    assert_ptr_equal(open_next(s), d);
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
    assert_ptr_equal(open_next(s), d);
    scheduler_taken(s, d, 10, 3);
    assert_int_equal(d->waiting, 0);
    scheduler_sent(s, d);
    scheduler_ended(s, d, true);
    assert_int_equal(scheduler_destinations(s), 0);
    /* failures are remembered, but not without end */
    for (int i = 0; i < SCHED_REMEMBERED_MAX + 10; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "d%d", i);
        d = scheduler_ready(s, str_from(name), 1);
        assert_ptr_equal(open_next(s), d);
        assert_true(scheduler_failed(s, d));
        scheduler_ended(s, d, true);
    }
    assert_int_equal(scheduler_destinations(s), SCHED_REMEMBERED_MAX);
    scheduler_free(s);
}

/* A session that took all there is goes on waiting; news reopens nothing while it can take it itself. */
static void idle_session(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    struct sched_destination *d = scheduler_ready(s, STR("a"), 1);
    assert_ptr_equal(open_next(s), d);
    scheduler_taken(s, d, 10, 1);
    scheduler_ready(s, STR("a"), 1);
    assert_null(open_next(s));
    scheduler_ready(s, STR("a"), 9);
    assert_ptr_equal(open_next(s), d);
    scheduler_free(s);
}

/* PEER-10: what the administrator says of one destination goes before the general limit, both ways. */
static void own_limit(void **state) {
    (void)state;
    static const struct { unsigned max, want; } cases[] = {{0, 20}, {1, 1}, {3, 3}, {30, 30}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scheduler *s = scheduler_new(&usual);
        char opened[400];
        struct sched_destination *d = scheduler_ready(s, STR("a"), 1000);
        scheduler_ended(s, open_next(s), true);
        d->max = cases[i].max;
        for (int k = 0; k < 60; k++) scheduler_sent(s, d);
        scheduler_ready(s, STR("a"), 1000);
        open_all(s, opened, sizeof opened);
        assert_int_equal(d->sessions, cases[i].want);
        scheduler_free(s);
    }
}

/* A destination that takes one connection at a time is asked for a second ever more rarely. */
static void one_at_a_time(void **state) {
    (void)state;
    struct scheduler *s = scheduler_new(&usual);
    struct sched_destination *d = scheduler_ready(s, STR("a"), 1000000);
    unsigned refused = 0;
    assert_ptr_equal(open_next(s), d);
    for (int i = 0; i < 20000; i++) {
        scheduler_sent(s, d);
        if (open_next(s) == NULL) continue;
        assert_false(scheduler_failed(s, d));
        scheduler_ended(s, d, true);
        refused++;
    }
    assert_in_range(refused, 5, 12);
    assert_int_equal(d->sessions, 1);
    assert_int_equal(d->failures, 0);
    for (int i = 0; i < 40000; i++) { /* now it takes more */
        scheduler_sent(s, d);
        (void)open_next(s);
    }
    assert_in_range(d->sessions, 4, 20);
    scheduler_free(s);
}

/* Look-ups have a limit of their own: those that get no answer do not take the connections away. */
static void lookups(void **state) {
    (void)state;
    static const struct sched_limits limits = {2, 20, 2, 5, 50};
    struct scheduler *s = scheduler_new(&limits);
    char name[8];
    for (int i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof name, "dead%d", i);
        scheduler_ready(s, str_from(name), 100);
        assert_non_null(scheduler_next(s));
        assert_null(scheduler_next(s)); /* one look-up for a destination */
    }
    struct sched_destination *a = scheduler_ready(s, STR("a"), 100);
    assert_ptr_equal(open_next(s), a);
    assert_ptr_equal(open_next(s), a);
    assert_int_equal(scheduler_open_sessions(s), 2);
    assert_int_equal(scheduler_lookups(s), 4);
    assert_null(scheduler_next(s)); /* all connections are in use */
    struct sched_destination *dead = scheduler_find(s, STR("dead0"));
    assert_false(scheduler_open(s, dead)); /* it waits for its turn */
    scheduler_ended(s, a, true);
    assert_true(scheduler_open(s, dead));
    scheduler_ended(s, dead, true);
    for (int i = 4; i < 9; i++) {
        (void)snprintf(name, sizeof name, "dead%d", i);
        scheduler_ready(s, str_from(name), 100);
    }
    unsigned begun = 0;
    while (scheduler_next(s) != NULL) begun++;
    assert_int_equal(scheduler_lookups(s), 5);
    assert_int_equal(begun, 2);
    scheduler_ended(s, scheduler_find(s, STR("dead1")), false);
    assert_int_equal(scheduler_lookups(s), 4);
    scheduler_free(s);
}

/* SQM-07: destinations that failed before get a share only, and take turns with the others. */
static void failed_ones(void **state) {
    (void)state;
    static const struct sched_limits limits = {500, 20, 2, 100, 3};
    struct scheduler *s = scheduler_new(&limits);
    char name[8], opened[400];
    for (int i = 0; i < 6; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        struct sched_destination *d = scheduler_ready(s, str_from(name), 100);
        assert_ptr_equal(open_next(s), d);
        assert_true(scheduler_failed(s, d));
        scheduler_ended(s, d, true);
    }
    for (int i = 0; i < 6; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        scheduler_ready(s, str_from(name), 100);
    }
    scheduler_ready(s, STR("a"), 1);
    scheduler_ready(s, STR("b"), 1);
    open_all(s, opened, sizeof opened);
    assert_string_equal(opened, "f0 a f1 b f2");
    struct sched_destination *d = scheduler_find(s, STR("f1"));
    scheduler_sent(s, d); /* it works: no probe any more */
    open_all(s, opened, sizeof opened);
    assert_string_equal(opened, "f3 f1");
    scheduler_ended(s, scheduler_find(s, STR("f0")), true);
    open_all(s, opened, sizeof opened);
    assert_string_equal(opened, "f4"); /* in turn; three at a time */
    scheduler_free(s);
}

/* A destination that works and wants no connection now is not down: with sessions it goes on with those; without, it is
 * asked again soon, a few times. */
static void busy_ones(void **state) {
    (void)state;
    static const struct {
        unsigned sessions; /* that are open when one is refused */
        bool works;        /* it took a message before */
        unsigned times;    /* that it refuses */
        bool rests;
        unsigned busy_s, failures, limit;
    } cases[] = {
        {1, false, 1, true, 0, 1, 1}, /* never seen to work: as one that is down */
        {1, true, 1, true, 1, 0, 1},
        {1, true, 3, true, 4, 0, 1},
        {1, true, SCHED_BUSY_MAX, true, 32, 0, 1},
        {1, true, SCHED_BUSY_MAX + 1, true, 0, 1, 1},
        {1, true, SCHED_BUSY_MAX + 2, true, 0, 2, 1},
        {2, true, 1, false, 0, 0, 1},
        {3, true, 1, false, 0, 0, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scheduler *s = scheduler_new(&usual);
        struct sched_destination *d = scheduler_ready(s, STR("a"), 100);
        assert_ptr_equal(open_next(s), d);
        if (cases[i].works) scheduler_sent(s, d);
        if (cases[i].works) scheduler_sent(s, d);
        while (d->sessions < cases[i].sessions) assert_ptr_equal(open_next(s), d);
        bool rests = false;
        for (unsigned k = 0; k < cases[i].times; k++) {
            rests = scheduler_busy(s, d);
            if (!rests) break;
            assert_null(open_next(s));
            if (k + 1 == cases[i].times) break;
            scheduler_ended(s, d, true);
            assert_ptr_equal(scheduler_ready(s, STR("a"), 100), d); /* it is remembered */
            assert_ptr_equal(open_next(s), d);
        }
        assert_int_equal(rests, cases[i].rests);
        assert_int_equal(scheduler_busy_s(d), cases[i].busy_s);
        assert_int_equal(d->failures, cases[i].failures);
        assert_int_equal(d->limit, cases[i].limit);
        scheduler_free(s);
    }
}

/* LIM-23: where all look-ups, or all connections, are used by destinations that give no answer, these make room; they
 * stand with those that failed from then on, and are not among those for which room is made. */
static void slow_ones(void **state) {
    (void)state;
    static const struct {
        struct sched_limits limits;
        bool open; /* they hang while connecting, not while looking up */
    } cases[] = {{{500, 20, 2, 4, 2}, false}, {{4, 20, 2, 100, 2}, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scheduler *s = scheduler_new(&cases[i].limits);
        struct sched_destination *held[16] = {NULL};
        size_t count = 0;
        char name[16];
        for (int k = 0; k < 8; k++) {
            (void)snprintf(name, sizeof name, "silent%d", k);
            scheduler_ready(s, str_from(name), 1);
        }
        struct sched_destination *fresh = scheduler_ready(s, STR("fresh"), 1);
        unsigned rounds = 0;
        for (; fresh->sessions == 0; rounds++) {
            for (struct sched_destination *d; (d = scheduler_next(s)) != NULL;) {
                if (cases[i].open) assert_true(scheduler_open(s, d));
                held[count++] = d;
            }
            struct sched_short lack = scheduler_short(s);
            if (rounds == 0) assert_int_equal(cases[i].open ? lack.connections : lack.lookups, 5 + 2);
            assert_int_equal(cases[i].open ? lack.lookups : lack.connections, 0);
            assert_in_range(scheduler_probes(s), 0, 2);
            size_t kept = 0;
            for (size_t k = 0; k < count; k++) {
                if (held[k]->probing || held[k] == fresh) {
                    held[kept++] = held[k];
                    continue;
                }
                scheduler_slow(s, held[k]);
                assert_int_equal(held[k]->failures, 0); /* nothing is known against it */
                scheduler_ended(s, held[k], cases[i].open);
            }
            count = kept;
        }
        assert_in_range(rounds, 2, 4);
        assert_int_equal(scheduler_probes(s), 2);
        struct sched_destination *d = held[0];
        assert_true(d->probing);
        scheduler_sent(s, d); /* it answers after all */
        assert_false(d->slow);
        assert_int_equal(scheduler_probes(s), 1);
        scheduler_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns),         cmocka_unit_test(total_limit),       cmocka_unit_test(growth),
        cmocka_unit_test(probe),         cmocka_unit_test(too_many_sessions), cmocka_unit_test(forgotten),
        cmocka_unit_test(idle_session),  cmocka_unit_test(broken_sessions),   cmocka_unit_test(own_limit),
        cmocka_unit_test(one_at_a_time), cmocka_unit_test(lookups),           cmocka_unit_test(failed_ones),
        cmocka_unit_test(busy_ones),     cmocka_unit_test(slow_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
