/* Random operations on two mailboxes: what counts for a quota is what is there, in every way in which it is told, also
 * after restarts. QUOTA-13, INV-5, INV-9. */
#include "base/clock.h"
#include "store/mailbox/record.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ACCOUNTS = 2, FIRST = 5, STEPS = 400, BODY_MAX = 3000, DAY_MS = 86400 * 1000 };

static const char *const names[] = {"INBOX", "Archive", "Sent", "a", "b", "a/c"};
enum { NAMES = sizeof names / sizeof names[0] };

static struct kit *k;
static struct kit_client *c;
static uint32_t sessions[ACCOUNTS];
static bool kept[ACCOUNTS]; /* deleted, may be brought back */

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void login(size_t who) {
    char address[32];
    (void)snprintf(address, sizeof address, "u%zu@x.test", who);
    sessions[who] = kit_login_as(c, FIRST + who, 0, address);
}

static void begin(void) {
    static struct kit kit;
    kit =
        (struct kit){.dir = kit_on_disk ? kit_dir : NULL, .data_dir = kit_on_disk ? kit_dir : NULL, .undelete_s = 3600};
    k = &kit;
    kit_open(k);
    c = kit_connect(k, ROLE_IMAPD | ROLE_CLI | ROLE_QUOTA | ROLE_DIR);
    for (size_t i = 0; i < ACCOUNTS; i++)
        if (!kept[i]) login(i);
}

static void end(void) {
    kit_disconnect(c);
    kit_close(k);
}

/* --- operations; whatever cannot be done is no fault here */
static uint64_t folder_of(size_t who, const char *name) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = sessions[who];
    req.name = text(name);
    return kit_call(c, STORE_FOLDER_STATUS, &req.base, STR_EMPTY, &reply, NULL) == 0
               ? ((const Store__Folder *)reply.msg)->id
               : 0;
}

static void append(size_t who, const char *name) {
    static char body[BODY_MAX];
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    memset(body, 'x', sizeof body);
    req.session = sessions[who];
    req.folder = text(name);
    (void)!kit_call(c, STORE_MESSAGE_APPEND, &req.base, str_of(body, 1 + kit_pick(BODY_MAX)), NULL, NULL);
}

static void some_uids(Store__UidRun *run) {
    store__uid_run__init(run);
    run->first = 1 + kit_pick(30);
    run->last = run->first + kit_pick(6);
}

static void transfer(size_t who, const char *from, const char *to, bool move) {
    Store__MessageCopy req = STORE__MESSAGE_COPY__INIT;
    Store__UidRun run, *runs = &run;
    some_uids(&run);
    req.session = sessions[who];
    req.folder = folder_of(who, from);
    req.uids = &runs;
    req.n_uids = 1;
    req.to = text(to);
    req.move = move;
    (void)!kit_call(c, STORE_MESSAGE_COPY, &req.base, STR_EMPTY, NULL, NULL);
}

static void expunge(size_t who, const char *name) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    Store__UidRun run, *runs = &run;
    some_uids(&run);
    req.session = sessions[who];
    req.folder = folder_of(who, name);
    req.uids = &runs;
    req.n_uids = 1;
    (void)!kit_call(c, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, NULL, NULL);
}

static void undelete(size_t who) {
    Store__UndeleteRestore req = STORE__UNDELETE_RESTORE__INIT;
    req.account = FIRST + who;
    req.since = clock_wall_ms() - DAY_MS;
    (void)!kit_call(c, STORE_UNDELETE_RESTORE, &req.base, STR_EMPTY, NULL, NULL);
}

static void name_call(uint16_t method, size_t who, const char *name, const char *to) {
    Store__FolderName one = STORE__FOLDER_NAME__INIT;
    Store__FolderCreate new = STORE__FOLDER_CREATE__INIT;
    Store__FolderRename both = STORE__FOLDER_RENAME__INIT;
    one.session = new.session = both.session = sessions[who];
    one.name = new.name = both.from = text(name);
    both.to = text(to);
    const ProtobufCMessage *req = method == STORE_FOLDER_DELETE   ? &one.base
                                  : method == STORE_FOLDER_CREATE ? &new.base
                                                                  : &both.base;
    (void)!kit_call(c, method, req, STR_EMPTY, NULL, NULL);
}

static void account(size_t who) {
    Store__AccountId req = STORE__ACCOUNT_ID__INIT;
    req.account = FIRST + who;
    req.keep = true;
    assert_int_equal(
        kit_call(c, kept[who] ? STORE_ACCOUNT_RESTORE : STORE_ACCOUNT_DELETE, &req.base, STR_EMPTY, NULL, NULL), 0);
    kept[who] = !kept[who];
    if (!kept[who]) login(who);
}

