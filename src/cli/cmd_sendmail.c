/* The classic `sendmail`: submits the message on standard input (SCLI-01, SCLI-02). Root and the user of
 * the instance hand it to the store; others send it by SMTP to the port of this machine, and only a few of them may
 * name a sender other than themselves. Exit status: 64 usage, 65 bad message, 67 bad recipient, 75 try again, 77 not
 * allowed. */
#include "base/encode.h"
#include "cli/commands.h"
#include "cli/sendmail.h"
#include "daemon/config.h"
#include "proto/smtp/address.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { MEMORY_MAX = 64 * 1024 * 1024, SMTP_PORT = 25 };

static int address_read(struct sendmail *s, struct str text, unsigned flags, struct address *out) {
    struct error err = {0};
    int rc = address_parse_lenient(text, flags | ADDRESS_UTF8 | ADDRESS_UNQUALIFIED, out, &err);
    if (rc == 0 && !address_is_null(out)) rc = address_qualify(out, str_from(s->domain));
    if (rc == 0) return 0;
    cli_error("\"%.*s\" is no mail address%s%s", STR_ARG(text), err.text[0] != '\0' ? ": " : "", err.text);
    return rc;
}

int sendmail_recipient_add(struct sendmail *s, struct str text) {
    struct address a;
    Store__Entry *e = &s->entry;
    if (str_trim(text).len == 0) return EX_OK;
    if (address_read(s, text, 0, &a) != 0) return EX_NOUSER;
    if (e->n_recipients == s->capacity) {
        size_t capacity = s->capacity == 0 ? 16 : s->capacity * 2;
        Store__Recipient **list = arena_alloc(s->arena, capacity * sizeof(*list));
        if (list == NULL) return EX_OSERR;
        if (e->n_recipients > 0) memcpy(list, e->recipients, e->n_recipients * sizeof(*list));
        e->recipients = list;
        s->capacity = capacity;
    }
    Store__Recipient *r = arena_alloc(s->arena, sizeof *r);
    char *address = arena_cstr(s->arena, address_text(&a));
    if (r == NULL || address == NULL) return EX_OSERR;
    store__recipient__init(r);
    r->address = r->original = address;
    r->notify = s->args->notify;
    e->smtputf8 |= address_is_utf8(&a);
    e->recipients[e->n_recipients++] = r;
    return EX_OK;
}

/* -f, or who calls. */
static int sender_take(struct sendmail *s) {
    struct address a;
    const char *text = s->args->sender;
    if (text == NULL) text = arena_printf(s->arena, "%s@%s", s->user, s->domain);
    if (text == NULL) return EX_OSERR;
    if (text[0] == '\0' || strcmp(text, "<>") == 0) {
        s->sender = "";
        return EX_OK;
    }
    if (address_read(s, str_from(text), 0, &a) != 0) return EX_USAGE;
    s->sender = arena_cstr(s->arena, address_text(&a));
    s->entry.smtputf8 |= address_is_utf8(&a);
    return s->sender == NULL ? EX_OSERR : EX_OK;
}

/* SCLI-02: who may name any sender. */
static bool is_trusted(const struct sendmail *s) {
    static const char *const names[] = {"root", "daemon", "network"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(s->user, names[i]) == 0) return true;
    return s->insider;
}

static bool is_self(const struct sendmail *s) {
    struct str rest = str_from(s->sender), local = str_cut(&rest, '@');
    return str_eq(local, str_from(s->user)) && str_eq_nocase(rest, str_from(s->domain));
}

/* Root, and the user that the instance runs as, which owns its data. */
static bool is_insider(const char *instance) {
    struct stat st;
    char data[4096];
    if (geteuid() == 0) return true;
    if (snprintf(data, sizeof data, "%s/data", instance) >= (int)sizeof data) return false;
    return stat(data, &st) == 0 && st.st_uid == geteuid();
}

static int entry_begin(struct sendmail *s) {
    Store__Entry *e = &s->entry;
    store__entry__init(e);
    int status = sender_take(s);
    if (status != EX_OK) return status;
    if (s->args->sender != NULL && !is_trusted(s) && !is_self(s)) {
        cli_error("-f %s: only root, daemon and network may name a sender other than themselves", s->args->sender);
        return EX_NOPERM;
    }
    ident_new(s->trace);
    e->trace = s->trace;
    e->channel = (char *)(uintptr_t) "INPUT";
    e->source = (char *)(uintptr_t) "LOCALOUT";
    e->sender = (char *)(uintptr_t)s->sender;
    e->ret = (char *)(uintptr_t)s->args->ret;
    e->envid = (char *)(uintptr_t)s->args->envid;
    e->peer_name = (char *)(uintptr_t) "localhost";
    for (int i = 0; i < s->args->recipient_count && status == EX_OK; i++) {
        /* "a@b, c@d" in one operand is the habit of some programs */
        for (struct str rest = str_from(s->args->recipients[i]); rest.len > 0 && status == EX_OK;)
            status = sendmail_recipient_add(s, str_cut(&rest, ','));
    }
    if (status == EX_OK && e->n_recipients == 0 && !s->args->from_header)
        return cli_usage(cli_current(), "no recipients (give them as operands, or -t to take them from the header)");
    return status;
}

