/* Unit tests of routing: MTA-01, MTA-02, MTA-07, MTA-16, ROUTE-03, LIM-19. */
#include "mta/plan.h"
#include "rpc/rpc.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What the directory answers, in short: "-" not local, "?" unknown, "!" may not receive, else targets separated by ",":
 * L7 = account 7, L7/Work = its folder, x7 = account 7 may not receive, S:a@b = SMTPC, S:a@b>h = by the host h,
 * S7:a@b>h = account 7, which has its mailbox there, D:l@d = list, "." = no target. */
static Dir__Resolved *answer(struct arena *a, const char *text) {
    Dir__Resolved *r = arena_alloc(a, sizeof *r);
    dir__resolved__init(r);
    r->kind = text[0] == '-'   ? DIR__KIND__NOT_LOCAL
              : text[0] == '?' ? DIR__KIND__UNKNOWN
              : text[0] == '!' ? DIR__KIND__NO_RECEIVE
                               : DIR__KIND__LOCAL;
    if (r->kind != DIR__KIND__LOCAL || text[0] == '.') return r;
    r->targets = arena_alloc(a, 8 * sizeof(*r->targets));
    for (struct str rest = str_from(text); rest.len > 0;) {
        struct str one = str_cut(&rest, ',');
        Dir__Target *t = arena_alloc(a, sizeof *t);
        dir__target__init(t);
        char kind = one.ptr[0];
        t->channel = (char *)(uintptr_t)(kind == 'L' || kind == 'x' ? "LOCAL"
                                         : kind == 'S'              ? "SMTPC"
                                         : kind == 'D'              ? "DL"
                                                                    : "NOWHERE");
        t->may_receive = kind != 'x';
        struct str hop = one, address = str_cut(&hop, '>');
        bool there = kind == 'S' && one.ptr[1] != ':';
        t->address = arena_cstr(a, str_sub(address, there ? 3 : kind == 'S' || kind == 'D' ? 2 : 0, one.len));
        t->next_hop = arena_cstr(a, hop.len < one.len ? hop : STR_EMPTY);
        if (kind == 'L' || kind == 'x' || there) {
            t->account = (uint64_t)(one.ptr[1] - '0');
            if (!there && one.len > 3) t->folder = arena_cstr(a, str_sub(one, 3, one.len));
        }
        r->targets[r->n_targets++] = t;
    }
    return r;
}

/* The plan as text: "CHANNEL[ destination]: recipient>address ..." and "!recipient status". */
static void describe(const struct plan *p, struct buf *out) {
    for (size_t g = 0; g < p->group_count; g++) {
        buf_printf(out, "%s%s%s%s:", g > 0 ? "; " : "", p->groups[g].channel, p->groups[g].destination[0] ? " " : "",
                   p->groups[g].destination);
        for (size_t i = 0; i < p->groups[g].count; i++) {
            const struct plan_target *t = &p->groups[g].targets[i];
            buf_printf(out, " %zu>", t->recipient);
            if (t->account != 0 && strcmp(p->groups[g].channel, "LOCAL") == 0)
                buf_printf(out, "#%llu%s%s", (unsigned long long)t->account, t->folder[0] ? "/" : "", t->folder);
            else
                buf_adds(out, t->address);
        }
    }
    for (size_t i = 0; i < p->failure_count; i++)
        buf_printf(out, "%s!%zu %s", out->len > 0 ? "; " : "", p->failures[i].recipient, p->failures[i].status);
}

