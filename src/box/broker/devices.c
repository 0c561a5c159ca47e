#include "box/broker/devices.h"

#include <errno.h>

#include "box/broker/tty/host_tty.h"
#include "box/broker/tty/pty.h"

const struct special_device devices[] = {
    {"null", 1, 3, &null_ops, NULL},      {"zero", 1, 5, &zero_ops, NULL},
    {"full", 1, 7, &full_ops, NULL},      {"random", 1, 8, &random_ops, NULL},
    {"urandom", 1, 9, &random_ops, NULL}, {"tty", 5, 0, NULL, tty_open},
    {"ptmx", 5, 2, NULL, pty_open_master}};
const size_t device_count = ARRAY_COUNT(devices);

int device_open(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    struct store_attr a;
    int result = n->ops->attr(n, &a);
    if (result != 0)
        return result;
    for (size_t i = 0; i < device_count && n->type == S_IFCHR; i++) {
        const struct special_device *d = &devices[i];
        if (d->major != a.major || d->minor != a.minor)
            continue;
        if (d->open)
            return d->open(n, t, flags, out);
        *out = file_new(d->ops, flags, node_hold(n), NULL);
        return *out ? 0 : -ENOMEM;
    }
    return -ENXIO;
}
