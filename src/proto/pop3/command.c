/* command = keyword [SP argument [SP argument]]        (RFC 1939 section 3, RFC 2449 section 4) */
#include "proto/pop3/command.h"

enum form { FORM_NONE, FORM_NUMBER, FORM_OPTIONAL_NUMBER, FORM_TOP, FORM_TEXT, FORM_OPTIONAL_TEXT, FORM_AUTH };

static const struct {
    const char *name;
    enum form form;
    const char *usage;
} verbs[POP3_VERBS] = {
    [POP3_APOP] = {"APOP", FORM_TEXT, "APOP name digest"},
    [POP3_AUTH] = {"AUTH", FORM_AUTH, "AUTH mechanism [initial-response]"},
    [POP3_CAPA] = {"CAPA", FORM_NONE, "CAPA takes no argument"},
    [POP3_DELE] = {"DELE", FORM_NUMBER, "DELE message-number"},
    [POP3_LANG] = {"LANG", FORM_OPTIONAL_TEXT, "LANG [language]"},
    [POP3_LIST] = {"LIST", FORM_OPTIONAL_NUMBER, "LIST [message-number]"},
    [POP3_NOOP] = {"NOOP", FORM_NONE, "NOOP takes no argument"},
    [POP3_PASS] = {"PASS", FORM_TEXT, "PASS password"},
    [POP3_QUIT] = {"QUIT", FORM_NONE, "QUIT takes no argument"},
    [POP3_RETR] = {"RETR", FORM_NUMBER, "RETR message-number"},
    [POP3_RSET] = {"RSET", FORM_NONE, "RSET takes no argument"},
    [POP3_STAT] = {"STAT", FORM_NONE, "STAT takes no argument"},
    [POP3_STLS] = {"STLS", FORM_NONE, "STLS takes no argument"},
    [POP3_TOP] = {"TOP", FORM_TOP, "TOP message-number lines"},
    [POP3_UIDL] = {"UIDL", FORM_OPTIONAL_NUMBER, "UIDL [message-number]"},
    [POP3_USER] = {"USER", FORM_TEXT, "USER name"},
    [POP3_UTF8] = {"UTF8", FORM_NONE, "UTF8 takes no argument"},
};

const char *pop3_verb_name(enum pop3_verb verb) {
    return verbs[verb].name;
}

/* Digits only; a number that no message can have is 0, so that the answer is "no such message". */
static int parse_number(struct str s, uint32_t *out) {
    uint64_t n;
    int rc = str_to_u64(s, UINT32_MAX, &n);
    if (rc == ERR_INVALID) return rc;
    *out = rc == 0 ? (uint32_t)n : 0;
    return 0;
}

static int parse_top(struct str args, struct pop3_command *out) {
    struct str number = str_word(&args), lines = str_word(&args);
    if (parse_number(number, &out->number) != 0 || str_trim(args).len > 0) return ERR_INVALID;
    int rc = str_to_u64(lines, UINT64_MAX, &out->lines);
    if (rc == ERR_LIMIT) out->lines = UINT64_MAX;
    out->has_number = true;
    return rc == ERR_INVALID ? ERR_INVALID : 0;
}

static int parse_auth(struct str args, struct pop3_command *out) {
    out->text = str_word(&args);
    out->has_text = out->text.len > 0;
    out->initial = str_word(&args);
    out->has_initial = out->initial.len > 0;
    if (str_eq(out->initial, STR("="))) out->initial = STR_EMPTY;
    return str_trim(args).len > 0 ? ERR_INVALID : 0;
}

static int parse_arguments(enum form form, struct str args, bool there, struct pop3_command *out) {
    struct str trimmed = str_trim(args);
    switch (form) {
    case FORM_NONE: return trimmed.len > 0 ? ERR_INVALID : 0;
    case FORM_OPTIONAL_NUMBER:
        if (trimmed.len == 0) return 0;
        out->has_number = true;
        return parse_number(trimmed, &out->number);
    case FORM_NUMBER:
        out->has_number = true;
        return trimmed.len == 0 ? ERR_INVALID : parse_number(trimmed, &out->number);
    case FORM_TOP: return parse_top(args, out);
    case FORM_TEXT:
    case FORM_OPTIONAL_TEXT:
        out->text = args; /* a password may begin and end with blanks */
        out->has_text = there && args.len > 0;
        return form == FORM_TEXT && !out->has_text ? ERR_INVALID : 0;
    case FORM_AUTH: break;
    }
    return parse_auth(args, out);
}

int pop3_command_parse(struct str line, struct pop3_command *out, const char **reason) {
    struct str args = line;
    struct str keyword = str_cut(&args, ' ');
    bool there = keyword.len < line.len;
    for (int v = 0; v < POP3_VERBS; v++) {
        if (!str_eq_nocase(keyword, str_from(verbs[v].name))) continue;
        struct pop3_command c = {.verb = (enum pop3_verb)v, .text = STR_EMPTY, .initial = STR_EMPTY};
        *reason = verbs[v].usage;
        if (str_find(line, '\0') != STR_NPOS) return ERR_INVALID;
        if (parse_arguments(verbs[v].form, args, there, &c) != 0) return ERR_INVALID;
        *out = c;
        return 0;
    }
    return ERR_UNSUPPORTED;
}
