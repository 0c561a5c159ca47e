/* devices: what a box has of them, whatever their nodes are called and wherever they lie. */
#ifndef VOW_BOX_DEVICES_H
#define VOW_BOX_DEVICES_H

#include "box/broker/node.h"

struct special_device {
    const char *name; /* in /dev */
    uint32_t major, minor;
    const struct file_ops *ops;
    /* or of one that has more to do */
    int (*open)(struct node *n, struct thread *t, uint32_t flags, struct file **out);
};
extern const struct special_device devices[];
extern const size_t device_count;

/* device_open: of a node that is no regular file, directory or FIFO; -ENXIO: the box has no
 * such device. */
int device_open(struct node *n, struct thread *t, uint32_t flags, struct file **out);

#endif
