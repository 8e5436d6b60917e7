/* Prints one of the sample reports: for dsn_check.py, which reads it with another parser. */
#include "proto/dsn/dsn_sample.h"

#include <stdio.h>

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < SAMPLES; i++) {
        if (!str_eq(str_from(argv[1]), str_from(samples[i].name))) continue;
        BUF_AUTO out = BUF_INIT(1 << 20);
        if (sample_build(&samples[i], &out, NULL) != 0) return 1;
        return fwrite(out.ptr, 1, out.len, stdout) == out.len ? 0 : 1;
    }
    for (size_t i = 0; argc == 1 && i < SAMPLES; i++) puts(samples[i].name);
    return argc > 2;
}
