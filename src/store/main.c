/* iems-store: the message queue and the message store, the one owner of the data. May touch DIR/data and its RPC
 * sessions, nothing else. A failed write ends the process; the responder starts it again, and everything resumes from
 * the log. */
#include "base/log.h"
#include "daemon/daemon.h"
#include "net/loop.h"
#include "store/service/service.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN = 4096, WORKERS = 3, LOCK_WAIT_MS = 10 * 1000, LOCK_STEP_MS = 20, NOTICE_GATHER_MS = 2000 };

struct program {
    struct service *service;
    char data[PATH_LEN], store[PATH_LEN];
};

/* The disk state is not known any more: nothing may be acknowledged from here on. */
static void failed(int code, const char *text, void *arg) {
    (void)arg;
    log_event(LOG_ERROR, "-", "store_failed", "code=\"%s\" error=\"%s\"", err_name(code), text);
    log_flush();
    _exit(EXIT_FAILURE);
}

static void event(const char *name, const char *trace, const char *text, void *arg) {
    (void)arg;
    log_event(LOG_WARNING, trace, name, "text=\"%s\"", text);
}

static int make_folders(struct daemon *d, struct program *p, struct error *err) {
    const char *dir = daemon_instance_dir(d);
    if (snprintf(p->data, sizeof p->data, "%s/data", dir) >= PATH_LEN - 16)
        return error_set(err, ERR_LIMIT, "the path of the instance is too long");
    snprintf(p->store, sizeof p->store, "%s/data/store", dir);
    if (mkdir(p->data, 0700) != 0 && errno != EEXIST) return error_set(err, ERR_IO, "%s: %s", p->data, strerror(errno));
    return 0;
}

/* A process that was killed may hold the lock of the store until the kernel is done with its memory. */
static int open_engine(const struct engine_config *cfg, struct engine **out, struct error *err) {
    uint64_t deadline = loop_now_ms() + LOCK_WAIT_MS;
    int rc;
    while ((rc = engine_rocksdb_open(cfg, out, err)) != 0 && strstr(err->text, "lock file") != NULL) {
        if (loop_now_ms() >= deadline || fiber_sleep(LOCK_STEP_MS) != 0) break;
    }
    return rc;
}

static int start(struct daemon *d, struct error *err) {
    struct program *p = calloc(1, sizeof *p);
    if (p == NULL) return ERR_NOMEM;
    daemon_set_data(d, p);
    int rc = make_folders(d, p, err);
    if (rc != 0) return rc;
    struct engine *e;
    struct engine_config engine = {.dir = p->store, .cache_bytes = (size_t)option_u64(d, "store.cache")};
    uint64_t from = loop_now_ms();
    rc = open_engine(&engine, &e, err);
    if (rc != 0) return rc;
    struct service_config cfg = {
        .engine = e,
        .data_dir = p->data,
        .ticket_key = daemon_ticket_key(d),
        .mailbox_cache = (size_t)option_u64(d, "store.mailbox_cache"),
        .drive_min = option_u64(d, "store.drive_min"),
        .drive_warn = option_u64(d, "store.drive_warn"),
        .hostname = daemon_hostname(d),
        .domain = daemon_default_domain(d),
        .notice_gather_ms = NOTICE_GATHER_MS,
        .quarantine_quiet = !option_bool(d, "store.quarantine_notice"),
        .event = event,
        .trace_days = (unsigned)option_u64(d, "store.trace_days"),
        .undelete_s = option_u64(d, "store.undelete_time"),
        .failed = failed,
    };
    rc = service_open(&cfg, &p->service, err);
    if (rc == 0)
        log_event(LOG_INFO, "-", "store_open", "dir=%s ms=%llu", p->store, (unsigned long long)(loop_now_ms() - from));
    return rc;
}

static void stop(struct daemon *d, unsigned seconds) {
    struct program *p = daemon_data(d);
    (void)seconds;
    if (p == NULL || p->service == NULL) return;
    service_close(p->service);
    p->service = NULL;
    log_event(LOG_INFO, "-", "store_closed", "dir=%s", p->store);
}

static void options_changed(struct daemon *d) {
    struct program *p = daemon_data(d);
    if (p == NULL || p->service == NULL) return;
    service_set_limits(p->service, option_u64(d, "store.drive_min"), option_u64(d, "store.drive_warn"),
                       (unsigned)option_u64(d, "store.trace_days"));
    service_set_undelete(p->service, option_u64(d, "store.undelete_time"));
    service_set_quarantine_quiet(p->service, !option_bool(d, "store.quarantine_notice"));
}

static void metrics(struct daemon *d, struct buf *out) {
    struct program *p = daemon_data(d);
    if (p != NULL && p->service != NULL) service_metrics(p->service, out);
}

static int session(struct daemon *d, int fd, uint32_t role, const char *name) {
    struct program *p = daemon_data(d);
    if (p == NULL || p->service == NULL) {
        close(fd);
        return ERR_AGAIN;
    }
    return service_add(p->service, fd, role, name);
}

int main(int argc, char **argv) {
    static const struct daemon_ops ops = {
        .name = "store",
        .summary = "message queue and message store",
        .needs = NEEDS_THREADS | NEEDS_DATA_DIR,
        .start = start,
        .stop = stop,
        .options_changed = options_changed,
        .metrics = metrics,
        .session = session,
    };
    /* A few threads share the heap; more arenas would only scatter memory. */
    mallopt(M_ARENA_MAX, 2);
    char workers[12];
    snprintf(workers, sizeof workers, "%d", WORKERS);
    setenv("UV_THREADPOOL_SIZE", workers, 0);
    return daemon_main(&ops, argc, argv);
}
