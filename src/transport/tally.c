/* See tally.h. */
#include "transport/tally.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 600, LINE_MEMORY = 1024 * 1024, DAY_S = 86400, TEXT_MAX = 4096 };

struct failure {
    enum tlsrpt_result result;
    char *sending_ip, *host, *ip, *reason;
    uint64_t count;
};

/* One domain and policy in one period. */
struct counted {
    struct list node; /* in the order of their making */
    int64_t from, to;
    enum tlsrpt_policy_type type;
    char *domain, *base, *policy, *mx; /* the last two are lines */
    uint64_t ok, failed;
    struct failure failures[TALLY_FAILURES_MAX];
    size_t failure_count;
};

struct tally {
    struct map *by_key;
    struct list all;
    uint64_t period, version;
};

static void counted_free(void *p) {
    struct counted *c = p;
    if (c == NULL) return;
    list_remove(&c->node);
    for (size_t i = 0; i < c->failure_count; i++) {
        struct failure *f = &c->failures[i];
        free(f->sending_ip);
        free(f->host);
        free(f->ip);
        free(f->reason);
    }
    free(c->domain);
    free(c->base);
    free(c->policy);
    free(c->mx);
    free(c);
}

struct tally *tally_new(void) {
    struct tally *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->by_key = map_new(MAP_NOCASE);
    if (t->by_key == NULL) {
        free(t);
        return NULL;
    }
    list_init(&t->all);
    t->period = DAY_S;
    return t;
}

void tally_free(struct tally *t) {
    if (t == NULL) return;
    map_free(t->by_key, counted_free);
    free(t);
}

void tally_set_period(struct tally *t, uint64_t seconds) {
    t->period = seconds == 0 ? DAY_S : seconds;
}

uint64_t tally_version(const struct tally *t) {
    return t->version;
}

int64_t tally_period_end(const struct tally *t, int64_t now_s) {
    return (now_s / (int64_t)t->period + 1) * (int64_t)t->period;
}

static bool key_of(int64_t from, struct str domain, struct str base, enum tlsrpt_policy_type type,
                   char out[static KEY_MAX]) {
    int n = snprintf(out, KEY_MAX, "%lld %d %.*s %.*s", (long long)from, (int)type, STR_ARG(domain), STR_ARG(base));
    return n > 0 && n < KEY_MAX;
}

/* Of the event's domain and policy. NULL: there is no room. */
static struct counted *counted_of(struct tally *t, const struct tally_event *e, int64_t from, int64_t to) {
    char key[KEY_MAX];
    if (!key_of(from, e->domain, e->base, e->type, key)) return NULL;
    struct counted *c = map_get(t->by_key, str_from(key));
    if (c != NULL) return c;
    if (map_count(t->by_key) >= TALLY_DOMAINS_MAX) return NULL;
    c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    *c = (struct counted){
        .from = from, .to = to, .type = e->type, .domain = str_dup(e->domain), .base = str_dup(e->base)};
    list_init(&c->node);
    if (c->domain == NULL || c->base == NULL || map_put(t->by_key, str_from(key), c, NULL) != 0) {
        counted_free(c);
        return NULL;
    }
    list_push_back(&t->all, &c->node);
    return c;
}

static bool same(const char *a, struct str b) {
    return str_eq(str_from(a), b);
}

static void failure_note(struct counted *c, const struct tally_event *e, uint64_t count) {
    for (size_t i = 0; i < c->failure_count; i++) {
        struct failure *f = &c->failures[i];
        bool last = i + 1 == TALLY_FAILURES_MAX;
        if (!last && (f->result != e->result || !same(f->host, e->host) || !same(f->ip, e->ip) ||
                      !same(f->sending_ip, e->sending_ip) || !same(f->reason, e->reason)))
            continue;
        f->count += count;
        return;
    }
    struct failure *f = &c->failures[c->failure_count++];
    *f = (struct failure){.result = e->result,
                          .sending_ip = str_dup(e->sending_ip),
                          .host = str_dup(e->host),
                          .ip = str_dup(e->ip),
                          .reason = str_dup(str_sub(e->reason, 0, 200)),
                          .count = count};
}

static char *join(const struct str *list, size_t count) {
    BUF_AUTO text = BUF_INIT(TEXT_MAX);
    for (size_t i = 0; i < count && i < TALLY_STRINGS_MAX; i++) buf_printf(&text, "%.*s\n", STR_ARG(list[i]));
    return str_dup(buf_str(&text));
}

void tally_note(struct tally *t, const struct tally_event *e, int64_t now_s) {
    int64_t to = tally_period_end(t, now_s), from = to - (int64_t)t->period;
    struct counted *c = counted_of(t, e, from, to);
    if (c == NULL) return;
    t->version++;
    if (c->policy == NULL) c->policy = str_dup(str_sub(e->policy, 0, TEXT_MAX));
    if (c->mx == NULL) c->mx = join(e->mx, e->mx_count);
    if (e->result == TLSRPT_SUCCESS) {
        c->ok++;
        return;
    }
    c->failed++;
    failure_note(c, e, 1);
}

/* Lines of a text as a list in the arena. */
static int lines_of(const char *text, struct arena *arena, const struct str **out, size_t *count) {
    struct str rest = str_from(text);
    struct str *list = arena_alloc(arena, (TALLY_STRINGS_MAX + 1) * sizeof *list);
    size_t n = 0;
    if (list == NULL) return ERR_NOMEM;
    while (rest.len > 0 && n < TALLY_STRINGS_MAX) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        if (line.len == 0) continue;
        list[n] = arena_str(arena, line);
        if (list[n++].ptr == NULL) return ERR_NOMEM;
    }
    *out = list;
    *count = n;
    return 0;
}

