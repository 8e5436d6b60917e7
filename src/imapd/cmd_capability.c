/* CAPABILITY and the greeting (RFC 9051 sections 6.1.1 and 7.1). */
#include "imapd/capability.h"
#include "imapd/command.h"

#include "daemon/auth.h"
#include "imapd/limit.h"
#include "net/deflate.h"

enum { CAPABILITY_MAX = 2048 };

static const char *const always[] = {"IMAP4rev2", "IMAP4rev1", "SASL-IR", "LITERAL+", "ID", "ENABLE"};
static const char *const when_logged_in[] = {
    "IDLE",
    "NAMESPACE",
    "UIDPLUS",
    "MOVE",
    "UNSELECT",
    "CHILDREN",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "MULTIAPPEND",
    "CATENATE",
    "REPLACE",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "CONTEXT=SEARCH",
    "CONTEXT=SORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "THREAD=REFS",
    "SEARCH=FUZZY",
    "MULTISEARCH",
    "METADATA",
    "NOTIFY",
    "LIST-METADATA",
    "FILTERS",
    "UIDONLY",
    "UIDBATCHES",
    "URLAUTH",
    "I18NLEVEL=1",
    "INPROGRESS",
    "LANGUAGE",
    "PARTIAL",
    "OBJECTID",
    "PREVIEW",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "CONDSTORE",
    "QRESYNC",
    "BINARY",
    "SAVEDATE",
    "ACL",
    "RIGHTS=texk",
    "LIST-MYRIGHTS",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "UTF8=ACCEPT",
};

bool capability_plaintext(const struct session *s) {
    return stream_is_tls(s->stream) || imapd_plaintext_allowed(s->imapd, stream_peer(s->stream));
}

void capability_write(const struct session *s, struct buf *out) {
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) buf_printf(out, "%s%s", i == 0 ? "" : " ", always[i]);
    if (s->state == STATE_NOT_AUTHENTICATED) {
        bool plaintext = capability_plaintext(s);
        if (s->imapd->config.tls != NULL && !stream_is_tls(s->stream)) buf_adds(out, " STARTTLS");
        if (!plaintext) buf_adds(out, " LOGINDISABLED");
        if (s->imapd->config.referrals) buf_adds(out, " LOGIN-REFERRALS"); /* RFC 2221 section 3 */
        struct str list = str_from(auth_mechanisms(s->stream, plaintext));
        for (struct str m = str_word(&list); m.len > 0; m = str_word(&list)) buf_printf(out, " AUTH=%.*s", STR_ARG(m));
        return;
    }
    for (size_t i = 0; i < sizeof when_logged_in / sizeof *when_logged_in; i++)
        buf_printf(out, " %s", when_logged_in[i]);
    if (!stream_is_deflated(s->stream)) buf_adds(out, " COMPRESS=DEFLATE UNAUTHENTICATE");
    limit_capability(s, out);
    buf_printf(out, " APPENDLIMIT=%llu", (unsigned long long)s->imapd->config.append_limit);
}

void session_greet(struct session *s) {
    BUF_AUTO b = BUF_INIT(CAPABILITY_MAX);
    buf_adds(&b, "* OK [CAPABILITY ");
    capability_write(s, &b);
    buf_printf(&b, "] %s IMAP server ready\r\n", s->imapd->config.hostname);
    session_put(s, buf_str(&b));
}

int cmd_capability(struct cmd *c) {
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    BUF_AUTO b = BUF_INIT(CAPABILITY_MAX);
    buf_adds(&b, "* CAPABILITY ");
    capability_write(c->s, &b);
    buf_adds(&b, "\r\n");
    session_put(c->s, buf_str(&b));
    return cmd_done(c);
}
