/* See domains.h. */
#include "transport/domains.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/list.h"
#include "base/map.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKUP_MEMORY = 512 * 1024, NAME_MAX_LEN = 253 };

struct domain {
    struct list node; /* in the order of use, the longest unused first */
    char name[NAME_MAX_LEN + 1];
    bool secure, forged;
    char canonical[NAME_MAX_LEN + 1];
    uint64_t fresh_until; /* loop time; 0 = never asked */
    struct {
        char id[STS_ID_MAX + 1];
        char *text; /* NULL = none is known */
        size_t len;
        int64_t fetched, expires; /* wall seconds */
    } sts;
    enum tlsrpt_result fault;
    char reason[200];
    bool busy, fetching; /* a fiber asks, fetches a policy: it must stay */
    struct cond answered;
};

struct domains {
    struct domains_config config;
    struct map *by_name;
    struct list used;
    uint64_t version;
};

static void domain_free(void *p) {
    struct domain *d = p;
    if (d == NULL) return;
    list_remove(&d->node);
    free(d->sts.text);
    free(d);
}

struct domains *domains_new(void) {
    struct domains *d = calloc(1, sizeof *d);
    if (d == NULL) return NULL;
    list_init(&d->used);
    d->by_name = map_new(MAP_NOCASE);
    if (d->by_name == NULL) {
        free(d);
        return NULL;
    }
    return d;
}

void domains_free(struct domains *d) {
    if (d == NULL) return;
    map_free(d->by_name, domain_free);
    free(d);
}

void domains_configure(struct domains *d, const struct domains_config *config) {
    d->config = *config;
}

uint64_t domains_version(const struct domains *d) {
    return d->version;
}

static bool is_live(const struct domain *d) {
    return d->sts.text != NULL && d->sts.expires > clock_wall_s();
}

/* The longest unused goes, one with a live policy only when there is no other near. */
static void make_room(struct domains *d) {
    struct domain *victim = NULL;
    unsigned looked = 0;
    list_foreach(n, &d->used) {
        struct domain *one = list_entry(n, struct domain, node);
        if (one->busy || one->fetching) continue;
        if (victim == NULL) victim = one;
        if (!is_live(one) || ++looked > 100) {
            if (!is_live(one)) victim = one;
            break;
        }
    }
    if (victim == NULL) return;
    (void)map_remove(d->by_name, str_from(victim->name));
    domain_free(victim);
}

static struct domain *domain_of(struct domains *d, struct str name) {
    if (name.len > 0 && name.ptr[name.len - 1] == '.') name.len--;
    struct domain *one = map_get(d->by_name, name);
    if (one == NULL) {
        if (name.len == 0 || name.len > NAME_MAX_LEN) return NULL;
        if (map_count(d->by_name) >= DOMAINS_MAX) make_room(d);
        one = calloc(1, sizeof *one);
        if (one == NULL) return NULL;
        list_init(&one->node);
        cond_init(&one->answered);
        for (size_t i = 0; i < name.len; i++) one->name[i] = ascii_lower(name.ptr[i]);
        if (map_put(d->by_name, name, one, NULL) != 0) {
            free(one);
            return NULL;
        }
    }
    list_remove(&one->node);
    list_push_back(&d->used, &one->node);
    return one;
}

static int policy_set(struct domains *d, struct domain *one, struct str id, struct str text, int64_t fetched,
                      uint32_t max_age) {
    char *copy = str_dup(text);
    if (copy == NULL) return ERR_NOMEM;
    if (str_to_cstr(id, one->sts.id, sizeof one->sts.id) != 0) {
        free(copy);
        return ERR_INVALID;
    }
    free(one->sts.text);
    one->sts.text = copy;
    one->sts.len = text.len;
    one->sts.fetched = fetched;
    one->sts.expires = fetched + max_age;
    d->version++;
    return 0;
}

__attribute__((format(printf, 3, 4))) static void fault_set(struct domain *one, enum tlsrpt_result fault,
                                                            const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(one->reason, sizeof one->reason, fmt, ap);
    va_end(ap);
    for (char *p = one->reason; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == '"') *p = ' ';
    one->fault = fault;
}

/* RFC 8461 section 3.2: text/plain, whatever its parameters. */
static bool is_text(struct str content_type) {
    return str_eq_nocase(str_trim(str_cut(&content_type, ';')), STR("text/plain"));
}

