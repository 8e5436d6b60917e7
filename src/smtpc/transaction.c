/* One message over a connection: MAIL, RCPT for each recipient, DATA. With PIPELINING (RFC 2920) all three go out at
 * once and the answers are matched to them in order; whatever the server refuses of it, each recipient gets its own
 * outcome. With CHUNKING too a message that is at hand goes in the same group, as one chunk (RFC 3030 section 4.2).
 *
 * Invariant: a message's end is sent only if all of its bytes were: a body that breaks off ends the connection. */
#include "smtpc/client.h"

#include "base/clock.h"
#include "proto/smtp/data.h"

#include <stdio.h>

struct transaction {
    struct client *c;
    const struct client_message *m;
    bool pipelined, answered, binary;
    bool at_once;    /* the message goes with the commands */
    bool *unsayable; /* recipients that were not said to the server */
    size_t sent_rcpts, accepted;
};

static struct outcome *outcome_at(struct transaction *t, size_t i) {
    return &t->m->outcomes[t->m->recipients[i]];
}

/* Every recipient that has no outcome yet, or was accepted so far, gets this one. */
static void settle(struct transaction *t, const struct outcome *o) {
    for (size_t i = 0; i < t->m->count; i++) {
        struct outcome *at = outcome_at(t, i);
        if (at->class == OUTCOME_NONE || at->class == OUTCOME_SENT) *at = *o;
    }
}

static void settle_lost(struct transaction *t, const char *where, const struct error *err) {
    char *why = arena_printf(t->m->arena, "%s: %s", where, err->text[0] != '\0' ? err->text : "connection lost");
    struct outcome o = outcome_make(OUTCOME_TEMPORARY, "4.4.2", why == NULL ? STR("connection lost") : str_from(why));
    t->c->dead = true;
    settle(t, &o);
}

static struct outcome outcome_from(struct transaction *t, enum smtp_stage stage, const struct smtp_reply *r) {
    struct outcome o;
    if (outcome_of_reply(t->m->arena, stage, r, t->c->config->retry_554, &o) != 0)
        return outcome_make(OUTCOME_TEMPORARY, "4.3.0", STR("out of memory"));
    return o;
}

/* One chunk, which is the last. */
static int whole_put(struct transaction *t) {
    BUF_AUTO front = BUF_INIT(COMMAND_MAX);
    char line[64];
    command_front(t->m->entry, &t->c->caps, &front);
    (void)snprintf(line, sizeof line, "BDAT %zu LAST\r\n", front.len + t->m->whole.len);
    int rc = client_put(t->c, str_from(line), false);
    if (rc == 0) rc = stream_put(t->c->stream, buf_str(&front));
    return rc != 0 ? rc : stream_put(t->c->stream, t->m->whole);
}

/* The commands up to the first recipient, or all of them. Recipients that cannot be said to this server are settled. */
static int commands_put(struct transaction *t, bool rset) {
    struct client *c = t->c;
    BUF_AUTO line = BUF_INIT(COMMAND_MAX);
    if (t->pipelined && rset) buf_adds(&line, "RSET\r\n");
    command_mail(t->m->entry, &c->caps, clock_wall_ms(), &line);
    int rc = client_put(c, buf_str(&line), false);
    for (size_t i = 0; rc == 0 && i < t->m->count; i++) {
        buf_clear(&line);
        rc = command_rcpt(t->m->entry, t->m->entry->recipients[t->m->recipients[i]], &c->caps, clock_wall_ms(), &line);
        if (rc == ERR_UNSUPPORTED) {
            t->unsayable[i] = true;
            *outcome_at(t, i) = outcome_make(OUTCOME_PERMANENT, "5.6.7",
                                             STR("The address is international, which the server "
                                                 "does not support."));
            rc = 0;
            continue;
        }
        t->sent_rcpts++;
        if (rc == 0 && t->pipelined) rc = client_put(c, buf_str(&line), false);
    }
    if (rc != 0 || !t->pipelined || t->sent_rcpts == 0) return rc;
    if (t->at_once) return whole_put(t);
    return t->binary ? 0 : client_put(c, STR("DATA\r\n"), false);
}

