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

static int start_tls(struct client *c, struct arena *arena, struct client_failure *f) {
    struct smtp_reply r = {0};
    struct error err = {0};
    int rc = client_command(c, STR("STARTTLS\r\n"), c->config->helo_ms, &r, &err);
    if (rc != 0) return fail_network(arena, f, rc, "STARTTLS", &err);
    if (r.code / 100 != 2) return c->dead ? fail_reply(arena, f, &r, "The server refused STARTTLS.") : 0;
    stream_discard_input(c->stream); /* RFC 3207 section 4.2 */
    smtp_reply_parser_done(&c->parser);
    smtp_reply_parser_init(&c->parser);
    rc = tls_connect(c->stream, c->config->tls, str_from(c->host), TLS_VERIFY_NONE, loop_now_ms() + c->config->helo_ms,
                     &err);
    if (rc != 0) {
        c->dead = true;
        (void)fail_network(arena, f, rc, "TLS", &err);
        f->fault = CLIENT_FAULT_TLS;
        return rc;
    }
    return hello(c, arena, f);
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
    if (rc == 0 && config->tls != NULL && config->starttls && c->caps.starttls) rc = start_tls(c, arena, failure);
    if (rc == 0 && config->user != NULL) rc = client_auth(c, arena, failure);
    if (rc != 0) client_free(c);
    return rc;
}

void client_free(struct client *c) {
    if (c->stream == NULL) return;
    smtp_reply_parser_done(&c->parser);
    stream_free(c->stream);
    c->stream = NULL;
}

void client_quit(struct client *c) {
    struct smtp_reply r = {0};
    if (c->stream != NULL && !c->dead && client_command(c, STR("QUIT\r\n"), c->config->quit_ms, &r, NULL) != 0)
        c->dead = true;
    client_free(c);
}
