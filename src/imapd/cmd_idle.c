/* IDLE (RFC 2177): news as they come. What the command used is freed before the wait. */
#include "imapd/command.h"
#include "imapd/notify.h"
#include "imapd/sync.h"

enum { DONE_MAX = 64, TAG_BYTES = IMAP_TAG_MAX + 1 };

static bool has_news(const struct session *s) {
    if (s->notify != NULL) return notify_has_news(s);
    return s->view != NULL && (view_is_stale(s->view) || s->store_generation != s->imapd->store_generation);
}

/* News until the client sends something. After a failure of the store the next signal tries again. */
static int wait_for_client(struct session *s) {
    uint64_t deadline = session_deadline(s);
    int err = 0, sync = 0;
    do {
        while (has_news(s) && sync == 0) {
            if (s->view != NULL) sync = sync_view(s, SYNC_EXPUNGE);
            if (sync == 0 && s->notify != NULL && !s->closing) sync = notify_tell(s);
            if (s->closing) return ERR_CLOSED;
            err = stream_flush(s->stream);
            if (err != 0) return err;
        }
        sync = 0;
        arena_free(s->arena);
        s->arena = NULL;
        view_release_memory(s->view);
        fiber_trim_stack();
        err = stream_wait_input(s->stream, &s->changed, deadline);
    } while (err == ERR_AGAIN);
    return err;
}

int cmd_idle(struct cmd *c) {
    struct session *s = c->s;
    char tag[TAG_BYTES];
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    IEMS_ASSERT(str_to_cstr(c->tag, tag, sizeof tag) == 0);
    c->tag = str_from(tag);
    c->args->arena = NULL;
    imap_reader_done(&s->reader);
    arena_free(s->arena);
    s->arena = NULL;
    if (s->view != NULL) (void)sync_view(s, SYNC_ASK | SYNC_EXPUNGE);
    session_puts(s, "+ idling\r\n");
    if (stream_flush(s->stream) != 0 || wait_for_client(s) != 0)
        return 0; /* the session ends: the same failure shows at its next read */
    BUF_AUTO line = BUF_INIT(DONE_MAX);
    int err = session_read_line(s, &line, session_deadline(s));
    if (err != 0 && err != ERR_LIMIT) return 0;
    if (!str_eq_nocase(buf_str(&line), STR("DONE"))) return cmd_bad(c, "Expected DONE");
    return cmd_done(c);
}
