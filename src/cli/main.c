/* Finds the command, by argv[0] or by its words, and runs it in a fiber. */
#include "cli/commands.h"

#include "net/fiber.h"
#include "net/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static struct {
    struct cli cli;
    const struct command *command;
    int argc;
    char **argv;
    int status;
} run = {.status = EX_SOFTWARE};

const struct command *cli_current(void) {
    return run.command;
}

static void run_main(void *arg) {
    (void)arg;
    run.status = run.command->run(&run.cli, run.argc, run.argv);
    loop_stop();
}

static int run_command(void) {
    struct error err = {0};
    int rc = loop_init(&err);
    if (rc == 0) rc = fiber_spawn("command", run_main, NULL, NULL);
    if (rc != 0) {
        cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
        return EX_OSERR;
    }
    loop_run();
    free(run.cli.instance);
    if (fflush(stdout) != 0) return EX_IOERR;
    return run.status;
}

/* The commands most like what was typed. `second`: the word behind it, NULL = none. */
static void unknown(const char *word, const char *second) {
    bool group = false;
    for (size_t i = 0; i < command_count && !group; i++)
        group = strncmp(command_table[i].name, word, strlen(word)) == 0 && command_table[i].name[strlen(word)] == ' ';
    if (group && second != NULL)
        cli_error("there is no command '%s %s'; there are:", word, second);
    else if (group)
        cli_error("'%s' what? There are:", word);
    else
        cli_error("there is no command '%s'; `iems help` shows all", word);
    for (size_t i = 0; i < command_count; i++) {
        const char *name = command_table[i].name;
        size_t len = strlen(word);
        if (len > 1 && strncmp(name, word, len) == 0)
            (void)fprintf(stderr, "  iems %s %s\n", name, command_table[i].usage);
    }
}

/* `iems help`, or about a command or a group of them. */
static int help_about(char *name) {
    static char help[] = "help", *args[3] = {help};
    args[1] = name;
    run.command = cli_find(help, NULL);
    run.argc = name == NULL ? 1 : 2;
    run.argv = args;
    return 0;
}

static int parse(int argc, char **argv) {
    int at = 1;
    if (at + 1 < argc && strcmp(argv[at], "-c") == 0) {
        run.cli.instance = strdup(argv[at + 1]);
        at += 2;
    }
    if (at < argc && strcmp(argv[at], "--version") == 0) {
        printf("iems %s\n", IEMS_VERSION);
        exit(EX_OK);
    }
    if (at >= argc || strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) return help_about(NULL);
    char *second = at + 1 < argc ? argv[at + 1] : NULL;
    const struct command *found = cli_find(argv[at], second);
    if (found == NULL && second != NULL && strcmp(second, "--help") == 0) return help_about(argv[at]);
    if (found == NULL || cli_is_classic(found)) {
        unknown(argv[at], second);
        return EX_USAGE;
    }
    if (strchr(found->name, ' ') != NULL) at++;
    run.command = found;
    run.argc = argc - at;
    run.argv = argv + at;
    if (run.argc == 2 && strcmp(run.argv[1], "--help") == 0) return help_about((char *)(uintptr_t)found->name);
    return 0;
}

int main(int argc, char **argv) {
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    run.cli.program = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "iems";
    const struct command *classic = cli_find(run.cli.program, NULL);
    bool program = classic != NULL && (cli_is_classic(classic) || strcmp(classic->name, "rebuild") == 0); /* REBLD-04 */
    if (program) {
        run.command = classic;
        run.argc = argc;
        run.argv = argv;
    } else {
        int rc = parse(argc, argv);
        if (rc != 0) return rc;
    }
    return run_command();
}
