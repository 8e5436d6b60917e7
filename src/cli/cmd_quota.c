/* `iems quota list|show|set`: what accounts and domains may hold, and what they do hold (QUOTA-01, LIM-31). */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/quota_order.h"
#include "cli/user_args.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { PAGE = 500, AFTER_MAX = 2048, MB = 1024 * 1024, PERCENT = 100, COLUMN_LEN = 200 };

/* ---------------------------------------------------------------- every account of a pattern, page by page */

struct each {
    struct rpc_client *dir, *store;
    const char *pattern;
    /* EX_OK goes on. `u`: what the store knows; NULL = nothing was asked of it. */
    int (*take)(struct each *e, const Dir__User *user, const Store__AccountUsage *u);
    json_t *array; /* NULL: text */
    bool one;      /* more of it is told */
    uint64_t mb;   /* to set, with has_mb */
    uint32_t messages;
    bool has_mb, has_messages;
    uint64_t count;
};

static int take_page(struct each *e, const Dir__UserFound *found) {
    uint64_t ids[PAGE];
    Store__AccountsWanted wanted = STORE__ACCOUNTS_WANTED__INIT;
    RPC_REPLY_AUTO reply = {0};
    const Store__AccountsUsage *usage = NULL;
    for (size_t i = 0; i < found->n_users && i < PAGE; i++) ids[i] = found->users[i]->account;
    wanted.accounts = ids;
    wanted.n_accounts = found->n_users < PAGE ? found->n_users : PAGE;
    if (e->store != NULL) {
        int rc = cli_call(e->store, STORE_ACCOUNTS_USAGE, &wanted.base, STR_EMPTY, &reply, "mailboxes");
        if (rc != 0) return cli_exit_status(rc);
        usage = (const void *)reply.msg;
    }
    int status = EX_OK;
    for (size_t i = 0; i < wanted.n_accounts && status == EX_OK; i++) {
        if (found->users[i]->account == 0) continue;
        status = e->take(e, found->users[i], usage == NULL ? NULL : usage->accounts[i]);
        e->count++;
    }
    return status;
}

static int each_run(struct each *e) {
    Dir__UserFind find = DIR__USER_FIND__INIT;
    BUF_AUTO after = BUF_INIT(AFTER_MAX);
    find.pattern = (char *)(uintptr_t)e->pattern;
    find.limit = PAGE;
    find.here = e->store != NULL; /* which knows nothing of the others */
    for (;;) {
        RPC_REPLY_AUTO reply = {0};
        int rc = cli_call(e->dir, DIR_USER_FIND, &find.base, STR_EMPTY, &reply, "users");
        if (rc != 0) return cli_exit_status(rc);
        const Dir__UserFound *found = (const void *)reply.msg;
        int status = take_page(e, found);
        if (status != EX_OK || !found->more || found->n_users == 0) return status;
        buf_clear(&after);
        buf_adds(&after, found->users[found->n_users - 1]->address);
        find.after = (char *)(uintptr_t)buf_cstr(&after);
    }
}

static int each_over(struct cli *c, struct each *e, bool with_store) {
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    e->dir = cli_connect(c, &dir_service);
    if (e->dir == NULL) return EX_UNAVAILABLE;
    e->store = with_store ? cli_connect(c, &store_service) : NULL;
    int status = with_store && e->store == NULL ? EX_UNAVAILABLE : each_run(e);
    rpc_client_free(e->store);
    rpc_client_free(e->dir);
    return status;
}

/* ---------------------------------------------------------------- list and show */

static const char *stage_of(const Store__AccountUsage *u) {
    static const char *const names[] = {"ok", "warned", "expired", "recovered"};
    if (u->state == NULL || u->state->stage > STORE__QUOTA_STAGE__RECOVERED) return "ok";
    return u->state->blocked ? "domain full" : names[u->state->stage];
}

static void print_line(const Dir__User *user, const Store__AccountUsage *u) {
    char limit[32] = "unlimited", percent[16] = "-", until[CLOCK_TEXT_MAX] = "";
    if (user->quota_mb > 0) {
        (void)snprintf(limit, sizeof limit, "%llu MB", (unsigned long long)user->quota_mb);
        (void)snprintf(percent, sizeof percent, "%.0f%%", (double)u->bytes * PERCENT / MB / (double)user->quota_mb);
    }
    if (u->state != NULL && u->state->until > 0) clock_rfc5322(u->state->until, until);
    printf("%-36s %12s %10.1f MB %5s %9llu  %s%s%s\n", user->address, limit, (double)u->bytes / MB, percent,
           (unsigned long long)u->messages, stage_of(u), until[0] != '\0' ? " until " : "", until);
}

