#include "smtpd/access.h"

#include "base/log.h"
#include "net/loop.h"
#include "proto/mime/tags.h"
#include "smtpd/session.h"

#include <stdio.h>
#include <string.h>

int access_init(struct access *a) {
    *a = (struct access){.connect_default = true, .mode[CHECK_CONNECT] = MODE_PERMANENT};
    a->lists = dnslists_new(0);
    return a->lists == NULL ? ERR_NOMEM : probes_init(&a->probes);
}

void access_free(struct access *a) {
    probes_done(&a->probes);
    dnslists_unref(a->lists);
    a->lists = NULL;
}

void access_tables_set(struct access *a, const struct access_tables *tables) {
    struct error err = {0};
    a->tables = *tables;
    a->peers_concern_clients = peers_concern_clients(tables);
    struct dnslists *lists = dnslists_load(tables, &err);
    if (err.text[0] != '\0') log_event(LOG_ERROR, "-", "bad_table", "reason=\"%s\" effect=\"left out\"", err.text);
    if (lists == NULL) return;
    dnslists_unref(a->lists);
    a->lists = lists;
}

/* ---------------------------------------------------------------- a session's client */

static bool is_checked(const struct session *s) {
    return !s->service->submission && !s->service->lmtp && !s->service->turned;
}

static bool wants_name(const struct access *a, const struct client *c) {
    if (a->peers_concern_clients) return true;
    return c->rule.checks && (a->mode[CHECK_RDNS] != MODE_OFF || a->mode[CHECK_RDNS_FORWARD] != MODE_OFF ||
                              a->mode[CHECK_HELO_MATCH] != MODE_OFF);
}

void access_begin(struct session *s) {
    struct access *a = &s->d->access;
    struct client *c = &s->client;
    unsigned parts = 0;
    probe_release(c->probe);
    c->probe = NULL;
    c->helo_asked = false;
    if (c->tags.max == 0) buf_init(&c->tags, CLIENT_TAGS_MAX);
    access_rule_of(&a->tables, stream_peer(s->stream), &c->rule);
    peer_rule_of(&a->tables, STR_EMPTY, &c->peer);
    if (!is_checked(s)) return;
    if (wants_name(a, c) && !c->is_named) parts |= PROBE_NAME;
    if (c->rule.dnsbl && a->mode[CHECK_DNSLIST] != MODE_OFF && a->lists->count > 0) parts |= PROBE_LISTS;
    if (parts != 0) c->probe = probe_get(&a->probes, stream_peer(s->stream), parts, a->lists);
}

void access_done(struct session *s) {
    probe_release(s->client.probe);
    s->client.probe = NULL;
    buf_done(&s->client.tags);
}

/* Waits for the name. */
static int name_wait(struct session *s) {
    struct client *c = &s->client;
    if (c->probe == NULL || c->is_named) return 0;
    int rc = probe_wait(c->probe, PROBE_NAME);
    if (rc == 0 && c->probe->name_state == NAME_CONFIRMED)
        (void)!str_to_cstr(str_from(c->probe->name), c->name, sizeof c->name);
    return rc;
}

/* ---------------------------------------------------------------- findings */

__attribute__((format(printf, 3, 4))) static void tag_put(struct session *s, const char *name, const char *fmt, ...) {
    char value[TAG_VALUE_MAX + 1];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    if (tag_is_valid(str_from(name), str_from(value))) buf_printf(&s->client.tags, "%s=%s\n", name, value);
}

