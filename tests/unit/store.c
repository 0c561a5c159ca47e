/* store: names and attributes, on images in memory. What the kernel would answer is
 * what is checked; at the end of each test e2fsck is asked. */
#include "store_image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Names ---------------------------------------------------------------------*/

TEST(empty_image_has_a_root)
{
    struct store *s = begin();
    uint32_t ino;
    CHECK_EQ(attr_of(s, STORE_ROOT).mode, S_IFDIR | 0755);
    CHECK_EQ(attr_of(s, STORE_ROOT).nlink, 3); /* lost+found */
    CHECK_EQ(store_lookup(s, STORE_ROOT, ".", 1, &ino), 0);
    CHECK_EQ(ino, STORE_ROOT);
    CHECK_EQ(store_lookup(s, STORE_ROOT, "none", 4, &ino), -ENOENT);
    end(s);
}

TEST(create_is_there_after_reopening)
{
    struct store *s = begin();
    uint32_t file, dir, below;
    CHECK_EQ(kit_create(s, STORE_ROOT, "file", FILE_MODE, &file), 0);
    CHECK_EQ(kit_create(s, STORE_ROOT, "dir", DIR_MODE, &dir), 0);
    CHECK_EQ(kit_create(s, dir, "below", FILE_MODE, &below), 0);
    CHECK_EQ(kit_create(s, dir, "below", FILE_MODE, &below), -EEXIST);
    CHECK_EQ(kit_create(s, file, "x", FILE_MODE, &below), -ENOTDIR);
    s = reopen(s);
    CHECK_EQ(kit_find(s, "file"), file);
    CHECK_EQ(kit_find(s, "dir"), dir);
    CHECK(kit_find(s, "dir/below") != 0);
    CHECK_EQ(attr_of(s, dir).nlink, 2);
    CHECK_EQ(attr_of(s, STORE_ROOT).nlink, 4);
    CHECK_EQ(attr_of(s, file).mode, FILE_MODE);
    end(s);
}

TEST(names_have_limits)
{
    struct store *s = begin();
    char name[257];
    uint32_t ino;
    memset(name, 'n', sizeof name);
    name[255] = 0;
    CHECK_EQ(kit_create(s, STORE_ROOT, name, FILE_MODE, NULL), 0);
    CHECK(kit_find(s, name) != 0);
    name[255] = 'n';
    name[256] = 0;
    CHECK_EQ(kit_create(s, STORE_ROOT, name, FILE_MODE, NULL), -ENAMETOOLONG);
    CHECK_EQ(store_lookup(s, STORE_ROOT, name, 256, &ino), -ENAMETOOLONG);
    CHECK_EQ(kit_create(s, STORE_ROOT, "a/b", FILE_MODE, NULL), -EINVAL);
    CHECK_EQ(kit_create(s, STORE_ROOT, "", FILE_MODE, NULL), -ENOENT);
    CHECK_EQ(kit_create(s, STORE_ROOT, ".", DIR_MODE, NULL), -EEXIST);
    end(s);
}

TEST(all_types_keep_what_they_are)
{
    struct store *s = begin();
    struct store_new device = {.mode = S_IFBLK | 0600, .major = 300, .minor = 70000};
    static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR};
    uint32_t ino;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        char name[2] = {(char)('a' + i)};
        CHECK_EQ(kit_create(s, STORE_ROOT, name, types[i] | 0751, &ino), 0);
    }
    CHECK_EQ(store_create(s, &(struct store_name){STORE_ROOT, "block", 5}, &device, &ino), 0);
    CHECK_EQ(kit_create(s, STORE_ROOT, "wrong", 0644, NULL), -EINVAL);
    s = reopen(s);
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        char name[2] = {(char)('a' + i)};
        CHECK_EQ(attr_of(s, kit_find(s, name)).mode, types[i] | 0751);
    }
    CHECK_EQ(attr_of(s, kit_find(s, "block")).major, 300);
    CHECK_EQ(attr_of(s, kit_find(s, "block")).minor, 70000);
    end(s);
}

