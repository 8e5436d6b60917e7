/* Field splitting, addresses, dates, parameters, encoded-words, base subjects: RFC 5322, 2047, 2231, 5256, 6532
 * (LIM-05). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mime/address.h"
#include "proto/mime/date.h"
#include "proto/mime/header.h"
#include "proto/mime/param.h"
#include "proto/mime/word.h"

#include <string.h>

enum { TEXT_MAX = 8192, ARENA_MAX = 1024 * 1024 };

static void same(const char *input, struct buf *got, const char *want) {
    if (!str_eq(buf_str(got), str_from(want))) {
        print_error("input: %s\n  got: %.*s\n want: %s\n", input, STR_ARG(buf_str(got)), want);
    }
    assert_true(str_eq(buf_str(got), str_from(want)));
}

struct text_case {
    const char *input, *want;
};

/* name=value| for each field, then what is left */
static const struct text_case header_cases[] = {
    {"", "/"},
    {"\r\nbody", "/body"},
    {"A: 1\r\nB: 2\r\n\r\nbody", "A=1|B=2|/body"},
    {"A: 1\r\n folded\r\n\tagain\r\nB:2\r\n", "A=1 folded\tagain|B=2|/"},
    {"A: 1\nB: 2\n\nx", "A=1|B=2|/x"},
    {"no colon here\r\nA: 1\r\n\r\n", "=no colon here|A=1|/"},
    {"Name with blank : v\r\n\r\n", "Name with blank=v|/"},
    {": nameless\r\n\r\n", "=: nameless|/"},
    {"A:\r\nB: \r\n\r\n", "A=|B=|/"},
    {"A: cut off", "A=cut off|/"},
    {" begins folded\r\nA: 1\r\n\r\n", "=begins folded|A=1|/"},
    {"split\r\n : colon in the continuation\r\n\r\n", "=split : colon in the continuation|/"},
};

static void header_fields(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof header_cases / sizeof header_cases[0]; i++) {
        BUF_AUTO got = BUF_INIT(TEXT_MAX);
        struct str rest = str_from(header_cases[i].input);
        struct header_field f;
        while (header_next(&rest, &f)) {
            buf_add(&got, f.name);
            buf_addc(&got, '=');
            header_unfold(&got, f.value);
            buf_addc(&got, '|');
        }
        buf_addc(&got, '/');
        buf_add(&got, rest);
        same(header_cases[i].input, &got, header_cases[i].want);
    }
}

/* name<local@domain> with {route} before the local part; "~" = no such element; groups: name:[ and ] */
static const struct text_case address_cases[] = {
    {"", ""},
    {"ann@a.example", "~<ann@a.example>"},
    {"<ann@a.example>", "~<ann@a.example>"},
    {"Ann Smith <ann@a.example>, bob@b.example", "Ann Smith<ann@a.example>~<bob@b.example>"},
    {"\"Smith, Ann\" <ann@a.example>", "Smith, Ann<ann@a.example>"},
    {"\"say \\\"hi\\\"\" <ann@a.example>", "say \"hi\"<ann@a.example>"},
    {"ann@a.example (Ann Smith)", "Ann Smith<ann@a.example>"},
    {"(first) ann@a.example (Ann (nick) S)", "Ann (nick) S<ann@a.example>"},
    {"Ann (of Paris) <ann@a.example>", "Ann<ann@a.example>"},
    {"\"a b\"@a.example", "~<a b@a.example>"},
    {"a . b @ c . example", "~<a.b@c.example>"},
    {"<@r1.example,@r2.example:ann@a.example>", "~<{@r1.example,@r2.example}ann@a.example>"},
    {"ann@[192.0.2.1]", "~<ann@[192.0.2.1]>"},
    {"team: ann@a.example, Bob <bob@b.example>;, eve@e.example",
     "team:[~<ann@a.example>Bob<bob@b.example>]~<eve@e.example>"},
    {"undisclosed-recipients:;", "undisclosed-recipients:[]"},
    {"open: ann@a.example", "open:[~<ann@a.example>]"},
    {"ann", "~<ann@~>"},
    {"Ann <ann>", "Ann<ann@~>"},
    {"<>", "~<@~>"},
    {"ann@a.example,,, ,bob@b.example,", "~<ann@a.example>~<bob@b.example>"},
    {"Ann <ann@a.example", "Ann<ann@a.example>"},
    {"ann@home <ann@a.example>", "ann@home<ann@a.example>"},
    {"ann@a.example bob@b.example, eve@e.example", "~<ann@a.example>~<eve@e.example>"},
    {"=?utf-8?q?J=C3=BCrgen?= <j@a.example>", "=?utf-8?q?J=C3=BCrgen?=<j@a.example>"},
    {"J\xc3\xbcrgen <j\xc3\xbc@\xc3\xbc.example>", "J\xc3\xbcrgen<j\xc3\xbc@\xc3\xbc.example>"},
    {"Ann\r\n Smith\r\n <ann@a.example>", "Ann Smith<ann@a.example>"},
    {"John Q. Public <j@a.example>", "John Q. Public<j@a.example>"},
    {"(only a comment)", ""},
    {"@a.example", "~<@a.example>"},
    {"\"unclosed <ann@a.example>", "~<unclosed <ann@a.example>@~>"},
    {"((((( ann@a.example", ""},
};

