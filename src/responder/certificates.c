/* The list of certificates in use. */
#include "responder/responder.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_SHOWN_MAX = 200 };

static struct certificate certificate_make(const char *name, struct str file, bool acme) {
    return (struct certificate){
        .name = strdup(name),
        .file = str_dup(file),
        .acme = acme,
        .pem = BUF_INIT(2 * TLS_PEM_MAX),
        .names = BUF_INIT(CERTIFICATE_NAMES_MAX),
    };
}

int certificates_init(struct responder *r) {
    struct certificates *cs = &r->certificates;
    cs->fd = -1;
    cs->list = calloc(1, sizeof *cs->list);
    if (cs->list == NULL) return ERR_NOMEM;
    cs->list[0] = certificate_make("", STR("server.pem"), false);
    if (cs->list[0].name == NULL || cs->list[0].file == NULL) return ERR_NOMEM;
    cs->count = 1;
    (void)certificate_look(r, &cs->list[0], true);
    return 0;
}

struct certificate *certificate_find(struct responder *r, struct str name) {
    struct certificates *cs = &r->certificates;
    for (size_t i = 0; i < cs->count; i++) {
        if (str_eq(str_from(cs->list[i].name), name)) return &cs->list[i];
    }
    return NULL;
}

bool certificates_any(const struct responder *r) {
    return r->certificates.list[0].pem.len > 0;
}

const char *certificates_problem(const struct responder *r) {
    return r->certificates.list[0].problem;
}

unsigned certificates_refresh(struct responder *r, bool all, struct error *err) {
    struct certificates *cs = &r->certificates;
    unsigned bad = 0;
    bool changed = false;
    for (size_t i = 0; i < cs->count; i++) {
        int rc = certificate_look(r, &cs->list[i], all);
        changed = changed || rc > 0;
        if (rc < 0 && bad++ == 0) error_fill(err, rc, "%s", cs->list[i].problem);
    }
    if (changed) certificates_send(r);
    return bad;
}

/* ---------------------------------------------------------------- rows of the table */

/* What is known of a name stays known as long as its file is the same. */
static void adopt(struct certificates *old, struct certificate *fresh) {
    for (size_t i = 0; i < old->count; i++) {
        struct certificate *o = &old->list[i];
        if (o->name == NULL || strcmp(o->name, fresh->name) != 0 || strcmp(o->file, fresh->file) != 0) continue;
        bool acme = fresh->acme;
        certificate_done(fresh);
        *fresh = *o;
        fresh->acme = acme;
        *o = (struct certificate){0};
        return;
    }
}

static bool row_take(struct certificate *out, const Dir__TableRow *row) {
    char usual[300];
    const char *name = strcmp(row->key, "*") == 0 ? "" : row->key;
    struct str file = certificate_default_file(name, usual);
    bool acme = false;
    for (size_t i = 0; i < row->n_columns; i++) {
        struct str value = str_from(row->columns[i]), column = str_cut(&value, '=');
        if (str_eq(column, STR("file")) && value.len > 0) file = value;
        if (str_eq(column, STR("acme"))) acme = str_eq(value, STR("yes"));
    }
    if (!certificate_file_is_good(file)) {
        log_event(LOG_ERROR, "-", "certificate", "name=%s error=\"'%.*s' is no file below tls\"", row->key,
                  STR_ARG(str_sub(file, 0, FILE_SHOWN_MAX)));
        return false;
    }
    *out = certificate_make(name, file, acme);
    return out->name != NULL && out->file != NULL;
}

/* Whether a row gives the certificate for unknown names ("*"). */
static size_t standard_first(struct certificate *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (list[i].name[0] != '\0') continue;
        struct certificate c = list[i];
        memmove(&list[1], &list[0], i * sizeof c);
        list[0] = c;
        return count;
    }
    memmove(&list[1], &list[0], count * sizeof list[0]);
    list[0] = certificate_make("", STR("server.pem"), false);
    return count + 1;
}

void certificates_set_rows(struct responder *r, Dir__TableRow *const *rows, size_t count) {
    struct certificates *cs = &r->certificates;
    struct certificate *list = calloc(count + 1, sizeof *list);
    size_t n = 0;
    if (list == NULL) return;
    for (size_t i = 0; i < count && n < CERTIFICATES_MAX; i++) n += row_take(&list[n], rows[i]);
    n = standard_first(list, n);
    for (size_t i = 0; i < n; i++) adopt(cs, &list[i]);
    bool gone = false;
    for (size_t i = 0; i < cs->count; i++) {
        gone = gone || cs->list[i].name != NULL;
        certificate_done(&cs->list[i]);
    }
    free(cs->list);
    cs->list = list;
    cs->count = n;
    if (gone) certificates_send(r);
    (void)certificates_refresh(r, false, NULL);
}
