/* `iems certificate status`: what is in use, until when, and what ACME last did about it. */
#include "cli/commands.h"

#include "base/clock.h"
#include "net/loop.h"
#include "rpc/acme_methods.h"
#include "rpc/control_methods.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { DAY_S = 86400, DATE_LEN = 11, CALL_MS = 5000 };

static const char *shown(const Control__CertificateState *s) {
    return s->name[0] == '\0' ? "*" : s->name;
}

static void date_text(int64_t wall_s, char out[static CLOCK_TEXT_MAX]) {
    clock_rfc3339(wall_s * 1000, out);
    out[DATE_LEN - 1] = '\0';
}

/* NULL: nothing is known, as iems-acme does not run. */
static const Acme__State *acme_state(struct rpc_client *acme, const Control__CertificateState *s,
                                     struct rpc_reply *reply) {
    Acme__Renew ask = ACME__RENEW__INIT;
    if (acme == NULL || !s->acme) return NULL;
    ask.name = s->name;
    int rc = rpc_call(acme, ACME_NAME, &ask.base, STR_EMPTY, loop_now_ms() + CALL_MS, reply, NULL);
    return rc == 0 ? (const void *)reply->msg : NULL;
}

static void print_acme(const Acme__State *a) {
    char next[CLOCK_TEXT_MAX];
    if (a == NULL || a->failures == 0) return;
    clock_rfc3339(a->next * 1000, next);
    printf("    could not be renewed (%u times, next at %.16sZ): %s\n", a->failures, next, a->problem);
}

static void print_one(const Control__CertificateState *s, const Acme__State *a) {
    char end[CLOCK_TEXT_MAX] = "-";
    int64_t left = s->not_after - clock_wall_s();
    char days[24] = "-";
    if (s->loaded) (void)snprintf(days, sizeof days, "%" PRId64, left < 0 ? -1 - -left / DAY_S : left / DAY_S);
    if (s->loaded) date_text(s->not_after, end);
    printf("%-32s %-10s %6s  %-10s %-4s %s\n", shown(s), end, days, s->loaded ? s->keys : "-", s->acme ? "yes" : "no",
           s->self_signed ? "(self-signed)" : s->issuer);
    if (s->loaded && left < 0) printf("    has ended: clients and other servers refuse it\n");
    if (s->problem[0] != '\0') printf("    %s\n", s->problem);
    print_acme(a);
}

static json_t *json_one(const Control__CertificateState *s, const Acme__State *a) {
    json_t *j = json_pack("{s:s,s:s,s:b,s:b,s:s}", "name", shown(s), "file", s->file, "acme", s->acme, "loaded",
                          s->loaded, "problem", s->problem);
    if (s->loaded) {
        (void)json_object_update_new(j, json_pack("{s:I,s:I,s:s,s:s,s:s,s:b}", "not_before", (json_int_t)s->not_before,
                                                  "not_after", (json_int_t)s->not_after, "keys", s->keys, "issuer",
                                                  s->issuer, "names", s->names, "self_signed", s->self_signed));
    }
    if (a != NULL) {
        (void)json_object_update_new(j, json_pack("{s:i,s:I,s:s}", "failures", (int)a->failures, "next",
                                                  (json_int_t)a->next, "acme_problem", a->problem));
    }
    return j;
}

static void print_all(const Control__CertificateList *list, struct rpc_client *acme, bool json) {
    json_t *all = json ? json_array() : NULL;
    if (!json) printf("%-32s %-10s %6s  %-10s %-4s %s\n", "NAME", "ENDS", "DAYS", "KEYS", "ACME", "ISSUER");
    for (size_t i = 0; i < list->n_list; i++) {
        RPC_REPLY_AUTO reply = {0};
        const Acme__State *a = acme_state(acme, list->list[i], &reply);
        if (json)
            (void)json_array_append_new(all, json_one(list->list[i], a));
        else
            print_one(list->list[i], a);
    }
    char *text = json ? json_dumps(all, JSON_INDENT(2)) : NULL;
    if (text != NULL) puts(text);
    free(text);
    json_decref(all);
}

int cmd_certificate_status(struct cli *c, int argc, char **argv) {
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    struct rpc_client *acme = NULL;
    struct error err = {0};
    if (argc > 1 && !json) return cli_usage(cli_current(), "unexpected '%s'", argv[1]);
    struct rpc_client *control = cli_connect(c, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(control, CONTROL_CERTIFICATE_LIST, &empty.base, STR_EMPTY, &reply, "");
    if (rc == 0 && cli_try_connect(c, &acme_service, &acme, &err) != 0) acme = NULL;
    if (rc == 0) print_all((const void *)reply.msg, acme, json);
    rpc_client_free(acme);
    rpc_client_free(control);
    return cli_exit_status(rc);
}
