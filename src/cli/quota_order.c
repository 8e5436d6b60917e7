#include "cli/quota_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MB = 1024 * 1024, PERCENT = 100, DOMAIN_MAX = 320 };

static double number(const json_t *line, const char *key) {
    return (double)json_integer_value(json_object_get(line, key));
}

static double percent(const json_t *line) {
    double limit = number(line, "limit_bytes");
    return limit > 0 ? number(line, "used_bytes") * PERCENT / limit : 0;
}

static double used(const json_t *line) {
    return number(line, "used_bytes");
}

static double messages(const json_t *line) {
    return number(line, "messages");
}

static const struct {
    const char *name;
    double (*key)(const json_t *line);
} orders[] = {{"used", used}, {"messages", messages}, {"percent", percent}};

enum { ORDERS = sizeof orders / sizeof orders[0] };

bool quota_order_known(const char *by) {
    for (size_t i = 0; i < ORDERS; i++)
        if (strcmp(orders[i].name, by) == 0) return true;
    return false;
}

struct place {
    json_t *line;
    double key;
};

static int highest_first(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->key != y->key) return x->key > y->key ? -1 : 1;
    return strcmp(json_string_value(json_object_get(x->line, "user")),
                  json_string_value(json_object_get(y->line, "user")));
}

json_t *quota_order(const json_t *lines, const char *by, size_t top) {
    size_t count = json_array_size(lines), order = 0;
    while (order < ORDERS && strcmp(orders[order].name, by) != 0) order++;
    struct place *places = order < ORDERS ? calloc(count + 1, sizeof *places) : NULL;
    json_t *out = places == NULL ? NULL : json_array();
    for (size_t i = 0; out != NULL && i < count; i++) {
        json_t *line = json_array_get(lines, i);
        places[i] = (struct place){line, orders[order].key(line)};
    }
    if (out != NULL) qsort(places, count, sizeof *places, highest_first);
    for (size_t i = 0; out != NULL && i < count && (top == 0 || i < top); i++)
        (void)json_array_append(out, places[i].line);
    free(places);
    return out;
}

static void add(json_t *line, const char *key, const json_t *from) {
    (void)json_object_set_new(line, key, json_integer((json_int_t)(number(line, key) + number(from, key))));
}

json_t *quota_by_domain(const json_t *lines) {
    json_t *out = json_array(), *all = json_object();
    for (size_t i = 0; out != NULL && all != NULL && i < json_array_size(lines); i++) {
        const json_t *from = json_array_get(lines, i);
        const char *at = strrchr(json_string_value(json_object_get(from, "user")), '@');
        if (at == NULL || strlen(at) >= DOMAIN_MAX) continue;
        json_t *line = json_object_get(all, at);
        if (line == NULL) {
            line = json_pack("{s:s, s:i, s:i, s:i, s:i}", "user", at, "accounts", 0, "limit_bytes", 0, "used_bytes", 0,
                             "messages", 0);
            if (line == NULL || json_object_set_new(all, at, line) != 0 || json_array_append(out, line) != 0) break;
        }
        (void)json_object_set_new(line, "accounts", json_integer((json_int_t)number(line, "accounts") + 1));
        add(line, "used_bytes", from);
        add(line, "messages", from);
    }
    json_decref(all);
    return out;
}

void quota_order_print(const json_t *lines) {
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i), *state = json_object_get(line, "state");
        char limit[32] = "unlimited", part[16] = "-", accounts[32] = "";
        if (number(line, "limit_bytes") > 0) {
            (void)snprintf(limit, sizeof limit, "%.0f MB", number(line, "limit_bytes") / MB);
            (void)snprintf(part, sizeof part, "%.0f%%", percent(line));
        }
        if (state == NULL) (void)snprintf(accounts, sizeof accounts, "%.0f accounts", number(line, "accounts"));
        printf("%-36s %12s %10.1f MB %5s %9.0f  %s\n", json_string_value(json_object_get(line, "user")),
               state == NULL ? "" : limit, used(line) / MB, part, messages(line),
               state == NULL ? accounts : json_string_value(state));
    }
}
