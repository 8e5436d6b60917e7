/* `iems tlsrpt`: reports on TLS that came from other sites (RFC 8460), out of a mailbox or from files. */
#include "cli/commands.h"
#include "net/fiber.h"
#include "proto/tlspolicy/tlsrpt.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { LAST_DEFAULT = 1000, HEADER_LOOK = 16 * 1024, REPORT_MEMORY = 32 * 1024 * 1024, UID_RUN = 8 };

static void failures_print(const struct tlsrpt_policy *p) {
    for (size_t i = 0; i < p->failure_count; i++) {
        const struct tlsrpt_failure *f = &p->failures[i];
        printf("    %llu x %.*s", (unsigned long long)f->count, STR_ARG(f->result_text));
        if (f->mx.len > 0) printf(" at %.*s", STR_ARG(f->mx));
        if (f->ip.len > 0) printf(" [%.*s]", STR_ARG(f->ip));
        if (f->sending_ip.len > 0) printf(" from %.*s", STR_ARG(f->sending_ip));
        if (f->reason.len > 0) printf(": %.*s", STR_ARG(f->reason));
        printf("\n");
    }
}

static void report_print(const struct tlsrpt_report *r) {
    printf("%.*s, %.*s to %.*s (id %.*s, %.*s)\n", STR_ARG(r->organization), STR_ARG(r->from_text), STR_ARG(r->to_text),
           STR_ARG(r->id), STR_ARG(r->contact));
    for (size_t i = 0; i < r->policy_count; i++) {
        const struct tlsrpt_policy *p = &r->policies[i];
        printf("  %.*s, %s: %llu good, %llu failed\n", STR_ARG(p->domain), tlsrpt_policy_name(p->type),
               (unsigned long long)p->successful, (unsigned long long)p->failed);
        failures_print(p);
    }
}

/* 0: it was a report, and is printed. */
static int bytes_print(struct str bytes, struct error *err) {
    BUF_AUTO json = BUF_INIT(TLSRPT_JSON_MAX);
    ARENA_AUTO arena = arena_new(REPORT_MEMORY);
    struct tlsrpt_report r;
    if (arena == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    int rc = tlsrpt_extract(bytes, &json, err);
    if (rc == 0) rc = tlsrpt_parse(buf_str(&json), arena, &r, err);
    if (rc == 0) report_print(&r);
    return rc;
}

static int file_print(const char *name) {
    BUF_AUTO bytes = BUF_INIT(TLSRPT_MESSAGE_MAX + 1);
    struct error err = {0};
    char piece[65536];
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    if (f == NULL) {
        cli_error("%s: %s", name, strerror(errno));
        return EX_NOINPUT;
    }
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_add(&bytes, str_of(piece, n));
    if (f != stdin) (void)fclose(f);
    if (bytes.error == 0 && bytes_print(buf_str(&bytes), &err) == 0) return EX_OK;
    cli_error("%s: %s", name, bytes.error != 0 ? "it is too large" : err.text);
    return EX_DATAERR;
}

struct mailbox {
    struct rpc_client *store;
    uint32_t session;
    uint64_t folder;
    unsigned found;
};

/* An administrator's ticket; the directory logs that it was given. */
static int mailbox_open(struct cli *c, const char *address, struct mailbox *m) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    Store__SessionOpen open = STORE__SESSION_OPEN__INIT;
    RPC_REPLY_AUTO ticket = {0}, opened = {0};
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return ERR_CLOSED;
    name.address = (char *)(uintptr_t)address;
    int rc = cli_call(dir, DIR_SESSION_TICKET, &name.base, STR_EMPTY, &ticket, address);
    rpc_client_free(dir);
    if (rc != 0) return rc;
    m->store = cli_connect(c, &store_service);
    if (m->store == NULL) return ERR_CLOSED;
    open.ticket = ((const Dir__AuthReply *)ticket.msg)->ticket;
    rc = cli_call(m->store, STORE_SESSION_OPEN, &open.base, STR_EMPTY, &opened, address);
    if (rc == 0) m->session = ((const Store__SessionOpened *)opened.msg)->session;
    return rc;
}

