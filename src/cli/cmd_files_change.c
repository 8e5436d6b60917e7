/* `iems files mkdir|mv|cp|rm`: changes in web folders (WFOLD-01). */
#include "cli/commands.h"
#include "cli/web_files.h"
#include "rpc/ticket.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { OPERANDS_MAX = 1000 };

struct args {
    bool flag, replace; /* flag: -p of mkdir, -r of rm */
    const char *list[OPERANDS_MAX];
    size_t count;
};

/* EX_OK, or the usage was told. */
static int parse(int argc, char **argv, const char *flag, bool replace, struct args *a) {
    *a = (struct args){0};
    for (int i = 1; i < argc; i++) {
        if (flag != NULL && strcmp(argv[i], flag) == 0)
            a->flag = true;
        else if (replace && strcmp(argv[i], "--replace") == 0)
            a->replace = true;
        else if (argv[i][0] == '-' || a->count == OPERANDS_MAX)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            a->list[a->count++] = argv[i];
    }
    return EX_OK;
}

/* Calls `one` for every target, each with its account; all are tried. */
static int each_target(struct cli *c, const struct args *a,
                       int (*one)(const struct mail_session *s, const char *path, bool flag, struct error *err)) {
    int status = EX_OK;
    if (a->count == 0) return cli_usage(cli_current(), "ADDRESS:PATH is expected");
    for (size_t i = 0; i < a->count; i++) {
        char address[TICKET_ADDRESS_MAX];
        const char *path;
        struct error err = {0};
        struct web_files w;
        if (web_target_parse(a->list[i], address, sizeof address, &path, &err) != 0)
            return cli_usage(cli_current(), "%s", err.text);
        int opened = web_files_open(c, address, &w);
        if (opened != EX_OK) return opened;
        int rc = one(&w.session, path, a->flag, &err);
        web_files_close(&w);
        if (rc == 0) continue;
        cli_error("%s: %s", a->list[i], err.text[0] != '\0' ? err.text : err_name(rc));
        status = cli_exit_status(rc);
    }
    return status;
}

int cmd_files_mkdir(struct cli *c, int argc, char **argv) {
    struct args a;
    int status = parse(argc, argv, "-p", false, &a);
    return status == EX_OK ? each_target(c, &a, web_mkdir) : status;
}

static int remove_one(const struct mail_session *s, const char *path, bool recursive, struct error *err) {
    Store__FileRemove req = STORE__FILE_REMOVE__INIT;
    req.session = s->number;
    req.path = (char *)(uintptr_t)path;
    req.recursive = recursive;
    int rc = web_call(s, STORE_FILE_REMOVE, &req.base, STR_EMPTY, NULL, err);
    return rc == ERR_CONFLICT ? error_set(err, rc, "the folder is not empty (-r removes all that it holds)") : rc;
}

int cmd_files_rm(struct cli *c, int argc, char **argv) {
    struct args a;
    int status = parse(argc, argv, "-r", false, &a);
    return status == EX_OK ? each_target(c, &a, remove_one) : status;
}

/* --- mv and cp */
/* The second path may repeat the address. */
static const char *second_path(const char *text, const char *address) {
    struct str prefix = str_from(address);
    return str_starts_nocase(str_from(text), prefix) && text[prefix.len] == ':' ? text + prefix.len + 1 : text;
}

static int transfer(const struct mail_session *s, uint16_t method, const char *from, const char *to, bool replace,
                    struct error *err) {
    Store__FileMove req = STORE__FILE_MOVE__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct web_info info;
    struct error none = {0};
    BUF_AUTO into = BUF_INIT(FILE_PATH_MAX + 1), name = BUF_INIT(FILE_PATH_MAX + 1);
    bool folder = to[0] == '\0' || to[strlen(to) - 1] == '/';
    if (folder || (web_stat(s, to, &info, &none) == 0 && info.folder)) {
        buf_add(&name, web_name(from));
        if (web_join(to, buf_cstr(&name), &into) != 0) return error_set(err, ERR_LIMIT, "the path is too long");
        to = buf_cstr(&into);
    }
    req.session = s->number;
    req.from = (char *)(uintptr_t)from;
    req.to = (char *)(uintptr_t)to;
    req.replace = replace;
    int rc = web_call(s, method, &req.base, STR_EMPTY, &reply, err);
    if (rc == 0 && method == STORE_FILE_COPY) {
        const Store__FileCopied *done = (const Store__FileCopied *)reply.msg;
        printf("%llu files and %llu folders were copied.\n", (unsigned long long)done->files,
               (unsigned long long)done->folders);
    }
    return rc;
}

static int run_transfer(struct cli *c, int argc, char **argv, uint16_t method) {
    struct args a;
    char address[TICKET_ADDRESS_MAX];
    const char *from;
    struct error err = {0};
    struct web_files w;
    int status = parse(argc, argv, NULL, true, &a);
    if (status != EX_OK) return status;
    if (a.count != 2) return cli_usage(cli_current(), "from where, and where to?");
    if (web_target_parse(a.list[0], address, sizeof address, &from, &err) != 0)
        return cli_usage(cli_current(), "%s", err.text);
    status = web_files_open(c, address, &w);
    if (status != EX_OK) return status;
    int rc = transfer(&w.session, method, from, second_path(a.list[1], address), a.replace, &err);
    web_files_close(&w);
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    return cli_exit_status(rc);
}

int cmd_files_mv(struct cli *c, int argc, char **argv) {
    return run_transfer(c, argc, argv, STORE_FILE_MOVE);
}

int cmd_files_cp(struct cli *c, int argc, char **argv) {
    return run_transfer(c, argc, argv, STORE_FILE_COPY);
}
