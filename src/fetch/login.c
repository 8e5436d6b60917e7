/* The connection, TLS and proof of who we are: RFC 9051 section 6.2, RFC 4616 (PLAIN), RFC 7628 (OAUTHBEARER). */
#include "base/encode.h"
#include "fetch/fetch.h"
#include "net/loop.h"

#include <string.h>

enum { SECRET_MAX = 16 * 1024, ENCODED_MAX = 32 * 1024 };

static int connect_any(struct fetch *f, struct error *err) {
    int rc = error_set(err, ERR_NOTFOUND, "the server has no address");
    for (size_t i = 0; i < f->address_count; i++) {
        rc = stream_connect(&f->addresses[i], NULL, loop_now_ms() + f->timeout_ms, &f->stream, err);
        if (rc == 0) break;
    }
    return rc;
}

static int start_tls(struct fetch *f, const Fetch__Login *l, struct error *err) {
    enum tls_fault fault = TLS_FAULT_NONE;
    struct tls_expect e = {.verify = l->verify ? TLS_VERIFY_NAME : TLS_VERIFY_NONE, .name = str_from(l->host)};
    unsigned char print[1][TLS_FINGERPRINT];
    if (l->fingerprint.len == TLS_FINGERPRINT) {
        memcpy(print[0], l->fingerprint.data, TLS_FINGERPRINT);
        e.verify = TLS_VERIFY_FINGERPRINT;
        e.fingerprints = (const unsigned char(*)[TLS_FINGERPRINT])print;
        e.fingerprint_count = 1;
    }
    (void)stream_discard_input(f->stream); /* what came in plain text is not believed */
    imap_responses_reset(&f->responses);
    int rc = tls_connect_as(f->stream, f->tls, &e, loop_now_ms() + f->timeout_ms, &fault, err);
    if (rc != 0) {
        fetch_close(f);
        return error_prefix(err, "TLS");
    }
    buf_clear(&f->capabilities); /* RFC 9051 section 6.2.1 */
    return 0;
}

static int greet(struct fetch *f, const Fetch__Login *l, struct error *err) {
    struct imap_response r;
    int rc = l->security == FETCH__SECURITY__TLS ? start_tls(f, l, err) : 0;
    if (rc == 0) rc = fetch_response(f, &r, err);
    if (rc != 0) return rc == ERR_AGAIN ? error_set(err, ERR_CORRUPT, "this is no IMAP server") : rc;
    if (r.kind != IMAP_RESPONSE_STATE || (r.condition != IMAP_OK && r.condition != IMAP_PREAUTH))
        return error_set(err, ERR_DENIED, "the server does not want us: %.*s", STR_ARG(str_sub(r.text, 0, 200)));
    if (l->security != FETCH__SECURITY__STARTTLS) return 0;
    if (r.condition == IMAP_PREAUTH) return error_set(err, ERR_DENIED, "the server cannot do STARTTLS any more");
    rc = fetch_do(f, STR("STARTTLS"), NULL, NULL, err);
    return rc == 0 ? start_tls(f, l, err) : rc;
}

/* --- proofs */
static void plain(const Fetch__Login *l, struct buf *out) {
    buf_adds(out, l->user_as);
    buf_addc(out, '\0');
    buf_adds(out, l->user);
    buf_addc(out, '\0');
    buf_adds(out, l->password);
}

/* RFC 7628 section 3.1; the name as a saslname (RFC 5801 section 4). */
static void bearer(const Fetch__Login *l, struct buf *out) {
    buf_adds(out, "n,a=");
    for (const char *p = l->user_as[0] != '\0' ? l->user_as : l->user; *p != '\0'; p++) {
        if (*p == ',' || *p == '=')
            buf_adds(out, *p == ',' ? "=2C" : "=3D");
        else
            buf_addc(out, *p);
    }
    buf_printf(out, ",\1host=%s\1auth=Bearer %s\1\1", l->host, l->password);
}

/* What acknowledges a failure (RFC 7628 section 3.2.3). */
static void failure_seen(const Fetch__Login *l, struct buf *out) {
    (void)l;
    buf_addc(out, '\1');
}

static void xoauth2(const Fetch__Login *l, struct buf *out) {
    buf_printf(out, "user=%s\1auth=Bearer %s\1\1", l->user_as[0] != '\0' ? l->user_as : l->user, l->password);
}

static void login_name(const Fetch__Login *l, struct buf *out) {
    buf_adds(out, l->user);
}

static void login_password(const Fetch__Login *l, struct buf *out) {
    buf_adds(out, l->password);
}

static const struct mechanism {
    const char *name;
    bool token, master; /* wants a token; can act for others */
    void (*say[2])(const Fetch__Login *l, struct buf *out);
} mechanisms[] = {{"PLAIN", false, true, {plain, NULL}},
                  {"LOGIN", false, false, {login_name, login_password}},
                  {"OAUTHBEARER", true, true, {bearer, failure_seen}},
                  {"XOAUTH2", true, true, {xoauth2, NULL}}};