/* WFOLD-02 */
static void print_files(const Dir__User *user, const Store__AccountUsage *u) {
    char limit[32] = "unlimited";
    if (!user->web_enabled && u->files == 0) return;
    if (user->web_quota_mb > 0) (void)snprintf(limit, sizeof limit, "%llu MB", (unsigned long long)user->web_quota_mb);
    printf("%-36s %12s %10.1f MB       %9llu  %s\n", "  web folders (files)", limit, (double)u->file_bytes / MB,
           (unsigned long long)u->files, user->web_enabled ? "enabled" : "disabled");
}

static json_t *line_json(const Dir__User *user, const Store__AccountUsage *u) {
    const Store__QuotaState *s = u->state;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:b, s:I, s:I, s:{s:b, s:I, s:I, s:I}}", "user", user->address,
                     "limit_bytes", (json_int_t)(user->quota_mb * MB), "limit_messages", (json_int_t)user->max_messages,
                     "used_bytes", (json_int_t)u->bytes, "messages", (json_int_t)u->messages, "state",
                     s != NULL && s->blocked ? "domain full" : stage_of(u), "blocked", s != NULL && s->blocked, "since",
                     (json_int_t)(s != NULL ? s->since : 0), "until", (json_int_t)(s != NULL ? s->until : 0),
                     "web_folders", "enabled", user->web_enabled, "limit_bytes", (json_int_t)(user->web_quota_mb * MB),
                     "used_bytes", (json_int_t)u->file_bytes, "files", (json_int_t)u->files);
}

static int take_line(struct each *e, const Dir__User *user, const Store__AccountUsage *u) {
    if (e->array == NULL) {
        print_line(user, u);
        if (e->one) print_files(user, u);
    } else {
        (void)json_array_append_new(e->array, line_json(user, u));
    }
    return EX_OK;
}

struct list_args {
    const char *pattern, *by; /* by NULL: in order of the addresses, told as they come */
    uint64_t top;
    bool json, domains, one;
};

/* What was gathered, in order. */
static int list_told(const struct list_args *a, const json_t *lines) {
    json_t *summed = a->domains ? quota_by_domain(lines) : NULL;
    json_t *ordered = a->by == NULL ? NULL : quota_order(summed != NULL ? summed : lines, a->by, a->top);
    const json_t *out = ordered != NULL ? ordered : summed != NULL ? summed : lines;
    int status = EX_OK;
    if (!a->json) {
        quota_order_print(out);
    } else {
        if (json_dumpf(out, stdout, JSON_INDENT(2)) != 0) status = EX_OSERR;
        (void)fputc('\n', stdout);
    }
    json_decref(ordered);
    json_decref(summed);
    return status;
}

static int take_any(struct each *e, const Dir__User *user, const Store__AccountUsage *u) {
    (void)e;
    (void)user;
    (void)u;
    return EX_OK;
}

static int nobody(struct cli *c, const char *pattern) {
    struct each any = {.pattern = pattern, .take = take_any};
    if (each_over(c, &any, false) == EX_OK && any.count > 0)
        cli_error("the mailbox of %s is on another host: give the command there", pattern);
    else
        cli_error("no account is like %s", pattern);
    return EX_NOUSER;
}

static int list(struct cli *c, const struct list_args *a) {
    bool gather = a->json || a->by != NULL || a->domains;
    struct each e = {.pattern = a->pattern, .take = take_line, .array = gather ? json_array() : NULL, .one = a->one};
    if (!a->json) printf("%-36s %12s %13s %5s %9s  %s\n", "USER", "LIMIT", "USED", "", "MESSAGES", "STATE");
    int status = each_over(c, &e, true);
    if (status == EX_OK && e.array != NULL) status = list_told(a, e.array);
    json_decref(e.array);
    return status == EX_OK && e.count == 0 && a->pattern[0] != '\0' ? nobody(c, a->pattern) : status;
}

int cmd_quota_list(struct cli *c, int argc, char **argv) {
    struct list_args a = {.pattern = ""};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            a.json = true;
        else if (strcmp(argv[i], "--domains") == 0)
            a.domains = true;
        else if (strcmp(argv[i], "--sort") == 0 && i + 1 < argc)
            a.by = argv[++i];
        else if (strcmp(argv[i], "--top") == 0 && i + 1 < argc) {
            if (str_to_u64(str_from(argv[++i]), INT32_MAX, &a.top) != 0)
                return cli_usage(cli_current(), "--top %s: a number is meant", argv[i]);
        } else if (argv[i][0] == '-' || a.pattern[0] != '\0')
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            a.pattern = argv[i];
    }
    if (a.by == NULL && a.top > 0) a.by = "used";
    if (a.by != NULL && !quota_order_known(a.by))
        return cli_usage(cli_current(), "--sort %s: used, messages or percent is meant", a.by);
    return list(c, &a);
}

int cmd_quota_show(struct cli *c, int argc, char **argv) {
    bool json = argc == 3 && strcmp(argv[2], "--json") == 0;
    if (argc < 2 || argv[1][0] == '-' || (argc > 2 && !json))
        return cli_usage(cli_current(), "one address is expected");
    return list(c, &(struct list_args){.pattern = argv[1], .json = json, .one = true});
}

