/* jbd2: the journal on disk: all numbers are big-endian. */
#ifndef VOW_STORE_JBD2_H
#define VOW_STORE_JBD2_H

#include <stdint.h>

enum { JBD2_MAGIC = (int)0xC03B3998u };
enum { JBD2_DESCRIPTOR = 1, JBD2_COMMIT = 2, JBD2_SUPER_1 = 3, JBD2_SUPER_2 = 4, JBD2_REVOKE = 5 };
enum { JBD2_ESCAPED = 1, JBD2_SAME_UUID = 2, JBD2_LAST_TAG = 8 };
enum {
    JBD2_HAS_REVOKE = 1,
    JBD2_WIDE = 2,
    JBD2_ASYNC_COMMIT = 4,
    JBD2_CSUM_V2 = 8,
    JBD2_CSUM_V3 = 16,
};
enum { JBD2_CRC32C = 4 };

struct jbd2_header {
    uint32_t magic, type, sequence;
};

struct jbd2_super {
    struct jbd2_header header;
    uint32_t block_size, block_count, first;
    uint32_t sequence, start; /* of the oldest transaction; start 0: none */
    uint32_t error;
    uint32_t compat, incompat, ro_compat;
    uint8_t uuid[16];
    uint32_t user_count, dynamic_super, max_transaction, max_data;
    uint8_t checksum_type, padding[3];
    uint32_t fast_commit_blocks, head;
    uint32_t reserved[40];
    uint32_t checksum;
    uint8_t users[16 * 48];
};
_Static_assert(sizeof(struct jbd2_super) == 1024, "jbd2's superblock");

/* A block of the transaction, in a descriptor block; without version 3. */
struct jbd2_tag {
    uint32_t number;
    uint16_t checksum, flags;
    uint32_t number_high; /* only if wide */
};
struct jbd2_tag3 {
    uint32_t number, flags, number_high, checksum;
};

struct jbd2_commit {
    struct jbd2_header header;
    uint8_t checksum_type, checksum_size, padding[2];
    uint32_t checksum[8];
    uint64_t seconds;
    uint32_t nanoseconds;
};

/* The size is that of all bytes, with this header. */
struct jbd2_revoke {
    struct jbd2_header header;
    uint32_t size;
};

#endif
