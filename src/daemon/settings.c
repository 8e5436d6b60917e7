#include "daemon/settings.h"

#include <stdlib.h>
#include <string.h>

enum { LAYERS = 2 };

struct value {
    char *text; /* NULL = not set in this layer */
    uint64_t number;
};

struct settings {
    struct value *layers[LAYERS]; /* each an array of option_count, by place in option_table */
    struct value *defaults;       /* texts are those of the table */
};

static struct value *layer_new(void) {
    return calloc(option_count, sizeof(struct value));
}

static void layer_free(struct value *layer) {
    for (size_t i = 0; layer != NULL && i < option_count; i++) free(layer[i].text);
    free(layer);
}

struct settings *settings_new(void) {
    struct settings *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->defaults = layer_new();
    for (int l = 0; l < LAYERS; l++) s->layers[l] = layer_new();
    for (int l = 0; l < LAYERS; l++) {
        if (s->defaults == NULL || s->layers[l] == NULL) {
            settings_free(s);
            return NULL;
        }
    }
    for (size_t i = 0; i < option_count; i++) {
        struct error err;
        int rc = option_check(&option_table[i], str_from(option_table[i].def), &s->defaults[i].number, &err);
        IEMS_ASSERT(rc == 0); /* a default must be in its own range */
    }
    return s;
}

void settings_free(struct settings *s) {
    if (s == NULL) return;
    for (int l = 0; l < LAYERS; l++) layer_free(s->layers[l]);
    free(s->defaults);
    free(s);
}

static size_t place(const char *name) {
    const struct option *o = option_find(str_from(name));
    IEMS_ASSERT(o != NULL);
    return (size_t)(o - option_table);
}

static const struct value *effective(const struct settings *s, size_t i) {
    for (int l = LAYERS - 1; l >= 0; l--) {
        if (s->layers[l][i].text != NULL) return &s->layers[l][i];
    }
    return &s->defaults[i];
}

static const char *text_of(const struct settings *s, size_t i) {
    const struct value *v = effective(s, i);
    return v->text != NULL ? v->text : option_table[i].def;
}

static int layer_fill(struct value *layer, const struct setting *list, size_t count,
                      void (*bad)(const struct error *err, void *arg), void *arg) {
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        struct str name = str_from(list[i].name), value = str_trim(str_from(list[i].value));
        if (option_check_named(name, value, &err) != 0) {
            if (bad != NULL) bad(&err, arg);
            continue;
        }
        struct value *v = &layer[place(list[i].name)];
        free(v->text);
        v->text = str_dup(option_normal(option_find(name), value));
        if (v->text == NULL) return ERR_NOMEM;
        int rc = option_check(option_find(name), value, &v->number, NULL);
        IEMS_ASSERT(rc == 0);
    }
    return 0;
}

int settings_set_layer(struct settings *s, enum settings_layer layer, const struct setting *list, size_t count,
                       void (*bad)(const struct error *err, void *arg), void *arg, bool *changed) {
    struct value *fresh = layer_new();
    if (fresh == NULL || layer_fill(fresh, list, count, bad, arg) != 0) {
        layer_free(fresh);
        return ERR_NOMEM;
    }
    struct value *old = s->layers[layer];
    if (changed != NULL) *changed = false;
    for (size_t i = 0; changed != NULL && i < option_count; i++) {
        s->layers[layer] = old;
        const char *before = text_of(s, i);
        s->layers[layer] = fresh;
        if (strcmp(before, text_of(s, i)) != 0) *changed = true;
    }
    s->layers[layer] = fresh;
    layer_free(old);
    return 0;
}

const char *settings_str(const struct settings *s, const char *name) {
    return text_of(s, place(name));
}

uint64_t settings_u64(const struct settings *s, const char *name) {
    return effective(s, place(name))->number;
}

const char *settings_origin(const struct settings *s, const char *name) {
    size_t i = place(name);
    if (s->layers[SETTINGS_CONF][i].text != NULL) return "iems.conf";
    return s->layers[SETTINGS_DIRECTORY][i].text != NULL ? "directory" : "default";
}
