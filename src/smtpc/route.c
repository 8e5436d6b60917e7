/* See route.h. */
#include "smtpc/route.h"

#include "smtpc/mx.h"

#include <string.h>

int route_mode_parse(struct str s, enum route_mode *out) {
    static const char *const names[] = {
        [ROUTE_DNS] = "DNSOnly",         [ROUTE_DNS_TABLE] = "DNSThenHostTable", [ROUTE_TABLE_DNS] = "HostTableThenDNS",
        [ROUTE_TABLE] = "HostTableOnly", [ROUTE_RELAY] = "MailRelayHost",
    };
    for (int i = 0; i <= ROUTE_RELAY; i++) {
        if (!str_eq_nocase(s, str_from(names[i]))) continue;
        *out = (enum route_mode)i;
        return 0;
    }
    return ERR_INVALID;
}

static int no_way(struct outcome *why, const char *status, const char *reason) {
    *why = outcome_make(OUTCOME_PERMANENT, status, str_from(reason));
    return ERR_NOTFOUND;
}

static int later(struct outcome *why, const char *status, const char *reason) {
    *why = outcome_make(OUTCOME_TEMPORARY, status, str_from(reason));
    return ERR_AGAIN;
}

static int host_add(struct route *out, struct arena *arena, struct str name, uint16_t port, const struct net_addr *addr,
                    size_t count) {
    if (out->count == ROUTE_HOSTS_MAX) return 0;
    struct route_host h = {.name = arena_cstr(arena, name), .port = port, .count = count};
    if (count > 0) h.addr = arena_memdup(arena, addr, count * sizeof *addr);
    if (h.name == NULL || (count > 0 && h.addr == NULL)) return ERR_NOMEM;
    out->hosts[out->count++] = h;
    return 0;
}

/* ERR_NOTFOUND when the table has no such name. */
static int by_table(const struct router *r, const struct destination *d, struct arena *arena, struct route *out) {
    struct net_addr addr[HOSTTABLE_ADDRESSES_MAX];
    size_t count = hosttable_find(r->table, str_from(d->host), d->port, addr);
    return count == 0 ? ERR_NOTFOUND : host_add(out, arena, str_from(d->host), d->port, addr, count);
}

/* The domain has no MX: its own addresses are taken, if there are any (RFC 5321 section 5.1, "implicit MX"). */
static int by_address(const struct router *r, const struct destination *d, struct arena *arena, struct route *out,
                      struct outcome *why) {
    enum dns_status status = DNS_TEMPFAIL;
    struct net_addr *addr = NULL;
    size_t count = 0;
    if (!d->no_mx && str_eq_nocase(str_from(d->host), str_from(r->hostname)))
        return no_way(why, "5.4.6", "The domain's mail server is this one, but the domain is not set up here.");
    int rc = r->dns.addresses(r->dns.arg, str_from(d->host), d->port, arena, &status, &addr, &count);
    if (rc != 0) return rc;
    if (status == DNS_TEMPFAIL) return later(why, "4.4.3", "The name service of the domain does not answer.");
    if (status != DNS_OK || count == 0) return no_way(why, "5.1.2", "The domain has no mail server.");
    return host_add(out, arena, str_from(d->host), d->port, addr, count);
}

static int by_dns(const struct router *r, const struct destination *d, struct arena *arena, struct route *out,
                  struct outcome *why) {
    enum dns_status status = DNS_TEMPFAIL;
    struct dns_mx *mx = NULL;
    size_t count = 0;
    if (d->no_mx) return by_address(r, d, arena, out, why);
    int rc = r->dns.mx(r->dns.arg, str_from(d->host), arena, &status, &mx, &count);
    if (rc != 0) return rc;
    if (status == DNS_TEMPFAIL) return later(why, "4.4.3", "The name service of the domain does not answer.");
    if (status == DNS_NXDOMAIN) return no_way(why, "5.1.2", "The domain does not exist.");
    if (status == DNS_NODATA || count == 0) return by_address(r, d, arena, out, why);
    switch (mx_choose(mx, &count, str_from(r->hostname))) {
    case MX_NULL: return no_way(why, "5.1.10", "The domain takes no mail.");
    case MX_SELF:
        return no_way(why, "5.4.6", "The domain's best mail server is this one, but the domain is not set up here.");
    default: break;
    }
    for (size_t i = 0; i < count && rc == 0; i++)
        if (mx[i].host.len > 0) rc = host_add(out, arena, mx[i].host, d->port, NULL, 0);
    return rc;
}

