/* DELE, RSET and QUIT (RFC 1939 sections 5 and 6). Marks live in memory: only QUIT removes, and its +OK comes when that
 * is durable. A connection that is lost removes nothing, and what a QUIT removed stays removed (LIM-54). */
#include "base/clock.h"
#include "base/log.h"
#include "pop3d/session.h"

int cmd_dele(struct session *s, const struct pop3_command *c) {
    size_t index;
    if (maildrop_find(&s->drop, c->number, &index) != 0) return session_err(s, NULL, "No such message");
    maildrop_mark(&s->drop, index);
    return session_ok(s, "Marked for deletion");
}

int cmd_rset(struct session *s, const struct pop3_command *c) {
    (void)c;
    maildrop_unmark_all(&s->drop);
    return session_ok(s, "%zu messages (%llu octets)", s->drop.live, (unsigned long long)s->drop.live_bytes);
}

int cmd_quit(struct session *s, const struct pop3_command *c) {
    (void)c;
    int rc;
    const struct pop3d_config *conf = &s->pop3d->config;
    if (s->state == STATE_TRANSACTION && conf->expires)
        maildrop_mark_expired(&s->drop, conf->expire_days, clock_wall_s());
    size_t marked = s->drop.count - s->drop.live;
    struct error err = {0};
    if (s->state == STATE_TRANSACTION && (rc = maildrop_expunge(&s->drop, &err)) != 0) {
        log_event(LOG_WARNING, s->id, "expunge-failed", "user=%s reason=%s text=\"%s\"", s->address, err_name(rc),
                  err.text);
        rc = session_err(s, "SYS/TEMP", "Some messages that were marked are not removed");
    } else {
        s->deleted = marked;
        s->pop3d->count.deleted += marked;
        rc = session_ok(s, "Bye");
    }
    return rc == 0 ? SESSION_END : rc;
}
