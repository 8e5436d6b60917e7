/* The order of the rules, as in docs/admin/addresses.md: MTA-02 MTA-03 MTA-04 MTA-05 MTA-06 MTA-07, ALIAS-01 to
 * ALIAS-06, FWD-01 FWD-02 FWD-03 FWD-05 FWD-06, LIM-19, DIR-12, DIR-13, DIR-28 to DIR-34, LIM-18, LIM-21, LIM-22, RFC
 * 5321 section 4.5.1, RFC 6531. */
#include "dir/resolve.h"

#include "dir/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define USER   "objectClass=ieperson|objectClass=iemessagestoreuser|"
#define PERSON "objectClass=ieperson|"
#define DOMAIN "objectClass=iedc|objectClass=iedomain|iedomainname="

static const char *const entries[] = {
    DOMAIN "example.test",
    DOMAIN "ima.test",
    DOMAIN "jade.test|iedomainaliasof=ima.test",
    DOMAIN "*.sub.test|iecatchall=bart@example.test",
    DOMAIN "deep.sub.test",
    DOMAIN "all.test|iecatchall=lisa@example.test",
    DOMAIN "away.test|iecatchall=box@isp.test",
    DOMAIN "tunnel.test|iedomainforward=BSMTPOUT$decoder@xyz.test|iecatchall=bart@example.test",
    DOMAIN "relay.test|iedomainforward=SMTPC$",
    DOMAIN "fixed.test|iedomainforward=SMTPC$x",
    DOMAIN "hop.test|iedomainforward=smtpc$[relay.isp.test]:2525",
    DOMAIN "old.test|iedomainforward=SMTPC$box@x.test",
    DOMAIN "alias-of-fixed.test|iedomainaliasof=fixed.test",
    DOMAIN "own.test|iedomainaliasof=fixed.test|iedomainforward=SMTPC$y",
    DOMAIN "local.test|iedomainforward=LOCAL$lisa@example.test|iecatchall=bart@example.test",
    DOMAIN "list.test|iedomainforward=DL$news@example.test",
    DOMAIN "strict.test|iedomainforward=LOCAL$",
    DOMAIN "broken.test|iedomainforward=DL$|iecatchall=bart@example.test",
    USER "ieaddress=in@fixed.test|ieaccountid=20|othermailbox=LOCAL$in@fixed.test",
    PERSON "ieaddress=bare@example.test",
    DOMAIN "round1.test|iedomainaliasof=round2.test",
    DOMAIN "round2.test|iedomainaliasof=round1.test",
    DOMAIN "gone.test|iedomainaliasof=elsewhere.test",
    DOMAIN "off.test|ieenabled=FALSE",
    DOMAIN "xn--bcher-kva.test",
    USER
    "ieaddress=bart@example.test|mail=bart@example.test|ieaccountid=7|iequota=100|othermailbox=LOCAL$bart@example.test",
    USER "ieaddress=lisa@example.test|ieaddress=sax@ima.test|ieaddress=lisa+fan@example.test|mail=lisa@example.test|"
         "ieaccountid=8|"
         "othermailbox=LOCAL$lisa@example.test",
    USER "ieaddress=homer@ima.test|ieaccountid=9|othermailbox=LOCAL$homer@ima.test",
    USER "ieaddress=homer@jade.test|ieaccountid=10|othermailbox=LOCAL$homer@jade.test",
    USER "ieaddress=noconn@example.test|ieaccountid=11",
    PERSON "ieaddress=fwd@example.test|othermailbox=SMTPC$fwd@isp.test",
    USER
    "ieaddress=both@example.test|ieaccountid=12|othermailbox=LOCAL$both@example.test|othermailbox=SMTPC$both@isp.test",
    PERSON "ieaddress=inner@example.test|othermailbox=SMTPC$bart@example.test|othermailbox=LOCAL$bart@example.test",
    PERSON "ieaddress=loop1@example.test|othermailbox=SMTPC$loop2@example.test",
    PERSON "ieaddress=loop2@example.test|othermailbox=SMTPC$loop1@example.test",
    PERSON "ieaddress=loop3@example.test|othermailbox=SMTPC$loop3@example.test|othermailbox=LOCAL$bart@example.test",
    USER
    "ieaddress=sendonly@example.test|ieaccountid=13|othermailbox=LOCAL$sendonly@example.test|x-permission=LOCAL$Send",
    USER
    "ieaddress=half@example.test|ieaccountid=14|othermailbox=LOCAL$half@example.test|othermailbox=SMTPC$h@isp.test|"
    "x-permission=SMTPC$None",
    USER "ieaddress=closed@example.test|ieaccountid=15|ieenabled=FALSE|othermailbox=LOCAL$closed@example.test",
    "objectClass=ielist|ieaddress=news@example.test|othermailbox=DL$news@example.test",
    PERSON "ieaddress=tunnel@example.test|othermailbox=BSMTP$site@xyz.test",
    PERSON "ieaddress=nothing@example.test",
    USER "ieaddress=jörg@example.test|ieaccountid=16",
    PERSON "ieaddress=bad@example.test|othermailbox=rubbish|othermailbox=$x|othermailbox=LOCAL$",
    USER "ieaddress=\"odd name\"@example.test|ieaccountid=17",
    USER "ieaddress=in@tunnel.test|ieaccountid=18",
    USER "ieaddress=㎌@example.test|ieaccountid=19",
    PERSON "ieaddress=viaalias@example.test|othermailbox=SMTPC$sax@jade.test",
};