static void put_element(struct buf *out, bool there, struct str s) {
    buf_add(out, there ? s : STR("~"));
}

static void write_address(struct buf *out, const struct address *a) {
    switch (a->kind) {
    case ADDRESS_GROUP_START:
        buf_add(out, a->name);
        buf_adds(out, ":[");
        return;
    case ADDRESS_GROUP_END: buf_adds(out, "]"); return;
    case ADDRESS_MAILBOX: break;
    }
    put_element(out, a->has_name, a->name);
    buf_addc(out, '<');
    if (a->route.len > 0) buf_printf(out, "{%.*s}", STR_ARG(a->route));
    buf_add(out, a->local);
    buf_addc(out, '@');
    put_element(out, a->has_domain, a->domain);
    buf_addc(out, '>');
}

static void addresses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof address_cases / sizeof address_cases[0]; i++) {
        BUF_AUTO got = BUF_INIT(TEXT_MAX);
        ARENA_AUTO arena = arena_new(ARENA_MAX);
        struct address_parser p;
        struct address a;
        address_parser_init(&p, str_from(address_cases[i].input), arena);
        while (address_next(&p, &a)) write_address(&got, &a);
        same(address_cases[i].input, &got, address_cases[i].want);
    }
}

static const struct {
    const char *input;
    int64_t time; /* INT64_MIN: not a date */
    int zone;
} date_cases[] = {
    {"Sat, 21 Nov 2026 07:24:00 +0000", 1795245840, 0},
    {"21 Nov 2026 07:24 +0000", 1795245840, 0},
    {"Sat, 21 Nov 2026 08:24:00 +0100", 1795245840, 60},
    {"Sat, 21 Nov 2026 02:24:00 EST", 1795245840, -300},
    {"Sat, 21 Nov 2026 07:24:00 GMT", 1795245840, 0},
    {"Sat, 21 Nov 2026 07:24:00", 1795245840, 0},
    {"Sat, 21 Nov 26 07:24:00 Z", 1795245840, 0},
    {"Fri, 21 Nov 97 09:55:06 -0600", 880127706, -360},
    {"Fri, 21 Nov 097 09:55:06 -0600", 880127706, -360},
    {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600 (x)", 880127706, -360},
    {"Saturday, 21 November 2026 07:24:00 +0000", 1795245840, 0},
    {"Sat 21-Nov-2026 07:24:00 +0000", 1795245840, 0},
    {"Sat, 31 Dec 2016 23:59:60 +0000", 1483228799, 0},
    {"Sat, 21 Nov 2026 7:24:00 K", 1795245840, 0},
    {"", INT64_MIN, 0},
    {"yesterday", INT64_MIN, 0},
    {"Sat, 31 Feb 2026 07:24:00 +0000", INT64_MIN, 0},
    {"Sat, 21 Nov 2026", INT64_MIN, 0},
    {"Sat, 21 Nov 2026 24:00:00 +0000", INT64_MIN, 0},
    {"Sat, 21 Xyz 2026 07:24:00 +0000", INT64_MIN, 0},
    {"Sat, 21 Nov 99999999999999999999 07:24:00 +0000", INT64_MIN, 0},
};

static void dates(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof date_cases / sizeof date_cases[0]; i++) {
        struct mail_date d = {.time = INT64_MIN};
        int rc = mail_date_parse(str_from(date_cases[i].input), &d);
        if (d.time != date_cases[i].time) print_error("%s: %lld\n", date_cases[i].input, (long long)d.time);
        assert_int_equal(rc != 0, date_cases[i].time == INT64_MIN);
        assert_true(d.time == date_cases[i].time);
        assert_int_equal(d.zone_minutes, date_cases[i].zone);
    }
}

