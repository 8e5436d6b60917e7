/* CAPA (RFC 2449), NOOP, UTF8 and LANG (RFC 6856). */
#include "daemon/auth.h"
#include "pop3d/session.h"

enum { CAPABILITIES_MAX = 1024 };

int cmd_capa(struct session *s, const struct pop3_command *c) {
    (void)c;
    bool plaintext = session_plaintext_ok(s), before_login = s->state == STATE_AUTHORIZATION;
    BUF_AUTO text = BUF_INIT(CAPABILITIES_MAX);
    buf_adds(&text, "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                    "UTF8 USER\r\nLANG\r\n");
    const struct pop3d_config *conf = &s->pop3d->config;
    if (conf->expires) /* RFC 2449 section 6.7 */
        buf_printf(&text, "EXPIRE %u\r\n", conf->expire_days);
    else
        buf_adds(&text, "EXPIRE NEVER\r\n");
    if (conf->login_delay_s > 0) buf_printf(&text, "LOGIN-DELAY %llu\r\n", (unsigned long long)conf->login_delay_s);
    /* RFC 2449 section 5: in both states, though they are of use in one; STLS alone is not (RFC 2595 section 8). */
    const char *mechanisms = auth_mechanisms(s->stream, plaintext);
    if (plaintext) buf_adds(&text, "USER\r\n");
    if (mechanisms[0] != '\0') buf_printf(&text, "SASL %s\r\n", mechanisms);
    if (before_login && s->pop3d->config.tls != NULL && !stream_is_tls(s->stream)) buf_adds(&text, "STLS\r\n");
    /* RFC 2449 section 6.9 lets the version be known to those who logged in. */
    buf_adds(&text, before_login ? "IMPLEMENTATION IEMS\r\n.\r\n" : "IMPLEMENTATION IEMS-" IEMS_VERSION "\r\n.\r\n");
    return stream_put(s->stream, buf_str(&text));
}

int cmd_noop(struct session *s, const struct pop3_command *c) {
    (void)c;
    return session_ok(s, "Nothing done");
}

/* Messages are given as they are in either case (docs/design/violations.md), so nothing but the answer changes. */
int cmd_utf8(struct session *s, const struct pop3_command *c) {
    (void)c;
    s->utf8 = true;
    return session_ok(s, "UTF8 enabled");
}

int cmd_lang(struct session *s, const struct pop3_command *c) {
    if (!c->has_text) {
        return stream_put(s->stream, STR("+OK Languages follow\r\ni-default Default language\r\nen English\r\n.\r\n"));
    }
    struct str tag = str_trim(c->text);
    if (str_eq(tag, STR("*")) || str_eq_nocase(tag, STR("i-default")))
        return session_ok(s, "i-default Default language");
    if (str_eq_nocase(tag, STR("en")) || str_starts_nocase(tag, STR("en-"))) return session_ok(s, "en English");
    return session_err(s, NULL, "Language is not known here");
}
