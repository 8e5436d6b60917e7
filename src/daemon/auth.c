/* Drives SASL exchanges (RFC 4422) and plain logins with iems-dir. The password or the exchange passes through here and
 * is wiped; what the client may learn is in auth_result.text. */
#include "daemon/auth.h"

#include "daemon/private.h"
#include "net/fiber.h"
#include "net/loop.h"
#include "net/tls.h"
#include "proto/sasl/mechanism.h"

#include <stdio.h>
#include <string.h>

enum {
    AUTH_CALL_MS = 30000,
    AUTH_RESPONSE_MAX = 16 * 1024, /* RFC 4954 section 4: at least 12,288 octets of base64 */
    AUTH_ROUNDS_MAX = 8,
    AUTH_DELAY_MAX_MS = 30000,
    AUTH_TICKET_MAX = 4096,
    AUTH_BINDING_MAX = 256,
    AUTH_CERTIFICATE_MAX = 16 * 1024,
    AUTH_LIST_MAX = 256,
};

void auth_result_done(struct auth_result *r) {
    buf_wipe(&r->ticket);
}

/* What the options of iems-dir allow; set by the skeleton whenever they change. */
static unsigned configured;

void auth_configure(const struct daemon *d) {
    configured = option_bool(d, "dir.scram_sha1") ? SASL_SHA1 : 0;
    if (option_str(d, "dir.client_ca")[0] != '\0') configured |= SASL_CERTIFICATE;
    if (option_str(d, "dir.oauth_keys")[0] != '\0' && option_str(d, "dir.oauth_issuer")[0] != '\0' &&
        option_str(d, "dir.oauth_audience")[0] != '\0')
        configured |= SASL_TOKENS;
}

const char *auth_mechanisms(const struct stream *s, bool plaintext_ok) {
    static struct buf list = BUF_INIT(AUTH_LIST_MAX);
    unsigned have = configured & ~(unsigned)SASL_CERTIFICATE;
    if (stream_is_tls(s)) have |= SASL_TLS;
    if (plaintext_ok) have |= SASL_PRIVATE;
    if ((configured & SASL_CERTIFICATE) && tls_peer_certificate(s, NULL) == 0) have |= SASL_CERTIFICATE;
    buf_clear(&list);
    sasl_mechanisms_list(have, &list);
    return buf_cstr(&list);
}

/* Everything iems-dir must know of the connection; strings live in `c`. */
struct auth_call {
    Dir__AuthStart start;
    char ip[NET_ADDR_TEXT_MAX];
    char mechanism[32];
    struct buf exporter, end_point, certificate;
};

static int call_prepare(struct auth_call *c, const char *service, struct stream *s, struct str mechanism) {
    *c = (struct auth_call){.start = DIR__AUTH_START__INIT,
                            .exporter = BUF_INIT(AUTH_BINDING_MAX),
                            .end_point = BUF_INIT(AUTH_BINDING_MAX),
                            .certificate = BUF_INIT(AUTH_CERTIFICATE_MAX)};
    if (str_to_cstr(mechanism, c->mechanism, sizeof c->mechanism) != 0) return ERR_UNSUPPORTED;
    for (char *p = c->mechanism; *p != '\0'; p++) *p = ascii_upper(*p);
    net_addr_ip_text(stream_peer(s), c->ip);
    c->start.service = (char *)(uintptr_t)service;
    c->start.mechanism = c->mechanism;
    c->start.peer_ip = c->ip;
    c->start.tls = stream_is_tls(s);
    if (c->start.tls && str_ends(str_from(c->mechanism), STR("-PLUS"))) {
        if (tls_channel_binding(s, "tls-exporter", &c->exporter) == 0)
            c->start.cb_exporter = rpc_binary(buf_str(&c->exporter));
        if (tls_channel_binding(s, "tls-server-end-point", &c->end_point) == 0) {
            c->start.cb_end_point = rpc_binary(buf_str(&c->end_point));
        }
    }
    if (strcmp(c->mechanism, sasl_mechanisms[SASL_EXTERNAL].name) == 0 &&
        tls_peer_certificate(s, &c->certificate) == 0) {
        c->start.client_certificate = rpc_binary(buf_str(&c->certificate));
    }
    return 0;
}

static void call_done(struct auth_call *c) {
    buf_wipe(&c->exporter);
    buf_done(&c->end_point);
    buf_done(&c->certificate);
}

static int take_result(const Dir__AuthReply *reply, struct auth_result *out) {
    struct auth_result r = {.state = reply->state,
                            .ticket = BUF_INIT(AUTH_TICKET_MAX),
                            .account = reply->account,
                            .quota = reply->quota,
                            .may_send = reply->may_send};
    (void)snprintf(r.text, sizeof r.text, "%s", reply->text);
    (void)snprintf(r.address, sizeof r.address, "%s", reply->address);
    (void)snprintf(r.host, sizeof r.host, "%s", reply->host);
    buf_add(&r.ticket, rpc_bytes(reply->ticket));
    if (r.ticket.error != 0) {
        auth_result_done(&r);
        return ERR_NOMEM;
    }
    if (reply->delay_ms > 0 && reply->state != DIR__AUTH_STATE__OK) {
        int rc = fiber_sleep(reply->delay_ms < AUTH_DELAY_MAX_MS ? reply->delay_ms : AUTH_DELAY_MAX_MS);
        if (rc != 0) return rc;
    }
    *out = r;
    return 0;
}

