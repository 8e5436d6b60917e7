/* Mail of an account from a backup into the running instance. Messages that are there are left as they are; the others
 * get their UIDs back where these are free. May be repeated, and goes on where it was interrupted. */
#include "cli/archive.h"
#include "cli/files.h"
#include "cli/mail_target.h"
#include "cli/restore.h"
#include "net/loop.h"
#include "rpc/dir_methods.h"

#include <string.h>
#include <sysexits.h>

enum { CALL_MS = 60 * 1000, PAGE = 1000 };

struct restorer {
    const struct restore *r;
    struct mail_session from, to;
    struct archive archive;
    const Store__Folder *folder; /* of the backup */
    struct mail_target *target;
    struct mail_counts counts;
    uint64_t wanted;
};

/* The account of the backup: the number that the account has today, else its address. */
static int find_account(struct restorer *x, uint64_t today, uint64_t *out, struct error *err) {
    uint64_t after = 0;
    for (bool more = true; more;) {
        Store__AccountList req = STORE__ACCOUNT_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.after = after;
        req.limit = PAGE;
        int rc =
            rpc_call(x->archive.store, STORE_ACCOUNT_LIST, &req.base, STR_EMPTY, loop_now_ms() + CALL_MS, &reply, err);
        if (rc != 0) return rc;
        const Store__AccountListed *l = (const Store__AccountListed *)reply.msg;
        for (size_t i = 0; i < l->n_accounts; i++) {
            after = l->accounts[i]->account;
            if (after == today) {
                *out = after;
                return 0;
            }
            if (str_eq_nocase(str_from(l->accounts[i]->address), str_from(x->r->account))) *out = after;
        }
        more = l->more && l->n_accounts > 0;
    }
    return *out != 0 ? 0 : error_set(err, ERR_NOTFOUND, "the backup has no mailbox of %s", x->r->account);
}

static int put(void *arg, const struct mail_message *m, struct error *err) {
    struct restorer *x = arg;
    if (x->r->uid != 0 && m->uid != x->r->uid) return 0;
    struct mail_item item = {.flags = m->flags & MAILBOX_SYSTEM_FLAGS, .date = m->date, .body = m->body, .uid = m->uid};
    for (size_t i = 0; i < x->folder->n_keywords && i < MAIL_KEYWORDS_MAX; i++)
        if (m->flags & (1ull << (MAILBOX_KEYWORD_SHIFT + i)))
            item.keywords[item.keyword_count++] = x->folder->keywords[i];
    x->wanted++;
    progress_show("messages looked at", x->wanted, 0);
    return mail_target_put(x->target, &item, err);
}

static int restore_folder(struct restorer *x, struct error *err) {
    struct mail_target_config cfg = {.session = &x->to,
                                     .name = x->folder->name,
                                     .special_use = x->folder->special_use,
                                     .dry_run = x->r->dry_run,
                                     .subscribe = x->folder->subscribed,
                                     .keep_uidvalidity = x->folder->uidvalidity,
                                     .counts = &x->counts};
    int rc = mail_target_open(&cfg, &x->target, err);
    if (rc != 0) return rc;
    rc = mail_each(&x->from, x->folder->id, true, put, x, err);
    if (rc == 0) rc = mail_target_flush(x->target, err);
    mail_target_free(x->target);
    return rc;
}

static int restore_all(struct restorer *x, struct error *err) {
    ARENA_AUTO arena = arena_new(MAIL_FOLDERS_MEMORY);
    struct mail_folders folders = {0};
    size_t done = 0;
    int rc = arena == NULL ? ERR_NOMEM : mail_folders(&x->from, arena, &folders, err);
    for (size_t i = 0; rc == 0 && i < folders.count; i++) {
        x->folder = folders.list[i];
        if (x->folder->no_select) continue;
        if (x->r->folder != NULL && !str_eq(str_from(x->folder->name), str_from(x->r->folder))) continue;
        rc = restore_folder(x, err);
        done++;
    }
    progress_end();
    if (rc == 0 && done == 0)
        rc = error_set(err, ERR_NOTFOUND, "the backup has no folder \"%s\" of %s", x->r->folder, x->r->account);
    if (rc == 0 && x->r->uid != 0 && x->wanted == 0)
        rc = error_set(err, ERR_NOTFOUND, "the backup has no message with UID %u there", x->r->uid);
    return rc;
}

static int open_archive(struct restorer *x, struct error *err) {
    char store[INSTANCE_PATH_MAX];
    uint64_t account = 0;
    BUF_AUTO ticket = BUF_INIT(4096);
    int rc = instance_path(x->r->backup, "store", store);
    if (rc == 0) rc = archive_open(store, &x->archive, err);
    if (rc == 0) rc = find_account(x, x->to.account, &account, err);
    if (rc == 0) rc = archive_ticket(account, x->r->account, &ticket);
    if (rc == 0) rc = mail_open(x->archive.store, buf_str(&ticket), &x->from, err);
    return rc;
}

int restore_mail(struct cli *c, const struct restore *r) {
    struct restorer x = {.r = r, .archive.child.fd = -1};
    struct error err = {0};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int rc = mail_login(c, store, r->account, &x.to);
    if (rc == 0) {
        rc = open_archive(&x, &err);
        if (rc == 0) rc = restore_all(&x, &err);
        if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    }
    if (rc == 0)
        printf(r->dry_run ? "%llu messages would be restored; %llu are there.\n"
                          : "%llu messages were restored; %llu were there. %llu have their UIDs again.\n",
               (unsigned long long)x.counts.added, (unsigned long long)x.counts.present,
               (unsigned long long)x.counts.kept_uid);
    archive_close(&x.archive);
    rpc_client_free(store);
    return cli_exit_status(rc);
}
