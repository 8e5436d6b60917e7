/* See matrix.h. */
#include "mta/matrix.h"

#include <string.h>

static const char *const inputs[INPUT_COUNT] = {"SMTPD", "LOCALOUT", "DL", "BSMTPIN", "WEBCLIENT"};
static const char *const output_names[OUTPUT_COUNT] = {"LOCAL", "SMTPC", "DL", "BSMTPOUT"};

static int find(const char *const *names, int count, struct str name) {
    for (int i = 0; i < count; i++)
        if (str_eq_nocase(str_from(names[i]), name)) return i;
    return -1;
}

static int input_find(struct str name) {
    /* The list channel is called DLOUT where it puts in and DL where it takes out in the documents of old. */
    return str_eq_nocase(name, STR("DLOUT")) ? INPUT_DL : find(inputs, INPUT_COUNT, name);
}

static int names_parse(struct str text, bool is_input, bool *set, int count, struct error *err) {
    for (struct str rest = text; rest.len > 0;) {
        struct str name = str_trim(str_cut(&rest, ','));
        if (str_eq(name, STR("*"))) {
            for (int i = 0; i < count; i++) set[i] = true;
            continue;
        }
        int i = is_input ? input_find(name) : find(output_names, count, name);
        if (i < 0)
            return error_set(err, ERR_INVALID, "\"%.*s\" is no %s channel", STR_ARG(name),
                             is_input ? "input" : "output");
        set[i] = true;
    }
    return 0;
}

int matrix_parse(struct str text, struct matrix *out, struct error *err) {
    struct matrix m = {0};
    for (struct str rest = str_trim(text); rest.len > 0;) {
        struct str outs = str_trim(str_cut(&rest, ';')), row = outs;
        if (row.len == 0) continue;
        bool has_outputs = str_find(row, ':') >= 0, in[INPUT_COUNT] = {0}, to[OUTPUT_COUNT] = {0};
        struct str ins = str_cut(&outs, ':');
        int rc = names_parse(ins, true, in, INPUT_COUNT, err);
        if (rc == 0) rc = names_parse(has_outputs ? outs : STR("*"), false, to, OUTPUT_COUNT, err);
        if (rc != 0) return rc;
        for (int i = 0; i < INPUT_COUNT; i++)
            for (int o = 0; o < OUTPUT_COUNT; o++) m.cell[i][o] |= in[i] && to[o];
    }
    *out = m;
    return 0;
}

static void row_format(const bool *cells, struct buf *out) {
    int set = 0;
    for (int o = 0; o < OUTPUT_COUNT; o++) set += cells[o];
    if (set == OUTPUT_COUNT) {
        buf_addc(out, '*');
        return;
    }
    for (int o = 0, n = 0; o < OUTPUT_COUNT; o++) {
        if (!cells[o]) continue;
        if (n++ > 0) buf_addc(out, ',');
        buf_adds(out, output_names[o]);
    }
}

void matrix_format(const struct matrix *m, struct buf *out) {
    static const bool none[OUTPUT_COUNT];
    bool same = true;
    for (int i = 1; i < INPUT_COUNT; i++) same &= memcmp(m->cell[0], m->cell[i], sizeof none) == 0;
    bool any = memcmp(m->cell[0], none, sizeof none) != 0;
    if (same && any) {
        buf_adds(out, "*:");
        row_format(m->cell[0], out);
        return;
    }
    for (int i = 0, n = 0; i < INPUT_COUNT; i++) {
        if (memcmp(m->cell[i], none, sizeof none) == 0) continue;
        buf_printf(out, "%s%s:", n++ > 0 ? ";" : "", inputs[i]);
        row_format(m->cell[i], out);
    }
}

bool matrix_has(const struct matrix *m, struct str input, struct str output) {
    int i = input_find(input), o = find(output_names, OUTPUT_COUNT, output);
    return i >= 0 && o >= 0 && m->cell[i][o];
}

bool matrix_outputs_have(unsigned outputs, struct str output) {
    int o = find(output_names, OUTPUT_COUNT, output);
    return outputs == 0 || (o >= 0 && (outputs & 1u << o) != 0);
}
