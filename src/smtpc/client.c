/* Opening and closing a connection. */
#include "smtpc/client.h"

#include "net/loop.h"

#include <stdio.h>

static int fail_network(struct arena *arena, struct client_failure *f, int rc, const char *what,
                        const struct error *err) {
    char *why = arena_printf(arena, "%s: %s", what, err->text);
    f->fault = CLIENT_FAULT_NETWORK;
    f->outcome = outcome_make(OUTCOME_TEMPORARY, rc == ERR_TIMEOUT ? "4.4.1" : "4.4.2", str_from(why));
    return rc;
}

static int fail_reply(struct arena *arena, struct client_failure *f, const struct smtp_reply *r, const char *what) {
    f->fault = CLIENT_FAULT_REFUSED;
    if (outcome_of_reply(arena, STAGE_CONNECT, r, false, &f->outcome) != 0)
        f->outcome = outcome_make(OUTCOME_TEMPORARY, "4.3.0", str_from(what));
    /* Refusing a connection says nothing about a message: what 5xx means here is for the next host or a later time. */
    f->outcome.class = OUTCOME_TEMPORARY;
    if (f->outcome.status[0] != '4') (void)snprintf(f->outcome.status, sizeof f->outcome.status, "4.4.0");
    f->outcome.reason = str_from(what);
    return ERR_DENIED;
}

static int hello(struct client *c, struct arena *arena, struct client_failure *f) {
    struct smtp_reply r = {0};
    struct error err = {0};
    BUF_AUTO line = BUF_INIT(COMMAND_MAX);
    buf_printf(&line, "EHLO %s\r\n", c->config->hostname);
    if (c->config->esmtp) {
        int rc = client_command(c, buf_str(&line), c->config->helo_ms, &r, &err);
        if (rc != 0) return fail_network(arena, f, rc, "EHLO", &err);
        if (r.code / 100 == 2) {
            caps_parse(r.text, &c->caps);
            return 0;
        }
        if (c->dead || r.code < 500) return fail_reply(arena, f, &r, "The server refused EHLO.");
    }
    c->caps = (struct caps){0};
    buf_clear(&line);
    buf_printf(&line, "HELO %s\r\n", c->config->hostname); /* ESMTP-07 */
    int rc = client_command(c, buf_str(&line), c->config->helo_ms, &r, &err);
    if (rc != 0) return fail_network(arena, f, rc, "HELO", &err);
    return r.code / 100 == 2 ? 0 : fail_reply(arena, f, &r, "The server refused HELO.");
}

static enum plan_level level_of(const struct client_config *config) {
    enum plan_level wanted = config->plan == NULL ? PLAN_MAY : config->plan->level;
    if (config->tls == NULL) return PLAN_PLAIN;
    return wanted == PLAN_MAY && !config->starttls ? PLAN_PLAIN : wanted;
}

static int fail_protection(struct client *c, struct arena *arena, struct client_failure *f, enum tlsrpt_result result,
                           const char *status, const char *what) {
    const struct plan *plan = c->config->plan;
    char *why = arena_printf(arena, "TLS: %s (%s)", what, plan == NULL ? "" : plan->reason);
    f->fault = CLIENT_FAULT_PROTECTION;
    f->outcome = outcome_make(OUTCOME_TEMPORARY, status, str_from(why));
    f->result = result;
    return ERR_DENIED;
}

static enum tlsrpt_result result_of(enum tls_fault fault) {
    switch (fault) {
    case TLS_FAULT_NAME: return TLSRPT_CERTIFICATE_HOST_MISMATCH;
    case TLS_FAULT_EXPIRED: return TLSRPT_CERTIFICATE_EXPIRED;
    case TLS_FAULT_UNTRUSTED: return TLSRPT_CERTIFICATE_NOT_TRUSTED;
    default: return TLSRPT_VALIDATION_FAILURE;
    }
}

/* The server is the one that the destination named: RFC 8689 section 4.2.1. */
static bool is_trusted(const struct client *c) {
    const struct plan *plan = c->config->plan;
    struct tls_info info;
    if (tls_get_info(c->stream, &info) != 0 || !info.verified) return false;
    return plan == NULL || plan->level >= PLAN_FINGERPRINT || plan->named_safely;
}

bool client_used_up(const struct client *c) {
    return c->caps.mail_max != 0 && c->messages >= c->caps.mail_max;
}

bool client_takes_requiretls(const struct client *c) {
    return c->trusted && c->caps.requiretls;
}

