/* The way of a message through the store, over RPC: submit -> lease -> route -> deliver -> list -> read; queue
 * behaviour. */
#include "base/clock.h"
#include "net/loop.h"
#include "rpc/ticket.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct kit *kit_new(void) {
    struct kit *k = calloc(1, sizeof *k);
    k->dir = kit_on_disk ? kit_dir : NULL;
    kit_open(k);
    return k;
}

static void kit_end(struct kit *k) {
    assert_false(k->failed);
    kit_close(k);
    free(k);
}

static Store__FolderOpened *folder_open(struct kit_client *c, uint32_t session, const char *name, bool watch,
                                        struct rpc_reply *reply) {
    Store__FolderOpen req = STORE__FOLDER_OPEN__INIT;
    struct error err = {0};
    req.session = session;
    req.name = (char *)(uintptr_t)name;
    req.watch = watch;
    if (kit_call(c, STORE_FOLDER_OPEN, &req.base, STR_EMPTY, reply, &err) != 0) fail_msg("open: %s", err.text);
    return (Store__FolderOpened *)reply->msg;
}

static void check_message(struct kit_client *c, uint32_t session, uint64_t folder, struct str body) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = folder;
    req.fields = FIELD_DATES | FIELD_SIZE | FIELD_SUMMARY | FIELD_BODY;
    assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    struct str rest = reply.attach;
    struct message_record rec;
    assert_int_equal(message_record_get(&rest, req.fields, &rec), 0);
    assert_int_equal(rec.uid, 1);
    assert_int_equal(rec.size, body.len + 18);
    assert_int_equal(rec.prefix_len, 18);
    assert_true(str_eq(rec.summary, STR("summary of it")));
    assert_true(str_starts(rec.body, STR("Return-Path: <x>\r\n")));
    assert_true(str_eq(str_sub(rec.body, 18, rec.body.len), body));
    assert_int_equal(message_record_get(&rest, req.fields, &rec), ERR_NOTFOUND);
    for (uint64_t off = 0; off < 40; off += 9) { /* ranges across the border of prefix and body */
        Store__MessageRead rd = STORE__MESSAGE_READ__INIT;
        RPC_REPLY_AUTO part = {0};
        rd.session = session;
        rd.folder = folder;
        rd.uid = 1;
        rd.offset = off;
        rd.length = 10;
        assert_int_equal(kit_call(c, STORE_MESSAGE_READ, &rd.base, STR_EMPTY, &part, NULL), 0);
        assert_int_equal(((Store__MessageReadReply *)part.msg)->total, body.len + 18);
        assert_true(str_eq(part.attach, str_sub(rec.body, off, 10)) || rec.body.len == 0);
    }
}

