/* XCLIENT: a front end that may (access.xclient) says for whom it speaks; the session begins anew, as that client's. */
#include "base/log.h"
#include "proto/smtp/xclient.h"
#include "smtpd/commands.h"

/* The address that the front end gave, with the port if it gave one. */
static int address_set(struct session *s, const struct xclient *x) {
    struct net_addr a = *stream_peer(s->stream);
    if (x->has_address && x->address[0] != '\0' && net_addr_parse(str_from(x->address), 0, &a) != 0) return ERR_INVALID;
    if (x->has_port) a.port = x->port;
    stream_set_peer(s->stream, &a);
    net_addr_ip_text(&a, s->peer);
    return 0;
}

int cmd_xclient(struct session *s, struct smtp_command *c) {
    struct xclient x;
    struct error err = {0};
    struct client *client = &s->client;
    if (!client->may_xclient) return session_error(s, 550, "5.7.0", "You may not use XCLIENT");
    if (s->tx.open) return session_error(s, 503, "5.5.1", "Not within a transaction");
    if (smtp_xclient_parse(c->argument, &x, &err) != 0) return session_error(s, 501, "5.5.4", "%s", err.text);
    if (address_set(s, &x) != 0) return session_error(s, 501, "5.5.4", "Bad value of an attribute");
    session_reset(s);
    if (x.has_name) {
        client->is_named = x.name[0] != '\0';
        (void)!str_to_cstr(str_from(x.name), client->name, sizeof client->name);
    } else if (x.has_address) {
        client->is_named = false;
        client->name[0] = '\0';
    }
    if (x.has_helo) (void)!str_to_cstr(str_from(x.helo), client->helo, sizeof client->helo);
    log_event(LOG_INFO, s->id, "xclient", "peer=%s name=%s helo=%s", s->peer, client->name, client->helo);
    access_begin(s);
    if (!rule_allows(client->rule.connect, s->d->access.connect_default) &&
        s->d->access.mode[CHECK_CONNECT] > MODE_LOG) {
        s->d->access.count[CHECK_CONNECT].refused++;
        return session_close(s, "4.7.0", "%s Error: connections from your address are not accepted", s->d->hostname);
    }
    return session_greet(s);
}
