/* SASL exchanges under way (RFC 4422): AUTH_START begins one, AUTH_STEP goes on, AUTH_DROP and the end of the asking
 * session end it. Those that nobody goes on with are dropped after a while. */
#include "base/map.h"
#include "dir/login.h"
#include "dir/trust.h"
#include "net/loop.h"
#include "proto/sasl/bearer.h"
#include "proto/sasl/mechanism.h"
#include "proto/sasl/plain.h"

#include <stdlib.h>
#include <string.h>

enum { EXCHANGES_MAX = 16384, EXCHANGE_LIFE_MS = 3 * 60 * 1000, BINDING_MAX = 256, CERTIFICATE_MAX = 16 * 1024 };

enum step { STEP_FIRST, STEP_LOGIN_PASSWORD, STEP_SCRAM_FINAL, STEP_TOKEN_REFUSED };

struct exchange {
    uint64_t id, session, started_ms;
    enum sasl_mechanism mechanism;
    enum step step;
    struct login login;
    struct scram scram;
    struct scram_keys keys;
    struct buf exporter, end_point, certificate;
};

int login_set_name(struct login *l, struct str name) {
    int rc = name.len == 0 ? ERR_INVALID : str_to_cstr(name, l->name, sizeof l->name);
    if (rc != 0) return rc;
    for (char *p = l->name; *p != '\0'; p++) *p = ascii_lower(*p);
    l->brake_account = brake_key_account(str_from(l->name));
    return 0;
}

static void exchange_free(void *arg) {
    struct exchange *x = arg;
    if (x == NULL) return;
    scram_done(&x->scram);
    buf_wipe(&x->exporter);
    buf_done(&x->end_point);
    buf_done(&x->certificate);
    explicit_bzero(&x->keys, sizeof x->keys);
    free(x);
}

static enum scram_hash scram_hash_of(enum sasl_mechanism m) {
    return m == SASL_SCRAM_SHA1 || m == SASL_SCRAM_SHA1_PLUS ? SCRAM_SHA1 : SCRAM_SHA256;
}

static bool is_plus(enum sasl_mechanism m) {
    return m == SASL_SCRAM_SHA256_PLUS || m == SASL_SCRAM_SHA1_PLUS;
}

/* Whether plain text may be said is decided where the connection is. */
static int mechanism_find(const struct dir *d, const Dir__AuthStart *q, enum sasl_mechanism *out, struct error *err) {
    unsigned have = SASL_PRIVATE | trust_needs(d);
    if (q->tls) have |= SASL_TLS;
    if (q->client_certificate.len == 0) have &= ~(unsigned)SASL_CERTIFICATE;
    enum sasl_mechanism m;
    if (sasl_mechanism_find(str_from(q->mechanism), &m) != 0)
        return error_set(err, ERR_UNSUPPORTED, "unknown mechanism");
    if ((sasl_mechanisms[m].needs & ~have) != 0)
        return error_set(err, ERR_UNSUPPORTED, "mechanism is not to be had on this connection");
    *out = m;
    return 0;
}

/* Drops what is too old; called when a new one begins, so that an idle process does nothing. */
static void drop_old(struct dir *d) {
    size_t pos = 0;
    struct str key;
    void *value;
    uint64_t now = loop_now_ms();
    while (map_next(d->exchanges, &pos, &key, &value)) {
        struct exchange *x = value;
        if (now - x->started_ms < EXCHANGE_LIFE_MS) continue;
        exchange_free(map_remove(d->exchanges, key));
    }
}

void exchanges_close_session(struct dir *d, uint64_t session) {
    size_t pos = 0;
    struct str key;
    void *value;
    while (map_next(d->exchanges, &pos, &key, &value)) {
        struct exchange *x = value;
        if (x->session == session) exchange_free(map_remove(d->exchanges, key));
    }
}

static void copy_word(const char *from, char *to, size_t size) {
    if (str_to_cstr(str_from(from), to, size) != 0) to[0] = '\0';
}

