/* id: who the process is. */
#include "conform.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

GRANTS("id", "stdio", "setuid(2)", "pledge.2 id", setuid(getuid()));
GRANTS("id", "stdio", "setgid(2)", "pledge.2 id", setgid(getgid()));
GRANTS("id", "stdio", "seteuid(2)", "pledge.2 id", seteuid(getuid()));
GRANTS("id", "stdio", "setegid(2)", "pledge.2 id", setegid(getgid()));
GRANTS("id", "stdio", "setreuid(2)", "pledge.2 id", setreuid((uid_t)-1, getuid()));
GRANTS("id", "stdio", "setregid(2)", "pledge.2 id", setregid((gid_t)-1, getgid()));
GRANTS("id", "stdio", "setresuid(2)", "pledge.2 id", setresuid((uid_t)-1, getuid(), (uid_t)-1));
GRANTS("id", "stdio", "setresgid(2)", "pledge.2 id", setresgid((gid_t)-1, getgid(), (gid_t)-1));
GRANTS("id", "stdio", "setgroups(2)", "pledge.2 id", setgroups(0, NULL),
       .needs = "root: may change groups");
GRANTS("id", "stdio proc rpath", "becoming another user", "pledge.2 id",
       setgid(65534) == 0 ? setuid(65534) : -1, .needs = "root: may become another");
