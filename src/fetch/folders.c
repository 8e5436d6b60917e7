/* The folders of an account, with names as they are here, and how many messages they have: NAMESPACE (RFC 2342), LIST
 * with SPECIAL-USE (RFC 6154) and STATUS (RFC 5819) where the server has it; which of them are subscribed. */
#include "fetch/fetch.h"
#include "proto/imap/utf7.h"

#include <string.h>

enum { MEMORY_MAX = 32 * 1024 * 1024, NAME_MAX_HERE = 4096 };

struct folders {
    struct fetch *f;
    struct arena *arena;
    struct imap_namespace spaces[IMAP_NAMESPACES_MAX];
    size_t space_count;
    Fetch__Folder **list;
    size_t count, skipped;
};

static int on_namespace(void *arg, const struct imap_response *r, struct error *err) {
    struct folders *x = arg;
    if (r->kind != IMAP_RESPONSE_NAMESPACE) return 0;
    x->space_count = r->namespace_count;
    for (size_t i = 0; i < r->namespace_count; i++) {
        x->spaces[i] = r->namespaces[i];
        x->spaces[i].prefix = arena_str(x->arena, r->namespaces[i].prefix);
        if (x->spaces[i].prefix.ptr == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

/* Whether it is the user's own; takes off the prefix of what is ("INBOX."). */
static bool own_part(const struct folders *x, struct str *name) {
    const struct imap_namespace *best = NULL;
    if (str_eq_nocase(*name, STR("INBOX"))) return true;
    for (size_t i = 0; i < x->space_count; i++) {
        const struct imap_namespace *n = &x->spaces[i];
        if (str_starts(*name, n->prefix) && (best == NULL || n->prefix.len > best->prefix.len)) best = n;
    }
    if (best == NULL) return true;
    *name = str_sub(*name, best->prefix.len, SIZE_MAX);
    return best->personal && name->len > 0;
}

/* One level of a name. Servers keep what clients made of modified UTF-7 long ago: what cannot be decoded ("R&D") is
 * taken as it is, if it is UTF-8, else as Latin-1. "/" and control bytes become "_". */
static void add_level(struct folders *x, struct str level, struct buf *out) {
    struct str text = level;
    bool plain = imap_mailbox_decode(level, false, x->arena, &text) != 0;
    if (plain) text = level;
    bool latin1 = plain && !str_is_utf8(level);
    if (text.len == 0) buf_addc(out, '_');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == '/' || c == 0x7f) {
            buf_addc(out, '_');
        } else if (c >= 0x80 && latin1) {
            buf_addc(out, (char)(0xc0 | c >> 6));
            buf_addc(out, (char)(0x80 | (c & 0x3f)));
        } else {
            buf_addc(out, (char)c);
        }
    }
}

/* Each level by itself: what separates there may stand in a name here. */
static bool local_name(struct folders *x, struct str raw, char separator, struct buf *out) {
    struct str rest = raw;
    for (bool more = rest.len > 0; more;) {
        more = separator != '\0' && str_find(rest, separator) != STR_NPOS;
        struct str level = more ? str_cut(&rest, separator) : rest;
        if (level.len == 0 && !more) break; /* "a/" */
        if (out->len > 0) buf_addc(out, '/');
        add_level(x, level, out);
    }
    return out->error == 0 && out->len > 0;
}

static int add_folder(struct folders *x, const struct imap_response *r, struct error *err) {
    BUF_AUTO name = BUF_INIT(NAME_MAX_HERE);
    struct str own = r->name;
    if ((r->attributes & IMAP_LIST_NONEXISTENT) != 0 || !own_part(x, &own)) return 0;
    if (x->count == FETCH_FOLDERS_MAX)
        return error_set(err, ERR_LIMIT, "the account has more than %d folders", FETCH_FOLDERS_MAX);
    if (!local_name(x, own, r->separator, &name)) {
        x->skipped++;
        return 0;
    }
    Fetch__Folder *f = arena_alloc(x->arena, sizeof *f);
    if (f == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    fetch__folder__init(f);
    f->raw = rpc_binary(arena_str(x->arena, r->name));
    f->name = arena_cstr(x->arena, buf_str(&name));
    f->special_use = arena_cstr(x->arena, r->special_use);
    f->no_select = (r->attributes & IMAP_LIST_NOSELECT) != 0;
    f->subscribed = (r->attributes & IMAP_LIST_SUBSCRIBED) != 0;
    if (f->name == NULL || f->special_use == NULL || f->raw.data == NULL) return error_set(err, ERR_NOMEM, "no memory");
    x->list[x->count++] = f;
    return 0;
}

static Fetch__Folder *find(struct folders *x, struct str raw) {
    for (size_t i = x->count; i > 0; i--)
        if (str_eq(rpc_bytes(x->list[i - 1]->raw), raw)) return x->list[i - 1];
    return NULL;
}

/* STATUS stands behind the LIST that it belongs to. */
static int on_list(void *arg, const struct imap_response *r, struct error *err) {
    struct folders *x = arg;
    if (r->kind == IMAP_RESPONSE_LIST) return add_folder(x, r, err);
    if (r->kind != IMAP_RESPONSE_STATUS) return 0;
    Fetch__Folder *f = find(x, r->name);
    if (f != NULL) f->messages = r->number;
    return 0;
}

static int on_subscribed(void *arg, const struct imap_response *r, struct error *err) {
    Fetch__Folder *f = NULL;
    (void)err;
    if (r->kind == IMAP_RESPONSE_LSUB && !(r->attributes & IMAP_LIST_NOSELECT)) f = find(arg, r->name);
    if (f != NULL) f->subscribed = true;
    return 0;
}

/* Who subscribed to nothing has a mail program that shows all. */
static int find_subscribed(struct folders *x, bool told, struct error *err) {
    int rc = told ? 0 : fetch_do(x->f, STR("LSUB \"\" \"*\""), on_subscribed, x, err);
    if (rc == ERR_DENIED) rc = 0;
    bool any = false;
    for (size_t i = 0; i < x->count; i++) any = any || x->list[i]->subscribed;
    for (size_t i = 0; i < x->count && !any; i++) x->list[i]->subscribed = true;
    return rc;
}

static int count_messages(struct folders *x, struct error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < x->count; i++) {
        BUF_AUTO command = BUF_INIT(FETCH_COMMAND_MAX);
        if (x->list[i]->no_select) continue;
        buf_adds(&command, "STATUS ");
        fetch_quote(rpc_bytes(x->list[i]->raw), &command);
        buf_adds(&command, " (MESSAGES)");
        rc = fetch_do(x->f, buf_str(&command), on_list, x, err);
        if (rc == ERR_DENIED) rc = 0; /* opening it will tell why */
    }
    return rc;
}

int fetch_on_folders(struct rpc_request *r, struct error *err, void *arg) {
    struct fetch *f = arg;
    ARENA_AUTO arena = arena_new(MEMORY_MAX);
    struct folders x = {.f = f, .arena = arena};
    Fetch__Folders reply = FETCH__FOLDERS__INIT;
    bool status = fetch_can(f, "LIST-STATUS"), extended = fetch_can(f, "LIST-EXTENDED") || fetch_can(f, "IMAP4rev2");
    BUF_AUTO command = BUF_INIT(FETCH_COMMAND_MAX);
    if (arena != NULL) x.list = arena_alloc(arena, FETCH_FOLDERS_MAX * sizeof *x.list);
    if (x.list == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    int rc = fetch_can(f, "NAMESPACE") ? fetch_do(f, STR("NAMESPACE"), on_namespace, &x, err) : 0;
    buf_adds(&command, "LIST \"\" \"*\"");
    if (extended)
        buf_printf(&command, " RETURN (SUBSCRIBED%s%s)", fetch_can(f, "SPECIAL-USE") ? " SPECIAL-USE" : "",
                   status ? " STATUS (MESSAGES)" : "");
    else if (status)
        buf_adds(&command, " RETURN (STATUS (MESSAGES))");
    if (rc == 0) rc = fetch_do(f, buf_str(&command), on_list, &x, err);
    if (rc == 0) rc = find_subscribed(&x, extended, err);
    if (rc == 0 && !status) rc = count_messages(&x, err);
    if (rc != 0) return rc;
    reply.folders = x.list;
    reply.n_folders = x.count;
    reply.skipped = (uint32_t)x.skipped;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}
