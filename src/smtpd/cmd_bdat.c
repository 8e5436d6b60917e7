/* BDAT: RFC 3030 section 2. A chunk is read to its end before it is answered, whether it is wanted or not. */
#include "net/loop.h"
#include "proto/smtp/data.h"
#include "smtpd/commands.h"
#include "smtpd/refusals.h"
#include "smtpd/submit.h"

static int receive(struct session *s, uint64_t left) {
    uint64_t begin = loop_now_ms(), got = 0;
    while (left > 0) {
        struct str in = stream_peek(s->stream);
        if (in.len > left) in.len = (size_t)left;
        submit_take(s, in);
        stream_consume(s->stream, in.len);
        left -= in.len;
        got += in.len;
        if (left == 0) break;
        int rc = stream_fill(s->stream, submit_data_deadline(s, begin, got));
        if (rc < 0) return rc;
    }
    return 0;
}

/* RFC 2033 section 4.3: one answer a recipient, so none without recipients. */
static int no_recipients(struct session *s, const struct smtp_command *c) {
    if (!s->service->lmtp || !c->last) return submit_no_recipients(s);
    refusals_tell(s);
    return 0;
}

int cmd_bdat(struct session *s, struct smtp_command *c) {
    struct transaction *t = &s->tx;
    if (!s->d->set.ext.chunking) { /* the chunk is behind the command and would be taken for commands */
        int rc = session_error(s, 502, "5.5.1", "Command not implemented");
        return rc < 0 ? rc : session_end(s);
    }
    bool wanted = t->open && t->count > 0;
    if (wanted && !t->chunked) {
        smtp_decoder_init_bdat(&t->decoder, s->d->set.fix_bare_newline);
        wanted = submit_begin(s) == 0;
    }
    int rc = receive(s, c->chunk);
    if (rc < 0) return submit_interrupted(s, rc);
    if (!t->open) return session_error(s, 503, "5.5.1", "MAIL first");
    if (t->count == 0) return no_recipients(s, c);
    if (!wanted) return session_reply(s, 451, "4.3.0", "Out of memory");
    t->chunked = true;
    if (!c->last && !body_failed(t->body))
        return session_reply(s, 250, "2.0.0", "%llu bytes received", (unsigned long long)c->chunk);
    if (t->body_type != SMTP_BODY_BINARYMIME) body_add(t->body, smtp_decoder_finish(&t->decoder));
    return submit_finish(s, t->decoder.bare, c->last);
}
