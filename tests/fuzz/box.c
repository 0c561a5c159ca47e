/* box: what hostile guests put into the channel. The broker serves every call
 * with any arguments over any window, from threads that exist and that do not,
 * and lives on; its image is whole afterwards.
 *
 * Each input is served by a new broker, in a child: on a small image in memory
 * and a host that box_host.c plays. The input is a list of posted calls: see
 * struct post. */
#include "fuzz/box_host.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box/broker/arena.h"
#include "box/broker/node.h"
#include "box/broker/publish.h"
#include "box/broker/run.h"
#include "box/broker/task.h"
#include "box/broker/tty/host_tty.h"
#include "store/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One call, then `data` bytes for the window. `kinds`: what each value stands for. */
struct post {
    uint8_t slot;
    uint8_t data;
    uint16_t nr; /* from SHIM_CALLS on: one of the shim's */
    uint8_t kinds[6];
    uint32_t values[6];
} __attribute__((packed));
enum { CACHE_PAGES = 1024 };
enum kind { AS_IT_IS, SIGNED, IN_WINDOW, DESCRIPTOR, SIZE, HIGH, KINDS };

enum {
    DISK = 8 << 20,
    SLOTS = 8,
    CLAIMS_TOO = 64, /* a bit of the slot: before the call its process claims files */
    SHIM_CALLS = 512,
    DATA_ROOM = 2048, /* of the window that pointers lead to */
    PATIENCE_S = 10,
};

static uint8_t *disk;
static const uint8_t *input, *input_end;

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* The image ------------------------------------------------------------------------*/

static int disk_read(void *context, uint64_t offset, void *to, size_t size)
{
    memcpy(to, (uint8_t *)context + offset, size);
    return 0;
}

static int disk_write(void *context, uint64_t offset, const void *from, size_t size)
{
    memcpy((uint8_t *)context + offset, from, size);
    return 0;
}

static int disk_flush(void *context)
{
    (void)context;
    return 0;
}

static void now(void *context, struct timespec *out)
{
    (void)context;
    *out = (struct timespec){1700000000, 0};
}

static const struct store_options options = {.now = now};

static struct device device(void)
{
    return (struct device){disk, DISK, disk_read, disk_write, disk_flush};
}

/* The input ------------------------------------------------------------------------*/

static uint64_t argument(enum kind kind, uint32_t value)
{
    switch (kind) {
    case SIGNED: return (uint64_t)(int32_t)value;
    case IN_WINDOW: return WINDOW_START + value % DATA_ROOM;
    case DESCRIPTOR: return value % 24;
    case SIZE: return value % WINDOW_SIZE;
    case HIGH: return (uint64_t)value << 32 | value;
    default: return value;
    }
}

/* What a process says it has opened (box/claim.h), of the numbers that calls use. */
static void claim(const struct slot *s, const struct post *p)
{
    struct claims *c = &box.channel->claims[s->place % PLACES];
    uint32_t valid = p->values[0] | 1U << p->values[1] % CLAIMS;
    for (unsigned i = 0; i < CLAIMS; i++) {
        uint32_t value = p->values[i % 6] >> i % 8;
        bool is_likely = value % 3;
        c->of[i] = (struct claim){.state = value % 6,
                                  .fd = (uint16_t)(is_likely ? (value + i) % 24 : value),
                                  .flags = is_likely ? value & CLAIM_FLAGS : value,
                                  .inode = is_likely ? value % 32 : value,
                                  .life = is_likely ? value % 2 : value,
                                  .position = argument(HIGH, value)};
    }
    __atomic_store_n(&c->word, claims_next(c->word, valid), __ATOMIC_SEQ_CST);
}

bool box_host_post(void)
{
    struct post p;
    if ((size_t)(input_end - input) < sizeof p)
        return false;
    memcpy(&p, input, sizeof p);
    input += sizeof p;
    size_t size = (size_t)(input_end - input) < p.data ? (size_t)(input_end - input) : p.data;
    unsigned index = p.slot % SLOTS;
    struct slot *s = &box.channel->slots[index];
    char *window = (char *)box.channel + CHANNEL_HEADER + (size_t)index * WINDOW_SIZE;
    memcpy(window + WINDOW_START, input, size);
    input += size;
    if (p.slot & CLAIMS_TOO)
        claim(s, &p);
    s->nr = p.nr < SHIM_CALLS
                ? p.nr
                : BOX_CALLS + (unsigned)(p.nr - SHIM_CALLS) % (BOX_CALLS_END - BOX_CALLS);
    for (int i = 0; i < 6; i++)
        s->args[i] = argument(p.kinds[i] % KINDS, p.values[i]);
    s->state = SLOT_POSTED;
    box.channel->bells[0] |= UINT64_C(1) << index;
    return true;
}

void box_host_end(void)
{
    struct process *first = task_find(1);
    must(first);
    task_end(first, 0);
}

/* A broker ---------------------------------------------------------------------------*/

static void *shared(uint64_t size)
{
    int fd = memfd_create("fuzz-box", MFD_CLOEXEC);
    must(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    must(at != MAP_FAILED);
    return at;
}

static _Noreturn void serve(void)
{
    struct err err;
    struct device d = device();
    const bool terminals[3] = {true, false, false};
    alarm(PATIENCE_S);
    must(store_open(&box.store, &d, &options, &err) == 0);
    box.arena = shared(UINT64_C(1) << ARENA_SHIFT);
    box.channel = shared(CHANNEL_SIZE);
    must(publish_start(shared(PUBLISHED_SIZE(CACHE_PAGES)), CACHE_PAGES) == 0);
    box.hostname = strdup("box");
    must(memory_fs_start() == 0);
    struct process *first = task_first();
    must(first);
    tty_start(terminals);
    for (int fd = 0; fd < 3; fd++) {
        struct file *f = host_file_new(fd, O_RDWR);
        must(f != NULL);
        fds_set(first->fds, (unsigned)fd, f, false);
    }
    first->host_pid = first->threads->host_tid = box_host_new_pid();
    box.status = -1;
    broker_run();
    window_flush_all();
    must(store_close(box.store) == 0);
    must(store_open(&box.store, &d, &options, &err) == 0);
    struct store_attr root;
    must(store_getattr(box.store, STORE_ROOT, &root) == 0 && S_ISDIR(root.mode));
    must(store_close(box.store) == 0);
    _exit(0);
}

static void prepare(void)
{
    struct err err;
    const struct store_format how = {.block_size = 1024};
    disk = mmap(NULL, DISK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(disk != MAP_FAILED);
    struct device d = device();
    must(store_format(&d, &how, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int status = 0;
    if (!disk)
        prepare();
    input = data;
    input_end = data + size;
    pid_t pid = fork();
    if (pid == 0)
        serve();
    must(pid > 0 && waitpid(pid, &status, 0) == pid);
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}
