/* store: each operation, on images in memory. What the kernel would answer is
 * what is checked; at the end of each test e2fsck is asked. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store_kit.h"

enum { DISK = 64 << 20, FILE_MODE = S_IFREG | 0644, DIR_MODE = S_IFDIR | 0755 };

static struct disk *disk;

static struct store *begin(void)
{
    disk = disk_new(DISK);
    disk_format(disk, NULL);
    return disk_open(disk, false);
}

static struct store *reopen(struct store *s)
{
    CHECK_EQ(store_close(s), 0);
    return disk_open(disk, false);
}

static void end(struct store *s)
{
    CHECK_EQ(store_close(s), 0);
    CHECK(kit_consistent(disk));
    disk_free(disk);
}

static struct store_attr attr_of(struct store *s, uint32_t ino)
{
    struct store_attr a = {0};
    CHECK_EQ(store_getattr(s, ino, &a), 0);
    return a;
}

static uint64_t free_blocks(struct store *s)
{
    struct store_statfs st;
    store_statfs(s, &st);
    return st.free_blocks;
}

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
    CHECK_EQ(store_create(s, STORE_ROOT, "block", 5, &device, &ino), 0);
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
        CHECK_EQ(store_create(s, STORE_ROOT, name, 1, &what, &ino), 0);
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
    CHECK_EQ(store_create(s, STORE_ROOT, "long", 4, &what, &ino), -ENAMETOOLONG);
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

/* Contents --------------------------------------------------------------------*/

TEST(reads_what_was_written)
{
    struct store *s = begin();
    uint32_t ino;
    char text[64] = "";
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    CHECK_EQ(store_write(s, ino, 0, "0123456789", 10), 10);
    CHECK_EQ(store_write(s, ino, 3, "abc", 3), 3);
    CHECK_EQ(store_read(s, ino, 0, text, sizeof text), 10);
    CHECK_STR(text, "012abc6789");
    CHECK_EQ(store_read(s, ino, 10, text, sizeof text), 0);
    CHECK_EQ(store_read(s, STORE_ROOT, 0, text, 1), -EISDIR);
    CHECK_EQ(attr_of(s, ino).blocks, 8);
    CHECK_EQ(store_write(s, ino, (uint64_t)1 << 45, "x", 1), -EFBIG);
    end(s);
}

TEST(holes_read_as_zeros)
{
    struct store *s = begin();
    uint32_t ino;
    static char buffer[3 << 20];
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    CHECK_EQ(store_write(s, ino, 1 << 20, "x", 1), 1);
    CHECK_EQ(store_write(s, ino, (uint64_t)1 << 40, "y", 1), 1);
    memset(buffer, 'z', sizeof buffer);
    CHECK_EQ(store_read(s, ino, 0, buffer, sizeof buffer), sizeof buffer);
    for (size_t i = 0; i < sizeof buffer; i++)
        if (buffer[i] != (i == 1 << 20 ? 'x' : 0)) {
            CHECK_EQ(i, 0);
            break;
        }
    CHECK_EQ(attr_of(s, ino).blocks, 16);
    CHECK_EQ(store_seek(s, ino, 0, false), 1 << 20);
    CHECK_EQ(store_seek(s, ino, 1 << 20, true), (1 << 20) + 4096);
    CHECK_EQ(store_seek(s, ino, 2 << 20, false), (int64_t)1 << 40);
    CHECK_EQ(store_seek(s, ino, ((int64_t)1 << 40) + 1, false), -ENXIO);
    end(s);
}

/* What was cut off does not come back when the file grows. */
TEST(truncate_and_grow)
{
    struct store *s = begin();
    uint32_t ino;
    char buffer[8192];
    uint64_t before = free_blocks(s);
    memset(buffer, 'x', sizeof buffer);
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(store_write(s, ino, (uint64_t)i * 8192, buffer, 8192), 8192);
    CHECK_EQ(store_truncate(s, ino, 5000), 0);
    CHECK_EQ(attr_of(s, ino).blocks, 16);
    CHECK_EQ(store_truncate(s, ino, 100000), 0);
    CHECK_EQ(store_read(s, ino, 4096, buffer, 8192), 8192);
    CHECK_EQ(buffer[903], 'x');
    for (int i = 904; i < 8192; i++)
        if (buffer[i] != 0)
            CHECK_EQ(i, -1);
    CHECK_EQ(store_truncate(s, ino, 0), 0);
    CHECK_EQ(attr_of(s, ino).blocks, 0);
    CHECK_EQ(free_blocks(s), before);
    end(s);
}

