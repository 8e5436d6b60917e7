/* What modules say on their channel. */
#include "responder/responder.h"

#include "net/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PACKET_ARENA_MAX = 4 * 1024 * 1024 };

bool worker_speaks(const struct worker *w) {
    return w->channel.fd >= 0 && w->module->def->program != NULL;
}

int worker_send(const struct worker *w, const Control__Packet *msg, const int *fds, size_t count) {
    return !worker_speaks(w) ? ERR_CLOSED : packet_send(w->channel.fd, msg, fds, count);
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
    case CONTROL__PACKET__KIND_FILE_WANTED: files_wanted(w, m->file_wanted->number, m->file_wanted->name); break;
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

/* ---------------------------------------------------------------- slapd */

enum { FOREIGN_LINE_MAX = 2000 };

/* "6b015e0f.28b42cb0 0x7f75bfc08200 daemon: bind(6) failed errno=98 (Address already in use)" */
static void foreign_line(struct worker *w, struct str line) {
    static const struct str usual[] = {
        STR("@(#)"),           STR("slapd starting"), STR("slapd stopped"),      STR("daemon: shutdown"),
        STR("slapd shutdown"), STR("slapd destroy"),  STR("connections_destroy")};
    struct str text = line;
    (void)str_word(&text);
    if (line.len == 0 || line.ptr[0] == '\t' || !str_starts(str_word(&text), STR("0x"))) return;
    text = str_trim(text);
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (str_starts(text, usual[i])) return;
    }
    if (str_find_str(text, STR("slap_read_controls")) >= 0) return; /* told of each write */
    log_event(LOG_WARNING, "-", w->module->def->name, "text=\"%.*s\"", STR_ARG(text));
    if (w->state == WORKER_STARTING) (void)snprintf(w->detail, sizeof w->detail, "%.*s", STR_ARG(text));
}

void foreign_read(void *worker) {
    struct worker *w = worker;
    BUF_AUTO in = BUF_INIT(FOREIGN_LINE_MAX);
    for (;;) {
        char *to = buf_reserve(&in, FOREIGN_LINE_MAX - in.len);
        ssize_t n = in.len == FOREIGN_LINE_MAX ? 0 : read(w->channel.fd, to, FOREIGN_LINE_MAX - in.len);
        if (n > 0) {
            buf_commit(&in, (size_t)n);
            for (ptrdiff_t end; (end = str_find(buf_str(&in), '\n')) >= 0;) {
                foreign_line(w, str_sub(buf_str(&in), 0, (size_t)end));
                buf_consume(&in, (size_t)end + 1);
            }
        } else if (in.len == FOREIGN_LINE_MAX) {
            buf_clear(&in); /* no such line is of use */
        } else if (n == 0 || errno != EAGAIN) {
            break;
        } else {
            watch_drained(&w->channel, FIBER_READ, true);
            if (watch_wait(&w->channel, FIBER_READ, DEADLINE_NEVER) != 0) break;
        }
    }
    w->reader = NULL;
}