static int exchange_new(const Dir__AuthStart *q, enum sasl_mechanism mechanism, struct rpc_request *r,
                        struct exchange **out) {
    struct exchange *x = calloc(1, sizeof *x);
    if (x == NULL) return ERR_NOMEM;
    x->mechanism = mechanism;
    x->session = rpc_session_id(r->session);
    x->started_ms = loop_now_ms();
    x->login.tls = q->tls;
    x->login.brake_network = brake_key_network(str_from(q->peer_ip));
    x->login.brake_account = brake_key_account(STR_EMPTY);
    copy_word(q->service, x->login.service, sizeof x->login.service);
    copy_word(q->mechanism, x->login.mechanism, sizeof x->login.mechanism);
    copy_word(q->peer_ip, x->login.peer, sizeof x->login.peer);
    buf_init(&x->exporter, BINDING_MAX);
    buf_init(&x->end_point, BINDING_MAX);
    buf_add(&x->exporter, rpc_bytes(q->cb_exporter));
    buf_add(&x->end_point, rpc_bytes(q->cb_end_point));
    buf_init(&x->certificate, CERTIFICATE_MAX);
    buf_add(&x->certificate, rpc_bytes(q->client_certificate)); /* too large: not good */
    scram_init(&x->scram, is_plus(mechanism), q->tls);
    *out = x;
    return 0;
}

