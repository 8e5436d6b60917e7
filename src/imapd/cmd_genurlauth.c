/* GENURLAUTH (RFC 4467 section 7): tokens for URLs of messages of the user. */
#include "imapd/command.h"
#include "imapd/urlauth.h"
#include "proto/imap/write.h"

enum { LINE_BYTES = 1024 * 1024, WHOLE_MAX = IMAP_URL_MAX + URL_TOKEN_MAX + 16 };

/* The client names the URL without token; what is wrong with it, or NULL with the whole URL in `out`. */
static const char *authorize(struct session *s, struct str text, struct buf *out, int *err) {
    struct imap_url url;
    char token[URL_TOKEN_MAX];
    *err = imap_url_parse(text, session_arena(s), &url);
    if (*err != 0 || url.token.len > 0) return "The URL is malformed";
    if (!urlauth_is_own(s, &url)) return "The URL names no message of yours, or nobody who may have it";
    *err = urlauth_token(s, &url, true, token);
    if (*err != 0) return *err == ERR_NOTFOUND ? "There is no such mailbox" : "The key cannot be read now";
    buf_add(out, text);
    buf_adds(out, ":internal:");
    buf_adds(out, token);
    *err = out->error;
    return *err != 0 ? "The URL is too long" : NULL;
}

int cmd_genurlauth(struct cmd *c) {
    struct imap_args *a = c->args;
    BUF_AUTO line = BUF_INIT(LINE_BYTES);
    unsigned count = 0;
    buf_adds(&line, "* GENURLAUTH");
    for (; imap_args_space(a); count++) {
        struct str text, mechanism;
        BUF_AUTO whole = BUF_INIT(WHOLE_MAX);
        int err = 0;
        if (!imap_args_astring(a, &text) || !imap_args_space(a) || !imap_args_atom(a, &mechanism))
            return cmd_bad_args(c);
        if (!str_eq_nocase(mechanism, STR("INTERNAL"))) return cmd_bad(c, "Unknown mechanism");
        const char *fault = authorize(c->s, text, &whole, &err);
        if (fault != NULL) return err == ERR_INVALID ? cmd_bad(c, fault) : cmd_no(c, "CANNOT", fault);
        buf_addc(&line, ' ');
        imap_write_string(&line, buf_str(&whole), false);
    }
    if (count == 0 || !imap_args_end(a)) return cmd_bad_args(c);
    if (line.error != 0) return cmd_fail(c, ERR_LIMIT, NULL);
    buf_adds(&line, "\r\n");
    session_put(c->s, buf_str(&line));
    return cmd_done(c);
}
