/* UIDBATCHES (RFC 10022): ranges of UIDs that cut the mailbox into batches of equal size, the newest first. A batch
 * begins at the UID of its oldest message, and the oldest batch at 1, so that the ranges leave no gap. */
#include "imapd/command.h"
#include "imapd/view.h"
#include "proto/imap/write.h"

enum {
    BATCH_MIN = 500,   /* RFC 10022: no server may ask for more, none needs to take less */
    SPAN_MAX = 100000, /* messages that a range of batches may span */
    LINE_MAX_BYTES = 16 * 1024 * 1024,
};

struct batches {
    uint32_t size, first, last; /* batches counted from 1, the newest */
};

static bool take_args(struct imap_args *a, struct batches *b) {
    if (!imap_args_space(a) || !imap_args_number(a, &b->size) || b->size == 0) return false;
    b->first = 1;
    b->last = UINT32_MAX;
    if (!imap_args_space(a)) return imap_args_end(a);
    return imap_args_number(a, &b->first) && imap_args_char(a, ':') && imap_args_number(a, &b->last) &&
           imap_args_end(a) && b->first > 0 && b->last > 0;
}

static void tell(struct session *s, const struct batches *b, struct buf *line) {
    struct imap_runs *uids = &s->view->uids;
    uint64_t total = imap_runs_total(uids);
    const char *separator = " ";
    for (uint64_t n = b->first; n <= b->last; n++) {
        if ((n - 1) * b->size >= total) break;
        uint64_t newest = total - (n - 1) * b->size;
        uint32_t high = imap_runs_last(uids);
        if (n > 1) high = imap_runs_at(uids, (uint32_t)newest + 1) - 1;
        uint32_t low = newest <= b->size ? 1 : imap_runs_at(uids, (uint32_t)(newest - b->size) + 1);
        buf_adds(line, separator);
        buf_addu(line, high);
        buf_addc(line, ':');
        buf_addu(line, low);
        separator = ",";
    }
}

int cmd_uidbatches(struct cmd *c) {
    struct batches b = {0};
    BUF_AUTO line = BUF_INIT(LINE_MAX_BYTES);
    if (!take_args(c->args, &b)) return cmd_bad_args(c);
    if (b.first > b.last) return cmd_bad(c, "[CLIENTBUG] The range of batches is reversed");
    if (b.size < BATCH_MIN) return cmd_no(c, "TOOFEW", "Batches have at least 500 messages");
    bool ranged = b.last != UINT32_MAX;
    if (ranged && ((uint64_t)b.last - b.first + 1) > 1 && ((uint64_t)b.last - b.first + 1) * b.size > SPAN_MAX)
        return cmd_no(c, "TOOMANY", "The range of batches may span 100000 messages");
    buf_adds(&line, "* UIDBATCHES (TAG ");
    imap_write_string(&line, c->tag, false);
    buf_addc(&line, ')');
    tell(c->s, &b, &line);
    buf_adds(&line, "\r\n");
    if (line.error != 0) return cmd_fail(c, ERR_LIMIT, NULL);
    session_put(c->s, buf_str(&line));
    return cmd_done(c);
}
