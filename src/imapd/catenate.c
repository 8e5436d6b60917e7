/* CATENATE (RFC 4469, RFC 6855 section 4): a message put together of texts and of parts of other messages. */
#include "imapd/append.h"
#include "imapd/locate.h"
#include "proto/imap/write.h"

enum { PIECE = 256 * 1024, PARTS_MAX = 1000, CODE_MAX = IMAP_URL_MAX + 64 };

static bool bad_url(struct append *x, struct str url) {
    BUF_AUTO code = BUF_INIT(CODE_MAX);
    buf_adds(&code, "BADURL ");
    imap_write_string(&code, url, false);
    if (code.error != 0 || str_find(buf_str(&code), '\n') != STR_NPOS)
        return append_refuse(x, "BADURL \"\"", "The URL cannot be used");
    return append_refuse(x, arena_cstr(session_arena(x->s), buf_str(&code)), "The URL cannot be used");
}

static int copy_part(struct append *x, struct located *l, struct incoming *m) {
    RPC_REPLY_AUTO hold = {0};
    uint64_t limit = x->s->imapd->config.append_limit;
    if (l->at.length > limit || m->size > limit - l->at.length) return ERR_LIMIT;
    while (l->at.length > 0 && m->err == 0) {
        struct str piece;
        int err = content_piece(&l->content, &l->at, PIECE, &hold, &piece);
        if (err != 0) return err;
        incoming_feed(m, piece);
    }
    return 0;
}

static bool add_url(struct append *x, struct incoming *m, struct str text) {
    struct imap_url url;
    struct located l;
    if (imap_url_parse(text, session_arena(x->s), &url) != 0 || url.absolute || url.has_access) return bad_url(x, text);
    bool fields = url.section.section == IMAP_SECTION_FIELDS || url.section.section == IMAP_SECTION_FIELDS_NOT;
    int err = fields ? ERR_NOTFOUND : locate_url(x->s, &url, &l);
    if (err == ERR_NOTFOUND) return bad_url(x, text);
    if (err != 0) return append_fail(x, err, NULL);
    err = copy_part(x, &l, m);
    located_done(&l);
    if (err == ERR_LIMIT) return append_refuse(x, "TOOBIG", "The message is larger than this server takes");
    if (err == ERR_NOTFOUND) return bad_url(x, text);
    return err == 0 || append_fail(x, err, NULL);
}

/* "URL" SP astring: as a literal it comes like a message. */
static bool take_url(struct append *x, struct incoming *m) {
    struct str text;
    BUF_AUTO literal = BUF_INIT(IMAP_URL_MAX);
    if (!imap_args_space(&x->args)) return append_syntax(x);
    if (imap_args_astring(&x->args, &text)) return add_url(x, m, text);
    if (!append_read_literal(x, NULL, &literal)) return false;
    text = arena_str(session_arena(x->s), buf_str(&literal));
    return text.ptr != NULL ? add_url(x, m, text) : append_fail(x, ERR_NOMEM, NULL);
}

bool append_catenate(struct append *x, struct incoming *m) {
    unsigned parts = 0;
    if (!imap_args_char(&x->args, '(')) return append_syntax(x);
    if (!append_check_mailbox(x)) return false;
    do {
        if (++parts > PARTS_MAX) return append_refuse(x, "LIMIT", "Too many parts");
        if (imap_args_word(&x->args, "TEXT")) {
            if (!imap_args_space(&x->args)) return append_syntax(x);
            if (!append_read_literal(x, m, NULL)) return false;
        } else if (imap_args_word(&x->args, "UTF8")) {
            if (!append_utf8(x, m)) return false;
        } else if (imap_args_word(&x->args, "URL")) {
            if (!take_url(x, m)) return false;
        } else {
            return append_syntax(x);
        }
    } while (imap_args_space(&x->args));
    return imap_args_char(&x->args, ')') || append_syntax(x);
}
