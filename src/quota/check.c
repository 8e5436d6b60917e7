/* Checks: at the time of day, when the command line asks, and of domains' totals in between (QUOTA-04 to QUOTA-06). */
#include "base/clock.h"
#include "base/log.h"
#include "daemon/tables.h"
#include "net/loop.h"
#include "quota/quota.h"

#include <inttypes.h>
#include <string.h>

enum { MS = 1000, RETRY_S = 60, WEEKLY = 1 };

struct life_rule quota_rule(const struct quota *q) {
    return (struct life_rule){.warn_percent = (unsigned)option_u64(q->daemon, "quota.warn_percent"),
                              .grace_s = option_u64(q->daemon, "quota.grace"),
                              .disable = (enum life_disable)option_u64(q->daemon, "quota.disable")};
}

static bool life_same(const struct life *a, const struct life *b) {
    return a->stage == b->stage && a->since == b->since && a->until == b->until && a->level == b->level;
}

static void tell(struct quota *q, enum life_event what, const struct report_account *a) {
    static const char *const events[] = {"", "quota-warned", "quota-expired", "quota-recovered"};
    struct error err = {0};
    if (what == LIFE_NOTHING) return;
    log_event(LOG_MESSAGE, "-", events[what], "user=%s used=%" PRIu64 " limit=%" PRIu64 " until=%" PRId64, a->address,
              a->used, a->limit, a->life.until);
    q->count.warned += what == LIFE_WARN;
    q->count.expired += what == LIFE_EXPIRE;
    q->count.recovered += what == LIFE_RECOVER;
    if (notice_send(q, what, a, &err) != 0)
        log_event(LOG_ERROR, "-", "quota-notice-failed", "user=%s error=\"%s\"", a->address, err.text);
}

/* The state is durable before anybody is told: who is told twice after a crash is better off than who is never told. */
static int step_one(struct quota *q, const struct life_rule *rule, struct report_account *a, int64_t now,
                    struct error *err) {
    struct life before = a->life;
    enum life_event what = life_step(&a->life, rule, a->used, a->limit, now);
    if (life_same(&before, &a->life)) return 0;
    int rc = accounts_state_put(q, a, err);
    if (rc == 0) tell(q, what, a);
    return rc;
}

static int block_domains(struct quota *q, struct report *r, struct error *err) {
    for (size_t i = 0; i < r->domain_count; i++) {
        const struct report_domain *d = &r->domains[i];
        bool full = d->limit > 0 && d->used >= d->limit;
        size_t changed = 0;
        for (size_t k = d->first; k < d->first + d->count; k++) {
            struct report_account *a = &r->accounts[k];
            if (a->blocked == full) continue;
            a->blocked = full;
            int rc = accounts_state_put(q, a, err);
            if (rc != 0) return rc;
            changed++;
        }
        if (changed > 0)
            log_event(LOG_WARNING, "-", full ? "domain-full" : "domain-has-room",
                      "domain=%s used=%" PRIu64 " limit=%" PRIu64 " accounts=%zu", d->name, d->used, d->limit,
                      d->count);
    }
    return 0;
}

int quota_check(struct quota *q, struct error *err) {
    struct report r;
    const struct life_rule rule = quota_rule(q);
    int rc = accounts_gather(q, &r, err);
    if (rc != 0) return rc;
    r.at = clock_wall_s();
    for (size_t i = 0; rc == 0 && i < r.count; i++) rc = step_one(q, &rule, &r.accounts[i], r.at, err);
    if (rc == 0) rc = block_domains(q, &r, err);
    if (rc == 0) rc = accounts_domains_put(q, &r, err);
    if (rc == 0) rc = history_put(q, &r, err);
    if (rc == 0 && option_bool(q->daemon, "quota.mail_report")) rc = notice_report(q, &r, err);
    struct report_sums s = report_sum(&r);
    if (rc == 0)
        log_event(LOG_MESSAGE, "-", "quota-check",
                  "users=%" PRIu64 " used=%" PRIu64 " over=%" PRIu64 " warned=%" PRIu64 " expired=%" PRIu64, s.users,
                  s.used, s.over, s.warned, s.expired);
    q->last = rc == 0 ? r.at : q->last;
    report_done(&r);
    return rc;
}

int quota_check_domains(struct quota *q, struct error *err) {
    struct report r;
    int rc = accounts_gather(q, &r, err);
    if (rc != 0) return rc;
    rc = block_domains(q, &r, err);
    if (rc == 0) rc = accounts_domains_put(q, &r, err);
    report_done(&r);
    return rc;
}

/* Totals are of interest only when some row has one, or had one until now. */
static bool has_totals(const struct quota *q) {
    const struct table *t = table_find(STR("domainquota"));
    const struct rows *rows = daemon_table(q->daemon, "domainquota");
    for (size_t i = 0; i < rows_count(rows); i++)
        if (row_u64(t, rows_at(rows, i), "total") > 0) return true;
    return false;
}

static int64_t plan(struct quota *q, int64_t after) {
    struct schedule s;
    struct error err = {0};
    bool weekly = option_u64(q->daemon, "quota.check_every") == WEEKLY;
    int day = weekly ? (int)((option_u64(q->daemon, "quota.check_day") + 1) % 7) : SCHEDULE_DAILY; /* monday is first */
    if (schedule_parse(str_from(option_str(q->daemon, "quota.check_at")), day, &s, &err) != 0) {
        log_event(LOG_ERROR, "-", "bad-option", "name=quota.check_at error=\"%s\" effect=00:00", err.text);
        s = (struct schedule){0, 0, day};
    }
    return schedule_next(&s, after);
}

static void run_check(struct quota *q) {
    struct error err = {0};
    q->running = true;
    q->wanted = false;
    q->last_rc = quota_check(q, &err);
    q->running = false;
    q->checks++;
    cond_broadcast(&q->finished);
    if (q->last_rc == 0) return;
    q->count.failures++;
    log_event(LOG_ERROR, "-", "quota-check-failed", "error=\"%s\"",
              err.text[0] != '\0' ? err.text : err_name(q->last_rc));
}

void quota_main(void *arg) {
    struct quota *q = arg;
    bool had_totals = true; /* perhaps before the start: what is blocked must not stay so */
    q->next = plan(q, clock_wall_s());
    while (!q->stopping && !fiber_cancelled()) {
        int64_t now = clock_wall_s();
        uint64_t wait_s = option_u64(q->daemon, "quota.domain_check"), connects = q->connects;
        struct error err = {0};
        if (q->wanted || now >= q->next) {
            bool due = now >= q->next;
            run_check(q);
            if (due) q->next = q->last_rc == 0 ? plan(q, clock_wall_s()) : now + RETRY_S;
        } else {
            bool has = has_totals(q);
            if ((has || had_totals) && quota_check_domains(q, &err) != 0)
                log_event(LOG_WARNING, "-", "quota-domains-failed", "error=\"%s\"", err.text);
            else
                had_totals = has;
        }
        if (q->wanted || q->stopping || connects != q->connects) continue;
        now = clock_wall_s();
        if (q->next - now < (int64_t)wait_s) wait_s = q->next > now ? (uint64_t)(q->next - now) : 1;
        int rc = cond_wait(&q->wake, loop_now_ms() + wait_s * MS);
        if (rc != 0 && rc != ERR_TIMEOUT) return;
        if (clock_wall_s() < q->next) q->next = plan(q, clock_wall_s()); /* options may have changed */
    }
}
