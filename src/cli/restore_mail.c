/* Mail of an account from a backup into the running instance. Messages that are there are left as they are; the others
 * get their UIDs back where these are free. May be repeated, and goes on where it was interrupted. */
#include "cli/archive.h"
#include "cli/mail_target.h"
#include "cli/progress.h"
#include "cli/restore.h"
#include "net/loop.h"
#include "rpc/dir_methods.h"
#include "rpc/ticket.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { CALL_MS = 60 * 1000 };

struct restorer {
    const struct restore *r;
    struct rpc_client *store, *dir;
    struct archive archive;
    /* of the account at hand */
    const char *address;
    struct mail_session from, to;
    const Store__Folder *folder; /* of the backup */
    struct mail_target *target;
    struct mail_counts counts;
    struct restored_files files;
    uint64_t wanted;
    /* of all */
    uint64_t accounts, failed, damaged;
};

/* Whose number it is in the running store; "" = nobody's. */
static int holder_today(struct restorer *x, uint64_t number, struct buf *out, struct error *err) {
    Store__AccountList req = STORE__ACCOUNT_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.after = number - 1;
    req.limit = 1;
    int rc = rpc_call(x->store, STORE_ACCOUNT_LIST, &req.base, STR_EMPTY, loop_now_ms() + CALL_MS, &reply, err);
    if (rc != 0) return rc;
    const Store__AccountListed *l = (const Store__AccountListed *)reply.msg;
    if (l->n_accounts > 0 && l->accounts[0]->account == number) buf_adds(out, l->accounts[0]->address);
    return 0;
}

/* Mail must not come to somebody else because an address changed hands: the one who had it at the time of the backup
 * may be here still, under another address that the backup does not know. (If it knows that one, too, accounts were
 * only numbered anew, in another installation.) */
static int check_holder(struct restorer *x, uint64_t number, struct error *err) {
    BUF_AUTO today = BUF_INIT(TICKET_ADDRESS_MAX);
    struct error none = {0};
    uint64_t other;
    int rc = number == x->to.account ? 0 : holder_today(x, number, &today, err);
    if (rc != 0 || today.len == 0 || str_eq_nocase(buf_str(&today), str_from(x->address))) return rc;
    if (archive_find(&x->archive, buf_cstr(&today), &other, &none) == 0) return 0;
    return error_set(
        err, ERR_CONFLICT,
        "at the time of the backup %s was the address of the account that is %s now; if its mail is meant: "
        "--from %s",
        x->address, buf_cstr(&today), x->address);
}

/* By its address at that time. An account that was renamed since is found under its number, but must be named. */
static int find_account(struct restorer *x, uint64_t *out, struct error *err) {
    if (x->r->from != NULL) return archive_find(&x->archive, x->r->from, out, err);
    int rc = archive_find(&x->archive, x->address, out, err);
    if (rc == ERR_NOTFOUND)
        return error_set(err, rc, "the backup has no mailbox of %s; if it had another address then: --from ADDRESS",
                         x->address);
    return rc == 0 ? check_holder(x, *out, err) : rc;
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

/* One whose list cannot be read is damaged; what fails on our side ends it all. */
static int folder_failed(struct restorer *x, const struct error *why, struct error *err) {
    if (why->code != ERR_CORRUPT && why->code != ERR_IO) return error_set(err, why->code, "%s", why->text);
    progress_end();
    cli_error("%s, folder \"%s\" cannot be read: %s", x->address, x->folder->name, why->text);
    x->damaged++;
    return 0;
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
        done++;
        struct error why = {0};
        if (restore_folder(x, &why) == 0) continue;
        rc = folder_failed(x, &why, err);
    }
    progress_end();
    if (rc == 0 && done == 0 && x->r->folder == NULL)
        rc = error_set(err, ERR_CORRUPT, "no folder of %s can be read", x->address);
    if (rc == 0 && done == 0)
        rc = error_set(err, ERR_NOTFOUND, "the backup has no folder \"%s\" of %s", x->r->folder, x->address);
    if (rc == 0 && x->r->uid != 0 && x->wanted == 0)
        rc = error_set(err, ERR_NOTFOUND, "the backup has no message with UID %u there", x->r->uid);
    return rc;
}

/* A message of the backup that cannot be read. */
static void on_damaged(void *arg, uint32_t uid, const struct error *why) {
    struct restorer *x = arg;
    progress_end();
    cli_error("%s, folder \"%s\", UID %u cannot be read: %s", x->address, x->folder->name, uid, why->text);
    x->damaged++;
}

