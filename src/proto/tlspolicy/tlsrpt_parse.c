/* A report that came (RFC 8460 section 4). jansson parses by recursion, so the depth is looked at before it. */
#include "proto/tlspolicy/tlsrpt.h"

#include <jansson.h>

/* Brackets outside of strings never nest deeper than is allowed. */
static bool is_shallow(struct str json) {
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (in_string) {
            if (c == '\\') i++;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > TLSRPT_DEPTH_MAX) return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* Text of a member in the arena, control characters made visible; empty when there is none. */
static struct str text_of(const json_t *object, const char *name, struct arena *arena) {
    const json_t *j = json_object_get(object, name);
    if (!json_is_string(j)) return STR_EMPTY;
    struct str s = arena_str(arena, str_of(json_string_value(j), json_string_length(j)));
    if (s.ptr == NULL) return STR_EMPTY;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7f) ((char *)(uintptr_t)s.ptr)[i] = '?';
    }
    return s;
}

static uint64_t count_of(const json_t *object, const char *name) {
    const json_t *j = json_object_get(object, name);
    return json_is_integer(j) && json_integer_value(j) > 0 ? (uint64_t)json_integer_value(j) : 0;
}

/* Policies and patterns are a list, or one string where a sender has understood it so. */
static int list_of(const json_t *object, const char *name, struct arena *arena, const struct str **out, size_t *count) {
    const json_t *j = json_object_get(object, name);
    size_t n = json_is_array(j) ? json_array_size(j) : json_is_string(j) ? 1 : 0;
    if (n > TLSRPT_STRINGS_MAX) n = TLSRPT_STRINGS_MAX;
    struct str *list = arena_alloc(arena, (n + 1) * sizeof *list);
    if (list == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(j) ? json_array_get(j, i) : j;
        list[i] =
            json_is_string(one) ? arena_str(arena, str_of(json_string_value(one), json_string_length(one))) : STR_EMPTY;
        if (list[i].ptr == NULL) return ERR_NOMEM;
    }
    *out = list;
    *count = n;
    return 0;
}

static void take_failure(const json_t *j, struct arena *arena, struct tlsrpt_failure *f) {
    *f = (struct tlsrpt_failure){.result = TLSRPT_VALIDATION_FAILURE,
                                 .result_text = text_of(j, "result-type", arena),
                                 .sending_ip = text_of(j, "sending-mta-ip", arena),
                                 .mx = text_of(j, "receiving-mx-hostname", arena),
                                 .ip = text_of(j, "receiving-ip", arena),
                                 .reason = text_of(j, "failure-reason-code", arena),
                                 .count = count_of(j, "failed-session-count")};
    for (int r = TLSRPT_SUCCESS; r < TLSRPT_RESULTS; r++)
        if (str_eq(f->result_text, str_from(tlsrpt_result_name((enum tlsrpt_result)r))))
            f->result = (enum tlsrpt_result)r;
}

static int take_policy(const json_t *j, struct arena *arena, struct tlsrpt_policy *p) {
    const json_t *policy = json_object_get(j, "policy"), *summary = json_object_get(j, "summary"),
                 *details = json_object_get(j, "failure-details");
    struct str type = text_of(policy, "policy-type", arena);
    *p = (struct tlsrpt_policy){.type = TLSRPT_NO_POLICY,
                                .domain = text_of(policy, "policy-domain", arena),
                                .successful = count_of(summary, "total-successful-session-count"),
                                .failed = count_of(summary, "total-failure-session-count")};
    for (int t = TLSRPT_NO_POLICY; t <= TLSRPT_TLSA; t++)
        if (str_eq(type, str_from(tlsrpt_policy_name((enum tlsrpt_policy_type)t))))
            p->type = (enum tlsrpt_policy_type)t;
    int rc = list_of(policy, "policy-string", arena, &p->strings, &p->string_count);
    if (rc == 0) rc = list_of(policy, "mx-host", arena, &p->mx, &p->mx_count);
    if (rc != 0) return rc;
    size_t n = json_array_size(details);
    if (n > TLSRPT_FAILURES_MAX) n = TLSRPT_FAILURES_MAX;
    struct tlsrpt_failure *list = arena_alloc(arena, (n + 1) * sizeof *list);
    if (list == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) take_failure(json_array_get(details, i), arena, &list[i]);
    p->failures = list;
    p->failure_count = n;
    return 0;
}

static int take_report(const json_t *root, struct arena *arena, struct tlsrpt_report *out, struct error *err) {
    const json_t *range = json_object_get(root, "date-range"), *policies = json_object_get(root, "policies");
    struct tlsrpt_report r = {.organization = text_of(root, "organization-name", arena),
                              .contact = text_of(root, "contact-info", arena),
                              .id = text_of(root, "report-id", arena),
                              .from_text = text_of(range, "start-datetime", arena),
                              .to_text = text_of(range, "end-datetime", arena)};
    if (!json_is_object(root) || !json_is_array(policies) || json_array_size(policies) == 0)
        return error_set(err, ERR_INVALID, "it is JSON, but not a report (no policies)");
    size_t n = json_array_size(policies);
    if (n > TLSRPT_POLICIES_MAX) return error_set(err, ERR_LIMIT, "it has too many policies");
    struct tlsrpt_policy *list = arena_alloc(arena, n * sizeof *list);
    if (list == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (take_policy(json_array_get(policies, i), arena, &list[i]) != 0)
            return error_set(err, ERR_NOMEM, "out of memory");
    r.policies = list;
    r.policy_count = n;
    *out = r;
    return 0;
}

void tlsrpt_parse_prepare(void) {
    json_object_seed(0);
}

int tlsrpt_parse(struct str json, struct arena *arena, struct tlsrpt_report *out, struct error *err) {
    json_error_t why;
    if (json.len > TLSRPT_JSON_MAX) return error_set(err, ERR_LIMIT, "the report is too large");
    if (!is_shallow(json)) return error_set(err, ERR_INVALID, "it nests too deep for a report");
    json_t *root = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) return error_set(err, ERR_INVALID, "it is not JSON: %s", why.text);
    int rc = take_report(root, arena, out, err);
    json_decref(root);
    return rc;
}