TEST(symlinks_are_short_or_long)
{
    struct store *s = begin();
    static const size_t sizes[] = {1, 59, 60, 61, 1000, 4095};
    char target[4200], got[4200];
    uint32_t ino;
    memset(target, 't', sizeof target);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        char name[2] = {(char)('a' + i)};
        target[sizes[i]] = 0;
        struct store_new what = {.mode = S_IFLNK | 0777, .target = target};
        CHECK_EQ(store_create(s, &(struct store_name){STORE_ROOT, name, 1}, &what, &ino), 0);
        target[sizes[i]] = 't';
    }
    s = reopen(s);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        char name[2] = {(char)('a' + i)};
        ino = kit_find(s, name);
        CHECK_EQ(store_readlink(s, ino, got, sizeof got), (ssize_t)sizes[i]);
        CHECK(memcmp(got, target, sizes[i]) == 0);
        CHECK_EQ(store_readlink(s, ino, got, 1), 1);
    }
    target[4096] = 0;
    struct store_new what = {.mode = S_IFLNK | 0777, .target = target};
    CHECK_EQ(store_create(s, &(struct store_name){STORE_ROOT, "long", 4}, &what, &ino),
             -ENAMETOOLONG);
    CHECK_EQ(store_readlink(s, STORE_ROOT, got, 1), -EINVAL);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "f"), 0);
    end(s);
}

TEST(hard_links_share_an_inode)
{
    struct store *s = begin();
    uint32_t ino, dir;
    CHECK_EQ(kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino), 0);
    CHECK_EQ(kit_create(s, STORE_ROOT, "d", DIR_MODE, &dir), 0);
    CHECK_EQ(store_link(s, ino, dir, "b", 1), 0);
    CHECK_EQ(store_link(s, ino, dir, "b", 1), -EEXIST);
    CHECK_EQ(store_link(s, dir, STORE_ROOT, "e", 1), -EPERM);
    CHECK_EQ(attr_of(s, ino).nlink, 2);
    CHECK_EQ(store_write(s, ino, 0, "text", 4), 4);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "a"), 0);
    s = reopen(s);
    char text[8];
    ino = kit_find(s, "d/b");
    CHECK_EQ(store_read(s, ino, 0, text, sizeof text), 4);
    CHECK_EQ(attr_of(s, ino).nlink, 1);
    end(s);
}

TEST(unlink_and_rmdir_refuse_each_other)
{
    struct store *s = begin();
    uint32_t dir;
    kit_create(s, STORE_ROOT, "file", FILE_MODE, NULL);
    kit_create(s, STORE_ROOT, "dir", DIR_MODE, &dir);
    kit_create(s, dir, "below", FILE_MODE, NULL);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "dir"), -EISDIR);
    CHECK_EQ(store_rmdir(s, STORE_ROOT, "file", 4), -ENOTDIR);
    CHECK_EQ(store_rmdir(s, STORE_ROOT, "dir", 3), -ENOTEMPTY);
    CHECK_EQ(store_rmdir(s, dir, ".", 1), -EINVAL);
    CHECK_EQ(store_rmdir(s, dir, "..", 2), -ENOTEMPTY);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "none"), -ENOENT);
    CHECK_EQ(kit_unlink(s, dir, "below"), 0);
    CHECK_EQ(store_rmdir(s, STORE_ROOT, "dir", 3), 0);
    CHECK_EQ(kit_find(s, "dir"), 0);
    CHECK_EQ(attr_of(s, STORE_ROOT).nlink, 3);
    end(s);
}

TEST(removed_directory_takes_no_names)
{
    struct store *s = begin();
    struct store_attr a;
    uint32_t dir;
    kit_create(s, STORE_ROOT, "dir", DIR_MODE, &dir);
    CHECK_EQ(store_hold(s, dir), 0); /* somebody's working directory */
    CHECK_EQ(store_rmdir(s, STORE_ROOT, "dir", 3), 0);
    CHECK_EQ(attr_of(s, dir).nlink, 0);
    CHECK_EQ(kit_create(s, dir, "x", FILE_MODE, NULL), -ENOENT);
    CHECK_EQ(store_drop(s, dir), 0);
    CHECK_EQ(store_getattr(s, dir, &a), -ENOENT);
    end(s);
}

/* Renaming ------------------------------------------------------------------*/

TEST(rename_moves_and_replaces)
{
    struct store *s = begin();
    uint32_t a, d, e;
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &a);
    kit_create(s, STORE_ROOT, "d", DIR_MODE, &d);
    kit_create(s, STORE_ROOT, "e", DIR_MODE, &e);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "a", d, "b", 0), 0);
    CHECK_EQ(kit_find(s, "d/b"), a);
    CHECK_EQ(kit_find(s, "a"), 0);
    kit_create(s, STORE_ROOT, "c", FILE_MODE, NULL);
    CHECK_EQ(kit_rename(s, d, "b", STORE_ROOT, "c", STORE_NOREPLACE), -EEXIST);
    CHECK_EQ(kit_rename(s, d, "b", STORE_ROOT, "c", 0), 0);
    CHECK_EQ(kit_find(s, "c"), a);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "c", STORE_ROOT, "d", 0), -EISDIR);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "d", STORE_ROOT, "c", 0), -ENOTDIR);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "none", STORE_ROOT, "c", 0), -ENOENT);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "d", e, "f", 0), 0);
    CHECK_EQ(attr_of(s, STORE_ROOT).nlink, 4);
    CHECK_EQ(attr_of(s, e).nlink, 3);
    uint32_t up;
    CHECK_EQ(store_lookup(s, d, "..", 2, &up), 0);
    CHECK_EQ(up, e);
    end(s);
}

