/* Names that lead out: links, dots, descriptors, races. */
#include "escape.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#define WRITES "stdio rpath wpath cpath"
#define WIDE WRITES " fattr exec proc flock"
#define RACES 1000

static int secret(const struct scene *s)
{
    return escape_read(escape_path(s, "outside/secret"));
}

static int file(UNUSED const struct scene *s)
{
    return escape_read("file");
}

static int stat_secret(const struct scene *s)
{
    struct stat st;
    return TRY(stat(escape_path(s, "outside/secret"), &st));
}

static int stat_file(UNUSED const struct scene *s)
{
    struct stat st;
    return TRY(stat("file", &st));
}

static int dots(UNUSED const struct scene *s)
{
    return escape_read("../outside/secret");
}

static int dots_inside(UNUSED const struct scene *s)
{
    return escape_read("deep/er/../../file");
}

static int dots_above_the_root(const struct scene *s)
{
    char path[512] = "";
    for (int i = 0; i < 32; i++)
        strcat(path, "../");
    strcat(path, s->dir + 1);
    return escape_read(strcat(path, "/outside/secret"));
}

static int root_by_proc(const struct scene *s)
{
    char path[256];
    snprintf(path, sizeof path, "/proc/self/root%s/outside/secret", s->dir);
    return escape_read(path);
}

static int cwd_by_proc(UNUSED const struct scene *s)
{
    return escape_read("/proc/self/cwd/../outside/secret");
}

static int cwd_inside_by_proc(UNUSED const struct scene *s)
{
    return escape_read("/proc/self/cwd/file");
}