static void step(void) {
    size_t who = kit_pick(ACCOUNTS);
    const char *a = names[kit_pick(NAMES)], *b = names[kit_pick(NAMES)];
    switch (kept[who] ? 11 : kit_pick(40)) {
    case 0:
    case 1: name_call(STORE_FOLDER_RENAME, who, a, b); break;
    case 2: name_call(STORE_FOLDER_DELETE, who, a, NULL); break;
    case 3:
    case 4:
    case 5: name_call(STORE_FOLDER_CREATE, who, a, NULL); break;
    case 6:
    case 7: undelete(who); break;
    case 8:
    case 9:
    case 10: expunge(who, a); break;
    case 11: account(who); break;
    case 12:
    case 13:
    case 14:
    case 15: transfer(who, a, b, true); break;
    case 16:
    case 17:
    case 18:
    case 19: transfer(who, a, b, false); break;
    default: append(who, a);
    }
}

/* --- what is there */
static void sizes(uint32_t session, uint64_t folder, uint64_t *messages, uint64_t *bytes) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        struct message_record r;
        req.session = session;
        req.folder = folder;
        req.fields = FIELD_SIZE;
        assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
        for (struct str rest = reply.attach; message_record_get(&rest, req.fields, &r) == 0; ++*messages)
            *bytes += r.size;
        const Store__MessageListed *l = (const void *)reply.msg;
        more = l->more;
        req.after_uid = l->last_uid;
    }
}

static void same(size_t who) {
    Store__FolderList list = STORE__FOLDER_LIST__INIT;
    Store__QuotaGet get = STORE__QUOTA_GET__INIT;
    Store__AccountsWanted wanted = STORE__ACCOUNTS_WANTED__INIT;
    RPC_REPLY_AUTO folders = {0}, quota = {0}, usage = {0};
    uint64_t messages = 0, bytes = 0, told_messages = 0, told_bytes = 0, id = FIRST + who;
    list.session = get.session = sessions[who];
    wanted.accounts = &id;
    wanted.n_accounts = 1;
    assert_int_equal(kit_call(c, STORE_FOLDER_LIST, &list.base, STR_EMPTY, &folders, NULL), 0);
    const Store__FolderListed *l = (const void *)folders.msg;
    assert_false(l->more);
    for (size_t i = 0; i < l->n_folders; i++) {
        if (l->folders[i]->id == 0 || l->folders[i]->no_select) continue;
        told_messages += l->folders[i]->messages;
        told_bytes += l->folders[i]->size;
        sizes(sessions[who], l->folders[i]->id, &messages, &bytes);
    }
    assert_int_equal(kit_call(c, STORE_QUOTA_GET, &get.base, STR_EMPTY, &quota, NULL), 0);
    assert_int_equal(kit_call(c, STORE_ACCOUNTS_USAGE, &wanted.base, STR_EMPTY, &usage, NULL), 0);
    const Store__QuotaInfo *q = (const void *)quota.msg;
    const Store__AccountUsage *u = ((const Store__AccountsUsage *)usage.msg)->accounts[0];
    if (told_messages != messages || told_bytes != bytes || q->messages != messages || q->bytes != bytes ||
        u->messages != messages || u->bytes != bytes)
        fail_msg("account %zu: folders %llu/%llu, quota %llu/%llu, usage %llu/%llu; there are %llu/%llu", who,
                 (unsigned long long)told_messages, (unsigned long long)told_bytes, (unsigned long long)q->messages,
                 (unsigned long long)q->bytes, (unsigned long long)u->messages, (unsigned long long)u->bytes,
                 (unsigned long long)messages, (unsigned long long)bytes);
}

static void all_same(void) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    for (size_t i = 0; i < ACCOUNTS; i++)
        if (!kept[i]) same(i);
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__StoreCheckReply *r = (const void *)reply.msg;
    if (r->fault_count > 0) fail_msg("%s", r->faults[0]);
}

static void body_model(void) {
    kit_seed(20261122);
    memset(kept, 0, sizeof kept);
    begin();
    for (int i = 1; i <= STEPS; i++) {
        step();
        if (i % 40 != 0) continue;
        all_same();
        if (!kit_on_disk || i % 160 != 0) continue;
        end();
        begin();
    }
    end();
}
KIT_TEST(model)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