TEST(rename_over_directories)
{
    struct store *s = begin();
    uint32_t a, b;
    kit_create(s, STORE_ROOT, "a", DIR_MODE, &a);
    kit_create(s, STORE_ROOT, "b", DIR_MODE, &b);
    kit_create(s, b, "x", FILE_MODE, NULL);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "a", STORE_ROOT, "b", 0), -ENOTEMPTY);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "b", STORE_ROOT, "a", 0), 0);
    CHECK_EQ(kit_find(s, "a"), b);
    CHECK_EQ(attr_of(s, STORE_ROOT).nlink, 4);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "a", b, "y", 0), -EINVAL);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "a", STORE_ROOT, "a", 0), 0);
    CHECK_EQ(kit_rename(s, b, ".", STORE_ROOT, "z", 0), -EBUSY);
    end(s);
}

TEST(rename_of_one_inode_does_nothing)
{
    struct store *s = begin();
    uint32_t a;
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &a);
    store_link(s, a, STORE_ROOT, "b", 1);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "a", STORE_ROOT, "b", 0), 0);
    CHECK_EQ(kit_find(s, "a"), a);
    CHECK_EQ(kit_find(s, "b"), a);
    CHECK_EQ(attr_of(s, a).nlink, 2);
    end(s);
}

TEST(rename_exchanges)
{
    struct store *s = begin();
    uint32_t a, d, e, below;
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &a);
    kit_create(s, STORE_ROOT, "d", DIR_MODE, &d);
    kit_create(s, d, "e", DIR_MODE, &e);
    kit_create(s, e, "below", FILE_MODE, &below);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "a", d, "e", STORE_EXCHANGE), 0);
    CHECK_EQ(kit_find(s, "a/below"), below);
    CHECK_EQ(kit_find(s, "d/e"), a);
    CHECK_EQ(attr_of(s, d).nlink, 2);
    CHECK_EQ(attr_of(s, STORE_ROOT).nlink, 5);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "a", STORE_ROOT, "none", STORE_EXCHANGE), -ENOENT);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "d", d, "e", STORE_EXCHANGE), -EINVAL);
    CHECK_EQ(kit_rename(s, d, "e", STORE_ROOT, "d", STORE_EXCHANGE), -EINVAL);
    CHECK_EQ(kit_rename(s, d, "e", d, "e", STORE_EXCHANGE | STORE_NOREPLACE), -EINVAL);
    end(s);
}

TEST(rename_leaves_a_whiteout)
{
    struct store *s = begin();
    uint32_t a;
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &a);
    CHECK_EQ(kit_rename(s, STORE_ROOT, "a", STORE_ROOT, "b", STORE_WHITEOUT), 0);
    CHECK_EQ(kit_find(s, "b"), a);
    CHECK_EQ(attr_of(s, kit_find(s, "a")).mode & S_IFMT, S_IFCHR);
    CHECK_EQ(attr_of(s, kit_find(s, "a")).major, 0);
    end(s);
}

/* Large directories -----------------------------------------------------------*/

static int count_entry(void *context, const struct store_entry *entry)
{
    (void)entry;
    ++*(int *)context;
    return 0;
}

TEST(large_directory)
{
    enum { COUNT = 5000 };
    disk = disk_new(DISK);
    disk_format(disk, &(struct store_format){.uuid = "x", .now = 1, .inodes = 2 * COUNT});
    struct store *s = disk_open(disk, false);
    char name[32];
    uint32_t dir;
    int seen = 0;
    uint64_t position = 0;
    kit_create(s, STORE_ROOT, "dir", DIR_MODE, &dir);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "entry-%d", i);
        CHECK_EQ(kit_create(s, dir, name, FILE_MODE, NULL), 0);
    }
    for (int i = 0; i < COUNT; i += 3) {
        snprintf(name, sizeof name, "entry-%d", i);
        CHECK_EQ(kit_unlink(s, dir, name), 0);
    }
    s = reopen(s);
    dir = kit_find(s, "dir");
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "dir/entry-%d", i);
        CHECK((kit_find(s, name) != 0) == (i % 3 != 0));
    }
    CHECK_EQ(store_readdir(s, dir, &position, count_entry, &seen), 0);
    CHECK_EQ(seen, COUNT - (COUNT + 2) / 3 + 2);
    end(s);
}

