/* On a real directory: where paths lead, and what the system alone allows. */
#include "harness.h"

#include "watch/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char here[] = "/tmp/vow-resolve-XXXXXX";

static void make_file(const char *name, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    CHECK(fd >= 0 && fchmod(fd, mode) == 0);
    close(fd);
}

/* A directory with files of all sorts, seen by somebody without privilege. */
static void make_tree(void)
{
    CHECK(mkdtemp(here) && chmod(here, 0755) == 0 && chdir(here) == 0);
    CHECK(mkdir("open", 0777) == 0 && chmod("open", 0777) == 0);
    CHECK(mkdir("shut", 0700) == 0 && mkdir("fixed", 0700) == 0);
    make_file("open/file", 0444);
    make_file("open/secret", 0);
    make_file("open/program", 0555);
    make_file("shut/file", 0666);
    make_file("fixed/file", 0666);
    CHECK(chmod("shut", 0) == 0 && chmod("fixed", 0555) == 0);
    CHECK(symlink("open/file", "link") == 0 && symlink("nowhere", "dangling") == 0);
    CHECK(symlink("loop", "loop") == 0 && symlink("open", "dir") == 0);
    if (geteuid() == 0)
        CHECK(setegid(65534) == 0 && seteuid(65534) == 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_tree(void)
{
    if (getuid() == 0)
        CHECK(seteuid(0) == 0);
    CHECK(chmod("shut", 0700) == 0 && chmod("fixed", 0700) == 0);
    CHECK_EQ(nftw(here, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int no_link(void *context, const char *name, char *to, size_t size)
{
    (void)context;
    if (strcmp(name, "fd/5") != 0)
        return -ENOENT;
    snprintf(to, size, "/srv/behind-5");
    return 0;
}

static struct place place_at(enum operation_kind kind, const char *path)
{
    struct place place = {.kind = kind, .follow = true};
    snprintf(place.path, sizeof place.path, "%s%s", path[0] == '/' ? "" : here, path);
    if (path[0] != '/')
        snprintf(place.path, sizeof place.path, "%s/%s", here, path);
    return place;
}

static void look(const struct place *place, struct found *found)
{
    struct target target = {.link = no_link};
    resolve(&target, place, 1, true, found);
}

static void leads(bool follow, const char *path, const char *wanted, bool exists)
{
    struct place place = place_at(OP_STAT, path);
    struct found found;
    char full[256];
    place.follow = follow;
    look(&place, &found);
    snprintf(full, sizeof full, "%s%s%s", wanted[0] == '/' ? "" : here, wanted[0] == '/' ? "" : "/",
             wanted);
    CHECK_STR(found.real, full);
    CHECK_EQ(found.exists, exists);
}

TEST(where_paths_lead)
{
    make_tree();
    leads(true, "open/file", "open/file", true);
    leads(true, "open//./file", "open/file", true);
    leads(true, "dir/../dir/file", "open/file", true);
    leads(true, "link", "open/file", true);
    leads(false, "link", "link", true);
    leads(true, "dir/new", "open/new", false);
    leads(true, "dir/new/", "open/new", false);
    leads(true, "no/such/thing", "no/such/thing", false);
    leads(true, "dangling", "dangling", false);
    leads(true, "loop", "loop", false);
    leads(true, "/", "/", true);
    leads(true, "/no-such-thing", "/no-such-thing", false);
    remove_tree();
}

TEST(proc_is_the_callers)
{
    leads(true, "/proc/self", "/proc/self", true);
    leads(true, "/proc/1/status", "/proc/self/status", true);
    leads(true, "/proc/thread-self/status", "/proc/self/status", true);
    leads(true, "/dev/fd/5", "/srv/behind-5", true);
    leads(true, "/proc/self/fd/5", "/srv/behind-5", true);
    struct place place = place_at(OP_OPEN_READ, "/proc/self/root/etc/passwd");
    struct found found;
    look(&place, &found); /* no magic link is followed for it */
    CHECK(!found.exists);
}

static bool permits(struct place place)
{
    struct found found;
    look(&place, &found);
    return resolve_permits(&place, 1, &found);
}
#define PERMITS(kind, path) permits(place_at(kind, path))

TEST(what_the_system_allows)
{
    make_tree();
    CHECK(PERMITS(OP_OPEN_READ, "open/file"));
    CHECK(!PERMITS(OP_OPEN_READ, "open/secret"));
    CHECK(!PERMITS(OP_OPEN_READ, "open/absent"));
    CHECK(!PERMITS(OP_OPEN_READ, "shut/file"));
    CHECK(!PERMITS(OP_OPEN_WRITE, "open/file"));
    CHECK(PERMITS(OP_OPEN_WRITE, "fixed/file"));
    CHECK(PERMITS(OP_OPEN_READ_WRITE, "fixed/file"));
    CHECK(!PERMITS(OP_OPEN_WRITE, "open"));
    CHECK(PERMITS(OP_LIST, "open"));
    CHECK(!PERMITS(OP_LIST, "open/file"));
    CHECK(!PERMITS(OP_LIST, "shut"));
    CHECK(PERMITS(OP_CHDIR, "fixed"));
    CHECK(!PERMITS(OP_CHDIR, "shut"));
    CHECK(PERMITS(OP_EXEC, "open/program"));
    CHECK(!PERMITS(OP_EXEC, "open/file"));
    CHECK(!PERMITS(OP_EXEC, "open"));
    CHECK(PERMITS(OP_STAT, "open/secret"));
    CHECK(!PERMITS(OP_STAT, "shut/file"));
    if (getuid() == 0)
        CHECK(!PERMITS(OP_ATTR, "open/file"));
    remove_tree();
}

TEST(what_changes_a_directory)
{
    make_tree();
    CHECK(PERMITS(OP_CREATE, "open/new"));
    CHECK(!PERMITS(OP_CREATE, "open/file"));
    CHECK(!PERMITS(OP_CREATE, "fixed/new"));
    CHECK(!PERMITS(OP_CREATE, "no/such/new"));
    CHECK(PERMITS(OP_REMOVE, "open/file"));
    CHECK(!PERMITS(OP_REMOVE, "open/absent"));
    CHECK(!PERMITS(OP_REMOVE, "fixed/file"));
    struct place place = place_at(OP_RENAME, "open/new");
    CHECK(permits(place));
    place.source = true;
    CHECK(!permits(place));
    place = place_at(OP_OPEN_WRITE, "open/new");
    CHECK(!permits(place));
    place.create = true;
    CHECK(permits(place));
    place = place_at(OP_OPEN_WRITE, "fixed/file");
    place.create = place.exclusive = true;
    CHECK(!permits(place));
    remove_tree();
}

/* A path that is as long as can be, and one component that is too long. */
TEST(long_paths)
{
    struct place place = place_at(OP_OPEN_READ, "/");
    struct found found;
    for (size_t i = 0; i + 2 < sizeof place.path; i += 2)
        memcpy(place.path + i, "/a", 3);
    look(&place, &found);
    CHECK(!found.exists && !resolve_permits(&place, 1, &found));
    memset(place.path + 1, 'a', sizeof place.path - 2);
    look(&place, &found);
    CHECK(!found.exists && !resolve_permits(&place, 1, &found));
}
