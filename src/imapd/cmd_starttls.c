/* STARTTLS (RFC 9051 section 6.2.1). What the client sent behind the command in plain text is thrown away: an attacker
 * could have put it there. */
#include "imapd/command.h"

#include "base/log.h"
#include "net/loop.h"

enum { HANDSHAKE_MS = 30 * 1000 };

int cmd_starttls(struct cmd *c) {
    struct session *s = c->s;
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    if (stream_is_tls(s->stream)) return cmd_bad(c, "TLS is active already");
    if (s->imapd->config.tls == NULL) return cmd_bad(c, "TLS is not available");
    (void)cmd_ok(c, NULL, "Begin TLS negotiation now");
    (void)stream_discard_input(s->stream);
    if (stream_flush(s->stream) != 0) return 0;
    (void)stream_discard_input(s->stream);
    struct error err = {0};
    if (tls_accept(s->stream, s->imapd->config.tls, loop_now_ms() + HANDSHAKE_MS, &err) != 0) {
        log_event(LOG_INFO, s->id, "tls_failed", "error=\"%s\"", err.text);
        s->closing = true;
    }
    return 0;
}
