/* Authentication (DIR-17, SAUTH-01 to SAUTH-03): PLAIN, LOGIN, SCRAM. What a client learns, and after
 * how long, is the same whether the account does not exist or the password is wrong. */
#include "dir/login.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/map.h"
#include "dir/host.h"
#include "dir/password.h"
#include "dir/tables.h"
#include "net/loop.h"
#include "proto/smtp/address.h"
#include "rpc/ticket.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MB = 1024 * 1024, TICKET_LIFE_S = 24 * 60 * 60, HASH_WAIT_MS = 20000, SALT_LEN = 16 };

/* ---------------------------------------------------------------- hashing on workers */

static int wait_turn(struct dir *d) {
    if (d->hashes_waiting >= HASHES_WAITING_MAX) return ERR_AGAIN;
    d->hashes_waiting++;
    int rc = semaphore_take(&d->hashes, loop_now_ms() + HASH_WAIT_MS);
    d->hashes_waiting--;
    return rc != 0 ? ERR_AGAIN : 0;
}

static int hash_and_give_turn(struct dir *d, void (*fn)(void *arg), void *arg) {
    d->counts.hashes++;
    int rc = work_run(fn, arg);
    semaphore_give(&d->hashes);
    return rc;
}

int dir_hash(struct dir *d, void (*fn)(void *arg), void *arg) {
    int rc = wait_turn(d);
    return rc != 0 ? rc : hash_and_give_turn(d, fn, arg);
}

struct verification {
    struct phc phc;
    struct str password;
    int rc;
};

static void verify(void *arg) {
    struct verification *v = arg;
    v->rc = phc_verify(&v->phc, v->password);
}

/* The hash that stands in for an account that is not there: costs as much, matches nothing. */
static struct phc dummy_phc(void) {
    struct phc p = {.memory_kib = PASSWORD_MEMORY_KIB,
                    .passes = PASSWORD_PASSES,
                    .lanes = PASSWORD_LANES,
                    .salt_len = PASSWORD_SALT_LEN,
                    .hash_len = PASSWORD_HASH_LEN};
    random_bytes(p.hash, p.hash_len);
    return p;
}

/* ---------------------------------------------------------------- answers */

static void log_result(const struct login *l, const char *event, const char *more) {
    log_event(LOG_INFO, "-", event, "service=%s mechanism=%s user=\"%s\" peer=%s tls=%s%s", l->service, l->mechanism,
              l->name, l->peer, l->tls ? "yes" : "no", more);
}

/* Web folders: the account must have them enabled and its domain must not have them disabled (WFOLD-03, WFOLD-04). */
static void ticket_files(struct dir *d, const struct entry *e, struct ticket *t) {
    const struct table *table = table_find(STR("domainquota"));
    struct rows *rows;
    struct str domain = address_domain_of(entry_get(e, ATTR_ADDRESS));
    if ((e->flags & ENTRY_WEB_ENABLED) == 0 || tables_rows(d->tables, table, &rows) != 0) return;
    const struct row *row = rows_match_domain(rows, domain);
    t->files = row_bool(table, row, "files");
    t->files_quota = e->web_quota_mb * MB;
    t->files_domain_quota = row_u64(table, row, "files_total");
}

