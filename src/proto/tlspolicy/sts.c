/* See sts.h. */
#include "proto/tlspolicy/sts.h"

enum { KEY_MAX = 32, NAME_MAX_LEN = 253 };

const char *sts_mode_name(enum sts_mode m) {
    static const char *const names[] = {"none", "testing", "enforce"};
    return names[m];
}

static bool is_name_char(char c) {
    return ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
}

/* sts-ext-name (section 3.1): begins with a letter or digit. */
static bool is_key(struct str s) {
    if (s.len == 0 || s.len > KEY_MAX || !ascii_isalnum(s.ptr[0])) return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_name_char(s.ptr[i])) return false;
    return true;
}

/* sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim] */
static int record_id(struct str text, struct str *id) {
    struct str rest = text, found = STR_EMPTY;
    (void)str_cut(&rest, ';'); /* the version: the caller has looked */
    while (rest.len > 0) {
        struct str field = str_trim(str_cut(&rest, ';'));
        if (field.len == 0 && str_trim(rest).len == 0) break;
        if (str_find(field, '=') == STR_NPOS) return ERR_INVALID;
        struct str key = str_cut(&field, '=');
        if (!is_key(key)) return ERR_INVALID;
        if (!str_eq(key, STR("id"))) continue;
        if (found.len > 0 || field.len == 0 || field.len > STS_ID_MAX) return ERR_INVALID;
        for (size_t i = 0; i < field.len; i++)
            if (!ascii_isalnum(field.ptr[i])) return ERR_INVALID;
        found = field;
    }
    if (found.len == 0) return ERR_INVALID;
    *id = found;
    return 0;
}

static bool is_sts_record(struct str text) {
    struct str rest = text;
    return str_find(text, ';') != STR_NPOS && str_eq(str_trim(str_cut(&rest, ';')), STR("v=STSv1"));
}

int sts_record_parse(const struct str *texts, size_t count, struct str *id) {
    struct str found = STR_EMPTY;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_sts_record(texts[i])) continue;
        found = texts[i];
        n++;
    }
    return n == 1 && record_id(found, id) == 0 ? 0 : ERR_NOTFOUND;
}

/* A host name, or "*." before one. */
static bool is_pattern(struct str s) {
    if (str_starts(s, STR("*."))) s = str_sub(s, 2, s.len);
    if (s.len == 0 || s.len > NAME_MAX_LEN || s.ptr[s.len - 1] == '.') return false;
    while (s.len > 0) {
        struct str label = str_cut(&s, '.');
        if (label.len == 0 || label.len > 63) return false;
        for (size_t i = 0; i < label.len; i++)
            if (!ascii_isalnum(label.ptr[i]) && label.ptr[i] != '-' && label.ptr[i] != '_') return false;
    }
    return true;
}

struct seen {
    bool version, mode, max_age;
};

static int take_mode(struct str value, struct sts_policy *p, struct error *err) {
    for (int m = STS_NONE; m <= STS_ENFORCE; m++) {
        if (!str_eq(value, str_from(sts_mode_name((enum sts_mode)m)))) continue;
        p->mode = (enum sts_mode)m;
        return 0;
    }
    return error_set(err, ERR_INVALID, "mode is none of enforce, testing, none");
}

static int take_age(struct str value, struct sts_policy *p, struct error *err) {
    uint64_t age;
    if (value.len > 10 || str_to_u64(value, UINT64_MAX, &age) != 0)
        return error_set(err, ERR_INVALID, "max_age is not a number of seconds");
    p->max_age = age > STS_MAX_AGE_MAX ? STS_MAX_AGE_MAX : (uint32_t)age;
    return 0;
}

static int take_mx(struct str value, struct sts_policy *p, struct error *err) {
    if (!is_pattern(value)) return error_set(err, ERR_INVALID, "mx is not the name of a host");
    if (p->mx_count == STS_MX_MAX) return error_set(err, ERR_LIMIT, "more than %d mx", STS_MX_MAX);
    p->mx[p->mx_count++] = value;
    return 0;
}

/* Of a key that may stand once, the first counts (section 3.2). */
static int take_field(struct str key, struct str value, struct sts_policy *p, struct seen *seen, struct error *err) {
    if (str_eq(key, STR("mx"))) return take_mx(value, p, err);
    if (str_eq(key, STR("mode")) && !seen->mode) {
        seen->mode = true;
        return take_mode(value, p, err);
    }
    if (str_eq(key, STR("max_age")) && !seen->max_age) {
        seen->max_age = true;
        return take_age(value, p, err);
    }
    if (str_eq(key, STR("version")) && !seen->version) {
        seen->version = true;
        if (!str_eq(value, STR("STSv1"))) return error_set(err, ERR_INVALID, "version is not STSv1");
    }
    return 0;
}

/* sts-policy-record = sts-policy-field *(sts-policy-term sts-policy-field) [sts-policy-term]; term = LF / CRLF */
int sts_policy_parse(struct str text, struct sts_policy *out, struct error *err) {
    struct sts_policy p = {.mode = STS_NONE};
    struct seen seen = {false, false, false};
    if (text.len > STS_POLICY_MAX) return error_set(err, ERR_LIMIT, "the policy is too large");
    for (struct str rest = text; rest.len > 0;) {
        struct str line = str_cut(&rest, '\n');
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
        if (str_trim(line).len == 0) continue;
        if (str_find(line, ':') == STR_NPOS) return error_set(err, ERR_INVALID, "a line is not \"key: value\"");
        struct str key = str_trim(str_cut(&line, ':'));
        if (!is_key(key)) return error_set(err, ERR_INVALID, "a line is not \"key: value\"");
        int rc = take_field(key, str_trim(line), &p, &seen, err);
        if (rc != 0) return rc;
    }
    if (!seen.version || !seen.mode || !seen.max_age)
        return error_set(err, ERR_INVALID, "version, mode or max_age is missing");
    if (p.mode != STS_NONE && p.mx_count == 0) return error_set(err, ERR_INVALID, "there is no mx");
    *out = p;
    return 0;
}

bool sts_mx_matches(const struct sts_policy *p, struct str host) {
    if (host.len > 0 && host.ptr[host.len - 1] == '.') host.len--;
    struct str parent = host;
    struct str label = str_cut(&parent, '.');
    for (size_t i = 0; i < p->mx_count; i++) {
        struct str pattern = p->mx[i];
        if (str_starts(pattern, STR("*."))) { /* exactly one label, the leftmost */
            if (label.len > 0 && str_eq_nocase(str_sub(pattern, 2, pattern.len), parent)) return true;
        } else if (str_eq_nocase(pattern, host)) {
            return true;
        }
    }
    return false;
}
