/* See mail_params.h. */
#include "smtpd/mail_params.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

enum { MS = 1000, PRIORITY_MAX = 9 };

__attribute__((format(printf, 4, 5))) static bool refuse(struct mail_refusal *r, unsigned code, const char *enhanced,
                                                         const char *fmt, ...) {
    va_list ap;
    r->code = code;
    r->enhanced = enhanced;
    va_start(ap, fmt);
    (void)vsnprintf(r->text, sizeof r->text, fmt, ap);
    va_end(ap);
    return false;
}

static bool hold_check(const struct session *s, const struct smtp_mail_params *m, struct mail_refusal *r) {
    int64_t max = (int64_t)s->d->set.ext.future_release_s, now = clock_wall_s();
    if (m->hold_until != 0 && m->hold_until <= now)
        return refuse(r, 501, "5.5.4", "HOLDUNTIL names a time that is over");
    if ((int64_t)m->hold_for <= max && m->hold_until <= now + max) return true;
    return refuse(r, 501, "5.5.4", "Messages are held for %lld seconds at most", (long long)max);
}

bool mail_params_check(const struct session *s, const struct smtp_command *c, struct mail_refusal *out) {
    const struct smtpd_extensions *x = &s->d->set.ext;
    const struct smtp_mail_params *m = &c->mail;
    if (x->max_messages > 0 && s->transactions >= x->max_messages)
        return refuse(out, 451, "4.5.3", "Too many messages in this session, begin another one");
    if (m->by_mode == 'R' && m->by < (int64_t)x->deliverby_min_s)
        return refuse(out, 550, "5.5.4", "Deadlines below %llu seconds cannot be kept",
                      (unsigned long long)x->deliverby_min_s);
    return hold_check(s, m, out);
}

static void hold_keep(struct transaction *t, const struct smtp_mail_params *m, int64_t now) {
    if (m->hold_for > 0) {
        t->ready = now + (int64_t)m->hold_for * MS;
        t->hold = arena_printf(t->arena, "for;%llu", (unsigned long long)m->hold_for);
    } else if (m->hold_until > 0) {
        t->ready = m->hold_until * MS;
        t->hold = arena_printf(t->arena, "until;%.*s", STR_ARG(m->hold_until_text)); /* reports tell it as it came */
    }
}

void mail_params_keep(struct session *s, const struct smtp_command *c) {
    static const char *const modes[2][2] = {{"N", "NT"}, {"R", "RT"}};
    const struct smtp_mail_params *m = &c->mail;
    struct transaction *t = &s->tx;
    int64_t now = clock_wall_ms();
    hold_keep(t, m, now);
    if (m->by_mode != 0) {
        t->deliver_by = now + m->by * MS;
        t->by_mode = modes[m->by_mode == 'R'][m->by_trace];
    }
    t->requiretls = m->requiretls;
    t->has_priority = m->has_priority;
    t->priority = m->priority;
    t->priority_lowered = m->priority > 0 && !session_is_known(s);
    if (t->priority_lowered) t->priority = 0;
}

int mail_params_accepted(struct session *s) {
    if (s->tx.priority_lowered) /* RFC 6710 section 4.1 */
        return session_reply(s, 250, "2.3.6", "0 is the priority that was taken: log in for a higher one");
    return session_reply(s, 250, "2.1.0", "OK");
}

static struct str domain_at(const struct transaction *t, unsigned i) {
    return address_domain_of(str_from(t->recipients[i].address));
}

bool mail_params_domain_fits(const struct session *s, const struct address *to) {
    const struct transaction *t = &s->tx;
    unsigned max = s->d->set.ext.max_recipient_domains, domains = 0;
    for (unsigned i = 0; max > 0 && i < t->count; i++) {
        bool seen = false;
        if (str_eq_nocase(domain_at(t, i), address_domain(to))) return true;
        for (unsigned k = 0; k < i && !seen; k++) seen = str_eq_nocase(domain_at(t, i), domain_at(t, k));
        domains += !seen;
    }
    return max == 0 || domains < max;
}

/* "3", "-4"; comments behind it are passed over (RFC 6758 section 3). */
static bool priority_parse(struct str text, int *out) {
    struct str word = str_word(&text);
    uint64_t n;
    bool negative = word.len > 0 && word.ptr[0] == '-';
    if (str_to_u64(str_sub(word, negative, word.len), PRIORITY_MAX, &n) < 0) return false;
    *out = negative ? -(int)n : (int)n;
    return true;
}

void mail_params_fill(const struct session *s, Store__Entry *e) {
    const struct transaction *t = &s->tx;
    int priority = t->priority;
    e->ready = t->ready;
    e->future_release = (char *)(uintptr_t)(t->hold != NULL ? t->hold : "");
    e->deliver_by = t->deliver_by;
    e->by_mode = (char *)(uintptr_t)(t->by_mode != NULL ? t->by_mode : "");
    e->requiretls = t->requiretls;
    e->tls_optional = !t->requiretls && str_eq_nocase(str_trim(body_header(t->body, "TLS-Required")), STR("No"));
    if (!t->has_priority && s->d->set.ext.mt_priority && session_is_known(s) &&
        !priority_parse(body_header(t->body, "MT-Priority"), &priority))
        priority = 0;
    e->mt_priority = priority;
}
