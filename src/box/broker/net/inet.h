/* inet: addresses and ports of the one interface there is, the loopback. */
#ifndef VOW_BOX_INET_H
#define VOW_BOX_INET_H

#include "box/broker/net/socket.h"

extern const struct family tcp, udp;

/* inet_bind: of both protocols. inet_bind_any: a free port if it has none. */
int64_t inet_bind(struct thread *t, struct socket *s, const void *bytes, size_t size);
int inet_bind_any(struct socket *s);
/* inet_name: gives a socket a name, or none (NULL): its port counts as taken. */
void inet_name(struct socket *s, const struct address *name);
/* inet_conflict: is there another socket with its name, that listens if `listens`? */
bool inet_conflict(const struct socket *s, const struct address *name, bool listens);
/* inet_route: where it leads: 0, and *to an address of this machine; -ENETUNREACH. */
int inet_route(const struct socket *s, struct address *to);
/* inet_source: who a message to `to` is from. */
struct address inet_source(const struct socket *s, const struct address *to);
/* inet_fits: how well a socket's name fits a destination; 0: not at all. */
int inet_fits(const struct socket *s, const struct address *to);

#endif