/* Does with a finding what its mode says. */
static int finding_apply(struct session *s, const struct finding *f, const char *sender, bool *refused) {
    struct access *a = &s->d->access;
    enum check_mode mode = a->mode[f->check];
    const struct check_info *info = &check_table[f->check];
    char status[12];
    if (mode == MODE_OFF) return 0;
    unsigned code = mode == MODE_LOG ? 0 : finding_code(f, mode);
    log_event(LOG_MESSAGE, s->id, "check_failed",
              "check=%s result=%s peer=%s name=%s helo=%s from=<%s> reply=%u rule=\"%s\" reason=\"%s\"", info->name,
              f->detail, s->peer, s->client.name[0] != '\0' ? s->client.name : "-", s->helo[0] != '\0' ? s->helo : "-",
              sender, code, f->rule[0] != '\0' ? f->rule : info->option, f->text);
    if (mode == MODE_LOG) {
        a->count[f->check].logged++;
        if (f->check != CHECK_DNSLIST) tag_put(s, info->name, "%s", f->detail);
        return 0;
    }
    *refused = true;
    if (mode == MODE_PERMANENT) {
        a->count[f->check].refused++;
        s->d->count.rejected_senders++;
    } else {
        a->count[f->check].deferred++;
        s->d->count.deferred++;
    }
    finding_status(f, mode, status);
    /* RFC 2034 section 4: none in answers to HELO and EHLO */
    return session_error(s, code, f->check == CHECK_PEER ? NULL : status, "%s", f->text);
}

/* ---------------------------------------------------------------- HELO */

int access_hello(struct session *s, bool *refused) {
    struct client *c = &s->client;
    struct finding f;
    *refused = false;
    c->helo_asked = false;
    if (!is_checked(s) || !s->d->access.peers_concern_clients) return 0;
    int rc = name_wait(s);
    if (rc != 0) return rc;
    peer_rule_of(&s->d->access.tables, str_from(c->name), &c->peer);
    if (c->peer.accept) return 0;
    char literal[NET_ADDR_TEXT_MAX];
    net_addr_literal(stream_peer(s->stream), literal);
    finding_set(&f, CHECK_PEER, "not-accepted", "host %s is not authorized to connect to %s",
                c->name[0] != '\0' ? c->name : literal, s->d->hostname);
    finding_rule(&f, "peer", c->peer.key);
    return finding_apply(s, &f, "", refused);
}

/* ---------------------------------------------------------------- MAIL */

static void zones_add(struct buf *out, const struct probe *p, enum dnslist_policy policy) {
    for (size_t i = 0; i < p->lists->count; i++) {
        const struct dnslist *l = &p->lists->list[i];
        if (p->results[i] != DNSLIST_HIT || l->allow || l->policy != policy) continue;
        if (out->len > 0) buf_addc(out, ' ');
        buf_adds(out, l->zone);
    }
}

/* DNSBL-05, DNSBL-06: all lists that tag are told, the first that rejects gives the reason. */
static int check_lists(struct session *s, const char *sender, bool *refused) {
    const struct probe *p = s->client.probe;
    struct access *a = &s->d->access;
    if (p == NULL || !(p->begun & PROBE_LISTS) || !s->client.rule.dnsbl || a->mode[CHECK_DNSLIST] == MODE_OFF) return 0;
    int rc = probe_wait(s->client.probe, PROBE_LISTS);
    if (rc != 0 || p->verdict.allowed) return rc;
    BUF_AUTO zones = BUF_INIT(TAG_VALUE_MAX);
    zones_add(&zones, p, DNSLIST_IGNORE);
    if (zones.len > 0)
        log_event(LOG_MESSAGE, s->id, "dnslist_ignored", "peer=%s from=<%s> zones=\"%s\"", s->peer, sender,
                  buf_cstr(&zones));
    if (p->verdict.rejected != SIZE_MAX) {
        struct finding f;
        finding_set(&f, CHECK_DNSLIST, "listed", "Service unavailable; client [%s] is listed by %s%s%s", s->peer,
                    p->lists->list[p->verdict.rejected].zone, p->reason[0] != '\0' ? ": " : "", p->reason);
        finding_rule(&f, "dnslist", p->lists->list[p->verdict.rejected].zone);
        rc = finding_apply(s, &f, sender, refused);
        if (rc != 0 || *refused) return rc;
    }
    buf_clear(&zones);
    zones_add(&zones, p, DNSLIST_TAG);
    if (a->mode[CHECK_DNSLIST] == MODE_LOG) zones_add(&zones, p, DNSLIST_REJECT);
    if (zones.len == 0) return 0;
    a->tagged++;
    log_event(LOG_MESSAGE, s->id, "dnslist_tagged", "peer=%s from=<%s> zones=\"%s\"", s->peer, sender,
              buf_cstr(&zones));
    tag_put(s, "dnsbl", "%s", buf_cstr(&zones));
    return 0;
}