static const struct {
    const char *address;
    const char *result; /* NOT UNKNOWN NORECEIVE, or targets "CHANNEL:address[/folder][#account]" */
} cases[] = {
    {"bart@example.test", "LOCAL:bart@example.test#7"},
    {"BART@Example.TEST", "LOCAL:bart@example.test#7"}, /* case is folded */
    {"bart", "LOCAL:bart@example.test#7"},              /* default domain */
    {"\"bart\"@example.test", "LOCAL:bart@example.test#7"},
    {"nobody@example.test", "UNKNOWN"}, /* LIM-21, LIM-22 */
    {"x@elsewhere.test", "NOT"},        /* MTA-02, MTA-07 */
    {"not an address", "UNKNOWN"},
    {"@example.test", "UNKNOWN"},
    {"", "UNKNOWN"},
    {"x@[192.0.2.1]", "NOT"},
    {"x@off.test", "NOT"}, /* a disabled domain is not ours */
    /* MTA-03 */
    {"x@a.sub.test", "LOCAL:bart@example.test#7"},
    {"x@a.b.sub.test", "LOCAL:bart@example.test#7"},
    {"x@sub.test", "NOT"},
    {"x@deep.sub.test", "UNKNOWN"}, /* the exact name wins */
    {"x@notsub.test", "NOT"},
    /* ALIAS-04: mail alias, also across domains; ALIAS-01, ALIAS-02: domain alias one way, real accounts win */
    {"sax@ima.test", "LOCAL:lisa@example.test#8"},
    {"sax@jade.test", "LOCAL:lisa@example.test#8"},
    {"homer@jade.test", "LOCAL:homer@jade.test#10"},
    {"homer@ima.test", "LOCAL:homer@ima.test#9"},
    {"homer+x@jade.test", "LOCAL:homer@jade.test/x#10"},
    {"marge@jade.test", "UNKNOWN"},
    {"x@round1.test", "UNKNOWN"},
    {"x@gone.test", "SMTPC:x@elsewhere.test"},
    /* catch-all */
    {"any@all.test", "LOCAL:lisa@example.test#8"},
    {"any@away.test", "SMTPC:box@isp.test"},
    /* sub-addresses; the exact address with "+" wins; the folder keeps its case */
    {"bart+Work@example.test", "LOCAL:bart@example.test/Work#7"},
    {"bart+a+b@example.test", "LOCAL:bart@example.test/a+b#7"},
    {"bart+@example.test", "LOCAL:bart@example.test#7"},
    {"lisa+fan@example.test", "LOCAL:lisa@example.test#8"},
    {"lisa+Other@example.test", "LOCAL:lisa@example.test/Other#8"},
    {"+x@example.test", "UNKNOWN"},
    {"nobody+x@example.test", "UNKNOWN"},
    /* DIR-12, DIR-28, DIR-34: connectors */
    {"noconn@example.test", "LOCAL:noconn@example.test#11"}, /* MTA-05 */
    {"fwd@example.test", "SMTPC:fwd@isp.test"},
    {"both@example.test", "LOCAL:both@example.test#12 SMTPC:both@isp.test"},
    {"inner@example.test", "LOCAL:bart@example.test#7"}, /* an address of ours does not go out and come back; once */
    {"viaalias@example.test", "LOCAL:lisa@example.test#8"},
    {"loop1@example.test", "NORECEIVE"},
    {"loop3@example.test", "LOCAL:bart@example.test#7"},
    {"news@example.test", "DL:news@example.test"},
    {"tunnel@example.test", "BSMTPOUT:site@xyz.test"},
    {"nothing@example.test", "UNKNOWN"},
    {"bad@example.test", "UNKNOWN"},
    /* DIR-13, DIR-31, LIM-18: permissions in every channel */
    {"sendonly@example.test", "NORECEIVE"},
    {"half@example.test", "LOCAL:half@example.test#14"},
    {"closed@example.test", "NORECEIVE"},
    /* FWD-01 to FWD-06: domain forwarding behind user entries, before catch-all */
    {"any@tunnel.test", "BSMTPOUT:decoder@xyz.test"},
    {"in@tunnel.test", "LOCAL:in@tunnel.test#18"},
    {"any@relay.test", "SMTPC:any@relay.test"},
    {"any@fixed.test", "SMTPC:any@fixed.test>x"}, /* LIM-19: the next hop */
    {"any@hop.test", "SMTPC:any@hop.test>[relay.isp.test]:2525"},
    {"any@old.test", "SMTPC:any@old.test"},      /* FWD-03: an identifier that is no host is ignored, as it was */
    {"in@fixed.test", "LOCAL:in@fixed.test#20"}, /* FWD-06: an entry of the address goes first */
    {"in+a@fixed.test", "LOCAL:in@fixed.test/a#20"},
    {"in@alias-of-fixed.test", "LOCAL:in@fixed.test#20"},
    {"any@alias-of-fixed.test", "SMTPC:any@fixed.test>x"},
    {"any@own.test", "SMTPC:any@own.test>y"}, /* what the alias itself says goes before what its target says */
    {"in@own.test", "LOCAL:in@fixed.test#20"},
    {"any@local.test", "LOCAL:lisa@example.test#8"}, /* FWD-05: the fallback of a domain, before its catch-all */
    {"any@list.test", "DL:news@example.test"},       /* FWD-05 */
    {"any@strict.test", "UNKNOWN"},
    {"any@broken.test", "LOCAL:bart@example.test#7"}, /* malformed forwarding: as if there were none */
    /* RFC 5321 section 4.5.1 */
    {"postmaster@example.test", "LOCAL:bart@example.test#7"}, /* NOTIF-02 */
    {"PostMaster@a.sub.test", "LOCAL:bart@example.test#7"},
    {"postmaster", "LOCAL:bart@example.test#7"},
    {"postmaster@elsewhere.test", "NOT"},
    {"postmaster@tunnel.test", "LOCAL:bart@example.test#7"},
    /* RFC 6531: any normal form, any case; IDN domains by U-label or A-label */
    {"jörg@example.test", "LOCAL:jörg@example.test#16"},
    {"JÖRG@example.test", "LOCAL:jörg@example.test#16"},
    {"jo\xcc\x88rg@example.test", "LOCAL:jörg@example.test#16"},
    {"㎌@example.test", "LOCAL:μf@example.test#19"}, /* its normal form has a capital letter */
    {"μF@example.test", "LOCAL:μf@example.test#19"},
    {"\"Odd Name\"@example.test", "LOCAL:\"odd name\"@example.test#17"},
    {"x@bücher.test", "UNKNOWN"},
    {"x@XN--Bcher-Kva.test", "UNKNOWN"},
};

