/* What modules say on their channel. */
#include "responder/responder.h"

#include "net/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PACKET_ARENA_MAX = 4 * 1024 * 1024 };

int worker_send(const struct worker *w, const Control__Packet *msg, const int *fds, size_t count) {
    return w->channel.fd < 0 ? ERR_CLOSED : packet_send(w->channel.fd, msg, fds, count);
}

static void on_failed(struct worker *w, const char *text) {
    (void)snprintf(w->detail, sizeof w->detail, "%s", text);
}

static void on_pong(struct worker *w, const Control__Pong *pong) {
    w->pong = pong->n;
    free(w->metrics);
    w->metrics = strdup(pong->metrics);
    cond_broadcast(&w->module->responder->pong);
}

static void channel_packet(struct worker *w, const struct packet *p) {
    const Control__Packet *m = p->msg;
    switch (m->kind_case) {
    case CONTROL__PACKET__KIND_READY:
        if (w->state == WORKER_STARTING) worker_set_state(w, WORKER_READY);
        break;
    case CONTROL__PACKET__KIND_FAILED: on_failed(w, m->failed->text); break;
    case CONTROL__PACKET__KIND_PEER_WANTED: broker_wanted(w, m->peer_wanted->service); break;
    case CONTROL__PACKET__KIND_PONG: on_pong(w, m->pong); break;
    default:
        log_event(LOG_WARNING, "-", "channel", "module=%s error=\"unexpected packet %d\"", w->module->def->name,
                  (int)m->kind_case);
        break;
    }
}

/* A fiber for each process; ends with it. */
void channel_read(void *worker) {
    struct worker *w = worker;
    int rc = 0;
    while (rc == 0) {
        ARENA_AUTO arena = arena_new(PACKET_ARENA_MAX);
        struct packet p;
        rc = arena == NULL ? ERR_NOMEM : packet_receive(w->channel.fd, arena, &p);
        if (rc == 0) {
            channel_packet(w, &p);
            packet_close_fds(&p);
        } else if (rc == ERR_AGAIN) {
            watch_drained(&w->channel, FIBER_READ, true);
            rc = watch_wait(&w->channel, FIBER_READ, DEADLINE_NEVER);
        }
    }
    if (rc != ERR_CLOSED && rc != ERR_CANCELLED) {
        log_event(LOG_ERROR, "-", "channel", "module=%s error=\"%s\"", w->module->def->name, err_name(rc));
    }
    w->reader = NULL;
}
