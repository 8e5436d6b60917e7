/* Tests of thread*.c and order.c. RFC 5256 section 3: ORDEREDSUBJECT and REFERENCES; REFS. */
#include "imapd/order.h"
#include "imapd/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "id refs sent subject": "-" = none; refs joined by ","; a subject that begins with "*" is that of a reply */
struct thread_case {
    const char *name;
    const char *messages[12];
    const char *references, *refs, *subjects;
};

static const struct thread_case cases[] = {
    {"nothing", {NULL}, "", "", ""},
    {"a chain and a fork",
     {"a - 1 s", "b a 2 s", "c a,b 3 s", "d a,b 4 s", "e - 5 t"},
     "(1 2 (3)(4))(5)",
     "(1 2 (3)(4))(5)",
     "(1 (2)(3)(4))(5)"},
    {"step 3: a dummy with one child goes, with two it stays",
     {"b x 2 s", "c x 3 t", "d y 4 u"},
     "((1)(2))(3)",
     "((1)(2))(3)",
     "(1)(2)(3)"},
    {"step 3: dummies in the middle go",
     {"a - 1 s", "d a,b,c 2 s", "e a,b,c 3 s"},
     "(1 (2)(3))",
     "(1 (2)(3))",
     "(1 (2)(3))"},
    {"step 5: a reply without references joins by its subject", {"a - 1 s", "b - 2 *s"}, "(1 2)", "(1)(2)", "(1 2)"},
    {"step 5: two that are no replies get a dummy", {"a - 1 s", "b - 2 s"}, "((1)(2))", "(1)(2)", "(1 2)"},
    {"step 5: a reply before what it answers", {"a - 2 *s", "b - 1 s"}, "(2 1)", "(2)(1)", "(2 1)"},
    {"step 5: three of the same subject", {"a - 1 s", "b - 2 s", "c - 3 *s"}, "((1)(2)(3))", "(1)(2)(3)", "(1 (2)(3))"},
    {"step 5: an empty subject joins nothing", {"a - 1 -", "b - 2 -"}, "(1)(2)", "(1)(2)", "(1 2)"},
    {"step 5: two dummies become one",
     {"b x 1 s", "c x 2 s", "d y 3 s", "e y 4 s"},
     "((1)(2)(3)(4))",
     "((1)(2))((3)(4))",
     "(1 (2)(3)(4))"},
    {"step 6: by date, not by number",
     {"a - 5 s", "b a 9 s", "c a 7 s", "d - 1 t"},
     "(4)(1 (3)(2))",
     "(4)(1 (3)(2))",
     "(4)(1 (3)(2))"},
    {"references in a circle", {"a b 1 s", "b a 2 t", "c a,b,a 3 u"}, "(2 1 3)", "(2 1 3)", "(1)(2)(3)"},
    {"messages that refer to themselves", {"a a 1 s", "b b,a 2 t"}, "(2 1)", "(2 1)", "(1)(2)"},
    {"the same msg-id twice", {"a - 1 s", "a - 2 t", "b a 3 u"}, "(1 3)(2)", "(2)(1 3)", "(1)(2)(3)"},
    {"quotes in a msg-id mean nothing", {"\"a\" - 1 s", "b a 2 t", "c \"b\" 3 u"}, "(1 2 3)", "(1 2 3)", "(1)(2)(3)"},
    {"no msg-id", {"- - 1 s", "- a 2 t"}, "(1)(2)", "(1)(2)", "(1)(2)"},
    {"what references said before gives way to the message itself",
     {"c a,b 3 s", "b x 2 t", "a - 1 u"},
     "(3)(2 1)",
     "(3)(2 1)",
     "(3)(2)(1)"},
};

static void put(void *arg, struct str piece) {
    buf_add(arg, piece);
}

static struct str ids(const char *word, struct buf *out) {
    struct str rest = str_from(word);
    if (word[0] == '-') return STR_EMPTY;
    while (rest.len > 0) {
        struct str id = str_cut(&rest, ',');
        buf_printf(out, " text <%.*s@x>", STR_ARG(id));
    }
    return buf_str(out);
}

