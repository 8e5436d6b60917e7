/* Paths and records of web folders. What was taken is taken again, unchanged: NFC is stable. */
#include "store/files/path.h"
#include "store/files/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ARENA_AUTO arena = arena_new(1 << 20);
    struct file_path p;
    struct file_entry e;
    struct error err = {0};
    struct str text = str_of(data, size);
    if (file_entry_decode(text, &e) == 0) {
        BUF_AUTO again = BUF_INIT(FILE_VALUE_MAX);
        file_entry_encode(&e, &again);
        IEMS_ASSERT(again.error == 0 && str_starts(text, buf_str(&again)));
    }
    if (arena == NULL || file_path_parse(text, arena, &p, &err) != 0) return 0;
    IEMS_ASSERT(p.depth <= FILE_DEPTH_MAX);
    for (size_t i = 0; i < p.depth; i++) {
        BUF_AUTO again = BUF_INIT(FILE_NAME_MAX);
        IEMS_ASSERT(p.part[i].len > 0 && p.part[i].len <= FILE_NAME_MAX && str_find(p.part[i], '/') < 0);
        IEMS_ASSERT(file_name_take(p.part[i], &again, &err) == 0 && str_eq(buf_str(&again), p.part[i]));
    }
    return 0;
}
