#include "access/probe.h"

#include "base/arena.h"
#include "base/log.h"
#include "net/loop.h"
#include "proto/smtp/address.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MEMORY_MAX = 1024 * 1024,
    NAMES_MAX = 8,             /* PTR records that are looked at */
    UNANSWERED_MS = 30 * 1000, /* how long it is remembered that there was no answer */
    REASON_TIME_MIN_MS = 50,
    REFUSED_TOLD_MS = 60 * 60 * 1000,
};

int probes_init(struct probes *p) {
    list_init(&p->recent);
    p->kept = p->running = 0;
    p->by_address = map_new(MAP_BYTES);
    return p->by_address == NULL ? ERR_NOMEM : 0;
}

static struct str key_of(const struct net_addr *a) {
    return str_of(a->ip, a->family == AF_INET6 ? 16 : 4);
}

static void probe_free(struct probe *x) {
    dnslists_unref(x->lists);
    free(x->results);
    free(x);
}

void probe_release(struct probe *x) {
    if (x != NULL && --x->refs == 0) probe_free(x);
}

static void forget(struct probe *x) {
    if (!x->kept) return;
    x->kept = false;
    x->probes->kept--;
    list_remove(&x->node);
    (void)map_remove(x->probes->by_address, key_of(&x->address));
    probe_release(x);
}

void probes_done(struct probes *p) {
    if (p->by_address == NULL) return;
    list_foreach_safe(node, &p->recent) forget(list_entry(node, struct probe, node));
    map_free(p->by_address, NULL);
    p->by_address = NULL;
}

static uint64_t time_left(const struct probe *x) {
    uint64_t end = x->begun_ms + x->probes->timeout_ms, now = loop_now_ms();
    return end > now ? end - now : 0;
}

static int ask(struct probe *x, struct dns_question *q, size_t count, struct arena *arena) {
    uint64_t left = time_left(x);
    if (left == 0) return ERR_TIMEOUT;
    return x->probes->dns.query_many(x->probes->dns.arg, q, count, left, arena);
}

/* ---------------------------------------------------------------- reverse name */

static bool answer_has(const struct dns_answer *answer, const struct net_addr *a) {
    for (size_t i = 0; i < answer->count; i++)
        if (str_eq(answer->rdata[i], key_of(a))) return true;
    return false;
}

/* Asks for the addresses of all names at once. */
static enum name_state confirm(struct probe *x, const struct dns_answer *ptr, struct arena *arena) {
    struct dns_question q[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < ptr->count && count < NAMES_MAX; i++) {
        if (address_domain_check(ptr->rdata[i], false, NULL) != 0) continue;
        q[count++] = (struct dns_question){ptr->rdata[i], x->address.family == AF_INET ? DNS_A : DNS_AAAA, {0}};
    }
    if (count == 0) return NAME_NONE;
    (void)!str_to_cstr(q[0].name, x->name, sizeof x->name);
    if (ask(x, q, count, arena) != 0) return NAME_UNKNOWN;
    enum name_state state = NAME_UNCONFIRMED;
    for (size_t i = 0; i < count; i++) {
        if (q[i].answer.status == DNS_TEMPFAIL) state = NAME_UNKNOWN;
        if (!answer_has(&q[i].answer, &x->address)) continue;
        (void)!str_to_cstr(q[i].name, x->name, sizeof x->name);
        return NAME_CONFIRMED;
    }
    return state;
}

static void name_look_up(struct probe *x, struct arena *arena) {
    char name[DNS_REVERSE_MAX];
    dns_reverse_name(&x->address, name);
    struct dns_question q = {str_from(name), DNS_PTR, {0}};
    if (ask(x, &q, 1, arena) != 0 || q.answer.status == DNS_TEMPFAIL) return;
    x->name_state = q.answer.status == DNS_OK ? confirm(x, &q.answer, arena) : NAME_NONE;
    if (x->name_state == NAME_UNKNOWN || x->name_state == NAME_NONE) x->name[0] = '\0';
}

/* ---------------------------------------------------------------- lists */

