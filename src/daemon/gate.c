#include "daemon/gate.h"

#include "daemon/proxy.h"
#include "net/loop.h"

#include <stdlib.h>

enum { WORD_DEFAULT, WORD_ALLOW }; /* order of the words of the columns imap and pop3 */

static const struct table *access_table(void) {
    const struct table *t = table_find(STR("access"));
    IEMS_ASSERT(t != NULL);
    return t;
}

static const struct row *row_of(const struct gate *g, const struct net_addr *peer) {
    return g->rows == NULL ? NULL : rows_match_address(g->rows, peer);
}

int gate_init(struct gate *g, const char *column) {
    *g = (struct gate){.column = column, .default_allow = true};
    return counting_init(&g->counting);
}

void gate_done(struct gate *g) {
    counting_done(&g->counting);
    free(g->exceptions);
    g->exceptions = NULL;
    g->exception_count = 0;
}

int gate_set_exceptions(struct gate *g, struct str networks, struct error *err) {
    struct net_range *list;
    size_t count;
    int rc = net_range_list_parse(networks, &list, &count, err);
    if (rc != 0) return rc;
    free(g->exceptions);
    g->exceptions = list;
    g->exception_count = count;
    return 0;
}

static bool allows(const struct gate *g, const struct row *row, const struct net_addr *peer) {
    uint64_t word = row_u64(access_table(), row, g->column);
    if (word != WORD_DEFAULT) return word == WORD_ALLOW;
    if (!g->control) return true;
    return net_range_list_has(g->exceptions, g->exception_count, peer) != g->default_allow;
}

bool gate_allows(const struct gate *g, const struct net_addr *peer) {
    return allows(g, row_of(g, peer), peer);
}

static int count(struct gate *g, const struct row *row, struct gate_pass *pass, struct error *err) {
    unsigned max = (unsigned)row_u64(access_table(), row, "max_sessions");
    char address[COUNTER_ADDRESS_KEY];
    struct counter list[2] = {{.key = counter_address_key(&pass->peer, address), .max = g->max_per_address}};
    size_t used = list[0].key.len > 0;
    if (row == NULL || max == 0 || str_to_cstr(str_from(row_key(row)), pass->network, sizeof pass->network) != 0)
        pass->network[0] = '\0';
    else
        list[used++] = (struct counter){.key = str_from(pass->network), .max = max};
    size_t full = counting_enter(&g->counting, list, used);
    if (full == used) return 0;
    bool is_network = list[full].key.ptr == pass->network;
    return error_set(err, ERR_LIMIT, "too many sessions from your %s", is_network ? "network" : "address");
}

int gate_enter(struct gate *g, struct stream *s, struct gate_pass *out, struct error *err) {
    const struct row *row = row_of(g, stream_peer(s));
    if (row_bool(access_table(), row, "proxy")) {
        int rc = proxy_accept(s, loop_now_ms() + PROXY_WAIT_MS, err);
        if (rc != 0) {
            g->bad_proxy++;
            return rc == ERR_DENIED || rc == ERR_LIMIT ? ERR_INVALID : rc;
        }
        row = row_of(g, stream_peer(s));
    }
    struct gate_pass pass = {.peer = *stream_peer(s)};
    int rc = allows(g, row, &pass.peer) ? 0 : error_set(err, ERR_DENIED, "access from your address is not allowed");
    if (rc == 0) rc = count(g, row, &pass, err);
    if (rc != 0) {
        g->refused++;
        return rc;
    }
    *out = pass;
    return 0;
}

void gate_leave(struct gate *g, const struct gate_pass *pass) {
    char address[COUNTER_ADDRESS_KEY];
    const struct str keys[] = {counter_address_key(&pass->peer, address), str_from(pass->network)};
    counting_leave(&g->counting, keys, sizeof keys / sizeof keys[0]);
}
