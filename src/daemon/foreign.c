#include "daemon/foreign.h"

#include "net/fiber.h"
#include "net/loop.h"
#include "proto/smtp/address.h"

enum { WATCH_TIMEOUT_MS = 30 * 1000, PLAIN_ADDRESS_MAX = 254 };

int foreign_init(struct foreign *f) {
    *f = (struct foreign){.domains = map_new(MAP_NOCASE)};
    return f->domains == NULL ? ERR_NOMEM : 0;
}

void foreign_done(struct foreign *f) {
    map_free(f->domains, NULL);
    f->domains = NULL;
}

/* The domain of an address whose form cannot matter; empty: the directory has to look at all of it. */
static struct str plain_domain(struct str address) {
    if (address.len > PLAIN_ADDRESS_MAX || !str_is_ascii(address) || str_find(address, '"') >= 0) return STR_EMPTY;
    struct str domain = address_domain_of(address);
    return domain.len > 0 && domain.ptr[0] != '[' && domain.len < address.len ? domain : STR_EMPTY;
}

bool foreign_has(const struct foreign *f, struct str address) {
    if (!f->watching || map_count(f->domains) == 0) return false;
    struct str domain = plain_domain(address);
    return domain.len > 0 && map_get(f->domains, domain) != NULL && rpc_client_is_quiet(f->dir);
}

static void forget(struct foreign *f) {
    size_t pos = 0;
    struct str key;
    void *value;
    while (map_next(f->domains, &pos, &key, &value)) (void)map_remove(f->domains, key);
}

/* What was answered before iems-dir watches may have changed before it did. */
static void watch(void *arg) {
    struct foreign *f = arg;
    Dir__Empty request = DIR__EMPTY__INIT;
    uint64_t round = f->round;
    int rc =
        rpc_call(f->dir, DIR_DOMAINS_WATCH, &request.base, STR_EMPTY, loop_now_ms() + WATCH_TIMEOUT_MS, NULL, NULL);
    f->asking = false;
    if (rc != 0 || round != f->round) return;
    f->round++;
    f->watching = true;
}

void foreign_learn(struct foreign *f, struct str address, uint64_t round) {
    if (f->dir == NULL || f->asking) return;
    if (!f->watching) {
        f->asking = fiber_spawn("foreign", watch, f, NULL) == 0;
        return;
    }
    struct str domain = plain_domain(address);
    if (round != f->round || domain.len == 0) return;
    if (map_count(f->domains) >= FOREIGN_DOMAINS_MAX) forget(f);
    if (map_put(f->domains, domain, f, NULL) != 0) forget(f); /* it will be asked again */
}

void foreign_disconnected(struct foreign *f) {
    f->round++;
    f->watching = false;
    forget(f);
}

void foreign_event(struct foreign *f, uint16_t method) {
    if (method == DIR_EVENT_DOMAINS) foreign_disconnected(f);
}
