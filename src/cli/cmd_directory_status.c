/* `iems directory status`: the hosts that share the directory, asked one after the other, and how far each is. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/directory_sharing.h"
#include "cli/listing.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { US = 1000000 };

struct state {
    const char *role, *what; /* "ok", "behind", "unreachable", "invited" */
    char csn[CSN_MAX];
    double behind; /* seconds */
    struct error why;
};

static int ask(const struct sharing *s, const struct replica_entry *e, struct state *out) {
    LDAP *ld = NULL;
    int rc = strcasecmp(e->name, s->self.name) == 0 ? replica_csn(s->ld, out->csn, &out->why)
                                                    : sharing_connect(s, e->uri, &ld, &out->why);
    if (rc == 0 && ld != NULL) rc = replica_csn(ld, out->csn, &out->why);
    ldap_conn_close(ld);
    return rc;
}

static void look(const struct sharing *s, const struct replica_entry *e, const char *newest, struct state *out) {
    *out = (struct state){.role = e->provider ? "provider" : "replica", .what = "ok"};
    if (e->uri[0] == '\0') {
        out->what = "invited";
    } else if (ask(s, e, out) != 0) {
        out->what = "unreachable";
    } else if (newest[0] != '\0' && strcmp(newest, out->csn) > 0) {
        out->what = "behind";
        out->behind = (double)(replica_csn_us(newest) - replica_csn_us(out->csn)) / US;
    }
}

/* A copy is measured by its provider, or by what is the newest here when that cannot be asked. */
static void find_newest(const struct sharing *s, char out[static CSN_MAX]) {
    struct state st;
    const struct replica_entry *provider = sharing_provider(s);
    out[0] = '\0';
    if (provider != NULL) look(s, provider, "", &st);
    if (provider != NULL && strcmp(st.what, "ok") == 0)
        memcpy(out, st.csn, sizeof st.csn);
    else
        (void)!replica_csn(s->ld, out, &st.why);
}

static const char *time_text(const struct state *st, char out[static CLOCK_TEXT_MAX]) {
    int64_t us = replica_csn_us(st->csn);
    if (us == 0) return "-";
    clock_rfc5322(us / US, out);
    return out;
}

static void print(const struct replica_entry *e, const struct state *st) {
    char when[CLOCK_TEXT_MAX], what[64];
    (void)snprintf(what, sizeof what, "%s", st->what);
    if (strcmp(st->what, "behind") == 0) (void)snprintf(what, sizeof what, "behind %.1f s", st->behind);
    printf("%-30s %-9s %-16s %s\n", e->name, st->role, what, time_text(st, when));
    if (st->why.text[0] != '\0') printf("%-30s %s\n", "", st->why.text);
}

static void add_json(json_t *array, const struct replica_entry *e, const struct state *st) {
    (void)json_array_append_new(array,
                                json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:s}", "name", e->name, "role", st->role,
                                          "state", st->what, "uri", e->uri, "behind", st->behind, "changed",
                                          (json_int_t)(replica_csn_us(st->csn) / US), "error", st->why.text));
}

static int show(const struct sharing *s, bool json) {
    char newest[CSN_MAX], when[CLOCK_TEXT_MAX];
    json_t *array = json ? json_array() : NULL;
    int status = EX_OK;
    find_newest(s, newest);
    if (!json) printf("%-30s %-9s %-16s %s\n", "HOST", "ROLE", "STATE", "LAST CHANGE");
    for (size_t i = 0; i < s->hosts.count; i++) {
        struct state st;
        look(s, &s->hosts.list[i], newest, &st);
        if (strcmp(st.what, "ok") != 0 && strcmp(st.what, "invited") != 0) status = EX_TEMPFAIL;
        if (json)
            add_json(array, &s->hosts.list[i], &st);
        else
            print(&s->hosts.list[i], &st);
    }
    int64_t heard = s->self.replica ? replica_last_contact(s->ld) : 0;
    if (json) return listing_json(array) != EX_OK ? EX_IOERR : status;
    if (heard > 0) {
        clock_rfc5322(heard, when);
        printf("\nThis host, %s, has its copy from %s, which it heard of last at %s.\n", s->self.name,
               s->self.provider_name, when);
    } else if (s->self.replica) {
        printf("\nThis host, %s, has its copy from %s, which it has not heard of since its own start.\n", s->self.name,
               s->self.provider_name);
    }
    return status;
}

int cmd_directory_status(struct cli *c, int argc, char **argv) {
    struct sharing s;
    struct error err = {0};
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) return cli_usage(cli_current(), "unexpected '%s'", argv[1]);
    int status = sharing_open(c, &s);
    if (status == EX_OK && !s.self.shared) {
        if (json)
            status = listing_json(json_array());
        else
            printf("No other host shares the directory (iems directory invite).\n");
    } else if (status == EX_OK) {
        int rc = replicas_trust(&s.hosts, s.instance, s.self.name, &err); /* of those that joined since */
        if (rc != 0) cli_error("%s", err.text);
        status = rc != 0 ? cli_exit_status(rc) : show(&s, json);
    }
    sharing_close(&s);
    return status;
}
