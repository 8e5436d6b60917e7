/* Requests of ACME: directory, nonces, signed posts with the repetitions that RFC 8555 section 6.5 asks for, the
 * account. */
#include "acme/client.h"
#include "acme/jws.h"

#include "base/log.h"
#include "net/loop.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONCE_TRIES = 5, REQUEST_MS = 30 * 1000, TERMS_SHOWN_MAX = 200 };

static int fetch(struct acme_client *c, const char *method, struct str url, struct str body, struct http_answer *out,
                 struct error *err) {
    uint64_t until = loop_now_ms() + REQUEST_MS;
    struct http_ask ask = {
        .method = method,
        .content_type = body.len > 0 ? "application/jose+json" : NULL,
        .url = url,
        .body = body,
        .answer_max = ACME_JSON_MAX,
        .deadline_ms = until < c->deadline_ms ? until : c->deadline_ms,
    };
    return http_fetch(&c->http, &ask, out, err);
}

static void keep_nonce(struct acme_client *c, const struct http_response *r) {
    struct str nonce = http_response_field(r, STR("Replay-Nonce"));
    if (str_to_cstr(nonce, c->nonce, sizeof c->nonce) != 0) c->nonce[0] = '\0';
}

static int refused(struct acme_client *c, struct http_answer *a, struct error *err) {
    acme_problem_parse(buf_str(&a->body), &c->problem);
    bool later = acme_problem_is(&c->problem, "rateLimited") || a->response.status >= 500;
    return error_set(err, later ? ERR_AGAIN : ERR_DENIED, "the authority answers %u: %s", a->response.status,
                     c->problem.text);
}

int acme_get_directory(struct acme_client *c, struct error *err) {
    HTTP_ANSWER_AUTO a = {0};
    int rc = fetch(c, "GET", str_from(c->directory_url), STR_EMPTY, &a, err);
    if (rc == 0 && a.response.status != 200) {
        rc = error_set(err, ERR_AGAIN, "%s: status %u", c->directory_url, a.response.status);
    }
    if (rc == 0) rc = acme_directory_parse(buf_str(&a.body), c->arena, &c->directory, err);
    if (rc == 0 && c->directory.needs_binding) {
        rc = error_set(err, ERR_DENIED, "this authority wants accounts that are bound to one elsewhere");
    }
    return rc;
}

static int get_nonce(struct acme_client *c, struct error *err) {
    HTTP_ANSWER_AUTO a = {0};
    if (c->nonce[0] != '\0') return 0;
    int rc = fetch(c, "HEAD", c->directory.new_nonce, STR_EMPTY, &a, err);
    if (rc != 0) return rc;
    keep_nonce(c, &a.response);
    return c->nonce[0] != '\0' ? 0 : error_set(err, ERR_AGAIN, "the authority gives no nonce");
}

static int post_once(struct acme_client *c, struct str url, struct str payload, struct http_answer *out,
                     struct error *err) {
    BUF_AUTO body = BUF_INIT(JWS_MAX);
    int rc = get_nonce(c, err);
    if (rc != 0) return rc;
    rc = jws_make(c->key, str_from(c->kid), str_from(c->nonce), url, payload, &body);
    c->nonce[0] = '\0';
    if (rc != 0) return error_set(err, rc, "cannot sign a request");
    struct http_answer a = {0};
    rc = fetch(c, "POST", url, buf_str(&body), &a, err);
    if (rc != 0) return rc;
    keep_nonce(c, &a.response);
    c->problem = (struct acme_problem){0};
    if (a.response.status / 100 != 2) {
        rc = refused(c, &a, err);
        http_answer_done(&a);
        return rc;
    }
    *out = a;
    return 0;
}

int acme_post(struct acme_client *c, struct str url, struct str payload, struct http_answer *out, struct error *err) {
    int rc = ERR_AGAIN;
    for (int i = 0; i < NONCE_TRIES; i++) {
        rc = post_once(c, url, payload, out, err);
        if (rc == 0 || !acme_problem_is(&c->problem, "badNonce")) break;
    }
    return rc;
}

int acme_account(struct acme_client *c, struct error *err) {
    HTTP_ANSWER_AUTO a = {0};
    struct str terms = c->directory.terms;
    if (terms.len > 0 && !c->terms_agreed)
        return error_set(err, ERR_DENIED,
                         "the terms of the authority are not agreed to: read %.*s, then set acme.agree_terms",
                         STR_ARG(str_sub(terms, 0, TERMS_SHOWN_MAX)));
    char mail[ACME_CONTACT_MAX];
    (void)snprintf(mail, sizeof mail, "mailto:%s", c->contact);
    json_t *j = json_pack("{s:b}", "termsOfServiceAgreed", 1);
    if (c->contact[0] != '\0') (void)json_object_set_new(j, "contact", json_pack("[s]", mail));
    char *payload = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    if (payload == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    c->kid[0] = '\0';
    int rc = acme_post(c, c->directory.new_account, str_from(payload), &a, err);
    free(payload);
    if (rc != 0) return rc;
    struct str kid = http_response_field(&a.response, STR("Location"));
    if (kid.len == 0 || str_to_cstr(kid, c->kid, sizeof c->kid) != 0) {
        c->kid[0] = '\0';
        return error_set(err, ERR_INVALID, "the authority names no account");
    }
    log_event(LOG_MESSAGE, "-", "acme-account", "directory=%s account=%s", c->directory_url, c->kid);
    return 0;
}
