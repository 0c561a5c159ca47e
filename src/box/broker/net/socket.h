/* socket: what all sockets have, and how a message gets into and out of one.
 *
 * A socket has one queue of packets, of what has come for it. Stream sockets know
 * their peer and put bytes there; datagram sockets look for their destination
 * with each message. A packet of a stream is filled up by later writes.
 *
 * What guests can make the broker keep is bound: each queue, all queues together
 * (NET_MEMORY_MAX), the number of sockets, and the descriptors under way. */
#ifndef VOW_BOX_SOCKET_H
#define VOW_BOX_SOCKET_H

#include <poll.h>
#include <signal.h> /* POLL_IN */
#include <sys/socket.h>

#include "box/broker/file.h"
#include "box/broker/net/address.h"
#include "box/broker/net/control.h"

enum {
    SOCKETS_MAX = 16384,
    NET_MEMORY_MAX = 128 << 20,
    RIGHTS_MAX = 16384,
    BUFFER_DEFAULT = 212992,
    BUFFER_MAX = 2 * BUFFER_DEFAULT,
    PACKET_OVERHEAD = 512, /* what a packet counts for beside its bytes */
    PACKET_SMALL = 4096,   /* at least so much room has one of a stream */
    PACKET_LARGE = 65536,  /* and one that takes what a window holds */
    SHUT_READ = 1,         /* bits of `shut` */
    SHUT_WRITE = 2,
    SHUT_BOTH = 3,
    OPTIONS_MAX = 64,
};

/* Descriptors under way: of one packet. */
struct rights {
    struct rights *next; /* of those that are to be dropped */
    unsigned count;
    struct file *files[]; /* held */
};

struct packet {
    struct packet *next;
    struct rights *rights;
    struct peer sender;
    struct address from, to; /* of a datagram */
    struct journey journey;
    size_t start, end, room; /* bytes[start..end) */
    char bytes[];
};

enum socket_state { FRESH, LISTENS, CONNECTED, CLOSED };

/* An option that is remembered and has no other effect. */
struct option {
    int level, name, value;
};

struct socket {
    struct socket *next, *prev; /* of all */
    const struct family *family;
    struct file *file; /* NULL: not accepted yet */
    int domain, type, protocol;
    enum socket_state state;
    uint32_t ino;
    int error; /* positive: what the next call answers */
    unsigned shut;
    struct address name, peer_name; /* AF_UNSPEC: none */
    struct node *node;              /* of a name that is a path: held */
    struct socket *peer;            /* a stream's other end, a datagram's destination */
    bool connecting;                /* of TCP: connect answered EINPROGRESS */
    bool bound;                     /* the name is its own, not its listener's */
    struct peer cred, peer_cred;
    /* Of a listener: who has connected and is not accepted yet. */
    struct socket *waiting, *next_waiting;
    unsigned waiting_count, backlog;
    /* What has come. */
    struct packet *first, *last;
    size_t bytes, charged;
    unsigned packets;
    struct queue changed;
    uint32_t edges;
    unsigned inflight; /* how often its file is under way, and, of a collection, from inside */
    unsigned inside;
    struct socket *next_flying, *prev_flying;
    unsigned followers; /* datagram sockets whose peer it is */
    bool reached;       /* of a collection */
    struct socket *next_reached;
    /* Options. */
    uint32_t send_buffer, receive_buffer, low_water;
    int64_t receive_limit, send_limit; /* nanoseconds; 0: none */
    bool pass_peer, reuse_address, reuse_port, v6_only, lingers, stamps, packet_info;
    int linger;
    unsigned option_count;
    struct option options[OPTIONS_MAX];
};

/* What a call sends. Bytes lie in a window and can change. */
struct sending {
    struct thread *thread;
    const char *bytes;
    size_t size;
    const struct address *to; /* NULL: none is given */
    struct journey journey;
    struct rights *rights; /* whoever queues them takes them over and makes it NULL */
    struct peer sender;
    uint32_t flags; /* MSG_x */
    bool waits;
    bool goes_on; /* part of it was sent already: no SIGPIPE */
};

/* What a call gets. */
struct receiving {
    struct thread *thread;
    char *to;     /* NULL: bytes go nowhere */
    size_t size;  /* room there */
    size_t total; /* and wherever the rest goes */
    uint32_t flags;
    bool waits;
    bool wants_rights; /* else they are closed */
    /* The answer. */
    uint32_t out_flags;
    struct address from;
    struct packet *rest;   /* of a datagram that is larger than `to`: the caller's */
    struct rights *rights; /* the caller's */
    bool has_packet;       /* what follows is known */
    struct peer sender;
    struct address arrived_at;
    struct journey journey;
};

