/* Messages to an mbox file and back: whatever they are, byte by byte; and what other programs write. MIGR-08. */
#include "cli/mbox_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGES = 3, ROUNDS = 4000, TOKENS_MAX = 12 };

struct file {
    struct mbox_memory in;
    struct buf got[MESSAGES + 1];
    uint64_t flags[MESSAGES + 1];
    size_t count;
};

static void on_end(void *arg) {
    struct file *f = arg;
    char words[MBOX_WORDS_MAX];
    struct mail_item item = {0};
    assert_true(f->count < MESSAGES + 1);
    if (!mbox_message_take(buf_str(&f->in.raw), &item, words, sizeof words, &f->got[f->count])) return;
    f->flags[f->count++] = item.flags;
}
static const struct mbox_events events = {mbox_memory_begin, mbox_memory_data, on_end, mbox_memory_length};

static void file_init(struct file *f) {
    *f = (struct file){.count = 0};
    mbox_memory_init(&f->in);
    for (size_t i = 0; i <= MESSAGES; i++) f->got[i] = BUF_INIT(MBOX_MEMORY_MAX);
}

static void file_read(struct file *f, size_t step) {
    assert_true(mbox_memory_feed(&f->in, &events, f, step));
}

static void file_done(struct file *f) {
    mbox_memory_done(&f->in);
    for (size_t i = 0; i <= MESSAGES; i++) buf_done(&f->got[i]);
}

/* What may be mistaken for the form. */
static const char *const tokens[] = {"\r\n",
                                     "\n",
                                     "\r",
                                     "\r\n\r\n",
                                     "From ",
                                     "From a b\r\n",
                                     ">From ",
                                     ">>From x\n",
                                     ">",
                                     "a",
                                     "\nFrom MAILER-DAEMON Sat Mar  2 10:00:00 2019\n",
                                     "Content-Length: 1\r\n",
                                     "Content-Length: 40\n",
                                     "Content-Length: 310\r\n",
                                     "Status: RO\r\n",
                                     "Status: O\nX-Status: \nX-Keywords:\nContent-Length: 3\n",
                                     "X-IEMS-Lines: x\n",
                                     "X-IMAP: 1\r\n",
                                     "Subject: DON'T DELETE THIS MESSAGE\r\n",
                                     ": ",
                                     " ",
                                     "X-Keywords: a\n"};

static void put_random(unsigned *seed, struct buf *out) {
    size_t n = 1 + (size_t)rand_r(seed) % TOKENS_MAX;
    for (size_t i = 0; i < n; i++) buf_adds(out, tokens[(size_t)rand_r(seed) % (sizeof tokens / sizeof tokens[0])]);
    if (rand_r(seed) % 50 == 0)
        for (int i = 0; i < 3000; i++) buf_addc(out, '>');
    if (rand_r(seed) % 20 == 0) buf_add(out, str_of("\0From ", 6));
}

static void test_round_trip(void **state) {
    (void)state;
    unsigned seed = 4155;
    for (int round = 0; round < ROUNDS; round++) {
        struct file f;
        struct buf want[MESSAGES] = {BUF_INIT(MBOX_MEMORY_MAX), BUF_INIT(MBOX_MEMORY_MAX), BUF_INIT(MBOX_MEMORY_MAX)};
        file_init(&f);
        for (size_t i = 0; i < MESSAGES; i++) {
            put_random(&seed, &want[i]);
            struct mail_item item = {
                .flags = i == 1 ? MAILBOX_SEEN | MAILBOX_DRAFT : 0, .date = 1e9, .body = buf_str(&want[i])};
            assert_int_equal(mbox_message_put(&item, &f.in.bytes), 0);
        }
        file_read(&f, round % 2 ? f.in.bytes.len : 1 + (size_t)round % 50);
        if (f.count != MESSAGES) fail_msg("round %d: %zu messages", round, f.count);
        for (size_t i = 0; i < MESSAGES; i++) {
            if (!str_eq(buf_str(&want[i]), buf_str(&f.got[i])))
                fail_msg("round %d, message %zu: '%.*s' became '%.*s'", round, i, STR_ARG(buf_str(&want[i])),
                         STR_ARG(buf_str(&f.got[i])));
            assert_int_equal(f.flags[i], i == 1 ? MAILBOX_SEEN | MAILBOX_DRAFT : 0);
            buf_done(&want[i]);
        }
        file_done(&f);
    }
}

/* Files of others. One message follows in each: it begins where it should. */
static const struct {
    const char *head, *body, *want;
} rows[] = {
    /* mboxrd */
    {"A: b\n", "\n>From x\n\n>>From y\n", "A: b\r\n\r\nFrom x\r\n\r\n>From y\r\n"},
    /* mboxcl: one of the quoted lines would begin a message */
    {"A: b\nContent-Length: %zu\n", "\n>From x\n\n>From y\n",
     "A: b\r\nContent-Length: 17\r\n\r\nFrom x\r\n\r\nFrom y\r\n"},
    /* mboxcl2: the line "From " says that none is quoted, wherever it stands */
    {"Content-Length: %zu\n", "\nFrom x\n\n>From y\n", "Content-Length: 16\r\n\r\nFrom x\r\n\r\n>From y\r\n"},
    {"Content-Length: %zu\n", "\n>From x\n>>From\n\nFrom y\n",
     "Content-Length: 23\r\n\r\n>From x\r\n>>From\r\n\r\nFrom y\r\n"},
    /* a length that ends within a line */
    {"Content-Length: 5\n", "\nabcd From x\n", "Content-Length: 5\r\n\r\nabcd From x\r\n"},
    /* a field Status in front, as other programs may have it */
    {"Status: RO\nSubject: x\nContent-Length: %zu\n", "\ny\n",
     "Status: RO\r\nSubject: x\r\nContent-Length: 2\r\n\r\ny\r\n"},
};

static void test_others(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct file f;
        char length[24];
        file_init(&f);
        buf_adds(&f.in.bytes, "From a Sat Mar  2 10:00:00 2019\n");
        struct str rest = str_from(rows[i].head);
        for (const char *at; (at = strstr(rest.ptr, "%zu")) != NULL; rest = str_from(at + 3)) {
            buf_add(&f.in.bytes, str_of(rest.ptr, (size_t)(at - rest.ptr)));
            (void)snprintf(length, sizeof length, "%zu", strlen(rows[i].body) - 1);
            buf_adds(&f.in.bytes, length);
        }
        buf_add(&f.in.bytes, rest);
        buf_adds(&f.in.bytes, rows[i].body);
        buf_adds(&f.in.bytes, "\nFrom b Sat Mar  2 10:00:00 2019\nC: d\n\n>From z\n\n");
        file_read(&f, 1 + i);
        if (f.count != 2) fail_msg("row %zu: %zu messages", i, f.count);
        assert_string_equal(buf_cstr(&f.got[0]), rows[i].want);
        assert_string_equal(buf_cstr(&f.got[1]), "C: d\r\n\r\nFrom z\r\n");
        file_done(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
