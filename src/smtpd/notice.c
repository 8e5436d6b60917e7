/* See notice.h. */
#include "smtpd/notice.h"

#include "base/clock.h"
#include "base/log.h"
#include "channel/notice.h"

enum { NOTICE_MAX = 4096 };

static void braked_text(const struct session *s, const char *why, struct buf *out) {
    char date[CLOCK_TEXT_MAX], ident[IDENT_SIZE];
    const char *host = s->d->hostname, *domain = s->d->default_domain;
    clock_rfc5322(clock_wall_s(), date);
    ident_new(ident);
    buf_printf(out,
               "From: Mail System <postmaster@%s>\r\nTo: <%s>, <postmaster@%s>\r\n"
               "Subject: Sending by %s is slowed down\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n"
               "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: 8bit\r\n\r\n",
               domain, s->user, domain, s->user, date, ident, host);
    buf_printf(out,
               "The account %s did something unusual:\r\n\r\n    %s\r\n\r\n"
               "It was logged in from %s. From now on it may send to a few recipients an hour only,\r\n"
               "in case somebody else uses it.\r\n\r\n"
               "If it was you, ask the postmaster to release the account. If it was not, change your password\r\n"
               "at once.\r\n\r\nFor the postmaster:\r\n    iems user show %s\r\n    iems user release %s\r\n",
               s->user, why, s->peer, s->user, s->user);
}

static int submit(struct session *s, struct str message, struct error *err) {
    BUF_AUTO postmaster = BUF_INIT(ADDRESS_MAX + 1);
    char trace[IDENT_SIZE];
    ident_new(trace);
    buf_printf(&postmaster, "postmaster@%s", s->d->default_domain);
    if (postmaster.error != 0) return error_set(err, ERR_NOMEM, "out of memory");
    struct notice n = {.to = s->user, .copy = buf_cstr(&postmaster), .trace = trace, .message = message};
    return notice_submit(s->d->store.client, &n, err);
}

void notice_braked(struct session *s, const char *why) {
    BUF_AUTO body = BUF_INIT(NOTICE_MAX);
    struct error err = {0};
    braked_text(s, why, &body);
    int rc = body.error != 0 ? body.error : submit(s, buf_str(&body), &err);
    if (rc < 0)
        log_event(LOG_ERROR, s->id, "notice_failed", "user=%s error=%s reason=\"%s\"", s->user, err_name(rc), err.text);
}
