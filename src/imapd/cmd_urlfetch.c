/* URLFETCH (RFC 4467 section 7): what authorized URLs mean. One that may not be used, or means nothing, gives NIL. */
#include "imapd/command.h"
#include "imapd/fetch.h"
#include "imapd/locate.h"
#include "imapd/urlauth.h"
#include "proto/imap/write.h"

enum { LABEL_BYTES = 2 * IMAP_URL_MAX + 32 };

static int fetch_url(struct session *s, struct str text) {
    struct imap_url url;
    struct located l = {.open = false};
    BUF_AUTO label = BUF_INIT(LABEL_BYTES);
    buf_adds(&label, "* URLFETCH ");
    imap_write_string(&label, text, false);
    if (label.error != 0) return label.error;
    int err = imap_url_parse(text, session_arena(s), &url);
    bool fields = url.section.section == IMAP_SECTION_FIELDS || url.section.section == IMAP_SECTION_FIELDS_NOT;
    if (err == 0) err = urlauth_check(s, &url);
    if (err == 0) err = fields ? ERR_NOTFOUND : locate_url(s, &url, &l);
    if (err == 0) {
        err = fetch_write_span(s, buf_str(&label), &l.content, l.at);
    } else {
        session_put(s, buf_str(&label));
        session_puts(s, " NIL");
    }
    session_puts(s, "\r\n");
    located_done(&l);
    return err == ERR_NOTFOUND || err == ERR_DENIED || err == ERR_INVALID ? 0 : err;
}

int cmd_urlfetch(struct cmd *c) {
    struct imap_args *a = c->args;
    struct str text;
    unsigned count = 0;
    int err = 0;
    for (; err == 0 && imap_args_space(a); count++) {
        if (!imap_args_astring(a, &text)) return cmd_bad_args(c);
        err = fetch_url(c->s, text);
        if (stream_error(c->s->stream) != 0 || c->s->closing) return 0;
    }
    if (err != 0) return cmd_fail(c, err, NULL);
    return count == 0 || !imap_args_end(a) ? cmd_bad_args(c) : cmd_done(c);
}
