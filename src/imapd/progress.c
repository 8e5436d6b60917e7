#include "imapd/progress.h"

#include "imapd/session.h"
#include "net/loop.h"
#include "proto/imap/args.h"
#include "proto/imap/write.h"

void progress_tell(struct progress *p, struct session *s, size_t done, size_t goal) {
    uint64_t now = loop_now_ms();
    if (p->next_ms == 0) p->next_ms = now + s->imapd->config.progress_ms;
    if (now < p->next_ms || s->tag.len == 0 || s->imapd->config.progress_ms == 0) return;
    p->next_ms = now + s->imapd->config.progress_ms;
    BUF_AUTO tag = BUF_INIT(2 * IMAP_TAG_MAX + 2);
    if (str_find(s->tag, ']') == STR_NPOS)
        imap_write_string(&tag, s->tag, false);
    else
        buf_adds(&tag, "NIL"); /* it would end the response code: RFC 9585 section 4 */
    session_printf(s, "* OK [INPROGRESS (%s %zu %zu)] Still at it\r\n", buf_cstr(&tag), done, goal);
    (void)!stream_flush(s->stream);
}
