/* See queue_text.h. */
#include "cli/queue_text.h"

#include "base/clock.h"

void text_size(uint64_t bytes, struct buf *out) {
    static const char *const units[] = {"KB", "MB", "GB", "TB"};
    if (bytes < 1000) {
        buf_addu(out, bytes);
        return;
    }
    double n = (double)bytes / 1000;
    size_t unit = 0;
    for (; n >= 1000 && unit < 3; unit++) n /= 1000;
    buf_printf(out, "%.1f %s", n, units[unit]);
}

void text_age(int64_t ms, struct buf *out) {
    int64_t s = ms > 0 ? ms / 1000 : 0;
    if (s < 60)
        buf_printf(out, "%llds", (long long)s);
    else if (s < 3600)
        buf_printf(out, "%lldm", (long long)s / 60);
    else if (s < 2 * 86400)
        buf_printf(out, "%lldh", (long long)s / 3600);
    else
        buf_printf(out, "%lldd", (long long)s / 86400);
}

void text_clean(struct str s, struct buf *out) {
    for (size_t i = 0; i < s.len; i++)
        buf_addc(out, (unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f ? '?' : s.ptr[i]);
}

void text_state(const Store__Entry *e, int64_t now_ms, struct buf *out) {
    if (e->held) {
        buf_adds(out, "held");
    } else if (e->ready > now_ms) {
        buf_adds(out, "retry in ");
        text_age(e->ready - now_ms, out);
    } else {
        buf_adds(out, "ready");
    }
}

void text_recipients(const Store__Entry *e, size_t shown, struct buf *out) {
    for (size_t i = 0; i < e->n_recipients && i < shown; i++) {
        if (i > 0) buf_addc(out, ' ');
        buf_addc(out, '<');
        text_clean(str_from(e->recipients[i]->address), out);
        buf_addc(out, '>');
    }
    if (e->n_recipients > shown) buf_printf(out, " (+%zu more)", e->n_recipients - shown);
}

static void padded(struct buf *out, const struct buf *text, size_t width) {
    buf_add(out, buf_str(text));
    for (size_t i = text->len; i < width; i++) buf_addc(out, ' ');
    buf_addc(out, ' ');
}

void text_entry_head(struct buf *out) {
    buf_adds(out, "ID         QUEUE  SIZE     AGE  STATE         SENDER > RECIPIENTS\n");
}

void text_entry(const Store__Entry *e, int64_t now_ms, struct buf *out) {
    static const size_t widths[] = {10, 6, 8, 4, 13};
    BUF_AUTO column = BUF_INIT(64);
    for (int i = 0; i < 5; i++) {
        buf_clear(&column);
        switch (i) {
        case 0: buf_addu(&column, e->id); break;
        case 1: text_clean(str_sub(str_from(e->channel), 0, 32), &column); break;
        case 2: text_size(e->size + e->prefix.len, &column); break;
        case 3: text_age(now_ms - e->created, &column); break;
        default: text_state(e, now_ms, &column); break;
        }
        padded(out, &column, widths[i]);
    }
    buf_addc(out, '<');
    text_clean(str_from(e->sender), out);
    buf_adds(out, "> > ");
    text_recipients(e, RECIPIENTS_SHOWN, out);
    buf_addc(out, '\n');
    if (e->reason[0] == '\0') return;
    buf_adds(out, "           ");
    text_clean(str_from(e->reason), out);
    buf_addc(out, '\n');
}

static void date_line(struct buf *out, const char *name, int64_t at_ms) {
    char date[CLOCK_TEXT_MAX];
    if (at_ms == 0) return;
    clock_rfc5322(at_ms / 1000, date);
    buf_printf(out, "%-12s %s\n", name, date);
}

static void text_line(struct buf *out, const char *name, const char *value) {
    if (value[0] == '\0') return;
    buf_printf(out, "%-12s ", name);
    text_clean(str_from(value), out);
    buf_addc(out, '\n');
}

static void recipient_full(const Store__Recipient *r, struct buf *out) {
    static const char *const notify[] = {"never", "success", "failure", "delay"};
    buf_adds(out, "Recipient    <");
    text_clean(str_from(r->address), out);
    buf_addc(out, '>');
    if (r->original[0] != '\0' && !str_eq(str_from(r->original), str_from(r->address))) {
        buf_adds(out, " for <");
        text_clean(str_from(r->original), out);
        buf_addc(out, '>');
    }
    if (r->folder[0] != '\0') {
        buf_adds(out, " folder ");
        text_clean(str_from(r->folder), out);
    }
    for (int i = 0; i < 4; i++)
        if (r->notify & (1u << i)) buf_printf(out, " notify=%s", notify[i]);
    buf_addc(out, '\n');
    if (r->status[0] == '\0') return;
    buf_adds(out, "             ");
    text_clean(str_from(r->status), out);
    buf_addc(out, '\n');
}

void text_entry_full(const Store__Entry *e, int64_t now_ms, struct buf *out) {
    BUF_AUTO state = BUF_INIT(64);
    text_state(e, now_ms, &state);
    buf_printf(out, "%-12s %llu\n", "ID", (unsigned long long)e->id);
    text_line(out, "Trace", e->trace);
    text_line(out, "Queue", e->channel);
    text_line(out, "Destination", e->destination);
    text_line(out, "State", buf_cstr(&state));
    text_line(out, "Reason", e->reason);
    text_line(out, "Source", e->source);
    buf_adds(out, "Sender       <");
    text_clean(str_from(e->sender), out);
    buf_adds(out, ">\n");
    for (size_t i = 0; i < e->n_recipients; i++) recipient_full(e->recipients[i], out);
    buf_printf(out, "%-12s %llu bytes\n%-12s %d\n%-12s %u\n", "Size", (unsigned long long)e->size + e->prefix.len,
               "Priority", e->priority, "Attempts", e->attempts);
    date_line(out, "Accepted", e->created);
    date_line(out, "Next try", e->ready > now_ms ? e->ready : 0);
    date_line(out, "Notice", e->warn);
    date_line(out, "Gives up", e->expires);
    text_line(out, "Peer", e->peer_name);
    text_line(out, "Address", e->peer_ip);
    text_line(out, "Login", e->auth_user);
    for (size_t i = 0; i < e->n_tags; i++) text_line(out, e->tags[i]->key, e->tags[i]->value);
}

void text_mailq(const Store__Entry *e, bool verbose, struct buf *out) {
    char date[CLOCK_TEXT_MAX];
    clock_rfc5322(e->created / 1000, date);
    buf_printf(out, "%-10llu %8llu %s  <", (unsigned long long)e->id, (unsigned long long)e->size + e->prefix.len,
               date);
    text_clean(str_from(e->sender), out);
    buf_addc(out, '>');
    if (verbose) buf_printf(out, "  priority %d", e->priority);
    if (e->held) buf_adds(out, "  held");
    buf_adds(out, "\n    (");
    text_clean(str_from(e->reason[0] != '\0' ? e->reason : "waits for delivery"), out);
    buf_adds(out, ")\n");
    for (size_t i = 0; i < e->n_recipients; i++) {
        buf_adds(out, "        <");
        text_clean(str_from(e->recipients[i]->address), out);
        buf_adds(out, ">\n");
    }
    buf_addc(out, '\n');
}