/* main;name=value; with "*" behind the name of an extended value */
static const struct text_case param_cases[] = {
    {"text/plain", "text/plain"},
    {" text / plain ; charset = utf-8 ", "text/plain;charset=utf-8"},
    {"text/plain; charset=\"utf-8\"; format=flowed", "text/plain;charset=utf-8;format=flowed"},
    {"text/plain; charset=us-ascii (plain)", "text/plain;charset=us-ascii"},
    {"(c) text/plain (c); (c) a=b", "text/plain;a=b"},
    {"a/b; name=\"x;y\\\"z\"", "a/b;name=x;y\"z"},
    {"a/b; name=\"fol\r\n ded\"", "a/b;name=fol ded"},
    {"a/b;\r\n\tx=1;\r\n\ty=2", "a/b;x=1;y=2"},
    {"a/b;; ;x=1;", "a/b;x=1"},
    {"a/b; novalue; x=1", "a/b;x=1"},
    {"a/b; x=two words; y=1", "a/b;x=two;y=1"},
    {"a/b; x=", "a/b;x="},
    {"a/b; x==?utf-8?q?=41?=; y=2", "a/b;x==?utf-8?q?=41?=;y=2"},
    {"a/b; n*0=one; n*1=\"two \"; n*2=three", "a/b;n=onetwo three"},
    {"a/b; n*1=two; n*0=one", "a/b;n=onetwo"},
    {"a/b; n*0=one; n*2=three", "a/b;n=one"},
    {"a/b; n*0*=utf-8''%41; n*1=b; z=1", "a/b;n*=utf-8''%41b;z=1"},
    {"a/b; n*=utf-8'en'%c3%a4", "a/b;n*=utf-8'en'%c3%a4"},
    {"", ""},
    {"; x=1", ";x=1"},
    {"a/b; x=\"unclosed", "a/b;x=unclosed"},
};

static void parameters(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof param_cases / sizeof param_cases[0]; i++) {
        BUF_AUTO got = BUF_INIT(TEXT_MAX);
        ARENA_AUTO arena = arena_new(ARENA_MAX);
        struct mime_value v;
        assert_int_equal(mime_value_parse(str_from(param_cases[i].input), arena, &v), 0);
        buf_add(&got, v.main);
        for (const struct mime_param *p = v.params; p != NULL; p = p->next) {
            buf_printf(&got, ";%.*s%s=%.*s", STR_ARG(p->name), p->encoded ? "*" : "", STR_ARG(p->value));
        }
        same(param_cases[i].input, &got, param_cases[i].want);
    }
}

