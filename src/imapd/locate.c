#include "imapd/locate.h"

#include "imapd/fetch.h"
#include "imapd/store_call.h"
#include "imapd/view.h"

enum { HEADER_MAX = 1024 * 1024 };

static int find_folder(struct session *s, const struct imap_url *u, uint64_t *folder) {
    if (u->mailbox.len == 0) {
        if (s->view == NULL) return ERR_NOTFOUND;
        *folder = s->view->folder;
        return u->uidvalidity == 0 || u->uidvalidity == s->view->uidvalidity ? 0 : ERR_NOTFOUND;
    }
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.name = arena_cstr(session_arena(s), u->mailbox);
    if (req.name == NULL) return ERR_NOMEM;
    int err = session_call(s, STORE_FOLDER_STATUS, &req, STR_EMPTY, &reply, NULL);
    if (err != 0) return err;
    const Store__Folder *f = (const Store__Folder *)reply.msg;
    *folder = f->id;
    return f->no_select || (u->uidvalidity != 0 && u->uidvalidity != f->uidvalidity) ? ERR_NOTFOUND : 0;
}

static int read_record(struct session *s, uint64_t folder, uint32_t uid, unsigned fields, struct located *out) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    run.first = run.last = uid;
    req.folder = folder;
    req.uids = &runs;
    req.n_uids = 1;
    req.fields = fields;
    int err = session_call(s, STORE_MESSAGE_LIST, &req, STR_EMPTY, &out->hold, NULL);
    if (err != 0) return err;
    struct str records = out->hold.attach;
    return message_record_get(&records, fields, &out->record);
}

int locate_url(struct session *s, const struct imap_url *u, struct located *out) {
    static const unsigned fields = FIELD_SIZE | FIELD_SUMMARY;
    uint64_t folder;
    *out = (struct located){.open = false};
    if (u->uid == 0) return ERR_NOTFOUND;
    int err = find_folder(s, u, &folder);
    if (err == 0) err = read_record(s, folder, u->uid, fields, out);
    if (err == 0) err = content_open_in(&out->content, s, folder, &out->record, fields);
    out->open = err == 0;
    if (err == 0) err = fetch_locate(&out->content, &u->section, &out->at);
    if (err == 0) out->at = imap_section_cut(&u->section, out->at);
    if (err != 0) located_done(out);
    return err;
}

void located_done(struct located *l) {
    if (l->open) content_close(&l->content);
    l->open = false;
    rpc_reply_free(&l->hold);
}
