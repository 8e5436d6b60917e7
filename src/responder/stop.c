/* The orderly end: a module stops when nothing that runs depends on it; what is overdue is killed. */
#include "responder/responder.h"

#include "net/loop.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { STOP_ALL_MS = 45000 };

static bool depends(const struct module_def *m, const char *on) {
    for (size_t i = 0; i < MODULE_DEPENDS_MAX && m->depends[i] != NULL; i++) {
        if (strcmp(m->depends[i], on) == 0) return true;
    }
    return false;
}

static bool needed(struct responder *r, const struct module *m) {
    for (size_t i = 0; i < module_count; i++) {
        struct module *other = &r->modules[i];
        if (module_runs(other) && module_option(other, "auto_stop") != 0 && depends(other->def, m->def->name))
            return true;
    }
    return false;
}

/* Tells those to stop that may; true while something runs. */
static bool stop_round(struct responder *r) {
    bool running = false;
    for (size_t i = 0; i < module_count; i++) {
        struct module *m = &r->modules[i];
        if (!module_runs(m)) continue;
        if (module_option(m, "auto_stop") == 0) continue; /* ends with the responder */
        running = true;
        if (!m->wanted || needed(r, m)) continue;
        m->wanted = false;
        for (unsigned k = 0; k < m->worker_count; k++) cond_broadcast(&m->workers[k].changed);
    }
    return running;
}

static void stop_main(void *arg) {
    struct responder *r = arg;
    for (size_t i = 0; i < module_count; i++) {
        if (!module_runs(&r->modules[i])) r->modules[i].wanted = false;
    }
    cond_broadcast(&r->changed);
    uint64_t deadline =
        loop_now_ms() + STOP_ALL_MS; /* each worker has its own; this one is for what nobody thought of */
    while (stop_round(r)) {
        if (cond_wait(&r->changed, deadline) != 0) break;
    }
    log_event(LOG_INFO, "-", "stopped", "instance=\"%s\"", r->dir);
    loop_stop();
}

void responder_stop(struct responder *r) {
    if (r->stopping) return;
    r->stopping = true;
    notify_manager("STOPPING=1");
    rpc_client_free(r->dir_client);
    r->dir_client = NULL;
    if (fiber_spawn("stop", stop_main, r, NULL) != 0) loop_stop();
}
