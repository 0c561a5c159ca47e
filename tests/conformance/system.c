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

static long sets_the_same_time(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? clock_settime(CLOCK_REALTIME, &now) : -1;
}

/* Without the right to set it the kernel refuses; that is no violation. */
GRANTS("settime", "stdio", "clock_settime(2)", "pledge.2 settime",
       OK(sets_the_same_time() == 0 || errno == EPERM));
GRANTS("settime", "stdio", "adjtimex(2), even to ask", "pledge.2 adjtime",
       adjtimex(&(struct timex){0}), .openbsd = "adjtime(2) may ask without settime",
       .because = "whether it asks or sets is in memory, where no filter looks");

static long lists_processes(void)
{
    DIR *directory = opendir("/proc");
    return OK(directory && readdir(directory));
}

GRANTS("ps", "stdio", "listing processes", "pledge.2 ps", lists_processes());
ALLOWS("stdio", "getloadavg(3)", "kern_pledge.c pledge_sysctl",
       OK(getloadavg((double[3]){0}, 3) == 3));
