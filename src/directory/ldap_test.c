/* Synchronisation and writes against a real slapd: DIR-02 DIR-19 DIR-20, RFC 4533, RFC 4527. Skipped where slapd is not
 * installed. */
#include "directory/ldap_sync.h"
#include "directory/ldap_write.h"
#include "directory/slapd_files.h"
#include "directory/slapd_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* What came so far; the test waits for counts. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ldap_sync *sync;
    unsigned seen[SYNC_LOST + 1];
    char last[256]; /* mail of the last entry */
} got = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void on_batch(struct sync_batch *b, void *arg) {
    (void)arg;
    (void)pthread_mutex_lock(&got.lock);
    for (size_t i = 0; i < b->count; i++) {
        const struct sync_event *e = &b->events[i];
        struct str v;
        got.seen[e->kind]++;
        if (e->kind == SYNC_ENTRY && record_get(e->record, ATTR_MAIL, &v)) {
            (void)snprintf(got.last, sizeof got.last, "%.*s", STR_ARG(v));
        }
    }
    (void)pthread_cond_broadcast(&got.changed);
    (void)pthread_mutex_unlock(&got.lock);
    ldap_sync_batch_done(got.sync, b);
}

static bool wait_for(enum sync_kind kind, unsigned count) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    (void)pthread_mutex_lock(&got.lock);
    int rc = 0;
    while (rc == 0 && got.seen[kind] < count) rc = pthread_cond_timedwait(&got.changed, &got.lock, &until);
    bool ok = got.seen[kind] >= count;
    (void)pthread_mutex_unlock(&got.lock);
    return ok;
}

struct finish {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned done;
};

static void on_done(struct write_op *op, void *arg) {
    (void)op;
    struct finish *f = arg;
    (void)pthread_mutex_lock(&f->lock);
    f->done++;
    (void)pthread_cond_signal(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
}

static void submit(struct ldap_writer *w, struct write_op **ops, unsigned count) {
    struct finish f = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    for (unsigned i = 0; i < count; i++) ldap_writer_submit(w, ops[i], on_done, &f);
    (void)pthread_mutex_lock(&f.lock);
    while (f.done < count) (void)pthread_cond_wait(&f.changed, &f.lock);
    (void)pthread_mutex_unlock(&f.lock);
}

static struct write_op *add_person(struct arena *a, const char *address) {
    char dn[256];
    (void)snprintf(dn, sizeof dn, "mail=%s,dc=example,dc=test", address);
    struct write_op *op = write_op_new(a, WRITE_ADD, dn);
    static const struct {
        enum directory_attr attr;
        const char *value;
    } fixed[] = {
        {ATTR_OBJECT_CLASS, "ieperson"}, {ATTR_OBJECT_CLASS, "iemessagestoreuser"}, {ATTR_CN, "N"}, {ATTR_SN, "N"}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        assert_int_equal(write_op_value(op, LDAP_MOD_ADD, fixed[i].attr, str_from(fixed[i].value)), 0);
    }
    assert_int_equal(write_op_set(op, LDAP_MOD_ADD, ATTR_MAIL, str_from(address)), 0);
    assert_int_equal(write_op_set(op, LDAP_MOD_ADD, ATTR_ADDRESS, str_from(address)), 0);
    assert_int_equal(write_op_set(op, LDAP_MOD_ADD, ATTR_PASSWORD, STR("secret hash")), 0);
    return op;
}

static void check_writes(struct ldap_writer *w) {
    ARENA_AUTO a = arena_new(16 * 1024 * 1024);
    struct write_op *ops[100];
    for (unsigned i = 0; i < 100; i++) {
        char address[64];
        (void)snprintf(address, sizeof address, "u%u@example.test", i == 99 ? 5 : i); /* the last one exists already */
        ops[i] = add_person(a, address);
    }
    submit(w, ops, 100);
    for (unsigned i = 0; i < 99; i++) {
        assert_int_equal(ops[i]->rc, 0);
        assert_non_null(ops[i]->record);
    }
    assert_int_equal(ops[99]->rc, ERR_EXISTS);
    struct str v;
    assert_true(record_get(ops[3]->record, ATTR_PASSWORD, &v) && str_eq(v, STR("secret hash")));
    assert_true(record_get(ops[3]->record, ATTR_CSN, &v));
    static const unsigned char none[RECORD_UUID_LEN];
    assert_memory_not_equal(ops[3]->record->uuid, none, RECORD_UUID_LEN);

    struct write_op *op = write_op_new(a, WRITE_MODIFY, "mail=u1@example.test,dc=example,dc=test");
    assert_int_equal(write_op_value(op, LDAP_MOD_ADD, ATTR_ADDRESS, STR("alias@example.test")), 0);
    assert_int_equal(write_op_set(op, LDAP_MOD_REPLACE, ATTR_QUOTA, STR("5")), 0);
    submit(w, &op, 1);
    assert_int_equal(op->rc, 0);
    assert_true(record_get(op->record, ATTR_QUOTA, &v) && str_eq(v, STR("5")));

    op = write_op_new(a, WRITE_RENAME, "mail=u1@example.test,dc=example,dc=test");
    op->new_rdn = "mail=renamed@example.test";
    op->new_parent = "dc=example,dc=test";
    submit(w, &op, 1);
    assert_int_equal(op->rc, 0);
    assert_true(str_starts(op->record->dn, STR("mail=renamed@")));

    op = write_op_new(a, WRITE_DELETE, "mail=u2@example.test,dc=example,dc=test");
    submit(w, &op, 1);
    assert_int_equal(op->rc, 0);
    op = write_op_new(a, WRITE_DELETE, "mail=u2@example.test,dc=example,dc=test");
    submit(w, &op, 1);
    assert_int_equal(op->rc, ERR_NOTFOUND);
}

static void test_sync_and_write(void **state) {
    (void)state;
    if (slapd_program("slapd") == NULL) skip();
    struct slapd_fixture f;
    assert_true(slapd_fixture_init(&f) && slapd_fixture_config(&f, "example.test") && slapd_fixture_start(&f));
    struct error err = {0};
    struct ldap_writer *w;
    assert_int_equal(ldap_writer_start(&f.agent, &w, &err), 0);
    assert_int_equal(ldap_sync_start(&f.agent, on_batch, NULL, &got.sync, &err), 0);
    assert_true(wait_for(SYNC_END, 1));
    assert_int_equal(got.seen[SYNC_ENTRY], 4); /* the domain, options, accounts, the peer row */

    check_writes(w);
    assert_true(wait_for(SYNC_ENTRY, 4 + 99 + 2));
    assert_true(wait_for(SYNC_DELETE, 1));
    assert_string_equal(got.last, "renamed@example.test");

    /* DIR-20: killed and back: the connection is made again, everything is told again. */
    slapd_fixture_stop(&f, SIGKILL);
    assert_true(wait_for(SYNC_LOST, 1));
    ARENA_AUTO a = arena_new(1024 * 1024);
    struct write_op *op = add_person(a, "late@example.test");
    submit(w, &op, 1);
    assert_int_equal(op->rc, ERR_IO);
    assert_true(slapd_fixture_start(&f));
    assert_true(wait_for(SYNC_END, 2));
    assert_int_equal(got.seen[SYNC_BEGIN], 2);
    op = add_person(a, "late@example.test");
    submit(w, &op, 1);
    assert_int_equal(op->rc, 0);
    assert_true(wait_for(SYNC_ENTRY, 4 + 99 + 2 + 4 + 98 + 1));

    ldap_writer_stop(w);
    ldap_sync_stop(got.sync);
    ldap_sync_free(got.sync);
    slapd_fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sync_and_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
