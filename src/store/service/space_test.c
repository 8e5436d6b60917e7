/* Space of the disk: who is told, and what is refused meanwhile (space.c, notice.c). */
#include "net/loop.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct kit *k;
static struct kit_client *smtpd, *mta;

/* DISK-05: one notice that the space is low, one that it is used up, one that there is room again. */
static void body_notice(void) {
    static const struct {
        uint64_t min, warn;
        const char *logged, *text;
    } steps[] = {{1, UINT64_MAX / 2, "disk_low", "Below 0 MB no new mail"},
                 {UINT64_MAX / 2, UINT64_MAX / 2, "disk_full", "new mail is refused"},
                 {1, 0, "disk_room", "There is room again"}};
    k = calloc(1, sizeof *k);
    k->dir = kit_on_disk ? kit_dir : NULL;
    k->data_dir = kit_dir;
    k->domain = "example.test";
    kit_open(k);
    mta = kit_connect(k, ROLE_MTA);
    kit_listen(mta, "INPUT", 8, 1 << 20, false);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        service_set_limits(k->service, steps[i].min, steps[i].warn, 7);
        service_set_limits(k->service, steps[i].min, steps[i].warn, 7); /* told once */
        assert_string_equal(k->logged, steps[i].logged);
        Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
        struct kit_lease l = kit_take(mta);
        assert_string_equal(l.entry->recipients[0]->address, "postmaster@example.test");
        assert_string_equal(l.entry->sender, "");
        assert_non_null(strstr(l.body, steps[i].text));
        assert_non_null(strstr(l.body, "Auto-Submitted: auto-generated\r\n"));
        req.id = l.entry->id;
        req.all_done = true;
        assert_int_equal(kit_call(mta, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, NULL), 0);
        kit_lease_done(&l);
        assert_int_equal(mta->lease_count, 0);
    }
    kit_disconnect(mta);
    kit_close(k);
    free(k);
}

/* DISK-01, DISK-02, DISK-03, DISK-04, LIM-29, LIM-68 */
static void body_space(void) {
    k = calloc(1, sizeof *k);
    k->dir = kit_on_disk ? kit_dir : NULL;
    k->data_dir = kit_dir;
    k->drive_min = UINT64_MAX;
    kit_open(k);
    smtpd = kit_connect(k, ROLE_SMTPD);
    Store__QueueSubmit req = STORE__QUEUE_SUBMIT__INIT;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r = STORE__RECIPIENT__INIT, *rs = &r;
    struct error err = {0};
    req.entry = &e;
    e.n_recipients = 1;
    e.recipients = &rs;
    assert_int_equal(kit_call(smtpd, STORE_QUEUE_SUBMIT, &req.base, STR("body"), NULL, &err), ERR_NOSPACE);
    assert_non_null(strstr(err.text, "MB free on"));
    service_set_limits(k->service, 1, 0, 7);
    KIT_WAIT(smtpd->status_events > 0);
    assert_true(smtpd->accepting);
    assert_int_equal(kit_call(smtpd, STORE_QUEUE_SUBMIT, &req.base, STR("body"), NULL, &err), 0);
    kit_disconnect(smtpd);
    kit_close(k);
    free(k);
}

KIT_TEST(notice)
KIT_TEST(space)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_notice), cmocka_unit_test(test_space)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
