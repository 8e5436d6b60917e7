/* See session_rig.h. */
#include "smtpc/session_rig.h"

#include <sys/socket.h>

struct mail_server server;
struct smtpc smtpc;
struct tls_client *client_tls;

static int line_read(struct stream *s, char *out, size_t size) {
    for (;;) {
        struct str in = stream_peek(s);
        ptrdiff_t eol = str_find_str(in, STR("\r\n"));
        if (eol >= 0) {
            struct str line = str_sub(in, 0, (size_t)eol < size - 1 ? (size_t)eol : size - 1);
            (void)snprintf(out, size, "%.*s", STR_ARG(line));
            stream_consume(s, (size_t)eol + 2);
            return 0;
        }
        int rc = stream_fill(s, SOON);
        if (rc != 0) return rc;
    }
}

static int say(struct stream *s, const char *text) {
    int rc = stream_put(s, str_from(text));
    return rc != 0 ? rc : stream_put(s, STR("\r\n"));
}

/* The first line of a body may be "Subject: hang up": then the server does. */
static int data_take(struct stream *s) {
    char line[2048];
    int rc = say(s, "354 go");
    server.body_bytes = 0;
    server.body[0] = '\0';
    while (rc == 0 && (rc = line_read(s, line, sizeof line)) == 0 && strcmp(line, ".") != 0) {
        server.body_bytes += strlen(line) + 2 - (line[0] == '.');
        size_t used = strlen(server.body);
        (void)snprintf(server.body + used, sizeof server.body - used, "%s\n", line);
        if (strcmp(line, "Subject: hang up") == 0) return ERR_CLOSED;
    }
    if (rc == 0 && server.slow_ms > 0) rc = fiber_sleep(server.slow_ms);
    if (rc == 0) rc = say(s, "250 2.0.0 taken");
    server.messages++;
    server.encrypted += stream_is_tls(s);
    return rc;
}

/* "temp..." 450, "perm..." 550, "crowd..." 452 4.5.3 unless it is the first of the transaction; all others are fine. */
static const char *rcpt_answer(const char *line, unsigned accepted) {
    if (strstr(line, "<temp") != NULL) return "450 4.2.1 later";
    if (strstr(line, "<perm") != NULL) return "550 5.1.1 nobody";
    if (strstr(line, "<crowd") != NULL && accepted > 0) return "452 4.5.3 too many";
    return "250 ok";
}

static void serve(struct stream *s, void *arg) {
    char line[4096];
    unsigned accepted = 0, messages = 0;
    (void)arg;
    server.connections++;
    if (++server.open > server.open_most) server.open_most = server.open;
    bool full = (server.open_max != 0 && server.open > server.open_max) || server.connections == server.refuse_at;
    int rc = say(s, full ? "421 one at a time" : server.greeting);
    if (full) rc = ERR_CLOSED;
    while (rc == 0 && line_read(s, line, sizeof line) == 0) {
        if (server.close_after != 0 && messages == server.close_after) {
            if (server.close_word != NULL) (void)!say(s, server.close_word);
            break;
        }
        if (strncmp(line, "EHLO", 4) == 0 && server.tls != NULL && !stream_is_tls(s)) {
            rc = say(s, "250-mx\r\n250 STARTTLS");
        } else if (strncmp(line, "STARTTLS", 8) == 0) {
            rc = say(s, server.tls_broken ? "220 go\r\nrubbish" : "220 go");
            if (rc == 0) rc = stream_flush(s);
            if (rc == 0) rc = server.tls_broken ? ERR_CLOSED : tls_accept(s, server.tls, SOON, NULL);
        } else if (strncmp(line, "EHLO", 4) == 0 && server.auth != NULL) {
            rc = say(s, "250-mx\r\n250 AUTH PLAIN");
        } else if (strncmp(line, "AUTH", 4) == 0) {
            rc = say(s, server.auth != NULL && strcmp(line, server.auth) == 0 ? "235 fine" : "535 wrong");
        } else if (strncmp(line, "EHLO", 4) == 0) {
            rc = say(s, server.dsn ? "250-mx\r\n250-PIPELINING\r\n250-DSN" : "250-mx\r\n250-PIPELINING");
            if (rc == 0) rc = say(s, server.keyword != NULL ? server.keyword : "250 HELP");
        } else if (strncmp(line, "RCPT", 4) == 0) {
            const char *answer = rcpt_answer(line, accepted);
            accepted += answer[0] == '2';
            rc = say(s, answer);
        } else if (strncmp(line, "DATA", 4) == 0) {
            rc = accepted > 0 ? data_take(s) : say(s, "554 no valid recipients");
            messages += accepted > 0;
            accepted = 0;
        } else if (strncmp(line, "QUIT", 4) == 0) {
            (void)!say(s, "221 bye");
            break;
        } else {
            rc = say(s, "250 ok");
        }
    }
    (void)!stream_flush(s);
    server.open--;
}