/* One destination by the order of the mode. */
static int by_mode(const struct router *r, const struct destination *d, struct arena *arena, struct route *out,
                   struct outcome *why) {
    if (d->literal) {
        char ip[NET_ADDR_TEXT_MAX];
        net_addr_ip_text(&d->addr, ip);
        return host_add(out, arena, str_from(ip), d->port, &d->addr, 1);
    }
    if (r->table_missing && r->mode != ROUTE_DNS) return later(why, "4.3.5", "The host table cannot be read.");
    bool first = r->mode == ROUTE_TABLE || r->mode == ROUTE_TABLE_DNS || r->mode == ROUTE_RELAY,
         last = r->mode == ROUTE_DNS_TABLE;
    int rc = first ? by_table(r, d, arena, out) : ERR_NOTFOUND;
    if (rc != ERR_NOTFOUND) return rc;
    if (r->mode == ROUTE_TABLE) return no_way(why, "5.1.2", "The domain is not in the host table.");
    rc = by_dns(r, d, arena, out, why);
    if ((rc != ERR_NOTFOUND && rc != ERR_AGAIN) || !last) return rc;
    int again = by_table(r, d, arena, out);
    return again == ERR_NOTFOUND ? rc : again;
}

/* Lists of hosts, users and files: separated by blanks or commas. Empty at the end. */
static struct str list_word(struct str *rest) {
    while (rest->len > 0 && (ascii_isspace(rest->ptr[0]) || rest->ptr[0] == ',')) *rest = str_sub(*rest, 1, rest->len);
    size_t n = 0;
    while (n < rest->len && !ascii_isspace(rest->ptr[n]) && rest->ptr[n] != ',') n++;
    struct str word = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return word;
}

/* Word number `i` of a list, the last one for all that follow; "-" and an empty list are none. In the arena. */
static const char *word_at(const char *list, size_t i, struct arena *arena) {
    struct str rest = str_from(list), last = STR_EMPTY;
    for (struct str word; (word = list_word(&rest)).len > 0; i--) {
        last = word;
        if (i == 0) break;
    }
    return last.len == 0 || str_eq(last, STR("-")) ? NULL : arena_cstr(arena, last);
}

/* Next hops that stand for each other, of the relay hosts or of a row of the table `route`. */
struct hop_list {
    const char *hosts, *users, *password_files;
};

/* One hop may have several hosts by its MX. */
static int hop_add(const struct router *r, const struct hop_list *l, struct str word, unsigned number,
                   struct arena *arena, struct route *out, struct outcome *why) {
    struct destination d;
    struct error err = {0};
    size_t from = out->count;
    int rc = destination_parse(word, r->port, &d, &err);
    if (rc == 0) rc = by_mode(r, &d, arena, out, why);
    if (rc != 0) return rc;
    char *name = arena_cstr(arena, word);
    if (name == NULL) return ERR_NOMEM;
    for (size_t i = from; i < out->count; i++) {
        out->hosts[i].hop = number;
        out->hosts[i].hop_name = name;
        out->hosts[i].user = word_at(l->users, number - 1, arena);
        out->hosts[i].password_file = word_at(l->password_files, number - 1, arena);
    }
    return 0;
}

static int by_hops(const struct router *r, const struct hop_list *list, struct arena *arena, struct route *out,
                   struct outcome *why) {
    /* Copies: the options may change while the name service is asked. */
    struct hop_list l = {arena_cstr(arena, str_from(list->hosts)), arena_cstr(arena, str_from(list->users)),
                         arena_cstr(arena, str_from(list->password_files))};
    if (l.hosts == NULL || l.users == NULL || l.password_files == NULL) return ERR_NOMEM;
    unsigned number = 0;
    int result = ERR_NOTFOUND;
    for (struct str rest = str_from(l.hosts), word; (word = list_word(&rest)).len > 0;) {
        int rc = hop_add(r, &l, word, ++number, arena, out, why);
        if (rc == ERR_CANCELLED || rc == ERR_NOMEM) return rc;
        if (rc == 0) result = 0;
    }
    return result == 0 ? 0
                       : later(why, "4.4.4",
                               "The mail relay host is not known."); /* the administrator's matter, not the sender's */
}

