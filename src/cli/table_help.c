/* What tables.tbl says of a table, for `iems help` and the manual page. */
#include "cli/table_args.h"

#include <stdio.h>
#include <string.h>

static void describe(const struct option *o, char *out, size_t size) {
    char range[OPTION_RANGE_MAX];
    option_range(o, range);
    (void)snprintf(out, size, "%s. Value: %s. Default: %s.", o->doc, range, o->def[0] == '\0' ? "empty" : o->def);
}

enum { DESCRIPTION_MAX = 1024, WIDTH = 112, INDENT = 24 };

/* Breaks lines at blanks; the lines behind the first are indented. */
static void print_wrapped(const char *text) {
    size_t column = INDENT;
    for (struct str word, rest = str_from(text); (word = str_word(&rest)).len > 0;) {
        if (column > INDENT && column + 1 + word.len > WIDTH) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        }
        column += (size_t)printf("%s%.*s", column > INDENT ? " " : "", STR_ARG(word));
    }
    (void)fputc('\n', stdout);
}

void table_help_print(const struct table *t) {
    char text[DESCRIPTION_MAX];
    printf("\n%s.\nKEY: %s.\nColumns:\n", t->summary, t->key_doc);
    for (size_t i = 0; i < t->column_count; i++) {
        describe(&t->columns[i], text, sizeof text);
        printf("  %-*s", INDENT - 2, t->columns[i].name);
        print_wrapped(text);
    }
}

void table_help_man(const struct table *t, void (*print)(const char *s)) {
    char text[DESCRIPTION_MAX];
    printf(".RS\n");
    print(t->summary);
    printf(".\n.br\nKEY: ");
    print(t->key_doc);
    printf(". Columns:\n");
    for (size_t i = 0; i < t->column_count; i++) {
        describe(&t->columns[i], text, sizeof text);
        printf(".TP\n.B ");
        print(t->columns[i].name);
        (void)fputc('\n', stdout);
        print(text);
        (void)fputc('\n', stdout);
    }
    printf(".RE\n");
}
