#include "pop3d/pop3d.h"

#include <stdlib.h>

int pop3d_init(struct pop3d *p) {
    *p = (struct pop3d){.config = {.hostname = "localhost"}};
    cond_init(&p->wake);
    roster_init(&p->roster, "pop3", NULL);
    p->users = map_new(MAP_NOCASE);
    if (p->users == NULL) return ERR_NOMEM;
    return gate_init(&p->gate, "pop3");
}

void pop3d_done(struct pop3d *p) {
    roster_done(&p->roster);
    gate_done(&p->gate);
    map_free(p->users, NULL);
    p->users = NULL;
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

int pop3d_user_enter(struct pop3d *p, struct str address) {
    uintptr_t count = (uintptr_t)map_get(p->users, address);
    if (p->config.max_per_user > 0 && count >= p->config.max_per_user) return ERR_LIMIT;
    return map_put(p->users, address, (void *)(count + 1), NULL);
}

void pop3d_user_leave(struct pop3d *p, struct str address) {
    uintptr_t count = (uintptr_t)map_get(p->users, address);
    if (count <= 1)
        (void)map_remove(p->users, address);
    else
        (void)!map_put(p->users, address, (void *)(count - 1), NULL);
}

void pop3d_shutdown(struct pop3d *p) {
    p->stopping = true;
    cond_broadcast(&p->wake);
}
