/* `iems certificate request|renew|install`: certificates by ACME, or from a file. */
#include "cli/commands.h"

#include "base/buf.h"
#include "daemon/tables.h"
#include "net/loop.h"
#include "rpc/acme_methods.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { PEM_MAX = 96 * 1024, ORDER_MS = 3700 * 1000 };

static int row_set(struct cli *c, const char *name, char *column) {
    Dir__TableSet set = DIR__TABLE_SET__INIT;
    static char table[] = "certificate";
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    set.table = table;
    set.key = (char *)(uintptr_t)name;
    set.columns = &column;
    set.n_columns = 1;
    int rc = cli_call(dir, DIR_TABLE_SET, &set.base, STR_EMPTY, NULL, name);
    rpc_client_free(dir);
    return cli_exit_status(rc);
}

/* The name as the table keeps it. NULL: told what is wrong. */
static const char *normal(const char *name, struct buf *out) {
    struct error err = {0};
    if (table_key_normal(table_find(STR("certificate")), str_from(name), out, &err) == 0) return buf_cstr(out);
    cli_error("%s", err.text);
    return NULL;
}

static int order(struct cli *c, const char *name) {
    struct rpc_client *acme = cli_connect(c, &acme_service);
    Acme__Renew ask = ACME__RENEW__INIT;
    struct error err = {0};
    if (acme == NULL) return EX_UNAVAILABLE;
    ask.name = (char *)(uintptr_t)name;
    int rc = rpc_call(acme, ACME_RENEW, &ask.base, STR_EMPTY, loop_now_ms() + ORDER_MS, NULL, &err);
    rpc_client_free(acme);
    if (rc == 0)
        printf("%s has a new certificate, which is in use\n", name);
    else
        cli_error("%s: %s", name, err.text[0] != '\0' ? err.text : err_name(rc));
    return cli_exit_status(rc);
}

int cmd_certificate_request(struct cli *c, int argc, char **argv) {
    static char yes[] = "acme=yes";
    BUF_AUTO key = BUF_INIT(TABLE_KEY_MAX + 1);
    if (argc != 2) return cli_usage(cli_current(), "a name is expected");
    const char *name = normal(argv[1], &key);
    if (name == NULL) return EX_USAGE;
    if (name[0] == '*') {
        cli_error("names with * need a proof by DNS, which is not done: request each name, or install a certificate");
        return EX_USAGE;
    }
    int status = row_set(c, name, yes);
    return status == EX_OK ? order(c, name) : status;
}

static int renew_all(struct cli *c) {
    struct rpc_client *control = cli_connect(c, &control_service);
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (control == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(control, CONTROL_CERTIFICATE_LIST, &empty.base, STR_EMPTY, &reply, "");
    rpc_client_free(control);
    if (rc != 0) return cli_exit_status(rc);
    const Control__CertificateList *list = (const void *)reply.msg;
    int status = EX_OK;
    for (size_t i = 0; i < list->n_list; i++) {
        int one = list->list[i]->acme ? order(c, list->list[i]->name) : EX_OK;
        if (one != EX_OK) status = one;
    }
    return status;
}

int cmd_certificate_renew(struct cli *c, int argc, char **argv) {
    BUF_AUTO key = BUF_INIT(TABLE_KEY_MAX + 1);
    if (argc == 1) return renew_all(c);
    if (argc != 2) return cli_usage(cli_current(), "one name, or none for all, is expected");
    const char *name = normal(argv[1], &key);
    return name == NULL ? EX_USAGE : order(c, name);
}

static int file_add(const char *path, struct buf *out) {
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    for (char *p; fd >= 0 && (p = buf_reserve(out, 4096)) != NULL && (n = read(fd, p, 4096)) > 0;)
        buf_commit(out, (size_t)n);
    int saved = errno;
    if (fd >= 0) close(fd);
    if (n == 0 && out->error == 0) {
        if (out->len > 0 && out->ptr[out->len - 1] != '\n') buf_addc(out, '\n');
        return EX_OK;
    }
    cli_error("%s: %s", path, out->error != 0 ? "too large for a certificate" : strerror(saved));
    return EX_NOINPUT;
}

static int install(struct cli *c, const char *name, struct str pem) {
    Control__CertificateInstall m = CONTROL__CERTIFICATE_INSTALL__INIT;
    struct rpc_client *control = cli_connect(c, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    m.name = (char *)(uintptr_t)name;
    m.pem = rpc_binary(pem);
    int rc = cli_call(control, CONTROL_CERTIFICATE_INSTALL, &m.base, STR_EMPTY, NULL, "the certificate was not taken");
    rpc_client_free(control);
    return cli_exit_status(rc);
}

int cmd_certificate_install(struct cli *c, int argc, char **argv) {
    static char no[] = "acme=no";
    BUF_AUTO key = BUF_INIT(TABLE_KEY_MAX + 1);
    struct buf pem = BUF_INIT(PEM_MAX);
    if (argc < 3) return cli_usage(cli_current(), "a name and a file are expected");
    const char *name = normal(argv[1], &key);
    int status = name == NULL ? EX_USAGE : EX_OK;
    for (int i = 2; i < argc && status == EX_OK; i++) status = file_add(argv[i], &pem);
    bool unknown = name != NULL && strcmp(name, "*") == 0;
    if (status == EX_OK) status = install(c, unknown ? "" : name, buf_str(&pem));
    buf_wipe(&pem);
    if (status == EX_OK && !unknown) status = row_set(c, name, no);
    if (status == EX_OK) printf("the certificate for %s is in use\n", unknown ? "unknown names" : name);
    return status;
}
