#include "proto/smtp/command.h"

#include "proto/smtp/command_params.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef int (*argument_parser)(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                               struct smtp_fault *fault);

static int parse_none(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_any(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_some(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_mail(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_rcpt(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_bdat(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_auth(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_etrn(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_atrn(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);
static int parse_burl(struct str, const struct smtp_command_rules *, struct smtp_command *, struct smtp_fault *);

static const struct {
    const char *name, *syntax;
    argument_parser parse;
} verbs[SMTP_VERBS] = {
    [SMTP_UNKNOWN] = {"", "", parse_any},
    [SMTP_FOREIGN] = {"", "", parse_any},
    [SMTP_HELO] = {"HELO", "HELO hostname", parse_some},
    [SMTP_EHLO] = {"EHLO", "EHLO hostname", parse_some},
    [SMTP_LHLO] = {"LHLO", "LHLO hostname", parse_some},
    [SMTP_MAIL] = {"MAIL", "MAIL FROM:<address> [parameters]", parse_mail},
    [SMTP_RCPT] = {"RCPT", "RCPT TO:<address> [parameters]", parse_rcpt},
    [SMTP_DATA] = {"DATA", "DATA", parse_none},
    [SMTP_BDAT] = {"BDAT", "BDAT size [LAST]", parse_bdat},
    [SMTP_RSET] = {"RSET", "RSET", parse_none},
    [SMTP_NOOP] = {"NOOP", "NOOP [text]", parse_any},
    [SMTP_QUIT] = {"QUIT", "QUIT", parse_none},
    [SMTP_VRFY] = {"VRFY", "VRFY address", parse_some},
    [SMTP_EXPN] = {"EXPN", "EXPN list", parse_some},
    [SMTP_HELP] = {"HELP", "HELP [command]", parse_any},
    [SMTP_STARTTLS] = {"STARTTLS", "STARTTLS", parse_none},
    [SMTP_AUTH] = {"AUTH", "AUTH mechanism [initial-response]", parse_auth},
    [SMTP_ETRN] = {"ETRN", "ETRN [@|#]name", parse_etrn},
    [SMTP_ATRN] = {"ATRN", "ATRN [domain,domain]", parse_atrn},
    [SMTP_BURL] = {"BURL", "BURL url [LAST]", parse_burl},
    [SMTP_XCLIENT] = {"XCLIENT", "XCLIENT attribute=value...", parse_some},
};

/* First words of HTTP requests and of header fields that a browser can be tricked into sending to our port. */
static const char *const foreign[] = {
    "GET",   "POST",  "HEAD",  "PUT",           "DELETE",          "CONNECT",     "OPTIONS",
    "PATCH", "TRACE", "Host:", "Content-Type:", "Content-Length:", "User-Agent:", "Accept:"};

const char *smtp_verb_name(enum smtp_verb verb) {
    return verbs[verb].name;
}

const char *smtp_verb_syntax(enum smtp_verb verb) {
    return verbs[verb].syntax;
}

int smtp_fault_set(struct smtp_fault *f, unsigned code, const char *enhanced, const char *fmt, ...) {
    f->code = code;
    f->enhanced = enhanced;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    return ERR_INVALID;
}

static int fault_syntax(struct smtp_fault *f, enum smtp_verb verb) {
    bool hello = verb == SMTP_HELO || verb == SMTP_EHLO || verb == SMTP_LHLO;
    return smtp_fault_set(f, 501, hello ? NULL : "5.5.4", "Syntax: %s", verbs[verb].syntax);
}

static enum smtp_verb verb_find(struct str name) {
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (str_eq_nocase(name, str_from(foreign[i]))) return SMTP_FOREIGN;
    for (enum smtp_verb v = SMTP_HELO; v < SMTP_VERBS; v++)
        if (str_eq_nocase(name, str_from(verbs[v].name))) return v;
    return SMTP_UNKNOWN;
}

static bool has_control(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f) return true;
    return false;
}

int smtp_command_parse(struct str line, const struct smtp_command_rules *rules, struct smtp_command *out,
                       struct smtp_fault *fault) {
    memset(out, 0, sizeof *out);
    out->mail.ret = "";
    struct str arg = line;
    out->name = str_cut(&arg, ' ');
    out->verb = verb_find(out->name);
    out->argument = str_trim(arg);
    if (has_control(line)) return smtp_fault_set(fault, 500, "5.5.2", "Control character in command");
    if (out->verb <= SMTP_FOREIGN) return smtp_fault_set(fault, 500, "5.5.2", "Command not recognized");
    return verbs[out->verb].parse(out->argument, rules, out, fault);
}

static int parse_none(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    (void)rules;
    return arg.len == 0 ? 0 : fault_syntax(fault, out->verb);
}

static int parse_any(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                     struct smtp_fault *fault) {
    (void)arg, (void)rules, (void)out, (void)fault;
    return 0;
}

static int parse_some(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    (void)rules;
    return arg.len > 0 ? 0 : fault_syntax(fault, out->verb);
}

/* "FROM:" or "TO:", then the path; blanks between them are forgiven, since many clients send them. */
static int parse_path(struct str *arg, const char *keyword, unsigned flags, struct smtp_command *out,
                      struct smtp_fault *fault) {
    struct error err = {0};
    if (!str_starts_nocase(*arg, str_from(keyword))) return fault_syntax(fault, out->verb);
    *arg = str_sub(*arg, strlen(keyword), arg->len);
    while (arg->len > 0 && arg->ptr[0] == ' ') *arg = str_sub(*arg, 1, arg->len);
    const char *status = out->verb == SMTP_MAIL ? "5.1.7" : "5.1.3";
    if (!(flags & ADDRESS_UTF8) && !str_is_ascii(*arg))
        return smtp_fault_set(fault, 553, "5.6.7", "Address needs SMTPUTF8");
    if (address_parse_path(arg, flags, &out->path, &err) < 0)
        return smtp_fault_set(fault, 501, status, "Bad %s address: %s", out->verb == SMTP_MAIL ? "sender" : "recipient",
                              err.text);
    if (arg->len > 0 && arg->ptr[0] != ' ')
        return smtp_fault_set(fault, 501, "5.5.4", "Blank is missing behind the address");
    return 0;
}

static int parse_mail(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    unsigned flags = rules->mail_address | (rules->extensions & SMTP_EXT_SMTPUTF8 ? (unsigned)ADDRESS_UTF8 : 0u);
    int rc = parse_path(&arg, "FROM:", flags, out, fault);
    if (rc == 0) rc = smtp_mail_params_parse(arg, rules, out, fault);
    if (rc == 0 && !out->mail.smtputf8 && address_is_utf8(&out->path))
        return smtp_fault_set(fault, 553, "5.6.7", "Sender address needs SMTPUTF8");
    return rc;
}

static int parse_rcpt(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    int rc = parse_path(&arg, "TO:", rules->rcpt_address, out, fault);
    if (rc == 0) rc = smtp_rcpt_params_parse(arg, rules, out, fault);
    return rc;
}

static int parse_bdat(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    (void)rules;
    struct str size = str_word(&arg);
    struct str last = str_word(&arg);
    if (str_to_u64(size, INT64_MAX, &out->chunk) < 0 || arg.len > 0) return fault_syntax(fault, out->verb);
    if (last.len > 0 && !str_eq_nocase(last, STR("LAST"))) return fault_syntax(fault, out->verb);
    out->last = last.len > 0;
    return 0;
}

static int parse_auth(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    (void)rules;
    out->argument = str_word(&arg);
    arg = str_trim(arg);
    if (out->argument.len == 0 || str_find(arg, ' ') != STR_NPOS) return fault_syntax(fault, out->verb);
    out->has_initial = arg.len > 0;
    out->initial = arg;
    return 0;
}

/* RFC 1985 section 5.3: a domain, "@" and a domain (it and all below), or "#" and the name of a queue. */
static int parse_etrn(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    struct error err = {0};
    (void)rules;
    if (arg.len > 0 && (arg.ptr[0] == '@' || arg.ptr[0] == '#')) {
        out->etrn_option = arg.ptr[0];
        arg = str_sub(arg, 1, arg.len);
    }
    out->argument = arg;
    if (arg.len == 0 || str_find(arg, ' ') != STR_NPOS) return fault_syntax(fault, out->verb);
    if (out->etrn_option == '#') return str_is_ascii(arg) ? 0 : fault_syntax(fault, out->verb);
    if (address_domain_check(arg, false, &err) < 0)
        return smtp_fault_set(fault, 501, "5.5.4", "Bad domain: %s", err.text);
    return 0;
}

/* RFC 2645 section 5.2: no argument, or domains separated by commas. */
static int parse_atrn(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    struct error err = {0};
    (void)rules;
    if (arg.len == 0) return 0;
    struct str rest = arg;
    for (bool last = false; !last;) {
        last = str_find(rest, ',') == STR_NPOS;
        if (address_domain_check(str_cut(&rest, ','), false, &err) < 0)
            return smtp_fault_set(fault, 501, "5.5.4", "Bad domain: %s", err.text);
    }
    (void)out;
    return 0;
}

/* RFC 4468 section 3.2. */
static int parse_burl(struct str arg, const struct smtp_command_rules *rules, struct smtp_command *out,
                      struct smtp_fault *fault) {
    (void)rules;
    out->argument = str_word(&arg);
    struct str last = str_word(&arg);
    if (out->argument.len == 0 || !str_is_ascii(out->argument) || arg.len > 0) return fault_syntax(fault, out->verb);
    if (last.len > 0 && !str_eq_nocase(last, STR("LAST"))) return fault_syntax(fault, out->verb);
    out->last = last.len > 0;
    return 0;
}