static void body_path(void) {
    struct kit *k = kit_new();
    struct kit_client *smtpd = kit_connect(k, ROLE_SMTPD), *mta = kit_connect(k, ROLE_MTA),
                      *lmda = kit_connect(k, ROLE_LMDA);
    struct kit_client *imapd = kit_connect(k, ROLE_IMAPD);
    struct str body = STR("Subject: one\r\n\r\nA body that is long enough for ranges.\r\n");
    kit_listen(mta, "INPUT", 4, 0, false);
    kit_listen(lmda, "LOCAL", 4, 1000, false);
    uint64_t id = kit_submit(smtpd, "bart@example.test", body);
    struct kit_lease in = kit_take(mta);
    assert_int_equal(in.entry->id, id);
    assert_false(in.has_body);
    assert_string_equal(in.entry->channel, "INPUT");
    kit_route_local(mta, &in, 7);
    struct kit_lease local = kit_take(lmda);
    assert_true(local.has_body);
    assert_true(str_eq(str_sub(str_of(local.body, local.body_len), 16, local.body_len), body));
    assert_string_equal(local.entry->trace, in.entry->trace);
    RPC_REPLY_AUTO delivered = {0};
    assert_int_equal(kit_deliver(lmda, &local, 0, "", &delivered, NULL), 0);
    Store__QueueCommitted *done = (Store__QueueCommitted *)delivered.msg;
    assert_int_equal(done->n_deliveries, 1);
    assert_int_equal(done->deliveries[0]->status, STORE__DELIVERY_STATUS__DELIVERED);
    assert_int_equal(done->deliveries[0]->uid, 1);

    uint32_t session = kit_login(imapd, 7, 0);
    RPC_REPLY_AUTO opened = {0};
    Store__FolderOpened *f = folder_open(imapd, session, "inbox", true, &opened);
    assert_int_equal(f->folder->messages, 1);
    assert_int_equal(f->folder->unseen, 1);
    assert_int_equal(f->folder->uidnext, 2);
    assert_int_equal(f->first_unseen, 1);
    assert_int_equal(opened.attach.len, 8);
    check_message(imapd, session, f->folder->id, body);

    /* a watcher is told of the next one, and only when it is durable */
    kit_submit(smtpd, "bart@example.test", body);
    struct kit_lease in2 = kit_take(mta);
    kit_route_local(mta, &in2, 7);
    struct kit_lease local2 = kit_take(lmda);
    assert_int_equal(kit_deliver(lmda, &local2, 0, "", NULL, NULL), 0);
    KIT_WAIT(imapd->folder_events > 0);
    assert_int_equal(imapd->folder_events, 1);
    assert_int_equal(imapd->folder_modseq, 3);

    Store__FolderChanges ch = STORE__FOLDER_CHANGES__INIT;
    RPC_REPLY_AUTO changes = {0};
    ch.session = session;
    ch.folder = f->folder->id;
    ch.since = 2;
    assert_int_equal(kit_call(imapd, STORE_FOLDER_CHANGES, &ch.base, STR_EMPTY, &changes, NULL), 0);
    assert_int_equal(((Store__FolderChangesReply *)changes.msg)->count, 1);
    assert_int_equal(((Store__FolderChangesReply *)changes.msg)->folder->messages, 2);

    /* the whole story is there */
    Store__TraceFind tf = STORE__TRACE_FIND__INIT;
    RPC_REPLY_AUTO found = {0};
    struct kit_client *cli = kit_connect(k, ROLE_CLI);
    tf.key = (char *)"BART@example.test";
    assert_int_equal(kit_call(cli, STORE_TRACE_FIND, &tf.base, STR_EMPTY, &found, NULL), 0);
    Store__TraceFound *story = (Store__TraceFound *)found.msg;
    assert_int_equal(story->n_lines, 8); /* the store adds one for each delivery */
    assert_string_equal(story->lines[0]->text, "smtpd accepted");
    assert_string_equal(story->lines[2]->text, "lmda delivered");
    Store__QueueStats *stats;
    RPC_REPLY_AUTO sr = {0};
    Store__Empty empty = STORE__EMPTY__INIT;
    assert_int_equal(kit_call(cli, STORE_QUEUE_STATS, &empty.base, STR_EMPTY, &sr, NULL), 0);
    stats = (Store__QueueStats *)sr.msg;
    for (size_t i = 0; i < stats->n_channels; i++) {
        assert_int_equal(stats->channels[i]->ready + stats->channels[i]->leased + stats->channels[i]->deferred, 0);
        assert_int_equal(stats->channels[i]->bytes, 0);
    }
    kit_lease_done(&in), kit_lease_done(&local), kit_lease_done(&in2), kit_lease_done(&local2);
    kit_disconnect(cli), kit_disconnect(smtpd), kit_disconnect(mta), kit_disconnect(lmda), kit_disconnect(imapd);
    kit_end(k);
}