static int descriptor_upwards(UNUSED const struct scene *s)
{
    CLEAN_FD int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEAN_FD int fd = openat(dir, "../outside/secret", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

static int descriptor_downwards(UNUSED const struct scene *s)
{
    CLEAN_FD int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEAN_FD int fd = openat(dir, "deep/er/../../file", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

static int change_directory(const struct scene *s)
{
    int failed = TRY(chdir(escape_path(s, "outside")));
    return failed ? failed : escape_read("secret");
}

static int change_directory_inside(UNUSED const struct scene *s)
{
    int failed = TRY(chdir("deep/er"));
    return failed ? failed : escape_read("../../file");
}

static int symbolic_link(UNUSED const struct scene *s)
{
    int failed = TRY(symlink("../outside/secret", "link"));
    if (!failed || failed == EEXIST)
        failed = escape_read("link");
    unlink("link");
    return failed;
}

static int symbolic_link_inside(UNUSED const struct scene *s)
{
    int failed = TRY(symlink("file", "link"));
    if (!failed)
        failed = escape_read("link");
    unlink("link");
    return failed;
}

static int hard_link(UNUSED const struct scene *s)
{
    int failed = TRY(link("../outside/secret", "hard"));
    if (!failed)
        failed = escape_read("hard");
    unlink("hard");
    return failed;
}

static int hard_link_inside(UNUSED const struct scene *s)
{
    int failed = TRY(link("file", "hard"));
    if (!failed)
        failed = escape_read("hard");
    unlink("hard");
    return failed;
}

static int move_in(UNUSED const struct scene *s)
{
    int failed = TRY(rename("../outside/plain", "plain"));
    if (!failed)
        rename("plain", "../outside/plain");
    return failed;
}

static int move_inside(UNUSED const struct scene *s)
{
    int failed = escape_write("moved", "x");
    if (!failed)
        failed = TRY(rename("moved", "deep/moved"));
    unlink("deep/moved");
    return failed;
}

static int swap(UNUSED const struct scene *s)
{
    int failed = TRY(renameat2(AT_FDCWD, "deep", AT_FDCWD, "../outside/dir", RENAME_EXCHANGE));
    if (!failed)
        renameat2(AT_FDCWD, "deep", AT_FDCWD, "../outside/dir", RENAME_EXCHANGE);
    return failed;
}

static int swap_inside(UNUSED const struct scene *s)
{
    int failed = TRY(mkdir("other", 0755));
    if (!failed)
        failed = TRY(renameat2(AT_FDCWD, "deep/er", AT_FDCWD, "other", RENAME_EXCHANGE));
    rmdir("other");
    return failed;
}

/* A descriptor without rights, turned into one with them. */
static int path_descriptor(const struct scene *s)
{
    char again[64];
    CLEAN_FD int path = open(escape_path(s, "outside/secret"), O_PATH | O_CLOEXEC);
    if (path < 0)
        return errno;
    snprintf(again, sizeof again, "/proc/self/fd/%d", path);
    return escape_read(again);
}

static int path_descriptor_inside(UNUSED const struct scene *s)
{
    char again[64];
    CLEAN_FD int path = open("file", O_PATH | O_CLOEXEC);
    if (path < 0)
        return errno;
    snprintf(again, sizeof again, "/proc/self/fd/%d", path);
    return escape_read(again);
}

static int link_by_descriptor(const struct scene *s)
{
    CLEAN_FD int path = open(escape_path(s, "outside/secret"), O_PATH | O_CLOEXEC);
    char from[64];
    if (path < 0)
        return errno;
    snprintf(from, sizeof from, "/proc/self/fd/%d", path);
    int failed = TRY(linkat(AT_FDCWD, from, AT_FDCWD, "hard", AT_SYMLINK_FOLLOW));
    unlink("hard");
    return failed;
}

/* Two threads race: one changes names until it has done so RACES times, the
 * other tries to get in between. */
static atomic_int changes;
static atomic_bool over;

/* Flips a name between a file of ours and a link to the secret. */
static void *flip(UNUSED void *arg)
{
    for (; !atomic_load(&over); atomic_fetch_add(&changes, 1)) {
        symlink("../outside/secret", "race.new");
        rename("race.new", "race");
        link("file", "race.new");
        rename("race.new", "race");
    }
    return NULL;
}

static int race(int (*try_once)(const struct scene *s), const struct scene *s,
                void *(*other)(void *))
{
    pthread_t thread;
    int failed = ENOENT;
    if (pthread_create(&thread, NULL, other, NULL))
        return EAGAIN;
    while (failed && atomic_load(&changes) < RACES)
        failed = try_once(s);
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    return failed;
}

static int read_secret_in_race(UNUSED const struct scene *s)
{
    char text[8] = "";
    CLEAN_FD int fd = open("race", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        return errno == EACCES ? EACCES : ENOENT;
    return strncmp(text, "secret", 6) == 0 ? 0 : ENOENT;
}

static int link_race(const struct scene *s)
{
    int failed = race(read_secret_in_race, s, flip);
    unlink("race");
    unlink("race.new");
    return failed;
}

/* Moves a directory up while somebody walks ".." out of it. */
static void *move_up(UNUSED void *arg)
{
    for (; !atomic_load(&over); atomic_fetch_add(&changes, 1)) {
        rename("deep/er", "er");
        rename("er", "deep/er");
    }
    return NULL;
}

static int walk_up(UNUSED const struct scene *s)
{
    int failed = escape_read("deep/er/../../../outside/secret");
    return failed == EACCES ? EACCES : failed ? ENOENT : 0;
}

static int rename_race(const struct scene *s)
{
    return race(walk_up, s, move_up);
}

static int watch(const struct scene *s)
{
    CLEAN_FD int fd = inotify_init1(IN_CLOEXEC);
    return TRY(inotify_add_watch(fd, escape_path(s, "outside"), IN_ALL_EVENTS));
}

static int watch_inside(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = inotify_init1(IN_CLOEXEC);
    return TRY(inotify_add_watch(fd, ".", IN_ALL_EVENTS));
}

static int change_mode(const struct scene *s)
{
    return TRY(chmod(escape_path(s, "outside/plain"), 0644));
}

static int change_mode_inside(UNUSED const struct scene *s)
{
    return TRY(chmod("file", 0644));
}

static int change_times(const struct scene *s)
{
    return TRY(utime(escape_path(s, "outside/plain"), NULL));
}

static int change_times_inside(UNUSED const struct scene *s)
{
    return TRY(utime("file", NULL));
}

static int change_attribute(const struct scene *s)
{
    return TRY(setxattr(escape_path(s, "outside/plain"), "user.vow", "x", 1, 0));
}

static int change_attribute_inside(UNUSED const struct scene *s)
{
    return TRY(setxattr("file", "user.vow", "x", 1, 0));
}

static int truncate_it(const struct scene *s)
{
    return TRY(truncate(escape_path(s, "outside/plain"), 0));
}

static int truncate_inside(UNUSED const struct scene *s)
{
    return TRY(truncate("scratch", 0));
}

/* O_RDONLY | O_TRUNC writes, whatever the access mode says. */
static int truncate_by_reading(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("scratch", O_RDONLY | O_TRUNC | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

/* cpath opens what is there already. */
static int create_what_is_there(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 ? errno : 0;
}

static int create(UNUSED const struct scene *s)
{
    return TRY(mkdir("made", 0755)) ? errno : TRY(rmdir("made"));
}

static int hooks(UNUSED const struct scene *s)
{
    return escape_write(".git/hooks/post-checkout", "#!/bin/sh\n");
}

static int hooks_by_rename(UNUSED const struct scene *s)
{
    int failed = TRY(rename(".git", ".old"));
    if (!failed)
        rename(".old", ".git");
    return failed;
}

static int hooks_config(UNUSED const struct scene *s)
{
    return escape_write(".git/config", "[core]\n\thooksPath = /tmp\n");
}

static int git_index(UNUSED const struct scene *s)
{
    int failed = escape_write(".git/index.lock", "x");
    return failed ? failed : TRY(rename(".git/index.lock", ".git/index"));
}

static int shared_tmp(const struct scene *s)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/vow-escape-%d", s->number);
    return escape_read(path);
}

static int private_tmp(UNUSED const struct scene *s)
{
    return escape_write("/tmp/own", "x");
}

#define OUT                                                                                        \
    {                                                                                              \
        ENOENT, EACCES                                                                             \
    }
const struct escape escapes_files[] = {
    {"read_outside", WRITES, NULL, {ENOENT}, secret, file},
    {"read_outside_without_a_view", WRITES, NO_VIEW, {EACCES}, secret, file},
    {"read_outside_in_all", WRITES, "--view all", {EACCES}, secret, file},
    {"stat_outside", WRITES, NULL, {ENOENT}, stat_secret, stat_file},
    {"dots", WRITES, NULL, OUT, dots, dots_inside},
    {"dots_without_a_view", WRITES, NO_VIEW, OUT, dots, dots_inside},
    {"dots_above_the_root", WRITES, NULL, OUT, dots_above_the_root, dots_inside},
    {"root_by_proc", WRITES, NULL, OUT, root_by_proc, cwd_inside_by_proc},
    {"root_by_proc_without_a_view", WRITES, NO_VIEW, OUT, root_by_proc, cwd_inside_by_proc},
    {"cwd_by_proc", WRITES, NULL, OUT, cwd_by_proc, cwd_inside_by_proc},
    {"descriptor_upwards", WRITES, NULL, OUT, descriptor_upwards, descriptor_downwards},
    {"change_directory", WRITES, NULL, OUT, change_directory, change_directory_inside},
    {"symbolic_link", WRITES, NULL, OUT, symbolic_link, symbolic_link_inside},
    {"symbolic_link_without_a_view", WRITES, NO_VIEW, OUT, symbolic_link, symbolic_link_inside},
    {"hard_link", WRITES, NULL, OUT, hard_link, hard_link_inside},
    {"hard_link_without_a_view", WRITES, NO_VIEW, {EACCES, EXDEV}, hard_link, hard_link_inside},
    {"move_in", WRITES, NULL, OUT, move_in, move_inside},
    {"move_in_without_a_view", WRITES, NO_VIEW, {EACCES, EXDEV}, move_in, move_inside},
    {"swap_directories", WRITES, NO_VIEW, {EACCES, EXDEV}, swap, swap_inside},
    {"path_descriptor", WRITES, NULL, OUT, path_descriptor, path_descriptor_inside},
    {"path_descriptor_without_a_view",
     WRITES,
     NO_VIEW,
     {EACCES},
     path_descriptor,
     path_descriptor_inside},
    {"link_by_descriptor", WRITES, NO_VIEW, {EACCES, EXDEV}, link_by_descriptor, hard_link_inside},
    {"link_race", WRITES, NULL, OUT, link_race, symbolic_link_inside},
    {"link_race_without_a_view", WRITES, NO_VIEW, OUT, link_race, symbolic_link_inside},
    {"rename_race", WRITES, NULL, OUT, rename_race, dots_inside},
    {"rename_race_without_a_view", WRITES, NO_VIEW, OUT, rename_race, dots_inside},
    {"watch", WRITES, NULL, OUT, watch, watch_inside},
    {"change_mode", WIDE, NULL, {ENOENT}, change_mode, change_mode_inside},
    {"change_mode_in_all", WIDE, "--view all", {EROFS}, change_mode, change_mode_inside},
    {"change_times", WIDE, NULL, {ENOENT}, change_times, change_times_inside},
    {"change_attribute", WIDE, NULL, {ENOENT}, change_attribute, change_attribute_inside},
    {"truncate", WRITES, NULL, {ENOENT}, truncate_it, truncate_inside},
    {"truncate_without_a_view", WRITES, NO_VIEW, {EACCES}, truncate_it, truncate_inside},
    {"truncate_by_reading", "stdio rpath", NULL, {EPERM, EACCES, EROFS}, truncate_by_reading, file},
    {"create_what_is_there", "stdio cpath", NULL, {EPERM, EACCES}, create_what_is_there, create},
    {"hooks", WRITES, NULL, {EROFS, EACCES}, hooks, git_index},
    {"hooks_by_rename", WRITES, NULL, {EBUSY}, hooks_by_rename, git_index},
    {"hooks_config", WRITES, NULL, {EROFS, EACCES}, hooks_config, git_index},
    {"other_programs_in_tmp", WRITES, NULL, {ENOENT}, shared_tmp, private_tmp},
    {0},
};
