#include "cli/user_text.h"

#include "base/clock.h"

#include <stdio.h>

static void print_list(const char *what, char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) printf("%-14s %s\n", i == 0 ? what : "", list[i]);
}

static void print_quota(const char *what, uint64_t mb) {
    if (mb == 0)
        printf("%-14s unlimited\n", what);
    else
        printf("%-14s %llu MB\n", what, (unsigned long long)mb);
}

static void print_text(const char *what, const char *text) {
    if (text[0] != '\0') printf("%-14s %s\n", what, text);
}

void user_text_print(const Dir__User *u, const Store__AccountInfo *info) {
    printf("%-14s %s\n", "Address", u->address);
    print_list("Aliases", u->aliases, u->n_aliases);
    if (u->first_name[0] != '\0' || u->last_name[0] != '\0') {
        printf("%-14s %s%s%s\n", "Name", u->first_name, u->first_name[0] != '\0' ? " " : "", u->last_name);
    }
    print_text("Telephone", u->telephone);
    if (u->account != 0) printf("%-14s %llu\n", "Account", (unsigned long long)u->account);
    printf("%-14s %s\n", "State", u->enabled ? "enabled" : "disabled");
    print_text("Mailbox on", u->host);
    print_text("Permission", u->permission);
    print_list("Connectors", u->connectors, u->n_connectors);
    print_list("Services", u->services, u->n_services);
    if (u->account != 0) print_quota("Quota", u->quota_mb);
    if (u->max_messages > 0) printf("%-14s %u\n", "Max. messages", u->max_messages);
    print_text("Home", u->home);
    print_text("Web folder", u->web_dir);
    if (u->account != 0) printf("%-14s %s\n", "Web folders", u->web_enabled ? "enabled" : "disabled");
    if (u->has_web || u->web_quota_mb > 0) print_quota("Web quota", u->web_quota_mb);
    if (info == NULL || !info->exists) return;
    printf("%-14s %llu messages in %llu folders, %.1f MB\n", "Mailbox", (unsigned long long)info->messages,
           (unsigned long long)info->folders, (double)info->bytes / (1024.0 * 1024.0));
    if (info->last_access > 0) {
        char when[CLOCK_TEXT_MAX];
        clock_rfc5322(info->last_access / 1000, when);
        printf("%-14s %s\n", "Last access", when);
    }
}

static json_t *json_list(char *const *list, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) (void)json_array_append_new(array, json_string(list[i]));
    return array;
}

json_t *user_text_json(const Dir__User *u, const Store__AccountInfo *info) {
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:s, s:I, s:s, s:s, s:b, s:I, s:o, s:o}", "address",
                          u->address, "first_name", u->first_name, "last_name", u->last_name, "telephone", u->telephone,
                          "account", (json_int_t)u->account, "enabled", u->enabled, "permission", u->permission,
                          "quota_mb", (json_int_t)u->quota_mb, "home", u->home, "web_dir", u->web_dir, "web_enabled",
                          u->web_enabled, "web_quota_mb", (json_int_t)u->web_quota_mb, "aliases",
                          json_list(u->aliases, u->n_aliases), "connectors", json_list(u->connectors, u->n_connectors));
    if (o != NULL && u->n_services > 0) (void)json_object_set_new(o, "services", json_list(u->services, u->n_services));
    if (o != NULL && u->max_messages > 0) (void)json_object_set_new(o, "max_messages", json_integer(u->max_messages));
    if (o != NULL && u->host[0] != '\0') (void)json_object_set_new(o, "host", json_string(u->host));
    if (o != NULL && info != NULL && info->exists) {
        (void)json_object_set_new(o, "mailbox",
                                  json_pack("{s:I, s:I, s:I, s:I}", "messages", (json_int_t)info->messages, "folders",
                                            (json_int_t)info->folders, "bytes", (json_int_t)info->bytes, "last_access",
                                            (json_int_t)info->last_access));
    }
    return o;
}

void user_usage_print(const Store__Usage *u) {
    if (u->messages > 0 || u->bounces > 0 || u->usual > 0)
        printf("%-14s %u messages to %u recipients, %.1f MB; %u not reached; usual: %u recipients a day\n",
               "Sent today", u->messages, u->recipients, (double)u->bytes / (1024.0 * 1024.0), u->bounces, u->usual);
    if (u->braked == 0) return;
    char when[CLOCK_TEXT_MAX];
    clock_rfc5322(u->braked / 1000, when);
    printf("%-14s since %s: %s (iems user release)\n", "Slowed down", when, u->reason);
}

json_t *user_usage_json(const Store__Usage *u) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "messages", (json_int_t)u->messages, "recipients",
                     (json_int_t)u->recipients, "bytes", (json_int_t)u->bytes, "bounces", (json_int_t)u->bounces,
                     "usual_recipients", (json_int_t)u->usual, "braked", (json_int_t)(u->braked / 1000), "reason",
                     u->reason);
}

void user_gone_print(const char *address, const Dir__UserGone *gone) {
    char until[CLOCK_TEXT_MAX];
    if (gone->until == 0) {
        printf("%s was deleted.\n", address);
        return;
    }
    clock_rfc5322(gone->until / 1000, until);
    printf("%s was deleted. It may be brought back until %s: iems user undelete %s\n", address, until, address);
}
