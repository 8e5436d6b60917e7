/* Runs a fuzz harness over files and folders of inputs, for builds without libFuzzer: each input whole. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_LONGEST = 4096 };

static unsigned inputs;

static int replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }
    struct stat st;
    size_t size = fstat(fileno(f), &st) == 0 ? (size_t)st.st_size : 0;
    uint8_t *data = malloc(size == 0 ? 1 : size);
    int rc = data == NULL || fread(data, 1, size, f) != size;
    if (rc == 0) (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    (void)fclose(f);
    inputs++;
    return rc;
}

static int replay(const char *path) {
    DIR *dir = opendir(path);
    if (dir == NULL) return replay_file(path);
    int rc = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        char inner[PATH_LONGEST];
        if (snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) >= (int)sizeof inner) continue;
        rc |= replay_file(inner);
    }
    (void)closedir(dir);
    return rc;
}

int main(int argc, char **argv) {
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    int rc = 0;
    for (int i = 1; i < argc; i++) rc |= replay(argv[i]);
    (void)printf("%s 1 - %u inputs replayed\n", rc == 0 && inputs > 0 ? "ok" : "not ok", inputs);
    return rc != 0 || inputs == 0;
}
