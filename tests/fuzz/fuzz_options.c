/* Values of options: "name=value", checked by name; lists of networks and durations, which are texts to the table. */
#include "base/clock.h"
#include "daemon/options.h"
#include "net/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str value = str_of(data, size), name = str_cut(&value, '=');
    struct error err = {0};
    if (option_check_named(name, value, &err) != 0) IEMS_ASSERT(err.text[0] != '\0');
    for (size_t i = 0; i < option_count; i++) {
        uint64_t number = 0;
        const struct option *o = &option_table[i];
        int rc = option_check(o, value, &number, &err);
        if (rc == 0 && (o->type == OPTION_COUNT || o->type == OPTION_SECONDS || o->type == OPTION_BYTES))
            IEMS_ASSERT(number >= o->min && number <= o->max);
    }
    struct net_range *list = NULL;
    size_t count = 0;
    struct net_addr here;
    if (net_range_list_parse(value, &list, &count, &err) == 0) {
        if (net_addr_parse(STR("127.0.0.1"), 25, &here) == 0) (void)net_range_list_has(list, count, &here);
        free(list);
    }
    uint64_t seconds;
    if (clock_parse_duration(value, &seconds) == 0) {
        char text[CLOCK_TEXT_MAX];
        uint64_t again = 0;
        clock_format_duration(seconds, text);
        if (clock_parse_duration(str_from(text), &again) == 0) IEMS_ASSERT(again == seconds);
    }
    return 0;
}
