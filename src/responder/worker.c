/* The life of one worker process, as a fiber: wait until it is wanted and what it depends on is ready, start, become
 * ready, end, start again after a growing pause. */
#include "responder/responder.h"

#include "daemon/jail.h"
#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BACKOFF_FIRST_MS = 100, /* after a first restart at once */
    BACKOFF_MAX_MS = 30000,
    STEADY_MS = 60000, /* a life so long forgets the failures before */
    CRASH_LOOP = 5,    /* failures in a row that are told as such */
    PROBE_MS = 10,     /* slapd cannot tell when it is ready: its socket is tried */
    KILL_WAIT_MS = 5000,
};

const char *worker_state_name(enum worker_state s) {
    static const char *const names[] = {"stopped", "waiting", "starting", "ready", "stopping", "backoff", "failed"};
    return names[s];
}

struct module *module_find(struct responder *r, const char *name) {
    for (size_t i = 0; i < module_count; i++) {
        if (strcmp(r->modules[i].def->name, name) == 0) return &r->modules[i];
    }
    return NULL;
}

bool module_is_ready(const struct module *m) {
    for (unsigned i = 0; i < m->worker_count; i++) {
        if (m->workers[i].state != WORKER_READY) return false;
    }
    return m->worker_count > 0;
}

bool module_runs(const struct module *m) {
    for (unsigned i = 0; i < m->worker_count; i++) {
        if (m->workers[i].pid != 0) return true;
    }
    return false;
}

uint64_t module_option(const struct module *m, const char *option) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", m->def->name, option);
    return settings_u64(m->responder->settings, name);
}

void worker_set_state(struct worker *w, enum worker_state state) {
    struct module *m = w->module;
    bool became_ready = state == WORKER_READY && w->state != WORKER_READY;
    if (w->state == state && state != WORKER_BACKOFF) return;
    log_event(LOG_DEBUG, "-", "state", "module=%s worker=%u from=%s to=%s", m->def->name, w->index,
              worker_state_name(w->state), worker_state_name(state));
    w->state = state;
    if (became_ready) {
        w->ready_ms = loop_now_ms();
        w->was_ready = true;
        w->detail[0] = '\0';
        log_event(LOG_INFO, "-", "module-ready", "module=%s worker=%u pid=%d after_ms=%llu", m->def->name, w->index,
                  (int)w->pid, (unsigned long long)(w->ready_ms - w->started_ms));
        if (module_is_ready(m)) broker_ready(m);
    }
    cond_broadcast(&w->changed);
    cond_broadcast(&m->responder->changed);
    report_state(m->responder);
}

void worker_reaped(struct worker *w, int status) {
    w->exit_status = status;
    w->exited = true;
    cond_broadcast(&w->changed);
}

/* ---------------------------------------------------------------- waiting */

const struct module *module_waits_for(const struct module *m) {
    for (size_t i = 0; i < MODULE_DEPENDS_MAX && m->def->depends[i] != NULL; i++) {
        const struct module *on = module_find(m->responder, m->def->depends[i]);
        bool elsewhere = on != NULL && !on->wanted && module_option(on, "auto_start") == 0; /* runs on another host */
        if (on != NULL && !elsewhere && !module_is_ready(on)) return on;
    }
    return NULL;
}

static int await_turn(struct worker *w) {
    struct module *m = w->module;
    struct responder *r = m->responder;
    for (;;) {
        const struct module *on = m->wanted ? module_waits_for(m) : NULL;
        uint64_t wait = m->waited ? 0 : module_option(m, "wait") * 1000, due = r->started_ms + wait;
        if (!m->wanted) {
            if (w->state != WORKER_FAILED) worker_set_state(w, WORKER_STOPPED);
        } else if (on == NULL && due <= loop_now_ms()) {
            m->waited = true;
            return 0;
        } else {
            (void)snprintf(w->detail, sizeof w->detail, "waits for %s", on != NULL ? on->def->name : "its wait time");
            worker_set_state(w, WORKER_WAITING);
        }
        /* r->changed tells of every state, w->changed is signalled with it when this one is wanted or not */
        int rc = cond_wait(&r->changed, m->wanted && on == NULL ? due : DEADLINE_NEVER);
        if (rc != 0 && rc != ERR_TIMEOUT) return rc;
    }
}