TEST(fallocate_reserves_punches_and_zeros)
{
    struct store *s = begin();
    uint32_t ino;
    char buffer[4096];
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    CHECK_EQ(store_fallocate(s, ino, STORE_KEEP_SIZE, 0, 1 << 20), 0);
    CHECK_EQ(attr_of(s, ino).size, 0);
    CHECK_EQ(attr_of(s, ino).blocks, 2048);
    CHECK_EQ(store_fallocate(s, ino, 0, 0, 1 << 20), 0);
    CHECK_EQ(attr_of(s, ino).size, 1 << 20);
    CHECK_EQ(store_write(s, ino, 5000, "hello", 5), 5);
    CHECK_EQ(store_read(s, ino, 4096, buffer, 4096), 4096);
    CHECK_EQ(buffer[903], 0);
    CHECK(memcmp(buffer + 904, "hello", 5) == 0);
    CHECK_EQ(store_seek(s, ino, 0, false), 4096);
    CHECK_EQ(store_fallocate(s, ino, STORE_PUNCH_HOLE, 0, 1), -EOPNOTSUPP);
    CHECK_EQ(store_fallocate(s, ino, STORE_PUNCH_HOLE | STORE_KEEP_SIZE, 5002, 100000), 0);
    CHECK_EQ(store_read(s, ino, 5000, buffer, 5), 5);
    CHECK(memcmp(buffer, "he\0\0\0", 5) == 0);
    CHECK_EQ(attr_of(s, ino).blocks, 2048 - 23 * 8);
    CHECK_EQ(store_fallocate(s, ino, STORE_ZERO_RANGE, 4096, 4096), 0);
    CHECK_EQ(store_read(s, ino, 5000, buffer, 2), 2);
    CHECK_EQ(buffer[0], 0);
    CHECK_EQ(store_fallocate(s, ino, 0, 0, 0), -EINVAL);
    end(s);
}

/* Every second block: as many extents as blocks, so that the tree is deep. */
TEST(fragmented_file)
{
    enum { COUNT = 3000 };
    struct store *s = begin();
    uint32_t ino, got;
    uint64_t before = free_blocks(s);
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    for (uint32_t i = 0; i < COUNT; i++) { /* in an order that splits leaves inside */
        uint32_t at = i * 1009 % COUNT;
        CHECK_EQ(store_write(s, ino, (uint64_t)at * 8192, &at, sizeof at), sizeof at);
    }
    s = reopen(s);
    for (uint32_t i = 0; i < COUNT; i++) {
        CHECK_EQ(store_read(s, ino, (uint64_t)i * 8192, &got, sizeof got), sizeof got);
        CHECK_EQ(got, i);
    }
    CHECK_EQ(store_close(s), 0);
    CHECK(kit_consistent(disk));
    s = disk_open(disk, false);
    for (uint32_t i = 0; i < COUNT; i += 2)
        CHECK_EQ(
            store_fallocate(s, ino, STORE_PUNCH_HOLE | STORE_KEEP_SIZE, (uint64_t)i * 8192, 4096),
            0);
    CHECK_EQ(store_truncate(s, ino, (uint64_t)COUNT * 4096), 0);
    s = reopen(s);
    CHECK_EQ(store_read(s, ino, 3 * 8192, &got, sizeof got), sizeof got);
    CHECK_EQ(got, 3);
    CHECK_EQ(store_read(s, ino, 4 * 8192, &got, sizeof got), sizeof got);
    CHECK_EQ(got, 0);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "a"), 0);
    CHECK_EQ(free_blocks(s), before);
    end(s);
}