/* A domain's and type's functions. */
struct family {
    int64_t (*bind)(struct thread *t, struct socket *s, const void *bytes, size_t size);
    int64_t (*connect)(struct thread *t, struct socket *s, const struct address *to, bool waits);
    int64_t (*listen)(struct thread *t, struct socket *s);
    int64_t (*send)(struct socket *s, struct sending *m);
    int64_t (*receive)(struct socket *s, struct receiving *m);
    int (*poll)(struct thread *t, struct socket *s);
    int64_t (*shutdown)(struct socket *s, unsigned how);
    /* release: its descriptor is gone; what others see of that. */
    void (*release)(struct socket *s);
    bool is_stream;
};
extern const struct family unix_stream, unix_packets, unix_datagrams, netlink;

/* socket.c */
extern struct socket *sockets; /* all */
/* socket_new: -ENFILE, -ENOMEM. No file yet. */
int socket_new(int domain, int type, const struct family *family, struct socket **out);
/* socket_file: the open file of a socket, which it takes over, released on failure. */
struct file *socket_file(struct socket *s, uint32_t flags);
void socket_free(struct socket *s);
/* socket_of: of a descriptor: 0, -EBADF, -ENOTSOCK. */
int socket_of(const struct thread *t, uint64_t fd, struct socket **out);
/* socket_changed: something has come, or can go: pollers see an edge. */
void socket_changed(struct socket *s);
/* socket_tell: likewise, and POLL_IN or what else it is, to who has O_ASYNC. */
void socket_tell(struct socket *s, int code);
/* socket_wait: for a queue: -EAGAIN where the caller does not wait, or has waited
 * for `limit` nanoseconds. */
int64_t socket_wait(struct thread *t, struct queue *q, bool waits, int64_t limit);
/* socket_error: -errno that waits for the next call, which it takes off; 0. */
int64_t socket_error(struct socket *s);
struct peer peer_of(const struct thread *t);
/* broken_pipe: -EPIPE, with the signal that goes with it. */
int64_t broken_pipe(const struct sending *m);

/* packet.c */
/* packet_new: NULL if there is no memory for it: -ENOBUFS. */
struct packet *packet_new(size_t room);
void packet_free(struct packet *p);
void packet_push(struct socket *to, struct packet *p);
/* packet_pop: takes the first off. */
struct packet *packet_pop(struct socket *s);
void packets_drop(struct socket *s);
/* packet_fill: bytes of a message at a stream's end: 0 or -ENOBUFS. */
int packet_fill(struct socket *to, struct sending *m);
/* packets_take: bytes of a stream. */
size_t packets_take(struct socket *s, struct receiving *m);

/* stream.c: for unix streams and TCP. */
void stream_join(struct socket *a, struct socket *b);
int64_t stream_send(struct socket *s, struct sending *m);
int64_t stream_receive(struct socket *s, struct receiving *m);
int64_t stream_shutdown(struct socket *s, unsigned how);
void stream_release(struct socket *s);
bool stream_is_writable(const struct socket *s);
/* listener_add: `s` waits to be accepted. */
void listener_add(struct socket *listener, struct socket *s);

/* datagram.c */
int64_t datagram_receive(struct socket *s, struct receiving *m);
/* datagram_put: a message into a queue: its size, -ENOBUFS. */
int64_t datagram_put(struct socket *to, struct socket *from, struct sending *m);

/* rights.c */
/* rights_take: of a sender's descriptors: 0, -EBADF, -ETOOMANYREFS, -ENOMEM. */
int rights_take(const struct thread *t, const struct control *c, struct rights **out);
struct rights *rights_copy(const struct rights *r);
void rights_drop(struct rights *r);
/* rights_hand_over: as descriptors of a receiver, into its control data. */
void rights_hand_over(struct thread *t, struct rights *r, bool close_on_exec,
                      struct control_list *l);
/* rights_collect: closes sockets that only sockets in each other's queues hold.
 * rights_released: a socket went away: once that is worth a look at all of them. */
void rights_collect(void);
void rights_released(void);

/* option_get: a remembered option's value, or what it is at first. */
int option_get(const struct socket *s, int level, int name);

/* stage.c */
struct staged {
    size_t size;
    char at[];
};
int stage_keep(struct thread *t, const char *bytes, size_t size);

#endif
