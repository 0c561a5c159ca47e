/* device: bytes that can be read, written and made durable, given to code that
 * itself makes no system call: a file of the host (host/image.h), memory in a
 * test, an overlay that is thrown away. */
#ifndef VOW_BASE_DEVICE_H
#define VOW_BASE_DEVICE_H

#include <stddef.h>
#include <stdint.h>

/* All functions return 0 or -errno. A range never passes the end. */
struct device {
    void *context;
    uint64_t size; /* bytes */
    int (*read)(void *context, uint64_t offset, void *to, size_t size);
    /* write: NULL if the device is read-only. Nothing is durable, and writes
     * may become durable in any order, until flush returns 0. */
    int (*write)(void *context, uint64_t offset, const void *from, size_t size);
    int (*flush)(void *context);
};

#endif
