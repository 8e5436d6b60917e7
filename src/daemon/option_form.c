/* See option_form.h. */
#include "daemon/option_form.h"

#include "base/clock.h"
#include "daemon/steps.h"
#include "net/address.h"
#include "proto/smtp/destination.h"

#include <stdlib.h>

static int check_steps(struct str value, struct error *err) {
    struct steps steps;
    return steps_parse(value, &steps, err);
}

static int check_times(struct str value, struct error *err) {
    for (struct str word, rest = value; (word = str_word(&rest)).len > 0;) {
        uint64_t seconds = 0;
        if (clock_parse_duration(word, &seconds) == 0 && seconds > 0) continue;
        return error_set(err, ERR_INVALID, "'%.*s' is no time above 0 (as 90s, 15m, 4h, 3d)", STR_ARG(word));
    }
    return 0;
}

/* DNSBL-02, RELAY-02 */
static int check_networks(struct str value, struct error *err) {
    struct net_range *list = NULL;
    size_t count = 0;
    int rc = net_range_list_parse(value, &list, &count, err);
    free(list);
    return rc;
}

/* ROUTE-14, ROUTE-15: between blanks or commas. */
static int check_hosts(struct str value, struct error *err) {
    struct destination d;
    for (struct str list = value; list.len > 0;) {
        for (struct str word, rest = str_cut(&list, ','); (word = str_word(&rest)).len > 0;) {
            int rc = destination_parse(word, 0, &d, err);
            if (rc != 0) return rc;
        }
    }
    return 0;
}

int option_form_check(const struct option *o, struct str value, struct error *err) {
    int rc = 0;
    switch (o->type) {
    case OPTION_STEPS: rc = check_steps(value, err); break;
    case OPTION_TIMES: rc = check_times(value, err); break;
    case OPTION_NETWORKS: rc = check_networks(value, err); break;
    case OPTION_HOSTS: rc = check_hosts(value, err); break;
    default: break;
    }
    return rc == 0 || err == NULL ? rc : error_prefix(err, "%s", o->name);
}
