/* iems export and iems import: mail of one account as Maildir or mbox; with --imap see cmd_import_imap.c. */
#include "cli/commands.h"
#include "cli/foreign.h"
#include "cli/progress.h"
#include "rpc/dir_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct arguments {
    const char *account, *maildir, *mbox, *folder;
    bool dry_run;
};

static int parse(struct arguments *a, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char **to = strcmp(argv[i], "--maildir") == 0  ? &a->maildir
                          : strcmp(argv[i], "--mbox") == 0   ? &a->mbox
                          : strcmp(argv[i], "--folder") == 0 ? &a->folder
                                                             : NULL;
        if (to != NULL && i + 1 < argc)
            *to = argv[++i];
        else if (strcmp(argv[i], "--dry-run") == 0)
            a->dry_run = true;
        else if (argv[i][0] == '-' || a->account != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            a->account = argv[i];
    }
    if (a->account == NULL) return cli_usage(cli_current(), "which account?");
    if ((a->maildir == NULL) == (a->mbox == NULL))
        return cli_usage(cli_current(), "either --maildir or --mbox is needed");
    return EX_OK;
}

static int begin(struct cli *c, const struct arguments *a, struct rpc_client **store, struct mail_session *session) {
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    *store = cli_connect(c, &store_service);
    if (*store == NULL) return EX_UNAVAILABLE;
    struct error err = {0};
    struct rpc_client *dir = cli_connect(c, &dir_service);
    int rc = dir == NULL ? ERR_CLOSED : mail_login(dir, *store, a->account, session, &err);
    if (err.text[0] != '\0') cli_error("%s", err.text);
    rpc_client_free(dir);
    if (rc != 0) rpc_client_free(*store);
    return cli_exit_status(rc);
}

static void on_damaged(void *arg, uint32_t uid, const struct error *why) {
    struct export *x = arg;
    progress_end();
    cli_error("folder \"%s\", UID %u cannot be read: %s", x->folder->name, uid, why->text);
    x->damaged++;
}

static int export_all(struct export *x, const struct arguments *a, struct error *err) {
    ARENA_AUTO arena = arena_new(MAIL_FOLDERS_MEMORY);
    struct mail_folders folders = {0};
    size_t done = 0;
    int rc = arena == NULL ? ERR_NOMEM : mail_folders(x->session, arena, &folders, err);
    for (size_t i = 0; rc == 0 && i < folders.count; i++) {
        x->folder = folders.list[i];
        if (x->folder->no_select) continue;
        if (a->folder != NULL && !str_eq(str_from(x->folder->name), str_from(a->folder))) continue;
        rc = a->maildir != NULL ? export_maildir(x, err) : export_mbox(x, err);
        done++;
    }
    progress_end();
    if (rc == 0 && a->maildir != NULL && a->folder == NULL) rc = export_maildir_end(x, err);
    if (rc == 0 && done == 0) rc = error_set(err, ERR_NOTFOUND, "there is no folder \"%s\"", a->folder);
    if (rc == 0)
        printf("%zu folders, %llu messages written, %llu were there.\n", done, (unsigned long long)x->written,
               (unsigned long long)x->present);
    if (rc == 0 && x->damaged > 0)
        rc = error_set(err, ERR_CORRUPT, "%llu messages cannot be read and are not exported: iems rebuild %s",
                       (unsigned long long)x->damaged, a->account);
    return rc;
}

int cmd_export(struct cli *c, int argc, char **argv) {
    struct arguments a = {0};
    struct rpc_client *store = NULL;
    struct mail_session session;
    struct error err = {0};
    int status = parse(&a, argc, argv);
    if (status == EX_OK) status = begin(c, &a, &store, &session);
    if (status != EX_OK) return status;
    struct export x = {.session = &session,
                       .dir = a.maildir != NULL ? a.maildir : a.mbox,
                       .folder_dir = BUF_INIT(FOREIGN_NAME_MAX),
                       .subscribed = BUF_INIT(MAIL_FOLDERS_MEMORY)};
    session.damaged = on_damaged;
    session.damaged_arg = &x;
    int rc = export_all(&x, &a, &err);
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    buf_done(&x.folder_dir);
    buf_done(&x.subscribed);
    rpc_client_free(store);
    return cli_exit_status(rc);
}

int cmd_import(struct cli *c, int argc, char **argv) {
    struct arguments a = {0};
    struct rpc_client *store = NULL;
    struct mail_session session;
    struct error err = {0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--imap") == 0) return import_from_imap(c, argc, argv);
    int status = parse(&a, argc, argv);
    if (status == EX_OK && a.folder != NULL) status = cli_usage(cli_current(), "all folders are imported");
    if (status == EX_OK) status = begin(c, &a, &store, &session);
    if (status != EX_OK) return status;
    struct import x = {
        .session = &session, .source = a.maildir != NULL ? a.maildir : a.mbox, .dry_run = a.dry_run, .subscribe = true};
    int rc = a.maildir != NULL ? import_maildir(&x, &err) : import_mbox(&x, &err);
    progress_end();
    if (rc == 0 && x.failed > 0)
        rc = error_set(&err, ERR_CORRUPT, "%llu folders are not imported, or not all of them",
                       (unsigned long long)x.failed);
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    printf("%llu folders; %llu messages %s, %llu were there.\n", (unsigned long long)x.folders,
           (unsigned long long)x.counts.added, a.dry_run ? "would be imported" : "imported",
           (unsigned long long)x.counts.present);
    rpc_client_free(store);
    return cli_exit_status(rc);
}
