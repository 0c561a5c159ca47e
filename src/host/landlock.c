#include "host/landlock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2
#define ACCESS_NET_CONNECT_TCP (1u << 1)
#define RESTRICT_SELF_TSYNC (1u << 3)

/* The kernel takes a longer structure than it knows if the rest is zero. */
struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* ABI 4 */
    uint64_t scoped;             /* ABI 6 */
};

struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

struct net_port_attr {
    uint64_t allowed_access;
    uint64_t port;
};

int host_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return abi < 0 ? -errno : (int)abi;
}

int host_landlock_create(uint64_t handled_fs, uint64_t scoped, uint16_t only_port)
{
    struct ruleset_attr attr = {.handled_access_fs = handled_fs,
                                .handled_access_net = only_port ? ACCESS_NET_CONNECT_TCP : 0,
                                .scoped = scoped};
    struct net_port_attr port = {ACCESS_NET_CONNECT_TCP, only_port};
    int fd CLEAN_FD = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (fd < 0 || (only_port && syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &port, 0) < 0))
        return -errno;
    return take_fd(&fd);
}

int host_landlock_add_path(int ruleset, uint64_t access, int fd)
{
    struct path_beneath_attr attr = {.allowed_access = access, .parent_fd = fd};
    return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0 ? -errno : 0;
}

int host_landlock_restrict(int ruleset, bool all_threads)
{
    unsigned flags = all_threads ? RESTRICT_SELF_TSYNC : 0;
    return syscall(SYS_landlock_restrict_self, ruleset, flags) < 0 ? -errno : 0;
}