/* Keeps the exchange and asks the client for its next message. */
static int ask(struct dir *d, struct rpc_request *r, struct exchange *x, struct str challenge, struct error *err) {
    if (x->id == 0) {
        if (map_count(d->exchanges) >= EXCHANGES_MAX) drop_old(d);
        x->id = ++d->next_exchange;
        int rc =
            map_count(d->exchanges) >= EXCHANGES_MAX ? ERR_AGAIN : map_put(d->exchanges, map_u64_key(&x->id), x, NULL);
        if (rc != 0) {
            exchange_free(x);
            return error_set(err, rc, "too many logins at once");
        }
    }
    Dir__AuthReply reply = DIR__AUTH_REPLY__INIT;
    reply.state = DIR__AUTH_STATE__CONTINUE;
    reply.exchange = x->id;
    reply.challenge = rpc_binary(challenge);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* The exchange leaves the map before anything waits: two steps at once cannot share it. */
static struct exchange *take(struct dir *d, uint64_t id, const struct rpc_request *r) {
    struct exchange *x = map_get(d->exchanges, map_u64_key(&id));
    if (x == NULL || x->session != rpc_session_id(r->session)) return NULL;
    (void)map_remove(d->exchanges, map_u64_key(&id));
    x->id = 0;
    return x;
}

static int step_plain(struct dir *d, struct rpc_request *r, struct exchange *x, struct str message, struct error *err) {
    struct str authzid = STR_EMPTY, name, password;
    int rc = sasl_plain_parse(message, &authzid, &name, &password);
    if (rc == 0) rc = login_set_name(&x->login, name);
    rc = rc == 0 ? login_password(d, r, &x->login, authzid, password, err)
                 : error_set(err, ERR_INVALID, "malformed PLAIN message");
    exchange_free(x);
    return rc;
}

/* LOGIN (draft-murchison-sasl-login): user name and password, each asked for. */
static int step_login(struct dir *d, struct rpc_request *r, struct exchange *x, struct str message, struct error *err) {
    if (x->step == STEP_FIRST) {
        if (message.len > SASL_NAME_MAX || !str_is_utf8(message) || login_set_name(&x->login, message) != 0) {
            exchange_free(x);
            return error_set(err, ERR_INVALID, "malformed user name");
        }
        x->step = STEP_LOGIN_PASSWORD;
        return ask(d, r, x, STR("Password:"), err);
    }
    bool bad = message.len == 0 || message.len > SASL_PASSWORD_MAX || str_find(message, '\0') != STR_NPOS ||
               !str_is_utf8(message);
    int rc = bad ? error_set(err, ERR_INVALID, "malformed password")
                 : login_password(d, r, &x->login, STR_EMPTY, message, err);
    exchange_free(x);
    return rc;
}

static int step_scram(struct dir *d, struct rpc_request *r, struct exchange *x, struct str message, struct error *err) {
    if (x->step == STEP_FIRST) {
        BUF_AUTO challenge = BUF_INIT(SCRAM_MESSAGE_MAX);
        int rc =
            login_scram_first(d, r, &x->login, scram_hash_of(x->mechanism), &x->scram, &x->keys, message, &challenge);
        x->step = STEP_SCRAM_FINAL;
        if (rc == 0) return ask(d, r, x, buf_str(&challenge), err);
        exchange_free(x);
        return rc == RPC_LATER ? 0 : error_set(err, rc, "out of memory");
    }
    struct scram_bindings bindings = {buf_str(&x->exporter), buf_str(&x->end_point)};
    int rc = login_scram_final(d, r, &x->login, &x->scram, &x->keys, &bindings, message, err);
    exchange_free(x);
    return rc;
}

/* RFC 4422 appendix A: whom the client wants to be, or nothing. */
static int step_external(struct dir *d, struct rpc_request *r, struct exchange *x, struct str message,
                         struct error *err) {
    bool bad = message.len > SASL_NAME_MAX || !str_is_utf8(message) || str_find(message, '\0') != STR_NPOS;
    int rc = bad ? error_set(err, ERR_INVALID, "malformed identity")
                 : login_certificate(d, r, &x->login, buf_str(&x->certificate), message, err);
    exchange_free(x);
    return rc;
}

/* RFC 7628 section 3.2.2: a refusal is told as JSON, which the client takes note of by one more message. */
static int step_token(struct dir *d, struct rpc_request *r, struct exchange *x, struct str message, struct error *err) {
    bool old = x->mechanism == SASL_XOAUTH2;
    if (x->step == STEP_TOKEN_REFUSED) {
        (void)login_refuse(d, r, &x->login);
        exchange_free(x);
        return 0;
    }
    struct bearer b;
    bearer_init(&b);
    int rc = old ? xoauth2_parse(message, &b) : bearer_parse(message, &b);
    if (rc == 0)
        rc = login_token(d, r, &x->login, buf_str(&b.name), b.token, err);
    else
        rc = error_set(err, ERR_INVALID, "malformed bearer message");
    bearer_done(&b);
    if (rc == ERR_DENIED) {
        BUF_AUTO refusal = BUF_INIT(BEARER_MESSAGE_MAX);
        struct str scope = str_from(option_str(d->daemon, "dir.oauth_scope"));
        if (old)
            xoauth2_refusal(scope, &refusal);
        else
            bearer_refusal(scope, str_from(option_str(d->daemon, "dir.oauth_issuer")), &refusal);
        x->step = STEP_TOKEN_REFUSED;
        return ask(d, r, x, buf_str(&refusal), err);
    }
    exchange_free(x);
    return rc;
}

static int step(struct dir *d, struct rpc_request *r, struct exchange *x, struct str message, struct error *err) {
    static int (*const steps[SASL_MECHANISMS])(struct dir *, struct rpc_request *, struct exchange *, struct str,
                                               struct error *) = {
        [SASL_SCRAM_SHA256_PLUS] = step_scram, [SASL_SCRAM_SHA256] = step_scram, [SASL_SCRAM_SHA1_PLUS] = step_scram,
        [SASL_SCRAM_SHA1] = step_scram,        [SASL_EXTERNAL] = step_external,  [SASL_OAUTHBEARER] = step_token,
        [SASL_XOAUTH2] = step_token,           [SASL_PLAIN] = step_plain,        [SASL_LOGIN] = step_login,
    };
    return steps[x->mechanism](d, r, x, message, err);
}

int handle_auth_start(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__AuthStart *q = (const void *)r->msg;
    enum sasl_mechanism mechanism;
    struct exchange *x;
    int rc = mechanism_find(d, q, &mechanism, err);
    if (rc != 0) return rc;
    if (exchange_new(q, mechanism, r, &x) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    if (q->has_initial) return step(d, r, x, rpc_bytes(q->initial), err);
    return ask(d, r, x, mechanism == SASL_LOGIN ? STR("Username:") : STR_EMPTY, err);
}

int handle_auth_step(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__AuthStep *q = (const void *)r->msg;
    struct exchange *x = take(d, q->exchange, r);
    if (x == NULL) return error_set(err, ERR_NOTFOUND, "the login has ended or took too long");
    return step(d, r, x, rpc_bytes(q->response), err);
}

int handle_auth_drop(struct dir *d, struct rpc_request *r, struct error *err) {
    (void)err;
    const Dir__AuthDrop *q = (const void *)r->msg;
    exchange_free(take(d, q->exchange, r));
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}
