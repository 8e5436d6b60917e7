/* The folders of an account, for `iems user show --folders` (ACCT-08). */
#include "cli/mail.h"
#include "cli/user_text.h"

#include <stdio.h>
#include <sysexits.h>

enum { MB = 1024 * 1024 };

static json_t *folder_json(const Store__Folder *f) {
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", f->name, "messages", (json_int_t)f->messages, "unread",
                     (json_int_t)f->unseen, "recent", (json_int_t)f->recent, "bytes", (json_int_t)f->size);
}

static int tell(const struct mail_session *s, json_t *o) {
    ARENA_AUTO arena = arena_new(MAIL_FOLDERS_MEMORY);
    struct mail_folders all = {0};
    struct error err = {0};
    int rc = arena == NULL ? ERR_NOMEM : mail_folders(s, arena, &all, &err);
    if (rc != 0) {
        cli_error("folders: %s", err.text);
        return cli_exit_status(rc);
    }
    json_t *array = o == NULL ? NULL : json_array();
    if (o == NULL) printf("\n%-40s %9s %9s %9s %13s\n", "FOLDER", "MESSAGES", "UNREAD", "RECENT", "SIZE");
    for (size_t i = 0; i < all.count; i++) {
        const Store__Folder *f = all.list[i];
        if (f->no_select) continue;
        if (array != NULL)
            (void)json_array_append_new(array, folder_json(f));
        else
            printf("%-40s %9llu %9llu %9llu %10.1f MB\n", f->name, (unsigned long long)f->messages,
                   (unsigned long long)f->unseen, (unsigned long long)f->recent, (double)f->size / MB);
    }
    if (array != NULL) (void)json_object_set_new(o, "folders", array);
    return EX_OK;
}

int user_folders_show(struct cli *c, struct rpc_client *dir, const char *address, json_t *o) {
    struct mail_session session;
    struct error err = {0};
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int rc = mail_login(dir, store, address, &session, &err);
    if (rc != 0) cli_error("%s: %s", address, err.text);
    int status = rc == 0 ? tell(&session, o) : cli_exit_status(rc);
    rpc_client_free(store);
    return status;
}