/* The reason in the words of the list that rejects. */
static void reason_look_up(struct probe *x, struct arena *arena) {
    char name[DNSLIST_NAME_MAX];
    size_t at = x->verdict.rejected;
    if (!x->probes->reasons || at == SIZE_MAX || time_left(x) < REASON_TIME_MIN_MS) return;
    dnslist_name(&x->lists->list[at], &x->address, name);
    struct dns_question q = {str_from(name), DNS_TXT, {0}};
    if (ask(x, &q, 1, arena) != 0 || q.answer.status != DNS_OK || q.answer.rdata[0].len < 2) return;
    /* the first character-string is enough */
    struct str text = str_sub(q.answer.rdata[0], 1, (unsigned char)q.answer.rdata[0].ptr[0]);
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < PROBE_REASON_MAX; i++)
        x->reason[len++] = (char)(text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f ? text.ptr[i] : '?');
    x->reason[len] = '\0';
}

static void list_result(struct probe *x, size_t i, const struct dns_answer *answer) {
    struct dnslist *l = &x->lists->list[i];
    enum dnslist_result result = dnslist_judge(l, answer);
    x->results[i] = (unsigned char)result;
    if (result == DNSLIST_REFUSED && (l->told_ms == 0 || loop_now_ms() - l->told_ms > REFUSED_TOLD_MS)) {
        l->told_ms = loop_now_ms();
        log_event(LOG_WARNING, "-", "dnslist_refuses", "zone=%s effect=\"taken as not listed\"", l->zone);
    }
    if (dnslist_note(l, result, loop_now_ms()))
        log_event(LOG_WARNING, "-", "dnslist_silent", "zone=%s effect=\"not asked for a minute\"", l->zone);
}

static void lists_look_up(struct probe *x, struct arena *arena) {
    struct dns_question *q = arena_alloc(arena, x->lists->count * sizeof *q + 1);
    size_t *which = arena_alloc(arena, x->lists->count * sizeof *which + 1), count = 0;
    if (q == NULL || which == NULL) return;
    for (size_t i = 0; i < x->lists->count; i++) {
        char name[DNSLIST_NAME_MAX];
        if (x->lists->list[i].rests_until_ms > loop_now_ms()) continue;
        dnslist_name(&x->lists->list[i], &x->address, name);
        q[count] = (struct dns_question){arena_str(arena, str_from(name)), DNS_A, {.status = DNS_TEMPFAIL}};
        if (q[count].name.ptr == NULL) return;
        which[count++] = i;
    }
    if (count == 0 || ask(x, q, count, arena) != 0) return;
    for (size_t i = 0; i < count; i++) list_result(x, which[i], &q[i].answer);
    dnslist_decide(x->lists, x->results, &x->verdict);
    reason_look_up(x, arena);
}

/* ---------------------------------------------------------------- a probe's life */

static bool is_unanswered(const struct probe *x) {
    if ((x->begun & PROBE_NAME) && x->name_state == NAME_UNKNOWN) return true;
    for (size_t i = 0; x->lists != NULL && i < x->lists->count; i++)
        if (x->results[i] == DNSLIST_UNANSWERED) return true;
    return false;
}

static void part_end(struct probe *x, unsigned part) {
    uint64_t keep = x->probes->keep_ms;
    x->ended |= part;
    if (is_unanswered(x) && keep > UNANSWERED_MS) keep = UNANSWERED_MS;
    x->until_ms = loop_now_ms() + keep;
    cond_broadcast(&x->changed);
}

static void part_run(struct probe *x, unsigned part, void (*look_up)(struct probe *, struct arena *)) {
    struct probes *p = x->probes;
    ARENA_AUTO arena = arena_new(MEMORY_MAX);
    p->running++;
    if (arena != NULL) look_up(x, arena);
    p->running--;
    part_end(x, part);
    probe_release(x);
}

static void name_run(void *arg) {
    part_run(arg, PROBE_NAME, name_look_up);
}

static void lists_run(void *arg) {
    part_run(arg, PROBE_LISTS, lists_look_up);
}

