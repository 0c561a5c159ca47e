/* Syscalls that become jumps while the program runs: what stands behind them,
 * who jumps between, who is there when it happens. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "calls.h"

/* Each takes the number of a call that has no arguments, and returns its result
 * plus what the instructions behind it add. */
long behind_compare(long nr), behind_copy(long nr), behind_branch(long nr), behind_return(long nr),
    behind_jump(long nr), behind_memory(long nr), behind_stack(long nr), behind_call(long nr),
    behind_flags(long nr), behind_short(long nr);
/* Enter right behind the syscall, with the result as the argument. */
long middle_compare(long result), middle_branch(long result);
/* 256 syscalls, each a function of 32 bytes: getpid(). */
extern const char many[];

__asm__(
    ".text\n"
    ".macro begin name\n .p2align 5\n .globl \\name\n\\name:\n movq %rdi, %rax\n.endm\n"
    "begin behind_compare\n syscall\n cmpq $-4096, %rax\n ja 1f\n ret\n1: movq $-1, %rax\n ret\n"
    "begin behind_copy\n syscall\n movq %rax, %rcx\n leaq 1(%rcx), %rax\n ret\n"
    "begin behind_branch\n syscall\n testl %eax, %eax\n js 1f\n addl $2, %eax\n ret\n1: movq $-2, "
    "%rax\n ret\n"
    "begin behind_return\n syscall\n ret\n nop\n nop\n nop\n"
    "begin behind_jump\n syscall\n jmp 1f\n .p2align 4\n1: addq $3, %rax\n ret\n"
    "begin behind_memory\n syscall\n addq one(%rip), %rax\n ret\n"
    "begin behind_stack\n pushq %rbx\n pushq $5\n syscall\n popq %rbx\n addq %rbx, %rax\n popq "
    "%rbx\n ret\n"
    "begin behind_call\n syscall\n call 1f\n ret\n1: addq $7, %rax\n ret\n"
    "begin behind_flags\n stc\n syscall\n adcq $0, %rax\n ret\n"
    "begin behind_short\n syscall\n cltq\n cltq\n addq $9, %rax\n ret\n"
    ".globl middle_compare, middle_branch\n"
    "middle_compare: movq %rdi, %rax\n leaq 5+behind_compare(%rip), %rdx\n jmp *%rdx\n"
    "middle_branch: movq %rdi, %rax\n leaq 5+behind_branch(%rip), %rdx\n jmp *%rdx\n"
    ".p2align 5\n .globl many\nmany:\n"
    ".rept 128\n movl $39, %eax\n syscall\n cmpq $-4096, %rax\n movq %rax, %rdx\n ret\n .p2align "
    "5\n"
    "movl $39, %eax\n syscall\n movl %eax, %ecx\n movl %ecx, %eax\n ret\n .p2align 5\n .endr\n"
    ".data\none: .quad 1\n .text\n");

static const struct {
    const char *name;
    long (*run)(long nr);
    long more;
} shapes[] = {
    {"compare", behind_compare, 0}, {"copy", behind_copy, 1}, {"branch", behind_branch, 2},
    {"return", behind_return, 0},   {"jump", behind_jump, 3}, {"memory", behind_memory, 1},
    {"stack", behind_stack, 5},     {"call", behind_call, 7}, {"flags", behind_flags, 1},
    {"short", behind_short, 9},
};

static void shapes_of_sites(void)
{
    long pid = getpid();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int right = 0;
        for (int n = 0; n < 200; n++)
            right += shapes[i].run(SYS_getpid) == pid + shapes[i].more;
        printf("%s: %d\n", shapes[i].name, right);
    }
    printf("fails: %ld %ld\n", behind_compare(100000), behind_branch(100000));
}

static void into_the_middle(void)
{
    long right = 0;
    printf("%ld %ld\n", middle_compare(5), middle_branch(5));
    for (int i = 0; i < 300; i++) {
        right +=
            behind_compare(SYS_getpid) == getpid() && behind_branch(SYS_getpid) == getpid() + 2;
        right += middle_compare(7) == 7 && middle_compare(-5) == -1;
        right += middle_branch(7) == 9 && middle_branch(-5) == -2;
    }
    printf("%ld\n", right);
}

static long call_one_of_many(unsigned index)
{
    return ((long (*)(void))(uintptr_t)(many + 32 * (index % 256)))();
}

static int wrong_calls(unsigned seed)
{
    int wrong = 0;
    long pid = getpid();
    for (unsigned i = 0; i < 20000; i++)
        wrong += call_one_of_many(i * seed) != pid;
    return wrong;
}

