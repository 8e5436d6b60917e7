/* esmtp-param of RFC 5321 section 4.1.2, one row a parameter. */
#include "proto/smtp/command_params.h"

#include "proto/smtp/datetime.h"

#include <string.h>

enum {
    ENVID_MAX = 100, /* RFC 3461 section 4.4 */
    ORCPT_MAX = 500, /* RFC 3461 section 4.2 */
    AUTH_MAX = 500,  /* RFC 4954 section 5 */
    VALUE_MAX = 512,
    SECONDS_MAX = 999999999, /* nine digits: RFC 2852 section 4, RFC 4865 section 3 */
    PRIORITY_MAX = 9,
};

struct parameter {
    const char *keyword;
    unsigned extension;
    bool has_value;
    bool (*take)(struct str value, struct smtp_command *out);
};

static bool take_size(struct str value, struct smtp_command *out) {
    return value.len <= 20 && str_to_u64(value, UINT64_MAX, &out->mail.size) == 0;
}

static bool take_body(struct str value, struct smtp_command *out) {
    static const struct {
        const char *name;
        enum smtp_body body;
    } bodies[] = {{"7BIT", SMTP_BODY_7BIT}, {"8BITMIME", SMTP_BODY_8BITMIME}, {"BINARYMIME", SMTP_BODY_BINARYMIME}};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (str_eq_nocase(value, str_from(bodies[i].name))) {
            out->mail.body = bodies[i].body;
            return true;
        }
    return false;
}

static bool take_smtputf8(struct str value, struct smtp_command *out) {
    (void)value;
    return out->mail.smtputf8 = true;
}

static bool take_ret(struct str value, struct smtp_command *out) {
    if (str_eq_nocase(value, STR("FULL")))
        out->mail.ret = "FULL";
    else if (str_eq_nocase(value, STR("HDRS")))
        out->mail.ret = "HDRS";
    else
        return false;
    return true;
}

static bool take_envid(struct str value, struct smtp_command *out) {
    out->mail.envid = value;
    return value.len <= ENVID_MAX && dsn_xtext_check(value);
}

static bool take_auth(struct str value, struct smtp_command *out) {
    out->mail.auth = value;
    return value.len <= AUTH_MAX && (str_eq(value, STR("<>")) || dsn_xtext_check(value));
}

static bool take_notify(struct str value, struct smtp_command *out) {
    return dsn_notify_parse(value, &out->rcpt.notify) == 0;
}

static bool take_orcpt(struct str value, struct smtp_command *out) {
    struct str type, address;
    out->rcpt.orcpt = value;
    return value.len <= ORCPT_MAX && dsn_orcpt_split(value, &type, &address) == 0;
}

static bool take_hold_for(struct str value, struct smtp_command *out) {
    return value.ptr[0] != '0' && str_to_u64(value, SECONDS_MAX, &out->mail.hold_for) == 0;
}

static bool take_hold_until(struct str value, struct smtp_command *out) {
    out->mail.hold_until_text = value;
    return smtp_datetime_parse(value, &out->mail.hold_until) == 0 && out->mail.hold_until > 0;
}

