#include "cli/commands.h"
#include "cli/table_args.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char *const headings[GROUP_COUNT] = {
    [GROUP_INSTANCE] = "Instance",
    [GROUP_ACCOUNTS] = "Accounts, domains, aliases",
    [GROUP_MAIL] = "Mail and queues",
    [GROUP_CONFIG] = "Configuration and help",
    [GROUP_TABLES] = "Tables of configuration (list, show, set, unset, delete, import, export)",
    [GROUP_CLASSIC] = "Classic names (programs of their own)",
};

static void list_group(enum command_group g) {
    bool first = true;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &command_table[i];
        if (c->group != g) continue;
        if (first) printf("\n%s:\n", headings[g]);
        first = false;
        printf("  %-18s %s\n", c->name, c->summary);
    }
}

static void list_tables(void) {
    printf("\n%s:\n", headings[GROUP_TABLES]);
    for (size_t i = 0; i < table_count; i++) printf("  %-18s %s\n", table_table[i].name, table_table[i].summary);
}

static int list_all(void) {
    printf("usage: iems [-c DIR] COMMAND [ARGUMENTS]\n\n"
           "IEMS %s. The instance is -c DIR (or its iems.conf), or $IEMS_DIR, or /var/lib/iems.\n",
           IEMS_VERSION);
    for (int g = 0; g < GROUP_COUNT; g++) {
        if (g == GROUP_TABLES)
            list_tables();
        else
            list_group((enum command_group)g);
    }
    printf("\n`iems help COMMAND` tells more.\n");
    return EX_OK;
}

static int tell(const struct command *c) {
    printf("usage: %s%s %s\n\n%s.\n", cli_is_classic(c) ? "" : "iems ", c->name, c->usage, c->summary);
    if (c->help != NULL) printf("\n%s\n", c->help);
    if (c->group == GROUP_TABLES) table_help_print(table_of_command(c));
    return EX_OK;
}

/* ---------------------------------------------------------------- the manual page, in man(7) */

static void man_text(const char *s) {
    for (bool line_start = true; *s != '\0'; s++) {
        if (line_start && (*s == '.' || *s == '\'')) printf("\\&");
        if (*s == '-')
            printf("\\-");
        else if (*s == '\\')
            printf("\\e");
        else
            putchar(*s);
        line_start = *s == '\n';
    }
}

static void man_command(const struct command *c) {
    printf(".TP\n.B ");
    if (!cli_is_classic(c)) printf("iems ");
    man_text(c->name);
    printf("\n.I ");
    man_text(c->usage);
    printf("\n.br\n");
    man_text(c->summary);
    printf(".\n");
    if (c->help != NULL) {
        printf(".nf\n");
        man_text(c->help);
        printf("\n.fi\n");
    }
    if (c->run == cmd_table_set) table_help_man(table_of_command(c), man_text);
}

static int man_page(void) {
    printf(".TH IEMS 1 \"\" \"IEMS %s\" \"IEMS\"\n.SH NAME\niems \\- run and administer an IEMS mail server\n"
           ".SH SYNOPSIS\n.B iems\n[\\fB\\-c\\fR \\fIDIR\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n"
           ".SH DESCRIPTION\nAll commands work on one instance: the folder given by \\fB\\-c\\fR (or as operand where "
           "a command takes one), else by the environment variable IEMS_DIR, else /var/lib/iems.\n",
           IEMS_VERSION);
    for (int g = 0; g < GROUP_COUNT; g++) {
        bool first = true;
        for (size_t i = 0; i < command_count; i++) {
            if (command_table[i].group != (enum command_group)g) continue;
            if (first) printf(".SH \"%s\"\n", headings[g]);
            first = false;
            man_command(&command_table[i]);
        }
    }
    printf(
        ".SH \"EXIT STATUS\"\nThose of sysexits.h: 0 success, 64 wrong usage, 65 bad or damaged data, 66 no such "
        "instance, 67 no "
        "such user or object, 69 service unavailable, 70 fault of the program, 71 fault of the system, 73 it is there "
        "already, 74 input or output failed, 75 temporary failure, 77 not permitted, 78 wrong configuration. "
        "iems doctor: 0 in order, 1 something to look at, 2 something does not work.\n.SH FILES\n"
        ".I DIR/iems.conf\n.br\n.I DIR/log/iemta.log\n.SH \"SEE ALSO\"\n.BR iems.conf (5)\n");
    return EX_OK;
}

/* "iems help user": all commands that begin so. */
static bool list_beginning(const char *name) {
    size_t len = strlen(name);
    bool any = false;
    for (size_t i = 0; i < command_count; i++) {
        if (strncmp(command_table[i].name, name, len) != 0 || command_table[i].name[len] != ' ') continue;
        if (!any) printf("usage: iems %s COMMAND [ARGUMENTS]\n\n", name);
        any = true;
        printf("  iems %-18s %s\n", command_table[i].name, command_table[i].summary);
    }
    return any;
}

int cmd_help(struct cli *c, int argc, char **argv) {
    (void)c;
    if (argc == 1) return list_all();
    if (strcmp(argv[1], "--man") == 0) return man_page();
    if (strcmp(argv[1], "--man-conf") == 0) return help_man_conf();
    char name[64];
    (void)snprintf(name, sizeof name, "%s", argv[1]);
    char *blank = strchr(name, ' ');
    if (blank != NULL) *blank = '\0';
    const struct command *found = cli_find(name, argc > 2 ? argv[2] : blank != NULL ? blank + 1 : NULL);
    if (found != NULL) return tell(found);
    bool any = list_beginning(name);
    const struct table *t = table_find(str_from(name));
    if (t != NULL) table_help_print(t);
    if (any) return EX_OK;
    return cli_usage(cli_current(), "there is no command '%s'", argv[1]);
}
