/* run: three processes make a box.
 *
 *   vow      waits, gives the terminal back as it was, and ends what is left if
 *            the broker should die
 *   broker   pid 1 of a namespace where there are namespaces; behind its filter
 *            it holds image, terminal and clock (call.c has its loop)
 *   guests   children of the broker, all of them; the first executes the shim
 */
#include "box/run.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "box/arch/x86_64/cpu.h"
#include "box/broker/arena.h"
#include "box/broker/host.h"
#include "box/broker/listener.h"
#include "box/broker/node.h"
#include "box/broker/publish.h"
#include "box/broker/run.h"
#include "box/broker/task.h"
#include "box/broker/tty/host_tty.h"
#include "box/filter.h"
#include "host/caps.h"
#include "host/image.h"
#include "host/machine.h"
#include "host/process.h"
#include "host/seccomp.h"

enum { GUEST_CHANNEL = 5, GUEST_PUBLISHED = 6, GUEST_SHIM = 7, MANY = 1 << 20 };
/* Of the machine's memory. */
enum { CACHE_PART = 8, CACHE_PAGES_MIN = 1024, ARENA_PART = 2 };

/* What vow's process and the broker share. */
struct outcome {
    int status; /* of the first process; -1: the box did not start */
    int error;
    bool has_started; /* its program was executed */
    struct err err;
    struct call_counts counts;
};

struct setup {
    const struct box_request *request;
    struct outcome *outcome;
    struct device image;
    struct device *device; /* the image, or what lies over it */
    struct program guest_filter, broker_filter;
    struct cgroup group;
    int arena[2], channel, published, shim; /* arena: to read, to write; published: to read */
};

extern const unsigned char shim_blob[];
extern const size_t shim_blob_size;

static void now(void *context, struct timespec *out)
{
    (void)context;
    clock_gettime(CLOCK_REALTIME, out);
}

/* Preparing --------------------------------------------------------------------------------*/

static int open_store(struct setup *s, struct err *err)
{
    const struct store_options options = {.now = now};
    int result = image_open(&s->image, s->request->image, !s->request->discard, err);
    if (result != 0)
        return result;
    if (image_fd(&s->image) != BROKER_IMAGE)
        return err_set(err, -EBADF, "the image's descriptor is %d", image_fd(&s->image));
    s->device = &s->image;
    if (s->request->discard && !(s->device = overlay_new(&s->image)))
        return err_set(err, -ENOMEM, "out of memory");
    struct err reason;
    result = store_open(&box.store, s->device, &options, &reason);
    return result == 0 ? 0 : err_set(err, result, "%s: %s", s->request->image, reason.text);
}

/* A memory file, mapped; its descriptor or -errno. */
static int shared_memory(const char *name, uint64_t size, void **at)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        return -errno;
    *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    return *at == MAP_FAILED ? -errno : fd;
}

/* The same memory file, for reading alone; its descriptor or -errno. */
static int read_only(int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int result = open(path, O_RDONLY | O_CLOEXEC);
    return result < 0 ? -errno : result;
}

/* Bytes that the box may use. */
static uint64_t all_memory(const struct box_request *r)
{
    uint64_t most = machine_memory();
    return r->bounds.memory && r->bounds.memory < most ? r->bounds.memory : most;
}

/* A power of two. */
static uint32_t cache_pages(const struct box_request *r)
{
    uint64_t all = all_memory(r) / PAGE_BYTES;
    uint32_t pages = CACHE_PAGES_MIN;
    while (pages < PAGE_COUNT_MAX && (uint64_t)pages * 2 * CACHE_PART <= all)
        pages *= 2;
    return pages;
}

static int make_memory(struct setup *s, struct err *err)
{
    void *arena = NULL, *channel = NULL, *published = NULL;
    uint32_t pages = cache_pages(s->request);
    int fd = s->arena[1] = shared_memory("box-arena", UINT64_C(1) << ARENA_SHIFT, &arena);
    if (fd >= 0)
        fd = s->channel = shared_memory("box-channel", CHANNEL_SIZE, &channel);
    if (fd >= 0)
        fd = shared_memory("box-published", PUBLISHED_SIZE(pages), &published);
    if (fd >= 0)
        fd = s->published = read_only(fd);
    if (fd >= 0)
        fd = s->arena[0] = read_only(s->arena[1]);
    if (fd < 0)
        return err_set(err, fd, "cannot map the box's memory: %s", strerror(-fd));
    box.arena = arena;
    arena_limit(s->request->memory ? s->request->memory : all_memory(s->request) / ARENA_PART);
    box.channel = channel;
    fd = publish_start(published, pages);
    if (fd < 0)
        return err_set(err, fd, "out of memory");
    if (s->request->plain)
        publish_off();
    return 0;
}

bool box_must_set_bases(void)
{
    return !(getauxval(AT_HWCAP2) & CPU_FSGSBASE);
}

