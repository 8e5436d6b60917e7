/* Lists of networks in options; apart from settings.c, which needs the daemon. */
#include "smtpd/settings.h"

#include <stdlib.h>

bool network_list_set(struct network_list *list, const char *text, struct error *err) {
    struct net_range *ranges = NULL;
    size_t count = 0;
    if (net_range_list_parse(str_from(text), &ranges, &count, err) < 0) return false;
    free(list->ranges);
    list->ranges = ranges;
    list->count = count;
    return true;
}

bool network_list_has(const struct network_list *list, const struct net_addr *a) {
    return list->count > 0 && net_range_list_has(list->ranges, list->count, a);
}

bool network_list_is_open(const struct network_list *list, char example[static NET_ADDR_TEXT_MAX]) {
    /* Addresses that are nobody's own network: those for documentation, and well-known public ones. */
    static const char *const strangers[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1",
                                            "8.8.8.8",   "2001:db8::1",  "2001:4860:4860::8888"};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct net_addr a;
        if (net_addr_parse(str_from(strangers[i]), 0, &a) < 0 || !network_list_has(list, &a)) continue;
        net_addr_ip_text(&a, example);
        return true;
    }
    return false;
}