static int message_read(struct mailbox *m, uint32_t uid, uint64_t most, struct buf *out) {
    for (uint64_t total = 1; out->len < total && out->len < most;) {
        Store__MessageRead read = STORE__MESSAGE_READ__INIT;
        RPC_REPLY_AUTO reply = {0};
        read.session = m->session;
        read.folder = m->folder;
        read.uid = uid;
        read.offset = out->len;
        read.length = most - out->len < RPC_CHUNK_MAX ? most - out->len : RPC_CHUNK_MAX;
        int rc = cli_call(m->store, STORE_MESSAGE_READ, &read.base, STR_EMPTY, &reply, "cannot read a message");
        if (rc != 0) return rc;
        total = ((const Store__MessageReadReply *)reply.msg)->total;
        if (reply.attach.len == 0) break;
        buf_add(out, reply.attach);
    }
    return out->error;
}

static int message_print(struct mailbox *m, uint32_t uid) {
    BUF_AUTO bytes = BUF_INIT(TLSRPT_MESSAGE_MAX + RPC_CHUNK_MAX);
    struct error err = {0};
    int rc = message_read(m, uid, HEADER_LOOK, &bytes);
    if (rc != 0) return rc;
    bool report = str_find_str_nocase(buf_str(&bytes), STR("tlsrpt")) != STR_NPOS ||
                  str_find_str_nocase(buf_str(&bytes), STR("TLS-Report-Domain:")) != STR_NPOS;
    if (!report) return 0;
    rc = message_read(m, uid, TLSRPT_MESSAGE_MAX, &bytes);
    if (rc != 0) return rc;
    if (bytes_print(buf_str(&bytes), &err) == 0)
        m->found++;
    else
        cli_error("message %u: %s", uid, err.text);
    return 0;
}

static uint32_t le32(const char *at) {
    const unsigned char *p = (const unsigned char *)at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* UID runs, ascending; those behind `skip` messages. */
static int messages_print(struct mailbox *m, struct str runs, uint64_t skip) {
    for (; runs.len >= UID_RUN; runs = str_sub(runs, UID_RUN, runs.len)) {
        uint32_t first = le32(runs.ptr), last = le32(runs.ptr + 4);
        for (uint64_t uid = first; uid <= last; uid++) {
            if (skip > 0) {
                skip--;
                continue;
            }
            int rc = message_print(m, (uint32_t)uid);
            if (rc != 0) return rc;
        }
    }
    return 0;
}

static int mailbox_print(struct cli *c, const char *address, uint64_t last) {
    struct mailbox m = {0};
    Store__FolderOpen open = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = mailbox_open(c, address, &m);
    if (rc == 0) {
        open.session = m.session;
        open.name = (char *)(uintptr_t) "INBOX";
        rc = cli_call(m.store, STORE_FOLDER_OPEN, &open.base, STR_EMPTY, &reply, address);
    }
    if (rc == 0) {
        const Store__Folder *folder = ((const Store__FolderOpened *)reply.msg)->folder;
        m.folder = folder->id;
        rc = messages_print(&m, reply.attach, folder->messages > last ? folder->messages - last : 0);
    }
    if (rc == 0 && m.found == 0) printf("There are no reports on TLS in the inbox of %s.\n", address);
    if (m.store != NULL) rpc_client_free(m.store);
    return cli_exit_status(rc);
}

int cmd_tlsrpt(struct cli *c, int argc, char **argv) {
    uint64_t last = LAST_DEFAULT;
    int status = EX_OK, operands = 0;
    for (int i = 1; i < argc && status == EX_OK; i++) {
        if (strcmp(argv[i], "--last") == 0 && i + 1 < argc) {
            if (str_to_u64(str_from(argv[++i]), UINT32_MAX, &last) != 0) return cli_usage(cli_current(), "bad number");
            continue;
        }
        if (argv[i][0] == '-' && argv[i][1] != '\0') return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        operands++;
        bool address = strchr(argv[i], '@') != NULL && access(argv[i], F_OK) != 0;
        if (address && !cli_instance(c, NULL)) return EX_UNAVAILABLE;
        status = address ? mailbox_print(c, argv[i], last) : file_print(argv[i]);
    }
    return operands == 0 ? cli_usage(cli_current(), "which account or file?") : status;
}
