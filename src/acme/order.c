/* One certificate: order, proofs, request, chain (RFC 8555 section 7.4). */
#include "acme/client.h"
#include "acme/jws.h"

#include "base/encode.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_MAX = 1024 * 1024, POLL_FIRST_MS = 500, POLL_MAX_MS = 10 * 1000, RETRY_AFTER_MAX_S = 60 };

struct work {
    struct acme_client *client;
    const char *name, *type;
    struct error *err;
    uint64_t pause_ms;
    char url[ACME_URL_MAX]; /* of the order */
    struct acme_order order;
};

/* Waits as the authority asks for, or a little longer each time. */
static int poll_pause(struct work *w, const struct http_answer *a) {
    uint64_t seconds = 0;
    struct str after = http_response_field(&a->response, STR("Retry-After"));
    w->pause_ms = w->pause_ms == 0 ? POLL_FIRST_MS : w->pause_ms * 2 < POLL_MAX_MS ? w->pause_ms * 2 : POLL_MAX_MS;
    uint64_t wait = w->pause_ms;
    if (str_to_u64(after, RETRY_AFTER_MAX_S, &seconds) == 0 && seconds > 0) wait = seconds * 1000;
    if (loop_now_ms() + wait >= w->client->deadline_ms) {
        return error_set(w->err, ERR_TIMEOUT, "the authority has not decided in time");
    }
    return fiber_sleep(wait);
}

/* ---------------------------------------------------------------- proofs */

static const struct acme_challenge *challenge_find(const struct acme_authorization *a, const char *type) {
    for (size_t i = 0; i < a->challenge_count; i++) {
        if (str_eq(a->challenges[i].type, str_from(type))) return &a->challenges[i];
    }
    return NULL;
}

static int authorization_get(struct work *w, struct str url, struct acme_authorization *out, bool wait) {
    HTTP_ANSWER_AUTO a = {0};
    int rc = acme_post(w->client, url, STR_EMPTY, &a, w->err);
    if (rc == 0) rc = acme_authorization_parse(buf_str(&a.body), w->client->arena, out, w->err);
    if (rc == 0 && wait && (out->status == ACME_PENDING || out->status == ACME_PROCESSING)) rc = poll_pause(w, &a);
    return rc;
}

/* Until the authority has looked. */
static int authorization_wait(struct work *w, struct str url) {
    static struct acme_authorization a; /* one order at a time; too large for a fiber's stack */
    w->pause_ms = 0;
    for (;;) {
        int rc = authorization_get(w, url, &a, true);
        if (rc != 0) return rc;
        if (a.status == ACME_VALID) return 0;
        if (a.status == ACME_PENDING || a.status == ACME_PROCESSING) continue;
        const struct acme_challenge *c = challenge_find(&a, w->type);
        return error_set(w->err, ERR_DENIED, "the proof by %s was not accepted: %s", w->type,
                         c != NULL && c->problem.text[0] != '\0' ? c->problem.text : "it gives no reason");
    }
}

static int prove(struct work *w, struct str url, const struct acme_challenge *c) {
    struct acme_client *client = w->client;
    BUF_AUTO authorization = BUF_INIT(ACME_TOKEN_MAX + 100);
    HTTP_ANSWER_AUTO a = {0};
    buf_add(&authorization, c->token);
    buf_addc(&authorization, '.');
    int rc = jws_thumbprint(client->key, &authorization);
    if (rc != 0) return error_set(w->err, rc, "cannot make the proof");
    struct str token = c->token, challenge_url = c->url;
    rc = client->ops->show(client->arg, w->type, w->name, token, buf_str(&authorization), w->err);
    if (rc == 0) {
        rc = acme_post(client, challenge_url, STR("{}"), &a, w->err);
        if (rc == 0) rc = authorization_wait(w, url);
        client->ops->hide(client->arg, w->type, w->name, token);
    }
    return rc;
}

static int authorize(struct work *w, struct str url) {
    static struct acme_authorization a;
    int rc = authorization_get(w, url, &a, false);
    if (rc != 0 || a.status == ACME_VALID) return rc;
    const struct acme_challenge *c = challenge_find(&a, w->type);
    if (c == NULL) return error_set(w->err, ERR_DENIED, "the authority does not offer %s for %s", w->type, w->name);
    struct acme_challenge copy = *c;
    return prove(w, url, &copy);
}

/* ---------------------------------------------------------------- the order itself */

