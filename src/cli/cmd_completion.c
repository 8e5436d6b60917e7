/* Tab completion, from the tables of commands and options. */
#include "cli/commands.h"
#include "daemon/options.h"
#include "daemon/tables.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* One of those before begins with the same word. */
static bool was_before(size_t i) {
    const char *name = command_table[i].name;
    size_t len = strcspn(name, " ");
    for (size_t k = 0; k < i; k++)
        if (strcspn(command_table[k].name, " ") == len && strncmp(command_table[k].name, name, len) == 0) return true;
    return false;
}

static void first_words(void) {
    for (size_t i = 0; i < command_count; i++) {
        const char *name = command_table[i].name;
        if (!cli_is_classic(&command_table[i]) && !was_before(i)) printf(" %.*s", (int)strcspn(name, " "), name);
    }
}

static const char *words_of(const struct option *o) {
    return o->type == OPTION_BOOL ? "yes no" : o->type == OPTION_WORD ? o->unit : "";
}

static void option_words(void) {
    for (size_t i = 0; option_at(i) != NULL; i++) {
        const struct option *o = option_at(i);
        if (words_of(o)[0] != '\0') printf("    %s) words=\"%s\" ;;\n", o->name, words_of(o));
    }
}

static void second_words(void) {
    for (size_t i = 0; i < command_count; i++) {
        const char *name = command_table[i].name;
        size_t len = strcspn(name, " ");
        bool seen = false;
        if (name[len] == '\0' || cli_is_classic(&command_table[i])) continue;
        for (size_t k = 0; k < i; k++) seen = seen || strncmp(command_table[k].name, name, len + 1) == 0;
        if (seen) continue;
        printf("    %.*s) words=\"", (int)len, name);
        for (size_t k = i; k < command_count; k++) {
            if (strncmp(command_table[k].name, name, len + 1) == 0) printf("%s ", command_table[k].name + len + 1);
        }
        printf("\" ;;\n");
    }
}

/* `set` and `unset`: columns; behind "=": the words that a column takes. Bash makes "=" a word of its own. */
static void table_words(void) {
    for (size_t i = 0; i < table_count; i++) {
        const struct table *t = &table_table[i];
        printf("    %s:unset) words=\"", t->name);
        for (size_t k = 0; k < t->column_count; k++) printf("%s ", t->columns[k].name);
        printf("\" ;;\n    %s:set) words=\"", t->name);
        for (size_t k = 0; k < t->column_count; k++) printf("%s= ", t->columns[k].name);
        printf("\" ;;\n");
        for (size_t k = 0; k < t->column_count; k++) {
            const struct option *o = &t->columns[k];
            if (words_of(o)[0] != '\0') printf("    %s:set:%s) words=\"%s\" ;;\n", t->name, o->name, words_of(o));
        }
    }
}

static void table_completion(void) {
    printf("  elif [ \"$COMP_CWORD\" -gt 3 ]; then\n    local at=${COMP_WORDS[1]}:${COMP_WORDS[2]} n=$COMP_CWORD\n"
           "    [ \"$cur\" != = ] || { cur=''; n=$((n + 1)); }\n"
           "    [ \"${COMP_WORDS[n-1]}\" != = ] || at=$at:${COMP_WORDS[n-2]}\n    case $at in\n");
    table_words();
    printf("    esac\n    case $words in *=*) compopt -o nospace 2> /dev/null ;; esac\n");
}

/* ---------------------------------------------------------------- options, as usage and help of a command name them */

enum { OPTIONS_TEXT_MAX = 4096 };

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static size_t option_length(struct str text) {
    size_t len = 2;
    while (len < text.len && (text.ptr[len] == '-' || is_lower(text.ptr[len]))) len++;
    return len;
}

/* Each "--word" of a text, once. */
static void collect(struct str text, struct buf *out) {
    for (ptrdiff_t at; (at = str_find_str(text, STR("--"))) >= 0;) {
        text = str_sub(text, (size_t)at, SIZE_MAX);
        size_t len = option_length(text);
        struct str word = str_sub(text, 0, len), rest = buf_str(out);
        text = str_sub(text, len, SIZE_MAX);
        bool seen = len == 2;
        while (!seen && rest.len > 0) seen = str_eq(str_word(&rest), word);
        if (seen) continue;
        buf_add(out, word);
        buf_addc(out, ' ');
    }
}

enum { TEXTS = 4 };

/* What tells of the options of a command: its usage and help, and those of a command that takes the same: "Options as
 * of `iems user add`"; FILTER is what `queue list` takes. */
static void texts_of(const struct command *cmd, struct str texts[TEXTS]) {
    char first[64], second[64];
    struct str help = cmd->help == NULL ? STR_EMPTY : str_from(cmd->help);
    ptrdiff_t at = str_find_str_nocase(help, STR("as of `iems "));
    if (at < 0) at = str_find_str_nocase(help, STR("as for `iems "));
    struct str rest = at < 0 ? STR_EMPTY : str_sub(help, (size_t)at, SIZE_MAX), name;
    (void)str_cut(&rest, '`');
    name = str_cut(&rest, '`');
    if (str_find_str(str_from(cmd->usage), STR("FILTER")) >= 0) name = STR("iems queue list");
    (void)str_word(&name);
    texts[0] = str_from(cmd->usage);
    texts[1] = help;
    texts[2] = texts[3] = STR_EMPTY;
    if (str_to_cstr(str_word(&name), first, sizeof first) != 0 ||
        str_to_cstr(str_word(&name), second, sizeof second) != 0)
        return;
    const struct command *like = cli_find(first, second);
    if (like == NULL) return;
    texts[2] = str_from(like->usage);
    if (like->help != NULL) texts[3] = str_from(like->help);
}

