#include "proto/imap/url.h"

#include "base/clock.h"

#include <string.h>

static int hex_value(char c) {
    if (ascii_isdigit(c)) return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX undone. NUL and line ends are not taken. */
static bool decode(struct str in, struct arena *arena, struct str *out) {
    char *p = arena_alloc(arena, in.len + 1);
    size_t n = 0;
    if (p == NULL) return false;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            if (in.len - i < 3 || hex_value(in.ptr[i + 1]) < 0 || hex_value(in.ptr[i + 2]) < 0) return false;
            c = (char)(hex_value(in.ptr[i + 1]) << 4 | hex_value(in.ptr[i + 2]));
            i += 2;
        }
        if (c == '\0' || c == '\r' || c == '\n') return false;
        p[n++] = c;
    }
    *out = str_of(p, n);
    return true;
}

/* "imap://[user[;AUTH=mech]@]host[:port]" */
static bool take_server(struct str *rest, struct arena *arena, struct imap_url *u) {
    const struct str scheme = STR("imap://");
    if (!str_starts_nocase(*rest, scheme)) return true;
    *rest = str_sub(*rest, scheme.len, SIZE_MAX);
    ptrdiff_t slash = str_find(*rest, '/');
    if (slash == STR_NPOS) return false;
    struct str server = str_sub(*rest, 0, (size_t)slash);
    *rest = str_sub(*rest, (size_t)slash, SIZE_MAX);
    u->absolute = true;
    ptrdiff_t at = str_rfind(server, '@');
    if (at != STR_NPOS) {
        struct str user = str_sub(server, 0, (size_t)at);
        if (!decode(str_cut(&user, ';'), arena, &u->user)) return false;
        server = str_sub(server, (size_t)at + 1, SIZE_MAX);
    }
    ptrdiff_t colon = str_rfind(server, ':');
    if (colon != STR_NPOS && str_find(server, ']') < colon) server = str_sub(server, 0, (size_t)colon);
    u->host = server;
    return server.len > 0;
}

/* The next parameter "NAME=value" up to what ends it: ";" (of URLAUTH), "/;" or the end. */
static bool take_value(struct str *rest, const char *name, struct str *value) {
    struct str n = str_from(name);
    if (!str_starts_nocase(*rest, n)) return false;
    struct str v = str_sub(*rest, n.len, SIZE_MAX);
    size_t end = 0;
    while (end < v.len && v.ptr[end] != ';' && !(v.ptr[end] == '/' && end + 1 < v.len && v.ptr[end + 1] == ';')) end++;
    *value = str_sub(v, 0, end);
    *rest = str_sub(v, end, SIZE_MAX);
    return true;
}

/* "/mailbox[;UIDVALIDITY=n]" */
static bool take_mailbox(struct str *rest, struct arena *arena, struct imap_url *u) {
    struct str value;
    uint64_t n;
    if (str_starts(*rest, STR("/;")) || str_starts(*rest, STR(";"))) return !u->absolute;
    if (!str_starts(*rest, STR("/"))) return false;
    struct str name = str_sub(*rest, 1, SIZE_MAX);
    size_t end = 0;
    while (end < name.len && name.ptr[end] != ';') end++;
    *rest = str_sub(name, end, SIZE_MAX);
    name.len = end;
    if (end > 0 && rest->len > 0 && name.ptr[end - 1] == '/') { /* "/;UID=" */
        name.len--;
        *rest = str_of(rest->ptr - 1, rest->len + 1);
    }
    if (!decode(name, arena, &u->mailbox) || u->mailbox.len == 0 || !str_is_utf8(u->mailbox)) return false;
    if (str_eq_nocase(u->mailbox, STR("INBOX"))) u->mailbox = STR("INBOX");
    if (!take_value(rest, ";UIDVALIDITY=", &value)) return true;
    if (str_to_u64(value, UINT32_MAX, &n) != 0 || n == 0) return false;
    u->uidvalidity = (uint32_t)n;
    return true;
}

/* As take_value behind "/;" or, right at the front, ";". */
static bool take_part(struct str *rest, const char *name, struct str *value) {
    struct str r = *rest;
    if (str_starts(r, STR("/"))) r = str_sub(r, 1, SIZE_MAX);
    if (!take_value(&r, name, value)) return false;
    *rest = r;
    return true;
}