/* RFC 8461 section 3.3: exactly this URL, no redirects, a certificate of the name that a public root has signed. */
static void policy_fetch(struct domains *d, struct domain *one, struct str id) {
    BUF_AUTO url = BUF_INIT(1024);
    HTTP_ANSWER_AUTO answer = {.body = BUF_INIT(0)};
    struct error err = {0};
    struct sts_policy policy;
    buf_printf(&url, "https://mta-sts.%s", one->name);
    if (d->config.sts_port != 443) buf_printf(&url, ":%u", d->config.sts_port);
    buf_adds(&url, "/.well-known/mta-sts.txt");
    struct http_ask ask = {.method = "GET",
                           .accept = "text/plain",
                           .url = buf_str(&url),
                           .answer_max = STS_POLICY_MAX,
                           .deadline_ms = loop_now_ms() + DOMAINS_FETCH_MS};
    int rc = http_fetch(d->config.http, &ask, &answer, &err);
    if (rc != 0) {
        fault_set(one, rc == ERR_DENIED ? TLSRPT_STS_WEBPKI_INVALID : TLSRPT_STS_POLICY_FETCH_ERROR,
                  "the MTA-STS policy could not be fetched: %s", err.text);
        return;
    }
    if (answer.response.status != 200) {
        fault_set(one, TLSRPT_STS_POLICY_FETCH_ERROR, "the server of the MTA-STS policy answers %u",
                  answer.response.status);
        return;
    }
    if (!is_text(http_response_field(&answer.response, STR("Content-Type")))) {
        fault_set(one, TLSRPT_STS_POLICY_INVALID, "the MTA-STS policy is not text/plain");
        return;
    }
    if (sts_policy_parse(buf_str(&answer.body), &policy, &err) != 0) {
        fault_set(one, TLSRPT_STS_POLICY_INVALID, "the MTA-STS policy is malformed: %s", err.text);
        return;
    }
    if (policy_set(d, one, id, buf_str(&answer.body), clock_wall_s(), policy.max_age) != 0)
        fault_set(one, TLSRPT_STS_POLICY_FETCH_ERROR, "out of memory");
}

struct fetching {
    struct domains *domains;
    struct domain *domain;
    char id[STS_ID_MAX + 1];
};

static void fetch_fiber(void *arg) {
    struct fetching *f = arg;
    policy_fetch(f->domains, f->domain, str_from(f->id));
    f->domain->fetching = false;
    free(f);
}

/* With a live policy mail need not wait for the next one. */
static void policy_fetch_behind(struct domains *d, struct domain *one, struct str id) {
    struct fetching *f = one->fetching ? NULL : calloc(1, sizeof *f);
    if (f == NULL) return;
    *f = (struct fetching){.domains = d, .domain = one};
    one->fetching = str_to_cstr(id, f->id, sizeof f->id) == 0 && fiber_spawn("policy", fetch_fiber, f, NULL) == 0;
    if (!one->fetching) free(f);
}

/* A policy is fetched when its record has another id than the one we have, when ours has expired, and once a day. A
 * missing record changes nothing while a policy lives: that is the point of keeping it. */
static int sts_ask(struct domains *d, struct domain *one, struct arena *arena) {
    enum dns_status status;
    struct str *texts = NULL, id;
    size_t count = 0;
    char *name = arena_printf(arena, "_mta-sts.%s", one->name);
    if (name == NULL) return ERR_NOMEM;
    int rc = resolver_txt(d->config.resolver, str_from(name), arena, &status, &texts, &count);
    if (rc != 0) return rc;
    one->fault = TLSRPT_SUCCESS;
    one->reason[0] = '\0';
    if (status != DNS_OK || sts_record_parse(texts, count, &id) != 0) return 0;
    bool same = str_eq(id, str_from(one->sts.id)), young = one->sts.fetched + DOMAINS_REFRESH_S > clock_wall_s();
    if (!is_live(one))
        policy_fetch(d, one, id);
    else if (!same || !young)
        policy_fetch_behind(d, one, id);
    return 0;
}

