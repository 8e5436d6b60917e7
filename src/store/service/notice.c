/* Notices to the postmaster (DISK-05, MTA-17) and lines for the log. A notice is a message that the store queues for
 * itself, also when the disk is too full for others. */
#include "base/clock.h"
#include "proto/mime/summary.h"
#include "store/service/private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PENDING_MAX = 64 * 1024, TEXT_MAX = 1500, NOTICE_MAX = 128 * 1024 };

static const char *const subjects[NOTICE_KINDS] = {
    [NOTICE_DISK] = "Disk space of the mail system", [NOTICE_QUARANTINE] = "Messages were put into quarantine"};
static const char *const epilogues[NOTICE_KINDS] = {
    [NOTICE_DISK] = "\r\n`iems queue status` shows the state.\r\n",
    [NOTICE_QUARANTINE] =
        "\r\nThey are held in the queue QUARANTINE. See them with `iems queue list --channel QUARANTINE`\r\n"
        "and `iems queue show ID`; then `iems queue release ID`, `bounce ID` or `delete ID`.\r\n"};

void notice_init(struct service *s, const struct service_config *cfg) {
    struct notices *n = &s->notices;
    n->event = cfg->event;
    n->arg = cfg->arg;
    n->gather_ms = cfg->notice_gather_ms;
    n->quiet[NOTICE_QUARANTINE] = cfg->quarantine_quiet;
    if (cfg->hostname != NULL && cfg->domain != NULL) {
        n->hostname = str_dup(str_from(cfg->hostname));
        n->domain = str_dup(str_from(cfg->domain));
    }
    for (int i = 0; i < NOTICE_KINDS; i++) buf_init(&n->pending[i], PENDING_MAX);
    cond_init(&n->stop);
}

void notice_done(struct service *s) {
    struct notices *n = &s->notices;
    for (int i = 0; i < NOTICE_KINDS; i++) buf_done(&n->pending[i]);
    free(n->hostname);
    free(n->domain);
}

static void write_message(const struct notices *n, enum notice_kind kind, const char *ident, struct buf *out) {
    char date[CLOCK_TEXT_MAX];
    clock_rfc5322(clock_wall_s(), date);
    buf_printf(out, "From: Mail system <postmaster@%s>\r\nTo: <postmaster@%s>\r\nSubject: %s (%s)\r\n", n->domain,
               n->domain, subjects[kind], n->hostname);
    buf_printf(out, "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n", date,
               ident, n->hostname);
    buf_adds(out, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    buf_add(out, buf_str(&n->pending[kind]));
    buf_adds(out, epilogues[kind]);
}

static void send_one(struct service *s, enum notice_kind kind) {
    struct notices *n = &s->notices;
    BUF_AUTO message = BUF_INIT(NOTICE_MAX), summary = BUF_INIT(SUMMARY_MAX), to = BUF_INIT(1024);
    char ident[IDENT_SIZE];
    ident_new(ident);
    write_message(n, kind, ident, &message);
    buf_clear(&n->pending[kind]);
    buf_printf(&to, "postmaster@%s", n->domain);
    if (message.error != 0 || to.error != 0 || summary_of(buf_str(&message), &summary) != 0) return;
    Store__QueueSubmit req = STORE__QUEUE_SUBMIT__INIT;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r = STORE__RECIPIENT__INIT, *rs = &r;
    char *line = (char *)(uintptr_t) "store notice to the postmaster";
    req.entry = &e;
    req.trace = &line;
    req.n_trace = 1;
    e.trace = ident;
    e.source = (char *)(uintptr_t) "LOCALOUT";
    e.recipients = &rs;
    e.n_recipients = 1;
    e.body_8bit = !str_is_ascii(buf_str(&message));
    e.summary = rpc_binary(buf_str(&summary));
    r.address = r.original = (char *)(uintptr_t)buf_cstr(&to);
    uint64_t id;
    struct error err = {0};
    if (queue_submit(s->q, &req, NULL, buf_str(&message), &id, &err) != 0)
        notice_log(s, "notice_failed", ident, err.text);
}

static void sender(void *arg) {
    struct service *s = arg;
    struct notices *n = &s->notices;
    if (!s->closing) (void)!cond_wait(&n->stop, loop_now_ms() + n->gather_ms);
    n->fiber = NULL;
    for (int i = 0; i < NOTICE_KINDS; i++)
        if (n->pending[i].len > 0) send_one(s, (enum notice_kind)i);
    s->requests--;
}

void notice_stop(struct service *s) {
    if (s->notices.fiber != NULL) cond_signal(&s->notices.stop);
}

void notice_log(struct service *s, const char *event, const char *trace, const char *text) {
    if (s->notices.event != NULL) s->notices.event(event, trace, text, s->notices.arg);
}

void notice_add(struct service *s, enum notice_kind kind, const char *event, const char *trace, const char *fmt, ...) {
    struct notices *n = &s->notices;
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    notice_log(s, event, trace, text);
    if (n->domain == NULL || n->quiet[kind]) return;
    if (n->pending[kind].len + sizeof text < PENDING_MAX) buf_printf(&n->pending[kind], "%s\r\n", text);
    if (n->fiber != NULL || s->closing) return;
    s->requests++;
    if (fiber_spawn("notice", sender, s, &n->fiber) == 0) return;
    n->fiber = NULL;
    s->requests--;
}

void notice_quarantined(const struct queue_quarantined *q, void *arg) {
    notice_add(arg, NOTICE_QUARANTINE, "queue_quarantined", q->trace[0] != 0 ? q->trace : "-",
               "%llu (of %s%s%s, from <%s>): %s", (unsigned long long)q->id, q->channel,
               q->destination[0] != 0 ? " " : "", q->destination, q->sender, q->reason);
}