/* `challenge`: additional data with success. */
static int answer_ok(struct dir *d, struct rpc_request *r, const struct login *l, const struct entry *e,
                     struct str challenge, struct error *err) {
    BUF_AUTO sealed = BUF_INIT(TICKET_MAX);
    struct ticket t = {.account = e->account,
                       .quota = e->quota_mb * MB,
                       .expires_s = clock_wall_s() + TICKET_LIFE_S,
                       .address = entry_get(e, ATTR_ADDRESS),
                       .service = str_from(l->service)};
    ticket_files(d, e, &t);
    int rc = ticket_seal(daemon_ticket_key(d->daemon), &t, &sealed);
    if (rc != 0) return error_set(err, rc, "cannot make a ticket");
    Dir__AuthReply reply = DIR__AUTH_REPLY__INIT;
    reply.state = DIR__AUTH_STATE__OK;
    reply.challenge = rpc_binary(challenge);
    reply.ticket = rpc_binary(buf_str(&sealed));
    reply.address = arena_cstr(r->arena, t.address);
    reply.account = t.account;
    reply.quota = t.quota;
    reply.may_send = entry_permission(e, STR("LOCAL")) & PERMIT_SEND;
    reply.text = (char *)(uintptr_t) "logged in";
    if (reply.address == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    d->counts.logins++;
    brake_success(d->brake, l->brake_account);
    log_result(l, "login", "");
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int answer_state(struct rpc_request *r, Dir__AuthState state, const char *text, uint32_t delay_ms) {
    Dir__AuthReply reply = DIR__AUTH_REPLY__INIT;
    reply.state = state;
    reply.text = (char *)(uintptr_t)text;
    reply.delay_ms = delay_ms;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

int login_fail_for_now(struct rpc_request *r) {
    return answer_state(r, DIR__AUTH_STATE__TEMPORARY, "temporary authentication failure", 0);
}

static void tell_brake(const struct login *l, const char *what, const struct brake_state *s) {
    if (!s->tell) return;
    log_event(LOG_WARNING, "-", "login-brake", "what=%s user=\"%s\" peer=%s failures=%u service=%s", what, l->name,
              l->peer, s->failures, l->service);
}

/* Counts the failure; the delay is the longer one of account and network. */
int login_refuse(struct dir *d, struct rpc_request *r, const struct login *l) {
    struct brake_state account, network;
    uint64_t now = loop_now_ms();
    brake_failure(d->brake, &d->brake_settings, l->brake_account, now, &account);
    brake_failure(d->brake, &d->brake_settings, l->brake_network, now, &network);
    tell_brake(l, "account", &account);
    tell_brake(l, "network", &network);
    d->counts.failures++;
    log_result(l, "login-failed", "");
    uint32_t delay = account.delay_ms > network.delay_ms ? account.delay_ms : network.delay_ms;
    return answer_state(r, DIR__AUTH_STATE__FAILED, "authentication failed", delay);
}

int login_throttle(struct dir *d, struct rpc_request *r) {
    d->counts.throttled++;
    return answer_state(r, DIR__AUTH_STATE__THROTTLED, "too many failed logins, try again later", BRAKE_DELAY_MAX_MS);
}

/* ---------------------------------------------------------------- who */

void login_find(struct dir *d, struct login *l, struct arena *arena, struct login_user *out) {
    const struct entry *e = resolve_entry(d->mirror, &d->settings, str_from(l->name), NULL, arena);
    bool usable = e != NULL && e->account != 0 && (e->classes & ENTRY_STORE_USER);
    *out = (struct login_user){.entry = usable ? e : NULL};
    if (!usable) return;
    out->account = e->account;
    out->verifier = e->verifier;
    l->brake_account = brake_key_account(entry_get(e, ATTR_ADDRESS));
}

/* RFC 4616: acting for somebody else is not offered; asking for oneself is fine. */
bool login_authzid_ok(struct dir *d, struct str authzid, const struct login_user *u, struct arena *arena) {
    if (authzid.len == 0) return true;
    const struct entry *e = resolve_entry(d->mirror, &d->settings, authzid, NULL, arena);
    return e != NULL && e == u->entry;
}

bool login_is_braked(struct dir *d, const struct login *l) {
    struct brake_state s;
    brake_get(d->brake, &d->brake_settings, l->brake_network, loop_now_ms(), &s);
    return s.refuse;
}

static const char *service_name(const char *service) {
    static const char *const names[][2] = {{"imap", "IMAP"}, {"pop3", "POP3"}, {"smtp", "SMTP"}, {"web", "the web"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(service, names[i][0]) == 0) return names[i][1];
    return service;
}

/* LOGIN-DELAY (RFC 2449 section 6.5), over all workers. Times are kept in place of pointers. */
static bool pop3_too_soon(struct dir *d, uint64_t account) {
    uint64_t delay_s = option_u64(d->daemon, "pop3d.login_delay");
    uintptr_t now = (uintptr_t)(loop_now_ms() / 1000 + 1);
    if (delay_s == 0) return false;
    if (d->pop3_logins == NULL && (d->pop3_logins = map_new(MAP_BYTES)) == NULL) return false;
    uintptr_t last = (uintptr_t)map_get(d->pop3_logins, map_u64_key(&account));
    if (last != 0 && now - last < delay_s) return true;
    (void)!map_put(d->pop3_logins, map_u64_key(&account), (void *)now, NULL);
    return false;
}

/* RFC 2221: the proof was right, but here is no mailbox. Sending needs none. */
static int answer_elsewhere(struct rpc_request *r, const struct login *l, const struct entry *e, struct str host) {
    Dir__AuthReply reply = DIR__AUTH_REPLY__INIT;
    const char *text = arena_printf(r->arena, "the mailbox is on %.*s, log in there", STR_ARG(host));
    log_result(l, "login-failed", " reason=other-host");
    reply.state = DIR__AUTH_STATE__DISABLED;
    reply.host = arena_cstr(r->arena, host);
    reply.address = arena_cstr(r->arena, entry_get(e, ATTR_ADDRESS));
    if (text == NULL || reply.host == NULL || reply.address == NULL) return ERR_NOMEM;
    reply.text = (char *)(uintptr_t)text;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

int login_accept(struct dir *d, struct rpc_request *r, struct login *l, const struct login_user *u,
                 struct str challenge, struct error *err) {
    if (u->entry == NULL) return login_refuse(d, r, l);
    if (u->entry->flags & ENTRY_DISABLED) {
        log_result(l, "login-failed", " reason=disabled");
        return answer_state(r, DIR__AUTH_STATE__DISABLED, "account is disabled", 0);
    }
    if (u->entry->flags & entry_service_flag(str_from(l->service))) {
        log_result(l, "login-failed", " reason=service-off");
        const char *text = arena_printf(r->arena, "this account may not use %s", service_name(l->service));
        return answer_state(r, DIR__AUTH_STATE__DISABLED, text != NULL ? text : "not for this account", 0);
    }
    struct str host = strcmp(l->service, "smtp") == 0 || strcmp(l->service, "lmtp") == 0
                          ? STR_EMPTY
                          : host_of(d->mirror, &d->settings, u->entry);
    if (host.len > 0) return answer_elsewhere(r, l, u->entry, host);
    if (strcmp(l->service, "pop3") == 0 && pop3_too_soon(d, u->entry->account)) {
        log_result(l, "login-failed", " reason=login-delay");
        return answer_state(r, DIR__AUTH_STATE__TOO_SOON, "logged in too short a time ago, come again later", 0);
    }
    return answer_ok(d, r, l, u->entry, challenge, err);
}

/* ---------------------------------------------------------------- passwords */

/* Right or wrong, as is known by now or for one argon2id: many who log in at once with the same password, as a client
 * does that opens its connections, pay it once. */
static int find_out(struct dir *d, const struct login_user *u, const struct credential_key *key, struct str password,
                    bool *right) {
    struct verification v = {.password = password};
    bool real = u->entry != NULL && phc_parse(entry_get(u->entry, ATTR_PASSWORD), &v.phc) == 0;
    if (!real) v.phc = dummy_phc();
    if (wait_turn(d) != 0) return ERR_AGAIN;
    enum credential_state known = credential_cache_get(d->credentials, key, u->verifier, loop_now_ms());
    if (known != CREDENTIAL_UNKNOWN) {
        semaphore_give(&d->hashes);
        *right = known == CREDENTIAL_RIGHT;
        return 0;
    }
    if (hash_and_give_turn(d, verify, &v) != 0 || v.rc == ERR_NOMEM) return ERR_AGAIN;
    *right = real && v.rc == 0;
    return 0;
}

/* The entry may change meanwhile: it is looked up again. */
static int hash_password(struct dir *d, struct rpc_request *r, struct login *l, struct login_user *u,
                         const struct credential_key *key, struct str password, struct error *err) {
    struct login_user now;
    bool right;
    if (find_out(d, u, key, password, &right) != 0) return login_fail_for_now(r);
    login_find(d, l, r->arena, &now);
    if (now.account != u->account || now.verifier != u->verifier) return login_fail_for_now(r);
    credential_cache_put(d->credentials, key, u->verifier, right, loop_now_ms());
    return right ? login_accept(d, r, l, &now, STR_EMPTY, err) : login_refuse(d, r, l);
}

int login_password(struct dir *d, struct rpc_request *r, struct login *l, struct str authzid, struct str password,
                   struct error *err) {
    struct login_user u;
    struct credential_key key;
    login_find(d, l, r->arena, &u);
    struct buf prepared = BUF_INIT(4 * PASSWORD_MAX);
    if (password_prepare(password, &prepared) != 0 || !login_authzid_ok(d, authzid, &u, r->arena)) {
        buf_wipe(&prepared);
        return login_refuse(d, r, l);
    }
    credential_key_make(d->credentials, u.account, str_from(l->name), buf_str(&prepared), &key);
    int rc;
    switch (credential_cache_get(d->credentials, &key, u.verifier, loop_now_ms())) {
    case CREDENTIAL_RIGHT: /* known before: comes in even from a network that is refused */
        d->counts.logins_cached++;
        rc = login_accept(d, r, l, &u, STR_EMPTY, err);
        break;
    case CREDENTIAL_WRONG: rc = login_is_braked(d, l) ? login_throttle(d, r) : login_refuse(d, r, l); break;
    default:
        rc = login_is_braked(d, l) ? login_throttle(d, r) : hash_password(d, r, l, &u, &key, buf_str(&prepared), err);
        break;
    }
    buf_wipe(&prepared);
    return rc;
}

/* ---------------------------------------------------------------- SCRAM */

/* For users that are not there: always the same salt for the same name, as a real one would have, another for each
 * hash. */
static void made_up_keys(const struct dir *d, enum scram_hash hash, struct str name, struct scram_keys *out) {
    unsigned char digest[2 * SALT_LEN];
    unsigned char *ok = HMAC(EVP_sha256(), d->salt_secret, sizeof d->salt_secret, (const unsigned char *)name.ptr,
                             name.len, digest, NULL);
    IEMS_ASSERT(ok != NULL);
    *out = (struct scram_keys){.hash = hash, .iterations = PASSWORD_SCRAM_ITERATIONS, .salt_len = SALT_LEN};
    memcpy(out->salt, hash == SCRAM_SHA1 ? digest + SALT_LEN : digest, SALT_LEN);
    random_bytes(out->stored, sizeof out->stored);
    random_bytes(out->server, sizeof out->server);
}

static enum directory_attr keys_attribute(enum scram_hash hash) {
    return hash == SCRAM_SHA1 ? ATTR_SCRAM_SHA1 : ATTR_SCRAM;
}

int login_scram_first(struct dir *d, struct rpc_request *r, struct login *l, enum scram_hash hash, struct scram *s,
                      struct scram_keys *keys, struct str message, struct buf *challenge) {
    if (login_is_braked(d, l)) return login_throttle(d, r), RPC_LATER;
    int rc = scram_client_first(s, message);
    if (rc == 0) rc = login_set_name(l, buf_str(&s->name));
    if (rc != 0) return login_refuse(d, r, l), RPC_LATER;
    struct login_user u;
    login_find(d, l, r->arena, &u);
    if (u.entry == NULL || scram_keys_parse(hash, entry_get(u.entry, keys_attribute(hash)), keys) != 0) {
        made_up_keys(d, hash, str_from(l->name), keys);
    }
    unsigned char raw[SALT_LEN];
    BUF_AUTO nonce = BUF_INIT(4 * SALT_LEN);
    random_bytes(raw, sizeof raw);
    hex_encode(&nonce, str_of(raw, sizeof raw));
    return scram_server_first(s, keys, buf_str(&nonce), challenge);
}

int login_scram_final(struct dir *d, struct rpc_request *r, struct login *l, struct scram *s,
                      const struct scram_keys *keys, const struct scram_bindings *bindings, struct str message,
                      struct error *err) {
    BUF_AUTO final = BUF_INIT(SCRAM_MESSAGE_MAX);
    struct login_user u;
    int rc = scram_client_final(s, keys, bindings, message, &final);
    login_find(d, l, r->arena, &u);
    if (rc != 0 || u.entry == NULL || !login_authzid_ok(d, buf_str(&s->authzid), &u, r->arena))
        return login_refuse(d, r, l);
    struct scram_keys now; /* the password may have been changed since the first message */
    if (scram_keys_parse(keys->hash, entry_get(u.entry, keys_attribute(keys->hash)), &now) != 0 ||
        !str_eq_secret(str_of(now.stored, sizeof now.stored), str_of(keys->stored, sizeof keys->stored))) {
        return login_refuse(d, r, l);
    }
    return login_accept(d, r, l, &u, buf_str(&final), err);
}

/* ---------------------------------------------------------------- an administrator's ticket */

int handle_session_ticket(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserName *q = (const void *)r->msg;
    const struct entry *e = resolve_entry(d->mirror, &d->settings, str_from(q->address), NULL, r->arena);
    if (e == NULL || e->account == 0) return error_set(err, ERR_NOTFOUND, "there is no account %s", q->address);
    if (host_must_be_here(d, e, "this", err) != 0) return ERR_INVALID;
    struct login l = {.service = "admin", .mechanism = "-", .peer = "-"};
    int rc = login_set_name(&l, str_from(q->address));
    if (rc != 0) return error_set(err, rc, "address is too long");
    log_event(LOG_WARNING, "-", "admin-ticket", "account=%llu address=%.*s by=%s", (unsigned long long)e->account,
              STR_ARG(entry_get(e, ATTR_ADDRESS)), rpc_session_name(r->session));
    return answer_ok(d, r, &l, e, STR_EMPTY, err);
}
