#include "harness.h"
#include "host/look_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64] = "/tmp/vow-look-XXXXXX";

static char *below(const char *name)
{
    struct str path = {0};
    str_addf(&path, "%s/%s", top, name);
    return str_take(&path);
}

typedef int (*look_fn)(void *context, const char *path, char **real, enum path_kind *kind);
static look_fn look_by = host_look;

static void leads(void *context, const char *name, const char *wanted, enum path_kind kind)
{
    char *path CLEAN_FREE = below(name), *want CLEAN_FREE = below(wanted), *real CLEAN_FREE = NULL;
    enum path_kind got = PATH_UNKNOWN;
    CHECK_EQ(look_by(context, path, &real, &got), 0);
    CHECK_STR(real, want);
    if (look_by == host_look || got != PATH_UNKNOWN)
        CHECK_EQ(got, kind);
    else
        CHECK(kind != PATH_ABSENT && opened_find(context, real) >= 0);
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
    CHECK(symlink("sub", "dir/inner") == 0);
    char *absolute CLEAN_FREE = below("link/inner");
    CHECK(symlink(absolute, "outer") == 0);
}

static void remove_tree(void)
{
    static const char *const files[] = {"dir/up", "dir/file", "link", "dangling", "through",
                                        "around", "slash",    "loop", "outer",    "dir/inner"};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++)
        CHECK_EQ(unlink(files[i]), 0);
    CHECK(rmdir("dir/sub") == 0 && rmdir("dir") == 0 && rmdir(top) == 0);
}

static void everything(void *cache)
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
    leads(cache, "dir/inner", "dir/sub", PATH_DIRECTORY);
    leads(cache, "link/inner", "dir/sub", PATH_DIRECTORY);
    leads(cache, "outer", "dir/sub", PATH_DIRECTORY);
    leads(cache, "outer/none", "dir/sub/none", PATH_ABSENT);
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

/* The kind of descriptor that a path was opened as. */
static void opens(const struct opened_paths *opened, const char *name)
{
    char *path CLEAN_FREE = below(name);
    struct stat there = {0}, held = {0};
    int fd = opened_find(opened, path);
    CHECK(fd >= 0 && stat(path, &there) == 0 && fstat(fd, &held) == 0);
    CHECK(there.st_ino == held.st_ino && there.st_dev == held.st_dev);
    CHECK(fcntl(fd, F_GETFL) & O_PATH && fcntl(fd, F_GETFD) == FD_CLOEXEC);
}

TEST(what_no_symlink_leads_to_is_opened)
{
    make_tree();
    look_by = host_look_open;
    struct opened_paths opened = {0};
    everything(&opened);
    CHECK_EQ(opened.count, 3);
    opens(&opened, "dir");
    opens(&opened, "dir/file");
    opens(&opened, "dir/sub");
    char *link CLEAN_FREE = below("link"), *none CLEAN_FREE = below("dir/none");
    CHECK(opened_find(&opened, link) < 0 && opened_find(&opened, none) < 0);
    int fd = opened.at[0].fd;
    opened_free(&opened);
    CHECK(fcntl(fd, F_GETFD) < 0);
    remove_tree();
}

TEST(where_descriptors_are_few_none_is_kept)
{
    make_tree();
    look_by = host_look_open;
    struct opened_paths opened = {0};
    struct rlimit few = {16, 16};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    everything(&opened);
    CHECK_EQ(opened.count, 0);
    opened_free(&opened);
    remove_tree();
}

TEST(a_loop_is_an_error)
{
    make_tree();
    char *path CLEAN_FREE = below("loop"), *real CLEAN_FREE = NULL;
    enum path_kind kind;
    struct opened_paths opened = {0};
    CHECK_EQ(host_look(NULL, path, &real, &kind), -ELOOP);
    CHECK_EQ(host_look_open(&opened, path, &real, &kind), -ELOOP);
    CHECK(real == NULL && opened.count == 0);
    opened_free(&opened);
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
        char *same CLEAN_FREE = NULL;
        struct opened_paths opened = {0};
        CHECK_EQ(host_look_open(&opened, paths[i][0], &same, &kind), 0);
        CHECK_STR(same, paths[i][1]);
        opened_free(&opened);
    }
}
