/* control: the control data of messages. PURE. */
#ifndef VOW_BOX_CONTROL_H
#define VOW_BOX_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTROL_FDS_MAX = 253, CONTROL_ROOM = 4096 };

/* struct ucred */
struct peer {
    int32_t pid;
    uint32_t uid, gid;
};

/* How a packet of the internet travels; -1: as its sender's options say. */
struct journey {
    int hops, class;
};

/* What a guest sends. */
struct control {
    int fds[CONTROL_FDS_MAX];
    unsigned fd_count;
    bool has_fds, has_peer;
    struct peer peer;
    struct journey journey;
};
/* control_read: of a message for a socket of `domain`: 0, -EINVAL. The bytes must
 * not change meanwhile. */
int control_read(int domain, const void *bytes, size_t size, struct control *out);

/* What a guest gets: `room` bytes at `at`. */
struct control_list {
    uint8_t at[CONTROL_ROOM];
    size_t room, size;
    bool truncated; /* MSG_CTRUNC */
};
/* control_add: as much as there is room for: the size of the data that fitted. */
size_t control_add(struct control_list *l, int level, int type, const void *data, size_t size);
/* control_fits: how many elements of `unit` bytes can be added. */
size_t control_fits(const struct control_list *l, size_t unit);

#endif
