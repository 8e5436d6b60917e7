/* `iems user import FILE`: accounts from CSV (RFC 4180): address,password,first name,last name,quota in MB,aliases
 * separated by blanks. A first line that begins with "address" names the columns and is skipped. */
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/user_args.h"
#include "cli/user_bulk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { COLUMNS = 6, IMPORT_ARENA_MAX = INT32_MAX };

static int take_line(struct str *rest, struct arena *arena, char *fields[static COLUMNS], size_t *count,
                     struct error *err) {
    for (size_t i = 0; i < COLUMNS; i++) fields[i] = (char *)(uintptr_t) "";
    return csv_take_line(rest, arena, fields, COLUMNS, count, err);
}

static int take_aliases(struct str text, struct arena *arena, Dir__User *u) {
    size_t count = 0;
    for (struct str rest = text; str_word(&rest).len > 0;) count++;
    u->aliases = arena_alloc(arena, (count + 1) * sizeof(char *));
    if (u->aliases == NULL) return ERR_NOMEM;
    for (struct str word, rest = text; (word = str_word(&rest)).len > 0;) {
        u->aliases[u->n_aliases] = arena_cstr(arena, word);
        if (u->aliases[u->n_aliases++] == NULL) return ERR_NOMEM;
    }
    return 0;
}

static int make_item(char *const fields[static COLUMNS], size_t line, struct arena *arena, struct bulk_item *out,
                     struct error *err) {
    Dir__UserAdd *add = arena_alloc(arena, sizeof *add);
    Dir__User *u = arena_alloc(arena, sizeof *u);
    if (add == NULL || u == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    dir__user_add__init(add);
    dir__user__init(u);
    add->user = u;
    u->address = fields[0];
    u->password = fields[1];
    u->first_name = fields[2];
    u->last_name = fields[3];
    if (fields[4][0] != '\0') {
        u->has_quota = true;
        if (user_args_quota(fields[4], &u->quota_mb) != 0) {
            return error_set(err, ERR_INVALID, "quota '%s' is not a number of MB or 'unlimited'", fields[4]);
        }
    }
    if (take_aliases(str_from(fields[5]), arena, u) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    *out = (struct bulk_item){.line = line, .address = fields[0], .request = &add->base};
    return 0;
}

static int parse(struct str text, struct arena *arena, struct bulk *b, struct error *err) {
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) lines += text.ptr[i] == '\n';
    b->items = arena_alloc(arena, lines * sizeof *b->items);
    if (b->items == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t line = 1; text.len > 0; line++) {
        char *fields[COLUMNS];
        size_t count;
        int rc = take_line(&text, arena, fields, &count, err);
        if (rc == 0 && fields[0][0] == '\0' && count == 1) continue; /* an empty line */
        if (rc == 0 && line == 1 && strcasecmp(fields[0], "address") == 0) continue;
        if (rc == 0) rc = make_item(fields, line, arena, &b->items[b->count], err);
        if (rc != 0) return error_prefix(err, "line %zu", line);
        b->count++;
    }
    return 0;
}

int cmd_user_import(struct cli *c, int argc, char **argv) {
    bool dry_run = argc == 3 && strcmp(argv[1], "--dry-run") == 0;
    if (argc != 2 && !dry_run) return cli_usage(cli_current(), "one file is expected");
    ARENA_AUTO arena = arena_new(IMPORT_ARENA_MAX);
    struct bulk b = {.method = DIR_USER_ADD, .what = "users were added"};
    struct error err = {0};
    struct str text = STR_EMPTY;
    int rc = arena == NULL ? ERR_NOMEM : bulk_read(argv[argc - 1], arena, &text, &err);
    if (rc == 0) rc = parse(text, arena, &b, &err);
    if (rc != 0) {
        cli_error("%s: %s; nobody was added", argv[argc - 1], err.text);
        return cli_exit_status(rc);
    }
    if (dry_run) {
        printf("%zu users would be added.\n", b.count);
        return EX_OK;
    }
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    b.dir = cli_connect(c, &dir_service);
    if (b.dir == NULL) return EX_UNAVAILABLE;
    int status = bulk_run(&b);
    rpc_client_free(b.dir);
    return status;
}
