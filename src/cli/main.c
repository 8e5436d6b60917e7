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

/* The command most like what was typed. */
static void unknown(const char *word) {
    cli_error("there is no command '%s'; `iems help` shows all", word);
    for (size_t i = 0; i < command_count; i++) {
        const char *name = command_table[i].name;
        size_t len = strlen(word);
        if (len > 1 && strncmp(name, word, len) == 0)
            (void)fprintf(stderr, "  iems %s %s\n", name, command_table[i].usage);
    }
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
    static char help[] = "help", *help_argv[] = {help, NULL};
    if (at >= argc || strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
        run.command = cli_find(help, NULL);
        run.argc = 1;
        run.argv = help_argv;
        return 0;
    }
    const struct command *found = cli_find(argv[at], at + 1 < argc ? argv[at + 1] : NULL);
    if (found == NULL || cli_is_classic(found)) {
        unknown(argv[at]);
        return EX_USAGE;
    }
    if (strchr(found->name, ' ') != NULL) at++;
    run.command = found;
    run.argc = argc - at;
    run.argv = argv + at;
    if (run.argc == 2 && strcmp(run.argv[1], "--help") == 0) { /* iems COMMAND --help */
        static char *about[3] = {help};
        about[1] = (char *)(uintptr_t)found->name;
        run.command = cli_find(help, NULL);
        run.argc = 2;
        run.argv = about;
    }
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
