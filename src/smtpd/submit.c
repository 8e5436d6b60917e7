#include "smtpd/submit.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "proto/mime/summary.h"
#include "smtpd/mail_params.h"
#include "smtpd/quota.h"
#include "smtpd/received.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    SUBMIT_TIMEOUT_MS = 120 * 1000,
    DATA_RATE_MIN = 100, /* bytes a second, over all of the data, after the first idle timeout */
    OUTCOME_TEXT_MAX = 256,
};

struct outcome {
    unsigned code;
    const char *enhanced;
    char text[OUTCOME_TEXT_MAX];
};

int submit_begin(struct session *s) {
    s->tx.body =
        body_new(&s->d->store, access_max_size(s), s->tx.size_hint, session_is_submission(s) ? s->d->hostname : NULL);
    if (s->tx.body == NULL) return ERR_NOMEM;
    if (s->client.peer.keep_tags) body_keep_taken(s->tx.body);
    return 0;
}

void submit_take(struct session *s, struct str bytes) {
    struct transaction *t = &s->tx;
    if (t->body == NULL) return;
    if (t->body_type == SMTP_BODY_BINARYMIME) {
        body_add(t->body, bytes);
        return;
    }
    while (bytes.len > 0) {
        size_t used;
        struct str span;
        (void)smtp_decoder_next(&t->decoder, bytes, &used, &span);
        body_add(t->body, span);
        bytes = str_sub(bytes, used, bytes.len);
    }
}

uint64_t submit_data_deadline(const struct session *s, uint64_t begin_ms, uint64_t got) {
    uint64_t idle = session_deadline(s);
    uint64_t pace = begin_ms + s->d->set.timeout_ms + got * 1000 / DATA_RATE_MIN;
    return pace < idle ? pace : idle;
}

int submit_no_recipients(struct session *s) {
    if (s->tx.rejected > 0 && !s->service->lmtp) /* RFC 2033 section 4.2: always 503 */
        return session_reply(s, 554, "5.5.1", "No valid recipients");
    return session_error(s, 503, "5.5.1", "RCPT first");
}

int submit_interrupted(struct session *s, int rc) {
    log_event(LOG_MESSAGE, s->tx.open ? s->tx.trace : s->id, "data_interrupted", "from=<%s> peer=%s reason=%s",
              s->tx.open ? s->tx.sender : "", s->peer, err_name(rc));
    transaction_reset(&s->tx);
    if (rc == ERR_TIMEOUT) return session_close(s, "4.4.2", "%s Timeout, closing", s->d->hostname);
    return rc;
}

/* For the trace field: the only recipient, if its name is ASCII: another would make the header international, which
 * hosts without SMTPUTF8 do not take, even when the address itself could be written for them (RFC 6531 section 3.5). */
static const char *named_recipient(const struct transaction *t) {
    const char *only = t->count == 1 ? t->recipients[0].address : NULL;
    return only != NULL && str_is_ascii(str_from(only)) ? only : NULL;
}

static void prefix_format(const struct session *s, struct buf *out) {
    const struct transaction *t = &s->tx;
    struct tls_info tls = {.version = "", .cipher = ""};
    struct received r = {
        .helo = s->helo,
        .name = s->client.name,
        .peer = stream_peer(s->stream),
        .hostname = s->d->hostname,
        .lmtp = s->service->lmtp,
        .extended = s->extended,
        .tls = tls_get_info(s->stream, &tls) == 0,
        .authenticated = s->authenticated,
        .utf8 = t->smtputf8,
        .id = t->trace,
        .recipient = named_recipient(t),
        .has_priority = t->has_priority,
        .priority = t->priority,
        .at = clock_wall_s(),
    };
    r.tls_version = tls.version;
    r.tls_cipher = tls.cipher;
    r.tls_bits = tls.bits;
    received_format(out, &r);
}

/* Recipients as the queue wants them, in the memory of the transaction. */
static int recipients_fill(struct transaction *t, Store__Entry *e) {
    Store__Recipient *all = arena_alloc(t->arena, (t->count + 1) * sizeof *all);
    Store__Recipient **list = arena_alloc(t->arena, (t->count + 1) * sizeof(Store__Recipient *));
    if (all == NULL || list == NULL) return ERR_NOMEM;
    for (unsigned i = 0; i < t->count; i++) {
        store__recipient__init(&all[i]);
        all[i].address = all[i].original = t->recipients[i].address;
        all[i].orcpt = t->recipients[i].orcpt;
        all[i].notify = t->recipients[i].notify;
        list[i] = &all[i];
    }
    e->n_recipients = t->count;
    e->recipients = list;
    if (t->sent_copy == NULL) return 0;
    Store__Recipient *copy = &all[t->count];
    store__recipient__init(copy);
    copy->address = copy->original = t->sent_copy;
    copy->notify = STORE__NOTIFY__NOTIFY_NEVER;
    copy->sent_copy = true;
    list[e->n_recipients++] = copy;
    return 0;
}