/* "PARTIAL=offset[.length]" */
static bool set_partial(struct imap_fetch_body *b, struct str value) {
    struct str first = str_cut(&value, '.');
    b->partial = true;
    b->length = INT64_MAX;
    if (str_to_u64(first, INT64_MAX, &b->offset) != 0) return false;
    return value.len == 0 || (str_to_u64(value, INT64_MAX, &b->length) == 0 && b->length > 0);
}

static bool take_message(struct str *rest, struct arena *arena, struct imap_url *u) {
    struct str value, section;
    uint64_t n;
    if (!take_part(rest, ";UID=", &value)) return true;
    if (str_to_u64(value, UINT32_MAX, &n) != 0 || n == 0) return false;
    u->uid = (uint32_t)n;
    if (take_part(rest, ";SECTION=", &value)) {
        u->has_section = true;
        if (!decode(value, arena, &section) || imap_section_parse(section, arena, &u->section) != 0) return false;
    }
    return !take_part(rest, ";PARTIAL=", &value) || set_partial(&u->section, value);
}

static int digits(struct str s, size_t at, size_t count) {
    uint64_t n;
    return str_to_u64(str_sub(s, at, count), 9999, &n) == 0 && at + count <= s.len ? (int)n : -1;
}

/* RFC 3339: "2026-11-21T07:24:00[.5](Z / +01:00)" */
static bool take_time(struct str s, int64_t *out) {
    if (s.len < 20 || s.ptr[4] != '-' || s.ptr[7] != '-' || ascii_upper(s.ptr[10]) != 'T' || s.ptr[13] != ':' ||
        s.ptr[16] != ':')
        return false;
    int sec = digits(s, 17, 2);
    if (clock_from_civil(digits(s, 0, 4), digits(s, 5, 2), digits(s, 8, 2), digits(s, 11, 2), digits(s, 14, 2),
                         sec == 60 ? 59 : sec, out) != 0)
        return false;
    struct str zone = str_sub(s, 19, SIZE_MAX);
    if (zone.ptr[0] == '.') {
        size_t i = 1;
        while (i < zone.len && ascii_isdigit(zone.ptr[i])) i++;
        zone = str_sub(zone, i, SIZE_MAX);
    }
    if (str_eq_nocase(zone, STR("Z"))) return true;
    if (zone.len != 6 || (zone.ptr[0] != '+' && zone.ptr[0] != '-') || zone.ptr[3] != ':') return false;
    int hours = digits(zone, 1, 2), minutes = digits(zone, 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
    int64_t offset = (int64_t)(hours * 60 + minutes) * 60;
    *out += zone.ptr[0] == '+' ? -offset : offset;
    return true;
}

/* [";EXPIRE=" date-time] ";URLAUTH=" access [":" mechanism ":" token] */
static bool take_access(struct str whole, struct str *rest, struct arena *arena, struct imap_url *u) {
    struct str value;
    if (take_value(rest, ";EXPIRE=", &value)) {
        u->has_expire = true;
        if (!take_time(value, &u->expire)) return false;
    }
    if (!take_value(rest, ";URLAUTH=", &value)) return !u->has_expire;
    u->has_access = true;
    struct str access = str_cut(&value, ':');
    u->rump = str_of(whole.ptr, (size_t)(access.ptr + access.len - whole.ptr));
    if (!decode(access, arena, &u->access) || access.len == 0) return false;
    if (u->rump.len == whole.len) return true;
    u->mechanism = str_cut(&value, ':');
    u->token = value;
    return u->mechanism.len > 0 && u->token.len > 0;
}

int imap_url_parse(struct str text, struct arena *arena, struct imap_url *out) {
    struct imap_url u = {.user = STR_EMPTY, .host = STR_EMPTY, .mailbox = STR_EMPTY, .mechanism = STR_EMPTY};
    struct str rest = text;
    if (text.len > IMAP_URL_MAX || !str_is_ascii(text)) return ERR_INVALID;
    if (!take_server(&rest, arena, &u) || !take_mailbox(&rest, arena, &u) || !take_message(&rest, arena, &u) ||
        !take_access(text, &rest, arena, &u) || rest.len > 0)
        return ERR_INVALID;
    *out = u;
    return 0;
}

bool imap_url_is_of(const struct imap_url *u, struct str hostname, struct str address) {
    if (!u->absolute || u->user.len == 0) return false;
    if (str_eq_nocase(u->host, hostname) && str_eq_nocase(u->user, address)) return true;
    ptrdiff_t at = str_rfind(address, '@');
    return at > 0 && str_eq_nocase(u->user, str_sub(address, 0, (size_t)at)) &&
           str_eq_nocase(u->host, str_sub(address, (size_t)at + 1, address.len));
}
