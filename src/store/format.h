/* format: makes a new, empty file system on a device, through libext2fs: its
 * input is ours alone, so its trust does no harm. */
#ifndef VOW_STORE_FORMAT_H
#define VOW_STORE_FORMAT_H

#include <time.h>

#include "base/base.h"
#include "base/device.h"

struct store_format {
    uint64_t inodes;       /* wanted; 0: one for each 16 KiB */
    uint8_t uuid[16];      /* random */
    uint32_t hash_seed[4]; /* random */
    time_t now;
    const char *label;   /* at most 16 bytes, or NULL */
    uint32_t block_size; /* 1024, 2048 or 4096; 0: 4096 */
    bool no_checksums;   /* of metadata */
};

/* store_format: the device must read as zeros. Its size decides the rest. */
int store_format(const struct device *device, const struct store_format *how, struct err *err);

#endif
