/* See hosttable.h. */
#include "smtpc/hosttable.h"

#include "base/map.h"

#include <stdlib.h>

struct host {
    size_t count;
    struct net_addr addr[HOSTTABLE_ADDRESSES_MAX];
};

struct hosttable {
    struct map *hosts; /* name to struct host */
};

void hosttable_free(struct hosttable *t) {
    if (t == NULL) return;
    if (t->hosts != NULL) map_free(t->hosts, free);
    free(t);
}

size_t hosttable_count(const struct hosttable *t) {
    return t == NULL ? 0 : map_count(t->hosts);
}

/* "192.0.2.1", "192.0.2.1:2525", "2001:db8::1", "[2001:db8::1]:2525". */
static int address_parse(struct str text, struct net_addr *out) {
    uint64_t port = 0;
    struct str ip = text;
    ptrdiff_t colon = str_rfind(text, ':');
    if (str_starts(text, STR("["))) {
        ptrdiff_t end = str_find(text, ']');
        if (end < 0) return ERR_INVALID;
        ip = str_sub(text, 1, (size_t)end - 1);
        struct str rest = str_sub(text, (size_t)end + 1, text.len);
        if (rest.len > 0 && (rest.ptr[0] != ':' || str_to_u64(str_sub(rest, 1, rest.len), 65535, &port) != 0))
            return ERR_INVALID;
    } else if (colon >= 0 && str_find(text, ':') == colon) {
        ip = str_sub(text, 0, (size_t)colon);
        if (str_to_u64(str_sub(text, (size_t)colon + 1, text.len), 65535, &port) != 0) return ERR_INVALID;
    }
    return net_addr_parse(ip, (uint16_t)port, out);
}

static int name_add(struct hosttable *t, struct str name, const struct net_addr *a) {
    if (str_ends(name, STR("."))) name.len--;
    struct host *h = map_get(t->hosts, name);
    if (h == NULL) {
        h = calloc(1, sizeof *h);
        if (h == NULL) return ERR_NOMEM;
        if (map_put(t->hosts, name, h, NULL) != 0) {
            free(h);
            return ERR_NOMEM;
        }
    }
    if (h->count < HOSTTABLE_ADDRESSES_MAX) h->addr[h->count++] = *a;
    return 0;
}

static int line_parse(struct hosttable *t, struct str line, unsigned number, struct error *err) {
    struct str words = str_cut(&line, '#'), first = str_word(&words), name;
    struct net_addr a;
    if (first.len == 0) return 0;
    if (address_parse(first, &a) != 0)
        return error_set(err, ERR_INVALID, "line %u: \"%.*s\" is no address", number, STR_ARG(first));
    size_t names = 0;
    for (; (name = str_word(&words)).len > 0; names++)
        if (name_add(t, name, &a) != 0) return error_set(err, ERR_NOMEM, "line %u: out of memory", number);
    if (names == 0) return error_set(err, ERR_INVALID, "line %u: no name behind the address", number);
    return 0;
}

int hosttable_parse(struct str text, struct hosttable **out, struct error *err) {
    struct hosttable *t = calloc(1, sizeof *t);
    if (t != NULL) t->hosts = map_new(MAP_NOCASE);
    if (t == NULL || t->hosts == NULL) {
        hosttable_free(t);
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    unsigned number = 0;
    for (struct str rest = text; rest.len > 0;) {
        int rc = line_parse(t, str_trim(str_cut(&rest, '\n')), ++number, err);
        if (rc == 0) continue;
        hosttable_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

static const struct host *lookup(const struct hosttable *t, struct str name) {
    const struct host *h = map_get(t->hosts, name);
    char pattern[300] = "*";
    for (ptrdiff_t dot; h == NULL && (dot = str_find(name, '.')) >= 0;) {
        struct str below = str_sub(name, (size_t)dot, name.len); /* ".example.com" */
        if (str_to_cstr(below, pattern + 1, sizeof pattern - 1) == 0) h = map_get(t->hosts, str_from(pattern));
        name = str_sub(below, 1, below.len);
    }
    return h;
}

size_t hosttable_find(const struct hosttable *t, struct str name, uint16_t port,
                      struct net_addr out[static HOSTTABLE_ADDRESSES_MAX]) {
    if (t == NULL || name.len == 0) return 0;
    const struct host *h = lookup(t, name);
    for (size_t i = 0; h != NULL && i < h->count; i++) {
        out[i] = h->addr[i];
        if (out[i].port == 0) out[i].port = port;
    }
    return h == NULL ? 0 : h->count;
}