static int by_relays(const struct router *r, struct arena *arena, struct route *out, struct outcome *why) {
    struct hop_list l = {r->relays, r->relay_users == NULL ? "" : r->relay_users,
                         r->relay_password_files == NULL ? "" : r->relay_password_files};
    return by_hops(r, &l, arena, out, why);
}

/* ERR_NOTFOUND: the table has no next hop for the domain (ROUTE-14). A row without hosts is an exception from one that
 * covers more: by DNS as usual. */
static int by_routes(const struct router *r, const struct destination *d, struct arena *arena, struct route *out,
                     struct outcome *why, bool *covered) {
    const struct row *row = r->routes == NULL || d->literal || d->no_mx || rows_count(r->routes) == 0
                                ? NULL
                                : rows_match_domain(r->routes, str_from(d->host));
    if (row == NULL) return ERR_NOTFOUND;
    const struct table *t = table_find(STR("route"));
    struct hop_list l = {row_str(t, row, "hosts"), row_str(t, row, "user"), row_str(t, row, "password_file")};
    *covered = true;
    return l.hosts[0] == '\0' ? ERR_NOTFOUND : by_hops(r, &l, arena, out, why);
}

bool route_is_relay_queue(const struct router *r, struct str destination) {
    return r->relays[0] != '\0' && str_eq_nocase(destination, str_from(r->relays));
}

int route_find(const struct router *r, struct str destination, struct arena *arena, struct route *out,
               struct outcome *why) {
    struct destination d;
    struct error err = {0};
    bool has_relays = r->relays[0] != '\0', covered = false;
    out->count = 0;
    if (route_is_relay_queue(r, destination)) return by_relays(r, arena, out, why);
    if (destination_parse(destination, r->port, &d, &err) != 0) {
        if (r->mode == ROUTE_RELAY) return by_relays(r, arena, out, why); /* a list of relay hosts that was changed */
        return no_way(why, "5.1.2", "The domain of the address is not a valid domain name.");
    }
    int rc = by_routes(r, &d, arena, out, why, &covered);
    if (rc != ERR_NOTFOUND) return rc;
    /* A next hop of domain forwarding, "[host]" or "host:port", goes before the relay hosts (LIM-19). */
    bool next_hop = d.no_mx || d.port != r->port;
    if (r->mode == ROUTE_RELAY && !covered && !next_hop) return by_relays(r, arena, out, why);
    rc = by_mode(r, &d, arena, out, why);
    if (rc == ERR_NOTFOUND && next_hop && !d.literal)
        return later(why, "4.4.4", "The next hop is not known."); /* the administrator's matter, not the sender's */
    bool circle =
        rc == ERR_NOTFOUND && strcmp(why->status, "5.1.2") != 0; /* null MX, this host: known, not unresolvable */
    if ((rc == ERR_NOTFOUND || rc == ERR_AGAIN) && !circle && !next_hop && has_relays)
        return by_relays(r, arena, out, why);
    return rc;
}

int route_addresses(const struct router *r, const struct route_host *host, struct arena *arena,
                    const struct net_addr **addr, size_t *count, struct outcome *why) {
    struct net_addr table[HOSTTABLE_ADDRESSES_MAX], *found = NULL;
    enum dns_status status = DNS_TEMPFAIL;
    size_t n = r->mode == ROUTE_DNS ? 0 : hosttable_find(r->table, str_from(host->name), host->port, table);
    if (n > 0) {
        *addr = arena_memdup(arena, table, n * sizeof table[0]);
        *count = n;
        return *addr == NULL ? ERR_NOMEM : 0;
    }
    int rc = r->dns.addresses(r->dns.arg, str_from(host->name), host->port, arena, &status, &found, &n);
    if (rc != 0) return rc;
    if (status == DNS_OK && n > 0) {
        *addr = found;
        *count = n;
        return 0;
    }
    return later(why, status == DNS_TEMPFAIL ? "4.4.3" : "4.4.4",
                 status == DNS_TEMPFAIL ? "The address of the mail server could not be looked up."
                                        : "The mail server has no address.");
}