/* A peer that goes away gives its leases back; a restart too. Nothing is lost, nothing is twice. */
static void body_return(void) {
    struct kit *k = kit_new();
    struct kit_client *smtpd = kit_connect(k, ROLE_SMTPD), *mta = kit_connect(k, ROLE_MTA);
    uint64_t ids[5];
    for (int i = 0; i < 5; i++) ids[i] = kit_submit(smtpd, "a@b.test", STR("body"));
    kit_listen(mta, "INPUT", 3, 100, false);
    for (int i = 0; i < 3; i++) {
        struct kit_lease l = kit_take(mta);
        assert_int_equal(l.entry->id, ids[i]);
        kit_lease_done(&l);
    }
    (void)!fiber_sleep(20);
    assert_int_equal(mta->lease_count, 0); /* credit is used up */
    kit_disconnect(mta);
    mta = kit_connect(k, ROLE_MTA);
    kit_listen(mta, "INPUT", 10, 100, false);
    for (int i = 0; i < 5; i++) {
        struct kit_lease l = kit_take(mta);
        assert_int_equal(l.entry->id, ids[i]);
        if (i == 0) kit_route_local(mta, &l, 3);
        kit_lease_done(&l);
    }
    kit_disconnect(mta);
    kit_disconnect(smtpd);
    if (kit_on_disk) {
        kit_close(k);
        kit_open(k);
        mta = kit_connect(k, ROLE_MTA);
        struct kit_client *lmda = kit_connect(k, ROLE_LMDA);
        kit_listen(mta, "INPUT", 10, 100, false);
        kit_listen(lmda, "LOCAL", 10, 100, false);
        for (int i = 1; i < 5; i++) {
            struct kit_lease l = kit_take(mta);
            assert_int_equal(l.entry->id, ids[i]);
            kit_lease_done(&l);
        }
        struct kit_lease l = kit_take(lmda);
        assert_int_equal(l.entry->recipients[0]->account, 3);
        kit_lease_done(&l);
        (void)!fiber_sleep(20);
        assert_int_equal(mta->lease_count + lmda->lease_count, 0);
        kit_disconnect(mta);
        kit_disconnect(lmda);
    }
    kit_end(k);
}

/* Over quota: the recipient stays and the lease goes on; only_if_delivered does nothing at all. QUOTA-14 */
static void body_quota(void) {
    struct kit *k = kit_new();
    struct kit_client *smtpd = kit_connect(k, ROLE_SMTPD), *mta = kit_connect(k, ROLE_MTA),
                      *lmda = kit_connect(k, ROLE_LMDA);
    kit_listen(mta, "INPUT", 4, 0, false);
    kit_listen(lmda, "LOCAL", 4, 0, false);
    kit_submit(smtpd, "a@b.test", STR("0123456789"));
    struct kit_lease in = kit_take(mta);
    kit_route_local(mta, &in, 9);
    struct kit_lease l = kit_take(lmda);
    RPC_REPLY_AUTO r1 = {0}, r2 = {0};
    assert_int_equal(kit_deliver(lmda, &l, 20, "", &r1, NULL), 0);
    assert_int_equal(((Store__QueueCommitted *)r1.msg)->deliveries[0]->status, STORE__DELIVERY_STATUS__OVER_QUOTA);
    assert_int_equal(kit_deliver(lmda, &l, 28, "Lists/x", &r2, NULL), 0);
    assert_int_equal(((Store__QueueCommitted *)r2.msg)->deliveries[0]->status, STORE__DELIVERY_STATUS__DELIVERED);
    struct error err = {0};
    assert_int_equal(kit_deliver(lmda, &l, 0, "", NULL, &err), ERR_NOTFOUND); /* the lease is over */
    kit_lease_done(&in), kit_lease_done(&l);
    kit_disconnect(smtpd), kit_disconnect(mta), kit_disconnect(lmda);
    kit_end(k);
}

