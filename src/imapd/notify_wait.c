/* What NOTIFY tells while no command runs. */
#include "imapd/notify.h"
#include "imapd/sync.h"

static int tell_all(struct session *s) {
    int err = 0;
    if (s->view != NULL) err = sync_view(s, notify_at_once(s->notify) ? SYNC_EXPUNGE : 0);
    return err == 0 && !s->closing ? notify_tell(s) : err;
}

int notify_wait(struct session *s) {
    uint64_t deadline = session_deadline(s);
    while (stream_peek(s->stream).len == 0) {
        int err = 0;
        bool failed = false;
        while (!failed && notify_has_news(s)) {
            failed = tell_all(s) != 0;
            if (s->closing) return 0;
            err = stream_flush(s->stream);
            if (err != 0) return err;
        }
        arena_free(s->arena);
        s->arena = NULL;
        if (imap_reader_idle(&s->reader)) imap_reader_done(&s->reader);
        view_release_memory(s->view);
        fiber_trim_stack();
        err = stream_flush(s->stream);
        if (err != 0) return err;
        if (!failed && notify_has_news(s)) continue;
        err = stream_wait_input(s->stream, &s->changed, deadline);
        if (err == 0) err = stream_fill(s->stream, deadline);
        if (err != 0 && err != ERR_AGAIN) return err;
    }
    return 0;
}
