/* Module "loop": a message that passed this host too often, or too many hosts in all, is going in a circle
 * (LOOP-01 to LOOP-04, RFC 5321 section 6.3). */
#include "mta/module.h"
#include "mta/trips.h"

#include <stdio.h>

enum { HEADER_MAX = 256 * 1024 };

static void found(struct mta_result *r, bool to_postmaster, const char *what, unsigned count) {
    r->verdict = MTA_BOUNCE;
    r->to_postmaster = to_postmaster;
    (void)snprintf(r->status, sizeof r->status, "5.4.6");
    (void)snprintf(r->text, sizeof r->text, "The message has passed %s (%u): it is going in a circle.", what, count);
}

static int loop_run(struct mta_message *m, struct mta_result *r, struct error *err) {
    bool to_postmaster = option_bool(m->daemon, "mta.loops_to_postmaster");
    uint64_t trips_max = option_u64(m->daemon, "mta.max_trips");
    if (m->entry->received > option_u64(m->daemon, "mta.max_received")) {
        found(r, to_postmaster, "too many servers", m->entry->received);
        return 0;
    }
    if (m->entry->received < trips_max) return 0;
    struct str header = STR_EMPTY;
    int rc = lease_header(m->lease, HEADER_MAX, &header, err);
    if (rc != 0) return rc;
    unsigned trips = mta_loop_trips(header, str_from(daemon_hostname(m->daemon)));
    if (trips > trips_max) found(r, to_postmaster, "this server too often", trips);
    return 0;
}

const struct mta_module_ops mta_loop_module = {
    .name = "loop",
    .version = IEMS_VERSION,
    .description = "Finds messages that go in a circle between servers",
    .matrix_option = "mta.matrix.loop",
    .run = loop_run,
};
