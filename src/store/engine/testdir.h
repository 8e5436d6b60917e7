/* Temporary folders for tests. */
#ifndef IEMS_STORE_ENGINE_TESTDIR_H
#define IEMS_STORE_ENGINE_TESTDIR_H

#include <stddef.h>

enum { TESTDIR_MAX = 256 };

void testdir_make(char out[static TESTDIR_MAX]);
void testdir_remove(const char *dir); /* with all that is in it */
/* Copies the regular files of one folder into another, which is made. */
void testdir_copy(const char *from, const char *to);
void testdir_copy_file(const char *from, const char *to); /* one that has vanished becomes empty */

#endif
