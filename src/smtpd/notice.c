/* See notice.h. */
#include "smtpd/notice.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"

enum { NOTICE_MAX = 4096, NOTICE_TIMEOUT_MS = 60 * 1000 };

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

static int summary_make(struct str body, struct buf *out) {
    struct summary_builder *b = summary_builder_new();
    if (b == NULL) return ERR_NOMEM;
    summary_builder_feed(b, body);
    int rc = summary_builder_finish(b, out);
    summary_builder_free(b);
    return rc;
}

static int submit(struct session *s, struct str body, struct error *err) {
    Store__QueueSubmit request = STORE__QUEUE_SUBMIT__INIT;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r[2] = {STORE__RECIPIENT__INIT, STORE__RECIPIENT__INIT}, *list[2] = {&r[0], &r[1]};
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    BUF_AUTO postmaster = BUF_INIT(ADDRESS_MAX + 1);
    char trace[IDENT_SIZE];
    ident_new(trace);
    buf_printf(&postmaster, "postmaster@%s", s->d->default_domain);
    if (postmaster.error != 0 || summary_make(body, &summary) < 0) return error_set(err, ERR_NOMEM, "out of memory");
    r[0].address = r[0].original = s->user;
    r[1].address = r[1].original = (char *)(uintptr_t)buf_cstr(&postmaster);
    e.trace = trace;
    e.channel = (char *)(uintptr_t) "INPUT";
    e.source = (char *)(uintptr_t) "LOCALOUT";
    e.recipients = list;
    e.n_recipients = 2;
    e.size = body.len;
    e.body_8bit = e.smtputf8 = !str_is_ascii(body);
    e.summary = rpc_binary(buf_str(&summary));
    request.entry = &e;
    return rpc_call(s->d->store.client, STORE_QUEUE_SUBMIT, &request.base, body, loop_now_ms() + NOTICE_TIMEOUT_MS,
                    NULL, err);
}

void notice_braked(struct session *s, const char *why) {
    BUF_AUTO body = BUF_INIT(NOTICE_MAX);
    struct error err = {0};
    braked_text(s, why, &body);
    int rc = body.error != 0 ? body.error : submit(s, buf_str(&body), &err);
    if (rc < 0)
        log_event(LOG_ERROR, s->id, "notice_failed", "user=%s error=%s reason=\"%s\"", s->user, err_name(rc), err.text);
}
