/* The life of a module: Start packet, prepare, jail, options of the directory, start, Ready, stop. */
#include "daemon/daemon.h"

#include "base/log.h"
#include "daemon/jail.h"
#include "daemon/private.h"
#include "net/loop.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    START_WAIT_MS = 30000,
    OPTIONS_WAIT_MS = 2000,
    START_ARENA_MAX = 8 * 1024 * 1024,
    STOP_GRACE_MS = 1000,
    STOP_MAX_S = 3600,
    MALLOC_ARENAS_THREADS = 4,
    EXIT_CANNOT_START = 70,
};

static struct daemon the_daemon;

void daemon_set_data(struct daemon *d, void *data) {
    d->data = data;
}

void *daemon_data(struct daemon *d) {
    return d->data;
}

const char *daemon_hostname(const struct daemon *d) {
    return d->hostname;
}

const char *daemon_default_domain(const struct daemon *d) {
    return d->default_domain;
}

const char *daemon_instance_dir(const struct daemon *d) {
    return d->instance_dir;
}

unsigned daemon_worker(const struct daemon *d) {
    return d->worker;
}

unsigned daemon_workers(const struct daemon *d) {
    return d->workers;
}

struct str daemon_ticket_key(const struct daemon *d) {
    return str_of(d->ticket_key, d->ticket_key_len);
}

struct tls_server *daemon_tls(struct daemon *d) {
    return d->tls == NULL || tls_server_is_empty(d->tls) ? NULL : d->tls;
}

const char *option_str(const struct daemon *d, const char *name) {
    return settings_str(d->settings, name);
}

uint64_t option_u64(const struct daemon *d, const char *name) {
    return settings_u64(d->settings, name);
}

bool option_bool(const struct daemon *d, const char *name) {
    return settings_u64(d->settings, name) != 0;
}

int daemon_take_listener(struct daemon *d, const char *name) {
    for (size_t i = 0; i < d->listener_count; i++) {
        struct daemon_listener *l = &d->listeners[i];
        if (l->fd < 0 || strcmp(l->name, name) != 0) continue;
        int fd = l->fd;
        l->fd = -1;
        return fd;
    }
    return -1;
}

static void bad_option(const struct error *err, void *arg) {
    log_event(LOG_WARNING, "-", "option-refused", "from=%s error=\"%s\"", (const char *)arg, err->text);
}

void daemon_set_options(struct daemon *d, enum settings_layer layer, const struct setting *list, size_t count) {
    static char conf[] = "iems.conf", directory[] = "directory";
    bool changed = false;
    char *from = layer == SETTINGS_CONF ? conf : directory;
    if (settings_set_layer(d->settings, layer, list, count, bad_option, from, &changed) != 0 || !changed) return;
    if (!d->log_level_forced) log_set_level((enum log_level)settings_u64(d->settings, "server.log_level"));
    auth_configure(d);
    daemon_configure_tls(d);
    if (d->started && !d->stopping && d->ops->options_changed != NULL) d->ops->options_changed(d);
}

void daemon_set_directory_options(struct daemon *d, const struct setting *list, size_t count) {
    daemon_set_options(d, SETTINGS_DIRECTORY, list, count);
}

/* ---------------------------------------------------------------- stop */

static void stop_main(void *arg) {
    struct daemon *d = arg;
    if (d->started && d->ops->stop != NULL) d->ops->stop(d, d->stop_seconds);
    log_event(LOG_INFO, "-", "stopped", "module=%s", d->ops->name);
    loop_stop();
}

static void stop_overdue(void *arg) {
    const struct daemon *d = arg;
    log_event(LOG_WARNING, "-", "stopped", "module=%s error=\"some work did not end in time\"", d->ops->name);
    log_flush();
    _exit(0);
}

void daemon_begin_stop(struct daemon *d, unsigned seconds) {
    if (d->stopping) return;
    d->stopping = true;
    d->stop_seconds = seconds > STOP_MAX_S ? STOP_MAX_S : seconds;
    log_event(LOG_INFO, "-", "stopping", "module=%s seconds=%u", d->ops->name, seconds);
    if (loop_timer_new((uint64_t)d->stop_seconds * 1000 + STOP_GRACE_MS, 0, stop_overdue, d) == NULL ||
        fiber_spawn("stop", stop_main, d, NULL) != 0) {
        loop_stop();
    }
}

