/* RCPT: RFC 5321 section 4.1.1.3. Each recipient is looked up now, so that nothing is accepted that would have to be
 * bounced (LIM-21, LIM-22); strangers may not relay (RELAY-03). */
#include "base/log.h"
#include "net/loop.h"
#include "smtpd/commands.h"
#include "smtpd/mail_params.h"
#include "smtpd/own.h"
#include "smtpd/quota.h"
#include "smtpd/room.h"

#include <stdio.h>

enum { DIRECTORY_TIMEOUT_MS = 30 * 1000, REASON_MAX = 200 };

/* `rule`: what decided, beyond the reason; NULL = nothing else did. */
static int reject(struct session *s, const struct address *to, unsigned code, const char *enhanced, const char *rule,
                  const char *why) {
    struct smtpd *d = s->d;
    d->count.rejected_recipients++;
    s->tx.rejected++;
    log_event(LOG_MESSAGE, s->tx.trace, "recipient_rejected",
              "to=<%s> from=<%s> peer=%s session=%s reply=%u rule=\"%s\" reason=\"%s\"", to->text, s->tx.sender,
              s->peer, s->id, code, rule != NULL ? rule : "-", why);
    transaction_note(&s->tx, to->text, "smtpd rejected to=<%s> from=<%s> peer=%s reply=%u %s", to->text, s->tx.sender,
                     s->peer, code, why);
    if (d->set.max_rejects != 0 && ++s->rejects >= d->set.max_rejects) {
        log_event(LOG_WARNING, s->id, "too_many_rejects", "peer=%s rejects=%u", s->peer, s->rejects);
        return session_close(s, "4.7.0", "%s Too many recipients that do not exist", d->hostname);
    }
    return session_reply(s, code, enhanced, "%s", why);
}

/* Once in a transaction for the log: the client asks for each of the others, too. */
static int too_many(struct session *s, const char *rule, const char *what) {
    if (!s->tx.told_full)
        log_event(LOG_MESSAGE, s->tx.trace, "recipient_limit",
                  "from=<%s> peer=%s session=%s reply=452 rule=%s taken=%u", s->tx.sender, s->peer, s->id, rule,
                  s->tx.count);
    s->tx.told_full = true;
    return session_reply(s, 452, "4.5.3", "Too many %s, send the others in another transaction", what);
}

static int qualify(struct session *s, struct address *to) {
    const struct smtpd_settings *set = &s->d->set;
    if (address_has_domain(to)) return own_literal_replace(s, to);
    bool postmaster = address_is_postmaster(to); /* RFC 5321 section 4.5.1: must always work */
    if (set->reject_unqualified && !postmaster) return ERR_DENIED;
    return set->qualify || postmaster ? address_qualify(to, str_from(s->d->default_domain)) : 0;
}

/* Another host of ours sent it here because the mailbox is here; the copy of the directory here says that it is
 * elsewhere. One of the two is a moment behind: sent on, the mail would go round (DEPL-06). */
static bool is_elsewhere(const Dir__Resolved *found) {
    for (size_t i = 0; i < found->n_targets; i++)
        if (found->targets[i]->account != 0 && str_eq(str_from(found->targets[i]->channel), STR("SMTPC"))) return true;
    return false;
}

/* `elsewhere`: a mailbox is at another host. */
static int resolve(struct session *s, const struct address *to, Dir__Kind *kind, bool *elsewhere,
                   struct room_verdict *room, struct error *err) {
    Dir__Resolve request = DIR__RESOLVE__INIT;
    struct str address = address_text(to);
    if (foreign_has(&s->d->foreign, address)) {
        *kind = DIR__KIND__NOT_LOCAL;
        return 0;
    }
    uint64_t round = s->d->foreign.round;
    request.address = (char *)(uintptr_t)to->text;
    request.source = (char *)(uintptr_t) "SMTPD";
    RPC_REPLY_AUTO reply = {0};
    int rc =
        rpc_call(s->d->dir, DIR_RESOLVE, &request.base, STR_EMPTY, loop_now_ms() + DIRECTORY_TIMEOUT_MS, &reply, err);
    if (rc != 0) return rc;
    *kind = ((const Dir__Resolved *)reply.msg)->kind;
    *elsewhere = is_elsewhere((const Dir__Resolved *)reply.msg);
    if (*kind == DIR__KIND__NOT_LOCAL) foreign_learn(&s->d->foreign, address, round);
    room_check(s, (const Dir__Resolved *)reply.msg, room);
    return 0;
}