struct removing {
    struct store *store;
    uint32_t dir;
    char seen[300];
};

static int take_three(void *context, const struct store_entry *entry)
{
    struct removing *r = context;
    int number;
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)entry->size, entry->name);
    if (sscanf(name, "n%d", &number) == 1)
        r->seen[number]++;
    return 0;
}

static int stop_at_third(void *context, const struct store_entry *entry)
{
    static int count;
    take_three(context, entry);
    return ++count % 3 == 0;
}

/* Entries come once each, although others are removed and made meanwhile. A
 * read that is stopped does not move behind the entry that stopped it. */
TEST(readdir_survives_changes)
{
    struct store *s = begin();
    struct removing r = {.store = s};
    char name[32];
    uint64_t position = 0;
    kit_create(s, STORE_ROOT, "dir", DIR_MODE, &r.dir);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "n%d", i);
        kit_create(s, r.dir, name, FILE_MODE, NULL);
    }
    int step = 0;
    while (store_readdir(s, r.dir, &position, stop_at_third, &r) == 1) {
        for (int i = 0; i < 300; i++) /* of the entry that stopped it, it comes again */
            r.seen[i] = (char)(r.seen[i] > 1 ? 1 : r.seen[i]);
        snprintf(name, sizeof name, "n%d", step * 7 % 300);
        if (r.seen[step * 7 % 300])
            kit_unlink(s, r.dir, name); /* before the position: nobody misses it */
        snprintf(name, sizeof name, "later%d", step++);
        kit_create(s, r.dir, name, FILE_MODE, NULL);
    }
    for (int i = 0; i < 300; i++)
        CHECK(r.seen[i] >= 1);
    end(s);
}

/* Attributes ------------------------------------------------------------------*/

TEST(setattr_sets_what_is_named)
{
    struct store *s = begin();
    uint32_t ino;
    struct store_attr to = {.mode = 0601,
                            .uid = 100000,
                            .gid = 200000,
                            .mtime = {.tv_sec = 5000000000, .tv_nsec = 123456789},
                            .atime = {.tv_sec = -5}};
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    CHECK_EQ(store_setattr(s, ino, STORE_MODE | STORE_UID | STORE_MTIME | STORE_ATIME, &to), 0);
    s = reopen(s);
    struct store_attr a = attr_of(s, ino);
    CHECK_EQ(a.mode, S_IFREG | 0601);
    CHECK_EQ(a.uid, 100000);
    CHECK_EQ(a.gid, 0);
    CHECK_EQ(a.mtime.tv_sec, 5000000000);
    CHECK_EQ(a.mtime.tv_nsec, 123456789);
    CHECK_EQ(a.atime.tv_sec, -5);
    CHECK(a.btime.tv_sec >= 1000000000);
    end(s);
}

TEST(extended_attributes)
{
    struct store *s = begin();
    uint32_t ino;
    char value[4096], names[256];
    uint64_t before = free_blocks(s);
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    memset(value, 'v', sizeof value);
    CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"user.one", "1", 1, 0}), 0);
    CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"user.big", value, 2000, 0}), 0);
    CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"security.x", "", 0, 0}), 0);
    CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"user.one", "2", 1, STORE_XATTR_CREATE}),
             -EEXIST);
    CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"user.no", "2", 1, STORE_XATTR_REPLACE}),
             -ENODATA);
    CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"user.huge", value, 4000, 0}), -ENOSPC);
    CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"wrong", "", 0, 0}), -EOPNOTSUPP);
    s = reopen(s);
    CHECK_EQ(store_getxattr(s, ino, "user.big", NULL, 0), 2000);
    CHECK_EQ(store_getxattr(s, ino, "user.big", value, 10), -ERANGE);
    CHECK_EQ(store_getxattr(s, ino, "user.one", value, 10), 1);
    CHECK_EQ(value[0], '1');
    CHECK_EQ(store_getxattr(s, ino, "user.none", value, 10), -ENODATA);
    CHECK_EQ(store_listxattr(s, ino, names, sizeof names), 9 + 9 + 11);
    CHECK_EQ(store_removexattr(s, ino, "user.big"), 0);
    CHECK_EQ(store_removexattr(s, ino, "user.big"), -ENODATA);
    CHECK_EQ(free_blocks(s), before);
    CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"user.big", value, 3000, 0}), 0);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "a"), 0);
    CHECK_EQ(free_blocks(s), before);
    end(s);
}