static int rcpt_put(struct transaction *t, size_t i) {
    BUF_AUTO line = BUF_INIT(COMMAND_MAX);
    int rc =
        command_rcpt(t->m->entry, t->m->entry->recipients[t->m->recipients[i]], &t->c->caps, clock_wall_ms(), &line);
    return rc != 0 ? rc : client_put(t->c, buf_str(&line), false);
}

/* True: MAIL and the recipients were answered (whatever the answers). */
static bool envelope(struct transaction *t) {
    struct smtp_reply r = {0};
    struct error err = {0};
    struct client *c = t->c;
    const struct client_config *config = c->config;
    bool rset = c->open_transaction;
    if (rset && !t->pipelined && client_command(c, STR("RSET\r\n"), config->mail_ms, &r, &err) != 0) goto lost_mail;
    c->open_transaction = true;
    if (commands_put(t, rset) != 0) {
        (void)error_set(&err, ERR_IO, "connection lost");
        goto lost_mail;
    }
    if (rset && t->pipelined && client_reply(c, config->mail_ms, &r, &err) != 0) goto lost_mail;
    if (client_reply(c, config->mail_ms, &r, &err) != 0) goto lost_mail;
    t->answered = true;
    struct outcome mail = outcome_from(t, STAGE_MAIL, &r);
    if (mail.class != OUTCOME_SENT) settle(t, &mail);
    if (mail.class != OUTCOME_SENT && !t->pipelined) return true;
    for (size_t i = 0; i < t->m->count; i++) {
        struct outcome *o = outcome_at(t, i);
        if (t->unsayable[i]) continue;
        if ((!t->pipelined && rcpt_put(t, i) != 0) || client_reply(c, config->rcpt_ms, &r, &err) != 0) {
            settle_lost(t, "after RCPT", &err);
            return false;
        }
        if (mail.class != OUTCOME_SENT) continue;
        *o = outcome_from(t, STAGE_RCPT, &r);
        t->accepted += o->class == OUTCOME_SENT;
    }
    return true;
lost_mail:
    settle_lost(t, "after MAIL", &err);
    return false;
}

/* Sends the body, dots stuffed, and the final dot. */
static int body_put(struct transaction *t, struct error *err) {
    struct smtp_encoder encoder;
    BUF_AUTO front = BUF_INIT(COMMAND_MAX);
    command_front(t->m->entry, &t->c->caps, &front);
    if (front.len > 0 && stream_put(t->c->stream, buf_str(&front)) != 0)
        return error_set(err, ERR_IO, "connection lost");
    smtp_encoder_init(&encoder);
    for (;;) {
        struct str piece = STR_EMPTY, span;
        int rc = t->m->body.next(t->m->body.arg, &piece, err);
        if (rc != 0) return rc;
        if (piece.len == 0) break;
        for (size_t used = 0; smtp_encoder_next(&encoder, piece, &used, &span);
             piece = str_sub(piece, used, piece.len)) {
            rc = stream_put(t->c->stream, span);
            if (rc != 0) return error_set(err, rc, "connection lost (%s)", err_name(rc));
        }
    }
    int rc = stream_put(t->c->stream, smtp_encoder_finish(&encoder));
    return rc == 0 ? 0 : error_set(err, rc, "connection lost (%s)", err_name(rc));
}

static void data_end(struct transaction *t) {
    struct smtp_reply r = {0};
    struct error err = {0};
    if (client_reply(t->c, t->c->config->end_ms, &r, &err) != 0) {
        settle_lost(t, "after the end of the message", &err);
        return;
    }
    struct outcome o = outcome_from(t, STAGE_END, &r);
    t->c->open_transaction = false;
    settle(t, &o);
}

/* The server goes on though it took no recipient: an empty message ends it (RFC 2920 section 3.1). */
static void data_nobody(struct transaction *t) {
    struct smtp_reply r = {0};
    if (client_command(t->c, STR(".\r\n"), t->c->config->end_ms, &r, NULL) != 0) t->c->dead = true;
}

