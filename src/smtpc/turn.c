/* ATRN (RFC 2645), the half that sends: smtpd gives us a connection to a customer who is logged in there, and the
 * domains that are his. We speak to him as to any other server, and give him what waits for these domains, one message
 * after the other, whether its time for a next attempt has come or not. */
#include "base/log.h"
#include "net/loop.h"
#include "smtpc/smtpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 8 * 1024, LINE_MS = 30 * 1000, PAGE = 100, TURN_MEMORY_MAX = 8 * 1024 * 1024 };

struct turned {
    struct list node;
    struct smtpc *smtpc;
    struct stream *stream;
    struct arena *arena;
    struct connection connection;
    struct client_config config;
    char line[LINE_MAX_LEN];
    struct str trace, peer, domains;
    uint64_t wanted; /* the entry that is being leased; 0 = none */
    struct lease *lease;
    unsigned sent;
};

bool smtpc_turn_takes(struct smtpc *s, struct lease *l) {
    list_foreach(n, &s->turned) {
        struct turned *t = list_entry(n, struct turned, node);
        if (t->wanted != l->entry->id || t->lease != NULL) continue;
        t->lease = l;
        return true;
    }
    return false;
}

static int line_read(struct turned *t) {
    uint64_t deadline = loop_now_ms() + LINE_MS;
    for (;;) {
        struct str in = stream_peek(t->stream);
        ptrdiff_t eol = str_find(in, '\n');
        if (eol >= 0) {
            int rc = str_to_cstr(str_sub(in, 0, (size_t)eol), t->line, sizeof t->line);
            stream_consume(t->stream, (size_t)eol + 1);
            return rc;
        }
        if (in.len >= sizeof t->line) return ERR_LIMIT;
        int rc = stream_fill(t->stream, deadline);
        if (rc < 0) return rc;
    }
}

