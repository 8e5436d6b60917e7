/* See queue_args.h. */
#include "cli/queue_args.h"

#include "base/str.h"

#include <getopt.h>

enum {
    OPT_CHANNEL = 256,
    OPT_DESTINATION,
    OPT_SENDER,
    OPT_RECIPIENT,
    OPT_DOMAIN,
    OPT_HELD,
    OPT_SORT,
    OPT_LIMIT,
    OPT_AFTER,
    OPT_JSON,
    OPT_YES,
    OPT_ALL,
    OPT_REASON,
    OPT_HEADER,
    OPT_BODY
};

static const struct option options[] = {
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"destination", required_argument, NULL, OPT_DESTINATION},
    {"sender", required_argument, NULL, OPT_SENDER},
    {"recipient", required_argument, NULL, OPT_RECIPIENT},
    {"sender-domain", required_argument, NULL, OPT_DOMAIN},
    {"held", no_argument, NULL, OPT_HELD},
    {"sort", required_argument, NULL, OPT_SORT},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"after", required_argument, NULL, OPT_AFTER},
    {"json", no_argument, NULL, OPT_JSON},
    {"yes", no_argument, NULL, OPT_YES},
    {"all", no_argument, NULL, OPT_ALL},
    {"reason", required_argument, NULL, OPT_REASON},
    {"header", no_argument, NULL, OPT_HEADER},
    {"body", no_argument, NULL, OPT_BODY},
    {NULL, 0, NULL, 0},
};

static int sort_take(const char *value, Store__QueueSort *out, struct error *err) {
    static const struct {
        const char *name;
        Store__QueueSort sort;
    } names[] = {{"id", STORE__QUEUE_SORT__SORT_ID},
                 {"priority", STORE__QUEUE_SORT__SORT_PRIORITY},
                 {"size", STORE__QUEUE_SORT__SORT_SIZE},
                 {"time", STORE__QUEUE_SORT__SORT_TIME},
                 {"sender", STORE__QUEUE_SORT__SORT_SENDER}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!str_eq_nocase(str_from(value), str_from(names[i].name))) continue;
        *out = names[i].sort;
        return 0;
    }
    return error_set(err, ERR_INVALID, "--sort %s: id, priority, size, time or sender is meant", value);
}

static int option_take(int opt, char *value, struct queue_args *a, struct error *err) {
    Store__QueueFilter *f = &a->filter;
    a->filtered |= opt >= OPT_CHANNEL && opt <= OPT_HELD;
    switch (opt) {
    case OPT_CHANNEL: f->channel = value; return 0;
    case OPT_DESTINATION: f->destination = value; return 0;
    case OPT_SENDER: f->sender = value; return 0;
    case OPT_RECIPIENT: f->recipient = value; return 0;
    case OPT_DOMAIN: f->sender_domain = value; return 0;
    case OPT_HELD: f->held = true; return 0;
    case OPT_SORT: return sort_take(value, &a->sort, err);
    case OPT_LIMIT:
        if (str_to_u64(str_from(value), UINT32_MAX, &a->limit) == 0) return 0;
        return error_set(err, ERR_INVALID, "--limit %s: a number is meant", value);
    case OPT_AFTER: a->after = value; return 0;
    case OPT_JSON: a->json = true; return 0;
    case OPT_YES: a->yes = true; return 0;
    case OPT_ALL: a->all = true; return 0;
    case OPT_REASON: a->reason = value; return 0;
    case OPT_HEADER: a->header = true; return 0;
    case OPT_BODY: a->body = true; return 0;
    default: return ERR_NOTFOUND;
    }
}

/* What getopt stopped at. */
static int bad_option(const char *arg, struct error *err) {
    struct str rest = str_from(arg);
    struct str name = str_cut(&rest, '=');
    for (const struct option *o = options; o->name != NULL; o++) {
        if (!str_starts(name, STR("--")) || !str_eq(str_sub(name, 2, name.len), str_from(o->name))) continue;
        return error_set(err, ERR_INVALID,
                         o->has_arg == no_argument ? "%.*s takes no value" : "%.*s: its value is missing",
                         STR_ARG(name));
    }
    return error_set(err, ERR_INVALID, "%.*s is unknown, or means several options", STR_ARG(name));
}

int queue_args_parse(int argc, char **argv, struct queue_args *out, struct error *err) {
    store__queue_filter__init(&out->filter);
    optind = 0;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int rc = option_take(opt, optarg, out, err);
        if (rc == ERR_NOTFOUND) return bad_option(argv[optind - 1], err);
        if (rc != 0) return rc;
    }
    for (int i = optind; i < argc; i++) {
        size_t n = out->filter.n_ids;
        if (n == QUEUE_ARGS_IDS_MAX) return error_set(err, ERR_LIMIT, "more than %d ids", QUEUE_ARGS_IDS_MAX);
        if (str_to_u64(str_from(argv[i]), UINT64_MAX, &out->ids[n]) != 0 || out->ids[n] == 0)
            return error_set(err, ERR_INVALID, "\"%s\" is no queue id (a number, see `iems queue list`)", argv[i]);
        out->filter.n_ids++;
    }
    out->filter.ids = out->ids;
    return 0;
}
