/* Calls of web folders for tests: the session is that of a ticket with these limits. */
#ifndef IEMS_STORE_SERVICE_FILES_KIT_H
#define IEMS_STORE_SERVICE_FILES_KIT_H

#include "base/clock.h"
#include "rpc/ticket.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CHECK_TEXT = 1000 };

static struct kit *k;
static struct kit_client *c;
static uint32_t session;

static inline char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static inline uint32_t files_login(const struct ticket *limits) {
    struct ticket t = *limits;
    RPC_REPLY_AUTO reply = {0};
    BUF_AUTO sealed = BUF_INIT(TICKET_MAX);
    t.expires_s = clock_wall_s() + 600;
    assert_int_equal(ticket_seal(kit_key, &t, &sealed), 0);
    Store__SessionOpen req = STORE__SESSION_OPEN__INIT;
    req.ticket = rpc_binary(buf_str(&sealed));
    assert_int_equal(kit_call(c, STORE_SESSION_OPEN, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((Store__SessionOpened *)reply.msg)->session;
}

/* An account without limits, and `session`. */
static inline void begin(void) {
    static struct kit kit;
    kit = (struct kit){.dir = kit_on_disk ? kit_dir : NULL, .data_dir = kit_on_disk ? kit_dir : NULL};
    k = &kit;
    kit_open(k);
    c = kit_connect(k, ROLE_CLI | ROLE_WEBD | ROLE_QUOTA | ROLE_DIR);
    session =
        files_login(&(struct ticket){.account = 5, .files = true, .address = STR("b@x.test"), .service = STR("web")});
}

static inline void end(void) {
    kit_disconnect(c);
    kit_close(k);
}

static inline int put_as(uint32_t number, Store__FilePut *req, const char *path, struct str body) {
    req->session = number;
    req->path = text(path);
    return kit_call(c, STORE_FILE_PUT, &req->base, body, NULL, NULL);
}

static inline int put(const char *path, struct str body, bool replace) {
    Store__FilePut req = STORE__FILE_PUT__INIT;
    req.replace = replace;
    return put_as(session, &req, path, body);
}

static inline int make(const char *path, bool parents) {
    Store__FileMkdir req = STORE__FILE_MKDIR__INIT;
    req.session = session;
    req.path = text(path);
    req.parents = parents;
    return kit_call(c, STORE_FILE_MKDIR, &req.base, STR_EMPTY, NULL, NULL);
}

static inline int transfer(uint16_t method, const char *from, const char *to, bool replace) {
    Store__FileMove req = STORE__FILE_MOVE__INIT;
    req.session = session;
    req.from = text(from);
    req.to = text(to);
    req.replace = replace;
    return kit_call(c, method, &req.base, STR_EMPTY, NULL, NULL);
}

static inline int delete (const char *path, bool recursive) {
    Store__FileRemove req = STORE__FILE_REMOVE__INIT;
    req.session = session;
    req.path = text(path);
    req.recursive = recursive;
    return kit_call(c, STORE_FILE_REMOVE, &req.base, STR_EMPTY, NULL, NULL);
}

static inline int stat_of(const char *path, Store__FileInfo *out) {
    Store__FileName req = STORE__FILE_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.path = text(path);
    int rc = kit_call(c, STORE_FILE_STAT, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0 && out != NULL) *out = *(Store__FileInfo *)reply.msg; /* numbers only */
    return rc;
}

static inline Store__FileUsage usage(void) {
    Store__FileUsageGet req = STORE__FILE_USAGE_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    assert_int_equal(kit_call(c, STORE_FILE_USAGE, &req.base, STR_EMPTY, &reply, NULL), 0);
    return *(Store__FileUsage *)reply.msg;
}

/* What is being removed in the background is still counted. */
static inline void usage_becomes(uint64_t files, uint64_t folders, uint64_t bytes) {
    Store__FileUsage u = usage();
    for (int i = 0; i < 2000 && (u.files != files || u.folders != folders || u.bytes != bytes); i++) {
        assert_int_equal(fiber_sleep(5), 0);
        u = usage();
    }
    assert_int_equal(u.files, files);
    assert_int_equal(u.folders, folders);
    assert_int_equal(u.bytes, bytes);
}

/* "name/ name:size ..." of a folder, page by page. */
static inline void list_of(const char *path, uint32_t page, struct buf *out) {
    BUF_AUTO after = BUF_INIT(1000);
    for (bool more = true; more;) {
        Store__FileList req = STORE__FILE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.session = session;
        req.path = text(path);
        req.after = text(buf_cstr(&after));
        req.limit = page;
        assert_int_equal(kit_call(c, STORE_FILE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
        const Store__FileListed *l = (const void *)reply.msg;
        more = l->more;
        assert_true(!more || l->n_entries == page);
        buf_clear(&after);
        for (size_t i = 0; i < l->n_entries; i++) {
            const Store__FileInfo *e = l->entries[i];
            if (out->len > 0) buf_addc(out, ' ');
            buf_printf(out, e->folder ? "%s/" : "%s:%llu", e->name, (unsigned long long)e->size);
            buf_clear(&after);
            buf_adds(&after, e->name);
        }
    }
}

/* Faults that `store check` finds; the first is told in `fault`, which has room for CHECK_TEXT. */
static inline uint64_t check(bool repair, char *fault, uint64_t *blobs) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.repair = repair;
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__StoreCheckReply *r = (const void *)reply.msg;
    if (fault != NULL) (void)snprintf(fault, CHECK_TEXT, "%s", r->n_faults > 0 ? r->faults[0] : "");
    if (blobs != NULL) *blobs = r->blobs;
    return r->fault_count;
}

static inline void check_clean(uint64_t blobs) {
    char fault[CHECK_TEXT];
    uint64_t found;
    if (check(false, fault, &found) != 0) fail_msg("%s", fault);
    assert_int_equal(found, blobs);
}

#endif
