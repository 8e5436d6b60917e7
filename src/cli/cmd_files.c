/* `iems files ls|usage`: what web folders hold (WFOLD-01). */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/queue_text.h"
#include "cli/web_files.h"
#include "rpc/ticket.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { MB = 1024 * 1024 };

/* --- ls */
struct listing {
    const struct mail_session *session;
    bool recursive;
    json_t *array; /* NULL: text */
};

static int list_folder(struct listing *l, const char *path, const char *shown, struct error *err);

static void print_entry(const Store__FileInfo *i, const char *shown) {
    char when[CLOCK_TEXT_MAX];
    BUF_AUTO size = BUF_INIT(32);
    text_size(i->size, &size);
    clock_rfc3339(i->modified, when);
    printf("%10s  %.19s  %s%s\n", i->folder ? "-" : buf_cstr(&size), when, shown, i->folder ? "/" : "");
}

static void add_json(json_t *array, const Store__FileInfo *i, const char *shown) {
    (void)json_array_append_new(array, json_pack("{s:s, s:b, s:I, s:I, s:s}", "path", shown, "folder", i->folder,
                                                 "size", (json_int_t)i->size, "modified_ms", (json_int_t)i->modified,
                                                 "type", i->type));
}

struct at_folder {
    struct listing *l;
    const char *path, *shown;
};

static int list_one(void *arg, const Store__FileInfo *i, struct error *err) {
    struct at_folder *at = arg;
    BUF_AUTO path = BUF_INIT(FILE_PATH_MAX + 1), shown = BUF_INIT(FILE_PATH_MAX + 1);
    if (web_join(at->path, i->name, &path) != 0 || web_join(at->shown, i->name, &shown) != 0)
        return error_set(err, ERR_LIMIT, "a path is too long");
    if (at->l->array != NULL)
        add_json(at->l->array, i, buf_cstr(&shown));
    else
        print_entry(i, buf_cstr(&shown));
    return i->folder && at->l->recursive ? list_folder(at->l, buf_cstr(&path), buf_cstr(&shown), err) : 0;
}

static int list_folder(struct listing *l, const char *path, const char *shown, struct error *err) {
    struct at_folder at = {l, path, shown};
    return web_each(l->session, path, list_one, &at, err);
}

static int list(struct listing *l, const char *path, struct error *err) {
    struct web_info info;
    int rc = web_stat(l->session, path, &info, err);
    if (rc != 0) return rc;
    if (info.folder) return list_folder(l, path, "", err);
    Store__FileInfo one = STORE__FILE_INFO__INIT;
    BUF_AUTO name = BUF_INIT(FILE_PATH_MAX);
    buf_add(&name, web_name(path));
    one.size = info.size;
    one.modified = info.modified;
    one.type = info.type;
    if (l->array != NULL)
        add_json(l->array, &one, buf_cstr(&name));
    else
        print_entry(&one, buf_cstr(&name));
    return 0;
}

int cmd_files_ls(struct cli *c, int argc, char **argv) {
    const char *target = NULL, *path;
    bool json = false, recursive = false;
    char address[TICKET_ADDRESS_MAX];
    struct error err = {0};
    struct web_files w;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "-r") == 0)
            recursive = true;
        else if (argv[i][0] == '-' || target != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            target = argv[i];
    }
    if (target == NULL) return cli_usage(cli_current(), "whose web folders?");
    if (web_target_parse(target, address, sizeof address, &path, &err) != 0)
        return cli_usage(cli_current(), "%s", err.text);
    int status = web_files_open(c, address, &w);
    if (status != EX_OK) return status;
    struct listing l = {.session = &w.session, .recursive = recursive, .array = json ? json_array() : NULL};
    int rc = list(&l, path, &err);
    web_files_close(&w);
    if (rc != 0) {
        cli_error("%s", err.text);
        json_decref(l.array);
        return cli_exit_status(rc);
    }
    return json ? listing_json(l.array) : EX_OK;
}

/* --- usage */
static void limit_text(uint64_t limit, char out[static 32]) {
    if (limit == 0)
        (void)snprintf(out, 32, "unlimited");
    else
        (void)snprintf(out, 32, "%.1f MB", (double)limit / MB);
}

static void print_usage(const char *address, const Store__FileUsage *u) {
    char limit[32], domain[32];
    limit_text(u->limit, limit);
    limit_text(u->domain_limit, domain);
    printf("%-14s %s\n%-14s %s\n", "Address", address, "Web folders", u->allowed ? "enabled" : "disabled");
    printf("%-14s %llu files in %llu folders\n%-14s %.1f MB of %s\n", "Holds", (unsigned long long)u->files,
           (unsigned long long)u->folders, "Used", (double)u->bytes / MB, limit);
    printf("%-14s %.1f MB of %s\n", "Domain", (double)u->domain_bytes / MB, domain);
}

int cmd_files_usage(struct cli *c, int argc, char **argv) {
    Store__FileUsageGet req = STORE__FILE_USAGE_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    struct web_files w;
    bool json = argc == 3 && strcmp(argv[2], "--json") == 0;
    if (argc < 2 || argv[1][0] == '-' || (argc > 2 && !json))
        return cli_usage(cli_current(), "one address is expected");
    int status = web_files_open(c, argv[1], &w);
    if (status != EX_OK) return status;
    req.session = w.session.number;
    int rc = web_call(&w.session, STORE_FILE_USAGE, &req.base, STR_EMPTY, &reply, &err);
    web_files_close(&w);
    if (rc != 0) {
        cli_error("%s", err.text);
        return cli_exit_status(rc);
    }
    const Store__FileUsage *u = (const Store__FileUsage *)reply.msg;
    if (!json) {
        print_usage(argv[1], u);
        return EX_OK;
    }
    return listing_json(json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "user", argv[1], "enabled", u->allowed,
                                  "files", (json_int_t)u->files, "folders", (json_int_t)u->folders, "used_bytes",
                                  (json_int_t)u->bytes, "limit_bytes", (json_int_t)u->limit, "domain_used_bytes",
                                  (json_int_t)u->domain_bytes, "domain_limit_bytes", (json_int_t)u->domain_limit));
}
