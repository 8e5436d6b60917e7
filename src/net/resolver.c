/* Look-ups by libunbound: one fiber waits for each, libunbound runs on the loop (unbound_base.c). */
#include "net/resolver.h"

#include "base/encode.h"
#include "net/dns_packet.h"
#include "net/fiber.h"
#include "net/loop.h"
#include "net/unbound_base.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DNS_CLASS_IN = 1,
    DNS_RCODE_OK = 0,
    DNS_RCODE_SERVFAIL = 2,
    DNS_RCODE_NXDOMAIN = 3,
    DNS_PACKET_MAX = 65536,
    DNS_CNAMES_MAX = 16,
    QUESTIONS = 1024,
    DNS_TIMEOUT_DEFAULT_MS = 20000, /* ROUTE-09 */
    SET_BYTES = 256,                /* about, of a set of records in the cache; most are of one */
    ANSWER_BYTES = 128,             /* of the answer that it was part of, which may have several */
};
enum { UB_SEC_BOGUS = 1, UB_SEC_SECURE = 2 };

struct resolver {
    struct unbound_base *base;
    struct ub_ctx *ctx;
    uint64_t timeout_ms;
    struct list queries; /* under way */
};

/* One look-up. The fiber may give up before libunbound answers: whoever is last frees it. */
struct query {
    struct list node;
    struct fiber *waiter; /* NULL: given up */
    bool answered;
    int rcode, security;
    struct buf packet;
};

static const struct {
    const char *name, *value;
} settings[] = {
    {"do-not-query-localhost:", "no"}, /* a name server of this host is a good one */
    {"module-config:", "validator iterator"},
    {"key-cache-size:", "1m"},
    {"neg-cache-size:", "256k"},
    {"infra-keep-probing:", "yes"},
    /* a server that leaves many questions unanswered is asked again soon: it may know the other names */
    {"infra-host-ttl:", "1"},
    /* the name servers are asked for private networks too */
    {"unblock-lan-zones:", "yes"},
};

static int set(struct ub_ctx *ctx, const char *name, const char *value, struct error *err) {
    int rc = ub_ctx_set_option(ctx, name, value);
    return rc == 0 ? 0 : error_set(err, ERR_INVALID, "resolver: %s %s", name, ub_strerror(rc));
}

static int set_u64(struct ub_ctx *ctx, const char *name, uint64_t value, struct error *err) {
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return set(ctx, name, text, err);
}

/* A record is kept with its set, and with the answer that it was part of. */
static int configure_cache(struct ub_ctx *ctx, uint64_t records, struct error *err) {
    bool none = records == RESOLVER_NO_CACHE;
    if (records == 0 || none) records = RESOLVER_CACHE_RECORDS;
    int rc = set_u64(ctx, "rrset-cache-size:", records * SET_BYTES, err);
    if (rc == 0) rc = set_u64(ctx, "msg-cache-size:", records * ANSWER_BYTES, err);
    if (rc == 0 && none) rc = set(ctx, "cache-max-ttl:", "0", err);
    if (rc == 0 && none) rc = set(ctx, "cache-max-negative-ttl:", "0", err);
    return rc;
}

