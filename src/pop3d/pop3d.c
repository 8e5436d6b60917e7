#include "pop3d/pop3d.h"

#include <stdlib.h>

int pop3d_init(struct pop3d *p) {
    *p = (struct pop3d){.config = {.hostname = "localhost"}};
    cond_init(&p->wake);
    return gate_init(&p->gate, "pop3");
}

void pop3d_done(struct pop3d *p) {
    gate_done(&p->gate);
    free(p->config.plaintext);
    p->config.plaintext = NULL;
    p->config.plaintext_count = 0;
}

void pop3d_store_disconnected(struct rpc_client *c, void *arg) {
    (void)c;
    ((struct pop3d *)arg)->store_generation++;
}

bool pop3d_plaintext_allowed(const struct pop3d *p, const struct stream *s) {
    return net_range_list_has(p->config.plaintext, p->config.plaintext_count, stream_peer(s));
}

void pop3d_shutdown(struct pop3d *p) {
    p->stopping = true;
    cond_broadcast(&p->wake);
}
