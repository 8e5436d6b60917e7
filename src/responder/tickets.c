/* Keys of TLS session tickets, so that a session begun at one worker of a module is resumed at every other (RFC 8446
 * section 4.6.1), also by one that is started again. They live in memory only. */
#include "responder/responder.h"

#include "base/clock.h"
#include "net/loop.h"

enum { LOOK_MS = 60000 };

static void send_keys(struct module *m) {
    Control__TlsTickets keys = CONTROL__TLS_TICKETS__INIT;
    keys.keys = rpc_binary(tls_tickets_text(&m->tickets));
    for (unsigned k = 0; k < m->worker_count; k++) {
        struct worker *w = &m->workers[k];
        if (w->pid != 0) (void)!worker_send(w, &PACKET(TLS_TICKETS, tls_tickets, &keys), NULL, 0);
    }
}

static void on_timer(void *arg) {
    struct responder *r = arg;
    for (size_t i = 0; i < module_count; i++) {
        struct module *m = &r->modules[i];
        if (m->def->tls && tls_tickets_rotate(&m->tickets, clock_mono_ms())) send_keys(m);
    }
}

int tickets_start(struct responder *r) {
    on_timer(r);
    return loop_timer_new(LOOK_MS, LOOK_MS, on_timer, r) == NULL ? ERR_NOMEM : 0;
}