static void run(const struct thread_case *c, enum imap_thread algorithm, const char *want) {
    struct threads *t = threads_new(algorithm);
    BUF_AUTO got = BUF_INIT(1000);
    for (uint32_t i = 0; i < 12 && c->messages[i] != NULL; i++) {
        char id[20], refs[40], subject[20];
        uint64_t sent;
        struct str line = str_from(c->messages[i]);
        BUF_AUTO own = BUF_INIT(100);
        BUF_AUTO references = BUF_INIT(400);
        assert_int_equal(str_to_cstr(str_word(&line), id, sizeof id), 0);
        assert_int_equal(str_to_cstr(str_word(&line), refs, sizeof refs), 0);
        assert_int_equal(str_to_u64(str_word(&line), 100, &sent), 0);
        assert_int_equal(str_to_cstr(str_word(&line), subject, sizeof subject), 0);
        bool reply = subject[0] == '*';
        struct thread_message m = {.number = i + 1, .sent = (int64_t)sent, .arrived = (int64_t)sent, .is_reply = reply};
        m.message_id = ids(id, &own);
        m.references = i % 2 == 0 || strchr(refs, ',') != NULL ? ids(refs, &references) : STR_EMPTY;
        m.in_reply_to = m.references.len == 0 ? ids(refs, &references) : STR_EMPTY;
        m.subject = subject[0] == '-' ? STR_EMPTY : str_from(subject + reply);
        assert_int_equal(threads_add(t, &m), 0);
    }
    assert_int_equal(threads_write(t, put, &got, NULL), 0);
    if (strcmp(buf_cstr(&got), want) != 0)
        fail_msg("%s (%d): %s, want %s", c->name, (int)algorithm, buf_cstr(&got), want);
    threads_free(t);
}

static void algorithms(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&cases[i], IMAP_THREAD_REFERENCES, cases[i].references);
        run(&cases[i], IMAP_THREAD_REFS, cases[i].refs);
        run(&cases[i], IMAP_THREAD_ORDEREDSUBJECT, cases[i].subjects);
    }
}

static void count_piece(void *arg, struct str piece) {
    *(size_t *)arg += piece.len;
}

/* LIM: a thread of any depth, in any order, takes neither the stack nor the time of a square. */
static void deep(void **state) {
    enum { DEPTH = 100000 };
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        struct threads *t = threads_new(IMAP_THREAD_REFERENCES);
        size_t bytes = 0;
        for (uint32_t i = 0; i < DEPTH; i++) {
            uint32_t n = backwards ? DEPTH - i : i + 1;
            char id[40], parent[40];
            (void)snprintf(id, sizeof id, "<%u@x>", n);
            (void)snprintf(parent, sizeof parent, "<%u@x>", n - 1);
            struct thread_message m = {.number = i + 1, .sent = n, .subject = STR_EMPTY, .references = STR_EMPTY};
            m.message_id = str_from(id);
            m.in_reply_to = n > 1 ? str_from(parent) : STR_EMPTY;
            assert_int_equal(threads_add(t, &m), 0);
        }
        assert_int_equal(threads_write(t, count_piece, &bytes, NULL), 0);
        assert_true(bytes > DEPTH * 5 && bytes < DEPTH * 8);
        threads_free(t);
    }
}

static int backwards(const void *arg, uint32_t a, uint32_t b) {
    (void)arg;
    return a / 2 > b / 2 ? -1 : a / 2 < b / 2;
}

static unsigned pauses;
static void count_pause(void) {
    pauses++;
}

static void sorting(void **state) {
    (void)state;
    enum { COUNT = 10007 };
    static uint32_t list[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) list[i] = i * 7919 % COUNT;
    assert_int_equal(order_sort(list, COUNT, backwards, NULL, count_pause), 0);
    for (uint32_t i = 1; i < COUNT; i++) assert_true(list[i - 1] / 2 >= list[i] / 2);
    assert_true(pauses > 10);
    assert_int_equal(order_sort(list, 1, backwards, NULL, NULL), 0);
    uint32_t stable[] = {3, 2, 0, 1};
    assert_int_equal(order_sort(stable, 4, backwards, NULL, NULL), 0);
    assert_true(stable[0] == 3 && stable[1] == 2 && stable[2] == 0 && stable[3] == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(algorithms), cmocka_unit_test(deep), cmocka_unit_test(sorting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
