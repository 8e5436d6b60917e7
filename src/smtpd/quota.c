/* See quota.h. */
#include "smtpd/quota.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "smtpd/notice.h"
#include "smtpd/quota_rules.h"

enum { USAGE_TIMEOUT_MS = 30 * 1000 };

static int refuse(struct session *s, const struct quota_verdict *v, bool *allowed) {
    *allowed = v->code == 0;
    if (*allowed) return 0;
    s->d->count.over_limit++;
    log_event(LOG_MESSAGE, s->id, "over_limit", "user=%s peer=%s reply=%u reason=\"%s\"", s->user, s->peer, v->code,
              v->text);
    return session_reply(s, v->code, v->enhanced, "%s", v->text);
}

/* Tells the store; the one who made the change writes the notice. */
static void brake(struct session *s, bool on, const char *why) {
    Store__UsageBrake request = STORE__USAGE_BRAKE__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    request.user = s->user;
    request.on = on;
    request.reason = (char *)(uintptr_t)why;
    if (rpc_call(s->d->store.client, STORE_USAGE_BRAKE, &request.base, STR_EMPTY, loop_now_ms() + USAGE_TIMEOUT_MS,
                 &reply, &err) < 0) {
        log_event(LOG_WARNING, s->id, "brake_failed", "user=%s reason=\"%s\"", s->user, err.text);
        return;
    }
    if (!((const Store__UsageBraked *)reply.msg)->changed) return;
    log_event(LOG_WARNING, s->id, on ? "account_braked" : "account_released", "user=%s peer=%s reason=\"%s\"", s->user,
              s->peer, on ? why : "time is over");
    if (!on) return;
    s->d->count.braked++;
    notice_braked(s, why);
}

static void judge(struct session *s, Store__Usage *u) {
    char why[QUOTA_TEXT_MAX];
    switch (brake_judge(&s->d->set.quotas, u, clock_wall_ms(), why)) {
    case BRAKE_BEGIN:
        brake(s, true, why);
        u->braked = clock_wall_ms();
        break;
    case BRAKE_END:
        brake(s, false, "");
        u->braked = 0;
        break;
    default: break;
    }
}

/* What the user has sent by now, into the session; brakes. */
static void usage_ask(struct session *s) {
    Store__UsageName request = STORE__USAGE_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    s->usage = (Store__Usage)STORE__USAGE__INIT;
    request.user = s->user;
    /* Without an answer there is no limit: the store that does not answer takes no message either. */
    if (rpc_call(s->d->store.client, STORE_USAGE_GET, &request.base, STR_EMPTY, loop_now_ms() + USAGE_TIMEOUT_MS,
                 &reply, &err) < 0) {
        log_event(LOG_WARNING, s->id, "usage_failed", "user=%s reason=\"%s\"", s->user, err.text);
        return;
    }
    s->usage = *(const Store__Usage *)reply.msg;
    s->usage.reason = (char *)(uintptr_t) ""; /* goes away with the reply */
    judge(s, &s->usage);
}

int quota_check(struct session *s, const struct smtp_command *c, bool *allowed) {
    const struct smtpd_quotas *q = &s->d->set.quotas;
    s->usage = (Store__Usage)STORE__USAGE__INIT;
    *allowed = true;
    if (!s->authenticated || !quota_applies(q)) return 0;
    usage_ask(s);
    struct quota_verdict v = quota_message(q, &s->usage, c->mail.size);
    return refuse(s, &v, allowed);
}

int quota_check_recipient(struct session *s, bool *allowed) {
    const struct smtpd_quotas *q = &s->d->set.quotas;
    *allowed = true;
    if (!s->authenticated) return 0;
    struct quota_verdict v = quota_recipient(q, &s->usage, s->tx.count);
    if (v.code == 0) v = brake_recipient(q, &s->usage, s->tx.count);
    return refuse(s, &v, allowed);
}

static unsigned answer(struct session *s, const struct quota_verdict *v, const char **enhanced, const char **text) {
    if (v->code == 0) return 0;
    s->d->count.over_limit++;
    *enhanced = v->enhanced;
    *text = arena_cstr(s->tx.arena, str_from(v->text));
    return v->code;
}

unsigned quota_check_size(struct session *s, uint64_t size, const char **enhanced, const char **text) {
    if (!s->authenticated) return 0;
    struct quota_verdict v = quota_message(&s->d->set.quotas, &s->usage, size);
    return answer(s, &v, enhanced, text);
}

bool quota_limits(const struct session *s, Store__UsageLimits *out) {
    const struct smtpd_quotas *q = &s->d->set.quotas;
    if (!s->authenticated || !quota_applies(q)) return false;
    out->messages = q->daily_messages;
    out->recipients = q->daily_recipients;
    out->bytes = q->daily_bytes;
    out->hour_before = brake_threshold(q, &s->usage);
    out->brake_rate = q->brake_rate;
    return true;
}

unsigned quota_exceeded(struct session *s, uint64_t size, const char **enhanced, const char **text) {
    usage_ask(s);
    struct quota_verdict v = quota_of_whole(&s->d->set.quotas, &s->usage, size, s->tx.count);
    return answer(s, &v, enhanced, text);
}
