#include "cli/maildir_notes.h"

#include "cli/local_files.h"
#include "daemon/config.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const char courier_keywords[] = "courierimapkeywords", courier_list[] = ":list";
static const char courier_subscribed[] = "courierimapsubscribed";

static bool read_file(const char *dir, const char *name, struct buf *out) {
    char path[INSTANCE_PATH_MAX];
    struct error err = {0};
    buf_clear(out);
    return instance_path(dir, name, path) == 0 && file_read(path, out, &err) == 0;
}

/* --- Dovecot: "0 name" on a line each; cut in place */
static void read_letters(const char *dir, struct maildir_keywords *k) {
    if (!read_file(dir, MAILDIR_KEYWORDS, &k->text) || k->text.len == 0) return;
    (void)buf_cstr(&k->text);
    for (char *line = k->text.ptr; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n'), *name;
        if (end != NULL) *end = '\0';
        unsigned long n = strtoul(line, &name, 10);
        if (n < MAILDIR_LETTERS && *name == ' ' && name[1] != '\0') k->letters[n] = name + 1;
        line = end == NULL ? NULL : end + 1;
    }
}

/* --- Courier: a file ":list" of keywords, an empty line, and "file:number number"; beside it files with the keywords
 * of one message on a line each, which are newer: ".N.file" in their order, then "file" */
static void set_words(struct maildir_keywords *k, struct str file, const struct buf *words) {
    void *old = NULL;
    char *copy = malloc(words->len + 1);
    if (copy == NULL) return;
    if (words->len > 0) memcpy(copy, words->ptr, words->len);
    copy[words->len] = '\0';
    if (map_put(k->files, file, copy, &old) != 0) free(copy);
    free(old);
}

static void add_word(struct buf *words, struct str word) {
    if (word.len == 0) return;
    buf_add(words, word);
    buf_addc(words, '\0');
}

static void read_list(const char *dir, struct maildir_keywords *k) {
    BUF_AUTO text = BUF_INIT(MAILDIR_NOTES_MAX);
    struct str names[MAIL_KEYWORDS_MAX], rest, line;
    size_t count = 0;
    if (!read_file(dir, courier_list, &text)) return;
    rest = buf_str(&text);
    while (rest.len > 0 && (line = str_trim(str_cut(&rest, '\n'))).len > 0)
        if (count < MAIL_KEYWORDS_MAX) names[count++] = line;
    while (rest.len > 0) {
        BUF_AUTO words = BUF_INIT(MAILDIR_NOTES_MAX);
        line = str_cut(&rest, '\n');
        struct str file = str_cut(&line, ':');
        for (struct str word; (word = str_word(&line)).len > 0;) {
            uint64_t n;
            if (count > 0 && str_to_u64(word, count - 1, &n) == 0) add_word(&words, names[n]);
        }
        if (file.len > 0) set_words(k, file, &words);
    }
}

static void read_one(const char *dir, const char *name, struct str file, struct maildir_keywords *k) {
    BUF_AUTO text = BUF_INIT(MAILDIR_NOTES_MAX);
    BUF_AUTO words = BUF_INIT(MAILDIR_NOTES_MAX);
    if (!read_file(dir, name, &text)) return;
    for (struct str rest = buf_str(&text); rest.len > 0;) add_word(&words, str_trim(str_cut(&rest, '\n')));
    set_words(k, file, &words);
}

/* ".N.file" stands before "file", also among those that are sorted by their bytes; N by its value */
static int by_age(const struct dirent **a, const struct dirent **b) {
    unsigned long x = strtoul((*a)->d_name + 1, NULL, 10), y = strtoul((*b)->d_name + 1, NULL, 10);
    bool hidden = (*a)->d_name[0] == '.';
    if (hidden != ((*b)->d_name[0] == '.')) return hidden ? -1 : 1;
    return hidden && x != y ? (x < y ? -1 : 1) : strcmp((*a)->d_name, (*b)->d_name);
}

static int is_note(const struct dirent *e) {
    const char *n = e->d_name;
    return n[0] != ':' && (n[0] != '.' || (ascii_isdigit(n[1]) && strchr(n + 1, '.') != NULL));
}

static void read_files(const char *maildir, struct maildir_keywords *k) {
    char dir[INSTANCE_PATH_MAX];
    struct dirent **list = NULL;
    if (instance_path(maildir, courier_keywords, dir) != 0) return;
    read_list(dir, k);
    int n = scandir(dir, &list, is_note, by_age);
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        read_one(dir, name, str_from(name[0] == '.' ? strchr(name + 1, '.') + 1 : name), k);
        free(list[i]);
    }
    free(list);
}

void maildir_keywords_read(const char *dir, struct maildir_keywords *k) {
    *k = (struct maildir_keywords){.text = BUF_INIT(MAILDIR_NOTES_MAX), .files = map_new(MAP_BYTES)};
    IEMS_ASSERT(k->files != NULL);
    read_letters(dir, k);
    read_files(dir, k);
}

void maildir_keywords_done(struct maildir_keywords *k) {
    map_free(k->files, free);
    buf_done(&k->text);
}

static void take_word(struct mail_item *item, char *word) {
    if (item->keyword_count < MAIL_KEYWORDS_MAX) item->keywords[item->keyword_count++] = word;
}

void maildir_keywords_take(const struct maildir_keywords *k, const char *file, struct mail_item *item) {
    struct str rest = str_from(file), base = str_cut(&rest, ':');
    const char *info = strstr(file, ":2,");
    for (const char *p = info == NULL ? "" : info + 3; *p != '\0' && *p != ','; p++)
        if (*p >= 'a' && *p <= 'z' && k->letters[*p - 'a'] != NULL) take_word(item, k->letters[*p - 'a']);
    for (char *word = map_get(k->files, base); word != NULL && *word != '\0'; word += strlen(word) + 1)
        take_word(item, word);
}

/* --- subscriptions */
/* A level is ended by a tab in Dovecot's second form, which begins with "V", a tab and 2; by "." in all others. */
static void take_name(struct maildir_subscriptions *s, struct str line, bool courier) {
    static char yes;
    BUF_AUTO name = BUF_INIT(INSTANCE_PATH_MAX);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
    if (courier && str_starts(line, STR("INBOX."))) line = str_sub(line, 6, line.len);
    if (line.len == 0) return;
    if (!str_eq_nocase(line, STR("INBOX"))) buf_addc(&name, '.');
    for (size_t i = 0; i < line.len; i++) buf_addc(&name, line.ptr[i] == '\t' ? '.' : line.ptr[i]);
    if (name.error == 0) (void)!map_put(s->names, buf_str(&name), &yes, NULL);
}

void maildir_subscriptions_read(const char *dir, struct maildir_subscriptions *s) {
    BUF_AUTO text = BUF_INIT(MAILDIR_NOTES_MAX);
    *s = (struct maildir_subscriptions){.names = map_new(MAP_BYTES)};
    IEMS_ASSERT(s->names != NULL);
    bool dovecot = read_file(dir, MAILDIR_SUBSCRIPTIONS, &text);
    s->known = dovecot || read_file(dir, courier_subscribed, &text);
    for (struct str rest = buf_str(&text); s->known && rest.len > 0;) {
        struct str line = str_cut(&rest, '\n');
        if (!str_starts(line, STR("V\t"))) take_name(s, line, !dovecot);
    }
}

void maildir_subscriptions_done(struct maildir_subscriptions *s) {
    map_free(s->names, NULL);
}

bool maildir_subscribed(const struct maildir_subscriptions *s, const char *folder_file) {
    return !s->known || map_get(s->names, str_from(folder_file)) != NULL;
}
