/* Keys of rows in their normal form: equal keys are equal texts, whoever writes them. */
#include "daemon/tables.h"

#include "daemon/rows.h"
#include "proto/smtp/address.h"

#include <string.h>
#include <sys/socket.h>

enum { KEY_SHOWN = 80 };

static int refuse(const struct table *t, struct str key, struct error *err) {
    if (key.len > KEY_SHOWN) return error_set(err, ERR_INVALID, "the key is not: %s", t->key_doc);
    return error_set(err, ERR_INVALID, "'%.*s' is not: %s", STR_ARG(key), t->key_doc);
}

/* A-labels in lower case, without a final dot; address literals stay as they are, in lower case. */
static int domain_normal(struct str name, struct buf *out) {
    if (str_ends(name, STR("."))) name.len--;
    if (name.len > 0 && name.ptr[0] == '[') {
        if (address_literal_check(name, NULL) != 0) return ERR_INVALID;
        for (size_t i = 0; i < name.len; i++) buf_addc(out, ascii_lower(name.ptr[i]));
        return out->error;
    }
    if (address_domain_check(name, true, NULL) != 0) return ERR_INVALID;
    return address_domain_ascii(name, out);
}

static int domain_key(struct str key, struct buf *out) {
    if (str_starts(key, STR("*."))) {
        buf_adds(out, "*.");
        key = str_sub(key, 2, key.len);
    }
    return domain_normal(key, out);
}

static unsigned ip_len(uint8_t family) {
    return family == AF_INET ? 4 : 16;
}

/* Bits of the network that the range is exactly; -1 = none. */
static int network_bits(const struct net_range *r) {
    int bits = 0, len = (int)ip_len(r->family) * 8;
    while (bits < len && ((r->low[bits / 8] ^ r->high[bits / 8]) >> (7 - bits % 8) & 1) == 0) bits++;
    for (int i = bits; i < len; i++) {
        if ((r->low[i / 8] >> (7 - i % 8) & 1) != 0 || (r->high[i / 8] >> (7 - i % 8) & 1) == 0) return -1;
    }
    return bits;
}

static void add_ip(struct buf *out, uint8_t family, const uint8_t ip[static 16]) {
    struct net_addr a = {.family = family};
    char text[NET_ADDR_TEXT_MAX];
    memcpy(a.ip, ip, sizeof a.ip);
    net_addr_ip_text(&a, text);
    buf_adds(out, text);
}

static int network_key(struct str key, struct buf *out) {
    struct net_range r;
    if (net_range_parse(key, &r) != 0) return ERR_INVALID;
    int bits = network_bits(&r);
    add_ip(out, r.family, r.low);
    if (bits < 0) {
        buf_addc(out, '-');
        add_ip(out, r.family, r.high);
    } else if (bits < (int)ip_len(r.family) * 8) {
        buf_printf(out, "/%d", bits);
    }
    return out->error;
}

static int sender_key(struct str key, struct buf *out) {
    struct address a;
    if (str_starts(key, STR("@"))) {
        bool below = str_starts(key, STR("@."));
        buf_adds(out, below ? "@." : "@");
        return domain_normal(str_sub(key, below ? 2 : 1, key.len), out);
    }
    if (address_parse(key, ADDRESS_UTF8, &a, NULL) != 0) return ERR_INVALID;
    struct str local = address_local(&a), domain = address_domain(&a);
    for (size_t i = 0; i < local.len; i++) buf_addc(out, ascii_lower(local.ptr[i]));
    buf_addc(out, '@');
    return domain_normal(domain, out);
}

static int name_key(struct str key, struct buf *out) {
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        if (c <= ' ' || c == 0x7f || c == '=') return ERR_INVALID;
        buf_addc(out, ascii_lower((char)c));
    }
    return key.len == 0 || !str_is_utf8(key) ? ERR_INVALID : out->error;
}

int table_key_normal(const struct table *t, struct str key, struct buf *out, struct error *err) {
    BUF_AUTO text = BUF_INIT(TABLE_KEY_MAX);
    struct str k = str_trim(key);
    int rc = ERR_INVALID;
    if (k.len > 2 * (size_t)TABLE_KEY_MAX) return refuse(t, k, err);
    if (str_eq(k, STR("*"))) {
        buf_add(&text, k);
        rc = t->key == KEY_NAME ? ERR_INVALID : 0;
    } else {
        switch (t->key) {
        case KEY_DOMAIN: rc = domain_key(k, &text); break;
        case KEY_NETWORK: rc = network_key(k, &text); break;
        case KEY_SENDER: rc = sender_key(k, &text); break;
        case KEY_NAME: rc = name_key(k, &text); break;
        }
    }
    if (text.error != 0) return error_set(err, ERR_LIMIT, "the key is longer than %d bytes", TABLE_KEY_MAX);
    if (rc != 0) return refuse(t, k, err);
    buf_add(out, buf_str(&text));
    return out->error == 0 ? 0 : error_set(err, out->error, "the key is too long");
}
