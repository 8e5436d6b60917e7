/* Reads the answer section of DNS messages. What a name server says may end up in log lines and header fields, so a
 * byte that has no business in a name of a host becomes '?': such a name resolves to nothing. */
#include "net/dns_packet.h"

#include <string.h>

enum {
    HEADER_SIZE = 12,
    FIXED_RR = 10,
    POINTERS_MAX = 64,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_SRV = 33,
    CLASS_IN = 1
};

struct reader {
    struct str packet;
    size_t at;
};

static unsigned read_u16(const char *p) {
    return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static char name_char(char c) {
    c = ascii_lower(c);
    return ascii_isalnum(c) || c == '-' || c == '_' || c == '*' || c == '/' || c == '+' ? c : '?';
}

/* Reads a name that may be compressed (RFC 1035 section 4.1.4) as text without final dot, lower case. */
static int read_name(struct reader *r, char out[static DNS_NAME_MAX + 1]) {
    size_t at = r->at, len = 0;
    bool jumped = false;
    for (unsigned pointers = 0;;) {
        if (at >= r->packet.len) return ERR_CORRUPT;
        unsigned n = (unsigned char)r->packet.ptr[at];
        if ((n & 0xc0) == 0xc0) {
            if (at + 2 > r->packet.len || ++pointers > POINTERS_MAX) return ERR_CORRUPT;
            if (!jumped) r->at = at + 2;
            jumped = true;
            at = read_u16(r->packet.ptr + at) & 0x3fff;
            continue;
        }
        if ((n & 0xc0) != 0 || at + 1 + n > r->packet.len) return ERR_CORRUPT;
        if (n == 0) break;
        if (len + n + 1 > DNS_NAME_MAX) return ERR_CORRUPT;
        if (len > 0) out[len++] = '.';
        for (unsigned i = 0; i < n; i++) out[len++] = name_char(r->packet.ptr[at + 1 + i]);
        at += 1 + n;
    }
    if (!jumped) r->at = at + 1;
    out[len] = '\0';
    return 0;
}

static int skip_questions(struct reader *r, unsigned count) {
    char name[DNS_NAME_MAX + 1];
    for (unsigned i = 0; i < count; i++) {
        int rc = read_name(r, name);
        if (rc != 0) return rc;
        if (r->packet.len - r->at < 4) return ERR_CORRUPT;
        r->at += 4;
    }
    return 0;
}

/* RDATA at [r->at, r->at + len) into `rec`, names in it expanded. */
static int read_rdata(struct reader *r, size_t len, struct arena *arena, struct dns_record *rec) {
    struct str raw = str_sub(r->packet, r->at, len);
    size_t skip = rec->type == TYPE_MX ? 2 : rec->type == TYPE_SRV ? 6 : 0;
    char text[6 + DNS_NAME_MAX + 1];
    if (skip > 0 || rec->type == TYPE_CNAME || rec->type == TYPE_PTR || rec->type == TYPE_NS) {
        if (len < skip) return ERR_CORRUPT;
        struct reader inner = {r->packet, r->at + skip};
        int rc = read_name(&inner, text + skip);
        if (rc != 0) return rc;
        if (inner.at > r->at + len) return ERR_CORRUPT;
        memcpy(text, raw.ptr, skip);
        raw = str_of(text, skip + strlen(text + skip));
    }
    rec->rdata = arena_str(arena, raw);
    return rec->rdata.ptr == NULL ? ERR_NOMEM : 0;
}

static int read_record(struct reader *r, struct arena *arena, struct dns_record *rec, bool *wanted) {
    char name[DNS_NAME_MAX + 1];
    int rc = read_name(r, name);
    if (rc != 0) return rc;
    if (r->packet.len - r->at < FIXED_RR) return ERR_CORRUPT;
    const char *p = r->packet.ptr + r->at;
    rec->type = (uint16_t)read_u16(p);
    *wanted = read_u16(p + 2) == CLASS_IN;
    rec->ttl = read_u16(p + 4) << 16 | read_u16(p + 6);
    size_t len = read_u16(p + 8);
    r->at += FIXED_RR;
    if (r->packet.len - r->at < len) return ERR_CORRUPT;
    if (*wanted) {
        rec->name = arena_str(arena, str_from(name));
        if (rec->name.ptr == NULL) return ERR_NOMEM;
        rc = read_rdata(r, len, arena, rec);
    }
    r->at += len;
    return rc;
}

int dns_packet_answers(struct str packet, struct arena *arena, struct dns_packet *out) {
    if (packet.len < HEADER_SIZE) return ERR_CORRUPT;
    unsigned answers = read_u16(packet.ptr + 6);
    if (answers > DNS_RECORDS_MAX) return ERR_LIMIT;
    struct reader r = {packet, HEADER_SIZE};
    int rc = skip_questions(&r, read_u16(packet.ptr + 4));
    if (rc != 0) return rc;
    struct dns_packet result = {.rcode = (unsigned char)packet.ptr[3] & 15,
                                .records = arena_alloc(arena, (answers + 1) * sizeof *result.records)};
    if (result.records == NULL) return ERR_NOMEM;
    for (unsigned i = 0; i < answers; i++) {
        bool wanted = false;
        rc = read_record(&r, arena, &result.records[result.count], &wanted);
        if (rc != 0) return rc;
        if (wanted) result.count++;
    }
    *out = result;
    return 0;
}