static int helo_domain_ask(struct session *s) {
    struct client *c = &s->client;
    struct str helo = str_from(s->helo);
    if (c->helo_asked || s->d->access.mode[CHECK_HELO_DNS] == MODE_OFF) return 0;
    c->helo_asked = true;
    c->helo_domain = DOMAIN_GOOD; /* literals, and names that are no names, which another check is for */
    if (helo.ptr[0] == '[' || !policy_helo_is_name(helo)) return 0;
    return probe_domain(&s->d->access.probes, helo, &c->helo_domain);
}

static int check_client(struct session *s, const char *sender, bool *refused) {
    static const enum check checks[] = {CHECK_RDNS, CHECK_RDNS_FORWARD, CHECK_HELO_SYNTAX, CHECK_HELO_MATCH,
                                        CHECK_HELO_DNS};
    const struct client *c = &s->client;
    char literal[NET_ADDR_TEXT_MAX];
    int rc = name_wait(s);
    if (rc == 0) rc = helo_domain_ask(s);
    if (rc != 0) return rc;
    net_addr_literal(stream_peer(s->stream), literal);
    struct client_facts facts = {
        .ip = s->peer, .literal = str_from(literal), .helo = str_from(s->helo), .helo_domain = c->helo_domain};
    facts.name_state = c->is_named && c->name[0] != '\0' ? NAME_CONFIRMED
                       : c->is_named                     ? NAME_NONE
                       : c->probe == NULL                ? NAME_UNKNOWN
                                                         : c->probe->name_state;
    facts.name = c->is_named || facts.name_state < NAME_UNCONFIRMED ? c->name : c->probe->name;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && !*refused; i++) {
        struct finding f;
        if (s->d->access.mode[checks[i]] == MODE_OFF || policy_client(checks[i], &facts, &f)) continue;
        rc = finding_apply(s, &f, sender, refused);
        if (rc != 0) return rc;
    }
    return 0;
}

/* SNDCHK-02; a peer that may not send is not the sender of what others bring either (SPAM-04). */
static int check_sender_list(struct session *s, const struct address *from, bool *refused) {
    struct peer_rule peer;
    struct finding f;
    if (s->d->access.mode[CHECK_SENDER_LIST] == MODE_OFF || address_is_null(from)) return 0;
    peer_rule_of(&s->d->access.tables, address_domain(from), &peer);
    const char *row = sender_rejected_by(&s->d->access.tables, address_text(from));
    if (row == NULL && (!peer.own || peer.accept)) return 0;
    finding_set(&f, CHECK_SENDER_LIST, "listed", "Mail from <%s> is not accepted here", from->text);
    finding_rule(&f, row != NULL ? "sender" : "peer", row != NULL ? row : peer.key);
    return finding_apply(s, &f, from->text, refused);
}

static int check_sender_domain(struct session *s, const struct address *from, bool *refused) {
    enum domain_state state = DOMAIN_UNKNOWN;
    struct finding f;
    if (s->d->access.mode[CHECK_SENDER_DOMAIN] == MODE_OFF || !address_has_domain(from) || address_is_literal(from))
        return 0;
    int rc = probe_domain(&s->d->access.probes, address_domain(from), &state);
    if (rc != 0 || policy_sender_domain(address_domain(from), state, &f)) return rc;
    return finding_apply(s, &f, from->text, refused);
}