static int accept_or_reject(struct session *s, struct smtp_command *c, Dir__Kind kind,
                            const struct room_verdict *room) {
    char why[REASON_MAX + ADDRESS_MAX], rule[FINDING_RULE_MAX];
    switch (kind) {
    case DIR__KIND__UNKNOWN:
        (void)snprintf(why, sizeof why, "<%s> No such address here", c->path.text);
        return reject(s, &c->path, 550, "5.1.1", NULL, why);
    case DIR__KIND__NO_RECEIVE:
        (void)snprintf(why, sizeof why, "<%s> Mailbox takes no mail", c->path.text);
        return reject(s, &c->path, 550, "5.2.1", NULL, why);
    case DIR__KIND__NOT_LOCAL:
        if (access_may_relay(s)) break;
        s->d->count.relay_denied++;
        (void)snprintf(why, sizeof why, "<%s> Relaying denied", c->path.text);
        access_relay_rule(s, rule);
        return s->d->access.relay_temporary ? reject(s, &c->path, 450, "4.7.1", rule, why)
                                            : reject(s, &c->path, 550, "5.7.1", rule, why);
    default:
        if (room->code == 0) break;
        s->d->count.over_quota++;
        (void)snprintf(why, sizeof why, "<%s> %s", c->path.text, room->text);
        return reject(s, &c->path, room->code, room->enhanced, "smtpd.over_quota", why);
    }
    if (transaction_add(&s->tx, &c->path, &c->rcpt) < 0) return session_reply(s, 452, "4.5.3", "Too many recipients");
    return session_reply(s, 250, "2.1.5", "OK");
}

int cmd_rcpt(struct session *s, struct smtp_command *c) {
    struct smtpd *d = s->d;
    struct error err = {0};
    Dir__Kind kind = DIR__KIND__UNKNOWN;
    struct room_verdict room = {.enhanced = NULL};
    bool elsewhere = false;
    if (!s->tx.open) return session_error(s, 503, "5.5.1", "MAIL first");
    if (s->tx.body != NULL) return session_error(s, 503, "5.5.1", "Data has begun");
    if (s->tx.count >= d->set.max_recipients) return too_many(s, "smtpd.max_recipients", "recipients");
    if (qualify(s, &c->path) < 0)
        return reject(s, &c->path, 553, "5.1.3", "smtpd.reject_unqualified", "Recipient address needs a domain");
    if (!mail_params_domain_fits(s, &c->path)) return too_many(s, "smtpd.max_recipient_domains", "recipient domains");
    bool allowed;
    int rc = quota_check_recipient(s, &allowed);
    if (!allowed) return rc;
    if (resolve(s, &c->path, &kind, &elsewhere, &room, &err) < 0) {
        log_event(LOG_WARNING, s->tx.trace, "directory_failed", "what=resolve to=<%s> reason=\"%s\"", c->path.text,
                  err.text);
        d->count.deferred++;
        return session_reply(s, 451, "4.3.0", "Directory is not available, try again later");
    }
    if (c->rcpt.mailbox && elsewhere) {
        d->count.deferred++;
        return reject(s, &c->path, 451, "4.3.5", "dir.mailbox_host",
                      "The mailbox is on another host now, try again later");
    }
    return accept_or_reject(s, c, kind, &room);
}