static int policy_of(const struct counted *c, struct arena *arena, struct tlsrpt_policy *p) {
    struct tlsrpt_failure *list = arena_alloc(arena, (c->failure_count + 1) * sizeof *list);
    *p = (struct tlsrpt_policy){.type = c->type,
                                .domain = arena_str(arena, str_from(c->base[0] != '\0' ? c->base : c->domain)),
                                .successful = c->ok,
                                .failed = c->failed,
                                .failures = list,
                                .failure_count = c->failure_count};
    if (list == NULL || p->domain.ptr == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < c->failure_count; i++) {
        const struct failure *f = &c->failures[i];
        list[i] = (struct tlsrpt_failure){.result = f->result,
                                          .result_text = STR_EMPTY,
                                          .sending_ip = arena_str(arena, str_from(f->sending_ip)),
                                          .mx = arena_str(arena, str_from(f->host)),
                                          .ip = arena_str(arena, str_from(f->ip)),
                                          .reason = arena_str(arena, str_from(f->reason)),
                                          .count = f->count};
    }
    int rc = lines_of(c->policy, arena, &p->strings, &p->string_count);
    return rc != 0 ? rc : lines_of(c->mx, arena, &p->mx, &p->mx_count);
}

static void drop(struct tally *t, struct counted *c) {
    char key[KEY_MAX];
    if (key_of(c->from, str_from(c->domain), str_from(c->base), c->type, key))
        (void)map_remove(t->by_key, str_from(key));
    counted_free(c);
    t->version++;
}

int tally_take(struct tally *t, int64_t now_s, struct arena *arena, struct tlsrpt_report *out) {
    struct counted *first = NULL;
    list_foreach(n, &t->all) {
        struct counted *c = list_entry(n, struct counted, node);
        if (c->to > now_s) continue;
        first = c;
        break;
    }
    if (first == NULL) return ERR_NOTFOUND;
    struct tlsrpt_policy *list = arena_alloc(arena, TALLY_POLICIES_MAX * sizeof *list);
    char *domain = arena_cstr(arena, str_from(first->domain));
    if (list == NULL || domain == NULL) return ERR_NOMEM;
    *out =
        (struct tlsrpt_report){.domain = str_from(domain), .from = first->from, .to = first->to - 1, .policies = list};
    list_foreach_safe(n, &t->all) {
        struct counted *c = list_entry(n, struct counted, node);
        if (c->from != out->from || c->to != out->to + 1 || !str_eq_nocase(str_from(c->domain), str_from(domain)))
            continue;
        if (policy_of(c, arena, &list[out->policy_count]) != 0) return ERR_NOMEM;
        out->policy_count++;
        drop(t, c);
        if (out->policy_count == TALLY_POLICIES_MAX) break;
    }
    return 0;
}

/* One line each: "rpt FROM TO {report}". Contact is the domain of the recipients, if it is not that of the policy. */
void tally_save(const struct tally *t, struct buf *out) {
    list_foreach(n, &t->all) {
        const struct counted *c = list_entry(n, struct counted, node);
        ARENA_AUTO arena = arena_new(LINE_MEMORY);
        struct tlsrpt_policy p;
        if (arena == NULL || policy_of(c, arena, &p) != 0) continue;
        struct tlsrpt_report r = {.contact = str_from(c->base[0] != '\0' ? c->domain : ""),
                                  .from = c->from,
                                  .to = c->to,
                                  .policies = &p,
                                  .policy_count = 1};
        buf_printf(out, "rpt %lld %lld ", (long long)c->from, (long long)c->to);
        (void)!tlsrpt_write(&r, out);
    }
}

static void load_line(struct tally *t, struct str line) {
    uint64_t from, to;
    struct tlsrpt_report r;
    struct error err = {0};
    if (!str_eq(str_word(&line), STR("rpt"))) return;
    if (str_to_u64(str_word(&line), INT64_MAX / 2, &from) != 0 || str_to_u64(str_word(&line), INT64_MAX / 2, &to) != 0)
        return;
    ARENA_AUTO arena = arena_new(LINE_MEMORY);
    if (arena == NULL || tlsrpt_parse(str_trim(line), arena, &r, &err) != 0) return;
    const struct tlsrpt_policy *p = &r.policies[0];
    bool own = r.contact.len == 0;
    struct tally_event whose = {
        .domain = own ? p->domain : r.contact, .base = own ? STR_EMPTY : p->domain, .type = p->type};
    struct counted *c = counted_of(t, &whose, (int64_t)from, (int64_t)to);
    if (c == NULL) return;
    c->ok += p->successful;
    c->failed += p->failed;
    if (c->policy == NULL) c->policy = join(p->strings, p->string_count);
    if (c->mx == NULL) c->mx = join(p->mx, p->mx_count);
    for (size_t i = 0; i < p->failure_count; i++) {
        const struct tlsrpt_failure *f = &p->failures[i];
        struct tally_event e = {
            .result = f->result, .sending_ip = f->sending_ip, .host = f->mx, .ip = f->ip, .reason = f->reason};
        failure_note(c, &e, f->count);
    }
}

void tally_load(struct tally *t, struct str lines) {
    while (lines.len > 0) load_line(t, str_cut(&lines, '\n'));
}