static void parameter_decoding(void **state) {
    (void)state;
    static const struct text_case cases[] = {
        {"a; n*=utf-8'de'%C3%A4x", "\xc3\xa4x"},
        {"a; n*=iso-8859-1''%E4", "\xc3\xa4"},
        {"a; n*0*=utf-8''%C3; n*1*=%A4; n*2=.txt", "\xc3\xa4.txt"},
        {"a; n=\"=?utf-8?b?w6Q=?=\"", "\xc3\xa4"},
        {"a; n*=no-quotes%41", "no-quotesA"},
        {"a; n*=utf-8''%4", "%4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO got = BUF_INIT(TEXT_MAX);
        ARENA_AUTO arena = arena_new(ARENA_MAX);
        struct mime_value v;
        assert_int_equal(mime_value_parse(str_from(cases[i].input), arena, &v), 0);
        assert_non_null(mime_param_find(&v, "N"));
        assert_null(mime_param_find(&v, "other"));
        mime_param_decode(&got, mime_param_find(&v, "n"));
        same(cases[i].input, &got, cases[i].want);
    }
}

static const struct text_case word_cases[] = {
    {"plain text", "plain text"},
    {"=?utf-8?Q?caf=C3=A9_au_lait?=", "caf\xc3\xa9 au lait"},
    {"=?UTF-8?b?Y2Fmw6k=?=", "caf\xc3\xa9"},
    {"=?iso-8859-1?q?caf=E9?= is good", "caf\xc3\xa9 is good"},
    {"a =?utf-8?q?b?= c", "a b c"},
    {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
    {"=?utf-8?q?a?=\r\n =?iso-8859-1?q?=E9?=", "a\xc3\xa9"},
    {"=?utf-8?b?w6?= =?utf-8?b?k=?=", "\xef\xbf\xbd"},
    {"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\xc3\xa9"},
    {"=?utf-8*en?q?hi?=", "hi"},
    {"=?no-such-charset?q?hi?=", "=?no-such-charset?q?hi?="},
    {"=?no-such-charset?q?\xe9?=", "=?no-such-charset?q?\xef\xbf\xbd?="},
    {"=?utf-8?x?hi?=", "=?utf-8?x?hi?="},
    {"=?utf-8?q?open", "=?utf-8?q?open"},
    {"=?utf-8?q?\x3f=", ""},
    {"1 =? 2", "1 =? 2"},
    {"raw \xc3\xa9", "raw \xc3\xa9"},
    {"bad \xe9!", "bad \xef\xbf\xbd!"},
    {"=?utf-8?q?a=0D=0Ab?=", "a  b"},
    {"=?windows-1252?q?=80?=", "\xe2\x82\xac"},
    {"=?iso-2022-jp?b?GyRCJCIbKEI=?=", "\xe3\x81\x82"},
};

static void encoded_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof word_cases / sizeof word_cases[0]; i++) {
        BUF_AUTO got = BUF_INIT(TEXT_MAX);
        word_decode(&got, str_from(word_cases[i].input));
        same(word_cases[i].input, &got, word_cases[i].want);
    }
}

static const struct {
    const char *input, *want;
    bool reply;
} subject_cases[] = {
    {"Hello", "Hello", false},
    {"Re: Hello", "Hello", true},
    {"RE : re: Fwd: FW:Hello", "Hello", true},
    {"Hello (fwd)", "Hello", true},
    {"Hello (fwd) (FWD)  ", "Hello", true},
    {"[list] Hello", "Hello", false},
    {"[list] Re: [other] Hello", "Hello", true},
    {"Re[2]: Hello", "Hello", true},
    {"Re [2] : Hello", "Hello", true},
    {"[fwd: Hello]", "Hello", true},
    {"[Fwd: Re: [x] Hello (fwd)]", "Hello", true},
    {"[only a blob]", "[only a blob]", false},
    {"Regarding: Hello", "Regarding: Hello", false},
    {"  much \t blank  ", "much blank", false},
    {"=?utf-8?q?Re=3A_caf=C3=A9?=", "caf\xc3\xa9", true},
    {"Re:", "", true},
    {"", "", false},
};

static void base_subjects(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof subject_cases / sizeof subject_cases[0]; i++) {
        BUF_AUTO got = BUF_INIT(TEXT_MAX);
        bool reply = false;
        subject_base(&got, str_from(subject_cases[i].input), &reply);
        same(subject_cases[i].input, &got, subject_cases[i].want);
        assert_int_equal(reply, subject_cases[i].reply);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_fields), cmocka_unit_test(addresses),          cmocka_unit_test(dates),
        cmocka_unit_test(parameters),    cmocka_unit_test(parameter_decoding), cmocka_unit_test(encoded_words),
        cmocka_unit_test(base_subjects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