static void on_signal(int signum, void *arg) {
    (void)signum;
    daemon_begin_stop(arg, STOP_DEFAULT_S);
}

/* ---------------------------------------------------------------- start */

static void die(struct daemon *d, const char *what, const struct error *err) {
    char text[ERROR_TEXT_MAX + 64];
    (void)snprintf(text, sizeof text, "%s%s%s", what, err->text[0] == '\0' ? "" : ": ", err->text);
    log_event(LOG_ERROR, "-", "cannot-start", "module=%s error=\"%s\"", d->ops->name, text);
    channel_failed(d, text);
    log_flush();
    _exit(EXIT_CANNOT_START);
}

static bool serves_options(const struct daemon *d) {
    return strcmp(d->ops->name, "dir") == 0 || strcmp(d->ops->name, "store") == 0;
}

static void wait_for_options(struct daemon *d) {
    uint64_t deadline = loop_now_ms() + OPTIONS_WAIT_MS;
    int rc = clients_watch_options(d);
    while (rc == 0 && !d->has_directory_options) rc = cond_wait(&d->configured, deadline);
    if (rc != 0) log_event(LOG_WARNING, "-", "options", "from=directory error=\"%s\" action=\"go on\"", err_name(rc));
}

static void main_fiber(void *arg) {
    struct daemon *d = arg;
    struct error err = {0};
    if (channel_start(d) != 0) die(d, "out of memory", &err);
    (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL); /* reads its file now, not at the first use */
    if (d->ops->prepare != NULL && d->ops->prepare(d, &err) != 0) die(d, "cannot prepare", &err);
    struct jail jail = {.needs = d->ops->needs, .instance_dir = d->instance_dir, .user = d->user};
    if (jail_enter(&jail, &err) != 0) die(d, "cannot close the jail", &err);
    auth_configure(d);
    if (!serves_options(d)) wait_for_options(d);
    if (d->ops->start != NULL && d->ops->start(d, &err) != 0) die(d, "cannot start", &err);
    d->started = true;
    Control__Ready ready = CONTROL__READY__INIT;
    ready.version = (char *)(uintptr_t)IEMS_VERSION;
    if (channel_send(d, &PACKET(READY, ready, &ready)) != 0) die(d, "the responder is gone", &err);
    log_event(LOG_INFO, "-", "ready", "module=%s worker=%u version=%s pid=%d", d->ops->name, d->worker, IEMS_VERSION,
              (int)getpid());
}

static bool has_channel(void) {
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

static int receive_start(struct daemon *d, struct error *err) {
    ARENA_AUTO arena = arena_new(START_ARENA_MAX);
    struct packet p;
    if (arena == NULL) return ERR_NOMEM;
    int rc = packet_wait(CHANNEL_FD, START_WAIT_MS);
    if (rc == 0) rc = packet_receive(CHANNEL_FD, arena, &p);
    if (rc != 0) return error_set(err, rc, "no Start packet from the responder: %s", err_name(rc));
    rc = daemon_take_start(d, &p, err);
    packet_close_fds(&p);
    return rc;
}

int daemon_main(const struct daemon_ops *ops, int argc, char **argv) {
    struct daemon *d = &the_daemon;
    struct error err = {0};
    if (argc > 1 || !has_channel()) return daemon_help(ops, argc, argv);
    (void)mallopt(M_ARENA_MAX, (ops->needs & NEEDS_THREADS) != 0 ? MALLOC_ARENAS_THREADS : 1);
    (void)signal(SIGINT, SIG_IGN); /* the responder decides */
    (void)signal(SIGHUP, SIG_IGN);
    d->ops = ops;
    cond_init(&d->configured);
    log_open(ops->name, STDERR_FILENO, LOG_MESSAGE);
    if (receive_start(d, &err) != 0 || loop_init(&err) != 0) {
        log_event(LOG_ERROR, "-", "cannot-start", "module=%s error=\"%s\"", ops->name, err.text);
        return EXIT_CANNOT_START;
    }
    if (loop_on_signal(SIGTERM, on_signal, d) != 0 || fiber_spawn("main", main_fiber, d, NULL) != 0) {
        return EXIT_CANNOT_START;
    }
    loop_run();
    log_flush();
    _exit(0); /* what is left belongs to the kernel; destructors would only take time */
}
