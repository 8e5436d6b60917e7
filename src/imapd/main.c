/* Program iems-imapd. */
#include "base/log.h"
#include "base/metric.h"
#include "daemon/daemon.h"
#include "imapd/imapd.h"
#include "imapd/long_call.h"
#include "imapd/progress.h"
#include "net/loop.h"
#include "proto/mime/charset.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <stdlib.h>

enum { LISTENERS_MAX = 16, DRAIN_STEP_MS = 1000 };

static struct imapd imapd;
static struct listener *listeners[LISTENERS_MAX];
static size_t listener_count;

/* An option that holds networks; a bad value leaves what was there. */
static void read_networks(struct daemon *d, const char *option, struct net_range **list, size_t *count) {
    struct net_range *fresh;
    size_t n;
    struct error err = {0};
    if (net_range_list_parse(str_from(option_str(d, option)), &fresh, &n, &err) != 0) {
        log_event(LOG_ERROR, "-", "bad_option", "name=%s error=\"%s\"", option, err.text);
        return;
    }
    free(*list);
    *list = fresh;
    *count = n;
}

static void configure(struct daemon *d) {
    struct imapd_config *c = &imapd.config;
    c->hostname = daemon_hostname(d);
    c->referrals = option_str(d, "dir.mailbox_host")[0] != '\0';
    c->tls = daemon_tls(d);
    c->append_limit = option_u64(d, "imapd.append_limit");
    c->autologout_ms = option_u64(d, "imapd.autologout") * 1000;
    c->login_timeout_ms = option_u64(d, "imapd.login_timeout") * 1000;
    c->progress_ms = PROGRESS_MS;
    c->many = LONG_CALL_MANY;
    c->max_bad_commands = (unsigned)option_u64(d, "imapd.max_bad_commands");
    c->max_per_user = (unsigned)option_u64(d, "imapd.max_per_user");
    c->message_limit = (uint32_t)option_u64(d, "imapd.message_limit");
    c->save_limit = (uint32_t)option_u64(d, "imapd.save_limit");
    c->notify_pending = (unsigned)option_u64(d, "imapd.notify_pending");
    read_networks(d, "imapd.plaintext_networks", &c->plaintext, &c->plaintext_count);
    struct gate *g = &imapd.gate;
    struct error err = {0};
    g->rows = daemon_table(d, "access");
    g->control = option_bool(d, "imapd.access_control");
    g->default_allow = option_bool(d, "imapd.access_default");
    g->max_per_address = (unsigned)option_u64(d, "imapd.max_per_address");
    if (gate_set_exceptions(g, str_from(option_str(d, "imapd.access_exceptions")), &err) != 0)
        log_event(LOG_ERROR, "-", "bad_option", "name=imapd.access_exceptions error=\"%s\"", err.text);
}

static struct listener_limits limits(struct daemon *d) {
    return (struct listener_limits){.max_sessions = (unsigned)option_u64(d, "imapd.max_sessions")};
}

static int listen_on(struct daemon *d, const char *name, const struct listener_ops *ops, struct error *err) {
    const struct listener_limits l = limits(d);
    for (int fd; listener_count < LISTENERS_MAX && (fd = daemon_take_listener(d, name)) >= 0; listener_count++) {
        int rc = listener_start(name, fd, ops, &imapd, &l, &listeners[listener_count]);
        if (rc != 0) return error_set(err, rc, "cannot listen for %s: %s", name, err_name(rc));
    }
    return 0;
}

static int prepare(struct daemon *d, struct error *err) {
    (void)d;
    (void)err;
    charset_prepare();
    return 0;
}

static int start(struct daemon *d, struct error *err) {
    static const struct listener_ops plain = {imapd_serve, imapd_refuse}, tls = {imapd_serve_tls, NULL};
    static const struct rpc_client_ops store_ops = {
        .connected = imapd_store_connected, .disconnected = imapd_store_disconnected, .event = imapd_store_event};
    static const char *const tables[] = {"access"};
    int rc = imapd_init(&imapd);
    if (rc != 0) return error_set(err, rc, "out of memory");
    rc = daemon_tables_use(d, tables, 1, err);
    if (rc != 0) return rc;
    configure(d);
    static const struct rpc_client_ops dir_ops = {.connected = roster_connected, .event = roster_event};
    rc = daemon_client(d, &dir_service, &dir_ops, &imapd.roster, &imapd.dir);
    imapd.roster.dir = imapd.dir;
    if (rc == 0 && daemon_workers(d) > 1)
        rc = daemon_client(d, &control_service, NULL, NULL, &imapd.gate.counting.control);
    if (rc == 0) rc = daemon_client(d, &store_service, &store_ops, &imapd, &imapd.store);
    if (rc != 0) return error_set(err, rc, "cannot reach the directory and the mail store: %s", err_name(rc));
    rc = listen_on(d, "imap", &plain, err);
    return rc != 0 ? rc : listen_on(d, "imaps", &tls, err);
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    uint64_t deadline = loop_now_ms() + seconds * 1000u;
    for (size_t i = 0; i < listener_count; i++) listener_stop(listeners[i]);
    imapd_shutdown(&imapd);
    for (size_t i = 0; i < listener_count; i++) listener_drain(listeners[i], deadline);
}

static void options_changed(struct daemon *d) {
    const struct listener_limits l = limits(d);
    configure(d);
    for (size_t i = 0; i < listener_count; i++) listener_set_limits(listeners[i], &l);
}

static void metrics(struct daemon *d, struct buf *out) {
    (void)d;
    const struct metric list[] = {
        {"sessions", "IMAP connections that are open", imapd.session_count},
        {"sessions_selected", "IMAP connections with a mailbox selected", imapd.selected_count},
        {"logins_total", "Logins that succeeded", imapd.count.logins},
        {"login_failures_total", "Logins that failed", imapd.count.login_failures},
        {"commands_total", "Commands", imapd.count.commands},
        {"bad_commands_total", "Commands answered with BAD", imapd.count.bad_commands},
        {"appended_total", "Messages appended", imapd.count.appended},
        {"bodies_total", "Sections of messages fetched", imapd.count.fetched_bodies},
        {"refused_total", "Connections refused by access or limits", imapd.gate.refused},
        {"store_disconnects_total", "Connections to the mail store that were lost", imapd.count.disconnects},
        {"store_resyncs_total", "Selected mailboxes that were opened again after that", imapd.count.resyncs},
    };
    metrics_put(out, "imapd", list, sizeof list / sizeof list[0]);
}

static const struct daemon_ops ops = {
    .name = "imapd",
    .summary = "gives mail programs access to the mailboxes over IMAP",
    .needs = NEEDS_ACCEPT,
    .prepare = prepare,
    .start = start,
    .stop = stop,
    .options_changed = options_changed,
    .metrics = metrics,
};

int main(int argc, char **argv) {
    return daemon_main(&ops, argc, argv);
}
