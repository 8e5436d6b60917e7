/* See mail_params.h. */
#include "smtpd/mail_params.h"

#include "base/clock.h"
#include "proto/mime/header.h"

#include <stdarg.h>
#include <stdio.h>

enum { MS = 1000 };

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
    if ((int64_t)m->hold_for > max || m->hold_until > now + max)
        return refuse(r, 501, "5.5.4", "Messages are held for %lld seconds at most", (long long)max);
    bool held = m->hold_for > 0 || m->hold_until != 0;
    int64_t until = m->hold_until != 0 ? m->hold_until : now + (int64_t)m->hold_for;
    if (!held || m->by_mode == 0 || until <= now + m->by) return true; /* RFC 4865 section 5.2.2 */
    return refuse(r, 501, "5.5.4", "The message would be held beyond its deadline");
}

bool mail_params_check(const struct session *s, const struct smtp_command *c, struct mail_refusal *out) {
    const struct smtpd_extensions *x = &s->d->set.ext;
    const struct smtp_mail_params *m = &c->mail;
    if (x->max_messages > 0 && s->transactions >= x->max_messages)
        return refuse(out, 451, "4.5.3", "Too many messages in this session, begin another one");
    if (m->by_mode == 'R' && m->by < (int64_t)x->deliverby_min_s)
        return refuse(out, 555, "5.5.4", "Deadlines below %llu seconds cannot be kept",
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

/* [CFWS] priority-value [CFWS] (RFC 6758 section 4) */
static bool priority_parse(struct str text, int *out) {
    header_skip_cfws(&text, NULL);
    bool negative = text.len > 0 && text.ptr[0] == '-';
    if (negative) text = str_sub(text, 1, text.len);
    if (text.len == 0 || !ascii_isdigit(text.ptr[0]) || (negative && text.ptr[0] == '0')) return false;
    int value = text.ptr[0] - '0';
    text = str_sub(text, 1, text.len);
    header_skip_cfws(&text, NULL);
    *out = negative ? -value : value;
    return text.len == 0;
}

/* RFC 6758 section 3.1: without a parameter a single field that is valid counts; strangers may lower with it. What the
 * field says otherwise must not go on to hosts that would believe it (section 3.3). */
static void priority_fill(const struct session *s, Store__Entry *e) {
    const struct transaction *t = &s->tx;
    int named = 0;
    unsigned fields = body_header_count(t->body, "MT-Priority");
    bool valid = fields == 1 && priority_parse(body_header(t->body, "MT-Priority"), &named);
    e->mt_priority = t->priority;
    if (!t->has_priority && valid) e->mt_priority = named > 0 && !session_is_known(s) ? 0 : named;
    if (fields == 0)
        e->priority_field =
            t->has_priority ? STORE__PRIORITY_FIELD__PRIORITY_ADD : STORE__PRIORITY_FIELD__PRIORITY_UNLESS_0;
    else
        e->priority_field = valid && e->mt_priority == named ? STORE__PRIORITY_FIELD__PRIORITY_THERE
                                                             : STORE__PRIORITY_FIELD__PRIORITY_REPLACE;
}

void mail_params_fill(const struct session *s, Store__Entry *e) {
    const struct transaction *t = &s->tx;
    e->ready = t->ready;
    e->future_release = (char *)(uintptr_t)(t->hold != NULL ? t->hold : "");
    e->deliver_by = t->deliver_by;
    e->by_mode = (char *)(uintptr_t)(t->by_mode != NULL ? t->by_mode : "");
    e->requiretls = t->requiretls;
    e->tls_optional = !t->requiretls && str_eq_nocase(str_trim(body_header(t->body, "TLS-Required")), STR("No"));
    if (s->d->set.ext.mt_priority) priority_fill(s, e);
}