/* What a damaged backup has no record of is not missed by anybody else. */
static int look(struct restorer *x, uint64_t before, struct error *err) {
    int rc = archive_look(&x->archive, err);
    if (rc != 0 || x->archive.holes == before) return rc;
    progress_end();
    cli_error("%s: records of the backup cannot be read: folders, messages or flags may be missing", x->address);
    return 0;
}

static void report(const struct restorer *x) {
    printf(x->r->dry_run ? "%llu messages would be restored; %llu are there.\n"
                         : "%llu messages were restored; %llu were there. %llu have their UIDs again.\n",
           (unsigned long long)x->counts.added, (unsigned long long)x->counts.present,
           (unsigned long long)x->counts.kept_uid);
}

static void report_files(const struct restorer *x) {
    if (x->files.added == 0 && x->files.present == 0 && x->r->files == NULL) return;
    if (x->r->all) printf("%s: ", x->address);
    printf(x->r->dry_run ? "%llu files of web folders would be restored; %llu are there.\n"
                         : "%llu files of web folders were restored; %llu were there.\n",
           (unsigned long long)x->files.added, (unsigned long long)x->files.present);
}

/* Behind the mail, unless only some of that is wanted. */
static int add_files(struct restorer *x, struct error *err) {
    x->files = (struct restored_files){0};
    if (x->r->folder != NULL) return 0;
    int rc = restore_files(x->r, &x->from, &x->to, &x->files, err);
    x->damaged += x->files.damaged;
    report_files(x);
    return rc;
}

static int restore_account(struct restorer *x, const char *address, struct error *err) {
    uint64_t number = 0;
    x->address = address;
    x->counts = (struct mail_counts){0};
    uint64_t holes = x->archive.holes;
    int rc = mail_login(x->dir, x->store, address, &x->to, err);
    if (rc == 0) rc = find_account(x, &number, err);
    if (rc == 0) rc = archive_login(&x->archive, number, address, &x->from, err);
    x->from.damaged = on_damaged;
    x->from.damaged_arg = x;
    bool mail = x->r->files == NULL;
    if (rc == 0 && mail) rc = restore_all(x, err);
    if (rc == 0) rc = look(x, holes, err);
    if (x->r->all) printf("%s: ", address);
    if (rc == 0 && mail)
        report(x);
    else if (x->r->all)
        printf("failed\n");
    if (rc == 0) rc = add_files(x, err);
    mail_close(&x->from);
    mail_close(&x->to);
    return rc;
}

/* For --all: what fails is told, and does not keep the others from theirs. */
static int restore_each(void *arg, uint64_t number, const char *address, struct error *err) {
    struct restorer *x = arg;
    struct error why = {0};
    (void)err;
    x->accounts++;
    if (address[0] == '\0') {
        cli_error(
            "the record of account %llu of the backup cannot be read, and its directory does not know the address",
            (unsigned long long)number);
        x->failed++;
        return 0;
    }
    if (restore_account(x, address, &why) == 0) return 0;
    cli_error("%s: %s", address, why.text);
    x->failed++;
    return 0;
}

static int run(struct restorer *x, struct error *err) {
    int rc = archive_open_backup(x->r->backup, &x->archive, err);
    if (rc == 0 && !x->r->all) rc = restore_account(x, x->r->account, err);
    if (rc == 0 && x->r->all) rc = archive_each_account(&x->archive, restore_each, x, err);
    if (rc == 0 && x->r->all) printf("%llu accounts.\n", (unsigned long long)x->accounts);
    if (rc == 0) rc = archive_look(&x->archive, err);
    if (rc == 0 && (x->archive.holes > 0 || x->damaged > 0))
        rc = error_set(
            err, ERR_CORRUPT,
            "the backup is damaged: %llu accounts and %llu messages cannot be read%s; what can be is restored",
            (unsigned long long)x->failed, (unsigned long long)x->damaged,
            x->archive.holes > 0 ? ", nor can some of its records" : "");
    if (rc == 0 && x->failed > 0)
        rc = error_set(err, ERR_NOTFOUND,
                       "%llu accounts were not restored; those that are not in the directory: iems directory import "
                       "%s/directory.ldif",
                       (unsigned long long)x->failed, x->r->backup);
    return rc;
}

int restore_mail(struct cli *c, const struct restore *r) {
    struct restorer x = {.r = r, .archive = ARCHIVE_NONE};
    struct error err = {0};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    x.store = cli_connect(c, &store_service);
    x.dir = x.store == NULL ? NULL : cli_connect(c, &dir_service);
    int rc = x.dir == NULL ? ERR_CLOSED : run(&x, &err);
    if (rc != 0 && x.dir != NULL) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    archive_close(&x.archive);
    rpc_client_free(x.dir);
    rpc_client_free(x.store);
    return cli_exit_status(rc);
}
