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
