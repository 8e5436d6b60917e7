/* Which certificate is due, getting it, and what follows from a failure. */
#include "acme/acme.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "net/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIFE_PARTS = 3, JITTER_PARTS = 30, STEPS_MAX = 16, LIST_TRIES = 25, LIST_WAIT_MS = 200 };

/* ---------------------------------------------------------------- state */

int acme_load(struct acme *a, struct error *err) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc =
        rpc_call(a->control, CONTROL_ACME_STATE_GET, &empty.base, STR_EMPTY, loop_now_ms() + ACME_CALL_MS, &reply, err);
    if (rc != 0) return rc;
    const Control__AcmeState *m = (const void *)reply.msg;
    buf_clear(&a->ca_pem);
    buf_adds(&a->ca_pem, m->ca_pem);
    if (a->state != NULL) return a->ca_pem.error;
    rc = acme_state_read(str_from(m->json), &a->state);
    return rc == 0 ? 0 : error_set(err, rc, "tls/acme.json is damaged: repair or remove it");
}

int acme_save(struct acme *a) {
    struct buf json = BUF_INIT(ACME_STATE_MAX);
    struct error err = {0};
    Control__AcmeState m = CONTROL__ACME_STATE__INIT;
    int rc = acme_state_write(a->state, &json);
    m.json = (char *)(uintptr_t)buf_cstr(&json);
    if (rc == 0) {
        rc = rpc_call(a->control, CONTROL_ACME_STATE_PUT, &m.base, STR_EMPTY, loop_now_ms() + ACME_CALL_MS, NULL, &err);
    }
    buf_wipe(&json);
    if (rc != 0) log_event(LOG_ERROR, "-", "acme-state", "error=\"%s\"", err.text[0] != '\0' ? err.text : err_name(rc));
    return rc;
}

/* ---------------------------------------------------------------- one order */

/* Whose key: of the account at a directory; or, with a name, of a certificate with a key of this kind. */
struct key_owner {
    const char *directory, *name, *kind;
};

/* A new key, saved before it is used. */
static int key_make(struct acme *a, struct key_owner o, EVP_PKEY **out, struct error *err) {
    bool account = o.name == NULL, rsa = !account && strcmp(o.kind, "rsa") == 0;
    struct buf fresh = BUF_INIT(ACME_KEY_MAX);
    EVP_PKEY *key = acme_key_new(rsa ? ACME_RSA : ACME_ECDSA);
    int rc = key == NULL ? ERR_NOMEM : acme_key_write(key, &fresh);
    if (rc == 0 && account) rc = acme_state_set_account(a->state, o.directory, buf_str(&fresh), "");
    if (rc == 0 && !account) rc = acme_state_set_name_key(a->state, o.name, o.kind, buf_str(&fresh));
    buf_wipe(&fresh);
    if (rc == 0) rc = acme_save(a);
    if (rc != 0) {
        EVP_PKEY_free(key);
        return error_set(err, rc, "cannot keep a key for the %s", account ? "account" : "certificate");
    }
    *out = key;
    return 0;
}

static int account_key(struct acme *a, const char *directory, EVP_PKEY **out, struct error *err) {
    struct str pem = acme_state_key(a->state, directory);
    if (pem.len == 0) return key_make(a, (struct key_owner){.directory = directory}, out, err);
    EVP_PKEY *key = acme_key_read(pem);
    if (key == NULL) return error_set(err, ERR_CORRUPT, "the account's key in tls/acme.json is damaged");
    *out = key;
    return 0;
}

/* The key of the certificate before, as TLSA records "3 1 1" want it (RFC 7671 section 8.1), or a new one. */
static int name_key(struct acme *a, const char *name, const char *kind, EVP_PKEY **out, struct error *err) {
    EVP_PKEY *key =
        option_bool(a->daemon, "acme.keep_keys") ? acme_key_read(acme_state_name_key(a->state, name, kind)) : NULL;
    if (key == NULL) return key_make(a, (struct key_owner){.name = name, .kind = kind}, out, err);
    *out = key;
    return 0;
}

static int get_one(struct acme_client *c, const char *name, const char *types, EVP_PKEY *key, struct buf *pem,
                   struct error *err) {
    int rc = error_set(err, ERR_INVALID, "acme.challenge names no kind of proof");
    struct str list = str_from(types);
    for (struct str word; (word = str_word(&list)).len > 0;) {
        char type[40];
        if (str_to_cstr(word, type, sizeof type) != 0 ||
            (strcmp(type, "http-01") != 0 && strcmp(type, "tls-alpn-01") != 0)) {
            rc = error_set(err, ERR_INVALID, "acme.challenge: '%.40s' is none of http-01, tls-alpn-01", type);
            break;
        }
        struct buf chain = BUF_INIT(ACME_CHAIN_MAX);
        rc = acme_order(c, name, type, key, &chain, err);
        if (rc == 0) {
            buf_add(pem, buf_str(&chain));
            rc = acme_key_write(key, pem);
        }
        buf_done(&chain);
        if (rc != ERR_DENIED) break; /* another proof would not help */
        log_event(LOG_WARNING, "-", "acme-refused", "name=%s by=%s error=\"%s\"", name, type, err->text);
    }
    return rc;
}