/* A large body through an upload, read back in pieces; a dropped connection leaves nothing behind. */
static void body_upload(void) {
    struct kit *k = kit_new();
    struct kit_client *smtpd = kit_connect(k, ROLE_SMTPD), *mta = kit_connect(k, ROLE_MTA);
    enum { PIECE = 300000, PIECES = 7 };
    char *piece = malloc(PIECE);
    for (int round = 0; round < 2; round++) {
        Store__UploadNew un = STORE__UPLOAD_NEW__INIT;
        RPC_REPLY_AUTO ur = {0};
        assert_int_equal(kit_call(smtpd, STORE_UPLOAD_NEW, &un.base, STR_EMPTY, &ur, NULL), 0);
        uint64_t handle = ((Store__UploadHandle *)ur.msg)->upload;
        for (int i = 0; i < PIECES; i++) {
            Store__UploadAppend ua = STORE__UPLOAD_APPEND__INIT;
            ua.upload = handle;
            memset(piece, 'a' + i, PIECE);
            assert_int_equal(kit_call(smtpd, STORE_UPLOAD_APPEND, &ua.base, str_of(piece, PIECE), NULL, NULL), 0);
        }
        if (round == 0) {
            kit_disconnect(smtpd);
            smtpd = kit_connect(k, ROLE_SMTPD);
            continue;
        }
        Store__QueueSubmit req = STORE__QUEUE_SUBMIT__INIT;
        Store__Entry e = STORE__ENTRY__INIT;
        Store__Recipient rc = STORE__RECIPIENT__INIT, *rs = &rc;
        RPC_REPLY_AUTO sr = {0};
        req.entry = &e;
        req.upload = handle;
        e.n_recipients = 1;
        e.recipients = &rs;
        e.prefix = rpc_binary(STR("P\r\n"));
        assert_int_equal(kit_call(smtpd, STORE_QUEUE_SUBMIT, &req.base, STR_EMPTY, &sr, NULL), 0);
        assert_int_equal(kit_call(smtpd, STORE_QUEUE_SUBMIT, &req.base, STR_EMPTY, NULL, NULL), ERR_NOTFOUND);
    }
    kit_listen(mta, "INPUT", 1, 1 << 20, false);
    struct kit_lease l = kit_take(mta);
    assert_false(l.has_body);
    assert_int_equal(l.entry->size, PIECE * PIECES);
    uint64_t at = 0, total = 1;
    while (at < total) {
        Store__QueueRead qr = STORE__QUEUE_READ__INIT;
        RPC_REPLY_AUTO rr = {0};
        qr.id = l.entry->id;
        qr.offset = at;
        qr.length = 123457;
        assert_int_equal(kit_call(mta, STORE_QUEUE_READ, &qr.base, STR_EMPTY, &rr, NULL), 0);
        total = ((Store__QueueReadReply *)rr.msg)->total;
        for (size_t i = 0; i < rr.attach.len; i++, at++)
            if (rr.attach.ptr[i] != (at < 3 ? "P\r\n"[at] : (char)('a' + (at - 3) / PIECE)))
                fail_msg("byte %d", (int)at);
    }
    assert_int_equal(at, PIECE * PIECES + 3);
    free(piece);
    kit_lease_done(&l);
    kit_disconnect(smtpd), kit_disconnect(mta);
    /* only the chunks of the accepted body are there */
    assert_int_equal(kit_records(k, 0), (PIECE * PIECES + BLOB_CHUNK - 1) / BLOB_CHUNK);
    kit_end(k);
}

static void body_denied(void) {
    struct kit *k = kit_new();
    struct kit_client *imapd = kit_connect(k, ROLE_IMAPD);
    struct error err = {0};
    Store__SessionOpen req = STORE__SESSION_OPEN__INIT;
    req.ticket = rpc_binary(STR("rubbish"));
    assert_int_equal(kit_call(imapd, STORE_SESSION_OPEN, &req.base, STR_EMPTY, NULL, &err), ERR_DENIED);
    Store__FolderName fn = STORE__FOLDER_NAME__INIT;
    fn.session = 1;
    fn.name = (char *)"INBOX";
    assert_int_equal(kit_call(imapd, STORE_FOLDER_STATUS, &fn.base, STR_EMPTY, NULL, &err), ERR_DENIED);
    Store__QueueListen ql = STORE__QUEUE_LISTEN__INIT;
    ql.channel = (char *)"INPUT";
    assert_int_equal(kit_call(imapd, STORE_QUEUE_LISTEN, &ql.base, STR_EMPTY, NULL, &err), ERR_DENIED);
    kit_disconnect(imapd);
    kit_end(k);
}

KIT_TEST(path)
KIT_TEST(return )
KIT_TEST(quota)
KIT_TEST(upload)
KIT_TEST(denied)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_path), cmocka_unit_test(test_return),
                                       cmocka_unit_test(test_quota), cmocka_unit_test(test_upload),
                                       cmocka_unit_test(test_denied)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
