/* Folders as a session sees them: namespaces (RFC 2342) and rights (RFC 4314 section 4). Rights are looked up with each
 * call, so that what is taken away ends at the next one. */
#include "store/service/private.h"

#include <stdlib.h>
#include <string.h>

enum { SESSION_OTHERS_MAX = 4096 };

static const struct str prefixes[] = {{"Other Users", 11}, {"Shared", 6}};
enum { PREFIX_USERS, PREFIX_SHARED, PREFIXES };

/* "Other Users/kim@example.test/Sent" -> 0, "kim@example.test", "Sent". */
static int split(struct str name, struct str *address, struct str *local) {
    for (int i = 0; i < PREFIXES; i++) {
        struct str rest = name;
        if (!str_eq(str_cut(&rest, '/'), prefixes[i])) continue;
        struct str owner = str_cut(&rest, '/');
        if (str_find(owner, '@') == STR_NPOS) return -1;
        *address = owner;
        *local = rest;
        return i;
    }
    return -1;
}

bool name_is_other(struct str name) {
    struct str address, local;
    return split(name, &address, &local) >= 0;
}

bool name_is_reserved(struct str name) {
    struct str first = str_cut(&name, '/');
    for (int i = 0; i < PREFIXES; i++)
        if (str_eq(first, prefixes[i])) return true;
    return false;
}

const char *session_owner_root(const struct session *s, const struct account *a, struct arena *arena) {
    if (a == s->account) return "";
    const char *root = arena_printf(arena, "%s/%s", prefixes[a->shared ? PREFIX_SHARED : PREFIX_USERS].ptr, a->address);
    return root == NULL ? "" : root;
}

const char *session_folder_name(const struct session *s, const struct folder *f, struct arena *arena) {
    const struct account *a = f->account;
    const char *name = a == s->account
                           ? arena_cstr(arena, str_from(f->name))
                           : arena_printf(arena, "%s/%s/%s", prefixes[a->shared ? PREFIX_SHARED : PREFIX_USERS].ptr,
                                          a->address, f->name);
    return name == NULL ? "" : name;
}

void session_others_free(struct session *s) {
    for (size_t i = 0; i < s->other_count; i++) account_unpin(s->others[i]);
    free(s->others);
    s->others = NULL;
    s->other_count = 0;
}

static struct account *held(const struct session *s, uint64_t id) {
    for (size_t i = 0; i < s->other_count; i++)
        if (s->others[i]->id == id) return s->others[i];
    return NULL;
}

/* Holds another's account for the session. */
static int hold(struct session *s, uint64_t id, struct account **out) {
    struct account *a = held(s, id);
    int rc = 0;
    if (a == NULL) {
        rc = account_pin(s->service->m, id, STR_EMPTY, false, &a);
        if (rc != 0) return rc;
        if (held(s, id) != NULL || s->other_count == SESSION_OTHERS_MAX) { /* another request was faster */
            account_unpin(a);
            a = held(s, id);
            if (a == NULL) return ERR_LIMIT;
        } else {
            s->others = realloc(s->others, (s->other_count + 1) * sizeof(struct account *));
            IEMS_ASSERT(s->others != NULL);
            s->others[s->other_count++] = a;
        }
    }
    if (a->deleted) return ERR_NOTFOUND;
    *out = a;
    return 0;
}

int session_others(struct session *s, struct account ***out, size_t *count) {
    struct share_owner *owners;
    size_t n;
    int rc = share_owners(s->account, &owners, &n);
    if (rc != 0 || n == 0) {
        if (rc == 0) *count = 0;
        return rc;
    }
    struct account **list = calloc(n, sizeof(struct account *));
    IEMS_ASSERT(list != NULL);
    for (size_t i = 0; i < n; i++)
        if (hold(s, owners[i].account, &list[i]) != 0) list[i] = NULL;
    share_owners_free(owners, n);
    *out = list;
    *count = n;
    return 0;
}

static int find_owner(struct session *s, struct str address, bool shared, struct account **out) {
    struct share_owner *owners;
    size_t n;
    int rc = share_owners(s->account, &owners, &n);
    if (rc != 0) return rc;
    rc = ERR_NOTFOUND;
    for (size_t i = 0; i < n; i++) {
        if (owners[i].shared != shared || !str_eq_nocase(str_from(owners[i].address), address)) continue;
        rc = hold(s, owners[i].account, out);
        break;
    }
    if (n > 0) share_owners_free(owners, n);
    return rc;
}

int session_owner(struct session *s, struct str name, struct account **owner, struct str *local, struct error *err) {
    struct str address, rest;
    int which = split(name, &address, &rest);
    if (which < 0) {
        *owner = s->account;
        *local = name;
        return 0;
    }
    int rc = find_owner(s, address, which == PREFIX_SHARED, owner);
    if (rc != 0)
        return error_set(err, rc, "there is no folder \"%.*s\"", (int)(name.len < 200 ? name.len : 200), name.ptr);
    *local = rest;
    return 0;
}

int rights_check(uint32_t have, uint32_t needed, struct error *err) {
    if ((have & needed) == needed) return 0;
    char missing[RIGHTS_TEXT_MAX];
    rights_text(needed & ~have, false, missing);
    return error_set(err, ERR_DENIED, "the right \"%s\" is missing here", missing);
}

/* RFC 4314 section 4: "l" is what LIST asks for; other commands ask for rights of their own, and whoever has them need
 * not have "l". To others that have no "l" the folder does not exist. */
static int check_folder(const struct session *s, const struct folder *f, uint32_t rights, struct error *err) {
    uint32_t have = session_rights(s, f);
    bool enough = rights != 0 ? (have & rights) == rights : (have & RIGHTS_KNOWN) != 0;
    if (f->account == s->account || (have & RIGHT_LOOKUP) != 0 || enough) return rights_check(have, rights, err);
    return ERR_NOTFOUND;
}

int session_folder_named(struct session *s, const char *name, uint32_t rights, struct folder **out, struct error *err) {
    struct account *a;
    struct str local;
    int rc = session_owner(s, str_from(name), &a, &local, err);
    if (rc != 0) return rc;
    struct folder *f = local.len == 0 ? NULL : account_folder(a, local);
    rc = f == NULL ? ERR_NOTFOUND : check_folder(s, f, rights, err);
    if (rc == ERR_NOTFOUND) return error_set(err, rc, "there is no folder \"%.200s\"", name);
    if (rc == 0) *out = f;
    return rc;
}

static struct folder *find_by_id(const struct session *s, uint64_t id) {
    struct folder *f = account_folder_by_id(s->account, id);
    for (size_t i = 0; f == NULL && i < s->other_count; i++) f = account_folder_by_id(s->others[i], id);
    return f;
}

int session_folder(struct session *s, uint64_t id, uint32_t rights, struct folder **out, struct error *err) {
    struct folder *f = find_by_id(s, id);
    if (f == NULL) { /* known to the client from before a new session here */
        struct account **others = NULL;
        size_t n = 0;
        int rc = session_others(s, &others, &n);
        if (rc != 0) return rc;
        if (n > 0) free(others);
        f = find_by_id(s, id);
    }
    int rc = f == NULL || f->no_select ? ERR_NOTFOUND : check_folder(s, f, rights, err);
    if (rc == ERR_NOTFOUND) return error_set(err, rc, "there is no such folder");
    if (rc == 0) *out = f;
    return rc;
}
