/* How the start went: to `iems start` through a pipe, once; to the service manager (sd_notify). */
#include "responder/responder.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ATTEMPTS = 2, REPORT_MAX = 16 * 1024 };

void notify_manager(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof a.sun_path) return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    memcpy(a.sun_path, path, strlen(path));
    if (path[0] == '@') a.sun_path[0] = '\0';
    (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

static void report_write(struct responder *r, const struct buf *text) {
    if (r->report_fd < 0) return;
    (void)!write(r->report_fd, buf_cstr(text), text->len);
    close(r->report_fd);
    r->report_fd = -1;
}

void report_failure(struct responder *r, const char *text) {
    BUF_AUTO out = BUF_INIT(REPORT_MAX);
    buf_printf(&out, "failed %s\n", text);
    if (r->report_fd >= 0)
        report_write(r, &out);
    else
        (void)fprintf(stderr, "iems-responder: %s\n", text);
    log_event(LOG_ERROR, "-", "cannot-start", "error=\"%s\"", text);
    log_flush();
}

/* A module is decided when it is ready or has failed twice. One that waits for another is told by that. */
static bool decided(const struct module *m, bool *ready) {
    for (unsigned k = 0; k < m->worker_count; k++) {
        const struct worker *w = &m->workers[k];
        if (w->state == WORKER_READY || w->was_ready) continue;
        *ready = false;
        bool waits = w->state == WORKER_WAITING && module_waits_for(m) != NULL;
        if (w->failures < ATTEMPTS && w->state != WORKER_FAILED && !waits) return false;
    }
    return true;
}

/* When every module that starts with the instance is decided, says so, once. Lines: "ready", or "module NAME STATE
 * DETAIL" for each that is not; then "note TEXT". */
void report_state(struct responder *r) {
    BUF_AUTO out = BUF_INIT(REPORT_MAX);
    bool all = true, failed = false;
    if (r->decided || r->stopping) return;
    for (size_t i = 0; i < module_count; i++) {
        const struct module *m = &r->modules[i];
        bool ready = true;
        if (m->worker_count == 0) return; /* still being set up */
        if (module_option(m, "auto_start") == 0 || module_option(m, "wait") != 0) continue;
        if (!decided(m, &ready)) return;
        if (ready) continue;
        const struct worker *w = &m->workers[0];
        all = false;
        failed = failed || w->state != WORKER_WAITING;
        buf_printf(&out, "module %s %s %s\n", m->def->name, worker_state_name(w->state), w->detail);
    }
    if (!all && !failed) return; /* all wait for one that is under way */
    if (all) buf_adds(&out, "ready\n");
    if (!certificates_any(r)) buf_printf(&out, "note no TLS: %s\n", certificates_problem(r));
    r->decided = true;
    report_write(r, &out);
    notify_manager(all ? "READY=1\nSTATUS=all modules are ready" : "READY=1\nSTATUS=some module is not ready");
    log_event(LOG_INFO, "-", "started", "all_ready=%s", all ? "yes" : "no");
}
