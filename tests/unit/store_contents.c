/* store_contents: contents of files, files without names, and full, failing and
 * unusual images; as store.c does for names. */
#include "store_image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* A read that is partly of what was written, partly of what lies below. */
TEST(overlay_reads_across_what_was_written)
{
    enum { SIZE = 8 * 4096 };
    static uint8_t wanted[SIZE], got[SIZE];
    disk = disk_new(DISK);
    struct device *overlay = overlay_new(&disk->device);
    for (size_t i = 0; i < SIZE; i++)
        wanted[i] = (uint8_t)(i * 7 + i / 4096);
    CHECK_EQ(disk->device.write(disk->device.context, 0, wanted, SIZE), 0);
    for (size_t at = 5000; at < SIZE; at += 12000) {
        memset(wanted + at, 0xee, 100);
        CHECK_EQ(overlay->write(overlay->context, at, wanted + at, 100), 0);
    }
    for (size_t at = 0; at < SIZE; at += 1000) {
        memset(got, 0, sizeof got);
        CHECK_EQ(overlay->read(overlay->context, at, got, SIZE - at), 0);
        CHECK(memcmp(got, wanted + at, SIZE - at) == 0);
    }
    overlay_free(overlay);
    disk_free(disk);
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

/* A write of file data that fails changes nothing: neither size nor blocks. */
TEST(failed_write_is_undone)
{
    struct store *s = begin();
    uint32_t ino;
    char buffer[100000] = "";
    CHECK_EQ(kit_create(s, STORE_ROOT, "a", S_IFREG | 0644, &ino), 0);
    uint64_t before = free_blocks(s);
    disk->fail_from = disk->writes + 1;
    disk->fail_with = -ENOSPC;
    CHECK_EQ(store_write(s, ino, 0, buffer, sizeof buffer), -ENOSPC);
    disk->fail_from = 0;
    CHECK_EQ(free_blocks(s), before);
    CHECK_EQ(store_write(s, ino, 0, buffer, sizeof buffer), sizeof buffer);
    end(s);
}
