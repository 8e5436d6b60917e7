/* BURL: RFC 4468. A message that the user may read, or a part of it, becomes (part of) the message that is sent,
 * without travelling to the client and back. That needs no URLAUTH; one that is there must be right. Mailboxes of
 * others are found where they stand in the user's own tree, so that rights are asked in one place. */
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

/* NULL: it names something on this server, and is meant for the user. */
static const struct fault *fault_of(const struct session *s, const struct imap_url *u, bool here) {
    static const struct fault foreign = {"5.7.14", "URL is not of a mailbox here"},
                              other = {"5.7.14", "URL is for somebody else"},
                              nothing = {"5.6.6", "URL names no message"},
                              fields = {"5.6.6", "URLs of single header fields are not resolved"},
                              late = {"5.6.6", "URL has expired"};
    enum imap_section section = u->section.section;
    if (!here) return &foreign;
    if (u->uid == 0 || u->mailbox.len == 0) return &nothing;
    if (section == IMAP_SECTION_FIELDS || section == IMAP_SECTION_FIELDS_NOT) return &fields;
    if (u->has_access && !imap_url_may_use(u, str_from(s->user), true)) return &other;
    return u->has_expire && u->expire < clock_wall_s() ? &late : NULL;
}

/* The names of the mailbox in the user's tree (store/service/names.c). False: it is of another server. */
static bool mailbox_names(const struct session *s, const struct imap_url *u, struct arena *arena,
                          struct mailbox_message *m) {
    struct str user = str_from(s->user), host = str_from(s->d->hostname);
    bool whole = str_find(u->user, '@') >= 0;
    m->url = u;
    if (imap_url_is_of(u, host, user)) {
        m->folders[0] = arena_cstr(arena, u->mailbox);
        return true;
    }
    if (!u->absolute || u->user.len == 0 || !str_eq_nocase(u->host, whole ? host : address_domain_of(user)))
        return false;
    static const char *const roots[] = {"Other Users", "Shared"};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
        m->folders[i] = arena_printf(arena, "%s/%.*s%s%.*s/%.*s", roots[i], STR_ARG(u->user), whole ? "" : "@",
                                     whole ? 0 : (int)u->host.len, u->host.ptr, STR_ARG(u->mailbox));
    return true;
}

static int begin(struct session *s) {
    struct transaction *t = &s->tx;
    if (t->chunked) return 0;
    smtp_decoder_init_bdat(&t->decoder, s->d->set.fix_bare_newline);
    int rc = submit_begin(s);
    t->chunked = rc == 0;
    return rc;
}

static int fetch(struct session *s, const struct mailbox_message *m) {
    struct error err = {0};
    if (m->folders[0] == NULL || begin(s) < 0) return refuse(s, 451, "4.3.0", "Out of memory");
    int rc = mailbox_read(s, m, &err);
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
    struct mailbox_message m = {.url = &url};
    const struct fault *fault = fault_of(s, &url, mailbox_names(s, &url, arena, &m));
    if (fault != NULL) return refuse(s, 554, fault->status, fault->text);
    int rc = fetch(s, &m);
    if (rc < 0 || !t->open) return rc;
    if (!c->last && !body_failed(t->body)) return session_reply(s, 250, "2.5.0", "URL resolved");
    if (t->body_type != SMTP_BODY_BINARYMIME) body_add(t->body, smtp_decoder_finish(&t->decoder));
    return submit_finish(s, t->decoder.bare, c->last);
}
