#include "proto/sasl/mechanism.h"

const struct sasl_entry sasl_mechanisms[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA256_PLUS] = {"SCRAM-SHA-256-PLUS", SASL_TLS},
    [SASL_SCRAM_SHA256] = {"SCRAM-SHA-256", 0},
    [SASL_SCRAM_SHA1_PLUS] = {"SCRAM-SHA-1-PLUS", SASL_TLS | SASL_SHA1},
    [SASL_SCRAM_SHA1] = {"SCRAM-SHA-1", SASL_SHA1},
    [SASL_EXTERNAL] = {"EXTERNAL", SASL_TLS | SASL_CERTIFICATE},
    [SASL_OAUTHBEARER] = {"OAUTHBEARER", SASL_PRIVATE | SASL_TOKENS},
    [SASL_XOAUTH2] = {"XOAUTH2", SASL_PRIVATE | SASL_TOKENS},
    [SASL_PLAIN] = {"PLAIN", SASL_PRIVATE},
    [SASL_LOGIN] = {"LOGIN", SASL_PRIVATE},
};

int sasl_mechanism_find(struct str name, enum sasl_mechanism *out) {
    for (size_t i = 0; i < SASL_MECHANISMS; i++) {
        if (!str_eq_nocase(name, str_from(sasl_mechanisms[i].name))) continue;
        *out = (enum sasl_mechanism)i;
        return 0;
    }
    return ERR_UNSUPPORTED;
}

void sasl_mechanisms_list(unsigned have, struct buf *out) {
    size_t start = out->len;
    for (size_t i = 0; i < SASL_MECHANISMS; i++) {
        if ((sasl_mechanisms[i].needs & ~have) != 0) continue;
        if (out->len > start) buf_addc(out, ' ');
        buf_adds(out, sasl_mechanisms[i].name);
    }
}
