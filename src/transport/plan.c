/* See plan.h. */
#include "transport/plan.h"

#include "base/encode.h"

#include <string.h>

int peer_tls_parse(struct str s, enum peer_tls *out) {
    static const char *const names[] = {"none", "opportunistic", "required", "verified", "fingerprint", "dane"};
    for (int i = PEER_TLS_NONE; i <= PEER_TLS_DANE; i++) {
        if (!str_eq_nocase(s, str_from(names[i]))) continue;
        *out = (enum peer_tls)i;
        return 0;
    }
    return ERR_INVALID;
}

const char *plan_level_name(enum plan_level l) {
    static const char *const names[] = {"none", "may", "encrypted", "fingerprint", "verified", "sts", "dane"};
    return names[l];
}

static int deny(struct plan *out, enum tlsrpt_result result, const char *reason) {
    out->result = result;
    out->reason = reason;
    return ERR_DENIED;
}

/* Hex with or without colons between the octets. */
static bool fingerprint_parse(struct str word, unsigned char out[static TLS_FINGERPRINT]) {
    BUF_AUTO hex = BUF_INIT(2 * TLS_FINGERPRINT);
    BUF_AUTO octets = BUF_INIT(TLS_FINGERPRINT);
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] != ':') buf_addc(&hex, ascii_lower(word.ptr[i]));
    if (hex.error != 0 || hex.len != (size_t)2 * TLS_FINGERPRINT || hex_decode(&octets, buf_str(&hex)) != 0 ||
        octets.len != TLS_FINGERPRINT)
        return false;
    memcpy(out, octets.ptr, TLS_FINGERPRINT);
    return true;
}

static int plan_fingerprint(const struct plan_input *in, struct plan *out) {
    size_t n = 0;
    for (struct str rest = in->peer_fingerprints, word; (word = str_word(&rest)).len > 0 && n < PLAN_FINGERPRINTS_MAX;)
        n += fingerprint_parse(word, out->fingerprints[n]);
    if (n == 0)
        return deny(out, TLSRPT_VALIDATION_FAILURE,
                    "no fingerprint is set for the peer, or none that is SHA-256 in hex");
    out->level = PLAN_FINGERPRINT;
    out->expect.verify = TLS_VERIFY_FINGERPRINT;
    out->expect.fingerprint_count = n;
    out->reason = "the peer has its fingerprints set";
    return 0;
}

static int plan_dane(const struct plan_input *in, struct plan *out) {
    const struct dane *d = in->dane;
    out->report = TLSRPT_TLSA;
    out->expect.name = d->base;
    if (d->state == DANE_FAILED) return deny(out, TLSRPT_DNSSEC_INVALID, d->reason);
    if (d->state == DANE_UNUSABLE) {
        if (in->peer == PEER_TLS_DANE) return deny(out, TLSRPT_TLSA_INVALID, "none of the TLSA records can be used");
        out->level = PLAN_ENCRYPT;
        out->reason = "the host has TLSA records, but none that can be used";
        return 0;
    }
    out->level = PLAN_DANE;
    out->reason = "the host has TLSA records";
    out->expect.verify = TLS_VERIFY_DANE;
    out->expect.tlsa = d->records;
    out->expect.tlsa_count = d->count;
    out->expect.names = in->names;
    out->expect.name_count = in->name_count;
    return 0;
}

static int plan_sts(const struct plan_input *in, struct plan *out) {
    bool enforce = in->sts->mode == STS_ENFORCE, named = sts_mx_matches(in->sts, in->host);
    out->report = TLSRPT_STS;
    out->testing = !enforce;
    if (!named && enforce)
        return deny(out, TLSRPT_VALIDATION_FAILURE, "the host is not among those of the domain's MTA-STS policy");
    if (!named) out->result = TLSRPT_VALIDATION_FAILURE;
    out->reason = enforce ? "the domain has an MTA-STS policy" : "the domain tests an MTA-STS policy";
    if (enforce) {
        out->level = PLAN_STS;
        out->expect.verify = TLS_VERIFY_NAME;
        out->expect.san_only = true;
    } else {
        out->level = in->peer == PEER_TLS_REQUIRED ? PLAN_ENCRYPT : PLAN_MAY;
    }
    return 0;
}

int plan_make(const struct plan_input *in, struct plan *out) {
    *out = (struct plan){.level = PLAN_MAY, .expect = {.name = in->host}, .reason = "nothing is published"};
    switch (in->peer) {
    case PEER_TLS_NONE:
        out->level = PLAN_PLAIN;
        out->reason = "TLS is switched off for the peer";
        return 0;
    case PEER_TLS_FINGERPRINT: return plan_fingerprint(in, out);
    case PEER_TLS_VERIFIED:
        out->level = PLAN_VERIFIED;
        out->expect.verify = TLS_VERIFY_NAME;
        out->reason = "the peer is set to be verified";
        return 0;
    default: break;
    }
    if (in->dane != NULL && in->dane->state != DANE_NONE) return plan_dane(in, out);
    if (in->peer == PEER_TLS_DANE) {
        out->report = TLSRPT_TLSA;
        return deny(out, TLSRPT_DANE_REQUIRED, "DANE is set for the peer, but the host has no validated TLSA records");
    }
    if (in->sts != NULL && in->sts->mode != STS_NONE) return plan_sts(in, out);
    if (in->peer == PEER_TLS_REQUIRED) {
        out->level = PLAN_ENCRYPT;
        out->reason = "TLS is required for the peer";
    }
    return 0;
}
