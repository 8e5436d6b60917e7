/* MTA-02 to MTA-07, ALIAS-01 to ALIAS-06, FWD-01 to FWD-06, DIR-12, DIR-28 to DIR-34, RFC 5321 section 4.5.1
 * (postmaster). */
#include "dir/resolve.h"

#include "dir/address_key.h"
#include "dir/host.h"
#include "proto/smtp/address.h"
#include "proto/smtp/destination.h"

#include <string.h>

/* One look-up: guards against loops and gathers the targets. */
struct resolving {
    struct mirror *m;
    const struct resolve_settings *s;
    struct arena *arena;
    const struct entry *seen[RESOLVE_TARGETS_MAX];
    size_t seen_count;
    Dir__Target *targets[RESOLVE_TARGETS_MAX];
    size_t target_count;
    bool no_default;     /* a domain says LOCAL$: there is no such user, whatever the default channel is */
    struct str next_hop; /* for the target that is being added (LIM-19) */
    struct str folder;   /* sub-address as it was written: keys are in lower case, folder names are not */
    int error;
};

/* How a recipient was found. */
struct found {
    const struct entry *entry;
    struct str folder;
};

static bool find_at(const struct mirror *m, const struct resolve_settings *s, const struct address_key *k, bool sub,
                    struct found *out) {
    struct str local = address_key_local(k);
    const struct entry *e = mirror_by_address(m, address_key_str(k));
    if (e != NULL) {
        *out = (struct found){e, STR_EMPTY};
        return true;
    }
    ptrdiff_t cut = sub && s->separator.len > 0 ? str_find_str(local, s->separator) : STR_NPOS;
    struct address_key base;
    if (cut <= 0 || address_key_join(str_sub(local, 0, (size_t)cut), address_key_domain(k), &base) != 0) return false;
    e = mirror_by_address(m, address_key_str(&base));
    if (e == NULL) return false;
    *out = (struct found){e, str_sub(local, (size_t)cut + s->separator.len, local.len)};
    return true;
}

/* Follows the domain aliases: the address itself wins, then the one at the domain that its domain is an alias of. `k`
 * is left at the last domain looked at, `*domain` at its entry. */
static bool find_through_aliases(const struct mirror *m, const struct resolve_settings *s, struct address_key *k,
                                 const struct entry **domain, bool sub, struct found *out) {
    for (int depth = 0;; depth++) {
        if (find_at(m, s, k, sub, out)) return true;
        struct str target = *domain == NULL ? STR_EMPTY : entry_get(*domain, ATTR_ALIAS_OF);
        struct address_key next;
        if (target.len == 0 || depth == RESOLVE_DEPTH_MAX ||
            address_key_join(address_key_local(k), target, &next) != 0) {
            return false;
        }
        *k = next;
        *domain = mirror_domain_match(m, target);
    }
}

static void add_target(struct resolving *r, struct str channel, struct str address, const struct entry *account,
                       struct str folder) {
    if (r->error != 0) return;
    for (size_t i = 0; i < r->target_count; i++) { /* the same mailbox once, however many ways lead to it */
        const Dir__Target *t = r->targets[i];
        if (account != NULL
                ? t->account == account->account
                : t->account == 0 && str_eq(str_from(t->channel), channel) && str_eq(str_from(t->address), address)) {
            return;
        }
    }
    Dir__Target *t = r->target_count == RESOLVE_TARGETS_MAX ? NULL : arena_alloc(r->arena, sizeof *t);
    if (t == NULL) {
        r->error = r->target_count == RESOLVE_TARGETS_MAX ? ERR_LIMIT : ERR_NOMEM;
        return;
    }
    dir__target__init(t);
    t->channel = arena_cstr(r->arena, channel);
    t->address = arena_cstr(r->arena, address);
    t->folder = arena_cstr(r->arena, folder);
    t->next_hop = arena_cstr(r->arena, r->next_hop);
    if (t->channel == NULL || t->address == NULL || t->folder == NULL || t->next_hop == NULL) {
        r->error = ERR_NOMEM;
        return;
    }
    for (char *p = t->channel; *p != '\0'; p++) *p = ascii_upper(*p);
    t->may_receive = true;
    if (account != NULL) {
        t->account = account->account;
        t->quota = account->quota_mb * 1024 * 1024;
    }
    r->targets[r->target_count++] = t;
}

