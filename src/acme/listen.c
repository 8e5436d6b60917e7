/* Showing proofs: http-01 on a small listener of its own (RFC 8555 section 8.3), tls-alpn-01 through the responder on
 * every TLS port of the server and, where there is one, on a listener of its own (RFC 8737). */
#include "acme/acme.h"

#include "base/log.h"
#include "net/loop.h"
#include "proto/http/request.h"

#include <string.h>

enum { SESSION_MS = 10 * 1000, SESSIONS_MAX = 50, PER_ADDRESS_MAX = 20 };

/* ---------------------------------------------------------------- http-01 */

static const struct acme_answer *answer_find(const struct acme *a, struct str token) {
    for (size_t i = 0; i < ACME_PROOFS_MAX; i++) {
        if (a->answers[i].token[0] != '\0' && str_eq(token, str_from(a->answers[i].token))) return &a->answers[i];
    }
    return NULL;
}

static void answer(struct stream *s, unsigned status, struct str body) {
    int rc = stream_printf(s,
                           "HTTP/1.1 %u %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n"
                           "Connection: close\r\n\r\n",
                           status, http_reason(status), body.len);
    if (rc == 0) rc = stream_put(s, body);
    if (rc == 0) (void)!stream_flush(s);
}

/* One request a connection. */
static void serve_http(struct stream *s, void *arg) {
    static const struct str prefix = {"/.well-known/acme-challenge/", 28};
    const struct acme *a = arg;
    struct http_request r;
    unsigned status = 0;
    uint64_t deadline = loop_now_ms() + SESSION_MS;
    stream_set_write_timeout(s, SESSION_MS);
    while (http_request_parse(stream_peek(s), &r, &status) == HTTP_MORE) {
        if (stream_fill(s, deadline) != 0) return;
    }
    const struct acme_answer *found = NULL;
    if (status == 0 && !str_eq(r.method, STR("GET"))) status = 405;
    if (status == 0 && str_starts(r.path, prefix)) {
        found = answer_find(a, str_sub(r.path, prefix.len, r.path.len));
    }
    if (status == 0) status = found == NULL ? 404 : 200;
    log_event(LOG_INFO, "-", "acme-asked", "by=http-01 status=%u", status);
    answer(s, status, found == NULL ? STR_EMPTY : buf_str(&found->text));
}

/* ---------------------------------------------------------------- tls-alpn-01 */

static void serve_tls(struct stream *s, void *arg) {
    const struct acme *a = arg;
    struct error err = {0};
    struct tls_server *tls = daemon_tls(a->daemon);
    if (tls == NULL) return;
    int rc = tls_accept(s, tls, loop_now_ms() + SESSION_MS, &err);
    log_event(LOG_INFO, "-", "acme-asked", "by=tls text=\"%s\"", rc == 0 ? "an ordinary client" : err.text);
}

/* ---------------------------------------------------------------- listeners */

static int listen_on(struct acme *a, const char *name, void (*serve)(struct stream *s, void *arg), struct error *err) {
    static const struct listener_limits limits = {.max_sessions = SESSIONS_MAX, .max_per_address = PER_ADDRESS_MAX};
    struct listener_ops ops = {.serve = serve};
    for (int fd; (fd = daemon_take_listener(a->daemon, name)) >= 0;) {
        if (a->listener_count == ACME_LISTENERS_MAX) return error_set(err, ERR_LIMIT, "too many listeners");
        int rc = listener_start(name, fd, &ops, a, &limits, &a->listeners[a->listener_count]);
        if (rc != 0) return error_set(err, rc, "cannot listen for %s: %s", name, err_name(rc));
        a->listener_count++;
    }
    return 0;
}

int acme_listen(struct acme *a, struct error *err) {
    int rc = listen_on(a, "http", serve_http, err);
    return rc == 0 ? listen_on(a, "tls", serve_tls, err) : rc;
}

void acme_unlisten(struct acme *a, uint64_t deadline_ms) {
    for (size_t i = 0; i < a->listener_count; i++) listener_stop(a->listeners[i]);
    for (size_t i = 0; i < a->listener_count; i++) {
        listener_drain(a->listeners[i], deadline_ms);
        listener_free(a->listeners[i]);
    }
    a->listener_count = 0;
}

/* ---------------------------------------------------------------- showing */

static int proof_set(struct acme *a, const char *name, struct str pem, struct error *err) {
    Control__Proof proof = CONTROL__PROOF__INIT;
    proof.name = (char *)(uintptr_t)name;
    proof.pem = rpc_binary(pem);
    return rpc_call(a->control, CONTROL_PROOF_SET, &proof.base, STR_EMPTY, loop_now_ms() + ACME_CALL_MS, NULL, err);
}

static int show_http(struct acme *a, struct str token, struct str text, struct error *err) {
    for (size_t i = 0; i < ACME_PROOFS_MAX; i++) {
        struct acme_answer *free_one = &a->answers[i];
        if (free_one->token[0] != '\0') continue;
        int rc = str_to_cstr(token, free_one->token, sizeof free_one->token);
        if (rc != 0) return error_set(err, rc, "the token is too long");
        free_one->text = BUF_INIT(ACME_TOKEN_MAX + 100);
        buf_add(&free_one->text, text);
        return free_one->text.error;
    }
    return error_set(err, ERR_LIMIT, "too many proofs at a time");
}

static int show(void *arg, const char *type, const char *name, struct str token, struct str key_authorization,
                struct error *err) {
    struct acme *a = arg;
    if (strcmp(type, "http-01") == 0) return show_http(a, token, key_authorization, err);
    BUF_AUTO pem = BUF_INIT(ACME_KEY_MAX);
    int rc = acme_proof_make(name, key_authorization, &pem);
    return rc == 0 ? proof_set(a, name, buf_str(&pem), err) : error_set(err, rc, "cannot make the proof");
}

static void hide(void *arg, const char *type, const char *name, struct str token) {
    struct acme *a = arg;
    if (strcmp(type, "http-01") != 0) {
        (void)!proof_set(a, name, STR_EMPTY, NULL);
        return;
    }
    for (size_t i = 0; i < ACME_PROOFS_MAX; i++) {
        if (!str_eq(token, str_from(a->answers[i].token))) continue;
        a->answers[i].token[0] = '\0';
        buf_done(&a->answers[i].text);
    }
}

const struct acme_ops acme_proofs = {.show = show, .hide = hide};
