/* MAIL: RFC 5321 section 4.1.1.2; SIZE of RFC 1870 section 6.3; who may send as whom, RFC 6409 section 6.1. */
#include "base/log.h"
#include "net/loop.h"
#include "smtpd/commands.h"
#include "smtpd/mail_params.h"
#include "smtpd/quota.h"

#include <stdio.h>

enum { DIRECTORY_TIMEOUT_MS = 30 * 1000, WHY_MAX = 240 };

static int reject(struct session *s, const struct smtp_command *c, unsigned code, const char *enhanced,
                  const char *why) {
    if (code < 500)
        s->d->count.deferred++;
    else
        s->d->count.rejected_senders++;
    log_event(LOG_MESSAGE, s->id, "sender_rejected", "from=<%s> peer=%s user=%s reply=%u reason=\"%s\"", c->path.text,
              s->peer, s->user[0] != '\0' ? s->user : "-", code, why);
    return code < 500 ? session_reply(s, code, enhanced, "%s", why) : session_error(s, code, enhanced, "%s", why);
}

/* A sender without a domain (SMTPD-05 before SMTPD-06). */
static int qualify(struct session *s, struct smtp_command *c) {
    const struct smtpd_settings *set = &s->d->set;
    if (address_is_null(&c->path) || address_has_domain(&c->path)) return 0;
    if (set->reject_unqualified && !address_is_postmaster(&c->path)) return ERR_DENIED;
    return set->qualify ? address_qualify(&c->path, str_from(s->d->default_domain)) : 0;
}

/* May the user that is logged in send with this address? 0, ERR_DENIED, or why it cannot be told. `shared` gets the
 * shared account that it is of, if it is of one. */
static int sender_check(struct session *s, const struct smtp_command *c, struct buf *shared, struct error *err) {
    if (address_is_null(&c->path)) return s->d->set.submission_null_sender ? 0 : ERR_DENIED;
    if (str_eq_nocase(address_text(&c->path), str_from(s->user))) return 0;
    Dir__SenderCheck request = DIR__SENDER_CHECK__INIT;
    request.account = s->account;
    request.address = (char *)(uintptr_t)c->path.text;
    RPC_REPLY_AUTO reply = {0};
    int rc = rpc_call(s->d->dir, DIR_SENDER_CHECK, &request.base, STR_EMPTY, loop_now_ms() + DIRECTORY_TIMEOUT_MS,
                      &reply, err);
    if (rc < 0) return rc;
    const Dir__SenderReply *answer = (const void *)reply.msg;
    buf_adds(shared, answer->shared);
    return answer->allowed ? 0 : ERR_DENIED;
}

/* Rules for those that are logged in, and for the submission ports where everybody has to be. Answers when it refuses.
 */
static int submission_check(struct session *s, struct smtp_command *c, struct buf *shared, bool *allowed) {
    struct error err = {0};
    *allowed = false;
    if (!s->authenticated)
        return reject(s, c, 530, "5.7.0",
                      session_plaintext_ok(s) || s->d->tls == NULL ? "Authentication required"
                                                                   : "Authentication required, after STARTTLS");
    if (!s->may_send) return reject(s, c, 550, "5.7.1", "Your account may not send mail");
    int rc = sender_check(s, c, shared, &err);
    if (rc == ERR_DENIED) return reject(s, c, 550, "5.7.1", "Sender address is not one of your account");
    if (rc < 0) {
        log_event(LOG_WARNING, s->id, "directory_failed", "what=sender_check error=%s reason=\"%s\"", err_name(rc),
                  err.text);
        s->d->count.deferred++;
        return session_reply(s, 451, "4.3.0", "Directory is not available, try again later");
    }
    *allowed = true;
    return 0;
}

/* What the parameters ask for, and whether there is room. Answers when it refuses. */
static int message_check(struct session *s, const struct smtp_command *c, bool *allowed) {
    struct mail_refusal r = {.code = 0};
    char why[WHY_MAX];
    *allowed = false;
    if (c->mail.size > access_max_size(s)) {
        (void)snprintf(why, sizeof why, "Message size exceeds the limit of %llu bytes",
                       (unsigned long long)access_max_size(s));
        return reject(s, c, 552, "5.3.4", why);
    }
    if (!mail_params_check(s, c, &r)) return reject(s, c, r.code, r.enhanced, r.text);
    if (!s->d->accepting) {
        (void)snprintf(why, sizeof why, "Insufficient queue space: %s", s->d->full_reason);
        return reject(s, c, 452, "4.3.1", why);
    }
    *allowed = true;
    return 0;
}

/* SHARE-01: what is sent with the address of a shared account is filed in its folder of sent mail. */
static int sent_copy_keep(struct session *s, const struct buf *shared) {
    if (shared->len == 0 || !s->d->set.sent_copies) return 0;
    s->tx.sent_copy = arena_cstr(s->tx.arena, buf_str(shared));
    return s->tx.sent_copy == NULL ? ERR_NOMEM : 0;
}

int cmd_mail(struct session *s, struct smtp_command *c) {
    BUF_AUTO shared = BUF_INIT(ADDRESS_MAX + 1);
    bool allowed, refused;
    int rc;
    if (s->tx.open) return session_error(s, 503, "5.5.1", "Transaction is open already; RSET ends it");
    if (qualify(s, c) < 0) return reject(s, c, 553, "5.1.7", "Sender address needs a domain");
    if (session_is_submission(s)) {
        rc = submission_check(s, c, &shared, &allowed);
        if (!allowed) return rc;
    }
    rc = access_mail(s, c, &refused);
    if (rc != 0 || refused) return rc;
    rc = message_check(s, c, &allowed);
    if (!allowed) return rc;
    rc = quota_check(s, c, &allowed);
    if (!allowed) return rc;
    /* The first message is traced under the identifier of its connection, so that one leads through all of it. */
    if (transaction_begin(&s->tx, c, s->transactions++ == 0 ? s->id : NULL) < 0 || sent_copy_keep(s, &shared) < 0)
        return session_reply(s, 451, "4.3.0", "Out of memory");
    mail_params_keep(s, c);
    return mail_params_accepted(s);
}
