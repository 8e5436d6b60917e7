/* Who is a member of a shared account, and who may send as it. SHARE-01 to SHARE-04, SHARE-07. */
#include "dir/shared.h"

#include "dir/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define USER   "objectClass=ieperson|objectClass=iemessagestoreuser|"
#define SHARED "objectClass=ieperson|objectClass=iemessagestoreuser|objectClass=iemessagestoreshared|"

static void members(void **state) {
    (void)state;
    static const struct {
        const char *in, *address, *rights; /* NULL: refused */
    } cases[] = {
        {"kim@example.test write", "kim@example.test", "lrswipkxte"},
        {"kim@example.test read", "kim@example.test", "lr"},
        {" kim@example.test  ADMIN ", "kim@example.test", "lrswipkxtea"},
        {"kim@example.test", NULL, NULL},
        {"kim@example.test owner", NULL, NULL},
        {"kim write", NULL, NULL},
        {"write", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shared_member m;
        int rc = shared_member_parse(str_from(cases[i].in), &m);
        assert_int_equal(rc, cases[i].address == NULL ? ERR_INVALID : 0);
        if (rc != 0) continue;
        assert_true(str_eq(m.address, str_from(cases[i].address)));
        assert_string_equal(m.rights, cases[i].rights);
    }
    assert_null(shared_rights(STR("lrs")));
}

static void senders(void **state) {
    (void)state;
    static const struct mirror_ops ops = {0};
    static const char *const entries[] = {
        "objectClass=iedc|objectClass=iedomain|iedomainname=example.test",
        USER "ieaddress=kim@example.test|ieaddress=k@example.test|ieaccountid=1",
        USER "ieaddress=reader@example.test|ieaccountid=2",
        USER "ieaddress=boss@example.test|ieaccountid=3",
        USER "ieaddress=off@example.test|ieaccountid=4|ieenabled=FALSE",
        USER "ieaddress=other@example.test|ieaccountid=5",
        SHARED "ieaddress=sales@example.test|ieaccountid=9|iemember=k@example.test write|iemember=reader@example.test "
               "read|iemember=boss@example.test admin|iemember=off@example.test write|iemember=gone@example.test "
               "write|iemember=rubbish",
    };
    static const struct {
        const char *as;
        uint64_t account;
        bool may;
    } cases[] = {
        {"sales@example.test", 1, true}, /* by an alias */
        {"sales@example.test", 2, false}, {"sales@example.test", 3, true},  {"sales@example.test", 4, false},
        {"sales@example.test", 5, false}, {"sales@example.test", 0, false}, {"kim@example.test", 1, false},
    };
    struct dir *d = calloc(1, sizeof *d);
    struct arena *arena = arena_new(1 << 20);
    assert_non_null(d);
    d->mirror = mirror_new(&ops, NULL);
    for (unsigned i = 0; i < sizeof entries / sizeof entries[0]; i++) sample_apply(d->mirror, i + 1, 1, entries[i]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct entry *e = mirror_by_address(d->mirror, str_from(cases[i].as));
        assert_non_null(e);
        assert_int_equal(shared_may_send(d, e, cases[i].account, arena), cases[i].may);
    }
    mirror_free(d->mirror);
    arena_free(arena);
    free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(members), cmocka_unit_test(senders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
