/* All hosts at a glance: each is asked in a fiber of its own, so that one that does not answer keeps nobody waiting but
 * itself. */
#include "cli/hosts.h"

#include "cli/listing.h"
#include "cli/queue_text.h"
#include "cli/status_text.h"
#include "net/fiber.h"
#include "rpc/control_methods.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct overview {
    struct rpc_client *remote;
    struct cond answered;
    size_t waiting;
};
struct asked {
    struct overview *overview;
    const Remote__Host *host;
    struct rpc_reply reply;
    struct error err;
    int rc;
};

static void ask_main(void *arg) {
    struct asked *a = arg;
    a->rc = hosts_ask(a->overview->remote, REMOTE_STATE, &(struct host_ask){.host = a->host->name}, &a->reply, &a->err);
    a->overview->waiting--;
    cond_signal(&a->overview->answered);
}

static const Remote__State *state_of(const struct asked *a) {
    return a->rc == 0 ? (const Remote__State *)(const void *)a->reply.msg : NULL;
}

/* The first module that should run and does not; NULL = none. */
static const Control__Module *trouble(const Control__Status *s, size_t *ready) {
    const Control__Module *first = NULL;
    *ready = 0;
    for (size_t i = 0; i < s->n_modules; i++) {
        const Control__Module *m = s->modules[i];
        bool is_ready = strcmp(m->state, "ready") == 0;
        *ready += is_ready;
        if (first == NULL && !is_ready && m->auto_start) first = m;
    }
    return first;
}

static void print_one(const struct asked *a) {
    const Remote__State *s = state_of(a);
    char uptime[STATUS_UPTIME_MAX], queued[24] = "-";
    size_t ready;
    BUF_AUTO room = BUF_INIT(64);
    if (s == NULL) {
        printf("%-28s %-9s %s\n", a->host->name, "-", a->err.text);
        return;
    }
    const Control__Module *m = trouble(s->status, &ready);
    bool known = s->store->problem[0] == '\0';
    status_uptime(s->status->uptime_s, uptime);
    if (known) {
        text_size(s->store->disk_free, &room);
        (void)snprintf(queued, sizeof queued, "%" PRIu64, status_waiting(s->store));
    }
    printf("%-28s %-9s %-10s %9s %8zu %8s %10s  ", a->host->name, s->status->all_ready ? "ready" : "not ready",
           s->status->version, uptime, ready, queued, known ? buf_cstr(&room) : "-");
    if (m != NULL)
        printf("%s is %s", m->name, m->state);
    else if (known && !s->store->accepting)
        printf("takes no mail: %s", s->store->reason);
    else if (s->status->n_warnings > 0)
        printf("%s", s->status->warnings[0]);
    (void)putchar('\n');
}

static json_t *one_json(const struct asked *a) {
    const Remote__State *s = state_of(a);
    json_t *j = json_pack("{s:s,s:b,s:b}", "host", a->host->name, "own", a->host->own, "reached", s != NULL);
    if (s == NULL) {
        (void)json_object_set_new(j, "problem", json_string(a->err.text));
    } else {
        (void)json_object_set_new(j, "status", status_json(s->status));
        (void)json_object_set_new(j, "store", status_store_json(s->store));
    }
    return j;
}

static int show(const Remote__Hosts *hosts, const struct asked *list, bool json) {
    int status = EX_OK;
    json_t *all = json ? json_array() : NULL;
    if (hosts->directory_away) cli_error("the directory does not answer: these are the hosts that were last known");
    if (!json)
        printf("%-28s %-9s %-10s %9s %8s %8s %10s\n", "HOST", "STATE", "VERSION", "UPTIME", "READY", "QUEUED",
               "DISK FREE");
    for (size_t i = 0; i < hosts->n_list; i++) {
        const Remote__State *s = state_of(&list[i]);
        if (s == NULL || !s->status->all_ready) status = EX_UNAVAILABLE;
        if (json)
            (void)json_array_append_new(all, one_json(&list[i]));
        else
            print_one(&list[i]);
    }
    if (json) (void)!listing_json(json_pack("{s:b,s:o}", "directory_away", hosts->directory_away, "hosts", all));
    return status;
}

static int ask_all(struct overview *o, const Remote__Hosts *hosts, bool json) {
    struct asked *list = calloc(hosts->n_list + 1, sizeof *list);
    if (list == NULL) return EX_OSERR;
    for (size_t i = 0; i < hosts->n_list; i++) {
        list[i] = (struct asked){.overview = o, .host = hosts->list[i], .rc = ERR_NOMEM};
        o->waiting++;
        if (fiber_spawn("ask", ask_main, &list[i], NULL) != 0) o->waiting--;
    }
    int rc = 0;
    while (o->waiting > 0 && rc == 0) rc = cond_wait(&o->answered, DEADLINE_NEVER);
    int status = rc == 0 ? show(hosts, list, json) : EX_SOFTWARE;
    for (size_t i = 0; i < hosts->n_list; i++) rpc_reply_free(&list[i].reply);
    free(list);
    return status;
}

int hosts_overview(struct cli *c, bool json) {
    struct overview o = {.remote = hosts_connect(c)};
    Remote__Empty empty = REMOTE__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (o.remote == NULL) return EX_UNAVAILABLE;
    cond_init(&o.answered);
    int rc = cli_call(o.remote, REMOTE_HOSTS, &empty.base, STR_EMPTY, &reply, "");
    int status = rc == 0 ? ask_all(&o, (const Remote__Hosts *)(const void *)reply.msg, json) : cli_exit_status(rc);
    rpc_client_free(o.remote);
    return status;
}