static int configure(struct ub_ctx *ctx, const struct resolver_config *cfg, struct error *err) {
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int rc = set(ctx, settings[i].name, settings[i].value, err);
        if (rc != 0) return rc;
    }
    int sized = configure_cache(ctx, cfg->cache_records, err);
    if (sized == 0) sized = set_u64(ctx, "outgoing-range:", cfg->questions == 0 ? QUESTIONS : cfg->questions, err);
    if (sized != 0) return sized;
    if (cfg->servers != NULL && cfg->servers[0] != NULL) {
        for (const char *const *s = cfg->servers; *s != NULL; s++) {
            int rc = ub_ctx_set_fwd(ctx, *s);
            if (rc != 0)
                return error_set(err, ERR_INVALID,
                                 "resolver: name server '%s': %s (write 192.0.2.53 or 192.0.2.53@5353)", *s,
                                 ub_strerror(rc));
        }
    } else {
        int rc = ub_ctx_resolvconf(ctx, NULL);
        if (rc != 0) return error_set(err, ERR_IO, "resolver: /etc/resolv.conf: %s", ub_strerror(rc));
    }
    if (cfg->trust_anchor != NULL) {
        int rc = ub_ctx_add_ta_file(ctx, cfg->trust_anchor);
        if (rc != 0) return error_set(err, ERR_IO, "resolver: trust anchor %s: %s", cfg->trust_anchor, ub_strerror(rc));
    }
    for (struct str rest = str_from(cfg->insecure), word; (word = str_word(&rest)).len > 0;) {
        char name[DNS_NAME_MAX + 1];
        int rc =
            str_to_cstr(word, name, sizeof name) != 0 ? UB_SYNTAX : ub_ctx_set_option(ctx, "domain-insecure:", name);
        if (rc != 0) return error_set(err, ERR_INVALID, "resolver: domain without DNSSEC: %s", ub_strerror(rc));
    }
    if (cfg->trust_anchor_text != NULL) {
        int rc = ub_ctx_add_ta(ctx, cfg->trust_anchor_text);
        if (rc != 0) return error_set(err, ERR_INVALID, "resolver: trust anchor: %s", ub_strerror(rc));
    }
    return 0;
}

static struct query *query_new(struct resolver *r) {
    struct query *q = calloc(1, sizeof *q);
    if (q == NULL) return NULL;
    buf_init(&q->packet, DNS_PACKET_MAX);
    q->waiter = fiber_self();
    list_push_back(&r->queries, &q->node);
    return q;
}

static void query_free(struct query *q) {
    list_remove(&q->node);
    buf_done(&q->packet);
    free(q);
}

static void query_answered(void *data, int rcode, void *packet, int len, int security, char *why_bogus, int limited) {
    struct query *q = data;
    (void)why_bogus, (void)limited;
    if (q->waiter == NULL) {
        query_free(q);
        return;
    }
    q->answered = true;
    q->rcode = rcode;
    q->security = security;
    if (packet != NULL && len > 0) buf_add(&q->packet, str_of(packet, (size_t)len));
    fiber_wake(q->waiter);
}

struct resolve_call {
    struct ub_ctx *ctx;
    const char *name;
    enum dns_type type;
    struct query *query;
    int rc;
};

/* libunbound answers some names itself; the first call makes it ready, so this stands between configuration and use. */
static void open_test_zone(void *ctx) {
    (void)ub_ctx_zone_remove(ctx, "test."); /* reserved for tests (RFC 6761), and ours use it */
}

static void resolve_now(void *arg) {
    struct resolve_call *c = arg;
    c->rc = ub_resolve_event(c->ctx, c->name, (int)c->type, DNS_CLASS_IN, c->query, query_answered, NULL);
}

static int query_start(struct resolver *r, const char *name, enum dns_type type, struct query *q) {
    struct resolve_call c = {.ctx = r->ctx, .name = name, .type = type, .query = q};
    unbound_call(resolve_now, &c);
    return c.rc;
}

/* The first look-up makes libunbound open what it needs (random numbers, ports): have it now, before a jail closes. */
static int warm_up(struct resolver *r, struct error *err) {
    struct query *q = query_new(r);
    if (q == NULL) return error_set(err, ERR_NOMEM, "resolver: out of memory");
    q->waiter = NULL;
    unbound_call(open_test_zone, r->ctx);
    int rc = query_start(r, "localhost.", DNS_A, q);
    if (rc != 0) {
        query_free(q);
        return error_set(err, ERR_IO, "resolver: %s", ub_strerror(rc));
    }
    return 0;
}