static Dir__Kind resolve_key(struct resolving *r, struct address_key *k, int depth, const struct entry **owner);

/* An address that a connector, a catch-all or a forwarding names: ours again, or outside. */
static Dir__Kind forward_to(struct resolving *r, struct str address, int depth) {
    struct address_key k;
    const struct entry *owner;
    if (depth >= RESOLVE_DEPTH_MAX || address_key_make(address, r->s->default_domain, &k, NULL) != 0)
        return DIR__KIND__UNKNOWN;
    Dir__Kind kind = resolve_key(r, &k, depth + 1, &owner);
    if (kind != DIR__KIND__NOT_LOCAL) return kind;
    add_target(r, STR("SMTPC"), address, NULL, STR_EMPTY);
    return DIR__KIND__LOCAL;
}

/* The sub-address goes along, where it can stand in an address as it is. */
static struct str with_folder(struct resolving *r, struct str address, struct str folder) {
    struct str local = address_local_of(address);
    bool plain = folder.len > 0 && local.len > 0 && local.ptr[0] != '"';
    for (size_t i = 0; plain && i < folder.len; i++)
        plain = (unsigned char)folder.ptr[i] > 0x20 && strchr("\"(),:;<>@[\\]\x7f", folder.ptr[i]) == NULL;
    if (!plain) return address;
    const char *text = arena_printf(r->arena, "%.*s%.*s%.*s@%.*s", STR_ARG(local), STR_ARG(r->s->separator),
                                    STR_ARG(folder), STR_ARG(address_domain_of(address)));
    if (text == NULL) r->error = ERR_NOMEM;
    return str_from(text);
}

/* The mailbox is at another host, which gets the mail as it is (DEPL-02, DEPL-06). */
static void add_at_host(struct resolving *r, const struct entry *owner, struct str host, struct str folder) {
    char *hop = host_next_hop(r->m, host, r->arena);
    if (hop == NULL) r->error = ERR_NOMEM;
    r->next_hop = str_from(hop);
    add_target(r, STR("SMTPC"), with_folder(r, entry_get(owner, ATTR_ADDRESS), folder), owner, STR_EMPTY);
    r->next_hop = STR_EMPTY;
}

/* LOCAL$address: the account of that address, which is the entry's own as a rule. */
static Dir__Kind to_local(struct resolving *r, const struct entry *e, struct str address, struct str folder) {
    struct address_key k;
    const struct entry *owner = e;
    if (address.len > 0 && address_key_make(address, r->s->default_domain, &k, NULL) == 0) {
        const struct entry *other = mirror_by_address(r->m, address_key_str(&k));
        if (other != NULL && other->account != 0) owner = other;
    }
    if (owner->account == 0) return DIR__KIND__UNKNOWN;
    if ((owner->flags & ENTRY_DISABLED) || !(entry_permission(owner, STR("LOCAL")) & PERMIT_RECEIVE)) {
        return DIR__KIND__NO_RECEIVE;
    }
    struct str host = host_of(r->m, r->s, owner);
    if (host.len > 0)
        add_at_host(r, owner, host, folder);
    else
        add_target(r, STR("LOCAL"), entry_get(owner, ATTR_ADDRESS), owner, folder);
    return DIR__KIND__LOCAL;
}

static Dir__Kind to_connector(struct resolving *r, const struct found *f, const struct connector *c, int depth) {
    if (!(entry_permission(f->entry, c->channel) & PERMIT_RECEIVE)) return DIR__KIND__NO_RECEIVE;
    if (str_eq_nocase(c->channel, STR("LOCAL"))) return to_local(r, f->entry, c->address, f->folder);
    if (str_eq_nocase(c->channel, STR("SMTPC"))) return forward_to(r, c->address, depth);
    bool bsmtp = str_eq_nocase(c->channel, STR("BSMTP")); /* the older name of BSMTPOUT */
    add_target(r, bsmtp ? STR("BSMTPOUT") : c->channel, c->address, NULL, f->folder);
    return DIR__KIND__LOCAL;
}

