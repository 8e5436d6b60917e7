/* iems restore --list: what a backup holds: its accounts, the folders of one, the messages of a folder. Needs no
 * running instance. */
#include "base/clock.h"
#include "cli/archive.h"
#include "cli/queue_text.h"
#include "cli/restore.h"
#include "proto/mime/summary.h"

#include <stdio.h>
#include <string.h>

struct lister {
    const struct restore *r;
    struct archive archive;
    struct mail_session session;
    uint64_t count, failed;
};

static int list_message(void *arg, const struct mail_message *m, struct error *err) {
    struct lister *x = arg;
    struct summary s;
    char date[CLOCK_TEXT_MAX];
    BUF_AUTO text = BUF_INIT(SUMMARY_MAX);
    (void)err;
    clock_rfc3339(m->date * 1000, date);
    text_size((uint64_t)m->size, &text);
    buf_adds(&text, "  ");
    if (m->summary.len > 0 && summary_parse_thin(m->summary, &s) == 0) {
        text_clean(s.from, &text);
        buf_adds(&text, "  ");
        text_clean(s.base_subject, &text);
    }
    printf("UID %u  %s  %s\n", m->uid, date, buf_cstr(&text));
    x->count++;
    return 0;
}

static int list_folder(struct lister *x, const Store__Folder *f, struct error *err) {
    BUF_AUTO size = BUF_INIT(32);
    text_size(f->size, &size);
    if (x->r->folder != NULL) return mail_each(&x->session, f->id, MAIL_SUMMARIES, list_message, x, err);
    printf("%-40s %8llu messages  %8s  UIDVALIDITY %u\n", f->name, (unsigned long long)f->messages, buf_cstr(&size),
           f->uidvalidity);
    x->count++;
    return 0;
}

static int list_files(struct lister *x, struct error *err) {
    Store__FileUsageGet req = STORE__FILE_USAGE_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    BUF_AUTO size = BUF_INIT(32);
    req.session = x->session.number;
    int rc = web_call(&x->session, STORE_FILE_USAGE, &req.base, STR_EMPTY, &reply, err);
    if (rc != 0) return rc;
    const Store__FileUsage *u = (const Store__FileUsage *)reply.msg;
    text_size(u->bytes, &size);
    if (u->files > 0)
        printf("%-40s %8llu files     %8s\n", "(web folders)", (unsigned long long)u->files, buf_cstr(&size));
    return 0;
}

static int list_account(struct lister *x, struct error *err) {
    ARENA_AUTO arena = arena_new(MAIL_FOLDERS_MEMORY);
    struct mail_folders folders = {0};
    uint64_t number;
    size_t found = 0;
    int rc = archive_find(&x->archive, x->r->from != NULL ? x->r->from : x->r->account, &number, err);
    if (rc == 0) rc = archive_login(&x->archive, number, x->r->account, &x->session, err);
    if (rc == 0) rc = arena == NULL ? ERR_NOMEM : mail_folders(&x->session, arena, &folders, err);
    for (size_t i = 0; rc == 0 && i < folders.count; i++) {
        const Store__Folder *f = folders.list[i];
        if (f->no_select || (x->r->folder != NULL && strcmp(f->name, x->r->folder) != 0)) continue;
        found++;
        rc = list_folder(x, f, err);
    }
    if (rc == 0 && found == 0 && x->r->folder != NULL)
        rc = error_set(err, ERR_NOTFOUND, "the backup has no folder \"%s\" of %s", x->r->folder, x->r->account);
    if (rc == 0 && x->r->folder == NULL) rc = list_files(x, err);
    if (rc == 0) printf("%llu %s.\n", (unsigned long long)x->count, x->r->folder != NULL ? "messages" : "folders");
    return rc;
}

/* One line; what cannot be read is told and does not end the list. */
static int list_one(void *arg, uint64_t number, const char *address, struct error *err) {
    struct lister *x = arg;
    ARENA_AUTO arena = arena_new(MAIL_FOLDERS_MEMORY);
    struct mail_folders folders = {0};
    struct error why = {0};
    uint64_t messages = 0, bytes = 0;
    BUF_AUTO size = BUF_INIT(32);
    (void)err;
    BUF_AUTO numbered = BUF_INIT(64);
    buf_printf(&numbered, "account %llu", (unsigned long long)number);
    if (address[0] == '\0') address = buf_cstr(&numbered);
    int rc = archive_login(&x->archive, number, address, &x->session, &why);
    if (rc == 0) rc = arena == NULL ? ERR_NOMEM : mail_folders(&x->session, arena, &folders, &why);
    for (size_t i = 0; i < folders.count; i++) {
        messages += folders.list[i]->messages;
        bytes += folders.list[i]->size;
    }
    text_size(bytes, &size);
    if (rc == 0)
        printf("%-40s %5zu folders %8llu messages  %8s\n", address, folders.count, (unsigned long long)messages,
               buf_cstr(&size));
    else
        printf("%-40s cannot be read: %s\n", address, why.text[0] != '\0' ? why.text : err_name(rc));
    x->count++;
    x->failed += rc != 0;
    mail_close(&x->session);
    return 0;
}

int restore_list(const struct restore *r) {
    struct lister x = {.r = r, .archive = ARCHIVE_NONE};
    struct error err = {0};
    int rc = archive_open_backup(r->backup, &x.archive, &err);
    if (rc == 0 && r->account != NULL)
        rc = list_account(&x, &err);
    else if (rc == 0)
        rc = archive_each_account(&x.archive, list_one, &x, &err);
    if (rc == 0 && r->account == NULL) printf("%llu accounts.\n", (unsigned long long)x.count);
    if (rc == 0 && x.failed > 0)
        rc = error_set(&err, ERR_CORRUPT, "%llu accounts cannot be read", (unsigned long long)x.failed);
    if (rc == 0) rc = archive_look(&x.archive, &err);
    if (rc == 0 && x.archive.holes > 0)
        rc = error_set(&err, ERR_CORRUPT, "the backup is damaged: what cannot be read of it is not in the list");
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    archive_close(&x.archive);
    return cli_exit_status(rc);
}
