/* Counting for reports (RFC 8460 section 4), what survives a restart, and the files that it survives in. */
#include "base/clock.h"
#include "net/net_test.h"
#include "transport/domains.h"
#include "transport/state.h"
#include "transport/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct str patterns[] = {STR("*.far.test")};

static void note(struct tally *t, const char *domain, enum tlsrpt_result result, const char *host, int64_t now) {
    struct tally_event e = {.domain = str_from(domain),
                            .type = TLSRPT_STS,
                            .policy = STR("version: STSv1\r\nmode: testing\n"),
                            .mx = patterns,
                            .mx_count = 1,
                            .result = result,
                            .sending_ip = STR("192.0.2.1"),
                            .host = str_from(host),
                            .ip = STR("192.0.2.2"),
                            .reason = STR_EMPTY};
    tally_note(t, &e, now);
}

static void check_first(struct tally *t, int64_t now) {
    ARENA_AUTO arena = arena_new(1 << 20);
    struct tlsrpt_report r;
    assert_int_equal(tally_take(t, now, arena, &r), 0);
    assert_int_equal(r.from, 86400);
    assert_int_equal(r.to, 2 * 86400 - 1);
    assert_int_equal(r.policy_count, 3);
    assert_true(str_eq(r.domain, STR("far.test")));
    const struct tlsrpt_policy *p = &r.policies[0];
    assert_true(str_eq(p->domain, STR("far.test")));
    assert_int_equal(p->successful, 2);
    assert_int_equal(p->failed, 3);
    assert_int_equal(p->failure_count, 2);
    assert_int_equal(p->failures[0].count, 2);
    assert_int_equal(p->failures[0].result, TLSRPT_CERTIFICATE_EXPIRED);
    assert_true(str_eq(p->failures[1].mx, STR("b.far.test")));
    assert_int_equal(p->string_count, 2);
    assert_true(str_eq(p->strings[1], STR("mode: testing")));
    assert_true(p->mx_count == 1 && str_eq(p->mx[0], patterns[0]));
    for (size_t i = 1; i <= 2; i++) { /* RFC 8460 section 1.1: the policy of each host is its own */
        assert_int_equal(r.policies[i].type, TLSRPT_TLSA);
        assert_true(str_eq(r.policies[i].domain, i == 1 ? STR("mx1.host.test") : STR("mx2.host.test")));
        assert_true(str_eq(r.policies[i].strings[0], i == 1 ? STR("3 1 1 00") : STR("3 1 1 01")));
    }
}

static struct tally *filled(void) {
    struct tally *t = tally_new();
    int64_t day = 86400 + 100;
    note(t, "far.test", TLSRPT_SUCCESS, "a.far.test", day);
    note(t, "far.test", TLSRPT_CERTIFICATE_EXPIRED, "a.far.test", day);
    note(t, "FAR.test", TLSRPT_CERTIFICATE_EXPIRED, "a.far.test", day + 7);
    note(t, "far.test", TLSRPT_CERTIFICATE_EXPIRED, "b.far.test", day);
    note(t, "far.test", TLSRPT_SUCCESS, "b.far.test", day);
    struct tally_event e = {.domain = STR("far.test"),
                            .base = STR("mx1.host.test"),
                            .type = TLSRPT_TLSA,
                            .policy = STR("3 1 1 00"),
                            .result = TLSRPT_SUCCESS};
    tally_note(t, &e, day);
    e.base = STR("mx2.host.test");
    e.policy = STR("3 1 1 01");
    tally_note(t, &e, day);
    note(t, "other.test", TLSRPT_SUCCESS, "x", day);
    note(t, "far.test", TLSRPT_SUCCESS, "b.far.test", day + 86400); /* the next day */
    return t;
}

static void counting(void **state) {
    (void)state;
    struct tally *t = filled();
    ARENA_AUTO arena = arena_new(1 << 20);
    struct tlsrpt_report r;
    assert_int_equal(tally_take(t, 86400 + 200, arena, &r), ERR_NOTFOUND); /* the day is not over */
    assert_int_equal(tally_period_end(t, 86400 + 200), 2 * 86400);
    check_first(t, 2 * 86400);
    assert_int_equal(tally_take(t, 2 * 86400, arena, &r), 0);
    assert_true(str_eq(r.policies[0].domain, STR("other.test")));
    assert_int_equal(tally_take(t, 2 * 86400, arena, &r), ERR_NOTFOUND);
    assert_int_equal(tally_take(t, 3 * 86400, arena, &r), 0);
    tally_free(t);
}

static void kinds_are_bounded(void **state) {
    (void)state;
    struct tally *t = tally_new();
    for (int i = 0; i < 100; i++) {
        char host[20];
        (void)snprintf(host, sizeof host, "h%d.far.test", i);
        note(t, "far.test", TLSRPT_CERTIFICATE_EXPIRED, host, 10);
    }
    ARENA_AUTO arena = arena_new(1 << 20);
    struct tlsrpt_report r;
    assert_int_equal(tally_take(t, 86400, arena, &r), 0);
    assert_int_equal(r.policies[0].failure_count, TALLY_FAILURES_MAX);
    assert_int_equal(r.policies[0].failed, 100);
    assert_int_equal(r.policies[0].failures[TALLY_FAILURES_MAX - 1].count, 100 - TALLY_FAILURES_MAX + 1);
    tally_free(t);
}

