/* For tests of what runs in fibers: a loop for the time of one function. */
#ifndef IEMS_NET_NET_TEST_H
#define IEMS_NET_NET_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fiber.h"
#include "net/loop.h"

static void net_test_fiber(void *fn) {
    (*(void (**)(void))fn)();
    loop_stop();
}

/* Runs `fn` in a fiber until it returns, then ends the loop; nothing may be left. A test that failed has left its own
 * behind: its assertion jumped out of the fiber. */
static inline void run_in_fiber(void (*fn)(void)) {
    struct error err = {0};
    loop_abandon();
    assert_int_equal(loop_init(&err), 0);
    assert_int_equal(fiber_spawn("test", net_test_fiber, &fn, NULL), 0);
    loop_run();
    loop_done();
    assert_int_equal(fiber_count(), 0);
}

#define FIBER_TEST(name)                                                                                               \
    static void name##_body(void);                                                                                     \
    static void name(void **state) {                                                                                   \
        (void)state;                                                                                                   \
        run_in_fiber(name##_body);                                                                                     \
    }                                                                                                                  \
    static void name##_body(void)

/* A deadline that a working test does not reach, however slow the machine is. */
#define SOON (loop_now_ms() + 20000)

/* Waits in a fiber until the condition holds. */
#define WAIT_UNTIL(condition)                                                                                          \
    do {                                                                                                               \
        uint64_t until_ = SOON;                                                                                        \
        while (!(condition)) {                                                                                         \
            if (loop_now_ms() > until_) fail_msg("waited in vain for: %s", #condition);                                \
            assert_int_equal(fiber_sleep(1), 0);                                                                       \
        }                                                                                                              \
    } while (0)

/* Lets everything happen that needs no time to pass: each turn of the loop gives every fiber its go and looks at every
 * descriptor. Unlike a short sleep it does so however long the process is held up meanwhile. */
static inline void net_test_settle(void) {
    for (int i = 0; i < 200; i++) fiber_yield();
}

#endif
