#include "host/look.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64] = "/tmp/vow-look-XXXXXX";

static char *below(const char *name)
{
    struct str path = {0};
    str_addf(&path, "%s/%s", top, name);
    return str_take(&path);
}

static void leads(struct look_cache *cache, const char *name, const char *wanted,
                  enum path_kind kind)
{
    char *path CLEAN_FREE = below(name), *want CLEAN_FREE = below(wanted), *real CLEAN_FREE = NULL;
    enum path_kind got = PATH_UNKNOWN;
    CHECK_EQ(host_look(cache, path, &real, &got), 0);
    CHECK_STR(real, want);
    CHECK_EQ(got, kind);
}

static void make_tree(void)
{
    CHECK(mkdtemp(top) != NULL && chdir(top) == 0);
    CHECK(mkdir("dir", 0755) == 0 && mkdir("dir/sub", 0755) == 0);
    FILE *file = fopen("dir/file", "w");
    CHECK(file && fclose(file) == 0);
    CHECK(symlink("dir", "link") == 0);
    CHECK(symlink("../dir/file", "dir/up") == 0);
    CHECK(symlink("absent/deep", "dangling") == 0);
    CHECK(symlink("link/sub", "through") == 0);
    CHECK(symlink("through/../file", "around") == 0);
    CHECK(symlink("link/", "slash") == 0);
    CHECK(symlink("loop", "loop") == 0);
}

static void remove_tree(void)
{
    static const char *const files[] = {"dir/up",  "dir/file", "link",  "dangling",
                                        "through", "around",   "slash", "loop"};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++)
        CHECK_EQ(unlink(files[i]), 0);
    CHECK(rmdir("dir/sub") == 0 && rmdir("dir") == 0 && rmdir(top) == 0);
}

static void everything(struct look_cache *cache)
{
    leads(cache, "dir", "dir", PATH_DIRECTORY);
    leads(cache, "dir/file", "dir/file", PATH_FILE);
    leads(cache, "dir/up", "dir/file", PATH_FILE);
    leads(cache, "dir/none", "dir/none", PATH_ABSENT);
    leads(cache, "dir/file/none/deep", "dir/file/none/deep", PATH_ABSENT);
    leads(cache, "link", "dir", PATH_DIRECTORY);
    leads(cache, "link/sub", "dir/sub", PATH_DIRECTORY);
    leads(cache, "link/none/deep", "dir/none/deep", PATH_ABSENT);
    leads(cache, "dangling", "absent/deep", PATH_ABSENT);
    leads(cache, "through", "dir/sub", PATH_DIRECTORY);
    leads(cache, "around", "dir/file", PATH_FILE);
    leads(cache, "slash", "dir", PATH_DIRECTORY);
    leads(cache, "slash/file", "dir/file", PATH_FILE);
    leads(cache, "slash/around/deep", "dir/around/deep", PATH_ABSENT);
}

TEST(symlinks_are_followed_as_far_as_anything_exists)
{
    make_tree();
    everything(NULL);
    struct look_cache cache = {0};
    everything(&cache);
    everything(&cache);
    look_cache_free(&cache);
    remove_tree();
}

TEST(a_loop_is_an_error)
{
    make_tree();
    char *path CLEAN_FREE = below("loop"), *real CLEAN_FREE = NULL;
    enum path_kind kind;
    CHECK_EQ(host_look(NULL, path, &real, &kind), -ELOOP);
    CHECK(real == NULL);
    remove_tree();
}

TEST(the_own_process_stays_self)
{
    static const char *const paths[][2] = {{"/proc/self/status", "/proc/self/status"},
                                           {"/proc/self", "/proc/self"},
                                           {"/proc/mounts", "/proc/self/mounts"},
                                           {"/dev/fd", "/proc/self/fd"},
                                           {"/", "/"}};
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        char *real CLEAN_FREE = NULL;
        enum path_kind kind;
        CHECK_EQ(host_look(NULL, paths[i][0], &real, &kind), 0);
        CHECK_STR(real, paths[i][1]);
    }
}
