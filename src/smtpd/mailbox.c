/* See mailbox.h. */
#include "smtpd/mailbox.h"

#include "net/loop.h"
#include "proto/imap/section.h"
#include "smtpd/submit.h"

enum { MAILBOX_TIMEOUT_MS = 60 * 1000, READ_PIECE = 256 * 1024 };

static int call(struct session *s, uint16_t method, const ProtobufCMessage *request, struct rpc_reply *reply,
                struct error *err) {
    return rpc_call(s->d->store.client, method, request, STR_EMPTY, loop_now_ms() + MAILBOX_TIMEOUT_MS, reply, err);
}

struct reading {
    struct session *s;
    uint32_t session, uid;
    uint64_t folder, total; /* total: known once something was read */
};

/* Gives the bytes of a span to `take`, until that gives false. The span may reach beyond the end. */
static int each_piece(struct reading *r, struct span at, bool (*take)(void *arg, struct str piece), void *arg,
                      struct error *err) {
    while (at.length > 0) {
        Store__MessageRead request = STORE__MESSAGE_READ__INIT;
        RPC_REPLY_AUTO reply = {0};
        request.session = r->session;
        request.folder = r->folder;
        request.uid = r->uid;
        request.offset = at.offset;
        request.length = at.length < READ_PIECE ? at.length : READ_PIECE;
        int rc = call(r->s, STORE_MESSAGE_READ, &request.base, &reply, err);
        if (rc < 0) return rc;
        r->total = ((const Store__MessageReadReply *)reply.msg)->total;
        if (at.offset >= r->total) break;
        if (reply.attach.len == 0) return error_set(err, ERR_CORRUPT, "the message is shorter than it is");
        if (!take(arg, reply.attach)) break;
        at.offset += reply.attach.len;
        at.length -= reply.attach.len;
    }
    return 0;
}

static bool submit_piece(void *arg, struct str piece) {
    struct session *s = arg;
    submit_take(s, piece);
    return !body_failed(s->tx.body);
}

static bool parse_piece(void *arg, struct str piece) {
    summary_builder_feed(arg, piece);
    return true;
}

/* Where the section is: the message is read once for its parts. */
static int locate(struct reading *r, const struct imap_fetch_body *section, struct span *at, struct error *err) {
    BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
    struct summary summary;
    struct summary_builder *b = summary_builder_new();
    if (b == NULL) return ERR_NOMEM;
    int rc = each_piece(r, *at, parse_piece, b, err);
    if (rc == 0) rc = summary_builder_finish(b, &bytes);
    if (rc == 0) rc = summary_parse(buf_str(&bytes), &summary);
    if (rc == 0) rc = imap_section_locate(&summary, 0, r->total, section, at);
    summary_builder_free(b);
    return rc == ERR_NOTFOUND ? error_set(err, rc, "there is no such part") : rc;
}

static int read_message(struct reading *r, const struct imap_url *u, struct error *err) {
    struct span at = {0, UINT64_MAX};
    int rc = u->has_section ? locate(r, &u->section, &at, err) : 0;
    if (rc < 0) return rc;
    return each_piece(r, imap_section_cut(&u->section, at), submit_piece, r->s, err);
}

static int token_check(struct session *s, uint32_t session, const char *folder, const struct imap_url *u,
                       struct error *err) {
    Store__FolderName request = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    char token[URL_TOKEN_MAX] = "";
    if (u->token.len == 0) return 0; /* who has logged in needs none */
    request.session = session;
    request.name = (char *)(uintptr_t)folder;
    int rc = call(s, STORE_METADATA_GET, &request.base, &reply, err);
    if (rc < 0) return rc;
    const Store__Metadata *all = (const Store__Metadata *)reply.msg;
    for (size_t i = 0; i < all->n_entries; i++)
        if (str_eq(str_from(all->entries[i]->name), STR(URL_KEY_NAME)))
            (void)!imap_url_token(u, rpc_bytes(all->entries[i]->value), token);
    bool right = str_eq_nocase(u->mechanism, STR("INTERNAL")) && str_eq_secret(str_from(token), u->token);
    return right ? 0 : error_set(err, ERR_CONFLICT, "the token of the URL is wrong");
}

static int read_from(struct session *s, uint32_t session, const char *folder, const struct imap_url *u,
                     struct error *err) {
    Store__FolderOpen open = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO opened = {0};
    open.session = session;
    open.name = (char *)(uintptr_t)folder;
    int rc = call(s, STORE_FOLDER_OPEN, &open.base, &opened, err);
    if (rc == ERR_DENIED) return error_set(err, ERR_NOTFOUND, "the mailbox may not be read");
    if (rc < 0) return rc;
    const Store__Folder *f = ((const Store__FolderOpened *)opened.msg)->folder;
    if (f == NULL) return error_set(err, ERR_CORRUPT, "no folder came");
    struct reading r = {.s = s, .session = session, .folder = f->id, .uid = u->uid};
    rc = u->uidvalidity != 0 && u->uidvalidity != f->uidvalidity
             ? error_set(err, ERR_CONFLICT, "the mailbox has another UIDVALIDITY")
             : token_check(s, session, folder, u, err);
    if (rc == 0) rc = read_message(&r, u, err);
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
        rc = read_from(s, o->session, m->folders[0], m->url, err);
        if (rc == ERR_NOTFOUND && m->folders[1] != NULL) rc = read_from(s, o->session, m->folders[1], m->url, err);
    } else {
        rc = error_set(err, ERR_DENIED, "the ticket is of another account");
    }
    Store__SessionClose close = STORE__SESSION_CLOSE__INIT;
    close.session = o->session;
    (void)!call(s, STORE_SESSION_CLOSE, &close.base, NULL, NULL);
    return rc;
}