static void data(struct transaction *t) {
    struct smtp_reply r = {0};
    struct error err = {0};
    if (!t->pipelined && t->accepted == 0) return;
    if (t->pipelined && t->sent_rcpts == 0) return;
    if (!t->pipelined && client_put(t->c, STR("DATA\r\n"), false) != 0) t->c->dead = true;
    if (client_reply(t->c, t->c->config->data_ms, &r, &err) != 0) {
        settle_lost(t, "after DATA", &err);
        return;
    }
    if (r.code != 354) {
        struct outcome o = outcome_from(t, STAGE_DATA, &r);
        settle(t, &o);
        t->c->dead |= r.code < 400; /* the server is out of step */
        return;
    }
    if (t->accepted == 0) {
        data_nobody(t);
        return;
    }
    if (body_put(t, &err) != 0) {
        settle_lost(t, "while sending the message", &err);
        return;
    }
    data_end(t);
}

static int chunk_put(struct transaction *t, struct str piece, bool last) {
    char line[64];
    (void)snprintf(line, sizeof line, "BDAT %zu%s\r\n", piece.len, last ? " LAST" : "");
    int rc = client_put(t->c, str_from(line), false);
    return rc != 0 ? rc : stream_put(t->c->stream, piece);
}

/* The answer to a chunk that is not the last; false: the message is settled. */
static bool chunk_taken(struct transaction *t, int rc, struct error *err) {
    struct smtp_reply r = {0};
    if (rc == 0) rc = client_reply(t->c, t->c->config->data_ms, &r, err);
    if (rc != 0) {
        settle_lost(t, "while sending the message", err);
        return false;
    }
    if (r.code / 100 == 2) return true;
    struct outcome o = outcome_from(t, STAGE_DATA, &r);
    settle(t, &o);
    return false;
}

/* RFC 3030: chunk by chunk, each answered. */
static void chunks(struct transaction *t) {
    struct error err = {0};
    BUF_AUTO front = BUF_INIT(COMMAND_MAX);
    if (t->accepted == 0) return;
    command_front(t->m->entry, &t->c->caps, &front);
    if (front.len > 0 && !chunk_taken(t, chunk_put(t, buf_str(&front), false), &err)) return;
    for (;;) {
        struct str piece = STR_EMPTY;
        int rc = t->m->body.next(t->m->body.arg, &piece, &err);
        bool last = rc == 0 && piece.len == 0;
        if (rc == 0) rc = chunk_put(t, piece, last);
        if (rc == 0 && last) {
            data_end(t);
            return;
        }
        if (!chunk_taken(t, rc, &err)) return;
    }
}

/* The answer to the message that went with its commands. After a chunk that failed the server's state is not known (RFC
 * 3030 section 2): RSET is due. */
static void whole_end(struct transaction *t) {
    struct smtp_reply r = {0};
    struct error err = {0};
    if (t->sent_rcpts == 0) return;
    if (client_reply(t->c, t->c->config->end_ms, &r, &err) != 0) {
        settle_lost(t, "after the end of the message", &err);
        return;
    }
    if (t->accepted == 0) return; /* the recipients have their answers, this one means nothing */
    struct outcome o = outcome_from(t, STAGE_END, &r);
    t->c->open_transaction = o.class != OUTCOME_SENT;
    settle(t, &o);
}

bool client_send(struct client *c, const struct client_message *m) {
    struct transaction t = {.c = c, .m = m, .pipelined = c->caps.pipelining, .binary = m->entry->body_binary};
    struct send_options options = {
        .now_ms = clock_wall_ms(),
        .eightbit_anyway = c->config->eightbit_anyway,
        .tls_verified = c->trusted,
        .utf8_header = m->utf8_header,
    };
    (void)snprintf(c->trace, sizeof c->trace, "%s", m->entry->trace);
    t.at_once = t.pipelined && c->caps.chunking && m->whole.len > 0 && (t.binary || c->config->chunking);
    t.unsayable = arena_alloc(m->arena, m->count * sizeof(bool) + 1);
    for (size_t i = 0; i < m->count; i++) *outcome_at(&t, i) = outcome_make(OUTCOME_NONE, "", STR_EMPTY);
    struct outcome check = t.unsayable == NULL ? outcome_make(OUTCOME_TEMPORARY, "4.3.0", STR("out of memory"))
                                               : command_check(m->entry, &c->caps, &options);
    if (t.unsayable == NULL || check.class != OUTCOME_NONE) {
        settle(&t, &check);
        return true;
    }
    c->messages++;
    if (envelope(&t)) {
        if (t.at_once)
            whole_end(&t);
        else if (t.binary)
            chunks(&t);
        else
            data(&t);
    }
    return t.answered;
}
