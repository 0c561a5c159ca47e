/* getpw, settime, ps, vminfo: the system around the process. */
#include "conform.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static long opens(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

ALSO_GRANTS("getpw", "rpath", "stdio", "/etc/passwd may be opened", "pledge.2 getpw",
            opens("/etc/passwd"));
ALSO_GRANTS("getpw", "rpath", "stdio", "/etc/group may be opened", "pledge.2 getpw",
            opens("/etc/group"));
DIES("stdio getpw", "getpw opens no other file", "kern_pledge.c pledge_namei", opens("file"));
DIES("stdio getpw", "/etc/passwd may not be written to", "kern_pledge.c pledge_namei",
     OK(open("/etc/passwd", O_WRONLY | O_APPEND) >= 0 || errno == EACCES));
FAILS(EPERM, "stdio getpw", "the shadow file gives EPERM and no violation",
      "kern_pledge.c pledge_namei", opens("/etc/shadow"), .needs = "root: may read it");

static long sets_the_same_time(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? clock_settime(CLOCK_REALTIME, &now) : -1;
}

/* Without the right to set it the kernel refuses; that is no violation. */
GRANTS("settime", "stdio", "clock_settime(2)", "pledge.2 settime",
       OK(sets_the_same_time() == 0 || errno == EPERM));
GRANTS("settime", "stdio", "settimeofday(2)", "pledge.2 settime",
       OK(settimeofday(&(struct timeval){-1, 0}, NULL) == -1 &&
          (errno == EPERM || errno == EINVAL)));
GRANTS("settime", "stdio", "adjtimex(2), even to ask", "pledge.2 adjtime",
       adjtimex(&(struct timex){0}), .openbsd = "adjtime(2) may ask without settime",
       .because = "whether it asks or sets is in memory, where no filter looks");

static long lists_processes(void)
{
    DIR *directory = opendir("/proc");
    return OK(directory && readdir(directory));
}

ALSO_GRANTS("ps", "rpath", "stdio", "listing processes", "pledge.2 ps", lists_processes());
ALSO_GRANTS("ps", "rpath", "stdio", "reading about another process", "pledge.2 ps",
            opens("/proc/1/stat"));
ALSO_GRANTS("vminfo", "rpath", "stdio", "reading about the system's memory", "pledge.2 vminfo",
            opens("/proc/meminfo"));
ALLOWS("stdio", "getloadavg(3)", "kern_pledge.c pledge_sysctl",
       OK(getloadavg((double[3]){0}, 3) == 3));