/* ---------------------------------------------------------------- a life */

static bool ldapi_answers(const struct responder *r) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/run/ldapi", r->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers =
        fd >= 0 && n > 0 && (size_t)n < sizeof a.sun_path && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0) close(fd);
    return answers;
}

/* slapd speaks no protocol of ours. */
static int probe_ready(struct worker *w) {
    while (!w->exited && w->module->wanted && w->state == WORKER_STARTING) {
        if (ldapi_answers(w->module->responder)) {
            worker_set_state(w, WORKER_READY);
            return 0;
        }
        int rc = cond_wait(&w->changed, loop_now_ms() + PROBE_MS);
        if (rc == ERR_CANCELLED) return rc;
    }
    return 0;
}

/* Until the process has ended, or is to end. */
static int watch_life(struct worker *w) {
    int rc = w->module->def->program == NULL ? probe_ready(w) : 0;
    while (rc == 0 && !w->exited && w->module->wanted) rc = cond_wait(&w->changed, DEADLINE_NEVER);
    return rc;
}

static void ask_to_stop(struct worker *w, unsigned seconds) {
    Control__Stop stop = CONTROL__STOP__INIT;
    stop.seconds = seconds;
    if (w->module->def->program == NULL || worker_send(w, &PACKET(STOP, stop, &stop), NULL, 0) != 0) {
        (void)kill(w->pid, SIGTERM);
    }
}

/* Ends the process: asks, waits, kills. */
static void end_life(struct worker *w) {
    worker_set_state(w, WORKER_STOPPING);
    ask_to_stop(w, STOP_SECONDS);
    uint64_t deadline = loop_now_ms() + (STOP_SECONDS + 2) * 1000;
    int rc = 0;
    while (!w->exited && rc == 0) rc = cond_wait(&w->changed, deadline);
    if (!w->exited) {
        log_event(LOG_WARNING, "-", "module-killed", "module=%s worker=%u pid=%d reason=\"did not stop in %d s\"",
                  w->module->def->name, w->index, (int)w->pid, STOP_SECONDS + 2);
        (void)kill(-w->pid, SIGKILL);
        deadline = loop_now_ms() + KILL_WAIT_MS;
        while (!w->exited && cond_wait(&w->changed, deadline) == 0) {
        }
    }
}

static void describe_end(struct worker *w) {
    char how[160];
    int s = w->exit_status;
    if (WIFSIGNALED(s)) {
        (void)snprintf(how, sizeof how, "ended by signal %d (%s)%s", WTERMSIG(s), strsignal(WTERMSIG(s)),
                       WTERMSIG(s) == SIGSYS ? ": a system call that its jail forbids" : "");
    } else {
        (void)snprintf(how, sizeof how, "ended with status %d%s", WEXITSTATUS(s),
                       WEXITSTATUS(s) == JAIL_EXIT ? ": a system call that its jail forbids, see the log" : "");
    }
    if (w->detail[0] != '\0' && !w->kill_now) return; /* it has said itself why */
    (void)snprintf(w->detail, sizeof w->detail, "%s%s", w->kill_now ? "did not answer; " : "", how);
}

static void clean_up(struct worker *w) {
    (void)kill(-w->pid, SIGKILL); /* what it may have left behind in its process group */
    w->pid = 0;
    w->kill_now = false;
    memset(w->wants, 0, sizeof w->wants);
    free(w->metrics);
    w->metrics = NULL;
    if (w->reader != NULL) fiber_cancel(w->reader);
    while (w->reader != NULL && fiber_sleep(1) == 0) {
    }
    if (w->channel.fd >= 0) {
        watch_done(&w->channel);
        close(w->channel.fd);
        w->channel.fd = -1;
    }
}

/* How long to wait before the next start. The time that the process was ready counts: who lived longer than the pause
 * that is due is back at once, however often it ended before. */
static uint64_t next_pause(struct worker *w) {
    uint64_t lived = w->ready_ms != 0 ? loop_now_ms() - w->ready_ms : 0;
    if (lived >= STEADY_MS) w->failures = 0;
    w->failures++;
    if (w->failures == 1) return 0;
    uint64_t pause = BACKOFF_FIRST_MS;
    for (unsigned i = 2; i < w->failures && pause < BACKOFF_MAX_MS; i++) pause *= 2;
    if (pause > BACKOFF_MAX_MS) pause = BACKOFF_MAX_MS;
    return lived < pause ? pause - lived : 0;
}