static void routes(void **state) {
    (void)state;
    static const struct {
        const char *recipients[6], *answers[6], *channels, *relay, *want;
    } cases[] = {
        {{"a@x.test"}, {"L1"}, "LOCAL SMTPC", "", "LOCAL: 0>#1"},
        /* all local ones in one entry, one entry a domain, any spelling of the domain */
        {{"a@x.test", "b@o.example", "b@x.test", "c@O.EXAMPLE", "d@p.example"},
         {"L1", "-", "L2", "-", "-"},
         "LOCAL SMTPC",
         "",
         "LOCAL: 0>#1 2>#2; SMTPC o.example: 1>b@o.example 3>c@O.EXAMPLE; SMTPC p.example: 4>d@p.example"},
        {{"\xc3\xbc@b\xc3\xbc"
          "cher.example",
          "x@xn--bcher-kva.example"},
         {"-", "-"},
         "LOCAL SMTPC",
         "",
         "SMTPC xn--bcher-kva.example: 0>\xc3\xbc@b\xc3\xbc"
         "cher.example 1>x@xn--bcher-kva.example"},
        /* aliases to one mailbox: the report may be about each of them; another folder of it is another target */
        {{"a@x.test", "alias@x.test", "a+w@x.test"},
         {"L1", "L1", "L1/Work"},
         "LOCAL SMTPC",
         "",
         "LOCAL: 0>#1 1>#1 2>#1/Work"},
        {{"a@x.test", "a@x.test"}, {"L1", "L1"}, "LOCAL SMTPC", "", "LOCAL: 0>#1"},
        /* the same with a mailbox that another host has (DEPL-06): the folder stands in the address */
        {{"a@x.test", "alias@x.test", "a@x.test"},
         {"S1:a@x.test>h", "S1:a@x.test>h", "S1:a@x.test>h"},
         "LOCAL SMTPC",
         "",
         "SMTPC h: 0>a@x.test 1>a@x.test"},
        {{"two@x.test"},
         {"S1:a@x.test>h,S1:a+w@x.test>h,S1:a@x.test>h"},
         "LOCAL SMTPC",
         "",
         "SMTPC h: 0>a@x.test 0>a+w@x.test"},
        /* several connectors (MTA-16, ARCH-11); forwarding to the same address as another recipient */
        {{"a@x.test", "f@o.example"},
         {"L1,S:f@O.example", "-"},
         "LOCAL SMTPC",
         "",
         "LOCAL: 0>#1; SMTPC o.example: 0>f@O.example"},
        {{"f@o.example", "F@o.example"}, {"-", "-"}, "LOCAL SMTPC", "", "SMTPC o.example: 0>f@o.example 1>F@o.example"},
        /* failures: unknown, may not receive, channel that is not there, address that cannot be sent */
        {{"u@x.test", "n@x.test", "m@x.test", "l@x.test", "e@x.test"},
         {"?", "!", "x3", "D:l@x.test", "."},
         "LOCAL SMTPC",
         "",
         "!0 5.1.1; !1 5.2.1; !2 5.2.1; !3 5.3.5; !4 5.1.1"},
        {{"l@x.test"}, {"D:l@x.test"}, "LOCAL SMTPC DL", "", "DL: 0>l@x.test"},
        {{"w@x.test"}, {"W"}, "LOCAL SMTPC", "", "!0 5.3.5"},
        {{"nodomain", "a@-.example", "a@[192.0.2.1]"},
         {"-", "-", "-"},
         "LOCAL SMTPC",
         "",
         "SMTPC [192.0.2.1]: 2>a@[192.0.2.1]; !0 5.1.3; !1 5.1.2"},
        /* ROUTE-03: everything to the relay host, in one queue */
        {{"a@o.example", "b@p.example", "c@x.test"},
         {"-", "-", "L1"},
         "LOCAL SMTPC",
         "[relay.example]:587",
         "SMTPC [relay.example]:587: 0>a@o.example 1>b@p.example; LOCAL: 2>#1"},
        /* LIM-19: the next hop of domain forwarding, also before the relay host */
        {{"a@o.example", "b@o.example", "c@o.example"},
         {"S:a@o.example>Hop.example:2525", "S:b@o.example", "S:c@o.example>hop.example:2525"},
         "LOCAL SMTPC",
         "",
         "SMTPC hop.example:2525: 0>a@o.example 2>c@o.example; SMTPC o.example: 1>b@o.example"},
        {{"a@o.example"}, {"S:a@o.example>[192.0.2.1]"}, "SMTPC", "relay.example", "SMTPC [192.0.2.1]: 0>a@o.example"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct plan p;
        struct plan_config config = {str_from(cases[i].channels), str_from(cases[i].relay)};
        Store__Entry e = STORE__ENTRY__INIT;
        Store__Recipient r[6], *list[6];
        assert_int_equal(plan_init(&p, a), 0);
        for (size_t k = 0; k < 6 && cases[i].recipients[k] != NULL; k++) {
            store__recipient__init(&r[k]);
            r[k].address = (char *)(uintptr_t)cases[i].recipients[k];
            list[k] = &r[k];
            e.recipients = list;
            e.n_recipients = k + 1;
            assert_int_equal(plan_add(&p, &config, &e, k, answer(a, cases[i].answers[k])), 0);
        }
        BUF_AUTO text = BUF_INIT(4000);
        describe(&p, &text);
        assert_string_equal(buf_cstr(&text), cases[i].want);
        plan_done(&p);
    }
}

/* What one slice of recipients got, the next does not get again. */
static void slices(void **state) {
    (void)state;
    ARENA_AUTO a = arena_new(1 << 20);
    struct plan p;
    struct plan_config config = {STR("LOCAL SMTPC"), STR_EMPTY};
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r = STORE__RECIPIENT__INIT, *list[] = {&r, &r};
    r.address = (char *)(uintptr_t) "a@x.test";
    e.recipients = list;
    e.n_recipients = 2;
    assert_int_equal(plan_init(&p, a), 0);
    assert_int_equal(plan_add(&p, &config, &e, 0, answer(a, "L1,S:b@o.example,S2:a@x.test>h")), 0);
    assert_int_equal(p.group_count, 3);
    plan_next_slice(&p);
    assert_int_equal(p.group_count, 0);
    assert_int_equal(plan_add(&p, &config, &e, 1, answer(a, "L1,S:c@o.example,S2:a@x.test>h,S2:a+w@x.test>h")), 0);
    BUF_AUTO text = BUF_INIT(4000);
    describe(&p, &text);
    assert_string_equal(buf_cstr(&text), "SMTPC o.example: 1>c@o.example; SMTPC h: 1>a+w@x.test");
    plan_done(&p);
}

/* Many recipients and domains: every one keeps its place. */
static void many(void **state) {
    (void)state;
    enum { N = 1000, DOMAINS = 300 };
    ARENA_AUTO a = arena_new(8 << 20);
    struct plan p;
    struct plan_config config = {STR("LOCAL SMTPC"), STR_EMPTY};
    Store__Entry e = STORE__ENTRY__INIT;
    e.recipients = arena_alloc(a, N * sizeof(*e.recipients));
    assert_int_equal(plan_init(&p, a), 0);
    for (size_t i = 0; i < N; i++) {
        Store__Recipient *r = arena_alloc(a, sizeof *r);
        store__recipient__init(r);
        r->address = arena_printf(a, "u%zu@d%zu.example", i, i % DOMAINS);
        e.recipients[i] = r;
        assert_int_equal(plan_add(&p, &config, &e, i, answer(a, "-")), 0);
    }
    assert_int_equal(p.group_count, DOMAINS);
    size_t total = 0;
    for (size_t g = 0; g < p.group_count; g++)
        for (size_t i = 0; i < p.groups[g].count; i++, total++)
            assert_int_equal(p.groups[g].targets[i].recipient % DOMAINS, g);
    assert_int_equal(total, N);
    plan_done(&p);
}

/* Profiles of the domains: PEER-06, PEER-13; routes go before the relay host (ROUTE-14). */
static void peers_and_routes(void **state) {
    (void)state;
    static const struct {
        const char *recipient, *relay;
        uint64_t size;
        const char *want;
    } cases[] = {
        {"a@closed.example", "", 10, "!0 5.7.1"},
        {"a@sub.closed.example", "", 10, "!0 5.7.1"},
        {"a@open.closed.example", "", 10, "SMTPC open.closed.example: 0>a@open.closed.example"},
        {"a@closed.example", "relay.example", 10, "!0 5.7.1"},
        {"a@small.example", "", 8190, "SMTPC small.example: 0>a@small.example"},
        {"a@small.example", "", 8191, "!0 5.3.4"}, /* with the prefix of 2 bytes */
        {"a@o.example", "relay.example", 10, "SMTPC relay.example: 0>a@o.example"},
        {"a@o.routed.example", "relay.example", 10, "SMTPC o.routed.example: 0>a@o.routed.example"},
        {"a@direct.example", "relay.example", 10, "SMTPC direct.example: 0>a@direct.example"},
    };
    struct rows *peers = NULL, *routes = NULL;
    assert_int_equal(rows_parse(table_find(STR("peer")),
                                STR("closed.example transmit=no\nopen.closed.example transmit=yes\n"
                                    "small.example max_out=8192\n"),
                                &peers, NULL),
                     0);
    assert_int_equal(
        rows_parse(table_find(STR("route")), STR("routed.example hosts=[192.0.2.1]\ndirect.example\n"), &routes, NULL),
        0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct plan p;
        struct plan_config config = {STR("LOCAL SMTPC"), str_from(cases[i].relay), routes, peers};
        Store__Entry e = STORE__ENTRY__INIT;
        Store__Recipient r = STORE__RECIPIENT__INIT, *list = &r;
        r.address = (char *)(uintptr_t)cases[i].recipient;
        e.recipients = &list;
        e.n_recipients = 1;
        e.size = cases[i].size;
        e.prefix = rpc_binary(STR("xx"));
        assert_int_equal(plan_init(&p, a), 0);
        assert_int_equal(plan_add(&p, &config, &e, 0, answer(a, "-")), 0);
        BUF_AUTO text = BUF_INIT(4000);
        describe(&p, &text);
        assert_string_equal(buf_cstr(&text), cases[i].want);
        plan_done(&p);
    }
    rows_free(peers);
    rows_free(routes);
}

/* SHARE-01: the copy of what was sent goes to the mailbox alone, besides what the account itself is sent. */
static void sent_copies(void **state) {
    (void)state;
    static const struct {
        const char *answers[2], *want; /* of a recipient, and of the account that sends */
    } cases[] = {
        {{"-", "L1"}, "SMTPC o.example: 0>a@o.example; LOCAL: 1>#1/Sent"},
        {{"L1", "L1"}, "LOCAL: 0>#1 1>#1/Sent"},
        {{"L2", "L1,S:far@o.example"}, "LOCAL: 0>#2 1>#1/Sent"},
        {{"L2", "x1"}, "LOCAL: 0>#2 1>#1/Sent"},
        {{"L2", "?"}, "LOCAL: 0>#2; !1 5.1.1"},
    };
    const struct plan_config config = {.channels = STR("LOCAL SMTPC")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO arena = arena_new(65536);
        Store__Entry e = STORE__ENTRY__INIT;
        Store__Recipient to[2] = {STORE__RECIPIENT__INIT, STORE__RECIPIENT__INIT}, *list[] = {&to[0], &to[1]};
        struct plan p;
        BUF_AUTO got = BUF_INIT(1000);
        to[0].address = (char *)(uintptr_t) "a@o.example";
        to[1].address = (char *)(uintptr_t) "team@x.test";
        to[1].sent_copy = true;
        e.recipients = list;
        e.n_recipients = 2;
        assert_int_equal(plan_init(&p, arena), 0);
        for (size_t n = 0; n < 2; n++)
            assert_int_equal(plan_add(&p, &config, &e, n, answer(arena, cases[i].answers[n])), 0);
        describe(&p, &got);
        assert_string_equal(buf_cstr(&got), cases[i].want);
        plan_done(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sent_copies), cmocka_unit_test(peers_and_routes),
                                       cmocka_unit_test(routes), cmocka_unit_test(slices), cmocka_unit_test(many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