/* LOCAL when one way can be taken, else NO_RECEIVE when one is forbidden, else UNKNOWN. */
static Dir__Kind merge(Dir__Kind a, Dir__Kind b) {
    if (a == DIR__KIND__LOCAL || b == DIR__KIND__LOCAL) return DIR__KIND__LOCAL;
    return a == DIR__KIND__NO_RECEIVE || b == DIR__KIND__NO_RECEIVE ? DIR__KIND__NO_RECEIVE : DIR__KIND__UNKNOWN;
}

/* The default channel for local recipients that nothing else is said of (MTA-05, MTA-06). LOCAL: there is no such user.
 */
static Dir__Kind to_default(struct resolving *r, struct str address) {
    if (r->s->unknown_channel.len == 0 || str_eq_nocase(r->s->unknown_channel, STR("LOCAL"))) return DIR__KIND__UNKNOWN;
    add_target(r, r->s->unknown_channel, address, NULL, STR_EMPTY);
    return DIR__KIND__LOCAL;
}

static Dir__Kind to_entry(struct resolving *r, const struct found *f, int depth) {
    for (size_t i = 0; i < r->seen_count; i++) {
        if (r->seen[i] == f->entry) return DIR__KIND__NO_RECEIVE; /* a circle of forwardings: already served */
    }
    if (r->seen_count < RESOLVE_TARGETS_MAX) r->seen[r->seen_count++] = f->entry;
    if (f->entry->flags & ENTRY_DISABLED) return DIR__KIND__NO_RECEIVE;
    Dir__Kind kind = DIR__KIND__UNKNOWN;
    bool any = false;
    struct entry_value v;
    for (uint32_t pos = 0; entry_next(f->entry, &pos, &v);) {
        struct connector c;
        if (v.attr != ATTR_CONNECTOR || connector_parse(v.value, &c) != 0) continue;
        any = true;
        kind = merge(kind, to_connector(r, f, &c, depth));
    }
    if (any) return kind;
    if (f->entry->account != 0) return to_local(r, f->entry, STR_EMPTY, f->folder);
    return to_default(r, entry_get(f->entry, ATTR_ADDRESS)); /* MTA-05: neither connector nor account */
}

/* Domain forwarding to another channel. SMTPC keeps the recipient; the identifier, where it is a host, is the next hop
 * (FWD-03, LIM-19). */
static Dir__Kind to_forward(struct resolving *r, const struct address_key *k, const struct connector *c) {
    struct destination hop;
    bool smtpc = str_eq_nocase(c->channel, STR("SMTPC")), bsmtp = str_eq_nocase(c->channel, STR("BSMTP"));
    if (smtpc && c->address.len > 0 && destination_parse(c->address, 0, &hop, NULL) == 0) r->next_hop = c->address;
    add_target(r, bsmtp ? STR("BSMTPOUT") : c->channel, smtpc ? address_key_str(k) : c->address, NULL, STR_EMPTY);
    r->next_hop = STR_EMPTY;
    return DIR__KIND__LOCAL;
}

/* What the domain says about addresses that no entry has: postmaster, forwarding, catch-all. */
static Dir__Kind to_domain(struct resolving *r, const struct address_key *k, const struct entry *domain, int depth,
                           const struct entry **owner) {
    if (str_eq(address_key_local(k), STR("postmaster"))) {
        Dir__Kind kind = DIR__KIND__UNKNOWN;
        if (r->s->postmaster.len > 0) kind = forward_to(r, r->s->postmaster, depth);
        const struct entry *first = kind == DIR__KIND__LOCAL ? NULL : mirror_first_account(r->m);
        if (first != NULL) {
            *owner = first;
            kind = to_entry(r, &(struct found){first, STR_EMPTY}, depth);
        }
        if (kind == DIR__KIND__LOCAL) return kind;
    }
    struct connector c;
    struct str catch_all = entry_get(domain, ATTR_CATCH_ALL);
    bool forward = forward_parse(entry_get(domain, ATTR_FORWARD), &c) == 0;
    bool local = forward && str_eq_nocase(c.channel, STR("LOCAL"));
    if (forward && !local) return to_forward(r, k, &c);
    if (local && c.address.len > 0) return forward_to(r, c.address, depth);
    if (catch_all.len > 0) return forward_to(r, catch_all, depth);
    r->no_default = r->no_default || local;
    return DIR__KIND__UNKNOWN;
}