/* STLS-03 for what comes in: by the client's name, or the domain that it says to send for. */
static int check_tls(struct session *s, const struct address *from, bool *refused) {
    struct peer_rule domain = {.tls_in = false};
    if (stream_is_tls(s->stream)) return 0;
    if (address_has_domain(from)) peer_rule_of(&s->d->access.tables, address_domain(from), &domain);
    if (!s->client.peer.tls_in && !domain.tls_in) return 0;
    log_event(LOG_MESSAGE, s->id, "check_failed", "check=peer_tls peer=%s from=<%s> reply=530 rule=\"peer %s\"",
              s->peer, from->text, s->client.peer.tls_in ? s->client.peer.key : domain.key);
    s->d->access.tls_missing++;
    s->d->count.rejected_senders++;
    *refused = true;
    return session_error(s, 530, "5.7.0", "Must issue a STARTTLS command first");
}

int access_mail(struct session *s, const struct smtp_command *c, bool *refused) {
    const struct address *from = &c->path;
    *refused = false;
    buf_clear(&s->client.tags);
    if (!is_checked(s) || s->authenticated) return 0;
    int rc = check_tls(s, from, refused);
    if (rc == 0 && !*refused) rc = check_sender_list(s, from, refused);
    if (rc == 0 && !*refused) rc = check_lists(s, from->text, refused);
    if (rc == 0 && !*refused && s->client.rule.checks) rc = check_client(s, from->text, refused);
    if (rc == 0 && !*refused && s->client.rule.checks) rc = check_sender_domain(s, from, refused);
    return rc;
}

/* ---------------------------------------------------------------- the rest of a transaction */

bool access_may_relay(const struct session *s) {
    if (s->service->turned) return false;
    return session_is_known(s) || rule_allows(s->client.rule.relay, s->d->access.relay_default);
}

void access_relay_rule(const struct session *s, char out[static FINDING_RULE_MAX]) {
    const struct access_rule *r = &s->client.rule;
    (void)snprintf(out, FINDING_RULE_MAX, "%s%s", r->relay == RULE_DENY ? "access " : "",
                   r->relay == RULE_DENY ? r->key : "smtpd.relay_default");
}

uint64_t access_max_size(const struct session *s) {
    return s->client.peer.max_in != 0 ? s->client.peer.max_in : s->d->set.max_message_size;
}

/* A tag of the same name gets both values. */
static int tag_add(struct arena *arena, Store__Entry *e, size_t max, struct str name, struct str value) {
    for (size_t i = 0; i < e->n_tags; i++) {
        if (!str_eq(str_from(e->tags[i]->key), name)) continue;
        char *both = arena_printf(arena, "%s %.*s", e->tags[i]->value, STR_ARG(value));
        if (both == NULL) return ERR_NOMEM;
        e->tags[i]->value = both;
        return 0;
    }
    if (e->n_tags == max) return 0;
    Store__Entry__TagsEntry *tag = arena_alloc(arena, sizeof *tag);
    if (tag == NULL) return ERR_NOMEM;
    store__entry__tags_entry__init(tag);
    tag->key = arena_cstr(arena, name);
    tag->value = arena_cstr(arena, value);
    if (tag->key == NULL || tag->value == NULL) return ERR_NOMEM;
    e->tags[e->n_tags++] = tag;
    return 0;
}

int access_tags_fill(struct session *s, Store__Entry *e) {
    enum { TAGS_MAX = 32 };
    struct str own = buf_str(&s->client.tags), given = body_taken(s->tx.body), name, value;
    if (own.len == 0 && (given.len == 0 || !s->client.peer.keep_tags)) return 0;
    e->tags = arena_alloc(s->tx.arena, TAGS_MAX * sizeof(*e->tags));
    if (e->tags == NULL) return ERR_NOMEM;
    int rc = 0;
    while (rc == 0 && own.len > 0) {
        value = str_cut(&own, '\n');
        name = str_cut(&value, '=');
        rc = tag_add(s->tx.arena, e, TAGS_MAX, name, value);
    }
    while (rc == 0 && s->client.peer.keep_tags && tag_field_next(&given, &name, &value))
        rc = tag_add(s->tx.arena, e, TAGS_MAX, name, value);
    return rc;
}