static void *call_in_thread(void *seed)
{
    return (void *)(intptr_t)wrong_calls((unsigned)(uintptr_t)seed);
}

/* Threads and processes that all run into sites nobody has called before. */
static void all_at_once(void)
{
    pthread_t threads[4];
    void *wrong;
    long sum = 0;
    int status;
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, call_in_thread, (void *)(2 * i + 1));
    for (unsigned i = 0; i < 4; i++)
        if (fork() == 0)
            _exit(wrong_calls(2 * i + 3) != 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &wrong);
        sum += (intptr_t)wrong;
    }
    for (int i = 0; i < 4; i++) {
        wait(&status);
        sum += status;
    }
    printf("%ld wrong\n", sum);
}

static volatile long in_stubs, handled;

static void look(int signal, siginfo_t *info, void *context)
{
    uintptr_t ip = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    (void)signal, (void)info;
    /* The box's stubs and the shim lie there; nothing does outside. */
    in_stubs +=
        (ip >= 0x61000000 && ip < 0x7f000000) || (ip >= 0x5fff90000000 && ip < 0x601000000000);
    in_stubs +=
        ip >= (uintptr_t)many && ip < (uintptr_t)many + 8192 && (ip % 32 > 16 || ip % 32 == 6);
    handled++;
}

/* Nobody may see an instruction pointer that is not his own. */
static void seen_by_handlers(void)
{
    struct sigaction action = {.sa_sigaction = look, .sa_flags = SA_SIGINFO};
    int wrong = 0;
    sigaction(SIGUSR1, &action, NULL);
    pid_t self = getpid(), child = fork();
    if (child == 0) {
        for (int i = 0; i < 3000; i++)
            kill(self, SIGUSR1);
        _exit(0);
    }
    for (int status; waitpid(child, &status, WNOHANG) == 0;)
        wrong += wrong_calls(5) + (behind_short(SYS_getpid) != self + 9);
    for (int i = 0; i < 100; i++)
        kill(self, SIGUSR1);
    printf("%d wrong, %ld in stubs, %d\n", wrong, in_stubs, handled > 100);
}

static long read_here(int fd, void *to, size_t size)
{
    long result;
    __asm__ volatile("syscall\n movq %%rax, %%rcx\n movq %%rcx, %%rax"
                     : "=a"(result)
                     : "a"(SYS_read), "D"(fd), "S"(to), "d"(size)
                     : "rcx", "r11", "memory");
    return result;
}

/* A call that is made again after a handler, and one that is not. */
static void interrupted_sites(void)
{
    struct sigaction action = {.sa_sigaction = look, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct itimerval soon = {{0, 0}, {0, 30000}}, again = {{0, 30000}, {0, 30000}}, off = {0};
    char byte = 0;
    int fds[2];
    sigaction(SIGALRM, &action, NULL);
    pipe(fds);
    for (int round = 0; round < 3; round++) {
        if (fork() == 0) {
            usleep(100000);
            _exit(write(fds[1], "x", 1) != 1);
        }
        setitimer(ITIMER_REAL, &soon, NULL);
        long result = read_here(fds[0], &byte, 1);
        printf("read %ld %c\n", result, byte);
        wait(NULL);
    }
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &again, NULL); /* the first may come before the read */
    printf("read %ld\n", read_here(fds[0], &byte, 1));
    setitimer(ITIMER_REAL, &off, NULL);
    printf("handled %d, %ld in stubs\n", handled > 3, in_stubs);
}

/* Code that is written while the program runs, and changed. */
static void code_of_its_own(void)
{
    static const unsigned char code[] = {0xb8, 39,   0, 0, 0, 0x0f, 0x05,
                                         0x48, 0x05, 1, 0, 0, 0,    0xc3};
    unsigned char *at =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int right = 0;
    memcpy(at, code, sizeof code);
    for (int i = 0; i < 300; i++) {
        at[9] = (unsigned char)(i % 100);
        right += ((long (*)(void))(uintptr_t)at)() == getpid() + i % 100;
    }
    printf("%d right, %s\n", right, memcmp(at, code, 7) == 0 ? "as written" : "changed");
}

const struct theme site_themes[] = {
    {"sites", shapes_of_sites},
    {"sites-middle", into_the_middle},
    {"sites-at-once", all_at_once},
    {"sites-signals", seen_by_handlers},
    {"sites-restart", interrupted_sites},
    {"sites-own-code", code_of_its_own},
    {NULL, NULL},
};
