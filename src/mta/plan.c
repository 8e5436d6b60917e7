/* See plan.h. */
#include "mta/plan.h"

#include "channel/peer.h"
#include "proto/smtp/address.h"

#include <string.h>

enum { GROW = 4, DESTINATION_MAX = 300, KEY_MAX = 4096 };

int plan_init(struct plan *p, struct arena *arena) {
    *p = (struct plan){.arena = arena, .destinations = map_new(MAP_BYTES), .seen = map_new(MAP_BYTES)};
    if (p->destinations != NULL && p->seen != NULL) return 0;
    plan_done(p);
    return ERR_NOMEM;
}

void plan_done(struct plan *p) {
    if (p->destinations != NULL) map_free(p->destinations, NULL);
    if (p->seen != NULL) map_free(p->seen, NULL);
    p->destinations = p->seen = NULL;
}

void plan_next_slice(struct plan *p) {
    size_t pos = 0;
    void *value;
    struct str key;
    while (map_next(p->destinations, &pos, &key, &value)) (void)map_remove(p->destinations, key);
    p->slice_empty = true;
    p->groups = NULL;
    p->failures = NULL;
    p->group_count = p->group_capacity = p->failure_count = p->failure_capacity = 0;
}

/* An array in the arena with room for one more; NULL when out of memory. */
static void *grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) return array;
    size_t wanted = *capacity == 0 ? GROW : *capacity * 2;
    void *fresh = arena_alloc(arena, wanted * size);
    if (fresh == NULL) return NULL;
    if (count > 0) memcpy(fresh, array, count * size);
    *capacity = wanted;
    return fresh;
}

static int fail(struct plan *p, size_t recipient, const char *status, const char *text) {
    struct plan_failure *f = grow(p->arena, p->failures, p->failure_count, &p->failure_capacity, sizeof *f);
    if (f == NULL) return ERR_NOMEM;
    p->failures = f;
    f[p->failure_count++] = (struct plan_failure){recipient, status, text};
    return 0;
}

static bool channel_exists(const struct plan_config *config, struct str channel) {
    for (struct str rest = config->channels, word; (word = str_word(&rest)).len > 0;)
        if (str_eq_nocase(word, channel)) return true;
    return false;
}

/* `first` gets the recipient that has an equal target already, or is left alone. */
static int seen_before(struct plan *p, const char *channel, const struct plan_target *t, size_t *first) {
    BUF_AUTO key = BUF_INIT(KEY_MAX);
    if (t->account != 0 && strcmp(channel, "LOCAL") == 0) { /* at another host the folder is in the address */
        buf_printf(&key, "%s %llu %s", channel, (unsigned long long)t->account, t->folder);
    } else {
        struct str address = str_from(t->address), domain = address_domain_of(address);
        buf_printf(&key, "%s %.*s", channel, (int)(address.len - domain.len), address.ptr);
        for (size_t i = 0; i < domain.len; i++) buf_addc(&key, ascii_lower(domain.ptr[i]));
    }
    void *old = NULL;
    if (key.error != 0) return ERR_NOMEM;
    int rc = map_put(p->seen, buf_str(&key), (void *)(uintptr_t)(t->recipient + 1), &old);
    if (rc != 0 || old == NULL) return rc;
    *first = (uintptr_t)old - 1;
    return map_put(p->seen, buf_str(&key), old, NULL);
}

/* What the sender is told of them may differ (RFC 3461 section 5.2): both go to the mailbox, which gets one message. */
static bool told_apart(const Store__Recipient *a, const Store__Recipient *b) {
    return a->notify != b->notify || strcmp(a->orcpt, b->orcpt) != 0 || strcmp(a->address, b->address) != 0;
}

static struct plan_group *group_find(struct plan *p, const char *channel, struct str destination) {
    BUF_AUTO key = BUF_INIT(KEY_MAX);
    buf_printf(&key, "%s %.*s", channel, STR_ARG(destination));
    uintptr_t n = (uintptr_t)map_get(p->destinations, buf_str(&key));
    if (n != 0) return &p->groups[n - 1];
    struct plan_group *g = grow(p->arena, p->groups, p->group_count, &p->group_capacity, sizeof *g);
    char *copy = arena_cstr(p->arena, destination);
    if (g == NULL || copy == NULL) return NULL;
    p->groups = g;
    g[p->group_count] = (struct plan_group){.channel = channel, .destination = copy};
    if (map_put(p->destinations, buf_str(&key), (void *)(uintptr_t)(p->group_count + 1), NULL) != 0) return NULL;
    return &g[p->group_count++];
}

static int target_add(struct plan *p, const Store__Entry *e, const char *channel, struct str destination,
                      const struct plan_target *t) {
    size_t first = SIZE_MAX;
    int rc = seen_before(p, channel, t, &first);
    bool both = first == SIZE_MAX || (t->account != 0 && first >= p->slice_first &&
                                      told_apart(e->recipients[first], e->recipients[t->recipient]));
    if (rc != 0 || !both) return rc;
    struct plan_group *g = group_find(p, channel, destination);
    if (g == NULL) return ERR_NOMEM;
    struct plan_target *list = grow(p->arena, g->targets, g->count, &g->capacity, sizeof *list);
    if (list == NULL) return ERR_NOMEM;
    g->targets = list;
    list[g->count++] = *t;
    return 0;
}