static int get_kinds(struct acme *a, struct acme_client *c, const char *name, struct buf *pem, struct error *err) {
    struct str kinds = str_from(option_str(a->daemon, "acme.keys"));
    int rc = error_set(err, ERR_INVALID, "acme.keys names no kind of key");
    for (struct str word; (word = str_word(&kinds)).len > 0;) {
        const char *kind = str_eq(word, STR("rsa")) ? "rsa" : "ecdsa";
        EVP_PKEY *key = NULL;
        if (!str_eq(word, str_from(kind))) return error_set(err, ERR_INVALID, "acme.keys: none of ecdsa, rsa");
        rc = name_key(a, name, kind, &key, err);
        if (rc == 0) rc = get_one(c, name, option_str(a->daemon, "acme.challenge"), key, pem, err);
        EVP_PKEY_free(key);
        if (rc != 0) break;
    }
    return rc;
}

static int install(struct acme *a, const char *name, struct str pem, struct error *err) {
    Control__CertificateInstall m = CONTROL__CERTIFICATE_INSTALL__INIT;
    m.name = (char *)(uintptr_t)name;
    m.pem = rpc_binary(pem);
    return rpc_call(a->control, CONTROL_CERTIFICATE_INSTALL, &m.base, STR_EMPTY, loop_now_ms() + ACME_CALL_MS, NULL,
                    err);
}

static int client_fill(struct acme *a, struct acme_client *c, struct error *err) {
    int rc = acme_load(a, err);
    if (rc != 0) return rc;
    const char *directory = option_str(a->daemon, "acme.directory");
    *c = (struct acme_client){
        .http = {.resolver = a->resolver, .tls = a->system_roots, .user_agent = "iems-acme/" IEMS_VERSION},
        .ops = &acme_proofs,
        .arg = a,
        .directory_url = directory,
        .contact = option_str(a->daemon, "acme.contact"),
        .terms_agreed = option_bool(a->daemon, "acme.agree_terms"),
        .deadline_ms = loop_now_ms() + option_u64(a->daemon, "acme.timeout") * 1000,
    };
    if (str_to_cstr(acme_state_kid(a->state, directory), c->kid, sizeof c->kid) != 0) c->kid[0] = '\0';
    if (a->ca_pem.len > 0) {
        c->http.tls = NULL;
        rc = tls_client_new(buf_str(&a->ca_pem), &c->http.tls, err);
        if (rc != 0) return error_prefix(err, "acme.ca_file");
    }
    return account_key(a, directory, &c->key, err);
}

static int order(struct acme *a, const char *name, struct error *err) {
    struct acme_client c = {0};
    struct buf pem = BUF_INIT(ACME_PEM_MAX);
    /* options are lent until they change */
    char *directory = NULL, *contact = NULL;
    int rc = str_starts(str_from(name), STR("*.")) ? error_set(err, ERR_UNSUPPORTED, "names with * need a proof by DNS")
                                                   : client_fill(a, &c, err);
    if (rc == 0) {
        c.directory_url = directory = str_dup(str_from(c.directory_url));
        c.contact = contact = str_dup(str_from(c.contact));
        rc = directory == NULL || contact == NULL ? ERR_NOMEM : get_kinds(a, &c, name, &pem, err);
        if (directory != NULL && !str_eq(str_from(c.kid), acme_state_kid(a->state, directory))) {
            struct buf key = BUF_INIT(ACME_KEY_MAX);
            if (acme_key_write(c.key, &key) == 0) {
                (void)!acme_state_set_account(a->state, directory, buf_str(&key), c.kid);
            }
            buf_wipe(&key);
        }
    }
    if (rc == 0) rc = install(a, name, buf_str(&pem), err);
    buf_wipe(&pem);
    EVP_PKEY_free(c.key);
    if (a->ca_pem.len > 0 && c.http.tls != a->system_roots) tls_client_free(c.http.tls);
    free(directory);
    free(contact);
    return rc;
}

/* ---------------------------------------------------------------- what follows */

static int64_t backoff(const struct acme *a, unsigned failures) {
    uint64_t steps[STEPS_MAX] = {600}, seconds;
    size_t count = 0;
    struct str list = str_from(option_str(a->daemon, "acme.retry"));
    for (struct str word; count < STEPS_MAX && (word = str_word(&list)).len > 0;) {
        if (clock_parse_duration(word, &seconds) == 0) steps[count++] = seconds;
    }
    uint64_t step = steps[count == 0 ? 0 : failures <= count ? failures - 1 : count - 1], chance;
    random_bytes(&chance, sizeof chance);
    return (int64_t)(step + chance % (step / 10 + 1));
}

