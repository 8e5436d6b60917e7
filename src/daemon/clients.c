/* Connections to the services of other modules: one per service, shared by all who ask for it. The responder makes
 * them. */
#include "daemon/private.h"

#include "base/log.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_CALL_MS = 10000 };

static struct daemon_client *client_find(struct daemon *d, const char *service) {
    for (size_t i = 0; i < d->client_count; i++) {
        if (strcmp(d->clients[i].service->name, service) == 0) return &d->clients[i];
    }
    return NULL;
}

void clients_peer_came(struct daemon *d, const char *service, int fd) {
    struct daemon_client *c = client_find(d, service);
    if (c == NULL || fd < 0) {
        if (fd >= 0) close(fd);
        return;
    }
    if (c->fd >= 0) close(c->fd);
    c->fd = fd;
    cond_signal(&c->arrived);
}

static int client_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    struct daemon_client *c = arg;
    Control__PeerWanted wanted = CONTROL__PEER_WANTED__INIT;
    wanted.service = (char *)(uintptr_t)c->service->name;
    int rc = channel_send(c->daemon, &PACKET(PEER_WANTED, peer_wanted, &wanted));
    while (rc == 0 && c->fd < 0) rc = cond_wait(&c->arrived, deadline_ms);
    if (rc != 0) return error_set(err, rc, "no connection to %s", c->service->name);
    *fd = c->fd;
    c->fd = -1;
    return 0;
}

static void client_connected(struct rpc_client *client, void *arg) {
    struct daemon_client *c = arg;
    log_event(LOG_INFO, "-", "connected", "service=%s", c->service->name);
    for (size_t i = 0; i < c->subscriber_count; i++) {
        if (c->subscribers[i].ops.connected != NULL) c->subscribers[i].ops.connected(client, c->subscribers[i].arg);
    }
}

static void client_disconnected(struct rpc_client *client, void *arg) {
    struct daemon_client *c = arg;
    log_event(LOG_INFO, "-", "disconnected", "service=%s", c->service->name);
    for (size_t i = 0; i < c->subscriber_count; i++) {
        if (c->subscribers[i].ops.disconnected != NULL) {
            c->subscribers[i].ops.disconnected(client, c->subscribers[i].arg);
        }
    }
}

static void client_event(struct rpc_client *client, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                         void *arg) {
    struct daemon_client *c = arg;
    for (size_t i = 0; i < c->subscriber_count; i++) {
        if (c->subscribers[i].ops.event != NULL) {
            c->subscribers[i].ops.event(client, method, msg, attach, c->subscribers[i].arg);
        }
    }
}

static const struct rpc_client_ops client_ops = {
    .connect = client_connect,
    .connected = client_connected,
    .disconnected = client_disconnected,
    .event = client_event,
};

struct late {
    struct rpc_client *client;
    void (*connected)(struct rpc_client *c, void *arg);
    void *arg;
};

static void late_connected(void *arg) {
    struct late l = *(struct late *)arg;
    free(arg);
    l.connected(l.client, l.arg);
}

/* One who joins when the connection is there is told in a fiber of its own. */
static int tell_late(struct daemon_client *c, const struct rpc_client_ops *ops, void *arg) {
    if (ops->connected == NULL || !rpc_client_is_connected(c->client)) return 0;
    struct late *l = malloc(sizeof *l);
    if (l == NULL) return ERR_NOMEM;
    *l = (struct late){c->client, ops->connected, arg};
    int rc = fiber_spawn("connected", late_connected, l, NULL);
    if (rc != 0) free(l);
    return rc;
}

int daemon_client(struct daemon *d, const struct rpc_service *service, const struct rpc_client_ops *ops, void *arg,
                  struct rpc_client **out) {
    struct daemon_client *c = client_find(d, service->name);
    if (c == NULL) {
        if (d->client_count == DAEMON_CLIENTS_MAX) return ERR_LIMIT;
        c = &d->clients[d->client_count];
        *c = (struct daemon_client){.daemon = d, .service = service, .fd = -1};
        cond_init(&c->arrived);
        int rc = rpc_client_new(service, &client_ops, c, &c->client);
        if (rc != 0) return rc;
        d->client_count++;
    }
    if (ops != NULL) {
        if (c->subscriber_count == DAEMON_SUBSCRIBERS_MAX) return ERR_LIMIT;
        int rc = tell_late(c, ops, arg);
        if (rc != 0) return rc;
        c->subscribers[c->subscriber_count].ops = *ops;
        c->subscribers[c->subscriber_count++].arg = arg;
    }
    if (out != NULL) *out = c->client;
    return 0;
}

int daemon_peer(struct daemon *d, const char *module, uint64_t deadline_ms, int *fd, struct error *err) {
    static const struct rpc_service bare[] = {{.name = "smtpc"}, {.name = "smtpd"}};
    struct daemon_client *c = client_find(d, module);
    const struct rpc_service *service = &bare[strcmp(module, bare[0].name) == 0 ? 0 : 1];
    IEMS_ASSERT(strcmp(module, service->name) == 0);
    if (c == NULL) {
        if (d->client_count == DAEMON_CLIENTS_MAX) return ERR_LIMIT;
        c = &d->clients[d->client_count++];
        *c = (struct daemon_client){.daemon = d, .service = service, .fd = -1};
        cond_init(&c->arrived);
        cond_init(&c->free);
    }
    while (c->asking) {
        int rc = cond_wait(&c->free, deadline_ms);
        if (rc != 0) return error_set(err, rc, "no connection to %s", module);
    }
    c->asking = true;
    int rc = client_connect(c, deadline_ms, fd, err);
    c->asking = false;
    cond_signal(&c->free);
    return rc;
}

/* ---------------------------------------------------------------- options of the directory */

static void options_came(struct daemon *d, const Dir__Config *config) {
    struct setting *list = calloc(config->n_options == 0 ? 1 : config->n_options, sizeof *list);
    if (list == NULL) return;
    for (size_t i = 0; i < config->n_options; i++) {
        list[i] = (struct setting){config->options[i]->name, config->options[i]->value};
    }
    log_event(LOG_INFO, "-", "options", "from=directory serial=%llu count=%zu", (unsigned long long)config->serial,
              config->n_options);
    daemon_set_options(d, SETTINGS_DIRECTORY, list, config->n_options);
    free(list);
    d->has_directory_options = true;
    cond_broadcast(&d->configured);
}

static void dir_connected(struct rpc_client *client, void *arg) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    int rc = rpc_call(client, DIR_CONFIG_WATCH, &empty.base, STR_EMPTY, loop_now_ms() + CONFIG_CALL_MS, &reply, &err);
    if (rc == 0)
        options_came(arg, (const Dir__Config *)(const void *)reply.msg);
    else if (rc != ERR_CANCELLED)
        log_event(LOG_WARNING, "-", "options", "from=directory error=\"%s\"", err.text);
}

static void dir_event(struct rpc_client *client, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                      void *arg) {
    (void)client;
    (void)attach;
    if (method == DIR_EVENT_CONFIG) options_came(arg, (const Dir__Config *)(const void *)msg);
}

int clients_watch_options(struct daemon *d) {
    static const struct rpc_client_ops ops = {.connected = dir_connected, .event = dir_event};
    return daemon_client(d, &dir_service, &ops, d, NULL);
}
