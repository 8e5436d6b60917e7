/* The service "control": what the command line and iems-webd may ask and tell the responder. */
#include "responder/responder.h"

#include "net/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PONG_WAIT_MS = 1000, PATH_LEN = 64, WARNINGS_MAX = 32, WARNINGS_TEXT_MAX = 32 * 1024 };

/* Proportional set size: what the process costs, with shared pages split. 0 when it cannot be read. */
static uint64_t pss_kib(pid_t pid) {
    char path[PATH_LEN], line[256];
    uint64_t kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL) return 0;
    while (fgets(line, sizeof line, f) != NULL) {
        struct str s = str_from(line);
        if (!str_starts(s, STR("Pss:"))) continue;
        s = str_trim(str_sub(s, 4, s.len));
        (void)!str_to_u64(str_word(&s), UINT64_MAX, &kib);
        break;
    }
    (void)fclose(f);
    return kib;
}

struct status_parts {
    Control__Module modules[MODULES_MAX * 4], *list[MODULES_MAX * 4];
    size_t count;
};

static void add_worker(struct arena *arena, struct status_parts *p, const struct worker *w) {
    const struct module *m = w->module;
    if (p->count == MODULES_MAX * 4) return;
    Control__Module *out = &p->modules[p->count];
    p->list[p->count++] = out;
    control__module__init(out);
    bool lives = w->pid != 0;
    uint64_t since = w->state == WORKER_READY ? w->ready_ms : w->started_ms;
    out->name = (char *)(uintptr_t)m->def->name;
    out->state = (char *)(uintptr_t)worker_state_name(w->state);
    out->pid = (uint32_t)w->pid;
    out->uptime_s = lives ? (loop_now_ms() - since) / 1000 : 0;
    out->pss_kib = lives ? pss_kib(w->pid) : 0;
    out->restarts = w->restarts;
    out->detail = arena_cstr(arena, str_from(w->detail));
    if (out->detail == NULL) out->detail = (char *)(uintptr_t) "";
    out->worker = w->index;
    out->auto_start = module_option(m, "auto_start") != 0;
    out->auto_restart = module_option(m, "auto_restart") != 0;
    out->auto_stop = module_option(m, "auto_stop") != 0;
    out->wait_s = (uint32_t)module_option(m, "wait");
}

