#include "cli/shared_text.h"

#include <stdio.h>

void shared_text_print(const Dir__Shared *s, const Store__AccountInfo *info) {
    printf("%-14s %s\n", "Address", s->address);
    for (size_t i = 0; i < s->n_aliases; i++) printf("%-14s %s\n", i == 0 ? "Aliases" : "", s->aliases[i]);
    printf("%-14s %s\n", "Name", s->name);
    printf("%-14s %llu\n", "Account", (unsigned long long)s->account);
    if (s->quota_mb == 0)
        printf("%-14s unlimited\n", "Quota");
    else
        printf("%-14s %llu MB\n", "Quota", (unsigned long long)s->quota_mb);
    if (s->home[0] != '\0') printf("%-14s %s\n", "Home", s->home);
    for (size_t i = 0; i < s->n_members; i++)
        printf("%-14s %-8s %s\n", i == 0 ? "Members" : "", s->members[i]->rights, s->members[i]->address);
    if (info == NULL || !info->exists) return;
    printf("%-14s %llu messages in %llu folders, %.1f MB\n", "Mailbox", (unsigned long long)info->messages,
           (unsigned long long)info->folders, (double)info->bytes / (1024.0 * 1024.0));
}

json_t *shared_text_json(const Dir__Shared *s, const Store__AccountInfo *info) {
    json_t *members = json_array(), *aliases = json_array();
    for (size_t i = 0; i < s->n_members; i++)
        (void)json_array_append_new(
            members, json_pack("{s:s, s:s}", "address", s->members[i]->address, "rights", s->members[i]->rights));
    for (size_t i = 0; i < s->n_aliases; i++) (void)json_array_append_new(aliases, json_string(s->aliases[i]));
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "address", s->address, "name", s->name, "account",
                          (json_int_t)s->account, "quota_mb", (json_int_t)s->quota_mb, "home", s->home, "members",
                          members, "aliases", aliases);
    if (o != NULL && info != NULL && info->exists)
        (void)json_object_set_new(o, "mailbox",
                                  json_pack("{s:I, s:I, s:I}", "messages", (json_int_t)info->messages, "bytes",
                                            (json_int_t)info->bytes, "folders", (json_int_t)info->folders));
    return o;
}
