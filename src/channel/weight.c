/* See weight.h. */
#include "channel/weight.h"

#include "base/log.h"

enum { PRECEDENCE_MAX = 1000 };

int weight_sources_parse(struct str text, struct weight_rule *rule, struct error *err) {
    struct weight_rule r = {0};
    for (struct str rest = text, word; (word = str_word(&rest)).len > 0;) {
        uint64_t n = 0;
        struct str value = word, name = str_cut(&value, '=');
        if (r.source_count == WEIGHT_SOURCES_MAX)
            return error_set(err, ERR_INVALID, "at most %d sources", WEIGHT_SOURCES_MAX);
        if (name.len == 0 || str_to_cstr(name, r.sources[r.source_count].name, sizeof r.sources[0].name) != 0 ||
            str_to_u64(value, PRECEDENCE_MAX, &n) != 0)
            return error_set(err, ERR_INVALID, "\"%.*s\" is not of the form SOURCE=NUMBER (0 to %d)", STR_ARG(word),
                             PRECEDENCE_MAX);
        r.sources[r.source_count++].precedence = (uint32_t)n;
    }
    rule->source_count = r.source_count;
    for (size_t i = 0; i < r.source_count; i++) rule->sources[i] = r.sources[i];
    return 0;
}

static void steps_read(const struct daemon *d, const char *name, struct steps *out) {
    struct error err = {0};
    if (steps_parse(str_from(option_str(d, name)), out, &err) != 0)
        log_event(LOG_ERROR, "-", "bad-option", "name=%s error=\"%s\" effect=\"stays as it was\"", name, err.text);
}

void weight_configure(const struct daemon *d, struct weight_rule *rule) {
    struct error err = {0};
    rule->precedence = (uint32_t)option_u64(d, "smtpc.priority_precedence");
    rule->size = (uint32_t)option_u64(d, "smtpc.priority_size");
    rule->time = (uint32_t)option_u64(d, "smtpc.priority_time");
    rule->mt = (uint32_t)option_u64(d, "smtpc.priority_mt");
    steps_read(d, "smtpc.priority_sizes", &rule->sizes);
    steps_read(d, "smtpc.priority_times", &rule->times);
    if (weight_sources_parse(str_from(option_str(d, "smtpc.priority_sources")), rule, &err) != 0)
        log_event(LOG_ERROR, "-", "bad-option", "name=smtpc.priority_sources error=\"%s\" effect=\"stays as it was\"",
                  err.text);
}

uint32_t weight_of_source(const struct weight_rule *rule, const char *source) {
    for (size_t i = 0; i < rule->source_count; i++)
        if (str_eq_nocase(str_from(rule->sources[i].name), str_from(source))) return rule->sources[i].precedence;
    return 0;
}

int32_t weight_of(const struct weight_rule *rule, const struct weighed *m) {
    uint64_t hours = m->deferred_ms > 0 ? (uint64_t)m->deferred_ms / (3600 * 1000) : 0;
    int64_t w = (int64_t)m->precedence * rule->precedence;
    w += (int64_t)steps_weight(&rule->sizes, m->size / 1024) * rule->size;
    w -= (int64_t)steps_weight(&rule->times, hours) * rule->time;
    w -= (int64_t)m->mt_priority * rule->mt;
    return w > INT32_MAX ? INT32_MAX : w < INT32_MIN ? INT32_MIN : (int32_t)w;
}
