#include "imapd/progress.h"

#include "imapd/session.h"
#include "net/loop.h"
#include "proto/imap/args.h"
#include "proto/imap/write.h"

#include <stdio.h>

enum { HOW_FAR_BYTES = 48 };

static bool is_due(struct progress *p, const struct session *s) {
    uint64_t now = loop_now_ms();
    if (p->next_ms == 0) p->next_ms = now + s->imapd->config.progress_ms;
    if (now < p->next_ms || s->tag.len == 0 || s->imapd->config.progress_ms == 0) return false;
    p->next_ms = now + s->imapd->config.progress_ms;
    return true;
}

static void tell(struct session *s, const char *how_far) {
    BUF_AUTO tag = BUF_INIT(2 * IMAP_TAG_MAX + 2);
    if (str_find(s->tag, ']') == STR_NPOS)
        imap_write_string(&tag, s->tag, false);
    else
        buf_adds(&tag, "NIL"); /* it would end the response code: RFC 9585 section 4 */
    session_printf(s, "* OK [INPROGRESS (%s %s)] Still at it\r\n", buf_cstr(&tag), how_far);
    (void)!stream_flush(s->stream);
}

void progress_tell(struct progress *p, struct session *s, size_t done, size_t goal) {
    char how_far[HOW_FAR_BYTES];
    if (!is_due(p, s)) return;
    (void)snprintf(how_far, sizeof how_far, "%zu %zu", done, goal);
    tell(s, how_far);
}

void progress_tell_unknown(struct progress *p, struct session *s) {
    if (is_due(p, s)) tell(s, "NIL NIL");
}