static void note(struct acme *a, const char *name, int rc, const struct error *err) {
    struct acme_name n;
    acme_state_get(a->state, name, &n);
    n.last = clock_wall_s();
    n.failures = rc == 0 ? 0 : n.failures + 1;
    n.next = rc == 0 ? 0 : n.last + backoff(a, n.failures);
    (void)snprintf(n.problem, sizeof n.problem, "%s", rc == 0 ? "" : err->text[0] != '\0' ? err->text : err_name(rc));
    (void)!acme_state_set(a->state, name, &n);
    (void)!acme_save(a);
    if (rc == 0) {
        a->orders++;
        log_event(LOG_MESSAGE, "-", "acme", "name=%s result=renewed", name);
    } else {
        a->failures++;
        log_event(LOG_ERROR, "-", "acme", "name=%s error=\"%s\" failures=%u next_s=%lld", name, n.problem, n.failures,
                  (long long)(n.next - n.last));
    }
}

static int await_free(struct acme *a) {
    while (a->busy) {
        int rc = cond_wait(&a->free_again, DEADLINE_NEVER);
        if (rc != 0) return rc;
    }
    return 0;
}

static int order_alone(struct acme *a, const char *name, struct error *err) {
    int rc = await_free(a);
    if (rc != 0) return rc;
    a->busy = true;
    rc = acme_load(a, err);
    if (rc == 0) {
        rc = order(a, name, err);
        if (rc != ERR_CANCELLED) note(a, name, rc, err);
    }
    a->busy = false;
    cond_broadcast(&a->free_again); /* who only looks does not pass it on */
    return rc;
}

static int list_get(struct acme *a, struct rpc_reply *reply, struct error *err) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    return rpc_call(a->control, CONTROL_CERTIFICATE_LIST, &empty.base, STR_EMPTY, loop_now_ms() + ACME_CALL_MS, reply,
                    err);
}

static const Control__CertificateState *list_find(const struct rpc_reply *reply, const char *name) {
    const Control__CertificateList *list = (const void *)reply->msg;
    for (size_t i = 0; i < list->n_list; i++) {
        if (list->list[i]->acme && strcmp(list->list[i]->name, name) == 0) return list->list[i];
    }
    return NULL;
}

int acme_renew(struct acme *a, const char *name, struct error *err) {
    /* a row that was just made is known to the responder in a moment */
    for (int i = 0; i < LIST_TRIES; i++) {
        RPC_REPLY_AUTO reply = {0};
        int rc = list_get(a, &reply, err);
        if (rc != 0) return rc;
        if (list_find(&reply, name) != NULL) return order_alone(a, name, err);
        rc = fiber_sleep(LIST_WAIT_MS);
        if (rc != 0) return rc;
    }
    return error_set(err, ERR_NOTFOUND, "no row of the table says that ACME gets a certificate for %s", name);
}

/* A third of its life is left, a little more or less by the name, so that many do not come at once. */
static bool is_due(const struct acme *a, const Control__CertificateState *s, int64_t now) {
    struct acme_name n;
    acme_state_get(a->state, s->name, &n);
    if (!s->acme || s->name[0] == '\0' || now < n.next) return false;
    if (!s->loaded || s->self_signed) return true;
    int64_t life = s->not_after - s->not_before, parts = life / JITTER_PARTS;
    uint32_t spread = 0;
    for (const char *c = s->name; *c != '\0'; c++) spread = spread * 31 + (unsigned char)*c;
    int64_t jitter = parts > 0 ? (int64_t)(spread % (uint64_t)parts) : 0;
    return now >= s->not_after - life / LIFE_PARTS - jitter;
}

static void look(struct acme *a) {
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    int rc = await_free(a);
    if (rc == 0) rc = acme_load(a, &err);
    if (rc == 0) rc = list_get(a, &reply, &err);
    if (rc != 0) {
        if (rc != ERR_CANCELLED) log_event(LOG_WARNING, "-", "acme", "error=\"%s\"", err.text);
        return;
    }
    const Control__CertificateList *list = (const void *)reply.msg;
    acme_warn(a, list);
    for (size_t i = 0; i < list->n_list && !fiber_cancelled(); i++) {
        if (is_due(a, list->list[i], clock_wall_s())) (void)!order_alone(a, list->list[i]->name, &err);
    }
}

void acme_main(void *acme) {
    struct acme *a = acme;
    for (int rc = 0; rc != ERR_CANCELLED && !fiber_cancelled();) {
        uint64_t told = a->told;
        look(a); /* takes minutes when there is an order: what was told meanwhile it may not have seen */
        if (a->told == told) rc = cond_wait(&a->wake, loop_now_ms() + ACME_LOOK_MS);
    }
}