static int handle_status(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    struct status_parts *p = arena_alloc(q->arena, sizeof *p);
    if (p == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    Control__Status status = CONTROL__STATUS__INIT;
    status.all_ready = true;
    for (size_t i = 0; i < module_count; i++) {
        struct module *m = &r->modules[i];
        for (unsigned k = 0; k < m->worker_count; k++) add_worker(q->arena, p, &m->workers[k]);
        if (module_option(m, "auto_start") != 0 && !module_is_ready(m)) status.all_ready = false;
    }
    status.n_modules = p->count;
    status.modules = p->list;
    status.version = (char *)(uintptr_t)IEMS_VERSION;
    status.hostname = r->config->hostname;
    status.uptime_s = (loop_now_ms() - r->started_ms) / 1000;
    BUF_AUTO lines = BUF_INIT(WARNINGS_TEXT_MAX);
    certificates_warnings(r, &lines);
    char *warnings[WARNINGS_MAX];
    status.warnings = warnings;
    for (struct str rest = buf_str(&lines); rest.len > 0 && status.n_warnings < WARNINGS_MAX;) {
        char *line = arena_cstr(q->arena, str_cut(&rest, '\n'));
        if (line != NULL) warnings[status.n_warnings++] = line;
    }
    status.log_level = (char *)(uintptr_t)log_level_name(log_level());
    status.pid = (uint32_t)getpid();
    rpc_answer(q, &status.base, STR_EMPTY);
    return 0;
}

/* ---------------------------------------------------------------- start, stop, restart of modules */

static void want(struct module *m, bool wanted) {
    m->wanted = wanted;
    if (wanted) m->waited = true; /* by hand: now */
    for (unsigned k = 0; k < m->worker_count; k++) {
        struct worker *w = &m->workers[k];
        if (wanted) {
            w->failures = 0;
            if (w->state == WORKER_FAILED) w->state = WORKER_STOPPED;
        }
        cond_broadcast(&w->changed);
    }
    cond_broadcast(&m->responder->changed);
}

static int await_state(struct module *m, bool ready, uint64_t deadline) {
    while (ready ? !module_is_ready(m) : module_runs(m)) {
        if (ready && m->workers[0].failures >= 2) return ERR_IO;
        int rc = cond_wait(&m->responder->changed, deadline);
        if (rc != 0) return rc;
    }
    return 0;
}

static int act(struct module *m, const char *verb, struct error *err) {
    bool stop = strcmp(verb, "start") != 0, start = strcmp(verb, "stop") != 0;
    int rc = 0;
    log_event(LOG_INFO, "-", "module-action", "module=%s verb=%s", m->def->name, verb);
    if (stop) {
        want(m, false);
        rc = await_state(m, false, loop_now_ms() + 20000);
        if (rc != 0) return error_set(err, rc, "%s did not stop: %s", m->def->name, err_name(rc));
    }
    if (start) {
        want(m, true);
        rc = await_state(m, true, loop_now_ms() + 30000);
        if (rc != 0) {
            const char *why = m->workers[0].detail;
            return error_set(err, rc, "%s did not become ready: %.200s", m->def->name,
                             why[0] == '\0' ? err_name(rc) : why);
        }
    }
    return 0;
}

/* Who calls through iems-remote needs it to call again. */
static bool in_all(const struct module *m, bool from_afar) {
    return module_option(m, "auto_start") != 0 && !(from_afar && strcmp(m->def->name, "remote") == 0);
}

static int handle_action(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    const Control__ModuleAction *a = (const void *)q->msg;
    static const char *const verbs[] = {"start", "stop", "restart"};
    bool known = false;
    for (size_t i = 0; i < 3; i++) known = known || strcmp(a->verb, verbs[i]) == 0;
    if (!known) return error_set(err, ERR_INVALID, "'%.40s' is none of start, stop, restart", a->verb);
    if (a->module[0] != '\0' && module_find(r, a->module) == NULL) {
        return error_set(err, ERR_NOTFOUND, "there is no module '%.40s'", a->module);
    }
    bool from_afar = strcmp(rpc_session_name(q->session), "remote") == 0, stop = strcmp(a->verb, "stop") == 0;
    if (from_afar && strcmp(a->module, "remote") == 0) {
        return error_set(err, ERR_DENIED, "remote carries the call itself: that can be done on its host alone");
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < module_count; i++) {
        struct module *m = &r->modules[stop ? module_count - 1 - i : i]; /* first those that need others */
        if (a->module[0] == '\0' ? in_all(m, from_afar) : strcmp(m->def->name, a->module) == 0)
            rc = act(m, a->verb, err);
    }
    if (rc != 0) return rc;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    rpc_answer(q, &empty.base, STR_EMPTY);
    return 0;
}

/* ---------------------------------------------------------------- metrics, reload, shutdown */

static void own_metrics(struct responder *r, struct buf *out) {
    buf_adds(out, "# TYPE iems_module_up gauge\n# TYPE iems_module_restarts_total counter\n"
                  "# TYPE iems_module_memory_bytes gauge\n");
    for (size_t i = 0; i < module_count; i++) {
        for (unsigned k = 0; k < r->modules[i].worker_count; k++) {
            const struct worker *w = &r->modules[i].workers[k];
            char label[80];
            (void)snprintf(label, sizeof label, "{module=\"%s\",worker=\"%u\"}", r->modules[i].def->name, k);
            buf_printf(out, "iems_module_up%s %d\n", label, w->state == WORKER_READY);
            buf_printf(out, "iems_module_restarts_total%s %u\n", label, w->restarts);
            if (w->pid != 0) buf_printf(out, "iems_module_memory_bytes%s %" PRIu64 "\n", label, pss_kib(w->pid) * 1024);
        }
    }
    buf_printf(out, "# TYPE iems_uptime_seconds gauge\niems_uptime_seconds %" PRIu64 "\n",
               (loop_now_ms() - r->started_ms) / 1000);
    buf_printf(out, "iems_module_memory_bytes{module=\"responder\",worker=\"0\"} %" PRIu64 "\n",
               pss_kib(getpid()) * 1024);
}

static int handle_metrics(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    (void)err;
    health_await_all(r, loop_now_ms() + PONG_WAIT_MS);
    BUF_AUTO text = BUF_INIT(METRICS_MAX);
    own_metrics(r, &text);
    certificates_metrics(r, &text);
    for (size_t i = 0; i < module_count; i++) {
        for (unsigned k = 0; k < r->modules[i].worker_count; k++) {
            const struct worker *w = &r->modules[i].workers[k];
            if (w->metrics != NULL) buf_adds(&text, w->metrics);
        }
    }
    Control__Metrics reply = CONTROL__METRICS__INIT;
    reply.text = (char *)(uintptr_t)buf_cstr(&text);
    rpc_answer(q, &reply.base, STR_EMPTY);
    return 0;
}

static int handle_reload(struct rpc_request *q, struct error *err, void *arg) {
    int rc = responder_reload(arg, err);
    if (rc != 0) return rc;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    rpc_answer(q, &empty.base, STR_EMPTY);
    return 0;
}

static int handle_shutdown(struct rpc_request *q, struct error *err, void *arg) {
    (void)err;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    log_event(LOG_INFO, "-", "shutdown", "asked_by=%s", rpc_session_name(q->session));
    rpc_answer(q, &empty.base, STR_EMPTY);
    responder_stop(arg);
    return 0;
}

static void on_refused(struct rpc_session *s, const char *method, const char *why, void *arg) {
    (void)arg;
    log_event(LOG_WARNING, "-", "control-refused", "peer=%s method=%s reason=\"%s\"", rpc_session_name(s), method, why);
}

int control_open(struct responder *r) {
    static const struct rpc_server_method methods[] = {
        {CONTROL_STATUS, handle_status, false},
        {CONTROL_MODULE_ACTION, handle_action, true},
        {CONTROL_METRICS, handle_metrics, true},
        {CONTROL_RELOAD, handle_reload, true},
        {CONTROL_SHUTDOWN, handle_shutdown, false},
        {CONTROL_CERTIFICATE_LIST, handle_certificate_list, false},
        {CONTROL_CERTIFICATE_INSTALL, handle_certificate_install, false},
        {CONTROL_PROOF_SET, handle_proof_set, true},
        {CONTROL_ACME_STATE_GET, handle_acme_state_get, false},
        {CONTROL_ACME_STATE_PUT, handle_acme_state_put, false},
        {CONTROL_HOST_KEY, handle_host_key, false},
        {CONTROL_LOG_LEVEL, handle_log_level, false},
        {CONTROL_COUNT_ENTER, handle_count_enter, false},
        {CONTROL_COUNT_LEAVE, handle_count_leave, false},
    };
    static const struct rpc_server_ops ops = {.methods = methods,
                                              .count = sizeof methods / sizeof methods[0],
                                              .session_closed = counts_session_closed,
                                              .refused = on_refused};
    int rc = counters_init(&r->counters);
    if (rc != 0) return rc;
    return rpc_server_new(&control_service, &ops, r, &r->control);
}
