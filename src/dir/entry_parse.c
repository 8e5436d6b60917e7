/* The small notations inside attribute values (DIR-12, DIR-13, DIR-16). */
#include "dir/entry.h"

enum { CHANNEL_NAME_MAX = 32, CONNECTOR_ADDRESS_MAX = 512 };

static bool channel_ok(struct str s) {
    if (s.len == 0 || s.len > CHANNEL_NAME_MAX) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_isalnum(s.ptr[i]) && s.ptr[i] != ':') return false; /* CC:MAIL */
    }
    return true;
}

static int parse_pair(struct str s, struct connector *out) {
    if (str_find(s, '$') == STR_NPOS) return ERR_INVALID;
    struct str rest = s;
    struct str channel = str_trim(str_cut(&rest, '$'));
    rest = str_trim(rest);
    if (!channel_ok(channel) || rest.len > CONNECTOR_ADDRESS_MAX) return ERR_INVALID;
    for (size_t i = 0; i < rest.len; i++) {
        if ((unsigned char)rest.ptr[i] < 0x20 || rest.ptr[i] == 0x7f) return ERR_INVALID;
    }
    *out = (struct connector){channel, rest};
    return 0;
}

int connector_parse(struct str s, struct connector *out) {
    struct connector c;
    if (parse_pair(s, &c) != 0 || c.address.len == 0) return ERR_INVALID;
    *out = c;
    return 0;
}

int forward_parse(struct str s, struct connector *out) {
    struct connector c;
    if (parse_pair(s, &c) != 0) return ERR_INVALID;
    bool alone = str_eq_nocase(c.channel, STR("SMTPC")) || str_eq_nocase(c.channel, STR("LOCAL"));
    if (c.address.len == 0 && !alone) return ERR_INVALID;
    *out = c;
    return 0;
}

const struct entry_service entry_services[ENTRY_SERVICES] = {
    {"imap", ENTRY_NO_IMAP}, {"pop3", ENTRY_NO_POP3}, {"smtp", ENTRY_NO_SMTP}, {"web", ENTRY_NO_WEB}};

uint8_t entry_service_flag(struct str name) {
    for (size_t i = 0; i < ENTRY_SERVICES; i++) {
        if (str_eq_nocase(name, str_from(entry_services[i].name))) return entry_services[i].flag;
    }
    return 0;
}

static const struct {
    const char *name, *option;
    unsigned bits;
} permissions[] = {{"None", "none", PERMIT_NONE},
                   {"Send", "send", PERMIT_SEND},
                   {"Receive", "receive", PERMIT_RECEIVE},
                   {"Send/Receive", "send+receive", PERMIT_BOTH}};

int permission_parse(struct str s, struct str *channel, unsigned *bits) {
    if (str_find(s, '$') == STR_NPOS) return ERR_INVALID;
    struct str rest = s;
    struct str name = str_trim(str_cut(&rest, '$'));
    rest = str_trim(rest);
    if (!channel_ok(name)) return ERR_INVALID;
    for (size_t i = 0; i < sizeof permissions / sizeof permissions[0]; i++) {
        if (!str_eq_nocase(rest, str_from(permissions[i].name))) continue;
        *channel = name;
        *bits = permissions[i].bits;
        return 0;
    }
    return ERR_INVALID;
}

const char *permission_name(unsigned bits) {
    return permissions[bits & PERMIT_BOTH].name;
}

int option_value_parse(struct str s, struct str *name, struct str *value) {
    ptrdiff_t eq = str_find(s, '=');
    if (eq <= 0) return ERR_INVALID;
    struct str n = str_trim(str_sub(s, 0, (size_t)eq));
    if (n.len == 0) return ERR_INVALID;
    for (size_t i = 0; i < n.len; i++) {
        if (!ascii_isalnum(n.ptr[i]) && n.ptr[i] != '.' && n.ptr[i] != '_' && n.ptr[i] != '-') return ERR_INVALID;
    }
    *name = n;
    *value = str_trim(str_sub(s, (size_t)eq + 1, s.len));
    return 0;
}
