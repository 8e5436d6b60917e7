/* Makes modules known to each other: a pair of sockets, one end to the one who asks, the other to the one who serves,
 * with the role of the first, which it cannot choose. */
#include "responder/responder.h"

#include "net/loop.h"
#include "rpc/dir_methods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONFIG_CALL_MS = 10000 };

/* Beside the services for everybody. RFC 2645: smtpd gives smtpc connections that customers turn round, smtpc gives
 * smtpd those that it turned round itself; the command line asks smtpc to do so. */
static const struct {
    const char *service, *role;
} allowed[] = {{"smtpc", "smtpd"}, {"smtpd", "smtpc"}, {"smtpc", "cli"}};

static bool serves(const struct module *m, const char *role) {
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (strcmp(m->def->name, allowed[i].service) == 0 && strcmp(role, allowed[i].role) == 0) return true;
    return m->def->serves;
}

int broker_connect(struct responder *r, const char *service, const char *role, pid_t pid, int *fd) {
    bool own = strcmp(service, control_service.name) == 0;
    const struct module *m = own ? NULL : module_find(r, service);
    if (!own && (m == NULL || !serves(m, role))) return ERR_NOTFOUND;
    if (!own && !module_is_ready(m)) return ERR_AGAIN;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return ERR_IO;
    int rc;
    if (own) {
        rc = rpc_server_add(r->control, pair[0], rpc_role_from_name(str_from(role)), role);
        if (rc != 0) close(pair[0]);
    } else {
        Control__Session session = CONTROL__SESSION__INIT;
        session.role = (char *)(uintptr_t)role;
        session.pid = (uint32_t)pid;
        rc = worker_send(&m->workers[0], &PACKET(SESSION, session, &session), &pair[0], 1);
        close(pair[0]);
    }
    if (rc == 0)
        *fd = pair[1];
    else
        close(pair[1]);
    return rc;
}

static int introduce(struct worker *w, const char *service) {
    int fd = -1;
    int rc = broker_connect(w->module->responder, service, w->module->def->name, w->pid, &fd);
    if (rc != 0) return rc;
    Control__Peer peer = CONTROL__PEER__INIT;
    peer.service = (char *)(uintptr_t)service;
    rc = worker_send(w, &PACKET(PEER, peer, &peer), &fd, 1);
    close(fd);
    return rc;
}

void broker_wanted(struct worker *w, const char *service) {
    struct responder *r = w->module->responder;
    int rc = introduce(w, service);
    if (rc == 0) return;
    const struct module *m = module_find(r, service);
    if (rc == ERR_NOTFOUND || m == NULL) {
        log_event(LOG_ERROR, "-", "peer-wanted", "module=%s service=\"%.40s\" error=\"no such service\"",
                  w->module->def->name, service);
        return;
    }
    w->wants[m - r->modules] = true; /* when it is ready */
}

void broker_ready(struct module *served) {
    struct responder *r = served->responder;
    size_t place = (size_t)(served - r->modules);
    for (size_t i = 0; i < module_count; i++) {
        for (unsigned k = 0; k < r->modules[i].worker_count; k++) {
            struct worker *w = &r->modules[i].workers[k];
            if (!w->wants[place] || w->pid == 0) continue;
            if (introduce(w, served->def->name) == 0) w->wants[place] = false;
        }
    }
}

/* ---------------------------------------------------------------- the responder as a client of the directory */

static int dir_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    struct responder *r = arg;
    for (;;) {
        int rc = r->stopping ? ERR_CANCELLED : broker_connect(r, "dir", "responder", getpid(), fd);
        if (rc != ERR_AGAIN) return rc;
        rc = cond_wait(&r->changed, deadline_ms);
        if (rc != 0) return error_set(err, rc, "dir is not ready");
    }
}

static void bad_option(const struct error *err, void *arg) {
    (void)arg;
    log_event(LOG_WARNING, "-", "option-refused", "from=directory error=\"%s\"", err->text);
}

static void options_came(struct responder *r, const Dir__Config *config) {
    size_t count = config->n_options;
    struct setting *list = calloc(count + 1, sizeof *list);
    if (list == NULL) return;
    for (size_t i = 0; i < count; i++) list[i] = (struct setting){config->options[i]->name, config->options[i]->value};
    bool changed = false;
    int rc = settings_set_layer(r->settings, SETTINGS_DIRECTORY, list, count, bad_option, NULL, &changed);
    free(list);
    if (rc == 0 && changed) responder_apply_options(r);
}

static void dir_connected(struct rpc_client *client, void *arg) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    int rc = rpc_call(client, DIR_CONFIG_WATCH, &empty.base, STR_EMPTY, loop_now_ms() + CONFIG_CALL_MS, &reply, &err);
    if (rc == 0) options_came(arg, (const Dir__Config *)(const void *)reply.msg);
    static char certificate[] = "certificate", *tables[] = {certificate};
    Dir__TableWatch watch = DIR__TABLE_WATCH__INIT;
    watch.tables = tables;
    watch.n_tables = 1;
    rc = rpc_call(client, DIR_TABLE_WATCH, &watch.base, STR_EMPTY, loop_now_ms() + CONFIG_CALL_MS, NULL, &err);
    if (rc == 0) certificates_rows_changed(arg);
}

static void dir_event(struct rpc_client *client, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                      void *arg) {
    (void)client;
    (void)attach;
    if (method == DIR_EVENT_CONFIG) options_came(arg, (const Dir__Config *)(const void *)msg);
    if (method == DIR_EVENT_TABLE) certificates_rows_changed(arg);
}

int broker_watch_options(struct responder *r) {
    static const struct rpc_client_ops ops = {.connect = dir_connect, .connected = dir_connected, .event = dir_event};
    return rpc_client_new(&dir_service, &ops, r, &r->dir_client);
}
