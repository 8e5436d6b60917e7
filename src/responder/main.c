/* iems-responder -d DIR: runs an instance in the foreground until SIGTERM. `iems start` puts it into the background. */
#include "responder/responder.h"

#include "net/loop.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE_ = 64, EXIT_UNAVAILABLE_ = 69 };

static struct responder the_responder = {.report_fd = -1};

static void usage(FILE *to) {
    (void)fprintf(to,
                  "usage: iems-responder -d DIR [--report-fd N]\n\n"
                  "Runs the instance in DIR in the foreground: starts its modules, watches them, starts again those\n"
                  "that end, and stops them in order on SIGTERM or SIGINT. SIGHUP reads iems.conf and the certificate\n"
                  "again. A service manager is told by sd_notify. In the background: iems start DIR\n");
}

static void on_end(int signum, void *arg) {
    log_event(LOG_INFO, "-", "shutdown", "signal=%s", strsignal(signum));
    responder_stop(arg);
}

static void reload_main(void *arg) {
    struct error err = {0};
    (void)!responder_reload(arg, &err); /* it logs by itself */
}

static void on_hup(int signum, void *arg) {
    (void)signum;
    (void)!fiber_spawn("reload", reload_main, arg, NULL);
}

static int signals(struct responder *r) {
    int rc = loop_on_signal(SIGTERM, on_end, r);
    if (rc == 0) rc = loop_on_signal(SIGINT, on_end, r);
    if (rc == 0) rc = loop_on_signal(SIGHUP, on_hup, r);
    return rc;
}

/* Early, so that clients that come during the start wait instead of being refused. What fails is tried again, and told,
 * when the module is to start. */
static void bind_early(struct responder *r) {
    for (size_t i = 0; i < module_count; i++) {
        struct error later = {0};
        if (module_option(&r->modules[i], "auto_start") != 0) (void)!listeners_bind(&r->modules[i], &later);
    }
}

static int begin(struct responder *r, const char *dir, struct error *err) {
    int rc = setup_instance(r, dir, err);
    if (rc == 0) rc = loop_init(err);
    if (rc != 0) return rc;
    r->started_ms = loop_now_ms();
    for (size_t i = 0; i < module_count; i++) {
        r->modules[i].responder = r;
        r->modules[i].def = &module_table[i];
    }
    bind_early(r);
    rc = door_open(r, err);
    if (rc != 0) return rc;
    if (signals(r) != 0 || control_open(r) != 0 || log_file_watch(r) != 0 || health_start(r) != 0 ||
        tickets_start(r) != 0 || certificates_watch(r) != 0 || broker_watch_options(r) != 0) {
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    log_event(LOG_INFO, "-", "starting", "instance=\"%s\" version=%s pid=%d", r->dir, IEMS_VERSION, (int)getpid());
    return workers_start(r, err);
}

static bool parse_args(struct responder *r, int argc, char **argv, const char **dir) {
    for (int i = 1; i < argc; i++) {
        uint64_t fd;
        if (strcmp(argv[i], "-d") == 0 && i + 1 < argc) {
            *dir = argv[++i];
        } else if (strcmp(argv[i], "--report-fd") == 0 && i + 1 < argc &&
                   str_to_u64(str_from(argv[i + 1]), 1023, &fd) == 0) {
            r->report_fd = (int)fd;
            i++;
        } else {
            return false;
        }
    }
    return *dir != NULL;
}

int main(int argc, char **argv) {
    struct responder *r = &the_responder;
    struct error err = {0};
    const char *dir = NULL;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return printf("iems-responder %s\n", IEMS_VERSION) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    if (!parse_args(r, argc, argv, &dir)) {
        usage(stderr);
        return EXIT_USAGE_;
    }
    (void)mallopt(M_ARENA_MAX, 1);
    if (begin(r, dir, &err) != 0) {
        report_failure(r, err.text);
        return EXIT_UNAVAILABLE_;
    }
    loop_run();
    log_flush();
    _exit(0); /* what auto_stop left running ends with this process */
}
