/* Program iems-pop3d. */
#include "base/log.h"
#include "daemon/daemon.h"
#include "pop3d/pop3d.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <stdlib.h>

enum { LISTENERS_MAX = 16, MS = 1000, EXPIRE_DAYS_MAX = 36500 };

static struct pop3d pop3d;
static struct listener *listeners[LISTENERS_MAX];
static size_t listener_count;

static struct listener_limits listener_limits_of(struct daemon *d) {
    return (struct listener_limits){
        .max_sessions = (unsigned)option_u64(d, "pop3d.max_sessions"),
    };
}

/* The old networks stay when the new text is wrong. */
static int configure(struct daemon *d, struct error *err) {
    struct pop3d_config *c = &pop3d.config;
    c->hostname = daemon_hostname(d);
    c->tls = daemon_tls(d);
    c->login_timeout_ms = option_u64(d, "pop3d.login_timeout") * MS;
    c->idle_timeout_ms = option_u64(d, "pop3d.idle_timeout") * MS;
    c->max_bad_commands = (unsigned)option_u64(d, "pop3d.max_bad_commands");
    c->max_per_user = (unsigned)option_u64(d, "pop3d.max_per_user");
    c->login_delay_s = option_u64(d, "pop3d.login_delay");
    struct gate *g = &pop3d.gate;
    g->rows = daemon_table(d, "access");
    g->control = option_bool(d, "pop3d.access_control");
    g->default_allow = option_bool(d, "pop3d.access_default");
    g->max_per_address = (unsigned)option_u64(d, "pop3d.max_sessions_per_address");
    int rc = gate_set_exceptions(g, str_from(option_str(d, "pop3d.access_exceptions")), err);
    if (rc != 0) return error_prefix(err, "pop3d.access_exceptions");
    struct str expire = str_from(option_str(d, "pop3d.expire"));
    uint64_t days = 0;
    bool expires = !str_eq_nocase(expire, STR("never"));
    if (expires && str_to_u64(expire, EXPIRE_DAYS_MAX, &days) != 0)
        return error_set(err, ERR_INVALID, "pop3d.expire: 'never' or a number of days is meant");
    c->expires = expires;
    c->expire_days = (unsigned)days;
    struct net_range *list;
    size_t count;
    rc = net_range_list_parse(str_from(option_str(d, "pop3d.plaintext_networks")), &list, &count, err);
    if (rc != 0) return error_prefix(err, "pop3d.plaintext_networks");
    free(c->plaintext);
    c->plaintext = list;
    c->plaintext_count = count;
    return 0;
}

static int listen_on(struct daemon *d, const char *name, const struct listener_ops *ops, struct error *err) {
    struct listener_limits limits = listener_limits_of(d);
    for (int fd; (fd = daemon_take_listener(d, name)) >= 0;) {
        if (listener_count == LISTENERS_MAX) return error_set(err, ERR_LIMIT, "more than %d listeners", LISTENERS_MAX);
        int rc = listener_start(name, fd, ops, &pop3d, &limits, &listeners[listener_count]);
        if (rc != 0) return error_set(err, rc, "cannot listen for %s: %s", name, err_name(rc));
        listener_count++;
    }
    return 0;
}

static int start(struct daemon *d, struct error *err) {
    static const struct listener_ops plain = {.serve = pop3d_serve, .refuse = pop3d_refuse};
    static const struct listener_ops tls = {.serve = pop3d_serve_tls};
    static const struct rpc_client_ops dir_ops = {.connected = roster_connected, .event = roster_event};
    static const struct rpc_client_ops store = {.disconnected = pop3d_store_disconnected};
    static const char *const tables[] = {"access"};
    int rc = pop3d_init(&pop3d);
    if (rc != 0) return error_set(err, rc, "out of memory");
    rc = daemon_tables_use(d, tables, 1, err);
    if (rc == 0) rc = configure(d, err);
    if (rc != 0) return rc;
    rc = daemon_client(d, &dir_service, &dir_ops, &pop3d.roster, &pop3d.dir);
    pop3d.roster.dir = pop3d.dir;
    if (rc == 0 && daemon_workers(d) > 1)
        rc = daemon_client(d, &control_service, NULL, NULL, &pop3d.gate.counting.control);
    if (rc == 0) rc = daemon_client(d, &store_service, &store, &pop3d, &pop3d.store);
    if (rc != 0) return error_set(err, rc, "cannot make clients: %s", err_name(rc));
    rc = listen_on(d, "pop3", &plain, err);
    if (rc == 0 && pop3d.config.tls != NULL) rc = listen_on(d, "pop3s", &tls, err);
    return rc;
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    uint64_t deadline = loop_now_ms() + seconds * (uint64_t)MS;
    for (size_t i = 0; i < listener_count; i++) listener_stop(listeners[i]);
    pop3d_shutdown(&pop3d);
    for (size_t i = 0; i < listener_count; i++) {
        listener_drain(listeners[i], deadline);
        listener_free(listeners[i]);
    }
    listener_count = 0;
    pop3d_done(&pop3d);
}

static void options_changed(struct daemon *d) {
    struct error err = {0};
    if (configure(d, &err) != 0) log_event(LOG_ERROR, "-", "bad-option", "%s", err.text);
    struct listener_limits limits = listener_limits_of(d);
    for (size_t i = 0; i < listener_count; i++) listener_set_limits(listeners[i], &limits);
}

static void metrics(struct daemon *d, struct buf *out) {
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } list[] = {
        {"sessions", "gauge", "POP3 sessions that are open", pop3d.sessions},
        {"logins_total", "counter", "Successful logins", pop3d.count.logins},
        {"login_failures_total", "counter", "Failed logins", pop3d.count.login_failures},
        {"retrieved_total", "counter", "Messages retrieved", pop3d.count.retrieved},
        {"retrieved_bytes_total", "counter", "Bytes of messages retrieved", pop3d.count.retrieved_bytes},
        {"deleted_total", "counter", "Messages removed by QUIT", pop3d.count.deleted},
        {"bad_commands_total", "counter", "Commands refused for their form or order", pop3d.count.bad_commands},
        {"refused_total", "counter", "Connections refused by access or limits", pop3d.gate.refused},
        {"lost_total", "counter", "Sessions that ended without QUIT", pop3d.count.lost},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (daemon_worker(d) == 0) {
            buf_printf(out, "# HELP iems_pop3d_%s %s\n# TYPE iems_pop3d_%s %s\n", list[i].name, list[i].help,
                       list[i].name, list[i].type);
        }
        buf_printf(out, "iems_pop3d_%s{worker=\"%u\"} %llu\n", list[i].name, daemon_worker(d),
                   (unsigned long long)list[i].value);
    }
}

static const struct daemon_ops ops = {
    .name = "pop3d",
    .summary = "gives users their mail over POP3",
    .needs = NEEDS_ACCEPT,
    .start = start,
    .stop = stop,
    .options_changed = options_changed,
    .metrics = metrics,
};

int main(int argc, char **argv) {
    return daemon_main(&ops, argc, argv);
}