/* RFC 7672 section 2.2.1: the MX RRset has to be validated; without one, the address of the domain. */
static int dnssec_ask(struct domains *d, struct domain *one, struct arena *arena) {
    struct dns_answer a;
    struct str name = str_from(one->name);
    int rc = resolver_query(d->config.resolver, name, DNS_MX, arena, &a);
    if (rc != 0) return rc;
    bool secure = a.secure && a.status == DNS_OK, forged = a.bogus;
    if (a.status == DNS_NODATA && a.secure) {
        struct dns_question q[2] = {{.name = name, .type = DNS_A}, {.name = name, .type = DNS_AAAA}};
        rc = resolver_query_many(d->config.resolver, q, 2, 0, arena);
        if (rc != 0) return rc;
        secure = (q[0].answer.status == DNS_OK && q[0].answer.secure) ||
                 (q[1].answer.status == DNS_OK && q[1].answer.secure);
        forged = q[0].answer.bogus || q[1].answer.bogus;
    }
    one->secure = secure;
    one->forged = forged;
    if (str_to_cstr(secure ? a.cname : STR_EMPTY, one->canonical, sizeof one->canonical) != 0) one->canonical[0] = '\0';
    return 0;
}

static int ask(struct domains *d, struct domain *one) {
    ARENA_AUTO arena = arena_new(LOOKUP_MEMORY);
    if (arena == NULL) return ERR_NOMEM;
    one->busy = true;
    int rc = d->config.dane ? dnssec_ask(d, one, arena) : 0;
    if (rc == 0 && d->config.sts) rc = sts_ask(d, one, arena);
    one->busy = false;
    if (rc == 0) one->fresh_until = loop_now_ms() + DOMAINS_FRESH_MS;
    cond_broadcast(&one->answered);
    return rc;
}

static void info_of(const struct domain *one, struct domain_info *out) {
    struct error err = {0};
    *out = (struct domain_info){.secure = one->secure,
                                .forged = one->forged,
                                .canonical = str_from(one->canonical),
                                .fault = one->fault,
                                .policy_text = STR_EMPTY,
                                .policy_id = str_from(one->sts.id)};
    memcpy(out->reason, one->reason, sizeof out->reason);
    if (!is_live(one)) return;
    out->policy_text = str_of(one->sts.text, one->sts.len);
    out->has_policy = sts_policy_parse(out->policy_text, &out->policy, &err) == 0;
}

int domains_get(struct domains *d, struct str domain, struct domain_info *out) {
    if (!d->config.dane && !d->config.sts) {
        *out = (struct domain_info){.canonical = STR_EMPTY};
        return 0;
    }
    struct domain *one = domain_of(d, domain);
    if (one == NULL) return ERR_NOMEM;
    bool known = one->fresh_until > loop_now_ms();
    while (!known && one->busy) {
        int rc = cond_wait(&one->answered, DEADLINE_NEVER);
        if (rc != 0) return rc;
        one = domain_of(d, domain); /* it may have been forgotten meanwhile */
        if (one == NULL) return ERR_NOMEM;
        known = one->fresh_until > loop_now_ms();
    }
    int rc = known ? 0 : ask(d, one);
    if (rc == 0) info_of(one, out);
    return rc;
}

void domains_save(const struct domains *d, struct buf *out) {
    list_foreach(n, &d->used) {
        const struct domain *one = list_entry(n, struct domain, node);
        if (!is_live(one)) continue;
        buf_printf(out, "sts %s %s %lld %lld ", one->name, one->sts.id, (long long)one->sts.fetched,
                   (long long)one->sts.expires);
        base64_encode(out, str_of(one->sts.text, one->sts.len));
        buf_addc(out, '\n');
    }
}

static void load_line(struct domains *d, struct str line) {
    uint64_t fetched, expires;
    struct sts_policy policy;
    struct error err = {0};
    BUF_AUTO text = BUF_INIT(STS_POLICY_MAX);
    if (!str_eq(str_word(&line), STR("sts"))) return;
    struct str name = str_word(&line), id = str_word(&line);
    if (str_to_u64(str_word(&line), INT64_MAX / 2, &fetched) != 0) return;
    if (str_to_u64(str_word(&line), INT64_MAX / 2, &expires) != 0) return;
    if (base64_decode(&text, str_word(&line)) != 0 || sts_policy_parse(buf_str(&text), &policy, &err) != 0) return;
    int64_t now = clock_wall_s();
    if (id.len == 0 || (int64_t)expires <= now || (int64_t)fetched > now || expires - fetched > STS_MAX_AGE_MAX) return;
    struct domain *one = domain_of(d, name);
    if (one != NULL) (void)!policy_set(d, one, id, buf_str(&text), (int64_t)fetched, (uint32_t)(expires - fetched));
}

void domains_load(struct domains *d, struct str lines) {
    while (lines.len > 0) load_line(d, str_cut(&lines, '\n'));
}
