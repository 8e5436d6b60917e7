/* See join.h. One fiber waits for the far side, the caller's own for the near one; the latter moves all bytes, so that
 * no stream is used by two at a time. */
#include "net/join.h"

#include "net/fiber.h"
#include "net/loop.h"

struct joint {
    struct stream *far;
    struct cond wake;  /* of the caller's fiber: the far side has sent something, or ended */
    struct cond taken; /* of the other one */
    bool ready, over, ended;
};

static void watch_far(void *arg) {
    struct joint *j = arg;
    while (!j->over) {
        int rc = stream_wait_input(j->far, &j->taken, DEADLINE_NEVER);
        if (rc == ERR_AGAIN) continue;
        j->ready = true;
        cond_signal(&j->wake);
        while (j->ready && !j->over)
            if (cond_wait(&j->taken, DEADLINE_NEVER) != 0) j->over = true;
    }
    j->ended = true;
    cond_signal(&j->wake);
}

static int pass(struct stream *from, struct stream *to) {
    struct str bytes = stream_peek(from);
    int rc = stream_put(to, bytes);
    stream_consume(from, bytes.len);
    return rc < 0 ? rc : stream_flush(to);
}

static int move(struct stream *from, struct stream *to, uint64_t deadline_ms) {
    int rc = stream_fill(from, deadline_ms);
    return rc < 0 ? rc : pass(from, to);
}

static int carry(struct joint *j, struct stream *near, const struct join_limits *limits) {
    int rc = pass(near, j->far);
    if (rc == 0) rc = pass(j->far, near);
    while (rc == 0 && !*limits->stop) {
        uint64_t deadline = loop_now_ms() + limits->idle_ms;
        if (j->ready) {
            rc = move(j->far, near, deadline);
            j->ready = false;
            cond_signal(&j->taken);
            continue;
        }
        rc = stream_wait_input(near, &j->wake, deadline);
        if (rc == 0)
            rc = move(near, j->far, deadline);
        else if (rc == ERR_AGAIN)
            rc = 0;
    }
    return rc;
}

int stream_join(struct stream *near, struct stream *far, const struct join_limits *limits) {
    struct joint j = {.far = far};
    cond_init(&j.wake);
    cond_init(&j.taken);
    int rc = fiber_spawn("joined", watch_far, &j, NULL);
    if (rc < 0) return rc;
    rc = carry(&j, near, limits);
    j.over = true;
    cond_broadcast(&j.taken);
    while (!j.ended)
        if (cond_wait(&j.wake, DEADLINE_NEVER) != 0) continue; /* it ends at once, and uses what is ours until then */
    return rc;
}
