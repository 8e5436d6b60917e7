/* `iems etrn`: asks another server to send what waits there for our domains (RFC 1985, SMTPC-12). */
#include "cli/commands.h"
#include "net/loop.h"
#include "net/stream.h"
#include "proto/smtp/reply.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { REPLY_MS = 300 * 1000, CONNECT_MS = 30 * 1000, HOST_MAX = 256, LINE_MAX_LEN = 600 };

struct talk {
    struct stream *stream;
    struct smtp_reply_parser parser;
    struct smtp_reply reply;
};

/* Sends the line (NULL: the greeting is due) and waits for the reply. */
static int say(struct talk *t, const char *line, struct error *err) {
    uint64_t deadline = loop_now_ms() + REPLY_MS;
    int rc = line == NULL ? 0 : stream_printf(t->stream, "%s\r\n", line);
    if (rc == 0) rc = stream_flush(t->stream);
    while (rc == 0) {
        size_t used;
        enum parse p = smtp_reply_next(&t->parser, stream_peek(t->stream), &used, &t->reply, err);
        stream_consume(t->stream, used);
        if (p == PARSE_EVENT) return 0;
        rc = p == PARSE_ERROR ? ERR_CORRUPT : stream_fill(t->stream, deadline);
    }
    return rc == ERR_CORRUPT ? rc : error_set(err, rc, "the connection broke (%s)", err_name(rc));
}

/* "host", "host:port", "[address]:port". */
static int dial(const char *where, struct stream **out, struct error *err) {
    char host[HOST_MAX];
    const char *colon = strrchr(where, ':'), *port = "25";
    struct str name = str_from(where);
    if (colon != NULL && (where[0] == '[' ? colon[-1] == ']' : strchr(where, ':') == colon)) {
        port = colon + 1;
        name.len = (size_t)(colon - where);
    }
    if (name.len > 1 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') name = str_sub(name, 1, name.len - 2);
    if (str_to_cstr(name, host, sizeof host) != 0) return error_set(err, ERR_LIMIT, "the name of the host is too long");
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int rc = getaddrinfo(host, port, &hints, &list);
    if (rc != 0) return error_set(err, ERR_NOTFOUND, "%s: %s", host, gai_strerror(rc));
    rc = ERR_NOTFOUND;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        struct net_addr addr;
        net_addr_from_sockaddr(a->ai_addr, &addr);
        rc = stream_connect(&addr, NULL, loop_now_ms() + CONNECT_MS, out, err);
        if (rc == 0) break;
    }
    freeaddrinfo(list);
    return rc;
}

static void print_reply(const char *domain, const struct smtp_reply *r) {
    printf("%s: %u %s%s%.*s\n", domain, r->code, r->enhanced, r->enhanced[0] != '\0' ? " " : "", STR_ARG(r->text));
}

/* The worst of the replies, as an exit status. */
static int ask(struct talk *t, const char *hostname, char *const *domains, size_t count, struct error *err) {
    char line[LINE_MAX_LEN];
    int status = EX_OK;
    int rc = say(t, NULL, err);
    if (rc == 0 && t->reply.code / 100 != 2) return error_set(err, ERR_DENIED, "it said %.*s", STR_ARG(t->reply.text));
    (void)snprintf(line, sizeof line, "EHLO %s", hostname);
    if (rc == 0) rc = say(t, line, err);
    if (rc != 0) return rc;
    if (t->reply.code / 100 != 2 || str_find_str_nocase(t->reply.text, STR("\nETRN")) < 0)
        return error_set(err, ERR_UNSUPPORTED, "it does not offer ETRN");
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(line, sizeof line, "ETRN %s", domains[i]);
        if (n < 0 || (size_t)n >= sizeof line) return error_set(err, ERR_LIMIT, "a domain is too long");
        rc = say(t, line, err);
        if (rc != 0) return rc;
        print_reply(domains[i], &t->reply);
        if (t->reply.code / 100 == 4 && status == EX_OK) status = EX_TEMPFAIL;
        if (t->reply.code / 100 == 5) status = EX_UNAVAILABLE;
        if (t->reply.code / 100 == 5) break; /* RFC 1985 section 5.2: nor will it do so for the others */
    }
    if (say(t, "QUIT", NULL) != 0) return status; /* it has done what was asked */
    return status;
}

static int run(const char *where, const char *hostname, char *const *domains, size_t count) {
    struct talk t = {.stream = NULL};
    struct error err = {0};
    int rc = dial(where, &t.stream, &err);
    if (rc == 0) {
        smtp_reply_parser_init(&t.parser);
        rc = ask(&t, hostname, domains, count, &err);
        smtp_reply_parser_done(&t.parser);
        stream_free(t.stream);
    }
    if (rc >= 0) return rc;
    cli_error("%s: %s", where, err.text);
    return rc == ERR_UNSUPPORTED || rc == ERR_DENIED ? EX_UNAVAILABLE : EX_TEMPFAIL;
}

/* Without domains in the command: all that this server is responsible for. */
static int run_own(struct cli *c, const char *where, const char *hostname) {
    struct rpc_client *dir = cli_connect(c, &dir_service);
    Dir__Empty request = DIR__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    char *names[256];
    size_t count = 0;
    if (dir == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(dir, DIR_DOMAIN_LIST, &request.base, STR_EMPTY, &reply, "domains");
    rpc_client_free(dir);
    if (rc != 0) return cli_exit_status(rc);
    const Dir__DomainList *list = (const void *)reply.msg;
    for (size_t i = 0; i < list->n_domains && count < sizeof names / sizeof names[0]; i++)
        if (str_is_ascii(str_from(list->domains[i]->name))) names[count++] = list->domains[i]->name;
    return run(where, hostname, names, count);
}

int cmd_etrn(struct cli *c, int argc, char **argv) {
    if (argc < 2 || argv[1][0] == '-') return cli_usage(cli_current(), "a host is expected");
    for (int i = 2; i < argc; i++)
        if (argv[i][0] == '-' || strpbrk(argv[i], " \r\n") != NULL)
            return cli_usage(cli_current(), "\"%s\" is no domain", argv[i]);
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *control = cli_connect(c, &control_service);
    Control__Empty request = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (control == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(control, CONTROL_STATUS, &request.base, STR_EMPTY, &reply, "status");
    rpc_client_free(control);
    if (rc != 0) return cli_exit_status(rc);
    const char *hostname = ((const Control__Status *)(const void *)reply.msg)->hostname;
    return argc > 2 ? run(argv[1], hostname, argv + 2, (size_t)argc - 2) : run_own(c, argv[1], hostname);
}