/* Messages of a domain behind `after`. */
static int page_get(struct turned *t, struct str domain, uint64_t after, uint32_t limit, struct rpc_reply *reply,
                    struct error *err) {
    Store__QueueList request = STORE__QUEUE_LIST__INIT;
    Store__QueueFilter filter = STORE__QUEUE_FILTER__INIT;
    filter.channel = (char *)(uintptr_t) "SMTPC";
    filter.destination = arena_cstr(t->arena, domain);
    if (filter.destination == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    request.filter = &filter;
    request.after = after;
    request.limit = limit;
    return rpc_call(channel_store(t->smtpc->channel), STORE_QUEUE_LIST, &request.base, STR_EMPTY,
                    loop_now_ms() + CHANNEL_CALL_MS, reply, err);
}

/* Does anything wait? */
static int look(struct turned *t, bool *any, struct error *err) {
    struct str rest = t->domains;
    *any = false;
    for (struct str domain; !*any && (domain = str_word(&rest)).len > 0;) {
        RPC_REPLY_AUTO reply = {0};
        int rc = page_get(t, domain, 0, 1, &reply, err);
        if (rc < 0) return rc;
        *any = ((const Store__QueueListed *)reply.msg)->n_entries > 0;
    }
    return 0;
}

/* The entry itself; NULL: it is being worked on, or gone. */
static struct lease *lease_get(struct turned *t, uint64_t id) {
    Store__QueueLease request = STORE__QUEUE_LEASE__INIT;
    request.channel = (char *)(uintptr_t) "SMTPC";
    request.id = id;
    request.max = 1;
    request.body_max = SMTPC_BODY_INLINE;
    t->wanted = id;
    t->lease = NULL;
    int rc = rpc_call(channel_store(t->smtpc->channel), STORE_QUEUE_LEASE, &request.base, STR_EMPTY,
                      loop_now_ms() + CHANNEL_CALL_MS, NULL, NULL);
    struct lease *l = t->lease;
    t->wanted = 0;
    t->lease = NULL;
    if (l == NULL || (rc == 0 && lease_valid(l))) return l;
    lease_free(l);
    return NULL;
}

static bool goes_on(const struct turned *t) {
    return !t->connection.client.dead && !client_used_up(&t->connection.client) && !t->smtpc->stopping;
}

static int domain_send(struct turned *t, struct str domain, struct error *err) {
    uint64_t after = 0;
    for (bool more = true; more && goes_on(t);) {
        RPC_REPLY_AUTO reply = {0};
        int rc = page_get(t, domain, after, PAGE, &reply, err);
        if (rc < 0) return rc;
        const Store__QueueListed *listed = (const Store__QueueListed *)reply.msg;
        for (size_t i = 0; i < listed->n_entries && goes_on(t); i++) {
            const Store__Entry *e = listed->entries[i];
            after = e->id;
            struct lease *l = e->held ? NULL : lease_get(t, e->id);
            if (l == NULL) continue;
            t->sent++;
            smtpc_deliver_over(t->smtpc, &t->connection, l);
        }
        more = listed->more && listed->n_entries > 0;
    }
    return 0;
}

static int open_client(struct turned *t, struct error *err) {
    struct client_failure failure = {0};
    const char *peer = arena_cstr(t->arena, t->peer);
    t->config = t->smtpc->client; /* smtpd has the TLS of the connection */
    t->config.tls = NULL;
    t->config.user = t->config.password = NULL;
    if (peer == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    (void)snprintf(t->connection.ip, sizeof t->connection.ip, "%s", peer);
    (void)snprintf(t->connection.tls, sizeof t->connection.tls, "turned");
    struct stream *s = t->stream;
    t->stream = NULL;
    int rc = client_open(&t->connection.client, &t->config, s, peer, t->arena, &failure);
    BUF_AUTO why = BUF_INIT(2048);
    if (rc < 0) outcome_text(&failure.outcome, &why);
    return rc < 0 ? error_set(err, rc, "%s", buf_cstr(&why)) : 0;
}

static int serve(struct turned *t, struct error *err) {
    bool any = false;
    int rc = line_read(t);
    struct str rest = str_from(t->line);
    if (rc < 0 || !str_eq(str_word(&rest), STR("TURN"))) return error_set(err, ERR_CORRUPT, "not a TURN line");
    t->trace = str_word(&rest);
    t->peer = str_word(&rest);
    t->domains = rest;
    rc = look(t, &any, err);
    const char *answer = rc < 0 ? "ERROR the queue cannot be read\n" : any ? "OK\n" : "NONE\n";
    int put = stream_put(t->stream, str_from(answer));
    if (put == 0) put = stream_flush(t->stream);
    if (rc < 0 || put < 0 || !any) return rc < 0 ? rc : put;
    rc = open_client(t, err);
    if (rc < 0) return rc;
    for (struct str domain; rc == 0 && (domain = str_word(&rest)).len > 0;) rc = domain_send(t, domain, err);
    client_quit(&t->connection.client);
    log_event(LOG_MESSAGE, arena_cstr(t->arena, t->trace), "turned", "peer=%.*s domains=\"%.*s\" messages=%u",
              STR_ARG(t->peer), STR_ARG(str_trim(t->domains)), t->sent);
    return rc;
}

static void turned_fiber(void *arg) {
    struct turned *t = arg;
    struct error err = {0};
    t->arena = arena_new(TURN_MEMORY_MAX);
    if (t->arena != NULL && serve(t, &err) < 0)
        log_event(LOG_WARNING, "-", "turn-failed", "peer=%.*s error=\"%s\"", STR_ARG(t->peer), err.text);
    list_remove(&t->node);
    stream_free(t->stream);
    arena_free(t->arena);
    free(t);
}

int smtpc_turned(struct smtpc *s, int fd, uint32_t role) {
    struct turned *t = calloc(1, sizeof *t);
    if (t == NULL) return ERR_NOMEM;
    t->smtpc = s;
    t->peer = STR_EMPTY;
    int rc = role != ROLE_SMTPD ? ERR_DENIED : stream_open_fd(fd, &t->stream);
    if (rc < 0) {
        free(t);
        return rc;
    }
    list_push_back(&s->turned, &t->node);
    rc = fiber_spawn("turned", turned_fiber, t, NULL);
    if (rc == 0) return 0;
    list_remove(&t->node);
    stream_free(t->stream);
    free(t);
    return 0; /* the descriptor is closed */
}