static const Dir__AuthReply *reply_of(const struct rpc_reply *r) {
    return (const Dir__AuthReply *)(const void *)r->msg;
}

static int call(struct rpc_client *dir, uint16_t method, const ProtobufCMessage *msg, struct rpc_reply *reply,
                struct error *err) {
    rpc_reply_free(reply);
    return rpc_call(dir, method, msg, STR_EMPTY, loop_now_ms() + AUTH_CALL_MS, reply, err);
}

static void drop_exchange(struct rpc_client *dir, uint64_t exchange) {
    Dir__AuthDrop drop = DIR__AUTH_DROP__INIT;
    drop.exchange = exchange;
    (void)!rpc_call(dir, DIR_AUTH_DROP, &drop.base, STR_EMPTY, loop_now_ms() + AUTH_CALL_MS, NULL, NULL);
}

/* Challenges and responses until the exchange has an end. `reply` holds the first answer and gets the last. */
static int converse(struct rpc_client *dir, const struct auth_io *io, struct rpc_reply *reply, struct error *err) {
    BUF_AUTO response = BUF_INIT(AUTH_RESPONSE_MAX);
    for (int round = 0; reply_of(reply)->state == DIR__AUTH_STATE__CONTINUE; round++) {
        uint64_t exchange = reply_of(reply)->exchange;
        buf_wipe(&response);
        int rc = round == AUTH_ROUNDS_MAX ? ERR_LIMIT
                                          : io->challenge(io->arg, rpc_bytes(reply_of(reply)->challenge), &response);
        if (rc == 0) {
            Dir__AuthStep step = DIR__AUTH_STEP__INIT;
            step.exchange = exchange;
            step.response = rpc_binary(buf_str(&response));
            rc = call(dir, DIR_AUTH_STEP, &step.base, reply, err);
            buf_wipe(&response);
        } else {
            drop_exchange(dir, exchange);
        }
        if (rc != 0) return rc;
    }
    return 0;
}

/* RFC 4954 section 4, RFC 9051 section 6.2.2: data that comes with success goes out as one more challenge, which the
 * client answers with nothing. */
static int send_final(const struct auth_io *io, const Dir__AuthReply *reply) {
    if (reply->state != DIR__AUTH_STATE__OK || reply->challenge.len == 0) return 0;
    BUF_AUTO nothing = BUF_INIT(AUTH_RESPONSE_MAX);
    return io->challenge(io->arg, rpc_bytes(reply->challenge), &nothing);
}

int auth_sasl(struct rpc_client *dir, const char *service, struct stream *s, struct str mechanism, bool has_initial,
              struct str initial, const struct auth_io *io, struct auth_result *out, struct error *err) {
    struct auth_call c;
    RPC_REPLY_AUTO reply = {0};
    int rc = call_prepare(&c, service, s, mechanism);
    if (rc != 0) return error_set(err, rc, "unknown mechanism");
    c.start.has_initial = has_initial;
    c.start.initial = rpc_binary(initial);
    rc = call(dir, DIR_AUTH_START, &c.start.base, &reply, err);
    call_done(&c);
    if (rc == 0) rc = converse(dir, io, &reply, err);
    if (rc == 0) rc = send_final(io, reply_of(&reply));
    return rc == 0 ? take_result(reply_of(&reply), out) : rc;
}

int auth_login(struct rpc_client *dir, const char *service, struct stream *s, struct str user, struct str password,
               struct auth_result *out, struct error *err) {
    struct auth_call c;
    RPC_REPLY_AUTO reply = {0};
    if (str_find(user, '\0') != STR_NPOS || str_find(password, '\0') != STR_NPOS) {
        return error_set(err, ERR_INVALID, "user name or password with a NUL byte");
    }
    int rc = call_prepare(&c, service, s, STR("PLAIN"));
    if (rc != 0) return rc;
    struct buf initial = BUF_INIT(AUTH_RESPONSE_MAX); /* RFC 4616: authzid NUL authcid NUL passwd */
    buf_addc(&initial, '\0');
    buf_add(&initial, user);
    buf_addc(&initial, '\0');
    buf_add(&initial, password);
    if (initial.error != 0) {
        buf_wipe(&initial);
        call_done(&c);
        return error_set(err, ERR_LIMIT, "user name or password is too long");
    }
    c.start.has_initial = true;
    c.start.initial = rpc_binary(buf_str(&initial));
    rc = call(dir, DIR_AUTH_START, &c.start.base, &reply, err);
    buf_wipe(&initial);
    call_done(&c);
    if (rc == 0 && reply_of(&reply)->state == DIR__AUTH_STATE__CONTINUE) {
        rc = error_set(err, ERR_CORRUPT, "the directory agent asked for more than a password");
    }
    return rc == 0 ? take_result(reply_of(&reply), out) : rc;
}
