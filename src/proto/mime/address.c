/* Address lists, RFC 5322 section 3.4 with the obsolete forms of section 4.4.
 *
 *   address = mailbox / group          group = display-name ":" [group-list] ";"
 *   mailbox = [display-name] "<" [route ":"] addr-spec ">" / addr-spec */
#include "proto/mime/address.h"

#include "proto/mime/header.h"

#include <string.h>

enum { ADDRESS_TEXT_MAX = 64 * 1024 };

/* What was read up to a special character: once as words of a phrase, once as the text of a local part. */
struct words {
    struct buf phrase, joined;
    struct str comment;
    size_t count;
};

void address_parser_init(struct address_parser *p, struct str value, struct arena *arena) {
    *p = (struct address_parser){.rest = value, .arena = arena};
}

static bool is_special(char c) {
    return c == '<' || c == '>' || c == ',' || c == ';' || c == ':' || c == '@' || c == '"' || c == '(';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip(struct str *rest, size_t n) {
    *rest = str_sub(*rest, n, rest->len);
}

/* A run without blanks and specials. */
static struct str take_run(struct str *rest) {
    size_t n = 0;
    while (n < rest->len && !is_special(rest->ptr[n]) && !is_blank(rest->ptr[n])) {
        n += rest->ptr[n] == '\\' && n + 1 < rest->len ? 2 : 1;
    }
    struct str run = str_sub(*rest, 0, n);
    skip(rest, n);
    return run;
}

static void add_unescaped(struct buf *out, struct str run) {
    for (size_t i = 0; i < run.len; i++) {
        if (run.ptr[i] == '\\' && i + 1 < run.len) i++;
        if (run.ptr[i] != '\r' && run.ptr[i] != '\n') buf_addc(out, run.ptr[i]);
    }
}

/* Blanks around the dots of a local part or domain mean nothing (obs-local-part, obs-domain). */
static bool next_to_dot(const struct buf *before, struct str after) {
    return str_ends(buf_str(before), STR(".")) || str_starts(after, STR("."));
}

/* Reads words until a special other than a quote or a parenthesis, or the end. */
static void read_words(struct str *rest, struct words *w) {
    for (;;) {
        size_t before = rest->len;
        header_skip_cfws(rest, &w->comment);
        bool blank = rest->len < before;
        if (rest->len == 0 || (is_special(rest->ptr[0]) && rest->ptr[0] != '"')) return;
        if (blank && w->count > 0) {
            buf_addc(&w->phrase, ' ');
            if (!next_to_dot(&w->joined, *rest)) buf_addc(&w->joined, ' ');
        }
        size_t mark = w->phrase.len;
        if (rest->ptr[0] == '"') {
            header_quoted_string(rest, &w->phrase);
        } else {
            add_unescaped(&w->phrase, take_run(rest));
        }
        buf_add(&w->joined, str_sub(buf_str(&w->phrase), mark, w->phrase.len));
        w->count++;
    }
}

/* domain = dot-atom / domain-literal, with comments and blanks allowed around each dot. */
static struct str read_domain(struct address_parser *p, struct str *comment) {
    BUF_AUTO text = BUF_INIT(ADDRESS_TEXT_MAX);
    for (;;) {
        size_t before = p->rest.len;
        header_skip_cfws(&p->rest, comment);
        if (p->rest.len == 0) break;
        if (p->rest.len < before && text.len > 0 && !next_to_dot(&text, p->rest)) break;
        if (p->rest.ptr[0] == '[') {
            ptrdiff_t end = str_find(p->rest, ']');
            size_t n = end == STR_NPOS ? p->rest.len : (size_t)end + 1;
            header_unfold(&text, str_sub(p->rest, 0, n));
            skip(&p->rest, n);
            continue;
        }
        if (is_special(p->rest.ptr[0])) break;
        buf_add(&text, take_run(&p->rest));
    }
    return arena_str(p->arena, buf_str(&text));
}

/* What follows an address without a comma belongs to nothing. */
static void skip_junk(struct address_parser *p, struct str *comment) {
    for (;;) {
        header_skip_cfws(&p->rest, comment);
        if (p->rest.len == 0 || p->rest.ptr[0] == ',' || (p->rest.ptr[0] == ';' && p->in_group)) return;
        skip(&p->rest, 1);
    }
}

/* Behind "<": [route ":"] addr-spec [">"]. */
static void read_angle(struct address_parser *p, struct address *out, struct str *comment) {
    header_skip_cfws(&p->rest, NULL);
    if (p->rest.len > 0 && p->rest.ptr[0] == '@') {
        size_t n = 0;
        while (n < p->rest.len && p->rest.ptr[n] != ':' && p->rest.ptr[n] != '>') n++;
        BUF_AUTO route = BUF_INIT(ADDRESS_TEXT_MAX);
        for (size_t i = 0; i < n; i++) {
            if (!is_blank(p->rest.ptr[i])) buf_addc(&route, p->rest.ptr[i]);
        }
        out->route = arena_str(p->arena, buf_str(&route));
        skip(&p->rest, n < p->rest.len && p->rest.ptr[n] == ':' ? n + 1 : n);
    }
    struct words w = {.phrase = BUF_INIT(ADDRESS_TEXT_MAX), .joined = BUF_INIT(ADDRESS_TEXT_MAX)};
    read_words(&p->rest, &w);
    out->local = arena_str(p->arena, buf_str(&w.joined));
    buf_done(&w.phrase);
    buf_done(&w.joined);
    if (p->rest.len > 0 && p->rest.ptr[0] == '@') {
        skip(&p->rest, 1);
        out->domain = read_domain(p, NULL);
        out->has_domain = true;
    }
    while (p->rest.len > 0 && p->rest.ptr[0] != '>' && p->rest.ptr[0] != ',') skip(&p->rest, 1);
    if (p->rest.len > 0 && p->rest.ptr[0] == '>') skip(&p->rest, 1);
    skip_junk(p, comment);
}

static void set_name(struct address_parser *p, struct address *out, struct str name) {
    out->name = arena_str(p->arena, name);
    out->has_name = name.len > 0;
}

static void set_name_from_comment(struct address_parser *p, struct address *out, struct str comment) {
    BUF_AUTO text = BUF_INIT(ADDRESS_TEXT_MAX);
    add_unescaped(&text, comment);
    set_name(p, out, str_trim(buf_str(&text)));
}

/* Behind the "<" of a mailbox with a display name (or an empty one). */
static void finish_angle(struct address_parser *p, struct str phrase, struct str comment, struct address *out) {
    read_angle(p, out, &comment);
    set_name(p, out, phrase);
    if (phrase.len == 0 && comment.len > 0) set_name_from_comment(p, out, comment);
}

/* Behind the "@" of an addr-spec without brackets. When brackets follow, what looked like an address was a display name
 * that somebody forgot to quote. */
static void finish_spec(struct address_parser *p, struct str local, struct address *out) {
    struct str comment = STR_EMPTY;
    struct str domain = read_domain(p, &comment);
    if (p->rest.len > 0 && p->rest.ptr[0] == '<') {
        skip(&p->rest, 1);
        BUF_AUTO name = BUF_INIT(ADDRESS_TEXT_MAX);
        buf_add(&name, local);
        buf_addc(&name, '@');
        buf_add(&name, domain);
        finish_angle(p, buf_str(&name), STR_EMPTY, out);
        return;
    }
    out->local = arena_str(p->arena, local);
    out->domain = domain;
    out->has_domain = true;
    skip_junk(p, &comment);
    if (comment.len > 0) set_name_from_comment(p, out, comment);
}

/* Builds the address from the words read and the special that stopped them. False: nothing here, go on. */
static bool finish(struct address_parser *p, struct words *w, struct address *out) {
    char stop = p->rest.len > 0 ? p->rest.ptr[0] : '\0';
    *out = (struct address){
        .kind = ADDRESS_MAILBOX, .name = STR_EMPTY, .route = STR_EMPTY, .local = STR_EMPTY, .domain = STR_EMPTY};
    if (stop == ':' && !p->in_group) {
        skip(&p->rest, 1);
        out->kind = ADDRESS_GROUP_START;
        set_name(p, out, buf_str(&w->phrase));
        p->in_group = true;
        return true;
    }
    if (stop == '<') {
        skip(&p->rest, 1);
        finish_angle(p, buf_str(&w->phrase), w->comment, out);
        return true;
    }
    if (stop == '@') {
        skip(&p->rest, 1);
        finish_spec(p, buf_str(&w->joined), out);
        return true;
    }
    if (w->count == 0) return false;
    out->local = arena_str(p->arena, buf_str(&w->phrase));
    if (w->comment.len > 0) set_name_from_comment(p, out, w->comment);
    return true;
}

bool address_next(struct address_parser *p, struct address *out) {
    for (;;) {
        struct words w = {.phrase = BUF_INIT(ADDRESS_TEXT_MAX), .joined = BUF_INIT(ADDRESS_TEXT_MAX)};
        read_words(&p->rest, &w);
        bool found = finish(p, &w, out);
        buf_done(&w.phrase);
        buf_done(&w.joined);
        if (found) return true;
        if (p->rest.len == 0) {
            if (!p->in_group) return false;
            p->in_group = false;
            *out = (struct address){.kind = ADDRESS_GROUP_END};
            return true;
        }
        char c = p->rest.ptr[0];
        skip(&p->rest, 1);
        if (c == ';' && p->in_group) {
            p->in_group = false;
            *out = (struct address){.kind = ADDRESS_GROUP_END};
            return true;
        }
    }
}
