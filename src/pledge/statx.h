/* statx: the kernel's struct stat as its struct statx. */
#ifndef VOW_PLEDGE_STATX_H
#define VOW_PLEDGE_STATX_H

/* Where the file knows both; elsewhere every libc has another way. */
#if !defined(__mips__) && !defined(__loongarch__)
#define STATX_KNOWN 1
#else
#define STATX_KNOWN 0
#endif

/* Room for the kernel's struct stat, or its stat64 where that is of 32 bits. */
struct kernel_stat {
    _Alignas(8) char bytes[144];
};

/* What the kernel writes for statx. */
struct extended {
    unsigned mask, block_size;
    unsigned long long attributes;
    unsigned links, uid, gid;
    unsigned short mode, spare;
    unsigned long long inode, size, blocks, attributes_mask;
    struct {
        long long seconds;
        unsigned nanoseconds, reserved;
    } accessed, born, changed, modified;
    unsigned special_major, special_minor, major, minor;
    unsigned long long spares[14];
};
_Static_assert(sizeof(struct extended) == 256, "struct statx");

void statx_of(const struct kernel_stat *from, struct extended *to);

#endif