static int make_filters(struct setup *s, struct err *err)
{
    struct box_confined which = {BOX_GUEST, s->request->host,
                                 s->request->plain || box_must_set_bases()};
    int result = box_filter(which, arch_native(), &s->guest_filter, err);
    box.channel->set_bases = which.set_bases;
    which.side = BOX_BROKER;
    if (result == 0)
        result = box_filter(which, arch_native(), &s->broker_filter, err);
    if (result == 0 && s->guest_filter.count > START_INSNS_MAX)
        result = err_set(err, -E2BIG, "the guests' filter is too long");
    if (result != 0)
        return result;
    box.channel->listen = s->request->host == BOX_NOTIFY ? LISTEN_WANTED : LISTEN_NONE;
    box.channel->insn_count = (uint32_t)s->guest_filter.count;
    memcpy(box.channel->insns, s->guest_filter.at,
           s->guest_filter.count * sizeof *s->guest_filter.at);
    return 0;
}

static int make_shim(struct setup *s, struct err *err)
{
    s->shim = memfd_create("box-shim", MFD_CLOEXEC);
    if (s->shim < 0 || write(s->shim, shim_blob, shim_blob_size) != (ssize_t)shim_blob_size)
        return err_set(err, -errno, "cannot store the shim: %s", strerror(errno));
    return 0;
}

/* The first process ------------------------------------------------------------------------*/

static void give(int from, int to)
{
    if (fcntl(from, F_DUPFD, 64) < 0 || dup2(from, to) != to)
        _exit(EXIT_FAILURE);
}

/* Where the program is: a name without a slash is looked for in PATH. */
static char *find_program(const struct setup *s, struct thread *t)
{
    const char *name = s->request->argv[0], *dirs = "";
    for (char *const *e = s->request->environ; *e; e++)
        if (strncmp(*e, "PATH=", 5) == 0)
            dirs = *e + 5;
    while (!strchr(name, '/') && *dirs) {
        CLEAN_STR struct str path = {0};
        size_t size = strcspn(dirs, ":");
        struct node *n;
        str_addf(&path, "%.*s/%s", (int)size, dirs, name);
        dirs += size + (dirs[size] == ':');
        if (path_walk(t, &(struct walk){(uint64_t)AT_FDCWD, str_get(&path), true}, &n) != 0)
            continue;
        bool fits = n->type == S_IFREG && node_may(t->process, n, 1) == 0;
        node_drop(n);
        if (fits)
            return str_take(&path);
    }
    return strdup(name);
}

/* The shim's arguments: the path, then the program's own. */
static char **make_argv(const struct setup *s, struct thread *t)
{
    size_t count = 1; /* a program at least */
    while (s->request->argv[count])
        count++;
    char **argv = calloc(count + 2, sizeof *argv);
    if (argv && (argv[0] = find_program(s, t)))
        memcpy(argv + 1, s->request->argv, count * sizeof *argv);
    return argv && argv[0] ? argv : NULL;
}

static _Noreturn void become_guest(const struct setup *s, char **argv)
{
    const struct rlimit none = {0, 0};
    int fds[] = {s->arena[0], s->arena[1], s->channel, s->published, s->shim};
    const int count = ARRAY_COUNT(fds);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    for (int i = 0; i < count; i++)
        fds[i] = fcntl(fds[i], F_DUPFD, 64); /* out of the way of the numbers to come */
    for (int i = 0; i < count; i++)
        give(fds[i], GUEST_ARENA_READ + i);
    fcntl(GUEST_SHIM, F_SETFD, FD_CLOEXEC);
    close_range(GUEST_SHIM + 1, ~0U, 0);
    caps_drop();
    fexecve(GUEST_SHIM, argv, s->request->environ);
    _exit(EXIT_FAILURE);
}

static int first_files(struct process *p)
{
    bool kinds[3];
    for (int fd = 0; fd < 3; fd++)
        kinds[fd] = host_kind(fd) == HOST_TTY;
    tty_start(kinds);
    for (int fd = 0; fd < 3; fd++) {
        int flags = fcntl(fd, F_GETFL);
        struct file *f = host_file_new(fd, flags < 0 ? O_RDWR : (uint32_t)flags & O_ACCMODE);
        if (!f)
            return -ENOMEM;
        fds_set(p->fds, (unsigned)fd, f, false);
    }
    return 0;
}

/* The broker -------------------------------------------------------------------------------*/

static int confine(const struct setup *s)
{
    close_range(s->request->host == BOX_NOTIFY ? BROKER_LISTENER + 1 : BROKER_IMAGE + 1, ~0U, 0);
    prctl(PR_SET_DUMPABLE, 0);
    int result = caps_drop();
    if (result == 0)
        result = process_no_new_privs();
    return result == 0 ? seccomp_load(s->broker_filter.at, s->broker_filter.count, false) : result;
}

/* All that is made before there is a thread or a process but this one. */
static int prepare(struct setup *s, struct err *err)
{
    int result = cgroup_enter(&s->group, err);
    if (result == 0)
        result = open_store(s, err);
    if (result == 0)
        result = make_memory(s, err);
    if (result == 0)
        result = make_filters(s, err);
    if (result == 0)
        result = make_shim(s, err);
    if (result != 0 || s->request->host == BOX_NOTIFY)
        return result; /* who takes a listener over may need capabilities */
    result = caps_drop();
    return result == 0 ? 0
                       : err_set(err, result, "cannot drop capabilities: %s", strerror(-result));
}