static void part_begin(struct probe *x, unsigned part) {
    x->begun |= part;
    int rc = x->probes->running >= PROBES_RUNNING_MAX ? ERR_LIMIT
             : part == PROBE_NAME                     ? fiber_spawn("reverse name", name_run, x, NULL)
                                                      : fiber_spawn("dns lists", lists_run, x, NULL);
    if (rc == 0)
        x->refs++; /* of the fiber, which has not run yet */
    else
        part_end(x, part);
}

static struct probe *probe_new(struct probes *p, const struct net_addr *address) {
    if (p->kept >= PROBES_KEPT_MAX) forget(list_entry(list_first(&p->recent), struct probe, node));
    struct probe *x = calloc(1, sizeof *x);
    if (x == NULL) return NULL;
    x->probes = p;
    x->refs = 2; /* of the caller, of the cache */
    x->address = *address;
    x->begun_ms = loop_now_ms();
    x->verdict.rejected = SIZE_MAX;
    cond_init(&x->changed);
    list_init(&x->node);
    if (map_put(p->by_address, key_of(address), x, NULL) != 0) {
        free(x);
        return NULL;
    }
    x->kept = true;
    list_push_back(&p->recent, &x->node);
    p->kept++;
    return x;
}

static bool is_fresh(const struct probe *x, const struct dnslists *lists) {
    if (x->lists != NULL && x->lists != lists) return false; /* the lists have changed */
    return x->begun != x->ended || loop_now_ms() < x->until_ms;
}

struct probe *probe_get(struct probes *p, const struct net_addr *address, unsigned parts, struct dnslists *lists) {
    if (p->dns.query_many == NULL || (address->family != AF_INET && address->family != AF_INET6)) return NULL;
    struct probe *x = map_get(p->by_address, key_of(address));
    if (x != NULL && !is_fresh(x, lists)) {
        forget(x);
        x = NULL;
    }
    if (x != NULL)
        x->refs++;
    else if ((x = probe_new(p, address)) == NULL)
        return NULL;
    unsigned missing = parts & ~x->begun;
    if (missing != 0 && x->begun == x->ended) x->begun_ms = loop_now_ms();
    if (missing & PROBE_LISTS) {
        x->results = calloc(lists->count + 1, 1);
        if (x->results == NULL) {
            probe_release(x);
            return NULL;
        }
        for (size_t i = 0; i < lists->count; i++) x->results[i] = DNSLIST_UNANSWERED;
        x->lists = dnslists_ref(lists);
        part_begin(x, PROBE_LISTS);
    }
    if (missing & PROBE_NAME) part_begin(x, PROBE_NAME);
    return x;
}

int probe_wait(struct probe *x, unsigned parts) {
    uint64_t deadline = x->begun_ms + x->probes->timeout_ms;
    while ((x->ended & parts) != (x->begun & parts)) {
        int rc = cond_wait(&x->changed, deadline);
        if (rc == ERR_TIMEOUT) return 0;
        if (rc != 0) return rc;
    }
    return 0;
}

int probe_domain(struct probes *p, struct str domain, enum domain_state *out) {
    *out = DOMAIN_UNKNOWN;
    if (p->dns.query_many == NULL) return 0;
    BUF_AUTO ascii = BUF_INIT(ADDRESS_DOMAIN_MAX + 1);
    ARENA_AUTO arena = arena_new(MEMORY_MAX);
    if (arena == NULL || address_domain_ascii(domain, &ascii) != 0) return 0;
    struct dns_question q[DOMAIN_QUESTIONS] = {[DOMAIN_MX] = {buf_str(&ascii), DNS_MX, {0}},
                                               [DOMAIN_A] = {buf_str(&ascii), DNS_A, {0}},
                                               [DOMAIN_AAAA] = {buf_str(&ascii), DNS_AAAA, {0}}};
    int rc = p->dns.query_many(p->dns.arg, q, DOMAIN_QUESTIONS, p->timeout_ms, arena);
    if (rc != 0) return rc == ERR_CANCELLED ? rc : 0;
    struct dns_answer answers[DOMAIN_QUESTIONS];
    for (size_t i = 0; i < DOMAIN_QUESTIONS; i++) answers[i] = q[i].answer;
    *out = policy_domain(answers);
    return 0;
}