/* SMTPUTF8 is kept only if the message needs it, so that it still gets to hosts that lack it. */
static bool needs_utf8(const struct transaction *t, const struct summary *summary) {
    if (!t->smtputf8) return false;
    if ((summary->flags & SUMMARY_HEADER_UTF8) || !str_is_ascii(str_from(t->sender))) return true;
    for (unsigned i = 0; i < t->count; i++)
        if (!str_is_ascii(str_from(t->recipients[i].address))) return true;
    return false;
}

static void entry_fill(struct session *s, const struct summary *summary, struct buf *prefix, Store__Entry *e) {
    struct transaction *t = &s->tx;
    e->trace = t->trace;
    e->channel = (char *)(uintptr_t) "INPUT";
    e->source = (char *)(uintptr_t) "SMTPD";
    e->sender = t->sender;
    e->size = body_size(t->body);
    e->prefix = rpc_binary(buf_str(prefix));
    e->ret = (char *)(uintptr_t)t->ret;
    e->envid = t->envid;
    e->body_8bit = t->body_type == SMTP_BODY_8BITMIME || (summary->flags & SUMMARY_8BIT);
    e->body_binary = t->body_type == SMTP_BODY_BINARYMIME;
    e->smtputf8 = needs_utf8(t, summary);
    e->auth_user = s->user;
    e->peer_ip = s->peer;
    e->helo = s->helo;
    e->peer_name = s->client.name;
    e->received = summary->received;
    e->summary = rpc_binary(body_summary(t->body));
    mail_params_fill(s, e);
}

/* The lines of the message's trace: how it came, and what was refused before. */
static char **trace_fill(struct session *s, size_t *count) {
    struct transaction *t = &s->tx;
    char **lines = arena_alloc(t->arena, (t->note_count + 1) * sizeof(char *));
    if (lines == NULL) return NULL;
    for (unsigned i = 0; i < t->note_count; i++) lines[i] = t->notes[i];
    lines[t->note_count] = arena_printf(
        t->arena, "smtpd accepted from=<%s> size=%" PRIu64 " rcpts=%u peer=%s helo=%s service=%s tls=%s user=%s",
        t->sender, body_size(t->body), t->count, s->peer, s->helo, s->service->name,
        stream_is_tls(s->stream) ? "yes" : "no", s->authenticated ? s->user : "-");
    *count = lines[t->note_count] == NULL ? t->note_count : t->note_count + 1;
    return lines;
}

static int send_to_queue(struct session *s, const struct summary *summary, uint64_t *id, struct error *err) {
    struct transaction *t = &s->tx;
    Store__Entry entry = STORE__ENTRY__INIT;
    Store__QueueSubmit request = STORE__QUEUE_SUBMIT__INIT;
    Store__UsageLimits limits = STORE__USAGE_LIMITS__INIT;
    RPC_REPLY_AUTO reply = {0};
    BUF_AUTO prefix = BUF_INIT(RECEIVED_MAX);
    if (!body_is_current(t->body)) return error_set(err, ERR_IO, "connection to the store was lost");
    prefix_format(s, &prefix);
    entry_fill(s, summary, &prefix, &entry);
    request.entry = &entry;
    request.upload = body_upload(t->body);
    if (quota_limits(s, &limits)) request.limits = &limits;
    request.trace = trace_fill(s, &request.n_trace);
    if (prefix.error != 0 || request.trace == NULL || recipients_fill(t, &entry) < 0 || access_tags_fill(s, &entry) < 0)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = rpc_call(s->d->store.client, STORE_QUEUE_SUBMIT, &request.base, body_inline(t->body),
                      loop_now_ms() + SUBMIT_TIMEOUT_MS, &reply, err);
    if (rc < 0) return rc;
    *id = ((const Store__QueueSubmitted *)reply.msg)->id;
    body_submitted(t->body);
    return 0;
}

