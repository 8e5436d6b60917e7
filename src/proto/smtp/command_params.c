/* esmtp-param of RFC 5321 section 4.1.2, one row a parameter. */
#include "proto/smtp/command_params.h"

#include <string.h>

enum {
    ENVID_MAX = 100, /* RFC 3461 section 4.4 */
    ORCPT_MAX = 500, /* RFC 3461 section 4.2 */
    AUTH_MAX = 500,  /* RFC 4954 section 5 */
    VALUE_MAX = 512,
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

static const struct parameter mail_parameters[] = {
    {"SIZE", SMTP_EXT_SIZE, true, take_size},
    {"BODY", SMTP_EXT_8BITMIME, true, take_body},
    {"SMTPUTF8", SMTP_EXT_SMTPUTF8, false, take_smtputf8},
    {"RET", SMTP_EXT_DSN, true, take_ret},
    {"ENVID", SMTP_EXT_DSN, true, take_envid},
    {"AUTH", SMTP_EXT_AUTH, true, take_auth},
    {NULL, 0, false, NULL},
};

static const struct parameter rcpt_parameters[] = {
    {"NOTIFY", SMTP_EXT_DSN, true, take_notify},
    {"ORCPT", SMTP_EXT_DSN, true, take_orcpt},
    {NULL, 0, false, NULL},
};

static int parameter_take(struct str word, const struct parameter *table, const struct smtp_command_rules *rules,
                          unsigned *seen, struct smtp_command *out, struct smtp_fault *fault) {
    struct str value = word;
    struct str keyword = str_cut(&value, '=');
    bool has_value = keyword.len < word.len;
    const struct parameter *p = table;
    while (p->keyword != NULL && !str_eq_nocase(keyword, str_from(p->keyword))) p++;
    struct str shown = str_sub(keyword, 0, 40);
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
    return rc;
}

int smtp_rcpt_params_parse(struct str rest, const struct smtp_command_rules *rules, struct smtp_command *out,
                           struct smtp_fault *fault) {
    int rc = parameters_parse(rest, rcpt_parameters, rules, out, fault);
    if (rc == 0 && !str_is_ascii(out->rcpt.orcpt) && !(rules->rcpt_address & ADDRESS_UTF8))
        return smtp_fault_set(fault, 501, "5.5.4", "Bad value of parameter ORCPT");
    return rc;
}
