#include "remote/clean.h"

#include "base/str.h"

#include <string.h>

static void clean_text(char *text) {
    bool utf8 = str_is_utf8(str_from(text));
    for (char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c < ' ' && c != '\n') || c == 0x7f || (c > 0x7f && !utf8)) *p = '?';
    }
}

/* One field: its values, whether there are none, one or many. */
static void *const *values_of(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f, size_t *count) {
    const char *base = (const char *)msg;
    const void *at = base + f->offset;
    *count = 1;
    if (f->label != PROTOBUF_C_LABEL_REPEATED) return at;
    memcpy(count, base + f->quantifier_offset, sizeof *count);
    return *(void *const *const *)at;
}

/* It goes as deep as the types of remote.proto do, which do not hold themselves. */
void remote_clean(ProtobufCMessage *msg) {
    for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &msg->descriptor->fields[i];
        bool text = f->type == PROTOBUF_C_TYPE_STRING;
        if (!text && f->type != PROTOBUF_C_TYPE_MESSAGE) continue;
        size_t count;
        void *const *values = values_of(msg, f, &count);
        for (size_t k = 0; k < count; k++) {
            if (values[k] == NULL) continue;
            if (text)
                clean_text(values[k]);
            else
                remote_clean(values[k]);
        }
    }
}
