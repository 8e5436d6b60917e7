/* `iems user delete`: account and entry together, any number of them (LIM-10, LIM-20, ACCT-06). */
#include "cli/commands.h"
#include "cli/user_bulk.h"
#include "cli/user_text.h"
#include "rpc/dir_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { DELETE_ARENA_MAX = 1024 * 1024 * 1024 };

static int add_item(struct bulk *b, size_t line, const char *address, struct arena *arena) {
    Dir__UserName *name = arena_alloc(arena, sizeof *name);
    if (name == NULL || address == NULL) return ERR_NOMEM;
    dir__user_name__init(name);
    name->address = (char *)(uintptr_t)address;
    b->items[b->count++] = (struct bulk_item){.line = line, .address = address, .request = &name->base};
    return 0;
}

static int from_file(struct bulk *b, const char *path, struct arena *arena, struct error *err) {
    struct str text = STR_EMPTY;
    int rc = bulk_read(path, arena, &text, err);
    size_t lines = 1;
    if (rc != 0) return rc;
    for (size_t i = 0; i < text.len; i++) lines += text.ptr[i] == '\n';
    b->items = arena_alloc(arena, lines * sizeof *b->items);
    if (b->items == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t line = 1; text.len > 0; line++) {
        struct str address = str_cut(&text, '\n');
        address = str_trim(str_cut(&address, ',')); /* the file of an import will do */
        if (address.len == 0 || (line == 1 && str_eq_nocase(address, STR("address")))) continue;
        if (add_item(b, line, arena_cstr(arena, address), arena) != 0)
            return error_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

static bool confirm(const struct bulk *b, bool now) {
    char answer[16] = "";
    const char *good = now ? " for good" : "";
    if (b->count == 1)
        printf("Delete %s with all its mail%s? [y/N] ", b->items[0].address, good);
    else
        printf("Delete %zu accounts with all their mail%s? [y/N] ", b->count, good);
    (void)fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static int run_one(struct bulk *b) {
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(b->dir, b->method, b->items[0].request, STR_EMPTY, &reply, "user not deleted");
    if (rc == 0) user_gone_print(b->items[0].address, (const void *)reply.msg);
    return cli_exit_status(rc);
}

static int run(struct cli *c, struct bulk *b, bool yes, bool now) {
    if (!yes && isatty(STDIN_FILENO) && !confirm(b, now)) {
        puts("Nothing was deleted.");
        return EX_TEMPFAIL;
    }
    if (!yes && !isatty(STDIN_FILENO) && b->count > 1) {
        cli_error("%zu accounts would be deleted; give --yes to do it without a question", b->count);
        return EX_USAGE;
    }
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    b->dir = cli_connect(c, &dir_service);
    if (b->dir == NULL) return EX_UNAVAILABLE;
    for (size_t i = 0; i < b->count; i++) ((Dir__UserName *)(uintptr_t)b->items[i].request)->now = now;
    int status = b->count == 1 ? run_one(b) : bulk_run(b);
    rpc_client_free(b->dir);
    return status;
}

int cmd_user_delete(struct cli *c, int argc, char **argv) {
    ARENA_AUTO arena = arena_new(DELETE_ARENA_MAX);
    struct bulk b = {.method = DIR_USER_DELETE, .what = "users were deleted"};
    struct error err = {0};
    const char *file = NULL;
    bool yes = false, now = false;
    b.items = arena == NULL ? NULL : arena_alloc(arena, (size_t)argc * sizeof *b.items);
    if (b.items == NULL) return EX_OSERR;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--yes") == 0)
            yes = true;
        else if (strcmp(argv[i], "--now") == 0)
            now = true;
        else if (strcmp(argv[i], "--file") == 0 && i + 1 < argc)
            file = argv[++i];
        else if (argv[i][0] == '-' && argv[i][1] != '\0')
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else if (add_item(&b, 0, argv[i], arena) != 0)
            return EX_OSERR;
    }
    if ((file == NULL) == (b.count == 0))
        return cli_usage(cli_current(), "addresses, or --file with one address a line, are expected");
    int rc = file == NULL ? 0 : from_file(&b, file, arena, &err);
    if (rc != 0) {
        cli_error("%s", err.text);
        return cli_exit_status(rc);
    }
    return run(c, &b, yes, now);
}