__attribute__((format(printf, 4, 5))) static int refuse(struct outcome *o, unsigned code, const char *enhanced,
                                                        const char *fmt, ...) {
    o->code = code;
    o->enhanced = enhanced;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(o->text, sizeof o->text, fmt, ap);
    va_end(ap);
    return ERR_DENIED;
}

static int refuse_for_store(struct outcome *o, int rc) {
    if (rc == ERR_NOSPACE) return refuse(o, 452, "4.3.1", "Insufficient queue space, try again later");
    return refuse(o, 451, "4.3.0", "Message could not be stored, try again later");
}

/* 0 when the message is in the queue; else ERR_DENIED. What the peer is told is in `o` in both cases. */
static int decide(struct session *s, unsigned bare, struct outcome *o, struct error *err) {
    struct transaction *t = &s->tx;
    const struct smtpd_settings *set = &s->d->set;
    struct summary summary;
    uint64_t id = 0;
    int rc = body_finish(t->body, err);
    if (rc == ERR_LIMIT)
        return refuse(o, 552, "5.3.4", "Message exceeds the size limit of %" PRIu64 " bytes", access_max_size(s));
    if (bare != 0 && !set->fix_bare_newline && t->body_type != SMTP_BODY_BINARYMIME)
        return refuse(o, 550, "5.6.0", "Message has a CR or LF that stands alone (RFC 5321 section 2.3.8)");
    if (rc < 0) return refuse_for_store(o, rc);
    if (summary_parse(body_summary(t->body), &summary) < 0)
        return refuse_for_store(o, error_set(err, ERR_CORRUPT, "summary is damaged"));
    if (summary.received > set->max_received)
        return refuse(o, 554, "5.4.6", "Too many hops: %u, probably a mail loop", summary.received);
    const char *enhanced, *text;
    unsigned code = quota_check_size(s, body_size(t->body), &enhanced, &text);
    if (code != 0) return refuse(o, code, enhanced, "%s", text);
    rc = send_to_queue(s, &summary, &id, err);
    if (rc == ERR_DENIED && (code = quota_exceeded(s, body_size(t->body), &enhanced, &text)) != 0)
        return refuse(o, code, enhanced, "%s", text);
    if (rc < 0) return refuse_for_store(o, rc);
    (void)refuse(o, 250, "2.0.0", "OK queued as %" PRIu64 " id=%s", id, t->trace);
    char priority[24] = ""; /* RFC 6710 section 4.1 */
    if (t->has_priority) (void)snprintf(priority, sizeof priority, " mt-priority=%d", t->priority);
    log_event(LOG_MESSAGE, t->trace, "accepted",
              "id=%" PRIu64 " from=<%s> size=%" PRIu64 " rcpts=%u peer=%s user=%s message-id=%.*s session=%s%s", id,
              t->sender, body_size(t->body), t->count, s->peer, s->authenticated ? s->user : "-",
              STR_ARG(summary.message_id), s->id, priority);
    return 0;
}

static void count_outcome(struct session *s, const struct outcome *o) {
    struct smtpd_counters *count = &s->d->count;
    if (o->code == 250) {
        count->messages++;
        count->bytes += body_size(s->tx.body);
        count->recipients += s->tx.count;
        s->accepted++;
        s->idle_commands = 0;
    } else if (o->code >= 500) {
        count->rejected_messages++;
    } else {
        count->deferred++;
    }
}

int submit_finish(struct session *s, unsigned bare, bool last) {
    struct outcome o = {0};
    struct error err = {0};
    int rc = decide(s, bare, &o, &err);
    if (rc < 0)
        log_event(o.code < 500 ? LOG_WARNING : LOG_MESSAGE, s->tx.trace, "message_refused",
                  "from=<%s> size=%" PRIu64 " peer=%s session=%s reply=%u text=\"%s\" reason=\"%s\"", s->tx.sender,
                  body_size(s->tx.body), s->peer, s->id, o.code, o.text, err.text);
    count_outcome(s, &o);
    bool each = s->service->lmtp && last; /* RFC 2033 section 4.3 */
    unsigned replies = each ? s->tx.count : 1;
    rc = 0;
    for (unsigned i = 0; i < replies && rc == 0; i++) {
        if (each)
            rc = session_reply(s, o.code, o.enhanced, "<%s> %s", s->tx.recipients[i].address, o.text);
        else
            rc = session_reply(s, o.code, o.enhanced, "%s", o.text);
    }
    transaction_reset(&s->tx);
    return rc;
}