static bool domain_usable(const struct entry *domain) {
    return domain != NULL && !(domain->flags & ENTRY_DISABLED);
}

static Dir__Kind resolve_key(struct resolving *r, struct address_key *k, int depth, const struct entry **owner) {
    *owner = NULL;
    const struct entry *first = mirror_domain_match(r->m, address_key_domain(k));
    if (!domain_usable(first)) return DIR__KIND__NOT_LOCAL;
    struct address_key at = *k;
    const struct entry *last = first;
    struct found f;
    if (find_through_aliases(r->m, r->s, &at, &last, true, &f)) {
        *owner = f.entry;
        if (depth == 0 && f.folder.len > 0) f.folder = r->folder;
        return to_entry(r, &f, depth);
    }
    Dir__Kind kind = to_domain(r, k, first, depth, owner);
    if (kind == DIR__KIND__UNKNOWN && last != first) {
        /* An alias of a domain that is not ours: the address there. */
        if (last == NULL) return forward_to(r, address_key_str(&at), depth);
        kind = to_domain(r, &at, last, depth, owner);
    }
    if (kind == DIR__KIND__UNKNOWN && !r->no_default) kind = to_default(r, address_key_str(k));
    return kind;
}

/* What stands behind the separator in the local part. */
static struct str sub_address(struct str address, struct str separator) {
    ptrdiff_t at = str_rfind(address, '@');
    struct str local = at == STR_NPOS ? address : str_sub(address, 0, (size_t)at);
    ptrdiff_t cut = separator.len == 0 ? STR_NPOS : str_find_str(local, separator);
    struct str folder = cut == STR_NPOS ? STR_EMPTY : str_sub(local, (size_t)cut + separator.len, local.len);
    bool quoted = local.len > 1 && local.ptr[0] == '"' && folder.len > 0;
    return quoted ? str_sub(folder, 0, folder.len - 1) : folder;
}

int resolve_address(struct mirror *m, const struct resolve_settings *s, struct str address, struct arena *arena,
                    Dir__Resolved *out) {
    struct resolving *r = arena_alloc(arena, sizeof *r);
    if (r == NULL) return ERR_NOMEM;
    *r = (struct resolving){.m = m, .s = s, .arena = arena, .folder = sub_address(address, s->separator)};
    struct address_key k;
    const struct entry *owner = NULL;
    Dir__Kind kind = DIR__KIND__UNKNOWN;
    if (address_key_make(address, s->default_domain, &k, NULL) == 0) kind = resolve_key(r, &k, 0, &owner);
    if (r->error != 0) return r->error;
    if (kind == DIR__KIND__LOCAL && r->target_count == 0) kind = DIR__KIND__NO_RECEIVE;
    Dir__Target **targets = arena_memdup(arena, r->targets, r->target_count * sizeof *targets);
    struct str primary = owner == NULL ? STR_EMPTY : entry_get(owner, ATTR_ADDRESS);
    char *canonical = arena_cstr(arena, primary.len > 0 ? primary : address);
    if (canonical == NULL || (targets == NULL && r->target_count > 0)) return ERR_NOMEM;
    out->kind = kind;
    out->canonical = canonical;
    out->targets = kind == DIR__KIND__LOCAL ? targets : NULL;
    out->n_targets = kind == DIR__KIND__LOCAL ? r->target_count : 0;
    return 0;
}

const struct entry *resolve_entry(const struct mirror *m, const struct resolve_settings *s, struct str address,
                                  struct str *sub, struct arena *arena) {
    struct address_key k;
    if (address_key_make(address, s->default_domain, &k, NULL) != 0) return NULL;
    const struct entry *domain = mirror_domain_match(m, address_key_domain(&k));
    struct found f;
    if (!domain_usable(domain) || !find_through_aliases(m, s, &k, &domain, sub != NULL, &f)) return NULL;
    if (sub != NULL) *sub = arena_str(arena, f.folder);
    return f.entry;
}
