/* BURL: RFC 4468. A message of the user's own mailbox becomes (part of) the message that is sent, without travelling to
 * the client and back. What the user may read anyway needs no URLAUTH; one that is there must be right. URLs of others,
 * and of parts, are not resolved. */
#include "base/clock.h"
#include "base/log.h"
#include "proto/imap/url.h"
#include "smtpd/commands.h"
#include "smtpd/extensions.h"
#include "smtpd/mailbox.h"
#include "smtpd/submit.h"

enum { URL_MEMORY_MAX = 64 * 1024 };

/* The transaction cannot go on: part of the message is missing (RFC 4468 section 3.2). */
static int refuse(struct session *s, unsigned code, const char *enhanced, const char *why) {
    log_event(LOG_MESSAGE, s->tx.trace, "burl_refused", "user=%s reply=%u reason=\"%s\"", s->user, code, why);
    transaction_reset(&s->tx);
    return session_error(s, code, enhanced, "%s", why);
}

struct fault {
    const char *status, *text;
};

/* NULL: it is a message of the user, here, and meant for him. */
static const struct fault *fault_of(const struct session *s, const struct imap_url *u) {
    static const struct fault foreign = {"5.7.14", "URL is not of your mailbox here"},
                              other = {"5.7.14", "URL is for somebody else"},
                              nothing = {"5.6.6", "URL names no message"},
                              part = {"5.6.6", "URLs of parts are not resolved"}, late = {"5.6.6", "URL has expired"};
    if (!imap_url_is_of(u, str_from(s->d->hostname), str_from(s->user))) return &foreign;
    if (u->uid == 0 || u->mailbox.len == 0) return &nothing;
    if (u->has_section) return &part;
    if (u->has_access && !imap_url_may_use(u, str_from(s->user), true)) return &other;
    return u->has_expire && u->expire < clock_wall_s() ? &late : NULL;
}

static int begin(struct session *s) {
    struct transaction *t = &s->tx;
    if (t->chunked) return 0;
    smtp_decoder_init_bdat(&t->decoder, s->d->set.fix_bare_newline);
    int rc = submit_begin(s);
    t->chunked = rc == 0;
    return rc;
}

static int fetch(struct session *s, const struct imap_url *u, struct arena *arena) {
    struct error err = {0};
    struct mailbox_message m = {
        .folder = arena_cstr(arena, u->mailbox), .uidvalidity = u->uidvalidity, .uid = u->uid, .url = u};
    if (m.folder == NULL || begin(s) < 0) return refuse(s, 451, "4.3.0", "Out of memory");
    int rc = mailbox_read(s, &m, &err);
    if (rc == 0) return 0;
    log_event(LOG_INFO, s->tx.trace, "burl_failed", "user=%s error=%s reason=\"%s\"", s->user, err_name(rc), err.text);
    if (rc == ERR_NOTFOUND || rc == ERR_CONFLICT) return refuse(s, 554, "5.6.6", "There is no such message");
    if (rc == ERR_DENIED) return refuse(s, 554, "5.7.8", "URL resolution needs a fresh login");
    return refuse(s, 451, "4.4.1", "The mailbox cannot be read now");
}

int cmd_burl(struct session *s, struct smtp_command *c) {
    struct transaction *t = &s->tx;
    struct imap_url url;
    if (!t->open) return session_error(s, 503, "5.5.1", "MAIL first");
    if (t->count == 0) return submit_no_recipients(s);
    ARENA_AUTO arena = arena_new(URL_MEMORY_MAX);
    if (arena == NULL) return refuse(s, 451, "4.3.0", "Out of memory");
    if (imap_url_parse(c->argument, arena, &url) < 0) return refuse(s, 501, "5.5.4", "URL is malformed");
    const struct fault *fault = fault_of(s, &url);
    if (fault != NULL) return refuse(s, 554, fault->status, fault->text);
    int rc = fetch(s, &url, arena);
    if (rc < 0 || !t->open) return rc;
    if (!c->last && !body_failed(t->body)) return session_reply(s, 250, "2.5.0", "URL resolved");
    if (t->body_type != SMTP_BODY_BINARYMIME) body_add(t->body, smtp_decoder_finish(&t->decoder));
    return submit_finish(s, t->decoder.bare, c->last);
}