static struct mirror *make(void) {
    static const struct mirror_ops ops = {0};
    struct mirror *m = mirror_new(&ops, NULL);
    for (unsigned i = 0; i < sizeof entries / sizeof entries[0]; i++) sample_apply(m, i + 1, 1, entries[i]);
    return m;
}

static void describe(const Dir__Resolved *r, char *out, size_t size) {
    static const char *const kinds[] = {"NOT", "", "UNKNOWN", "NORECEIVE"};
    (void)snprintf(out, size, "%s", kinds[r->kind]);
    for (size_t i = 0; i < r->n_targets; i++) {
        const Dir__Target *t = r->targets[i];
        size_t n = strlen(out);
        (void)snprintf(out + n, size - n, "%s%s:%s%s%s", i > 0 ? " " : "", t->channel, t->address,
                       t->folder[0] ? "/" : "", t->folder);
        n = strlen(out);
        if (t->account != 0) (void)snprintf(out + n, size - n, "#%u", (unsigned)t->account);
        n = strlen(out);
        if (t->next_hop[0] != '\0') (void)snprintf(out + n, size - n, ">%s", t->next_hop);
    }
}

static const struct resolve_settings settings = {
    .default_domain = {"example.test", 12}, .separator = {"+", 1}, .unknown_channel = {"LOCAL", 5}};

