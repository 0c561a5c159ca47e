/* route: what NETLINK_ROUTE says of a machine that has a loopback and nothing
 * else. PURE. */
#ifndef VOW_BOX_ROUTE_H
#define VOW_BOX_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUTE_ROOM = 4096, ROUTE_MTU = 65536, ROUTE_FLAGS = 0x10049, ROUTE_HARDWARE = 772 };

struct route_answer {
    uint8_t at[ROUTE_ROOM];
    size_t size;
    bool full; /* what did not fit is left out */
};
/* route_answer: to the requests in these bytes, which may be anything, but must
 * not change meanwhile. `port`: whom it goes to. */
void route_answer(const uint8_t *bytes, size_t size, uint32_t port, struct route_answer *out);

#endif