static int start(struct setup *s, struct err *err)
{
    int result = prepare(s, err);
    if (result != 0)
        return result;
    box.hostname = strdup("box");
    if (memory_fs_start() != 0)
        return err_set(err, -ENOMEM, "out of memory");
    result = host_start();
    if (result != 0)
        return err_set(err, result, "cannot start a thread: %s", strerror(-result));
    host_random(box.channel->seed, sizeof box.channel->seed);
    struct process *p = task_first();
    char **argv = p && first_files(p) == 0 ? make_argv(s, p->threads) : NULL;
    pid_t pid = argv ? fork() : -1;
    if (pid == 0)
        become_guest(s, argv);
    if (pid < 0)
        return err_set(err, -ENOMEM, "cannot start a process");
    p->host_pid = p->threads->host_tid = pid;
    if (s->request->host == BOX_NOTIFY && (result = listener_start(pid, err)) != 0)
        return result;
    result = confine(s);
    if (result != 0)
        return err_set(err, result, "cannot load the broker's filter: %s", strerror(-result));
    return 0;
}

static _Noreturn void broker(struct setup *s)
{
    struct err err;
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, MANY);
    box.status = -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    s->outcome->error = start(s, &err);
    if (s->outcome->error == 0) {
        broker_run();
        window_flush_all();
        s->outcome->error = store_close(box.store);
        if (s->outcome->error != 0)
            err_set(&err, s->outcome->error, "the image could not be written: %s",
                    strerror(-s->outcome->error));
        s->outcome->status = box.status;
        s->outcome->counts = task_counts();
        s->outcome->has_started = box.has_started;
    }
    s->outcome->err = err;
    _exit(0);
}

/* vow's process ----------------------------------------------------------------------------*/

/* Best effort: nothing depends on them but that nobody outlives the broker. */
static void separate(void)
{
    int spaces = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET;
    if (unshare(spaces) != 0 && unshare(CLONE_NEWUSER | spaces) != 0)
        prctl(PR_SET_CHILD_SUBREAPER, 1); /* then their orphans come to us */
}

/* Whole, or none: a bound that is asked for and cannot be had is an error. */
static int bound(struct setup *s, struct err *err)
{
    const struct cgroup_bounds *b = &s->request->bounds;
    char name[32];
    if (!b->memory && !b->processes)
        return 0;
    snprintf(name, sizeof name, "vow-box-%d", (int)getpid());
    return cgroup_make(&s->group, name, b, err);
}

/* Ends guests that outlived a broker without a namespace. */
static void end_orphans(void)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (;;) {
        int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        if (size <= 0)
            return;
        text[size] = '\0';
        for (char *at = text, *end; *at; at = end) {
            long pid = strtol(at, &end, 10);
            if (end == at)
                break;
            kill((pid_t)pid, SIGKILL);
        }
        while (waitpid(-1, NULL, 0) > 0)
            ;
    }
}

static pid_t broker_pid;

static void forward(int signal)
{
    kill(broker_pid, signal);
}

static int wait_for(pid_t pid)
{
    int status;
    broker_pid = pid;
    struct sigaction action = {.sa_handler = forward};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    end_orphans();
    return status;
}

static void print_counts(const struct call_counts *c)
{
    uint64_t trapped = c->trapped < c->calls ? c->trapped : c->calls;
    double jumps = c->calls ? 100.0 * (double)(c->calls - trapped) / (double)c->calls : 0;
    fprintf(stderr, "vow box: %ju calls, %.2f%% by jumps; %ju requests to the broker\n",
            (uintmax_t)c->calls, jumps, (uintmax_t)c->requests);
}

int box_run(const struct box_request *request, int *status, struct err *err)
{
    struct termios settings;
    bool has_terminal = tcgetattr(0, &settings) == 0;
    struct setup s = {.request = request};
    s.outcome =
        mmap(NULL, sizeof *s.outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s.outcome == MAP_FAILED)
        return err_set(err, -ENOMEM, "out of memory");
    s.outcome->status = -1;
    close_range(3, ~0U, 0);
    int result = bound(&s, err);
    if (result != 0)
        return result;
    separate();
    pid_t pid = fork();
    if (pid == 0)
        broker(&s);
    int ended = pid < 0 ? -errno : wait_for(pid);
    cgroup_remove(&s.group);
    if (pid < 0)
        return err_set(err, ended, "cannot start a process: %s", strerror(-ended));
    if (has_terminal) {
        signal(SIGTTOU, SIG_IGN);
        tcsetattr(0, TCSADRAIN, &settings);
    }
    *status = s.outcome->status;
    if (request->stats)
        print_counts(&s.outcome->counts);
    if (s.outcome->error != 0) {
        *err = s.outcome->err;
        return s.outcome->error;
    }
    if (WIFSIGNALED(ended))
        return err_set(err, -EPROTO,
                       "the broker died of signal %d: a mistake in vow, please report it",
                       WTERMSIG(ended));
    return s.outcome->has_started || !WIFEXITED(*status) ? 0 : 1;
}
