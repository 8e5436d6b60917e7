/* DATA: RFC 5321 section 4.1.1.4. The data is read to its end whatever happens to it. */
#include "net/loop.h"
#include "proto/smtp/data.h"
#include "smtpd/commands.h"
#include "smtpd/submit.h"

/* Gives the decoded data to the body; 0 at the end of data. */
static int receive(struct session *s, struct smtp_decoder *dec) {
    uint64_t begin = loop_now_ms(), got = 0;
    for (;;) {
        struct str in = stream_peek(s->stream), rest = in;
        enum smtp_data_event event = SMTP_DATA_SPAN;
        while (event == SMTP_DATA_SPAN) {
            size_t used;
            struct str span;
            event = smtp_decoder_next(dec, rest, &used, &span);
            body_add(s->tx.body, span);
            rest = str_sub(rest, used, rest.len);
        }
        got += in.len - rest.len;
        stream_consume(s->stream, in.len - rest.len);
        if (event == SMTP_DATA_END) return 0;
        int rc = stream_fill(s->stream, submit_data_deadline(s, begin, got));
        if (rc < 0) return rc;
    }
}

int cmd_data(struct session *s, struct smtp_command *c) {
    (void)c;
    struct smtp_decoder dec;
    if (!s->tx.open) return session_error(s, 503, "5.5.1", "MAIL first");
    if (s->tx.chunked) return session_error(s, 503, "5.5.1", "BDAT was begun");
    if (s->tx.body_type == SMTP_BODY_BINARYMIME) return session_error(s, 503, "5.5.1", "BINARYMIME needs BDAT");
    if (s->tx.count == 0) return submit_no_recipients(s);
    int rc = submit_begin(s);
    if (rc < 0) return session_reply(s, 451, "4.3.0", "Out of memory");
    rc = session_reply(s, 354, NULL, "Send the message, end it with CRLF dot CRLF");
    if (rc < 0) return rc;
    smtp_decoder_init_data(&dec, s->d->set.fix_bare_newline);
    rc = receive(s, &dec);
    if (rc < 0) return submit_interrupted(s, rc);
    return submit_finish(s, dec.bare, true);
}