int resolver_new(const struct resolver_config *cfg, struct resolver **out, struct error *err) {
    struct resolver *r = calloc(1, sizeof *r);
    if (r == NULL) return error_set(err, ERR_NOMEM, "resolver: out of memory");
    list_init(&r->queries);
    r->timeout_ms = cfg->timeout_ms == 0 ? DNS_TIMEOUT_DEFAULT_MS : cfg->timeout_ms;
    int rc = unbound_base_new(&r->base, err);
    if (rc == 0) {
        r->ctx = ub_ctx_create_ub_event(unbound_base_ub(r->base));
        rc = r->ctx == NULL ? error_set(err, ERR_NOMEM, "resolver: libunbound gives no context")
                            : configure(r->ctx, cfg, err);
    }
    if (rc == 0) rc = warm_up(r, err);
    if (rc != 0) {
        resolver_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

static void delete_context(void *ctx) {
    ub_ctx_delete(ctx);
}

void resolver_free(struct resolver *r) {
    if (r == NULL) return;
    if (r->ctx != NULL) unbound_call(delete_context, r->ctx);
    list_foreach_safe(node, &r->queries)
        query_answered(list_entry(node, struct query, node), DNS_RCODE_SERVFAIL, NULL, 0, 0, NULL, 0);
    unbound_base_free(r->base);
    free(r);
}

static enum dns_status status_of(int rcode, bool bogus, size_t count) {
    if (bogus) return DNS_TEMPFAIL;
    if (rcode == DNS_RCODE_NXDOMAIN) return DNS_NXDOMAIN;
    if (rcode != DNS_RCODE_OK) return DNS_TEMPFAIL;
    return count > 0 ? DNS_OK : DNS_NODATA;
}

/* Follows the aliases in the answer from `name`; the owner that the records asked for must have. */
static struct str follow_aliases(const struct dns_packet *p, struct str name) {
    for (unsigned hops = 0; hops < DNS_CNAMES_MAX; hops++) {
        bool moved = false;
        for (size_t i = 0; i < p->count && !moved; i++) {
            if (p->records[i].type == DNS_CNAME && str_eq_nocase(p->records[i].name, name)) {
                name = p->records[i].rdata;
                moved = true;
            }
        }
        if (!moved) break;
    }
    return name;
}

static int take_answer(const struct query *q, struct str name, enum dns_type type, struct arena *arena,
                       struct dns_answer *out) {
    struct dns_packet p = {0};
    struct dns_answer a = {
        .secure = q->security == UB_SEC_SECURE, .bogus = q->security == UB_SEC_BOGUS, .ttl = UINT32_MAX};
    int rc = q->packet.len == 0 ? ERR_CORRUPT : dns_packet_answers(buf_str(&q->packet), arena, &p);
    if (rc == ERR_NOMEM) return rc;
    if (rc != 0) {
        *out = (struct dns_answer){.status = status_of(q->rcode, a.bogus, 0), .bogus = a.bogus};
        if (q->rcode == DNS_RCODE_OK) out->status = DNS_TEMPFAIL;
        return 0;
    }
    a.rdata = arena_alloc(arena, (p.count + 1) * sizeof *a.rdata);
    if (a.rdata == NULL) return ERR_NOMEM;
    struct str owner = follow_aliases(&p, name);
    if (!str_eq_nocase(owner, name)) a.cname = owner;
    for (size_t i = 0; i < p.count; i++) {
        if (p.records[i].type != (uint16_t)type || !str_eq_nocase(p.records[i].name, owner)) continue;
        a.rdata[a.count++] = p.records[i].rdata;
        if (p.records[i].ttl < a.ttl) a.ttl = p.records[i].ttl;
    }
    /* the rcode of the callback is that of the look-up as such; what the name server said stands in the packet */
    a.status = status_of(q->rcode != DNS_RCODE_OK ? q->rcode : (int)p.rcode, a.bogus, a.count);
    *out = a;
    return 0;
}

/* A look-up under way: at once `status` when there is nothing to ask, else `query`. */
struct lookup {
    struct str name;
    enum dns_type type;
    struct query *query;
    enum dns_status status;
};

static int lookup_start(struct resolver *r, struct str name, enum dns_type type, struct lookup *l) {
    char text[DNS_NAME_MAX + 2];
    while (name.len > 0 && name.ptr[name.len - 1] == '.') name.len--;
    *l = (struct lookup){.name = name, .type = type, .status = DNS_NXDOMAIN};
    if (name.len == 0 || name.len > DNS_NAME_MAX - 1 || str_to_cstr(name, text, sizeof text) != 0) return 0;
    text[name.len] = '.';
    text[name.len + 1] = '\0';
    l->query = query_new(r);
    if (l->query == NULL) return ERR_NOMEM;
    if (query_start(r, text, type, l->query) != 0) {
        query_free(l->query);
        l->query = NULL;
        l->status = DNS_TEMPFAIL;
    }
    return 0;
}

/* Gives the look-up up; what libunbound still answers is thrown away. */
static void lookup_drop(struct lookup *l) {
    if (l->query == NULL) return;
    if (l->query->answered) {
        query_free(l->query);
    } else {
        l->query->waiter = NULL;
    }
    l->query = NULL;
}

static int lookup_finish(struct lookup *l, uint64_t deadline, struct arena *arena, struct dns_answer *out) {
    int rc = 0;
    if (l->query == NULL) {
        *out = (struct dns_answer){.status = l->status};
        return 0;
    }
    while (rc == 0 && !l->query->answered) rc = fiber_park(deadline);
    if (l->query->answered) {
        rc = take_answer(l->query, l->name, l->type, arena, out);
    } else if (rc == ERR_TIMEOUT) {
        *out = (struct dns_answer){.status = DNS_TEMPFAIL};
        rc = 0;
    }
    lookup_drop(l);
    return rc;
}

int resolver_query(struct resolver *r, struct str name, enum dns_type type, struct arena *arena,
                   struct dns_answer *out) {
    struct lookup l;
    uint64_t deadline = loop_now_ms() + r->timeout_ms;
    int rc = lookup_start(r, name, type, &l);
    return rc != 0 ? rc : lookup_finish(&l, deadline, arena, out);
}

static int query_all(struct resolver *r, struct dns_question *questions, struct lookup *lookups, size_t count,
                     uint64_t timeout_ms, struct arena *arena) {
    uint64_t deadline = loop_now_ms() + (timeout_ms == 0 || timeout_ms > r->timeout_ms ? r->timeout_ms : timeout_ms);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = lookup_start(r, questions[i].name, questions[i].type, &lookups[i]);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = lookup_finish(&lookups[i], deadline, arena, &questions[i].answer);
    return rc;
}

int resolver_query_many(struct resolver *r, struct dns_question *questions, size_t count, uint64_t timeout_ms,
                        struct arena *arena) {
    struct lookup *lookups = arena_alloc(arena, count * sizeof *lookups + 1);
    if (lookups == NULL) return ERR_NOMEM;
    int rc = query_all(r, questions, lookups, count, timeout_ms, arena);
    for (size_t i = 0; i < count; i++) lookup_drop(&lookups[i]);
    return rc;
}

/* Sorts by preference; equal ones in random order (RFC 5321 section 5.1). */
static void sort_mx(struct dns_mx *mx, size_t count) {
    for (size_t i = count; i > 1; i--) {
        uint32_t pick;
        random_bytes(&pick, sizeof pick);
        struct dns_mx *a = &mx[i - 1], *b = &mx[pick % i], swap = *a;
        *a = *b;
        *b = swap;
    }
    for (size_t i = 1; i < count; i++) {
        struct dns_mx one = mx[i];
        size_t j = i;
        for (; j > 0 && mx[j - 1].preference > one.preference; j--) mx[j] = mx[j - 1];
        mx[j] = one;
    }
}

int resolver_mx(struct resolver *r, struct str domain, struct arena *arena, enum dns_status *status, bool *secure,
                struct dns_mx **mx, size_t *count) {
    struct dns_answer a;
    int rc = resolver_query(r, domain, DNS_MX, arena, &a);
    if (rc != 0) return rc;
    struct dns_mx *list = arena_alloc(arena, (a.count + 1) * sizeof *list);
    if (list == NULL) return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < a.count; i++) {
        if (a.rdata[i].len < 2) continue;
        const unsigned char *p = (const unsigned char *)a.rdata[i].ptr;
        list[n++] = (struct dns_mx){(uint16_t)(p[0] << 8 | p[1]), str_sub(a.rdata[i], 2, a.rdata[i].len)};
    }
    sort_mx(list, n);
    *status = a.status;
    *secure = a.secure;
    *mx = list;
    *count = n;
    return 0;
}

static size_t take_addresses(const struct dns_answer *a, uint8_t family, uint16_t port, struct net_addr *list) {
    size_t want = family == AF_INET ? 4 : 16, n = 0;
    for (size_t i = 0; i < a->count; i++) {
        if (a->rdata[i].len != want) continue;
        list[n] = (struct net_addr){.family = family, .port = port};
        memcpy(list[n++].ip, a->rdata[i].ptr, want);
    }
    return n;
}

int resolver_addresses(struct resolver *r, struct str host, uint16_t port, struct arena *arena, enum dns_status *status,
                       bool *secure, struct net_addr **addr, size_t *count) {
    struct dns_answer six, four;
    struct lookup look_six, look_four = {0};
    uint64_t deadline = loop_now_ms() + r->timeout_ms;
    int rc = lookup_start(r, host, DNS_AAAA, &look_six); /* both at once */
    if (rc != 0) return rc;
    rc = lookup_start(r, host, DNS_A, &look_four);
    if (rc == 0) rc = lookup_finish(&look_six, deadline, arena, &six);
    if (rc == 0) rc = lookup_finish(&look_four, deadline, arena, &four);
    lookup_drop(&look_six);
    lookup_drop(&look_four);
    if (rc != 0) return rc;
    struct net_addr *list = arena_alloc(arena, (six.count + four.count + 1) * sizeof *list);
    if (list == NULL) return ERR_NOMEM;
    size_t n = take_addresses(&six, AF_INET6, port, list);
    n += take_addresses(&four, AF_INET, port, list + n);
    if (n > 0) {
        *status = DNS_OK;
    } else if (six.status == DNS_TEMPFAIL || four.status == DNS_TEMPFAIL) {
        *status = DNS_TEMPFAIL;
    } else {
        *status = four.status == DNS_OK ? DNS_NODATA : four.status;
    }
    *secure = six.secure && four.secure;
    *addr = list;
    *count = n;
    return 0;
}

void dns_reverse_labels(const struct net_addr *a, char out[static DNS_REVERSE_MAX]) {
    size_t at = 0;
    if (a->family == AF_INET) {
        (void)snprintf(out, DNS_REVERSE_MAX, "%u.%u.%u.%u", a->ip[3], a->ip[2], a->ip[1], a->ip[0]);
        return;
    }
    for (int i = 15; i >= 0; i--)
        at +=
            (size_t)snprintf(out + at, DNS_REVERSE_MAX - at, "%x.%x%s", a->ip[i] & 15, a->ip[i] >> 4, i > 0 ? "." : "");
}

void dns_reverse_name(const struct net_addr *a, char out[static DNS_REVERSE_MAX]) {
    dns_reverse_labels(a, out);
    size_t at = strlen(out);
    (void)snprintf(out + at, DNS_REVERSE_MAX - at, "%s", a->family == AF_INET ? ".in-addr.arpa" : ".ip6.arpa");
}

int resolver_ptr(struct resolver *r, const struct net_addr *a, struct arena *arena, enum dns_status *status,
                 struct str **names, size_t *count) {
    char name[DNS_REVERSE_MAX];
    struct dns_answer answer;
    dns_reverse_name(a, name);
    int rc = resolver_query(r, str_from(name), DNS_PTR, arena, &answer);
    if (rc != 0) return rc;
    *status = answer.status;
    *names = answer.rdata;
    *count = answer.count;
    return 0;
}

/* Joins the character-strings of a TXT record (RFC 1035 section 3.3.14). */
static int join_strings(struct str rdata, struct arena *arena, struct str *out) {
    char *text = arena_alloc(arena, rdata.len + 1);
    if (text == NULL) return ERR_NOMEM;
    size_t len = 0;
    for (size_t at = 0; at < rdata.len;) {
        struct str piece = str_sub(rdata, at + 1, (unsigned char)rdata.ptr[at]);
        if (piece.len > 0) memcpy(text + len, piece.ptr, piece.len);
        len += piece.len;
        at += 1 + (unsigned char)rdata.ptr[at];
    }
    *out = (struct str){text, len};
    return 0;
}

int resolver_txt(struct resolver *r, struct str name, struct arena *arena, enum dns_status *status, struct str **texts,
                 size_t *count) {
    struct dns_answer answer;
    int rc = resolver_query(r, name, DNS_TXT, arena, &answer);
    for (size_t i = 0; rc == 0 && i < answer.count; i++) rc = join_strings(answer.rdata[i], arena, &answer.rdata[i]);
    if (rc != 0) return rc;
    *status = answer.status;
    *texts = answer.rdata;
    *count = answer.count;
    return 0;
}
