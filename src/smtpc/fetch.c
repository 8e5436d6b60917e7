/* Another server is called and asked for the mail that waits there for us (SMTPC-12, SCHED-13 to SCHED-15). ETRN (RFC
 * 1985): it is asked to call us. ATRN (RFC 2645): the connection is turned round; smtpd is the server on it, and we,
 * who have its TLS, carry the bytes. Whom to call says the table `fetch`. */
#include "base/encode.h"
#include "base/log.h"
#include "net/join.h"
#include "net/loop.h"
#include "proto/smtp/destination.h"
#include "smtpc/smtpc.h"

#include <stdio.h>

enum {
    ETRN_PORT = 25,
    ATRN_PORT = 366, /* RFC 2645 section 4 */
    PEER_MS = 10 * 1000,
    ANSWER_MS = 10 * 60 * 1000, /* RFC 2645 section 5.2.1: at least ten minutes */
    IDLE_MS = 10 * 60 * 1000,
    COUNT_MS = 30 * 1000, /* for smtpd to end the session */
    LINE_MAX_LEN = 6 * 1024,
};

enum method { METHOD_ETRN, METHOD_ATRN }; /* the words of the column */

struct call {
    struct smtpc *smtpc;
    struct arena *arena;
    struct fetched *out;
    const char *name;
    enum method method;
    struct route_host host;
    struct str domains;
    struct connection connection;
    char trace[IDENT_SIZE];
};

/* ---------------------------------------------------------------- who is called */

static int host_set(struct call *c, const char *text, struct error *err) {
    struct destination d;
    struct route_host *h = &c->host;
    int rc = destination_parse(str_from(text), c->method == METHOD_ATRN ? ATRN_PORT : ETRN_PORT, &d, err);
    if (rc != 0) return rc;
    char ip[NET_ADDR_TEXT_MAX];
    if (d.literal) net_addr_ip_text(&d.addr, ip);
    h->name = arena_cstr(c->arena, str_from(d.literal ? ip : d.host));
    h->port = d.port;
    h->hop = 1;
    h->hop_name = h->name;
    if (d.literal) {
        h->addr = arena_memdup(c->arena, &d.addr, sizeof d.addr);
        h->count = 1;
    }
    return h->name == NULL || (d.literal && h->addr == NULL) ? ERR_NOMEM : 0;
}

static const char *copy(struct call *c, const struct row *row, const char *column) {
    const char *value = row_str(table_find(STR("fetch")), row, column);
    return value[0] == '\0' ? NULL : arena_cstr(c->arena, str_from(value));
}

/* Copies what the row says: it may change while we talk. */
static int row_read(struct call *c, struct str domains, struct error *err) {
    const struct table *t = table_find(STR("fetch"));
    BUF_AUTO key = BUF_INIT(TABLE_KEY_MAX);
    int rc = table_key_normal(t, str_from(c->name), &key, err);
    if (rc != 0) return rc;
    const struct row *row = rows_find(daemon_table(c->smtpc->daemon, "fetch"), buf_str(&key));
    if (row == NULL) return error_set(err, ERR_NOTFOUND, "the table fetch has no row \"%s\"", c->name);
    const char *host = copy(c, row, "host"), *list = copy(c, row, "domains");
    c->name = arena_cstr(c->arena, str_from(row_key(row)));
    c->method = (enum method)row_u64(t, row, "method");
    c->host.user = copy(c, row, "user");
    c->host.password_file = copy(c, row, "password_file");
    c->domains = str_trim(domains.len > 0 ? arena_str(c->arena, domains) : list == NULL ? STR_EMPTY : str_from(list));
    if (c->domains.len == 0 && c->method == METHOD_ETRN) c->domains = str_from(daemon_default_domain(c->smtpc->daemon));
    if (c->name == NULL) return ERR_NOMEM;
    return host_set(c, host == NULL ? c->name : host, err);
}

/* ---------------------------------------------------------------- what is said */

static int ask(struct call *c, struct str domain, struct str line, struct smtp_reply *r, struct error *err) {
    struct fetched *out = c->out;
    uint64_t end_ms = c->smtpc->client.end_ms;
    int rc = client_command(&c->connection.client, line, end_ms > ANSWER_MS ? end_ms : ANSWER_MS, r, err);
    if (rc != 0) return rc;
    struct fetch_reply *reply = &out->replies[out->count++];
    reply->domain = arena_cstr(c->arena, domain);
    reply->code = r->code;
    reply->text = arena_printf(c->arena, "%s%s%.*s", r->enhanced, r->enhanced[0] != '\0' ? " " : "", STR_ARG(r->text));
    log_event(r->code / 100 == 2 ? LOG_MESSAGE : LOG_WARNING, c->trace, "fetch",
              "name=%s host=%s domain=\"%s\" reply=%u", c->name, c->host.name, reply->domain, r->code);
    return reply->domain == NULL || reply->text == NULL ? ERR_NOMEM : 0;
}

