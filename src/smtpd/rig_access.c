/* Tables and a DNS for tests of sessions. */
#include "smtpd/rig_access.h"

#include "smtpd/rig.h"

#include <arpa/inet.h>
#include <string.h>

static struct rows *rows[4];
static const char *const table_names[4] = {"access", "sender", "dnslist", "peer"};
static const char *zone;
enum { SILENCE_MS = 200 };

void rig_table(const char *name, const char *lines) {
    struct error err = {0};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(table_names[i], name) != 0) continue;
        rows_free(rows[i]);
        rows[i] = NULL;
        if (rows_parse(table_find(str_from(name)), str_from(lines), &rows[i], &err) != 0) fail_msg("%s", err.text);
    }
    struct access_tables t = {rows[0], rows[1], rows[2], rows[3]};
    access_tables_set(&rig.d.access, &t);
}

void rig_tables_free(void) {
    for (size_t i = 0; i < 4; i++) rows_free(rows[i]);
    memset(rows, 0, sizeof rows);
}

static const char *type_name(enum dns_type type) {
    switch (type) {
    case DNS_A: return "A";
    case DNS_AAAA: return "AAAA";
    case DNS_MX: return "MX";
    case DNS_PTR: return "PTR";
    case DNS_TXT: return "TXT";
    default: return "?";
    }
}

static struct str rdata_make(enum dns_type type, struct str data, struct arena *arena) {
    char text[300];
    unsigned char *out = arena_alloc(arena, 300);
    assert_int_equal(str_to_cstr(data, text, sizeof text), 0);
    if (type == DNS_A || type == DNS_AAAA) {
        assert_int_equal(inet_pton(type == DNS_A ? AF_INET : AF_INET6, text, out), 1);
        return str_of(out, type == DNS_A ? 4 : 16);
    }
    if (type == DNS_TXT) {
        out[0] = (unsigned char)data.len;
        memcpy(out + 1, data.ptr, data.len);
        return str_of(out, data.len + 1);
    }
    if (type != DNS_MX) return arena_str(arena, data);
    struct str host = str_trim(str_sub(data, (size_t)str_find(data, ' '), data.len));
    if (str_eq(host, STR("."))) host.len = 0;
    memcpy(out + 2, host.ptr, host.len);
    return str_of(out, host.len + 2);
}

static void answer(struct dns_question *q, struct arena *arena, bool *silent) {
    q->answer = (struct dns_answer){.status = DNS_NXDOMAIN, .rdata = arena_alloc(arena, 8 * sizeof(struct str))};
    for (struct str rest = str_from(zone), line; rest.len > 0;) {
        line = str_cut(&rest, '\n');
        struct str name = str_word(&line), type = str_word(&line), data = str_trim(line);
        if (!str_eq_nocase(name, q->name)) continue;
        if (q->answer.status == DNS_NXDOMAIN) q->answer.status = DNS_NODATA;
        if (!str_eq(type, str_from(type_name(q->type)))) continue;
        q->answer.status = DNS_OK;
        if (str_eq(data, STR("!"))) {
            q->answer.status = DNS_TEMPFAIL;
            *silent = true;
            return;
        }
        q->answer.rdata[q->answer.count++] = rdata_make(q->type, data, arena);
    }
}

static int query_many(void *arg, struct dns_question *q, size_t count, uint64_t timeout_ms, struct arena *arena) {
    (void)arg;
    bool silent = false;
    for (size_t i = 0; i < count; i++) answer(&q[i], arena, &silent);
    rig.questions += (unsigned)count;
    if (!silent) return fiber_sleep(1);
    return fiber_sleep(timeout_ms < SILENCE_MS ? timeout_ms : SILENCE_MS); /* as if all of the time had passed */
}

void rig_dns(const char *lines) {
    zone = lines;
    rig.d.access.probes.dns = (struct probe_dns){query_many, NULL};
}
