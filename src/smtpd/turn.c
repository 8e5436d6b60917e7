/* See turn.h. */
#include "smtpd/turn.h"

#include "base/log.h"
#include "net/join.h"
#include "net/loop.h"

#include <string.h>

enum { ASK_MS = 30 * 1000, LINE_SIZE = 512, RESULTS_MAX = 32 };

/* What came over the last connections that smtpc had turned round; it asks when they have ended. */
static struct {
    struct result {
        char trace[IDENT_SIZE]; /* "" = none */
        unsigned messages;
        bool ended;
    } list[RESULTS_MAX];
    unsigned next;
    struct cond changed;
    bool ready;
} results;

static int line_read(struct stream *s, char line[static LINE_SIZE], uint64_t deadline_ms) {
    for (;;) {
        struct str in = stream_peek(s);
        ptrdiff_t eol = str_find(in, '\n');
        if (eol >= 0) {
            int rc = str_to_cstr(str_sub(in, 0, (size_t)eol), line, LINE_SIZE);
            stream_consume(s, (size_t)eol + 1);
            return rc;
        }
        if (in.len >= LINE_SIZE) return ERR_LIMIT;
        int rc = stream_fill(s, deadline_ms);
        if (rc < 0) return rc;
    }
}

int turn_ask(struct session *s, const char *domains, struct stream **smtpc, struct error *err) {
    uint64_t deadline = loop_now_ms() + ASK_MS;
    struct stream *t = NULL;
    char line[LINE_SIZE] = "";
    int fd = -1;
    int rc = s->d->turn(s->d->turn_arg, deadline, &fd, err);
    if (rc < 0) return rc;
    rc = stream_open_fd(fd, &t);
    if (rc < 0) return error_set(err, rc, "no connection to smtpc");
    rc = stream_printf(t, "TURN %s %s %s\n", s->id, s->peer, domains);
    if (rc == 0) rc = stream_flush(t);
    if (rc == 0) rc = line_read(t, line, deadline);
    if (rc < 0)
        (void)error_set(err, rc, "smtpc does not answer: %s", err_name(rc));
    else if (strcmp(line, "NONE") == 0)
        rc = error_set(err, ERR_NOTFOUND, "nothing waits");
    else if (strcmp(line, "OK") != 0)
        rc = error_set(err, ERR_AGAIN, "smtpc cannot: %s", line);
    if (rc < 0)
        stream_free(t);
    else
        *smtpc = t;
    return rc;
}

void turn_carry(struct session *s, struct stream *smtpc) {
    const struct join_limits limits = {.idle_ms = s->d->set.timeout_ms, .stop = &s->d->stopping};
    (void)stream_join(s->stream, smtpc, &limits);
    stream_free(smtpc);
}

static struct result *result_find(struct str trace) {
    for (unsigned i = 0; i < RESULTS_MAX && trace.len > 0; i++)
        if (str_eq(trace, str_from(results.list[i].trace))) return &results.list[i];
    return NULL;
}

static void result_begin(struct str trace) {
    struct result *r = &results.list[results.next++ % RESULTS_MAX];
    *r = (struct result){.ended = false};
    if (str_to_cstr(trace, r->trace, sizeof r->trace) != 0) r->trace[0] = '\0';
}

static void result_end(struct str trace, unsigned messages) {
    struct result *r = result_find(trace); /* others may have taken its place */
    if (r == NULL) return;
    r->messages = messages;
    r->ended = true;
    cond_broadcast(&results.changed);
}

/* How many messages came: a line with the number. */
static int result_tell(struct stream *smtpc, struct str trace, uint64_t deadline) {
    const struct result *r;
    while ((r = result_find(trace)) != NULL && !r->ended) {
        int rc = cond_wait(&results.changed, deadline);
        if (rc != 0) return rc;
    }
    if (r == NULL) return ERR_NOTFOUND;
    int rc = stream_printf(smtpc, "%u\n", r->messages);
    return rc < 0 ? rc : stream_flush(smtpc);
}

int turn_serve(struct smtpd *d, struct stream *smtpc) {
    struct net_addr peer;
    if (!results.ready) cond_init(&results.changed);
    results.ready = true;
    char line[LINE_SIZE] = "";
    uint64_t deadline = loop_now_ms() + ASK_MS;
    int rc = line_read(smtpc, line, deadline);
    if (rc < 0) return rc == ERR_CLOSED ? 0 : rc; /* the other host had nothing for us */
    struct str rest = str_from(line), verb = str_word(&rest), trace = str_word(&rest), address = str_word(&rest);
    if (str_eq(verb, STR("COUNT"))) return result_tell(smtpc, trace, deadline);
    if (!str_eq(verb, STR("TURNED")) || net_addr_parse(address, 0, &peer) < 0) return ERR_CORRUPT;
    stream_set_peer(smtpc, &peer);
    log_event(LOG_MESSAGE, "-", "turned_round", "by=%.*s peer=%.*s", STR_ARG(trace), STR_ARG(address));
    result_begin(trace);
    result_end(trace, session_run(d, &service_turned, smtpc));
    return 0;
}
