/* See mailbox.h. */
#include "smtpd/mailbox.h"

#include "net/loop.h"
#include "smtpd/submit.h"

enum { MAILBOX_TIMEOUT_MS = 60 * 1000, READ_PIECE = 256 * 1024 };

static int call(struct session *s, uint16_t method, const ProtobufCMessage *request, struct rpc_reply *reply,
                struct error *err) {
    return rpc_call(s->d->store.client, method, request, STR_EMPTY, loop_now_ms() + MAILBOX_TIMEOUT_MS, reply, err);
}

static int pieces(struct session *s, uint32_t session, uint64_t folder, uint32_t uid, struct error *err) {
    uint64_t at = 0, total = 1;
    while (at < total && !body_failed(s->tx.body)) {
        Store__MessageRead request = STORE__MESSAGE_READ__INIT;
        RPC_REPLY_AUTO reply = {0};
        request.session = session;
        request.folder = folder;
        request.uid = uid;
        request.offset = at;
        request.length = READ_PIECE;
        int rc = call(s, STORE_MESSAGE_READ, &request.base, &reply, err);
        if (rc < 0) return rc;
        total = ((const Store__MessageReadReply *)reply.msg)->total;
        if (reply.attach.len == 0 && at < total)
            return error_set(err, ERR_CORRUPT, "the message is shorter than it is");
        submit_take(s, reply.attach);
        at += reply.attach.len;
    }
    return 0;
}

static int token_check(struct session *s, uint32_t session, const struct mailbox_message *m, struct error *err) {
    Store__FolderName request = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    char token[URL_TOKEN_MAX] = "";
    if (m->url->token.len == 0) return 0; /* who has logged in needs none */
    request.session = session;
    request.name = (char *)(uintptr_t)m->folder;
    int rc = call(s, STORE_METADATA_GET, &request.base, &reply, err);
    if (rc < 0) return rc;
    const Store__Metadata *all = (const Store__Metadata *)reply.msg;
    for (size_t i = 0; i < all->n_entries; i++)
        if (str_eq(str_from(all->entries[i]->name), STR(URL_KEY_NAME)))
            (void)!imap_url_token(m->url, rpc_bytes(all->entries[i]->value), token);
    bool right = str_eq_nocase(m->url->mechanism, STR("INTERNAL")) && str_eq_secret(str_from(token), m->url->token);
    return right ? 0 : error_set(err, ERR_CONFLICT, "the token of the URL is wrong");
}

static int read_from(struct session *s, uint32_t session, const struct mailbox_message *m, struct error *err) {
    Store__FolderOpen open = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO opened = {0};
    open.session = session;
    open.name = (char *)(uintptr_t)m->folder;
    int rc = call(s, STORE_FOLDER_OPEN, &open.base, &opened, err);
    if (rc < 0) return rc;
    const Store__Folder *f = ((const Store__FolderOpened *)opened.msg)->folder;
    if (f == NULL) return error_set(err, ERR_CORRUPT, "no folder came");
    rc = m->uidvalidity != 0 && m->uidvalidity != f->uidvalidity
             ? error_set(err, ERR_CONFLICT, "the mailbox has another UIDVALIDITY")
             : pieces(s, session, f->id, m->uid, err);
    Store__FolderClose close = STORE__FOLDER_CLOSE__INIT;
    close.session = session;
    close.folder = f->id;
    (void)!call(s, STORE_FOLDER_CLOSE, &close.base, NULL, NULL); /* goes away with the session anyway */
    return rc;
}

int mailbox_read(struct session *s, const struct mailbox_message *m, struct error *err) {
    Store__SessionOpen open = STORE__SESSION_OPEN__INIT;
    RPC_REPLY_AUTO opened = {0};
    open.ticket = rpc_binary(buf_str(&s->ticket));
    int rc = call(s, STORE_SESSION_OPEN, &open.base, &opened, err);
    if (rc < 0) return rc;
    const Store__SessionOpened *o = (const Store__SessionOpened *)opened.msg;
    if (o->account == s->account) {
        rc = token_check(s, o->session, m, err);
        if (rc == 0) rc = read_from(s, o->session, m, err);
    } else {
        rc = error_set(err, ERR_DENIED, "the ticket is of another account");
    }
    Store__SessionClose close = STORE__SESSION_CLOSE__INIT;
    close.session = o->session;
    (void)!call(s, STORE_SESSION_CLOSE, &close.base, NULL, NULL);
    return rc;
}
