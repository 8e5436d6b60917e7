#include "imapd/filter.h"

#include "imapd/metadata.h"

enum { FILTERS_MAX = 50 };

struct resolving {
    struct session *s;
    struct arena *arena;
    struct imap_search *program;
    unsigned count;
    struct str *name;
};

static int read_filter(struct resolving *r, struct str name, struct str *out) {
    static const char *const places[] = {"/private/filters/values/", "/shared/filters/values/"};
    int err = ERR_NOTFOUND;
    for (size_t i = 0; i < sizeof places / sizeof *places && err == ERR_NOTFOUND; i++) {
        const char *entry = arena_printf(r->arena, "%s%.*s", places[i], STR_ARG(name));
        err = entry == NULL ? ERR_NOMEM : metadata_value(r->s, STR_EMPTY, entry, r->arena, out);
    }
    return err;
}

/* The program of a filter becomes the children of its key. */
static int replace(struct resolving *r, struct imap_search_key *k) {
    struct imap_search inner;
    struct str text;
    *r->name = k->text;
    if (++r->count > FILTERS_MAX) return ERR_LIMIT;
    int err = read_filter(r, k->text, &text);
    if (err != 0) return err;
    const char *program = arena_printf(r->arena, " %.*s", STR_ARG(text));
    if (program == NULL) return ERR_NOMEM;
    struct imap_args a = {.rest = str_from(program), .arena = r->arena, .utf8 = true};
    if (imap_search_parse(&a, &inner) != 0 || !imap_args_end(&a) || inner.has_return || inner.charset.len > 0)
        return ERR_NOTFOUND;
    k->type = IMAP_KEY_AND;
    k->text = (struct str){NULL, 0};
    k->child = inner.key->child;
    r->program->uses_modseq = r->program->uses_modseq || inner.uses_modseq;
    r->program->uses_fuzzy = r->program->uses_fuzzy || inner.uses_fuzzy;
    return 0;
}

/* A program is at most IMAP_SEARCH_DEPTH_MAX deep, and each filter adds one such program. */
static int resolve(struct resolving *r, struct imap_search_key *k) {
    int err = k->type == IMAP_KEY_FILTER ? replace(r, k) : 0;
    for (struct imap_search_key *c = k->child; c != NULL && err == 0; c = c->next) err = resolve(r, c);
    return err;
}

int filter_resolve(struct session *s, struct imap_search *program, struct arena *arena, struct str *name) {
    struct resolving r = {.s = s, .arena = arena, .program = program, .name = name};
    return resolve(&r, program->key);
}