static void check(struct mirror *m, const struct resolve_settings *s, const char *address, const char *expected) {
    ARENA_AUTO a = arena_new(1024 * 1024);
    Dir__Resolved r = DIR__RESOLVED__INIT;
    assert_int_equal(resolve_address(m, s, str_from(address), a, &r), 0);
    char text[512];
    describe(&r, text, sizeof text);
    if (strcmp(text, expected) != 0) fail_msg("%s: %s, expected %s", address, text, expected);
}

static void test_table(void **state) {
    (void)state;
    struct mirror *m = make();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check(m, &settings, cases[i].address, cases[i].result);
    mirror_free(m);
}

static void test_settings(void **state) {
    (void)state;
    struct mirror *m = make();
    struct resolve_settings s = settings;
    s.postmaster = STR("lisa@example.test"); /* MTA-13 */
    check(m, &s, "postmaster@ima.test", "LOCAL:lisa@example.test#8");
    s.postmaster = STR("ops@isp.test");
    check(m, &s, "postmaster@ima.test", "SMTPC:ops@isp.test");
    s.postmaster = STR("nobody@example.test"); /* a wrong setting does not lose postmaster's mail */
    check(m, &s, "postmaster@ima.test", "LOCAL:bart@example.test#7");
    s.separator = STR("-");
    check(m, &s, "bart-x@example.test", "LOCAL:bart@example.test/x#7");
    check(m, &s, "bart+x@example.test", "UNKNOWN");
    s.separator = STR_EMPTY;
    check(m, &s, "bart-x@example.test", "UNKNOWN");
    s.unknown_channel = STR("SMTPC"); /* MTA-05, MTA-06 */
    check(m, &s, "nobody@example.test", "SMTPC:nobody@example.test");
    check(m, &s, "bare@example.test", "SMTPC:bare@example.test");
    check(m, &s, "any@jade.test", "SMTPC:any@jade.test");
    check(m, &s, "any@alias-of-fixed.test", "SMTPC:any@fixed.test>x"); /* the default channel is the last of all */
    check(m, &s, "any@strict.test", "UNKNOWN");                        /* the domain's own word wins */
    check(m, &s, "any@all.test", "LOCAL:lisa@example.test#8");
    check(m, &settings, "bare@example.test", "UNKNOWN");
    s.default_domain = STR_EMPTY;
    check(m, &s, "bart", "UNKNOWN");
    mirror_free(m);
}

