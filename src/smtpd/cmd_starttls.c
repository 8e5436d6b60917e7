/* STARTTLS: RFC 3207. What was sent in plain text before the handshake, or together with the command, is forgotten. */
#include "base/log.h"
#include "smtpd/commands.h"

int cmd_starttls(struct session *s, struct smtp_command *c) {
    (void)c;
    struct error err = {0};
    if (stream_is_tls(s->stream)) return session_error(s, 503, "5.5.1", "TLS is active already");
    if (s->d->tls == NULL) return session_error(s, 502, "5.5.1", "Command not implemented");
    if (s->tx.open) return session_error(s, 503, "5.5.1", "Not within a transaction");
    int rc = session_reply(s, 220, "2.0.0", "Ready to start TLS");
    if (rc == 0) rc = stream_flush(s->stream);
    if (rc < 0) return rc;
    size_t injected = stream_discard_input(s->stream);
    if (injected > 0) log_event(LOG_WARNING, s->id, "starttls_injection", "peer=%s bytes=%zu", s->peer, injected);
    rc = tls_accept(s->stream, s->d->tls, session_deadline(s), &err);
    if (rc < 0) {
        log_event(LOG_INFO, s->id, "tls_failed", "peer=%s reason=\"%s\"", s->peer, err.text);
        return rc;
    }
    s->d->count.tls++;
    s->lines = (struct smtp_lines){0};
    session_reset(s);
    return 0;
}