static int submit(struct cli *c, const struct sendmail_args *args, const struct instance_config *config) {
    ARENA_AUTO arena = arena_new(MEMORY_MAX);
    const struct passwd *pw = getpwuid(getuid());
    if (arena == NULL) return EX_OSERR;
    struct str gecos = str_from(pw != NULL ? pw->pw_gecos : ""), name = str_cut(&gecos, ',');
    struct sendmail s = {.args = args, .hostname = config->hostname, .domain = config->domain, .arena = arena};
    s.insider = is_insider(c->instance);
    s.port = config->port_base + SMTP_PORT;
    s.user = arena_cstr(arena, str_from(pw != NULL ? pw->pw_name : "nobody"));
    s.full_name = args->full_name != NULL ? args->full_name : arena_cstr(arena, name);
    int status = s.user == NULL || s.full_name == NULL ? EX_OSERR : entry_begin(&s);
    if (status != EX_OK) return status;
    if (s.insider) s.store = cli_connect(c, &store_service);
    if (s.insider && s.store == NULL) return EX_TEMPFAIL;
    status = sendmail_submit(&s, STDIN_FILENO);
    if (s.store != NULL) rpc_client_free(s.store);
    return status;
}

static char word_all[] = "--all", word_yes[] = "--yes", word_sender[] = "--sender", word_recipient[] = "--recipient";

/* -q: as iems queue run and iems queue retry do. */
static int run_queue(struct cli *c, const struct sendmail_args *args) {
    char *value = (char *)(uintptr_t)args->run_value, *name = (char *)(uintptr_t) "sendmail";
    char *all[] = {name, word_all, NULL}, *id[] = {name, value, NULL};
    char *some[] = {name, args->run_by == 'S' ? word_sender : word_recipient, value, word_yes, NULL};
    if (args->run_by == '\0') return cmd_queue_run(c, 2, all);
    return args->run_by == 'I' ? cmd_queue_retry(c, 2, id) : cmd_queue_retry(c, 4, some);
}

/* -bv: addresses without a domain are those of this instance. */
static int verify(struct cli *c, const struct sendmail_args *args, const struct instance_config *config) {
    ARENA_AUTO arena = arena_new(MEMORY_MAX);
    size_t count = (size_t)args->recipient_count;
    char **list = arena == NULL ? NULL : arena_alloc(arena, (count + 1) * sizeof *list);
    if (list == NULL) return EX_OSERR;
    if (count == 0) return cli_usage(cli_current(), "-bv: an address is needed");
    for (size_t i = 0; i < count; i++) {
        list[i] = args->recipients[i];
        if (strchr(list[i], '@') == NULL) list[i] = arena_printf(arena, "%s@%s", list[i], config->domain);
        if (list[i] == NULL) return EX_OSERR;
    }
    return cli_resolve(c, list, count, false);
}

static int submit_or_ask(struct cli *c, const struct sendmail_args *args, const struct instance_config *config) {
    switch (args->mode) {
    case SENDMAIL_SMTP: return sendmail_smtp(config->port_base + SMTP_PORT);
    case SENDMAIL_VERIFY: return verify(c, args, config);
    default: return submit(c, args, config);
    }
}

int cmd_sendmail(struct cli *c, int argc, char **argv) {
    struct sendmail_args args;
    struct error err = {0};
    static char mailq[] = "mailq", *mailq_argv[] = {mailq, NULL};
    if (sendmail_args_parse(argc, argv, &args, &err) != 0) return cli_usage(cli_current(), "%s", err.text);
    if (args.mode == SENDMAIL_NOTHING) return EX_OK;
    if (args.instance != NULL && c->instance == NULL) c->instance = strdup(args.instance);
    if (args.mode == SENDMAIL_QUEUE) return cmd_mailq(c, 1, mailq_argv);
    if (args.mode == SENDMAIL_RUN) return run_queue(c, &args);
    if (!cli_instance(c, NULL)) return EX_CONFIG;
    struct instance_config *config = NULL;
    if (instance_config_read(c->instance, &config, &err) != 0) {
        cli_error("%s", err.text);
        return EX_CONFIG;
    }
    int status = submit_or_ask(c, &args, config);
    instance_config_free(config);
    return status;
}