/* Inodes without names --------------------------------------------------------*/

TEST(unlinked_but_held)
{
    struct store *s = begin();
    struct store_attr a;
    uint32_t ino;
    char text[8];
    uint64_t before = free_blocks(s);
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    store_write(s, ino, 0, "text", 4);
    CHECK_EQ(store_hold(s, ino), 0);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "a"), 0);
    CHECK_EQ(attr_of(s, ino).nlink, 0);
    CHECK_EQ(store_read(s, ino, 0, text, 4), 4);
    CHECK_EQ(store_write(s, ino, 4, "more", 4), 4);
    CHECK(free_blocks(s) < before);
    CHECK_EQ(store_drop(s, ino), 0);
    CHECK_EQ(free_blocks(s), before);
    CHECK_EQ(store_getattr(s, ino, &a), -ENOENT);
    end(s);
}

TEST(unnamed_files)
{
    struct store *s = begin();
    struct store_new what = {.mode = FILE_MODE};
    uint32_t named, forgotten;
    CHECK_EQ(store_create_unnamed(s, &what, &named), 0);
    CHECK_EQ(store_create_unnamed(s, &what, &forgotten), 0);
    CHECK_EQ(store_write(s, named, 0, "text", 4), 4);
    CHECK_EQ(store_link(s, named, STORE_ROOT, "a", 1), 0);
    CHECK_EQ(attr_of(s, named).nlink, 1);
    s = reopen(s); /* closing frees the other */
    struct store_attr a;
    CHECK_EQ(kit_find(s, "a"), named);
    CHECK_EQ(store_getattr(s, forgotten, &a), -ENOENT);
    end(s);
}

TEST(crash_frees_what_was_only_held)
{
    struct store *s = begin();
    uint32_t ino;
    uint64_t before = free_blocks(s);
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    store_write(s, ino, 0, "text", 4);
    store_hold(s, ino);
    kit_unlink(s, STORE_ROOT, "a");
    CHECK_EQ(store_commit(s), 0);
    struct disk *crashed = disk_copy(disk);
    end(s);
    s = disk_open(crashed, false);
    CHECK_EQ(free_blocks(s), before);
    disk = crashed;
    end(s);
}

/* Full, and failing -----------------------------------------------------------*/

TEST(full_image_says_so_and_recovers)
{
    struct store *s = begin();
    static char buffer[1 << 20];
    uint32_t ino, other;
    uint64_t at = 0, before = free_blocks(s);
    ssize_t put;
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    kit_create(s, STORE_ROOT, "b", FILE_MODE, &other);
    while ((put = store_write(s, ino, at, buffer, sizeof buffer)) > 0)
        at += (uint64_t)put;
    CHECK_EQ(put, -ENOSPC);
    CHECK_EQ(free_blocks(s), 0);
    CHECK_EQ(store_write(s, other, 0, "x", 1), -ENOSPC);
    CHECK_EQ(kit_create(s, STORE_ROOT, "d", DIR_MODE, NULL), -ENOSPC);
    CHECK_EQ(attr_of(s, STORE_ROOT).nlink, 3);
    CHECK_EQ(store_truncate(s, ino, at - 4096), 0); /* the freed block rests … */
    CHECK_EQ(store_write(s, other, 0, "x", 1), 1);  /* … until a commit, which happens */
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "a"), 0);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "b"), 0);
    CHECK_EQ(free_blocks(s), before);
    end(s);
}

TEST(inodes_run_out)
{
    disk = disk_new(DISK);
    disk_format(disk, &(struct store_format){.uuid = "x", .now = 1, .inodes = 64});
    struct store *s = disk_open(disk, false);
    struct store_statfs st;
    char name[16];
    int i = 0, r;
    do
        snprintf(name, sizeof name, "n%d", i++);
    while ((r = kit_create(s, STORE_ROOT, name, FILE_MODE, NULL)) == 0);
    CHECK_EQ(r, -ENOSPC);
    store_statfs(s, &st);
    CHECK_EQ(st.free_inodes, 0);
    CHECK_EQ(kit_unlink(s, STORE_ROOT, "n3"), 0);
    CHECK_EQ(kit_create(s, STORE_ROOT, name, FILE_MODE, NULL), 0);
    end(s);
}

