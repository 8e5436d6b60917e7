/* What the command line and iems-acme may ask about certificates. iems-acme may write nothing but certificates of names
 * whose row says acme = yes, and its own state. */
#include "responder/responder.h"

#include "base/clock.h"
#include "base/encode.h"
#include "net/loop.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATE_MAX = 3 * 1024 * 1024, CA_MAX = 256 * 1024, APPLIED_WAIT_MS = 2000 };

static const char state_file[] = "acme.json";

static void fill(Control__CertificateState *s, const struct certificate *c) {
    control__certificate_state__init(s);
    s->name = c->name;
    s->file = c->file;
    s->acme = c->acme;
    s->loaded = c->pem.len > 0;
    s->problem = (char *)(uintptr_t)c->problem;
    if (!s->loaded) return;
    s->not_before = c->info.not_before;
    s->not_after = c->info.not_after;
    s->keys = (char *)(uintptr_t)c->info.kinds;
    s->issuer = (char *)(uintptr_t)c->info.issuer;
    s->names = (char *)(uintptr_t)buf_cstr(&c->names);
    s->self_signed = c->info.self_signed;
    s->digests = (char *)(uintptr_t)c->info.digests;
}

int handle_certificate_list(struct rpc_request *q, struct error *err, void *arg) {
    const struct responder *r = arg;
    const struct certificates *cs = &r->certificates;
    Control__CertificateState *items = arena_alloc(q->arena, cs->count * sizeof *items);
    Control__CertificateState **list = arena_alloc(q->arena, cs->count * sizeof(Control__CertificateState *));
    if (items == NULL || list == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < cs->count; i++) {
        fill(&items[i], &cs->list[i]);
        list[i] = &items[i];
    }
    Control__CertificateList reply = CONTROL__CERTIFICATE_LIST__INIT;
    reply.list = list;
    reply.n_list = cs->count;
    rpc_answer(q, &reply.base, STR_EMPTY);
    return 0;
}

static bool asked_by_acme(const struct rpc_request *q) {
    return strcmp(rpc_session_name(q->session), "acme") == 0;
}

static int done(struct rpc_request *q) {
    Control__Empty empty = CONTROL__EMPTY__INIT;
    rpc_answer(q, &empty.base, STR_EMPTY);
    return 0;
}

int handle_certificate_install(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    const Control__CertificateInstall *m = (const void *)q->msg;
    struct tls_identity *id = NULL;
    char usual[300];
    struct certificate *c = certificate_find(r, str_from(m->name));
    if (asked_by_acme(q) && (c == NULL || !c->acme))
        return error_set(err, ERR_DENIED, "'%.200s' is not ACME's", m->name);
    int rc = tls_identity_new(rpc_bytes(m->pem), &id, err);
    if (rc != 0) return rc;
    bool covers = m->name[0] == '\0' || tls_identity_covers(id, str_from(m->name));
    struct tls_identity_info info;
    tls_identity_describe(id, &info);
    tls_identity_free(id);
    if (info.not_after < clock_wall_s()) return error_set(err, ERR_INVALID, "the certificate has ended already");
    if (!covers) return error_set(err, ERR_INVALID, "the certificate is not for %.200s", m->name);
    const char *file = c != NULL ? c->file : usual;
    if (c == NULL && !certificate_file_is_good(certificate_default_file(m->name, usual))) {
        return error_set(err, ERR_INVALID, "'%.200s' is no name for a certificate", m->name);
    }
    rc = certificate_file_write(r, file, rpc_bytes(m->pem), err);
    if (rc != 0) return rc;
    log_event(LOG_MESSAGE, "-", "certificate-installed", "name=%s file=tls/%s by=%s",
              m->name[0] == '\0' ? "-" : m->name, file, rpc_session_name(q->session));
    (void)certificates_refresh(r, false, NULL);
    return done(q);
}

/* Answers when the modules have it: the authority may look at once. */
int handle_proof_set(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    const Control__Proof *m = (const void *)q->msg;
    int rc = certificates_proof_set(r, m->name, rpc_bytes(m->pem), err);
    if (rc != 0) return rc;
    if (m->pem.len > 0) health_await_all(r, loop_now_ms() + APPLIED_WAIT_MS);
    return done(q);
}

/* ---------------------------------------------------------------- state of iems-acme: accounts, what was tried and
 * told */

int handle_acme_state_get(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    BUF_AUTO ca = BUF_INIT(CA_MAX + 8192);
    struct buf json = BUF_INIT(STATE_MAX + 8192);
    const char *ca_file = settings_str(r->settings, "acme.ca_file");
    Control__AcmeState state = CONTROL__ACME_STATE__INIT;
    int rc = certificate_file_read(r, state_file, STATE_MAX, &json, err);
    if (rc == ERR_NOTFOUND) rc = 0;
    if (rc == 0 && ca_file[0] != '\0') {
        rc = certificate_file_read(r, ca_file, CA_MAX, &ca, err);
        if (rc != 0) error_prefix(err, "acme.ca_file");
    }
    state.json = (char *)(uintptr_t)buf_cstr(&json);
    state.ca_pem = (char *)(uintptr_t)buf_cstr(&ca);
    if (rc == 0) rpc_answer(q, &state.base, STR_EMPTY);
    buf_wipe(&json);
    return rc;
}

int handle_acme_state_put(struct rpc_request *q, struct error *err, void *arg) {
    const Control__AcmeState *m = (const void *)q->msg;
    struct str json = str_from(m->json);
    if (json.len > STATE_MAX) return error_set(err, ERR_LIMIT, "larger than %d bytes", STATE_MAX);
    int rc = certificate_file_write(arg, state_file, json, err);
    return rc == 0 ? done(q) : rc;
}
