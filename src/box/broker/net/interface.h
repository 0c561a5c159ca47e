/* interface: the one network interface, lo, as ioctl and /proc/net show it. */
#ifndef VOW_BOX_INTERFACE_H
#define VOW_BOX_INTERFACE_H

#include "box/broker/broker.h"

/* interface_ioctl: SIOCGIF…; -ENOTTY for what is none. */
int64_t interface_ioctl(struct thread *t, uint32_t request, uint64_t argument);

/* The files of /proc/net. */
enum net_file {
    NET_DEV,
    NET_IF_INET6,
    NET_ROUTE,
    NET_TCP,
    NET_TCP6,
    NET_UDP,
    NET_UDP6,
    NET_UNIX,
    NET_NETLINK,
    NET_FILES
};
extern const char *const net_file_names[NET_FILES];
void net_file_add(struct str *s, enum net_file file);

#endif