/* ["-" / "+"] 1*9DIGIT */
static bool seconds_parse(struct str value, int64_t *out) {
    bool negative = value.len > 0 && value.ptr[0] == '-';
    uint64_t n;
    if (value.len > 0 && (negative || value.ptr[0] == '+')) value = str_sub(value, 1, value.len);
    if (value.len > 9 || str_to_u64(value, SECONDS_MAX, &n) < 0) return false;
    *out = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

/* by-time ";" by-mode [by-trace]; a message cannot be asked back before it is sent (RFC 2852 section 4). */
static bool take_by(struct str value, struct smtp_command *out) {
    struct smtp_mail_params *m = &out->mail;
    struct str time = str_cut(&value, ';');
    if (value.len < 1 || value.len > 2 || !seconds_parse(time, &m->by)) return false;
    m->by_mode = ascii_upper(value.ptr[0]);
    m->by_trace = value.len == 2;
    if (m->by_trace && ascii_upper(value.ptr[1]) != 'T') return false;
    return m->by_mode == 'N' || (m->by_mode == 'R' && m->by > 0);
}

/* priority-value of RFC 6710 section 7: "0", or a digit from 1 to 9 with or without "-". */
static bool take_priority(struct str value, struct smtp_command *out) {
    bool negative = value.ptr[0] == '-';
    uint64_t n;
    if (value.len != 1u + negative || str_to_u64(str_sub(value, negative, value.len), PRIORITY_MAX, &n) < 0)
        return false;
    if (negative && n == 0) return false;
    out->mail.has_priority = true;
    out->mail.priority = negative ? -(int)n : (int)n;
    return true;
}

static bool take_requiretls(struct str value, struct smtp_command *out) {
    (void)value;
    return out->mail.requiretls = true;
}

static bool take_mailbox(struct str value, struct smtp_command *out) {
    (void)value;
    return out->rcpt.mailbox = true;
}

static const struct parameter mail_parameters[] = {
    {"SIZE", SMTP_EXT_SIZE, true, take_size},
    {"BODY", SMTP_EXT_8BITMIME, true, take_body},
    {"SMTPUTF8", SMTP_EXT_SMTPUTF8, false, take_smtputf8},
    {"RET", SMTP_EXT_DSN, true, take_ret},
    {"ENVID", SMTP_EXT_DSN, true, take_envid},
    {"AUTH", SMTP_EXT_AUTH, true, take_auth},
    {"HOLDFOR", SMTP_EXT_FUTURERELEASE, true, take_hold_for},
    {"HOLDUNTIL", SMTP_EXT_FUTURERELEASE, true, take_hold_until},
    {"BY", SMTP_EXT_DELIVERBY, true, take_by},
    {"MT-PRIORITY", SMTP_EXT_MT_PRIORITY, true, take_priority},
    {"REQUIRETLS", SMTP_EXT_REQUIRETLS, false, take_requiretls},
    {NULL, 0, false, NULL},
};

static const struct parameter rcpt_parameters[] = {
    {"NOTIFY", SMTP_EXT_DSN, true, take_notify},
    {"ORCPT", SMTP_EXT_DSN, true, take_orcpt},
    {"XMAILBOX", SMTP_EXT_XMAILBOX, false, take_mailbox},
    {NULL, 0, false, NULL},
};

static int parameter_take(struct str word, const struct parameter *table, const struct smtp_command_rules *rules,
                          unsigned *seen, struct smtp_command *out, struct smtp_fault *fault) {
    struct str value = word;
    struct str keyword = str_cut(&value, '=');
    bool has_value = keyword.len < word.len;
    const struct parameter *p = table;
    while (p->keyword != NULL && !str_eq_nocase(keyword, str_from(p->keyword))) p++;
    struct str shown = str_is_ascii(keyword) ? str_sub(keyword, 0, 40) : STR("not ASCII"); /* RFC 6531 section 3.7.4 */
    if (p->keyword == NULL || !(rules->extensions & p->extension))
        return smtp_fault_set(fault, 555, "5.5.4", "Parameter not supported: %.*s", STR_ARG(shown));
    unsigned bit = 1u << (p - table);
    if (*seen & bit) return smtp_fault_set(fault, 501, "5.5.4", "Parameter given twice: %s", p->keyword);
    *seen |= bit;
    if (has_value != p->has_value || (has_value && value.len == 0))
        return smtp_fault_set(fault, 501, "5.5.4", "Parameter %s %s", p->keyword,
                              p->has_value ? "needs a value" : "takes no value");
    if (value.len > VALUE_MAX || !p->take(value, out))
        return smtp_fault_set(fault, 501, "5.5.4", "Bad value of parameter %s", p->keyword);
    return 0;
}

static int parameters_parse(struct str rest, const struct parameter *table, const struct smtp_command_rules *rules,
                            struct smtp_command *out, struct smtp_fault *fault) {
    unsigned seen = 0;
    for (;;) {
        struct str word = str_word(&rest);
        if (word.len == 0) return 0;
        int rc = parameter_take(word, table, rules, &seen, out, fault);
        if (rc < 0) return rc;
    }
}

int smtp_mail_params_parse(struct str rest, const struct smtp_command_rules *rules, struct smtp_command *out,
                           struct smtp_fault *fault) {
    int rc = parameters_parse(rest, mail_parameters, rules, out, fault);
    if (rc == 0 && out->mail.body == SMTP_BODY_BINARYMIME && !(rules->extensions & SMTP_EXT_BINARYMIME))
        return smtp_fault_set(fault, 555, "5.5.4", "Parameter not supported: BODY=BINARYMIME");
    if (rc == 0 && out->mail.hold_for != 0 && out->mail.hold_until != 0)
        return smtp_fault_set(fault, 501, "5.5.4", "HOLDFOR and HOLDUNTIL exclude each other");
    return rc;
}

int smtp_rcpt_params_parse(struct str rest, const struct smtp_command_rules *rules, struct smtp_command *out,
                           struct smtp_fault *fault) {
    int rc = parameters_parse(rest, rcpt_parameters, rules, out, fault);
    if (rc == 0 && !str_is_ascii(out->rcpt.orcpt) && !(rules->rcpt_address & ADDRESS_UTF8))
        return smtp_fault_set(fault, 501, "5.5.4", "Bad value of parameter ORCPT");
    return rc;
}
