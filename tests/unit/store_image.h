/* store_image: the one image that a test of store.c or store_contents.c works on,
 * from a new one to e2fsck's opinion at the end. */
#ifndef VOW_STORE_IMAGE_H
#define VOW_STORE_IMAGE_H

#include "harness.h"

#include <sys/stat.h>

#include "store_kit.h"

enum { DISK = 64 << 20, FILE_MODE = S_IFREG | 0644, DIR_MODE = S_IFDIR | 0755 };

static struct disk *disk;

static inline struct store *begin(void)
{
    disk = disk_new(DISK);
    disk_format(disk, NULL);
    return disk_open(disk, false);
}

static inline struct store *reopen(struct store *s)
{
    CHECK_EQ(store_close(s), 0);
    return disk_open(disk, false);
}

static inline void end(struct store *s)
{
    CHECK_EQ(store_close(s), 0);
    CHECK(kit_consistent(disk));
    disk_free(disk);
}

static inline struct store_attr attr_of(struct store *s, uint32_t ino)
{
    struct store_attr a = {0};
    CHECK_EQ(store_getattr(s, ino, &a), 0);
    return a;
}

static inline uint64_t free_blocks(struct store *s)
{
    struct store_statfs st;
    store_statfs(s, &st);
    return st.free_blocks;
}

#endif