/* Several hosts: DEPL-02, DEPL-06. The same entries as two of them see them. */
static void test_hosts(void **state) {
    (void)state;
    static const char *const more[] = {
        DOMAIN "shared.test|iemailboxhost=two.test",
        DOMAIN "moved.test|iedomainaliasof=shared.test",
        DOMAIN "caught.test|iecatchall=marge@shared.test",
        USER
        "ieaddress=marge@shared.test|ieaddress=blue@shared.test|ieaccountid=30|othermailbox=LOCAL$marge@shared.test",
        USER "ieaddress=homer@shared.test|ieaccountid=31|iemailboxhost=Three.test|othermailbox=LOCAL$homer@shared.test|"
             "othermailbox=SMTPC$h@isp.test",
        USER "ieaddress=maggie@shared.test|ieaccountid=32|iemailboxhost=four.test",
        USER "ieaddress=off@shared.test|ieaccountid=33|ieenabled=FALSE",
        USER "ieaddress=\"odd one\"@shared.test|ieaccountid=34",
    };
    static const struct {
        const char *host, *address, *result;
    } hosts[] = {
        {"one.test", "bart@example.test", "LOCAL:bart@example.test#7"},
        {"two.test", "bart@example.test", "SMTPC:bart@example.test#7>[one.test]"},
        {"one.test", "marge@shared.test", "SMTPC:marge@shared.test#30>192.0.2.2:2525"},
        {"TWO.test", "marge@shared.test", "LOCAL:marge@shared.test#30"},
        {"one.test", "blue@moved.test", "SMTPC:marge@shared.test#30>192.0.2.2:2525"},
        {"one.test", "any@caught.test", "SMTPC:marge@shared.test#30>192.0.2.2:2525"},
        {"one.test", "marge+In/Box@shared.test", "SMTPC:marge+In/Box@shared.test#30>192.0.2.2:2525"},
        {"one.test", "\"odd one\"@shared.test", "SMTPC:\"odd one\"@shared.test#34>192.0.2.2:2525"},
        {"one.test", "homer@shared.test", "SMTPC:homer@shared.test#31>[mail.three.test] SMTPC:h@isp.test"},
        {"two.test", "homer@shared.test", "SMTPC:homer@shared.test#31>[mail.three.test] SMTPC:h@isp.test"},
        {"three.test", "homer@shared.test", "LOCAL:homer@shared.test#31 SMTPC:h@isp.test"},
        {"one.test", "maggie@shared.test", "SMTPC:maggie@shared.test#32>[four.test]"},
        {"one.test", "off@shared.test", "NORECEIVE"},
        {"one.test", "nobody@shared.test", "UNKNOWN"},
    };
    struct mirror *m = make();
    unsigned n = 1000;
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) sample_apply(m, n++, 1, more[i]);
    sample_apply_at(m, "iekey=two.test,ietable=host,o=iems", n++, 1,
                    "objectClass=ietablerow|iekey=two.test|ievalue=role=none|ievalue=mail=192.0.2.2:2525");
    sample_apply_at(m, "iekey=three.test,ietable=host,o=iems", n++, 1,
                    "objectClass=ietablerow|iekey=three.test|ievalue=mail=mail.three.test");
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct resolve_settings s = settings;
        s.own_host = str_from(hosts[i].host);
        s.mailbox_host = STR("one.test");
        check(m, &s, hosts[i].address, hosts[i].result);
    }
    mirror_free(m);
}

static void test_owner(void **state) {
    (void)state;
    struct mirror *m = make();
    ARENA_AUTO a = arena_new(1024 * 1024);
    struct str sub;
    assert_int_equal(resolve_entry(m, &settings, STR("Sax@jade.test"), NULL, a)->account, 8);
    assert_int_equal(resolve_entry(m, &settings, STR("bart+x@example.test"), &sub, a)->account, 7);
    assert_true(str_eq(sub, STR("x")));
    assert_null(resolve_entry(m, &settings, STR("bart+x@example.test"), NULL, a));
    assert_null(resolve_entry(m, &settings, STR("any@all.test"), NULL, a));
    assert_null(resolve_entry(m, &settings, STR("postmaster@example.test"), NULL, a));
    mirror_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_settings),
                                       cmocka_unit_test(test_hosts), cmocka_unit_test(test_owner)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
