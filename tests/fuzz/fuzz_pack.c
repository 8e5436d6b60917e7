/* Packed pieces of bodies: whatever is packed comes out again as it was; whatever is unpacked ends in order. */
#include "store/blob/armour.h"
#include "store/blob/pack.h"
#include "store/blob/pieces.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct str in) {
    BUF_AUTO recipe = BUF_INIT(PACK_PIECE_MAX), text = BUF_INIT(PACK_PIECE_MAX), binary = BUF_INIT(PACK_PIECE_MAX);
    BUF_AUTO packed = BUF_INIT(2 * PACK_PIECE_MAX);
    char *out = malloc(in.len + 1);
    IEMS_ASSERT(out != NULL);
    armour_split(in, &recipe, &text, &binary);
    struct str parts[] = {str_of(buf_cstr(&recipe), recipe.len), str_of(buf_cstr(&text), text.len),
                          str_of(buf_cstr(&binary), binary.len)};
    IEMS_ASSERT(armour_join(parts[0], parts[1], parts[2], out, in.len) == 0);
    IEMS_ASSERT(in.len == 0 || memcmp(out, in.ptr, in.len) == 0);
    if (pack_piece(in, &packed) == 0) {
        IEMS_ASSERT(unpack_piece(buf_str(&packed), out, in.len) == 0 && memcmp(out, in.ptr, in.len) == 0);
    }
    free(out);
}

/* The first byte says what the rest is: a piece, a packed piece, a recipe with text and bytes, or pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char out[PACK_PIECE_MAX];
    if (size < 4 || size > PACK_PIECE_MAX) return 0;
    struct str rest = str_of(data + 1, size - 1);
    size_t len = (size_t)data[1] << 8 | data[2];
    switch (data[0] % 4) {
    case 0: round_trip(rest); break;
    case 1: (void)!unpack_piece(str_sub(rest, 2, rest.len), out, len); break;
    case 2:
        rest = str_sub(rest, 2, rest.len);
        (void)!armour_join(str_sub(rest, 0, rest.len / 3), str_sub(rest, rest.len / 3, rest.len / 3),
                           str_sub(rest, rest.len / 3 * 2, rest.len), out, len);
        break;
    case 3: (void)!pieces_unpack(str_sub(rest, 2, rest.len), out, len); break;
    }
    return 0;
}
