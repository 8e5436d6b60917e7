/* See trace_text.h. */
#include "cli/trace_text.h"

#include "base/clock.h"
#include "cli/queue_text.h"

#include <time.h>

unsigned trace_hop(struct str text) {
    static const struct {
        const char *module;
        unsigned hop;
    } hops[] = {{"mta", 1}, {"lmda", 2}, {"smtpc", 2}, {"dlm", 2}, {"bsmtp", 2}};
    struct str rest = text, module = str_word(&rest);
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++)
        if (str_eq(module, str_from(hops[i].module))) return hops[i].hop;
    return 0;
}

struct str trace_report(struct str text) {
    ptrdiff_t at = str_find_str(text, STR(" report="));
    if (at < 0) return STR_EMPTY;
    struct str rest = str_sub(text, (size_t)at + sizeof " report=" - 1, text.len);
    return str_word(&rest);
}

static void time_put(struct buf *out, int64_t at_ms) {
    time_t s = (time_t)(at_ms / 1000);
    struct tm tm;
    if (localtime_r(&s, &tm) == NULL) return;
    buf_printf(out, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(at_ms % 1000));
}

/* How long after the line before: nothing worth telling below a millisecond. */
static void gap_put(struct buf *out, int64_t ms) {
    BUF_AUTO text = BUF_INIT(32);
    if (ms >= 10000)
        text_age(ms, &text);
    else if (ms > 0)
        buf_printf(&text, "%lld.%03llds", (long long)ms / 1000, (long long)ms % 1000);
    buf_printf(out, "%s%8s", text.len > 0 ? " +" : "  ", buf_cstr(&text));
}

static void indent(struct buf *out, unsigned levels) {
    for (unsigned i = 0; i < levels; i++) buf_adds(out, "  ");
}

void trace_text(const Store__TraceLine *const *lines, size_t count, unsigned depth, struct buf *out) {
    if (count == 0) return;
    char date[CLOCK_TEXT_MAX];
    clock_rfc5322(lines[0]->at / 1000, date);
    indent(out, depth);
    buf_adds(out, depth > 0 ? "Report " : "Message ");
    text_clean(str_from(lines[0]->trace), out);
    buf_printf(out, "  %s\n", date);
    for (size_t i = 0; i < count; i++) {
        struct str text = str_from(lines[i]->text);
        indent(out, depth + 1);
        time_put(out, lines[i]->at);
        gap_put(out, i > 0 ? lines[i]->at - lines[i - 1]->at : 0);
        buf_adds(out, "  ");
        indent(out, trace_hop(text));
        text_clean(text, out);
        buf_addc(out, '\n');
    }
}
