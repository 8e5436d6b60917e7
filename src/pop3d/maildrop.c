#include "pop3d/maildrop_private.h"

#include "rpc/store_methods.h"
#include "store/mailbox/record.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 4096 /* in one request */, LIST_FIELDS = FIELD_SIZE | FIELD_DATES, DAY_S = 86400 };

static uint64_t rpc_deadline(void) {
    return loop_now_ms() + MAILDROP_RPC_MS;
}

int maildrop_call(struct maildrop *m, uint16_t method, const ProtobufCMessage *request, struct rpc_reply *reply,
                  struct error *err) {
    return rpc_call(m->pop3d->store, method, request, STR_EMPTY, rpc_deadline(), reply, err);
}

/* ---------------------------------------------------------------- opening */

static int open_folder(struct maildrop *m, struct error *err) {
    Store__FolderOpen request = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    request.session = m->session;
    static char inbox[] = "INBOX";
    request.name = inbox;
    int rc = maildrop_call(m, STORE_FOLDER_OPEN, &request.base, &reply, err);
    if (rc != 0) return rc;
    const Store__FolderOpened *opened = (const void *)reply.msg;
    if (opened->folder == NULL) return error_set(err, ERR_CORRUPT, "the store gave no folder");
    m->folder = opened->folder->id;
    m->uidvalidity = opened->folder->uidvalidity;
    return 0;
}

static int open_session(struct maildrop *m, struct error *err) {
    Store__SessionOpen request = STORE__SESSION_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    uint64_t generation = m->pop3d->store_generation;
    request.ticket = rpc_binary(str_of(m->ticket, m->ticket_len));
    int rc = maildrop_call(m, STORE_SESSION_OPEN, &request.base, &reply, err);
    if (rc != 0) return rc;
    m->session = ((const Store__SessionOpened *)(const void *)reply.msg)->session;
    m->generation = generation;
    return open_folder(m, err);
}

bool maildrop_session_lost(const struct maildrop *m) {
    return m->generation != m->pop3d->store_generation;
}

int maildrop_ensure_session(struct maildrop *m, struct error *err) {
    if (!maildrop_session_lost(m)) return 0;
    uint64_t folder = m->folder;
    uint32_t uidvalidity = m->uidvalidity;
    int rc = open_session(m, err);
    if (rc != 0) return rc;
    if (m->folder == folder && m->uidvalidity == uidvalidity) return 0;
    return error_set(err, ERR_CONFLICT, "the mailbox was replaced");
}

static int add_message(struct maildrop *m, const struct message_record *r) {
    if (m->count == MAILDROP_MESSAGES_MAX) return ERR_LIMIT;
    if (m->count == m->capacity) {
        size_t capacity = m->capacity == 0 ? 64 : m->capacity * 2;
        void *grown = realloc(m->messages, capacity * sizeof *m->messages);
        if (grown == NULL) return ERR_NOMEM;
        m->messages = grown;
        m->capacity = capacity;
    }
    m->messages[m->count++] = (struct maildrop_message){
        .uid = r->uid, .size = r->size, .received = (uint32_t)r->internal_date, .seen = (r->flags & MAILBOX_SEEN) != 0};
    m->live++;
    m->live_bytes += r->size;
    return 0;
}

static int list_messages(struct maildrop *m, struct error *err) {
    Store__MessageList request = STORE__MESSAGE_LIST__INIT;
    request.session = m->session;
    request.folder = m->folder;
    request.fields = LIST_FIELDS;
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        int rc = maildrop_call(m, STORE_MESSAGE_LIST, &request.base, &reply, err);
        if (rc != 0) return rc;
        const Store__MessageListed *listed = (const void *)reply.msg;
        struct str rest = reply.attach;
        struct message_record r;
        while ((rc = message_record_get(&rest, LIST_FIELDS, &r)) == 0) {
            if ((rc = add_message(m, &r)) != 0) return error_set(err, rc, "too many messages");
        }
        if (rc != ERR_NOTFOUND) return error_set(err, rc, "the store gave a damaged list");
        more = listed->more && listed->last_uid > request.after_uid;
        request.after_uid = listed->last_uid;
    }
    return 0;
}

