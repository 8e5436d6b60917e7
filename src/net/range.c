/* Networks and ranges of addresses (MTA-09, CONNCTL-02). */
#include "net/address.h"

#include <stdlib.h>
#include <string.h>

enum { RANGES_MAX = 65536 };

static unsigned ip_len(uint8_t family) {
    return family == AF_INET ? 4 : 16;
}

/* IPv4 in the notation of IPv6: its network bits count from the front of 128. */
static bool is_mapped(const struct net_addr *a, struct str text) {
    return a->family == AF_INET && str_find(text, ':') != STR_NPOS;
}

static int range_from_bits(const struct net_addr *base, struct str bits_text, bool mapped, struct net_range *out) {
    unsigned len = ip_len(base->family), skip = mapped ? 96 : 0;
    uint64_t bits;
    if (str_to_u64(bits_text, skip + len * 8, &bits) != 0 || bits < skip) return ERR_INVALID;
    bits -= skip;
    struct net_range r = {.family = base->family};
    for (unsigned i = 0; i < len; i++) {
        unsigned net_bits = bits >= 8 * (i + 1) ? 8 : bits <= 8 * i ? 0 : (unsigned)bits - 8 * i;
        uint8_t mask = (uint8_t)(0xff00u >> net_bits);
        r.low[i] = base->ip[i] & mask;
        r.high[i] = (uint8_t)(base->ip[i] | (uint8_t)~mask);
    }
    *out = r;
    return 0;
}

int net_range_parse(struct str s, struct net_range *out) {
    struct str first = str_trim(s), rest = STR_EMPTY;
    ptrdiff_t slash = str_find(first, '/'), dash = str_find(first, '-');
    ptrdiff_t cut = slash != STR_NPOS ? slash : dash;
    if (cut != STR_NPOS) {
        rest = str_trim(str_sub(first, (size_t)cut + 1, first.len));
        first = str_trim(str_sub(first, 0, (size_t)cut));
    }
    struct net_addr low, high;
    if (net_addr_parse(first, 0, &low) != 0) return ERR_INVALID;
    if (slash != STR_NPOS) return range_from_bits(&low, rest, is_mapped(&low, first), out);
    high = low;
    if (dash != STR_NPOS && net_addr_parse(rest, 0, &high) != 0) return ERR_INVALID;
    unsigned len = ip_len(low.family);
    if (high.family != low.family || memcmp(low.ip, high.ip, len) > 0) return ERR_INVALID;
    struct net_range r = {.family = low.family};
    memcpy(r.low, low.ip, len);
    memcpy(r.high, high.ip, len);
    *out = r;
    return 0;
}

bool net_range_has(const struct net_range *r, const struct net_addr *a) {
    if (r->family != a->family) return false;
    unsigned len = ip_len(r->family);
    return memcmp(a->ip, r->low, len) >= 0 && memcmp(a->ip, r->high, len) <= 0;
}

static bool is_separator(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ';';
}

static struct str next_item(struct str *rest) {
    size_t from = 0, to;
    while (from < rest->len && is_separator(rest->ptr[from])) from++;
    for (to = from; to < rest->len && !is_separator(rest->ptr[to]); to++) {
    }
    struct str item = str_sub(*rest, from, to - from);
    *rest = str_sub(*rest, to, rest->len);
    return item;
}

int net_range_list_parse(struct str s, struct net_range **list, size_t *count, struct error *err) {
    struct net_range *ranges = NULL;
    size_t n = 0, room = 0;
    struct str item;
    while ((item = next_item(&s)).len > 0) {
        if (n == room) {
            room = room == 0 ? 8 : room * 2;
            struct net_range *grown = room > RANGES_MAX ? NULL : realloc(ranges, room * sizeof *grown);
            if (grown == NULL) {
                free(ranges);
                return error_set(err, ERR_NOMEM, "too many networks");
            }
            ranges = grown;
        }
        if (net_range_parse(item, &ranges[n]) != 0) {
            free(ranges);
            return error_set(err, ERR_INVALID,
                             "\"%.*s\" is not an address, a network like 192.0.2.0/24 or a range like "
                             "192.0.2.1-192.0.2.9",
                             item.len > 80 ? 80 : (int)item.len, item.ptr);
        }
        n++;
    }
    *list = ranges;
    *count = n;
    return 0;
}

bool net_range_list_has(const struct net_range *list, size_t count, const struct net_addr *a) {
    for (size_t i = 0; i < count; i++) {
        if (net_range_has(&list[i], a)) return true;
    }
    return false;
}
