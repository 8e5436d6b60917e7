/* Descriptor 3: packets from and to the responder. When it ends the responder is gone, and so is this process. */
#include "daemon/private.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PACKET_ARENA_MAX = 4 * 1024 * 1024 };

int channel_send(struct daemon *d, const Control__Packet *msg) {
    return packet_send(d->channel.fd, msg, NULL, 0);
}

void channel_failed(struct daemon *d, const char *text) {
    Control__Failed failed = CONTROL__FAILED__INIT;
    failed.text = (char *)(uintptr_t)text;
    (void)!channel_send(d, &PACKET(FAILED, failed, &failed));
}

static void new_session(struct daemon *d, const Control__Session *s, int fd) {
    if (fd < 0) return;
    char name[64];
    (void)snprintf(name, sizeof name, "%s[%u]", s->role, s->pid);
    uint32_t role = rpc_role_from_name(str_from(s->role));
    int rc = d->ops->session == NULL || role == 0 || d->stopping ? ERR_UNSUPPORTED : d->ops->session(d, fd, role, name);
    if (rc == 0) return;
    log_event(LOG_WARNING, "-", "session-refused", "peer=%s error=\"%s\"", name, err_name(rc));
    close(fd);
}

static void answer_ping(struct daemon *d, uint64_t n) {
    BUF_AUTO text = BUF_INIT(METRICS_MAX);
    daemon_metrics(d, &text);
    Control__Pong pong = CONTROL__PONG__INIT;
    pong.n = n;
    pong.metrics = (char *)(uintptr_t)buf_cstr(&text);
    if (channel_send(d, &PACKET(PONG, pong, &pong)) != 0) {
        pong.metrics = (char *)(uintptr_t) "";
        (void)!channel_send(d, &PACKET(PONG, pong, &pong));
    }
}

static void channel_packet(struct daemon *d, struct packet *p) {
    const Control__Packet *m = p->msg;
    switch (m->kind_case) {
    case CONTROL__PACKET__KIND_PEER: clients_peer_came(d, m->peer->service, packet_take_fd(p)); break;
    case CONTROL__PACKET__KIND_SESSION: new_session(d, m->session, packet_take_fd(p)); break;
    case CONTROL__PACKET__KIND_LOG_FILE:
        daemon_set_log(d, packet_take_fd(p), m->log_file->level, m->log_file->forced);
        break;
    case CONTROL__PACKET__KIND_CERTIFICATES: daemon_set_certificates(d, packet_take_fd(p)); break;
    case CONTROL__PACKET__KIND_TLS_TICKETS: daemon_set_tickets(d, rpc_bytes(m->tls_tickets->keys)); break;
    case CONTROL__PACKET__KIND_OPTIONS:
        daemon_options_from_packet(d, m->options->options, m->options->n_options);
        break;
    case CONTROL__PACKET__KIND_FILE_OPENED:
        files_opened(m->file_opened->number, m->file_opened->error, packet_take_fd(p));
        break;
    case CONTROL__PACKET__KIND_STOP: daemon_begin_stop(d, m->stop->seconds); break;
    case CONTROL__PACKET__KIND_PING: answer_ping(d, m->ping->n); break;
    default: log_event(LOG_WARNING, "-", "channel", "error=\"unknown packet\" kind=%d", (int)m->kind_case); break;
    }
}

static void channel_main(void *arg) {
    struct daemon *d = arg;
    for (;;) {
        ARENA_AUTO arena = arena_new(PACKET_ARENA_MAX);
        struct packet p;
        int rc = arena == NULL ? ERR_NOMEM : packet_receive(d->channel.fd, arena, &p);
        if (rc == 0) {
            channel_packet(d, &p);
            packet_close_fds(&p);
            continue;
        }
        if (rc != ERR_AGAIN) break;
        arena_free(arena);
        arena = NULL;
        watch_drained(&d->channel, FIBER_READ, true);
        if (watch_wait(&d->channel, FIBER_READ, DEADLINE_NEVER) != 0) return; /* the loop ends */
    }
    log_event(LOG_ERROR, "-", "responder-gone", "action=exit");
    log_flush();
    _exit(1);
}

int channel_start(struct daemon *d) {
    watch_init(&d->channel, CHANNEL_FD);
    packet_socket_setup(CHANNEL_FD);
    return fiber_spawn("channel", channel_main, d, NULL);
}