int maildrop_open(struct maildrop *m, struct pop3d *p, struct str ticket, struct error *err) {
    *m = (struct maildrop){.pop3d = p};
    m->ticket = str_dup(ticket);
    if (m->ticket == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    m->ticket_len = ticket.len;
    int rc = open_session(m, err);
    if (rc == 0) rc = list_messages(m, err);
    if (rc != 0) maildrop_close(m);
    return rc;
}

void maildrop_close(struct maildrop *m) {
    maildrop_forget_pages(m);
    if (m->session != 0 && !maildrop_session_lost(m)) {
        Store__SessionClose request = STORE__SESSION_CLOSE__INIT;
        request.session = m->session;
        (void)!maildrop_call(m, STORE_SESSION_CLOSE, &request.base, NULL, NULL);
    }
    free(m->messages);
    if (m->ticket != NULL) explicit_bzero(m->ticket, m->ticket_len);
    free(m->ticket);
    *m = (struct maildrop){.pop3d = m->pop3d};
}

/* ---------------------------------------------------------------- marks */

int maildrop_find(const struct maildrop *m, uint32_t number, size_t *index) {
    if (number == 0 || number > m->count || m->messages[number - 1].deleted) return ERR_NOTFOUND;
    *index = number - 1;
    return 0;
}

void maildrop_mark(struct maildrop *m, size_t index) {
    m->messages[index].deleted = true;
    m->live--;
    m->live_bytes -= m->messages[index].size;
}

void maildrop_unmark_all(struct maildrop *m) {
    m->live = m->count;
    m->live_bytes = 0;
    for (size_t i = 0; i < m->count; i++) {
        m->messages[i].deleted = false;
        m->live_bytes += m->messages[i].size;
    }
}

void maildrop_mark_expired(struct maildrop *m, unsigned days, int64_t now_s) {
    for (size_t i = 0; i < m->count; i++) {
        const struct maildrop_message *msg = &m->messages[i];
        bool old = days == 0 || (int64_t)msg->received + (int64_t)days * DAY_S <= now_s;
        if (!msg->deleted && old && (msg->retrieved || (days > 0 && msg->seen))) maildrop_mark(m, i);
    }
}

/* ---------------------------------------------------------------- reading */

int maildrop_read(struct maildrop *m, size_t index, uint64_t offset, struct rpc_reply *reply, uint64_t *total,
                  struct error *err) {
    int rc = maildrop_ensure_session(m, err);
    if (rc != 0) return rc;
    Store__MessageRead request = STORE__MESSAGE_READ__INIT;
    request.session = m->session;
    request.folder = m->folder;
    request.uid = m->messages[index].uid;
    request.offset = offset;
    request.length = MAILDROP_PAGE;
    rc = maildrop_call(m, STORE_MESSAGE_READ, &request.base, reply, err);
    if (rc == 0) *total = ((const Store__MessageReadReply *)(const void *)reply->msg)->total;
    return rc;
}

/* ---------------------------------------------------------------- update */

/* The next marked messages as runs of UIDs: neighbours in the list join, since nothing the session knows is between. */
static size_t collect_runs(const struct maildrop *m, size_t *index, Store__UidRun *runs) {
    size_t n = 0;
    bool joined = false;
    for (; *index < m->count && (n < RUNS_MAX || joined); (*index)++) {
        const struct maildrop_message *msg = &m->messages[*index];
        if (msg->deleted && joined && msg->uid == runs[n - 1].last + 1) {
            runs[n - 1].last = msg->uid;
        } else if (msg->deleted) {
            if (n == RUNS_MAX) break;
            store__uid_run__init(&runs[n]);
            runs[n].first = runs[n].last = msg->uid;
            n++;
        }
        joined = msg->deleted;
    }
    return n;
}

static int expunge_runs(struct maildrop *m, Store__UidRun *runs, size_t n, struct error *err) {
    Store__UidRun **list = malloc(n * sizeof *list);
    if (list == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) list[i] = &runs[i];
    Store__MessageExpunge request = STORE__MESSAGE_EXPUNGE__INIT;
    request.session = m->session;
    request.folder = m->folder;
    request.n_uids = n;
    request.uids = list;
    int rc = maildrop_call(m, STORE_MESSAGE_EXPUNGE, &request.base, NULL, err);
    free(list);
    return rc;
}

int maildrop_expunge(struct maildrop *m, struct error *err) {
    if (m->live == m->count) return 0;
    int rc = maildrop_ensure_session(m, err);
    if (rc != 0) return rc;
    Store__UidRun *runs = malloc(RUNS_MAX * sizeof *runs);
    if (runs == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t index = 0; rc == 0 && index < m->count;) {
        size_t n = collect_runs(m, &index, runs);
        if (n > 0) rc = expunge_runs(m, runs, n, err);
    }
    free(runs);
    return rc;
}