static int etrn(struct call *c, struct error *err) {
    for (struct str rest = c->domains, domain; (domain = str_word(&rest)).len > 0;) {
        struct smtp_reply r;
        BUF_AUTO line = BUF_INIT(LINE_MAX_LEN);
        buf_printf(&line, "ETRN %.*s\r\n", STR_ARG(domain));
        if (c->out->count == FETCH_DOMAINS_MAX) return error_set(err, ERR_LIMIT, "too many domains");
        int rc = line.error != 0 ? line.error : ask(c, domain, buf_str(&line), &r, err);
        if (rc != 0 || r.code / 100 == 5) return rc; /* RFC 1985 section 5.2: nor will it do so for the others */
    }
    return 0;
}

/* The server side of the connection, before it is turned: once it is, nobody may be missing. */
static int server_get(struct call *c, struct stream **out, struct error *err) {
    int fd = -1;
    int rc = daemon_peer(c->smtpc->daemon, "smtpd", loop_now_ms() + PEER_MS, &fd, err);
    if (rc != 0) return rc;
    rc = stream_open_fd(fd, out);
    return rc == 0 ? 0 : error_set(err, rc, "no connection to smtpd");
}

static int count_read(struct call *c, struct stream *s) {
    uint64_t deadline = loop_now_ms() + COUNT_MS;
    int rc = stream_printf(s, "COUNT %s\n", c->trace);
    while (rc == 0 && str_find(stream_peek(s), '\n') < 0) rc = stream_fill(s, deadline);
    if (rc != 0) return rc;
    struct str in = stream_peek(s);
    return str_to_u64(str_sub(in, 0, (size_t)str_find(in, '\n')), UINT32_MAX, &c->out->messages);
}

/* smtpd alone knows how many messages there were among the bytes that we carried. */
static void count_get(struct call *c) {
    struct stream *s = NULL;
    struct error err = {0};
    int rc = server_get(c, &s, &err);
    if (rc == 0) rc = count_read(c, s);
    c->out->counted = rc == 0;
    stream_free(s);
}

static void tell(const struct call *c) {
    const struct fetched *f = c->out;
    char messages[24] = "-";
    if (f->counted) (void)snprintf(messages, sizeof messages, "%llu", (unsigned long long)f->messages);
    log_event(LOG_MESSAGE, c->trace, "fetched", "name=%s host=%s messages=%s bytes=%llu", c->name, c->host.name,
              messages, (unsigned long long)f->bytes);
}

static int turn(struct call *c, struct stream *server, struct error *err) {
    const struct join_limits limits = {.idle_ms = IDLE_MS, .stop = &c->smtpc->stopping};
    struct stream *s = c->connection.client.stream;
    int rc = stream_printf(server, "TURNED %s %s\n", c->trace, c->connection.ip);
    if (rc == 0) rc = stream_flush(server);
    if (rc != 0) return error_set(err, rc, "smtpd is away");
    uint64_t before = stream_bytes_in(s);
    rc = stream_join(s, server, &limits);
    c->out->came = true;
    c->out->bytes = stream_bytes_in(s) - before;
    return rc == 0 || rc == ERR_CLOSED ? 0 : error_set(err, rc, "the connection broke (%s)", err_name(rc));
}

static int atrn(struct call *c, struct error *err) {
    struct smtp_reply r;
    struct stream *server = NULL;
    BUF_AUTO line = BUF_INIT(LINE_MAX_LEN);
    buf_adds(&line, "ATRN");
    char before = ' ';
    for (struct str rest = c->domains, domain; (domain = str_word(&rest)).len > 0; before = ',') {
        buf_addc(&line, before);
        buf_add(&line, domain);
    }
    buf_adds(&line, "\r\n");
    if (line.error != 0) return error_set(err, line.error, "too many domains");
    int rc = server_get(c, &server, err);
    if (rc == 0) rc = ask(c, c->domains, buf_str(&line), &r, err);
    if (rc == 0 && r.code / 100 == 2) rc = turn(c, server, err);
    stream_free(server);
    if (c->out->came) count_get(c);
    if (c->out->came) tell(c);
    return rc;
}

static int talk(struct call *c, struct error *err) {
    struct outcome why;
    int rc = smtpc_connect_host(c->smtpc, &c->host, c->arena, &c->connection, &why);
    if (rc != 0) {
        BUF_AUTO text = BUF_INIT(2048);
        outcome_text(&why, &text);
        return error_set(err, rc, "%s", buf_cstr(&text));
    }
    rc = c->method == METHOD_ATRN ? atrn(c, err) : etrn(c, err);
    if (c->out->came)
        client_free(&c->connection.client); /* it ended with the QUIT of the other side */
    else
        client_quit(&c->connection.client);
    return rc;
}

int smtpc_fetch(struct smtpc *s, const char *name, struct str domains, struct arena *arena, struct fetched *out,
                struct error *err) {
    struct call c = {.smtpc = s, .arena = arena, .out = out, .name = name};
    *out = (struct fetched){.replies = arena_alloc(arena, FETCH_DOMAINS_MAX * sizeof *out->replies)};
    if (out->replies == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    ident_new(c.trace);
    int rc = row_read(&c, domains, err);
    if (rc != 0) return rc;
    if (!smtpc_fetch_begin(s, c.name)) return error_set(err, ERR_CONFLICT, "%s is being called already", c.name);
    rc = talk(&c, err);
    smtpc_fetch_end(s, c.name);
    if (rc != 0)
        log_event(LOG_WARNING, c.trace, "fetch-failed", "name=%s host=%s error=\"%s\"", c.name, c.host.name, err->text);
    return rc;
}