static const struct mechanism *choose(const struct fetch *f, const Fetch__Login *l) {
    char offered[32];
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        const struct mechanism *m = &mechanisms[i];
        BUF_AUTO name = BUF_INIT(sizeof offered);
        buf_printf(&name, "AUTH=%s", m->name);
        if (str_eq_nocase(str_from(l->mechanism), str_from(m->name))) return m;
        if (l->mechanism[0] == '\0' && !m->token && fetch_can(f, buf_cstr(&name))) return m;
    }
    return NULL;
}

static int put_line(struct fetch *f, struct str text, struct error *err) {
    int rc = stream_put(f->stream, text);
    if (rc == 0) rc = stream_put(f->stream, STR("\r\n"));
    if (rc == 0) rc = stream_flush(f->stream);
    return rc == 0 ? 0 : error_set(err, rc, "the connection to the server broke: %s", err_name(rc));
}

/* One step of the exchange for each "+"; behind the last one an empty line. */
static int authenticate(struct fetch *f, const struct mechanism *m, const Fetch__Login *l, struct error *err) {
    struct imap_response r;
    size_t step = 0;
    BUF_AUTO command = BUF_INIT(FETCH_COMMAND_MAX);
    buf_printf(&command, "AUTHENTICATE %s", m->name);
    int rc = fetch_command(f, buf_str(&command), err);
    while (rc == 0) {
        rc = fetch_response(f, &r, err);
        if (rc == ERR_AGAIN) rc = error_set(err, ERR_CORRUPT, "the server sends a message too early");
        if (rc != 0 || fetch_is_end(f, &r, &rc, err)) break;
        if (r.kind != IMAP_RESPONSE_CONTINUE) continue;
        BUF_AUTO secret = BUF_INIT(SECRET_MAX);
        BUF_AUTO encoded = BUF_INIT(ENCODED_MAX);
        if (step < 2 && m->say[step] != NULL) m->say[step++](l, &secret);
        base64_encode(&encoded, buf_str(&secret));
        rc = secret.error != 0 ? secret.error : put_line(f, buf_str(&encoded), err);
        buf_wipe(&secret);
        buf_wipe(&encoded);
    }
    return rc;
}

static int login_command(struct fetch *f, const Fetch__Login *l, struct error *err) {
    BUF_AUTO command = BUF_INIT(FETCH_COMMAND_MAX);
    if (fetch_can(f, "LOGINDISABLED"))
        return error_set(err, ERR_DENIED, "the server takes no password on this connection: use TLS");
    buf_adds(&command, "LOGIN ");
    fetch_quote(str_from(l->user), &command);
    buf_addc(&command, ' ');
    fetch_quote(str_from(l->password), &command);
    int rc = command.error != 0 ? command.error : fetch_do(f, buf_str(&command), NULL, NULL, err);
    buf_wipe(&command);
    return rc;
}

static bool is_line(const char *s) {
    return strpbrk(s, "\r\n") == NULL;
}

static int log_in(struct fetch *f, const Fetch__Login *l, const char **by, struct error *err) {
    if (!is_line(l->user) || !is_line(l->user_as) || !is_line(l->password))
        return error_set(err, ERR_INVALID, "names and passwords are one line");
    int rc = f->capabilities.len == 0 ? fetch_do(f, STR("CAPABILITY"), NULL, NULL, err) : 0;
    if (rc != 0) return rc;
    const struct mechanism *m = choose(f, l);
    bool clear = str_eq_nocase(str_from(l->mechanism), STR("CLEAR")) || (m == NULL && l->mechanism[0] == '\0');
    if (m == NULL && !clear) return error_set(err, ERR_UNSUPPORTED, "there is no way to log in by %s", l->mechanism);
    if (l->user_as[0] != '\0' && (m == NULL || !m->master))
        return error_set(err, ERR_UNSUPPORTED, "the server lets nobody act for others (no AUTH=PLAIN)");
    *by = m != NULL ? m->name : "LOGIN (command)";
    buf_clear(&f->capabilities);
    rc = m != NULL ? authenticate(f, m, l, err) : login_command(f, l, err);
    if (rc != 0) return rc == ERR_DENIED ? error_prefix(err, "the login failed") : rc;
    return f->capabilities.len == 0 ? fetch_do(f, STR("CAPABILITY"), NULL, NULL, err) : 0;
}

int fetch_on_login(struct rpc_request *r, struct error *err, void *arg) {
    struct fetch *f = arg;
    const Fetch__Login *l = (const Fetch__Login *)r->msg;
    Fetch__LoggedIn reply = FETCH__LOGGED_IN__INIT;
    struct tls_info info = {0};
    const char *by = "";
    if (f->start.code != 0) return error_set(err, f->start.code, "%s", f->start.text);
    if (f->stream != NULL) return error_set(err, ERR_CONFLICT, "there is a connection already");
    f->timeout_ms = l->timeout_ms;
    int rc = connect_any(f, err);
    if (rc == 0) rc = greet(f, l, err);
    if (rc == 0) rc = log_in(f, l, &by, err);
    if (rc != 0) {
        fetch_close(f);
        return rc;
    }
    if (tls_get_info(f->stream, &info) == 0) reply.tls = (char *)(uintptr_t)info.version;
    reply.mechanism = (char *)(uintptr_t)by;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}