static int after_failure(struct worker *w) {
    struct module *m = w->module;
    uint64_t pause = next_pause(w);
    bool again = module_option(m, "auto_restart") != 0;
    log_event(LOG_ERROR, "-", "module-ended", "module=%s worker=%u reason=\"%s\" failures=%u next_start_ms=%lld",
              m->def->name, w->index, w->detail, w->failures, again ? (long long)pause : -1);
    if (!again) {
        m->wanted = false;
        worker_set_state(w, WORKER_FAILED);
        return 0;
    }
    if (w->failures >= CRASH_LOOP) {
        char text[ERROR_TEXT_MAX];
        (void)snprintf(text, sizeof text, "crash loop, %u failures in a row, last: %.200s", w->failures, w->detail);
        memcpy(w->detail, text, sizeof text);
    }
    w->restarts++;
    worker_set_state(w, WORKER_BACKOFF);
    uint64_t due = loop_now_ms() + pause;
    int rc = 0;
    while (pause > 0 && m->wanted && rc == 0) rc = cond_wait(&w->changed, due);
    return rc == ERR_CANCELLED ? rc : 0;
}

static int live_once(struct worker *w) {
    struct error err = {0};
    w->exited = w->kill_now = false;
    w->ready_ms = 0;
    w->pong = w->pong_checked = 0;
    w->silent = 0;
    w->detail[0] = '\0';
    w->started_ms = loop_now_ms();
    if (listeners_bind(w->module, &err) != 0 || child_start(w, &err) != 0) {
        (void)snprintf(w->detail, sizeof w->detail, "%s", err.text);
        return after_failure(w);
    }
    worker_set_state(w, WORKER_STARTING);
    int rc = w->module->def->program == NULL ? 0 : child_send_start(w);
    if (rc != 0) (void)kill(w->pid, SIGKILL);
    rc = watch_life(w);
    if (rc == ERR_CANCELLED) return rc;
    bool by_itself = w->exited;
    if (!by_itself) end_life(w);
    describe_end(w);
    clean_up(w);
    if (by_itself && w->module->wanted) return after_failure(w);
    w->detail[0] = '\0';
    worker_set_state(w, WORKER_STOPPED);
    return 0;
}

static void worker_main(void *arg) {
    struct worker *w = arg;
    while (await_turn(w) == 0 && live_once(w) != ERR_CANCELLED) {
    }
}

/* ---------------------------------------------------------------- all */

static void on_child(int signum, void *arg) {
    struct responder *r = arg;
    (void)signum;
    for (size_t i = 0; i < module_count; i++) {
        for (unsigned k = 0; k < r->modules[i].worker_count; k++) {
            struct worker *w = &r->modules[i].workers[k];
            int status;
            if (w->pid > 0 && !w->exited && waitpid(w->pid, &status, WNOHANG) == w->pid) worker_reaped(w, status);
        }
    }
}

static int module_start(struct responder *r, struct module *m) {
    m->worker_count = m->def->workers ? worker_number(module_option(m, "workers"), worker_processors()) : 1;
    m->workers = calloc(m->worker_count, sizeof *m->workers);
    if (m->workers == NULL) return ERR_NOMEM;
    m->wanted = module_option(m, "auto_start") != 0;
    for (unsigned i = 0; i < m->worker_count; i++) {
        struct worker *w = &m->workers[i];
        *w = (struct worker){.module = m, .index = i, .channel.fd = -1};
        cond_init(&w->changed);
    }
    (void)r;
    return 0;
}

int workers_start(struct responder *r, struct error *err) {
    int rc = loop_on_signal(SIGCHLD, on_child, r);
    for (size_t i = 0; rc == 0 && i < module_count; i++) rc = module_start(r, &r->modules[i]);
    for (size_t i = 0; rc == 0 && i < module_count; i++) {
        for (unsigned k = 0; rc == 0 && k < r->modules[i].worker_count; k++) {
            rc = fiber_spawn("worker", worker_main, &r->modules[i].workers[k], NULL);
        }
    }
    return rc == 0 ? 0 : error_set(err, rc, "out of memory");
}