static int order_new(struct work *w) {
    char payload[400];
    HTTP_ANSWER_AUTO a = {0};
    (void)snprintf(payload, sizeof payload, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}", w->name);
    int rc = acme_post(w->client, w->client->directory.new_order, str_from(payload), &a, w->err);
    if (rc == 0) rc = acme_order_parse(buf_str(&a.body), w->client->arena, &w->order, w->err);
    if (rc != 0) return rc;
    struct str url = http_response_field(&a.response, STR("Location"));
    if (url.len == 0 || str_to_cstr(url, w->url, sizeof w->url) != 0) {
        return error_set(w->err, ERR_INVALID, "the authority names no order");
    }
    return 0;
}

/* Until the order is what it should become. */
static int order_wait(struct work *w, enum acme_status wanted) {
    w->pause_ms = 0;
    for (;;) {
        HTTP_ANSWER_AUTO a = {0};
        int rc = acme_post(w->client, str_from(w->url), STR_EMPTY, &a, w->err);
        if (rc == 0) rc = acme_order_parse(buf_str(&a.body), w->client->arena, &w->order, w->err);
        if (rc != 0) return rc;
        if (w->order.status == wanted || w->order.status == ACME_VALID) return 0;
        if (w->order.status == ACME_INVALID || w->order.status == ACME_OTHER) {
            return error_set(w->err, ERR_DENIED, "the order was refused: %s",
                             w->order.problem.text[0] == '\0' ? "no reason is given" : w->order.problem.text);
        }
        rc = poll_pause(w, &a);
        if (rc != 0) return rc;
    }
}

static int finalize(struct work *w, EVP_PKEY *key) {
    BUF_AUTO der = BUF_INIT(ACME_CSR_MAX), payload = BUF_INIT(2 * ACME_CSR_MAX);
    HTTP_ANSWER_AUTO a = {0};
    int rc = acme_csr_make(key, w->name, &der);
    if (rc != 0) return error_set(w->err, rc, "cannot make a request for %s", w->name);
    buf_adds(&payload, "{\"csr\":\"");
    base64url_encode(&payload, buf_str(&der));
    buf_adds(&payload, "\"}");
    rc = acme_post(w->client, w->order.finalize, buf_str(&payload), &a, w->err);
    return rc == 0 ? order_wait(w, ACME_VALID) : rc;
}

static int download(struct work *w, struct buf *chain) {
    HTTP_ANSWER_AUTO a = {0};
    int rc = acme_post(w->client, w->order.certificate, STR_EMPTY, &a, w->err);
    if (rc != 0) return rc;
    if (!str_starts(str_trim(buf_str(&a.body)), STR("-----BEGIN CERTIFICATE-----"))) {
        return error_set(w->err, ERR_INVALID, "what the authority sends is no certificate");
    }
    buf_add(chain, str_trim(buf_str(&a.body)));
    buf_addc(chain, '\n');
    return chain->error == 0 ? 0 : error_set(w->err, ERR_LIMIT, "the chain is too long");
}

static int steps(struct work *w, EVP_PKEY *key, struct buf *chain) {
    int rc = order_new(w);
    /* an account that the authority has forgotten is made anew, once */
    if (rc == ERR_DENIED && acme_problem_is(&w->client->problem, "accountDoesNotExist")) {
        rc = acme_account(w->client, w->err);
        if (rc == 0) rc = order_new(w);
    }
    for (size_t i = 0; rc == 0 && i < w->order.authorization_count; i++) rc = authorize(w, w->order.authorizations[i]);
    if (rc == 0 && w->order.status != ACME_READY) rc = order_wait(w, ACME_READY);
    if (rc == 0 && w->order.status != ACME_VALID) rc = finalize(w, key);
    return rc == 0 ? download(w, chain) : rc;
}

int acme_order(struct acme_client *c, const char *name, const char *type, EVP_PKEY *key, struct buf *chain,
               struct error *err) {
    struct work w = {.client = c, .name = name, .type = type, .err = err};
    ARENA_AUTO arena = arena_new(ARENA_MAX);
    if (arena == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    c->arena = arena;
    c->nonce[0] = '\0';
    int rc = acme_get_directory(c, err);
    if (rc == 0 && c->kid[0] == '\0') rc = acme_account(c, err);
    if (rc == 0) rc = steps(&w, key, chain);
    c->arena = NULL;
    return rc;
}
