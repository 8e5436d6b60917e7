/* AUTHENTICATE (RFC 9051 section 6.2.2, RFC 4959 initial response). */
#include "imapd/capability.h"
#include "imapd/command.h"
#include "imapd/login.h"

enum { RESPONSE_MAX = 16 * 1024, MECHANISM_MAX = 40, WIPE_MAX = 4096 };

/* auth_io.challenge: "+ base64", then a line of base64 or "*". */
static int challenge(void *arg, struct str text, struct buf *response) {
    struct session *s = arg;
    struct buf line = BUF_INIT(RESPONSE_MAX);
    buf_adds(&line, "+ ");
    base64_encode(&line, text);
    buf_adds(&line, "\r\n");
    session_put(s, buf_str(&line));
    int err = session_read_line(s, &line, session_deadline(s));
    if (err == 0 && str_eq(buf_str(&line), STR("*"))) err = ERR_CANCELLED;
    if (err == 0) err = base64_decode(response, buf_str(&line)) == 0 ? 0 : ERR_INVALID;
    buf_wipe(&line);
    return err;
}

/* initial-resp = base64 / "=" */
static bool take_initial(struct imap_args *a, struct buf *out, bool *has) {
    *has = imap_args_space(a);
    if (!*has) return true;
    struct str text = a->rest;
    a->rest = str_sub(text, text.len, 0);
    return str_eq(text, STR("=")) || base64_decode(out, text) == 0;
}

static int exchange(struct cmd *c, const char *mechanism, bool has_initial, struct str initial) {
    const struct auth_io io = {challenge, c->s};
    struct auth_result r = {0};
    struct error err = {0};
    int rc =
        auth_sasl(c->s->imapd->dir, "imap", c->s->stream, str_from(mechanism), has_initial, initial, &io, &r, &err);
    if (rc == ERR_CANCELLED)
        rc = cmd_bad(c, "Authentication cancelled");
    else if (rc == ERR_INVALID)
        rc = cmd_bad(c, "That was no base64");
    else
        rc = login_finish(c, rc, &r, mechanism);
    auth_result_done(&r);
    return rc;
}

int cmd_authenticate(struct cmd *c) {
    struct str word;
    char mechanism[MECHANISM_MAX];
    struct buf initial = BUF_INIT(RESPONSE_MAX);
    bool has_initial = false;
    if (!imap_args_space(c->args) || !imap_args_atom(c->args, &word)) return cmd_bad_args(c);
    if (str_to_cstr(word, mechanism, sizeof mechanism) != 0)
        return cmd_no(c, "CANNOT", "This mechanism is not supported");
    for (char *p = mechanism; *p != '\0'; p++) *p = ascii_upper(*p);
    int rc;
    if (!take_initial(c->args, &initial, &has_initial))
        rc = cmd_bad(c, "The initial response is no base64");
    else if (!capability_plaintext(c->s) && (str_eq(word, STR("PLAIN")) || str_eq(word, STR("LOGIN"))))
        rc = cmd_no(c, "PRIVACYREQUIRED", "This mechanism needs TLS here");
    else if (!auth_is_offered(c->s->stream, capability_plaintext(c->s), str_from(mechanism)))
        rc = cmd_no(c, "CANNOT", "This mechanism is not supported");
    else
        rc = exchange(c, mechanism, has_initial, buf_str(&initial));
    buf_wipe(&initial);
    return rc;
}
