/* ETRN: RFC 1985. What waits for a domain is tried now; the mail goes to the hosts that the domain's route names, never
 * to the one who asks (ESMTP-04, SMTPC-07). */
#include "base/log.h"
#include "daemon/tables.h"
#include "net/loop.h"
#include "smtpd/commands.h"

enum { RUN_TIMEOUT_MS = 30 * 1000, NODE_MAX = 320 };

/* What the peer row of the domain says, else the option. */
static enum etrn_policy policy_of(const struct session *s, struct str domain) {
    static const enum etrn_policy words[] = {ETRN_NEVER, ETRN_ANYONE, ETRN_NETWORK, ETRN_AUTH, ETRN_NEVER};
    const struct rows *peers = s->d->access.tables.peer;
    const struct row *row = peers == NULL ? NULL : rows_match_domain(peers, domain);
    uint64_t word = row == NULL ? 0 : row_u64(table_find(STR("peer")), row, "etrn");
    return word == 0 || word >= sizeof words / sizeof words[0] ? s->d->set.ext.etrn : words[word];
}

static bool allowed(const struct session *s, struct str domain) {
    switch (policy_of(s, domain)) {
    case ETRN_NEVER: return false;
    case ETRN_AUTH: return s->authenticated;
    case ETRN_NETWORK: return s->authenticated || session_is_known(s);
    default: return true;
    }
}

/* The destination as the queue calls it: A-labels in lower case, "@" in front for the domain and all below it. */
static int destination_format(const struct smtp_command *c, struct buf *out) {
    if (c->etrn_option == '@') buf_addc(out, '@');
    if (c->etrn_option != '#' && address_domain_ascii(c->argument, out) < 0) return ERR_INVALID;
    for (size_t i = 0; c->etrn_option == '#' && i < c->argument.len; i++)
        buf_addc(out, ascii_lower(c->argument.ptr[i]));
    return out->error;
}

static int run(struct session *s, const struct buf *destination, uint64_t *waiting, struct error *err) {
    Store__QueueRun request = STORE__QUEUE_RUN__INIT;
    RPC_REPLY_AUTO reply = {0};
    request.channel = (char *)(uintptr_t) "SMTPC";
    request.destination = (char *)(uintptr_t)buf_cstr(destination);
    int rc = rpc_call(s->d->store.client, STORE_QUEUE_RUN, &request.base, STR_EMPTY, loop_now_ms() + RUN_TIMEOUT_MS,
                      &reply, err);
    if (rc == 0) *waiting = ((const Store__QueueRan *)reply.msg)->waiting;
    return rc;
}

int cmd_etrn(struct session *s, struct smtp_command *c) {
    struct error err = {0};
    uint64_t waiting = 0;
    if (s->tx.open) return session_error(s, 503, "5.5.1", "Not within a transaction");
    BUF_AUTO destination = BUF_INIT(NODE_MAX);
    if (destination_format(c, &destination) < 0) return session_error(s, 501, "5.5.4", "Bad domain");
    const char *node = buf_cstr(&destination);
    if (!allowed(s, c->argument)) {
        log_event(LOG_WARNING, s->id, "etrn_refused", "peer=%s node=%s", s->peer, node);
        return session_error(s, 459, "4.7.1", "Node %s not allowed: its queue is not yours to start", node);
    }
    if (run(s, &destination, &waiting, &err) < 0) {
        log_event(LOG_WARNING, s->id, "etrn_failed", "peer=%s node=%s reason=\"%s\"", s->peer, node, err.text);
        return session_reply(s, 458, "4.3.0", "Unable to queue messages for node %s", node);
    }
    log_event(LOG_MESSAGE, s->id, "etrn", "peer=%s user=%s node=%s waiting=%llu", s->peer,
              s->authenticated ? s->user : "-", node, (unsigned long long)waiting);
    if (waiting == 0) return session_reply(s, 251, "2.0.0", "OK, no messages waiting for node %s", node);
    return session_reply(s, 253, "2.0.0", "OK, %llu pending messages for node %s started", (unsigned long long)waiting,
                         node);
}