void server_start(void) {
    static const struct listener_ops ops = {.serve = serve};
    static const struct listener_limits limits = {0};
    struct net_addr at;
    int fd = -1;
    memset(&server, 0, sizeof server);
    server.greeting = "220 mx";
    assert_int_equal(net_addr_parse(STR("127.0.0.1"), 0, &at), 0);
    assert_int_equal(listener_bind(&at, &fd, NULL), 0);
    assert_int_equal(listener_start("test", fd, &ops, NULL, &limits, &server.listener), 0);
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    net_addr_from_sockaddr((struct sockaddr *)&ss, &at);
    (void)snprintf(server.port, sizeof server.port, "%u", at.port);
}

void server_end(void) {
    listener_stop(server.listener);
    listener_drain(server.listener, loop_now_ms() + 2000);
    listener_free(server.listener);
}

/* ---------------------------------------------------------------- names */

enum { SILENCE_MS = 60 * 1000 };
static struct cond silence; /* names that get no answer; ends with the test */
static unsigned fading;     /* look-ups of names "fading...": the first one alone has an answer */

static int zone_mx(void *arg, struct str domain, struct arena *arena, enum dns_status *status, struct dns_mx **mx,
                   size_t *count) {
    (void)arg;
    *mx = arena_alloc(arena, sizeof(**mx));
    *count = 0;
    *status = DNS_TEMPFAIL;
    if (str_starts(domain, STR("fading")) && fading++ > 0) return 0;
    *status = str_eq(domain, STR("null.example"))      ? DNS_OK
              : str_eq(domain, STR("nowhere.example")) ? DNS_NXDOMAIN
                                                       : DNS_NODATA;
    *count = *status == DNS_OK;
    (*mx)[0] = (struct dns_mx){0, STR_EMPTY};
    return 0;
}

static int zone_addresses(void *arg, struct str host, uint16_t port, struct arena *arena, enum dns_status *status,
                          struct net_addr **addr, size_t *count) {
    (void)arg;
    if (str_starts(host, STR("silent"))) {
        if (cond_wait(&silence, loop_now_ms() + SILENCE_MS) == ERR_CANCELLED) return ERR_CANCELLED;
        *status = DNS_TEMPFAIL;
        return 0;
    }
    *addr = arena_alloc(arena, sizeof(**addr));
    *count = 1;
    *status = DNS_OK;
    return net_addr_parse(STR("127.0.0.1"), port, *addr);
}

void start(void) {
    static const struct channel_ops ops = {
        .lease = smtpc_attention, .leased = smtpc_leased, .destination_ready = smtpc_destination_ready};
    static const struct channel_config config = {.name = "SMTPC", .credit = 1, .by_destination = true};
    static const struct sched_limits first = {1, 1, 1, 1, 1};
    fading = 0;
    smtpc = (struct smtpc){.daemon = rig.daemon, .scheduler = scheduler_new(&first), .tls = client_tls};
    assert_int_equal(sendings_init(&smtpc), 0);
    semaphore_init(&smtpc.settling, SMTPC_SETTLING_MAX);
    cond_init(&smtpc.sessions_changed);
    cond_init(&smtpc.room);
    cond_init(&smtpc.stop_making_room);
    cond_init(&silence);
    smtpc.hops = hops_new();
    list_init(&smtpc.sessions);
    list_init(&smtpc.turned);
    smtpc.router.dns = (struct route_dns){zone_mx, zone_addresses, NULL};
    rig_option("smtpc.port", server.port);
    smtpc_configure(&smtpc);
    assert_int_equal(channel_open(rig.daemon, &config, &ops, &smtpc, &smtpc.channel), 0);
}

void finish(void) {
    smtpc.stopping = true;
    smtpc_wake_idle(&smtpc);
    cond_broadcast(&silence);
    channel_drain(smtpc.channel, SOON);
    rig_keep(smtpc.channel);
    while (scheduler_sessions(smtpc.scheduler) > 0) assert_int_equal(cond_wait(&smtpc.sessions_changed, SOON), 0);
    for (unsigned i = 0; i < SMTPC_SETTLING_MAX; i++) assert_int_equal(semaphore_take(&smtpc.settling, SOON), 0);
    assert_int_equal(fiber_sleep(20), 0); /* QUIT */
    scheduler_free(smtpc.scheduler);
    hops_free(smtpc.hops);
    hosttable_free(smtpc.table);
    sendings_done(&smtpc);
}

Store__Entry *mail(const char *destination, const char *recipients) {
    Store__Entry *e = rig_entry("SMTPC", "s@me.test", recipients, "Subject: Hi\r\n\r\nBody\r\n");
    e->destination = (char *)(uintptr_t)destination;
    return e;
}
