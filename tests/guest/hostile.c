/* usage: hostile THEME
 * What a program in a box may try against the box: it jumps into the shim, forges
 * calls of others, overwrites what the shim needs, takes all there is. Prints what
 * it got. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box/channel.h"
#include "box/published.h"

/* A `syscall; ret` of the shim's. */
static const unsigned char *gadget(void)
{
    const unsigned char *at = (const unsigned char *)SHIM_TEXT;
    while (at[0] != 0x0f || at[1] != 0x05 || at[2] != 0xc3)
        at++;
    return at;
}

/* Calls from the shim's text, past all of its code. */
static long call(const void *at, long nr, const long a[6])
{
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    __asm__ volatile("subq $256, %%rsp; call *%[at]; addq $256, %%rsp"
                     : "+a"(nr)
                     : [at] "b"(at), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return nr;
}

static int is_listed(long nr)
{
    static const long listed[] = {
        SYS_mmap, SYS_mprotect,   SYS_munmap, SYS_rt_sigreturn,    SYS_clone,
        SYS_exit, SYS_exit_group, SYS_futex,  335 /* uretprobe */, 336 /* uprobe */};
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (listed[i] == nr)
            return 1;
    return 0;
}

/* Every number, with arguments of several classes: pointers, descriptors, zeros. */
static void jump(void)
{
    static const char path[] = "/etc/passwd";
    static char buffer[4096];
    const unsigned char *at = gadget();
    const long classes[][6] = {
        {0, 0, 0, 0, 0, 0},          {3, (long)buffer, sizeof buffer, 0, 0, 0},
        {(long)path, 0, 0, 0, 0, 0}, {-100, (long)path, 0, 0, 0, 0},
        {-1, -1, -1, -1, -1, -1},    {1, 1, 1, 1, 1, 1},
    };
    long passed = 0, tried = 0;
    for (size_t class = 0; class < sizeof classes / sizeof *classes; class ++)
        for (long nr = 0; nr < 512; nr++) {
            if (is_listed(nr))
                continue;
            tried++;
            long result = call(at, nr, classes[class]);
            if (result != -ENOSYS && !(nr == 219 && result == -EINTR)) {
                printf("call %ld answered %ld\n", nr, result);
                passed++;
            }
        }
    const long wrong[][7] = {
        {SYS_mmap, 0, 4096, 7, 0x22, -1, 0},
        {SYS_mmap, 0x100000, 4096, 7, 0x12, 0, 0},
        {SYS_mmap, 0x100000, 4096, 7, 0x11, 5, 0},
        {SYS_clone, 17, 0, 0, 0, 0, 0},
        {SYS_clone, 0x10000000 | 0x8011, 0, 0, 0, 0, 0},
        {SYS_futex, (long)buffer, 3, 1, 0, 0, 0},
        {SYS_futex, (long)buffer, 6, 1, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tried++;
        passed += call(at, wrong[i][0], wrong[i] + 1) != -ENOSYS;
    }
    printf("%ld tried, %ld passed\n", tried, passed);
    /* The allowed twin: */
    printf("futex wakes %ld\n", call(at, SYS_futex, (const long[6]){(long)buffer, 1, 1, 0, 0, 0}));
}

static uint64_t seed = 88172645463325252;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

/* An argument: an offset into a window, a small number, or anything. */
static uint64_t any_argument(void)
{
    switch (any() % 4) {
    case 0: return WINDOW_START + any() % 128;
    case 1: return any() % 16;
    case 2: return WINDOW_SIZE - any() % 64;
    default: return any();
    }
}

/* Requests of all kinds in the names of all threads; only those that would end
 * the box (exit and kill) are left out. */
static void forge(void)
{
    struct channel *c = (struct channel *)CHANNEL_BASE;
    char *windows = (char *)CHANNEL_BASE + CHANNEL_HEADER;
    for (int i = 0; i < 6; i++)
        if (fork() == 0)
            for (;;)
                pause();
    for (int round = 0; round < 60000; round++) {
        unsigned index = 1 + (unsigned)(any() % 7);
        struct slot *s = &c->slots[index];
        uint32_t nr = any() % 8 ? (uint32_t)(any() % 450) : BOX_CALLS + (uint32_t)(any() % 16);
        if (nr == BOX_LEAVE_GROUP || nr == BOX_LEAVE || nr == SYS_kill || nr == SYS_tkill ||
            nr == SYS_tgkill || nr == SYS_sync || nr == SYS_fsync || nr == SYS_fdatasync ||
            nr == SYS_syncfs)
            continue;
        for (int i = 0; i < 6; i++)
            s->args[i] = any_argument();
        for (int i = 0; i < 32; i++)
            windows[(uint64_t)index * WINDOW_SIZE + WINDOW_START + any() % 256] = (char)any();
        if (any() % 16 == 0)
            strcpy(windows + (uint64_t)index * WINDOW_SIZE + WINDOW_START, "/tmp/a");
        s->nr = nr;
        s->mask = any();
        __atomic_store_n(&s->state, SLOT_POSTED, __ATOMIC_SEQ_CST);
        __atomic_fetch_or(&c->bells[any() % 8], any(), __ATOMIC_SEQ_CST);
        __atomic_fetch_or(&c->bells[0], UINT64_C(1) << index, __ATOMIC_SEQ_CST);
        if (round % 64 == 0) {
            close(open("/tmp/x", O_CREAT | O_RDWR, 0600)); /* the broker still serves us */
        }
    }
    puts("still served");
}

/* Overwrites the shim's own data. */
static void scribble(void)
{
    memset((void *)BLOCKS_BASE, 0x5a, 4096);
    getppid();
    puts("not reached");
}

/* Overwrites the shim's text with code of its own, and calls from there. */
static void replace(void)
{
    static const unsigned char code[] = {0x0f, 0x05, 0xc3};
    const unsigned char *at = gadget();
    static const unsigned char zeros[32];
    unsigned char *unused = (unsigned char *)at; /* behind the code the page is empty */
    while (memcmp(unused, zeros, sizeof zeros) != 0)
        unused++;
    unsigned char *page = (unsigned char *)((uintptr_t)unused & ~4095UL);
    printf("mprotect %ld\n", call(at, SYS_mprotect, (const long[6]){(long)page, 4096, 7, 0, 0, 0}));
    memcpy(unused + 8, code, sizeof code);
    printf("getuid %ld\n", call(unused + 8, SYS_getuid, (const long[6]){0}));
}

/* A call of our own, and where its stub is once it is a jump. */
extern unsigned char own_site[];
__asm__(".text\n .p2align 4\n own_call: movl $102, %eax\n own_site: syscall\n cmpq $-4096, %rax\n "
        "ret\n");
long own_call(void);

static unsigned char *own_stub(void)
{
    int32_t distance;
    for (int i = 0; i < 8 && own_site[0] != 0xe9; i++)
        own_call();
    memcpy(&distance, own_site + 1, sizeof distance);
    return own_site[0] == 0xe9 ? own_site + 5 + distance : NULL;
}

/* How a child ends that does `what`; it has a second. */
static int end_of_child(void (*what)(const void *), const void *argument)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(1);
        what(argument);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Enters with numbers for registers, on a stack of which nothing is left. */
static void enter(const void *at)
{
    const long any_call[6] = {(long)at, -1, 0x7fffffffffff, 1L << 62, 3, 4096};
    call(at, SYS_getuid, any_call);
}

static void wipe(const void *at)
{
    const unsigned char *page = (const unsigned char *)((uintptr_t)at & ~4095UL);
    call(gadget(), SYS_mprotect, (const long[6]){(long)page, 4096, 7, 0, 0, 0});
    memset((void *)(uintptr_t)page, 0, 4096);
    own_call();
}

/* Jumps to every byte of a stub, and of the jump that leads there; then calls
 * through stubs that were overwritten. */
static void stubs(void)
{
    unsigned char *stub = own_stub();
    int ended = 0;
    for (int i = 0; stub && i < 64; i++)
        ended += end_of_child(enter, stub + i) >= 0;
    for (int i = 0; stub && i < 8; i++)
        ended += end_of_child(enter, own_site + i) >= 0;
    printf("%d ended\n", ended);
    printf("overwritten: %s\n", stub ? strsignal(end_of_child(wipe, stub)) : "no stub");
    printf("getuid %ld\n", own_call());
    long refused = mprotect((void *)((uintptr_t)stub & ~4095UL), 4096, PROT_READ);
    printf("mprotect %ld %s\n", refused, strerrorname_np(errno));
}

/* Where the code of this program, which lies where it is linked to, begins. */
static uint64_t code_start(void)
{
    const Elf64_Phdr *h = (const Elf64_Phdr *)getauxval(AT_PHDR);
    while (h->p_type != PT_LOAD || !(h->p_flags & PF_X))
        h++;
    return h->p_vaddr & ~UINT64_C(4095);
}

/* Overwrites the stubs where all processes of the box have them: in the arena. */
static void poison(void)
{
    unsigned char *stub = own_stub(), *there = (unsigned char *)0x10000000;
    uint64_t from_code = ((uintptr_t)stub & ~UINT64_C(4095)) - code_start();
    for (uint64_t window = 0; stub && window < 256; window++) {
        long at = (long)((window << 31) + from_code);
        call(gadget(), SYS_mmap,
             (const long[6]){(long)there, 4096, 3, MAP_SHARED | MAP_FIXED, 4, at});
        if (memcmp(there + (uintptr_t)stub % 4096, stub, 64) != 0)
            continue;
        memset(there, 0, 4096);
        own_call();
    }
    puts("not reached");
}

/* Writes over all that a guest may write of what is published. */
static _Noreturn void scribble_for_ever(void)
{
    struct channel *c = (struct channel *)CHANNEL_BASE;
    uint64_t random = 88172645463325252;
    for (unsigned i = 0;; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        for (int j = 0; j < 64; j++)
            c->positions[j] = random >> j % 60;
        c->slots[i % 8].place = (uint32_t)(random >> 32);
    }
}

/* What is published cannot be written, whatever its mapping is asked to be. What
 * can be, positions and where a slot looks, is what its own reads get wrong. */
static void published(void)
{
    struct channel *c = (struct channel *)CHANNEL_BASE;
    const long page[6] = {(long)PUBLISHED_BASE, 4096, 3};
    static char buffer[4096];
    printf("mprotect %ld\n", call(gadget(), SYS_mprotect, page));
    fflush(stdout);
    int fd = open("/f", O_RDWR | O_CREAT | O_TRUNC, 0600), again = open("/f", O_RDONLY);
    memset(buffer, 7, sizeof buffer);
    write(fd, buffer, sizeof buffer);
    pid_t pid = fork();
    if (pid == 0)
        scribble_for_ever();
    for (int i = 0; i < 20000; i++) {
        struct stat st;
        long n = read(again, buffer, sizeof buffer);
        lseek(again, n < 0 ? 0 : i * 37 % 5000, SEEK_SET);
        fstat(again, &st);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 8; i++)
        c->slots[i].place = 1;
    lseek(again, 0, SEEK_SET);
    long n = read(again, buffer, sizeof buffer);
    printf("%ld bytes, %d\n", n, buffer[4095]);
}

/* Claims ---------------------------------------------------------------------------------*/

static uint32_t own_place(void)
{
    return ((struct channel *)CHANNEL_BASE)->slots[0].place; /* of the first process */
}

/* Claims what an entry says, as the first of those of this process. */
static void forge_claim(struct claim what)
{
    struct claims *c = &((struct channel *)CHANNEL_BASE)->claims[own_place()];
    what.state = CLAIM_OPEN;
    what.seq = c->of[0].seq;
    c->of[0] = what;
    __atomic_store_n(&c->word, claims_next(c->word, 1), __ATOMIC_SEQ_CST);
}

/* What the broker makes of it: a descriptor that is open for reading, or none. */
static const char *made_of(struct claim what)
{
    static char buffer[4];
    forge_claim(what);
    bool is_there = fcntl(what.fd, F_GETFL) >= 0;
    if (is_there && (write(what.fd, "x", 1) != -1 || pread(what.fd, buffer, 4, 0) < 0))
        is_there = errno == EISDIR;
    if (is_there)
        close(what.fd);
    return is_there ? "made" : "none";
}

static _Noreturn void claim_for_ever(void)
{
    struct channel *c = (struct channel *)CHANNEL_BASE;
    for (unsigned i = 0;; i++) {
        struct claims *one = &c->claims[i % 8];
        uint64_t *words = (uint64_t *)one;
        words[any() % (sizeof *one / sizeof *words)] = any();
        one->of[any() % CLAIMS] = (struct claim){.state = (uint32_t)any() % 6,
                                                 .fd = (uint16_t)(any() % 32),
                                                 .how = (uint16_t)any(),
                                                 .inode = (uint32_t)any() % 64,
                                                 .life = (uint32_t)any() % 4,
                                                 .position = any()};
        one->word = any();
    }
}

static void claims(void)
{
    const struct published *p = (const struct published *)PUBLISHED_BASE;
    int fd = open("/f", O_RDWR | O_CREAT | O_TRUNC, 0600), dir = open("/", O_RDONLY | O_DIRECTORY);
    write(fd, "text", 4);
    fcntl(dir, F_GETFL); /* it is no claim any more */
    uint32_t file = p->files[p->places[own_place()].fds[fd]].inode, life = p->inodes[file].life;
    uint32_t root = p->root, root_life = p->inodes[root].life;
    const struct {
        const char *what;
        struct claim claim;
    } rows[] = {
        {"file", {.fd = 20, .inode = file, .life = life}},
        {"directory", {.fd = 20, .inode = root, .life = root_life, .flags = O_DIRECTORY}},
        {"number", {.fd = 1024, .inode = file, .life = life}},
        {"largest number", {.fd = 65535, .inode = file, .life = life}},
        {"life", {.fd = 20, .inode = file, .life = life + 1}},
        {"no inode", {.fd = 20, .inode = 0, .life = 0}},
        {"nobody's inode", {.fd = 20, .inode = PUBLISHED_INODES - 1, .life = 0}},
        {"beyond inodes", {.fd = 20, .inode = PUBLISHED_INODES, .life = life}},
        {"largest inode", {.fd = 20, .inode = UINT32_MAX, .life = life}},
        {"for writing", {.fd = 20, .inode = file, .life = life, .flags = O_WRONLY}},
        {"for both", {.fd = 20, .inode = file, .life = life, .flags = O_RDWR}},
        {"truncates", {.fd = 20, .inode = file, .life = life, .flags = O_TRUNC}},
        {"path", {.fd = 20, .inode = file, .life = life, .flags = O_PATH}},
        {"not a directory", {.fd = 20, .inode = file, .life = life, .flags = O_DIRECTORY}},
        {"all flags", {.fd = 20, .inode = file, .life = life, .flags = UINT32_MAX}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf("%s: %s\n", rows[i].what, made_of(rows[i].claim));
    forge_claim((struct claim){.fd = 20, .inode = file, .life = life, .position = UINT64_MAX});
    printf("position %d\n", lseek(20, 0, SEEK_CUR) >= 0);
    forge_claim((struct claim){.fd = (uint16_t)fd, .inode = root, .life = root_life});
    fcntl(30, F_GETFL);
    printf("in use: %zd\n", pwrite(fd, "t", 1, 0));
    const struct rlimit few = {25, 1024};
    setrlimit(RLIMIT_NOFILE, &few);
    printf("limit: %s", made_of((struct claim){.fd = 24, .inode = file, .life = life}));
    printf(" %s\n", made_of((struct claim){.fd = 25, .inode = file, .life = life}));
    seteuid(1000);
    printf("user: %s\n", made_of((struct claim){.fd = 21, .inode = file, .life = life}));
    seteuid(0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        claim_for_ever();
    for (int i = 0; i < 20000; i++) {
        int got = open("/f", O_RDONLY);
        if (i % 3)
            close(got);
        if (i % 16 == 0)
            close_range(6, 1023, 0);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    puts("still served");
}

static void exhaust(void)
{
    int children = 0, files = 0;
    pid_t pid;
    fflush(stdout);
    while ((pid = fork()) > 0 && children < 5000)
        children++;
    if (pid == 0)
        for (;;)
            pause();
    int error = errno;
    while (dup(0) >= 0)
        files++;
    printf("%s, %s\n", children > 100 && children < 5000 ? strerrorname_np(error) : "?",
           files > 100 ? strerrorname_np(errno) : "?");
    kill(-1, SIGKILL);
    while (wait(NULL) > 0)
        ;
    pid = fork();
    if (pid == 0)
        _exit(0);
    printf("fork again: %d\n", pid > 0);
}

static void fill(void)
{
    static char block[65536];
    int fd = open("/large", O_WRONLY | O_CREAT, 0600);
    memset(block, 1, sizeof block);
    while (write(fd, block, sizeof block) > 0)
        ;
    printf("%s\n", strerrorname_np(errno));
    close(fd);
    printf("%d\n", unlink("/large"));
}

/* Sockets ------------------------------------------------------------------------------*/

static long send_fds(int s, const int *fds, unsigned count)
{
    union {
        char bytes[CMSG_SPACE(253 * sizeof(int))];
        struct cmsghdr header;
    } c;
    struct iovec v = {(void *)"x", 1};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = &c,
                       .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    memset(&c, 0, sizeof c);
    c.header =
        (struct cmsghdr){CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = 1};
    memcpy(CMSG_DATA(&c.header), fds, count * sizeof(int));
    return sendmsg(s, &m, MSG_DONTWAIT);
}

/* Sockets in sockets in sockets; the innermost holds a pipe open. Does it end? */
static void chain(void)
{
    int p[2], held[3], pair[2];
    char byte;
    pipe(p);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, held);
    held[2] = p[1];
    for (int depth = 0; depth < 5000; depth++) {
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0 ||
            send_fds(pair[0], held, depth ? 2 : 3) != 1)
            puts("the chain broke");
        for (int i = 0; i < (depth ? 2 : 3); i++)
            close(held[i]);
        held[0] = pair[0];
        held[1] = pair[1];
    }
    close(held[0]);
    close(held[1]);
    printf("the end of the chain: %zd\n", read(p[0], &byte, 1));
}

/* Pairs that carry themselves, more than there can be sockets. */
static void circles(void)
{
    int pair[2], made = 0;
    for (; made < 30000; made++) {
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0 || send_fds(pair[0], pair, 2) != 1)
            break;
        close(pair[0]);
        close(pair[1]);
    }
    printf("circles: %d\n", made);
}

/* As many bytes as queues take. */
static void flood(void)
{
    static char block[65536];
    int pairs[500][2], made = 0, large = 1 << 20, error = 0;
    for (; made < 500 && socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[made]) == 0; made++)
        for (int i = 0; i < 2 && error != ENOBUFS; i++) {
            setsockopt(pairs[made][i], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
            while (send(pairs[made][i], block, sizeof block, MSG_DONTWAIT) > 0)
                ;
            error = errno;
        }
    printf("flood: %s\n", strerrorname_np(error));
    while (made-- > 0)
        close(pairs[made][0]), close(pairs[made][1]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[0]);
    printf("again: %zd\n", send(pairs[0][0], block, sizeof block, 0));
}

/* More descriptors under way than there may be. */
static void in_flight(void)
{
    int pair[2], fds[253], pairs = 0, error = 0;
    for (int i = 0; i < 253; i++)
        fds[i] = 0;
    while (!error && pairs++ < 400 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
        for (int i = 0; i < 5 && !error; i++)
            error = send_fds(pair[0], fds, 253) == 1 ? 0 : errno;
    printf("in flight: %s\n", strerrorname_np(error));
}

static void sockets(void)
{
    chain();
    circles();
    flood();
    in_flight();
    int s = socket(AF_INET, SOCK_STREAM, 0);
    printf("still served: %d\n", s >= 0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } themes[] = {{"jump", jump},           {"forge", forge},     {"scribble", scribble},
                  {"replace", replace},     {"stubs", stubs},     {"poison", poison},
                  {"published", published}, {"exhaust", exhaust}, {"fill", fill},
                  {"sockets", sockets},     {"claims", claims}};
    for (size_t i = 0; argc > 1 && i < sizeof themes / sizeof *themes; i++)
        if (strcmp(argv[1], themes[i].name) == 0)
            themes[i].run();
    return 0;
}