static void domains_are_bounded(void **state) {
    (void)state;
    struct tally *t = tally_new();
    for (int i = 0; i < TALLY_DOMAINS_MAX + 10; i++) {
        char domain[20];
        (void)snprintf(domain, sizeof domain, "d%d.test", i);
        note(t, domain, TLSRPT_SUCCESS, "x", 10);
    }
    unsigned n = 0;
    for (;; n++) {
        ARENA_AUTO arena = arena_new(1 << 20);
        struct tlsrpt_report r;
        if (tally_take(t, 86400, arena, &r) != 0) break;
    }
    assert_int_equal(n, TALLY_DOMAINS_MAX);
    tally_free(t);
}

static void saving(void **state) {
    (void)state;
    BUF_AUTO text = BUF_INIT(TALLY_SAVED_MAX);
    struct tally *t = filled(), *again = tally_new();
    tally_save(t, &text);
    tally_load(again, STR("rpt\nrpt 1\nrpt 1 2 {\nnonsense\nrpt 1 2 {\"policies\":[]}\n"));
    tally_load(again, buf_str(&text));
    check_first(again, 2 * 86400);
    tally_free(t);
    tally_free(again);
}

/* RFC 8461 section 3.2: a policy lives for max_age, whatever restarts between. */
FIBER_TEST(policies_are_kept) {
    static const char policy[] = "dmVyc2lvbjogU1RTdjEKbW9kZTogZW5mb3JjZQpteDogYS50ZXN0Cm1heF9hZ2U6IDg2NDAwCg==";
    BUF_AUTO lines = BUF_INIT(100000);
    BUF_AUTO saved = BUF_INIT(DOMAINS_SAVED_MAX);
    long long now = clock_wall_s();
    buf_printf(&lines, "sts live.test id1 %lld %lld %s\n", now - 10, now + 1000, policy);
    buf_printf(&lines, "sts dead.test id1 %lld %lld %s\n", now - 1000, now - 10, policy);
    buf_printf(&lines, "sts future.test id1 %lld %lld %s\n", now + 1000, now + 2000, policy);
    buf_printf(&lines, "sts broken.test id1 %lld %lld aGVsbG8=\n", now - 10, now + 1000);
    buf_printf(&lines, "sts short.test id1\nother x\n\n");
    struct domains *d = domains_new();
    domains_load(d, buf_str(&lines));
    domains_save(d, &saved);
    assert_true(str_starts(buf_str(&saved), STR("sts live.test id1 ")));
    assert_int_equal(str_find_str(buf_str(&saved), STR("dead.test")), STR_NPOS);
    struct str rest = buf_str(&saved);
    (void)str_cut(&rest, '\n');
    assert_int_equal(rest.len, 0);
    domains_free(d);
}

static void files(void **state) {
    char path[64] = "/tmp/iems-state-XXXXXX", name[80];
    (void)state;
    assert_non_null(mkdtemp(path));
    (void)snprintf(name, sizeof name, "%s/state", path);
    struct error err = {0};
    static const char *const contents[] = {"a long first content", "second", "", "4"};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct state *s = NULL;
        BUF_AUTO got = BUF_INIT(STATE_MAX);
        assert_int_equal(state_open(name, &s, &err), 0);
        assert_int_equal(state_read(s, &got), 0);
        assert_string_equal(buf_cstr(&got), i == 0 ? "" : contents[i - 1]);
        assert_int_equal(state_write(s, str_from(contents[i]), &err), 0);
        state_close(s);
    }
    /* the newest is damaged: the one before counts */
    char file[100];
    (void)snprintf(file, sizeof file, "%s.1", name);
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, -1, SEEK_END), 0);
    (void)snprintf(file, sizeof file, "%s.1", name);
    struct state *s = NULL;
    BUF_AUTO got = BUF_INIT(STATE_MAX);
    rewind(f);
    char line[200];
    assert_non_null(fgets(line, sizeof line, f));
    assert_int_equal(fseek(f, (long)strlen(line), SEEK_SET), 0);
    assert_int_equal(fputc('X', f), 'X');
    fclose(f);
    assert_int_equal(state_open(name, &s, &err), 0);
    assert_int_equal(state_read(s, &got), 0);
    assert_string_equal(buf_cstr(&got), "");
    state_close(s);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(file, sizeof file, "%s.%d", name, i);
        assert_int_equal(unlink(file), 0);
    }
    assert_int_equal(rmdir(path), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting), cmocka_unit_test(kinds_are_bounded), cmocka_unit_test(domains_are_bounded),
        cmocka_unit_test(saving),   cmocka_unit_test(policies_are_kept), cmocka_unit_test(files),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