static int handshake(struct client *c, struct arena *arena, struct client_failure *f) {
    struct error err = {0};
    char peer[NET_ADDR_TEXT_MAX];
    const struct plan *plan = c->config->plan;
    struct tls_expect e = {.name = str_from(c->host)};
    if (plan != NULL) e = plan->expect;
    if (plan != NULL && e.fingerprint_count > 0) e.fingerprints = plan->fingerprints;
    net_addr_text(stream_peer(c->stream), peer);
    e.resume = str_from(peer);
    int rc = tls_connect_as(c->stream, c->config->tls, &e, loop_now_ms() + c->config->helo_ms, &c->tls_fault, &err);
    if (rc == 0) {
        c->trusted = is_trusted(c);
        return 0;
    }
    c->dead = true;
    if (level_of(c->config) > PLAN_MAY) return fail_protection(c, arena, f, result_of(c->tls_fault), "4.7.5", err.text);
    (void)fail_network(arena, f, rc, "TLS", &err);
    f->fault = CLIENT_FAULT_TLS;
    f->result = TLSRPT_VALIDATION_FAILURE;
    return rc;
}

static int start_tls(struct client *c, struct arena *arena, struct client_failure *f) {
    struct smtp_reply r = {0};
    struct error err = {0};
    int rc = client_command(c, STR("STARTTLS\r\n"), c->config->helo_ms, &r, &err);
    if (rc != 0) return fail_network(arena, f, rc, "STARTTLS", &err);
    if (r.code / 100 != 2) {
        if (c->dead) return fail_reply(arena, f, &r, "The server refused STARTTLS.");
        return level_of(c->config) <= PLAN_MAY ? 0
                                               : fail_protection(c, arena, f, TLSRPT_STARTTLS_NOT_SUPPORTED, "4.7.10",
                                                                 "the server refused STARTTLS");
    }
    stream_discard_input(c->stream); /* RFC 3207 section 4.2 */
    smtp_reply_parser_done(&c->parser);
    smtp_reply_parser_init(&c->parser);
    rc = handshake(c, arena, f);
    return rc != 0 ? rc : hello(c, arena, f);
}

/* TLS as the plan wants it. */
static int protect(struct client *c, struct arena *arena, struct client_failure *f) {
    enum plan_level level = level_of(c->config);
    if (level == PLAN_PLAIN) return 0;
    if (c->caps.starttls) return start_tls(c, arena, f);
    if (level == PLAN_MAY) return 0;
    return fail_protection(c, arena, f, TLSRPT_STARTTLS_NOT_SUPPORTED, "4.7.10", "the server does not offer STARTTLS");
}

int client_open(struct client *c, const struct client_config *config, struct stream *s, const char *host,
                struct arena *arena, struct client_failure *failure) {
    *c = (struct client){.config = config, .stream = s, .trace = "-"};
    *failure = (struct client_failure){0};
    (void)snprintf(c->host, sizeof c->host, "%s", host);
    smtp_reply_parser_init(&c->parser);
    stream_set_write_timeout(s, config->block_ms);
    struct smtp_reply r = {0};
    struct error err = {0};
    int rc = client_reply(c, config->greeting_ms, &r, &err);
    if (rc != 0)
        rc = fail_network(arena, failure, rc, "greeting", &err);
    else if (r.code / 100 != 2)
        rc = fail_reply(arena, failure, &r, "The server does not want to talk.");
    if (rc == 0) rc = hello(c, arena, failure);
    if (rc == 0) rc = protect(c, arena, failure);
    if (rc == 0 && config->user != NULL) {
        rc = client_auth(c, arena, failure);
        c->caps.logged_in = rc == 0;
    }
    c->caps.requiretls &= c->trusted; /* reports go without, and must not say it then (RFC 8689 section 2) */
    if (rc != 0) client_free(c);
    return rc;
}

void client_free(struct client *c) {
    if (c->stream == NULL) return;
    smtp_reply_parser_done(&c->parser);
    stream_free(c->stream);
    c->stream = NULL;
}

static bool say_quit(struct client *c) {
    if (c->stream == NULL || c->dead) return false;
    if (!c->said_quit) c->said_quit = client_put(c, STR("QUIT\r\n"), false) == 0;
    return c->said_quit;
}

void client_bye(struct client *c, uint64_t ms) {
    uint64_t until = loop_now_ms() + ms;
    if (c->dead && c->sent_away && c->stream != NULL)
        while (stream_fill(c->stream, until) == 0) (void)stream_discard_input(c->stream);
    if (c->dead) client_free(c);
    if (say_quit(c)) (void)!stream_wait_input(c->stream, NULL, until);
}

void client_quit(struct client *c) {
    struct smtp_reply r = {0};
    if (say_quit(c)) (void)!client_reply(c, c->config->quit_ms, &r, NULL);
    client_free(c);
}