/* PEER-06, PEER-13: the profile of the domain may refuse the message. True: it did. */
static bool peer_refuses(struct plan *p, const struct plan_config *config, const Store__Entry *e, size_t recipient,
                         struct str domain, int *rc) {
    struct peer peer;
    if (config->peers == NULL || rows_count(config->peers) == 0) return false;
    peer_get(config->peers, domain, &peer);
    uint64_t size = e->size + e->prefix.len;
    if (!peer.transmit) {
        *rc = fail(p, recipient, "5.7.1", "No mail is sent to this domain.");
        return true;
    }
    if (peer.max_out == 0 || size <= peer.max_out) return false;
    char *why = arena_printf(p->arena, "The message has %llu bytes; at most %llu are sent to this domain.",
                             (unsigned long long)size, (unsigned long long)peer.max_out);
    *rc = why == NULL ? ERR_NOMEM : fail(p, recipient, "5.3.4", why);
    return true;
}

/* Whether the domain has next hops of its own in the table `route`, or is an exception there. */
static bool has_route(const struct plan_config *config, struct str domain) {
    return config->routes != NULL && rows_count(config->routes) > 0 &&
           rows_match_domain(config->routes, domain) != NULL;
}

/* To another host: the destination is the next hop of domain forwarding (LIM-19), else the relay of everything, else
 * the domain in its A-label form, so that all spellings share a queue. */
static int send_out(struct plan *p, const struct plan_config *config, const Store__Entry *e, size_t recipient,
                    const Dir__Target *to, bool expanded) {
    const char *address = to->address;
    struct plan_target t = {
        .recipient = recipient, .address = address, .account = to->account, .folder = "", .expanded = expanded};
    struct str domain = address_domain_of(str_from(address));
    BUF_AUTO destination = BUF_INIT(DESTINATION_MAX);
    int rc = 0;
    if (domain.len == 0) return fail(p, recipient, "5.1.3", "The address has no domain.");
    if (domain.ptr[0] == '[')
        for (size_t i = 0; i < domain.len; i++) buf_addc(&destination, ascii_lower(domain.ptr[i]));
    else if (address_domain_ascii(domain, &destination) != 0 && config->relay.len == 0)
        return fail(p, recipient, "5.1.2", "The domain of the address is not a valid domain name.");
    if (peer_refuses(p, config, e, recipient, buf_str(&destination), &rc)) return rc;
    if (to->next_hop[0] != '\0') {
        char *hop = arena_cstr(p->arena, str_from(to->next_hop));
        if (hop == NULL) return ERR_NOMEM;
        for (char *c = hop; *c != '\0'; c++) *c = ascii_lower(*c);
        return target_add(p, e, "SMTPC", str_from(hop), &t);
    }
    if (config->relay.len > 0 && !has_route(config, buf_str(&destination)))
        return target_add(p, e, "SMTPC", config->relay, &t);
    return target_add(p, e, "SMTPC", buf_str(&destination), &t);
}

static int local_target(struct plan *p, const struct plan_config *config, const Store__Entry *e, size_t recipient,
                        const Dir__Target *d, bool expanded) {
    static const char *const known[] = {"LOCAL", "DL", "BSMTPOUT"};
    struct str channel = str_from(d->channel);
    bool sent_copy = e->recipients[recipient]->sent_copy;
    if (sent_copy && !str_eq_nocase(channel, STR("LOCAL"))) return 0; /* for the mailbox, wherever else mail goes */
    if (!channel_exists(config, channel))
        return fail(p, recipient, "5.3.5", "The address is routed to a channel that this server does not have.");
    if (str_eq_nocase(channel, STR("SMTPC"))) return send_out(p, config, e, recipient, d, expanded);
    if (str_eq_nocase(channel, STR("LOCAL")) && !d->may_receive && !sent_copy)
        return fail(p, recipient, "5.2.1", "The mailbox may not receive mail.");
    struct plan_target t = {.recipient = recipient,
                            .address = d->address,
                            .account = d->account,
                            .quota = d->quota,
                            .folder = sent_copy ? PLAN_SENT_FOLDER : d->folder,
                            .expanded = expanded};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_eq_nocase(channel, str_from(known[i]))) return target_add(p, e, known[i], STR_EMPTY, &t);
    return fail(p, recipient, "5.3.5", "The address is routed to a channel that this server does not have.");
}

int plan_add(struct plan *p, const struct plan_config *config, const Store__Entry *e, size_t index,
             const Dir__Resolved *r) {
    Dir__Target out = DIR__TARGET__INIT;
    out.address = e->recipients[index]->address;
    if (p->slice_empty) p->slice_first = index;
    p->slice_empty = false;
    switch (r->kind) {
    case DIR__KIND__NOT_LOCAL: return send_out(p, config, e, index, &out, false);
    case DIR__KIND__UNKNOWN: return fail(p, index, "5.1.1", "There is no such address here.");
    case DIR__KIND__NO_RECEIVE: return fail(p, index, "5.2.1", "The mailbox may not receive mail.");
    default: break;
    }
    if (r->n_targets == 0) return fail(p, index, "5.1.1", "There is no mailbox behind the address.");
    for (size_t i = 0; i < r->n_targets; i++) {
        int rc = local_target(p, config, e, index, r->targets[i], r->n_targets > 1);
        if (rc != 0) return rc;
    }
    return 0;
}
