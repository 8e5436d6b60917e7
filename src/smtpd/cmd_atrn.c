/* ATRN: RFC 2645 (on-demand mail relay). A customer who is logged in gets what waits for its domains over the
 * connection that it opened: roles are exchanged. Whose domains are whose say the peer rows (column atrn). */
#include "base/log.h"
#include "daemon/tables.h"
#include "smtpd/commands.h"
#include "smtpd/turn.h"

enum { DOMAINS_MAX = 100 };

static bool is_owner(const struct session *s, const struct row *row) {
    struct str owners = str_from(row_str(table_find(STR("peer")), row, "atrn"));
    for (struct str word; (word = str_word(&owners)).len > 0;)
        if (str_eq_nocase(word, str_from(s->user))) return true;
    return false;
}

static int add(struct buf *out, const char *domain, unsigned *count) {
    if (++*count > DOMAINS_MAX) return ERR_LIMIT;
    buf_printf(out, "%s%s", out->len > 0 ? " " : "", domain);
    return out->error;
}

/* All domains of the user. */
static int own_domains(const struct session *s, const struct rows *peers, struct buf *out) {
    unsigned count = 0;
    for (size_t i = 0; i < rows_count(peers); i++) {
        const struct row *row = rows_at(peers, i);
        if (!is_owner(s, row) || str_eq(str_from(row_key(row)), STR("*"))) continue;
        int rc = add(out, row_key(row), &count);
        if (rc < 0) return rc;
    }
    return count == 0 ? ERR_DENIED : 0;
}

/* The domains named; each must be the user's. */
static int named_domains(const struct session *s, const struct rows *peers, struct str list, struct buf *out) {
    unsigned count = 0;
    while (list.len > 0) {
        BUF_AUTO domain = BUF_INIT(ADDRESS_DOMAIN_MAX + 1);
        if (address_domain_ascii(str_cut(&list, ','), &domain) < 0) return ERR_DENIED;
        const struct row *row = rows_find(peers, buf_str(&domain));
        if (row == NULL || !is_owner(s, row)) return ERR_DENIED;
        int rc = add(out, row_key(row), &count);
        if (rc < 0) return rc;
    }
    return 0;
}

static int turn(struct session *s, const char *domains) {
    struct error err = {0};
    struct stream *smtpc = NULL;
    int rc = turn_ask(s, domains, &smtpc, &err);
    if (rc == ERR_NOTFOUND) return session_reply(s, 453, "4.0.0", "You have no mail");
    if (rc < 0) {
        log_event(LOG_WARNING, s->id, "atrn_failed", "user=%s reason=\"%s\"", s->user, err.text);
        return session_reply(s, 451, "4.3.0", "Unable to process ATRN now, try again later");
    }
    log_event(LOG_MESSAGE, s->id, "atrn", "peer=%s user=%s domains=\"%s\"", s->peer, s->user, domains);
    rc = session_reply(s, 250, "2.0.0", "OK, now reversing the connection");
    if (rc == 0) rc = stream_flush(s->stream);
    if (rc < 0) {
        stream_free(smtpc);
        return rc;
    }
    turn_carry(s, smtpc);
    return ERR_CLOSED;
}

int cmd_atrn(struct session *s, struct smtp_command *c) {
    const struct rows *peers = s->d->access.tables.peer;
    if (!s->authenticated) return session_error(s, 530, "5.7.0", "Authentication required");
    if (s->tx.open) return session_error(s, 503, "5.5.1", "Not within a transaction");
    BUF_AUTO domains = BUF_INIT(TURN_LINE_MAX - SESSION_NAME_MAX);
    int rc = peers == NULL          ? ERR_DENIED
             : c->argument.len == 0 ? own_domains(s, peers, &domains)
                                    : named_domains(s, peers, c->argument, &domains);
    if (rc < 0) {
        log_event(LOG_WARNING, s->id, "atrn_refused", "peer=%s user=%s domains=\"%.*s\" reason=%s", s->peer, s->user,
                  STR_ARG(c->argument), err_name(rc));
        return session_error(s, 450, "4.7.1", "ATRN request refused");
    }
    return turn(s, buf_cstr(&domains));
}
