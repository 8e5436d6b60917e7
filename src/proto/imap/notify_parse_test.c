/* Tests of notify_parse.c. RFC 5465 sections 5, 6 and 8. */
#include "proto/imap/notify_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void commands(void **state) {
    (void)state;
    static const struct {
        const char *in;
        int err;
        size_t groups;
        unsigned first; /* events of the first group */
    } cases[] = {
        {" NONE", 0, 0, 0},
        {" none ", 0, 0, 0},
        {"  NONE", 0, 0, 0},
        {" SET (selected (MessageNew MessageExpunge))", 0, 1, 3},
        {" set status (selected-delayed (messagenew (uid body.peek[header.fields (from to)]) messageexpunge "
         "flagchange))",
         0, 1, 7},
        {" SET (selected NONE) (personal (MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))",
         0, 2, 0},
        {" SET (subtree (a \"b c\") (MailboxName)) (mailboxes x NONE) (inboxes NONE)", 0, 3, 8},
        {" SET (subtree {1}\r\na (MailboxName))", 0, 1, 8},
        {" SET (subscribed (MessageNew MessageExpunge FlagChange))", 0, 1, 7},
        {"", ERR_INVALID, 0, 0},
        {" NONE x", ERR_INVALID, 0, 0},
        {" SET", ERR_INVALID, 0, 0},
        {" SET STATUS", ERR_INVALID, 0, 0},
        {" SET (selected)", ERR_INVALID, 0, 0},
        {" SET (selected ())", ERR_INVALID, 0, 0},
        {" SET (selected (MessageNew))", ERR_INVALID, 0, 0},
        {" SET (selected (MessageExpunge))", ERR_INVALID, 0, 0},
        {" SET (selected (FlagChange))", ERR_INVALID, 0, 0},
        {" SET (selected (MessageNew MessageExpunge MailboxName))", ERR_INVALID, 0, 0},
        {" SET (selected NONE) (selected-delayed NONE)", ERR_INVALID, 0, 0},
        {" SET (personal (MessageNew (FLAGS) MessageExpunge))", ERR_INVALID, 0, 0},
        {" SET (selected (MessageNew () MessageExpunge))", ERR_INVALID, 0, 0},
        {" SET (selected (MessageNew (FOO) MessageExpunge))", ERR_INVALID, 0, 0},
        {" SET (everything NONE)", ERR_INVALID, 0, 0},
        {" SET (subtree NONE)", ERR_INVALID, 0, 0},
        {" SET (mailboxes () NONE)", ERR_INVALID, 0, 0},
        {" SET (personal NONE)(inboxes NONE)", ERR_INVALID, 0, 0},
        {" SET (personal (AnnotationChange MessageNew MessageExpunge))", ERR_UNSUPPORTED, 0, 0},
        {" SET (personal (SomethingNew))", ERR_UNSUPPORTED, 0, 0},
        {" SET (personal (SomethingNew)", ERR_INVALID, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(1024 * 1024);
        struct imap_args a = {.rest = str_from(cases[i].in), .arena = arena};
        struct imap_notify n;
        int rc = imap_notify_parse(&a, &n);
        if (rc != cases[i].err) fail_msg("%s: %d", cases[i].in, rc);
        if (rc != 0) continue;
        if (n.groups != cases[i].groups) fail_msg("%s: %zu groups", cases[i].in, n.groups);
        if (n.groups > 0 && n.group[0].events != cases[i].first) fail_msg("%s: %x", cases[i].in, n.group[0].events);
        assert_int_equal(n.none, n.groups == 0);
    }
}

static void details(void **state) {
    (void)state;
    ARENA_AUTO arena = arena_new(1024 * 1024);
    struct imap_args a = {.rest = STR(" SET STATUS (selected-delayed (MessageNew (BODY[]) MessageExpunge))"),
                          .arena = arena};
    struct imap_notify n;
    assert_int_equal(imap_notify_parse(&a, &n), 0);
    assert_true(n.status && n.has_fetch && n.group[0].sources.selected && n.group[0].sources.delayed);
    assert_false(n.fetch.sets_seen); /* to be told of a message is not to read it */
    BUF_AUTO b = BUF_INIT(10000);
    buf_adds(&b, " SET (personal NONE)");
    for (int i = 0; i < IMAP_NOTIFY_GROUPS_MAX; i++) buf_adds(&b, " (personal NONE)");
    a.rest = buf_str(&b);
    assert_int_equal(imap_notify_parse(&a, &n), ERR_LIMIT);
}

static void sources(void **state) {
    (void)state;
    static const struct {
        const char *in, *name;
        bool subscribed, meant;
    } cases[] = {
        {"(inboxes)", "INBOX", false, true},
        {"(inboxes)", "a", false, false},
        {"(personal)", "a/b", false, true},
        {"(personal)", "Shared/x@y/INBOX", false, false},
        {"(personal)", "Other Users/x@y/INBOX", false, false},
        {"(subscribed)", "a", true, true},
        {"(subscribed)", "a", false, false},
        {"(subtree a)", "a", false, true},
        {"(subtree a)", "a/b/c", false, true},
        {"(subtree a)", "ab", false, false},
        {"(subtree-one a)", "a/b", false, true},
        {"(subtree-one a)", "a/b/c", false, false},
        {"(mailboxes (a b))", "b", false, true},
        {"(mailboxes (a b))", "b/c", false, false},
        {"(mailboxes inbox)", "INBOX", false, true},
        {"(selected mailboxes x inboxes)", "INBOX", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = arena_new(65536);
        struct imap_args a = {.rest = str_from(cases[i].in), .arena = arena};
        struct imap_sources x;
        assert_true(imap_args_sources(&a, &x) && imap_args_end(&a));
        if (imap_sources_match(&x, str_from(cases[i].name), cases[i].subscribed) != cases[i].meant)
            fail_msg("%s: %s", cases[i].in, cases[i].name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(commands), cmocka_unit_test(details),
                                       cmocka_unit_test(sources)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