static void option_completion(void) {
    printf("  case $cur in\n  -*)\n    words=''\n    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (int two = 1; two >= 0; two--) { /* "backup list" goes before "backup" */
        for (size_t i = 0; i < command_count; i++) {
            const struct command *cmd = &command_table[i];
            BUF_AUTO options = BUF_INIT(OPTIONS_TEXT_MAX);
            if (cli_is_classic(cmd) || (strchr(cmd->name, ' ') != NULL) != two) continue;
            struct str texts[TEXTS];
            texts_of(cmd, texts);
            for (size_t k = 0; k < TEXTS; k++) collect(texts[k], &options);
            if (options.len > 0)
                printf("    \"%s\"%s) words=\"%.*s\" ;;\n", cmd->name, two ? "" : "\\ *", STR_ARG(buf_str(&options)));
        }
    }
    printf("    esac ;;\n  esac\n");
}

/* ---------------------------------------------------------------- words behind an option: "--sort id|size" */

/* The words of "a|b|c", without those that stand for a value, as MB in "MB|unlimited": these are in capitals, where the
 * others are not. */
static void alternatives(struct str list, struct buf *out) {
    bool capitals = true;
    for (size_t i = 0; i < list.len; i++) capitals = capitals && !is_lower(list.ptr[i]);
    while (list.len > 0) {
        struct str word = str_cut(&list, '|');
        if (word.len > 0 && (capitals || is_lower(word.ptr[0]))) buf_printf(out, "%.*s ", STR_ARG(word));
    }
}

/* A line of shell for each option of the text that is followed by words to choose from. */
static void value_lines(const struct command *cmd, struct str text) {
    for (ptrdiff_t at; (at = str_find_str(text, STR("--"))) >= 0;) {
        BUF_AUTO words = BUF_INIT(OPTIONS_TEXT_MAX);
        text = str_sub(text, (size_t)at, SIZE_MAX);
        size_t len = option_length(text), end = len + 1;
        while (end < text.len && (ascii_isalpha(text.ptr[end]) || strchr("|+", text.ptr[end]) != NULL)) end++;
        struct str list = len < text.len && text.ptr[len] == ' ' ? str_sub(text, len + 1, end - len - 1) : STR_EMPTY;
        if (str_find(list, '|') > 0) alternatives(list, &words);
        if (words.len > 0)
            printf("    \"%s %.*s\") words=\"%s\" ;;\n", cmd->name, (int)len, text.ptr, buf_cstr(&words));
        text = str_sub(text, len, SIZE_MAX);
    }
}

static void value_completion(void) {
    printf("  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]} ${COMP_WORDS[COMP_CWORD-1]}\" in\n");
    for (size_t i = 0; i < command_count; i++) {
        struct str texts[TEXTS];
        if (cli_is_classic(&command_table[i]) || strchr(command_table[i].name, ' ') == NULL) continue;
        texts_of(&command_table[i], texts);
        for (size_t k = 0; k < TEXTS; k++) value_lines(&command_table[i], texts[k]);
    }
    printf("  esac\n");
}

int cmd_completion(struct cli *c, int argc, char **argv) {
    (void)c;
    if (argc != 2 || strcmp(argv[1], "bash") != 0) return cli_usage(cli_current(), "only bash is known");
    printf("_iems() {\n  local words=\"\" cur=${COMP_WORDS[COMP_CWORD]}\n"
           "  if [ \"$COMP_CWORD\" -gt 2 ] && [ \"${COMP_WORDS[1]}\" = -c ]; then\n" /* iems -c DIR COMMAND */
           "    COMP_WORDS=(iems \"${COMP_WORDS[@]:3}\")\n    COMP_CWORD=$((COMP_CWORD - 2))\n  fi\n"
           "  if [ \"$COMP_CWORD\" -gt 1 ] && [ \"${COMP_WORDS[1]}\" = help ]; then\n" /* of any command */
           "    COMP_WORDS=(iems \"${COMP_WORDS[@]:2}\")\n    COMP_CWORD=$((COMP_CWORD - 1))\n  fi\n"
           "  if [ \"$COMP_CWORD\" = 1 ]; then\n    words=\"");
    first_words();
    printf("\"\n  elif [ \"$COMP_CWORD\" = 2 ]; then\n    case ${COMP_WORDS[1]} in\n");
    second_words();
    printf("    esac\n  elif [ \"${COMP_WORDS[1]} ${COMP_WORDS[2]} $COMP_CWORD\" = \"config set 4\" ]; then\n"
           "    case ${COMP_WORDS[3]} in\n");
    option_words();
    printf("    esac\n  elif [ \"${COMP_WORDS[1]}\" = config ]; then\n    words=\"");
    for (size_t i = 0; option_at(i) != NULL; i++) printf("%s ", option_at(i)->name);
    printf("\"\n");
    table_completion();
    printf("  fi\n");
    option_completion();
    value_completion();
    printf("  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -F _iems iems\n");
    return EX_OK;
}
