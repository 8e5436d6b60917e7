/* See caps.h. */
#include "smtpc/caps.h"

static void size_take(struct caps *c, struct str value) {
    uint64_t n = 0;
    c->size = true;
    if (str_to_u64(str_trim(value), UINT64_MAX, &n) == 0) c->size_max = n;
}

/* deliverby-param = min-by-time *( "," extension-token ) (RFC 2852 section 2) */
static void deliverby_take(struct caps *c, struct str value) {
    uint64_t n = 0;
    struct str min = str_trim(str_cut(&value, ','));
    c->deliverby = true;
    if (str_to_u64(min, UINT32_MAX, &n) == 0) c->deliverby_min = n;
}

/* limit-name ["=" limit-value] (RFC 9422 section 3) */
static bool is_limit(struct str word) {
    struct str value = word, name = str_cut(&value, '=');
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_isalnum(name.ptr[i]) && name.ptr[i] != '-' && name.ptr[i] != '_') return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < 0x21 || value.ptr[i] > 0x7e || value.ptr[i] == ';') return false;
    return name.len > 0 && (name.len == word.len || value.len > 0);
}

/* A digit from 1 to 9, then at most five others (section 4). */
static bool limit_value(struct str value, unsigned *out) {
    uint64_t n = 0;
    if (value.len > 6 || str_starts(value, STR("0")) || str_to_u64(value, 999999, &n) < 0) return false;
    *out = (unsigned)n;
    return true;
}

/* Section 3.7: the whole parameter counts for nothing when its form is wrong, else a limit whose value is. */
static void limits_take(struct caps *c, struct str list) {
    const struct {
        struct str name;
        unsigned *limit;
    } limits[] = {
        {STR("MAILMAX"), &c->mail_max}, {STR("RCPTMAX"), &c->rcpt_max}, {STR("RCPTDOMAINMAX"), &c->rcpt_domain_max}};
    for (struct str rest = list, word; (word = str_word(&rest)).len > 0;)
        if (!is_limit(word)) return;
    for (struct str rest = list, word; (word = str_word(&rest)).len > 0;) {
        struct str value = word, name = str_cut(&value, '=');
        unsigned n;
        if (name.len == word.len || !limit_value(value, &n)) continue;
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
            if (str_eq_nocase(name, limits[i].name)) *limits[i].limit = n;
    }
}

static void auth_take(struct caps *c, struct str list) {
    for (struct str rest = list, word; (word = str_word(&rest)).len > 0;) {
        if (str_eq_nocase(word, STR("PLAIN"))) c->auth |= AUTH_PLAIN;
        if (str_eq_nocase(word, STR("LOGIN"))) c->auth |= AUTH_LOGIN;
    }
}

static void keyword_take(struct caps *c, struct str line) {
    const struct {
        struct str name;
        bool *flag;
    } flags[] = {
        {STR("PIPELINING"), &c->pipelining},
        {STR("8BITMIME"), &c->eightbit},
        {STR("BINARYMIME"), &c->binary},
        {STR("CHUNKING"), &c->chunking},
        {STR("DSN"), &c->dsn},
        {STR("SMTPUTF8"), &c->smtputf8},
        {STR("STARTTLS"), &c->starttls},
        {STR("REQUIRETLS"), &c->requiretls},
        {STR("MT-PRIORITY"), &c->mt_priority},
        {STR("XMAILBOX"), &c->mailbox},
    };
    if (str_starts_nocase(line, STR("AUTH="))) { /* the form before RFC 2554 */
        auth_take(c, str_sub(line, 5, line.len));
        return;
    }
    struct str rest = line, word = str_word(&rest);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (str_eq_nocase(word, flags[i].name)) *flags[i].flag = true;
    if (str_eq_nocase(word, STR("SIZE"))) size_take(c, rest);
    if (str_eq_nocase(word, STR("AUTH"))) auth_take(c, rest);
    if (str_eq_nocase(word, STR("DELIVERBY"))) deliverby_take(c, rest);
    if (str_eq_nocase(word, STR("LIMITS"))) limits_take(c, rest);
}

void caps_parse(struct str text, struct caps *out) {
    *out = (struct caps){.esmtp = true};
    struct str rest = text;
    (void)str_cut(&rest, '\n');
    while (rest.len > 0) keyword_take(out, str_trim(str_cut(&rest, '\n')));
}
