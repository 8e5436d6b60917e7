/* UNAUTHENTICATE (RFC 8437): back to the state before login; TLS stays. It is not offered while DEFLATE is active,
 * which would have to end with it. */
#include "imapd/command.h"
#include "imapd/store_call.h"

#include "base/log.h"
#include "net/deflate.h"

int cmd_unauthenticate(struct cmd *c) {
    struct session *s = c->s;
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    if (stream_is_deflated(s->stream)) return cmd_bad(c, "UNAUTHENTICATE is not available with COMPRESS");
    session_store_close(s);
    log_event(LOG_INFO, s->id, "unauthenticated", "user=%s", s->address);
    session_logout(s);
    return cmd_done(c);
}
