/* Modules that no longer answer are killed and so started again; the service manager's watchdog is fed. */
#include "responder/responder.h"

#include "net/loop.h"

#include <signal.h>
#include <stdlib.h>

enum { HEALTH_MS = 10000, HEALTH_MIN_MS = 1000, QUESTIONS = 3 };

void health_ping_all(struct responder *r) {
    Control__Ping ping = CONTROL__PING__INIT;
    ping.n = ++r->ping;
    for (size_t i = 0; i < module_count; i++) {
        for (unsigned k = 0; k < r->modules[i].worker_count; k++) {
            struct worker *w = &r->modules[i].workers[k];
            if (w->state != WORKER_READY || !worker_speaks(w)) continue;
            if (w->pong == 0) w->pong = r->ping - 1; /* the first since it is ready */
            (void)!worker_send(w, &PACKET(PING, ping, &ping), NULL, 0);
        }
    }
}

static bool all_answered(const struct responder *r) {
    for (size_t i = 0; i < module_count; i++) {
        for (unsigned k = 0; k < r->modules[i].worker_count; k++) {
            const struct worker *w = &r->modules[i].workers[k];
            if (w->state == WORKER_READY && worker_speaks(w) && w->pong < r->ping) return false;
        }
    }
    return true;
}

void health_await_all(struct responder *r, uint64_t deadline_ms) {
    health_ping_all(r);
    while (!all_answered(r) && cond_wait(&r->pong, deadline_ms) == 0) {
    }
}

static void check_silent(struct responder *r, unsigned most) {
    for (size_t i = 0; i < module_count; i++) {
        for (unsigned k = 0; k < r->modules[i].worker_count; k++) {
            struct worker *w = &r->modules[i].workers[k];
            if (w->state != WORKER_READY || !worker_speaks(w)) continue;
            if (w->pong == w->pong_checked) {
                w->silent++;
            } else {
                w->silent = 0;
                w->pong_checked = w->pong;
            }
            if (w->silent < most) continue;
            log_event(LOG_ERROR, "-", "module-silent", "module=%s worker=%u pid=%d action=kill", w->module->def->name,
                      w->index, (int)w->pid);
            w->kill_now = true;
            (void)kill(w->pid, SIGKILL); /* a stopped process would not see another */
        }
    }
}

/* QUESTIONS at least fit into the time that a module has to answer; the service manager must be told in time too. */
static uint64_t interval_ms(uint64_t timeout_ms) {
    uint64_t every = HEALTH_MS, usec = 0;
    const char *watchdog = getenv("WATCHDOG_USEC");
    if (timeout_ms / QUESTIONS < every) every = timeout_ms / QUESTIONS;
    if (watchdog != NULL && str_to_u64(str_from(watchdog), UINT64_MAX, &usec) == 0 && usec / 2000 < every)
        every = usec / 2000;
    return every > HEALTH_MIN_MS ? every : HEALTH_MIN_MS;
}

static void health_main(void *arg) {
    struct responder *r = arg;
    for (uint64_t last = loop_now_ms();;) {
        uint64_t timeout_ms = settings_u64(r->settings, "server.answer_timeout") * 1000;
        uint64_t every = interval_ms(timeout_ms);
        int rc = cond_wait(&r->health, last + every);
        if (rc == 0) continue; /* the option may have changed */
        if (rc != ERR_TIMEOUT) return;
        last = loop_now_ms();
        check_silent(r, (unsigned)((timeout_ms + every - 1) / every));
        health_ping_all(r);
        notify_manager("WATCHDOG=1");
    }
}

int health_start(struct responder *r) {
    cond_init(&r->health);
    return fiber_spawn("health", health_main, r, NULL);
}
