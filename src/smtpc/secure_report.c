/* Reports on TLS (RFC 8460) go out when their period has ended, one for each domain, to all addresses that the domain
 * has asked for; a domain that asks for none gets none. */
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "channel/notice.h"
#include "net/loop.h"
#include "smtpc/secure.h"
#include "smtpc/secure_private.h"

#include <stdio.h>
#include <string.h>

enum { REPORT_MEMORY = 8 * 1024 * 1024, DELAY_PART = 24, DELAY_MAX_S = 3600, TOTAL_ADDRESSES = 400 };

static int submit(struct smtpc *s, const char *from, const char *to, const char *trace, struct str message,
                  struct error *err) {
    char line[TOTAL_ADDRESSES];
    (void)snprintf(line, sizeof line, "smtpc tls-report from=<%s> to=<%s>", from, to);
    struct notice n = {.from = from,
                       .to = to,
                       .trace = trace,
                       .line = line,
                       .message = message,
                       .tls_optional = true}; /* RFC 8460 section 5.3: a report on broken TLS has to arrive */
    return notice_submit(channel_store(s->channel), &n, err);
}

static void told(const struct tlsrpt_report *r, const char *trace, struct str to, int rc, const char *error) {
    struct str domain = r->domain;
    log_event(rc == 0 ? LOG_MESSAGE : LOG_WARNING, trace, rc == 0 ? "tls-report" : "tls-report-failed",
              "domain=%.*s to=<%.*s> policies=%zu error=\"%s\"", STR_ARG(domain), STR_ARG(to), r->policy_count, error);
}

static void send_mail(struct smtpc *s, struct tlsrpt_report *r, const char *ident, const struct buf *to) {
    struct error err = {0};
    BUF_AUTO message = BUF_INIT(TLSRPT_MESSAGE_MAX);
    struct tlsrpt_mail m = {.from = r->contact,
                            .to = buf_str(to),
                            .hostname = str_from(daemon_hostname(s->daemon)),
                            .ident = str_from(ident),
                            .now = clock_wall_s()};
    int rc = tlsrpt_mail_write(&m, r, &message);
    if (rc == 0)
        rc = submit(s, option_str(s->daemon, "smtpc.tlsrpt_from"), buf_cstr(to), ident, buf_str(&message), &err);
    if (rc == 0) s->secure->reports++;
    told(r, ident, buf_str(to), rc, err.text);
}

static void send_to(struct smtpc *s, struct tlsrpt_report *r, struct str uri) {
    char ident[IDENT_SIZE];
    const char *organization = option_str(s->daemon, "smtpc.tlsrpt_organization");
    BUF_AUTO to = BUF_INIT(TOTAL_ADDRESSES);
    ident_new(ident);
    r->organization = str_from(organization[0] != '\0' ? organization : daemon_default_domain(s->daemon));
    r->contact = str_from(option_str(s->daemon, "smtpc.tlsrpt_from"));
    r->id = str_from(ident);
    if (tlsrpt_mailto(uri, &to) == 0) {
        send_mail(s, r, ident, &to);
    } else if (str_starts_nocase(uri, STR("https://"))) {
        int rc = secure_post(s, r, uri, option_u64(s->daemon, "smtpc.tlsrpt_period"));
        if (rc != 0) told(r, ident, uri, rc, err_name(rc));
    }
}

/* The record is asked for now: it is wanted once a day, not for each message. */
static int report(struct smtpc *s, struct tlsrpt_report *r, struct arena *arena) {
    enum dns_status status;
    struct str *texts = NULL, uri[TLSRPT_RUA_MAX];
    size_t count = 0, found = 0;
    char *name = arena_printf(arena, "_smtp._tls.%.*s", STR_ARG(r->domain));
    if (name == NULL) return ERR_NOMEM;
    int rc = resolver_txt(s->resolver, str_from(name), arena, &status, &texts, &count);
    if (rc != 0) return rc;
    if (status != DNS_OK || tlsrpt_record_parse(texts, count, uri, &found) != 0) return 0;
    for (size_t i = 0; i < found; i++) send_to(s, r, uri[i]);
    return 0;
}

static int reports_send(struct smtpc *s) {
    for (;;) {
        ARENA_AUTO arena = arena_new(REPORT_MEMORY);
        struct tlsrpt_report r;
        if (arena == NULL || tally_take(s->secure->tally, clock_wall_s(), arena, &r) != 0) return 0;
        if (report(s, &r, arena) == ERR_CANCELLED) return ERR_CANCELLED;
    }
}

/* Some time after the end of the period, another at each start: not all the world at midnight (section 4.1). */
static uint64_t delay_s(uint64_t period) {
    uint32_t chance;
    uint64_t most = period / DELAY_PART < DELAY_MAX_S ? period / DELAY_PART : DELAY_MAX_S;
    random_bytes(&chance, sizeof chance);
    return most == 0 ? 0 : chance % most;
}

void secure_report_fiber(void *arg) {
    struct smtpc *s = arg;
    struct secure *x = s->secure;
    int rc = 0;
    while (!x->stopping && rc != ERR_CANCELLED) {
        uint64_t deadline = DEADLINE_NEVER;
        if (x->report) {
            if (reports_send(s) != 0) return;
            secure_changed(s);
            int64_t now = clock_wall_s(), end = tally_period_end(x->tally, now);
            uint64_t wait_s = (uint64_t)(end - now) + delay_s(option_u64(s->daemon, "smtpc.tlsrpt_period"));
            deadline = loop_now_ms() + wait_s * 1000;
        }
        rc = cond_wait(&x->reconfigured, deadline);
    }
}