TEST(read_only_changes_nothing)
{
    struct store *s = begin();
    uint32_t ino;
    kit_create(s, STORE_ROOT, "a", FILE_MODE, &ino);
    store_write(s, ino, 0, "text", 4);
    CHECK_EQ(store_commit(s), 0);
    struct disk *left = disk_copy(disk); /* with a journal to be replayed */
    end(s);
    uint64_t writes = left->writes;
    s = disk_open(left, true);
    CHECK_EQ(kit_find(s, "a"), ino);
    CHECK_EQ(attr_of(s, ino).size, 4);
    CHECK_EQ(kit_create(s, STORE_ROOT, "b", FILE_MODE, NULL), -EROFS);
    CHECK_EQ(store_write(s, ino, 0, "x", 1), -EROFS);
    CHECK_EQ(store_close(s), 0);
    CHECK_EQ(left->writes, writes);
    disk_free(left);
}

TEST(overlay_keeps_the_image)
{
    struct store *s = begin(), *o = NULL;
    struct err err;
    CHECK_EQ(store_close(s), 0);
    uint64_t writes = disk->writes;
    struct device *overlay = overlay_new(&disk->device);
    struct store_options options = {.now = kit_now};
    CHECK_EQ(store_open(&o, overlay, &options, &err), 0);
    CHECK_EQ(kit_create(o, STORE_ROOT, "a", FILE_MODE, NULL), 0);
    CHECK_EQ(store_close(o), 0);
    CHECK_EQ(store_open(&o, overlay, &options, &err), 0);
    CHECK(kit_find(o, "a") != 0);
    CHECK_EQ(store_close(o), 0);
    overlay_free(overlay);
    CHECK_EQ(disk->writes, writes);
    s = disk_open(disk, false);
    CHECK_EQ(kit_find(s, "a"), 0);
    end(s);
}

TEST(no_image_is_told_so)
{
    struct err err;
    struct store *s;
    struct store_options options = {0};
    disk = disk_new(1 << 20);
    CHECK_EQ(store_open(&s, &disk->device, &options, &err), -EINVAL);
    CHECK_STR(err.text, "this is no ext4 image");
    disk->device.size = 100;
    CHECK_EQ(store_open(&s, &disk->device, &options, &err), -EINVAL);
}

/* Small blocks and images without checksums do the same. */
static void exercise(const struct store_format *how)
{
    char name[32], value[700];
    uint32_t dir, ino;
    disk = disk_new(DISK);
    disk_format(disk, how);
    struct store *s = disk_open(disk, false);
    memset(value, 'v', sizeof value);
    CHECK_EQ(kit_create(s, STORE_ROOT, "dir", DIR_MODE, &dir), 0);
    for (int i = 0; i <= 400; i++) {
        snprintf(name, sizeof name, "a-longer-name-%d", i);
        CHECK_EQ(kit_create(s, dir, name, FILE_MODE, &ino), 0);
        CHECK_EQ(store_write(s, ino, (uint64_t)i * 100, name, sizeof name), sizeof name);
        CHECK_EQ(store_setxattr(s, ino, &(struct store_xattr){"user.v", value, (size_t)i, 0}), 0);
        if (i % 3 == 0)
            CHECK_EQ(kit_unlink(s, dir, name), 0);
    }
    for (uint32_t i = 0; i < 500; i++)
        CHECK_EQ(store_write(s, ino, 100000 + i * 10000, &i, sizeof i), sizeof i);
    s = reopen(s);
    CHECK_EQ(attr_of(s, kit_find(s, "dir/a-longer-name-100")).size, 100 * 100 + sizeof name);
    end(s);
}

TEST(small_blocks)
{
    exercise(&(struct store_format){.uuid = "x", .now = 1, .block_size = 1024});
}

TEST(no_checksums)
{
    exercise(&(struct store_format){.uuid = "x", .now = 1, .no_checksums = true});
}