/* ---------------------------------------------------------------- set */

static int take_set(struct each *e, const Dir__User *user, const Store__AccountUsage *u) {
    Dir__UserSet set = DIR__USER_SET__INIT;
    Dir__User change = DIR__USER__INIT;
    (void)u;
    change.address = user->address;
    change.has_quota = e->has_mb;
    change.quota_mb = e->mb;
    change.has_max_messages = e->has_messages;
    change.max_messages = e->messages;
    set.user = &change;
    return cli_exit_status(cli_call(e->dir, DIR_USER_SET, &set.base, STR_EMPTY, NULL, user->address));
}

static int set_users(struct cli *c, const char *pattern, const char *size, const char *messages) {
    struct each e = {.pattern = pattern, .take = take_set, .has_mb = size != NULL, .has_messages = messages != NULL};
    if (size != NULL && user_args_quota(size, &e.mb) != 0)
        return cli_usage(cli_current(), "%s: a number of MB or 'unlimited' is meant", size);
    if (messages != NULL && user_args_messages(messages, &e.messages) != 0)
        return cli_usage(cli_current(), "%s: a number of messages or 'unlimited' is meant", messages);
    int status = each_over(c, &e, false);
    if (status != EX_OK) return status;
    if (e.count == 0) {
        cli_error("no account is like %s", pattern);
        return EX_NOUSER;
    }
    printf("%llu accounts have the quota ", (unsigned long long)e.count);
    if (size != NULL) printf("%s%s%s", size, e.mb > 0 ? " MB" : "", messages != NULL ? ", " : "");
    if (messages != NULL) printf("%s messages", messages);
    puts(".");
    return EX_OK;
}

/* Web folders of a domain: a size, unlimited or disabled (WFOLD-04); what stands in the two columns. */
static void files_columns(const char *value, char on[static COLUMN_LEN], char total[static COLUMN_LEN]) {
    bool disabled = strcmp(value, "disabled") == 0;
    (void)snprintf(on, COLUMN_LEN, "files=%s", disabled ? "no" : "yes");
    (void)snprintf(total, COLUMN_LEN, "files_total=%s",
                   disabled || strcmp(value, "unlimited") == 0 || strcmp(value, "enabled") == 0 ? "0" : value);
}

/* `@domain --total SIZE --default MB --users NUMBER --files SIZE`: a row of the table domainquota. */
static int set_domain(struct cli *c, const char *domain, int argc, char **argv) {
    static char table[] = "domainquota";
    Dir__TableSet set = DIR__TABLE_SET__INIT;
    enum { COLUMNS = 5 };
    char columns[COLUMNS][COLUMN_LEN], *list_of[COLUMNS] = {columns[0], columns[1], columns[2], columns[3], columns[4]};
    for (int i = 0; i < argc; i += 2) {
        const char *column = strcmp(argv[i], "--total") == 0     ? "total"
                             : strcmp(argv[i], "--default") == 0 ? "user_default"
                             : strcmp(argv[i], "--users") == 0   ? "max_users"
                                                                 : NULL;
        if (strcmp(argv[i], "--files") == 0 && i + 1 < argc && set.n_columns + 2 <= COLUMNS) {
            files_columns(argv[i + 1], columns[set.n_columns], columns[set.n_columns + 1]);
            set.n_columns += 2;
            continue;
        }
        if (column == NULL || i + 1 == argc || set.n_columns == COLUMNS)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        const char *value = strcmp(argv[i + 1], "unlimited") == 0 ? "0" : argv[i + 1];
        (void)snprintf(columns[set.n_columns++], COLUMN_LEN, "%s=%s", column, value);
    }
    if (set.n_columns == 0)
        return cli_usage(cli_current(), "--total SIZE, --default MB, --users NUMBER or --files SIZE is expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    set.table = table;
    set.key = (char *)(uintptr_t)domain;
    set.columns = list_of;
    int rc = cli_call(dir, DIR_TABLE_SET, &set.base, STR_EMPTY, NULL, domain);
    rpc_client_free(dir);
    return cli_exit_status(rc);
}

int cmd_quota_set(struct cli *c, int argc, char **argv) {
    if (argc >= 2 && argv[1][0] == '@') return set_domain(c, argv[1] + 1, argc - 2, argv + 2);
    const char *size = argc > 2 && argv[2][0] != '-' ? argv[2] : NULL;
    int i = size != NULL ? 3 : 2;
    const char *messages = argc == i + 2 && strcmp(argv[i], "--messages") == 0 ? argv[i + 1] : NULL;
    if (argc < 3 || argv[1][0] == '-' || (messages == NULL && argc != i))
        return cli_usage(cli_current(), "an address and a number of MB, or --messages, are expected");
    return set_users(c, argv[1], size, messages);
}
