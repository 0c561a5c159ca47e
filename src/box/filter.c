#include "box/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "box/layout.h"

/* Values of x86_64. They stand here, not in data/: the constants of data/ are
 * those that promises speak of. */
enum {
    FLAG_SHARED = 0x01,
    FLAG_PRIVATE = 0x02,
    FLAG_FIXED = 0x10,
    FLAG_ANONYMOUS = 0x20,
    FLAG_NORESERVE = 0x4000,
    FUTEX_OP_MASK = ~(128 | 256), /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */
    CLONE_THREAD_SET = 0x250f00,  /* VM FS FILES SIGHAND THREAD SYSVSEM CHILD_CLEARTID */
    CLONE_PROCESS_SET = 0x8011,   /* PARENT, SIGCHLD */
    ERRNO_ENOMEM = 12,
    SIGNAL_KILL = 9,
    SIGNAL_SYS = 31,
};

#define ONE(value)                                                                                 \
    {                                                                                              \
        (value), (value)                                                                           \
    }
#define ATOM(number, bits, cut, list)                                                              \
    {                                                                                              \
        .arg = (number), .width = (bits), .range_count = ARRAY_COUNT(list), .mask = (cut),         \
        .ranges = (list)                                                                           \
    }
#define INT(number, list) ATOM(number, 32, UINT32_MAX, list)
#define LONG(number, list) ATOM(number, 64, UINT64_MAX, list)

/* futex: no priority inheritance, no requeue: those are emulated. */
static const struct range futex_ops[] = {{0, 1}, {9, 10}}; /* WAIT WAKE, and _BITSET */
static const struct clause futex[] = {
    {.atoms = {ATOM(1, 32, (uint32_t)FUTEX_OP_MASK, futex_ops)}, .atom_count = 1}};

static const struct range anonymous_fixed[] = {
    ONE(FLAG_PRIVATE | FLAG_ANONYMOUS | FLAG_FIXED),
    ONE(FLAG_PRIVATE | FLAG_ANONYMOUS | FLAG_FIXED | FLAG_NORESERVE)};
static const struct range arena_fixed[] = {ONE(FLAG_SHARED | FLAG_FIXED),
                                           ONE(FLAG_PRIVATE | FLAG_FIXED)};
static const struct range arena[] = {{GUEST_ARENA_READ, GUEST_ARENA_WRITE}};
static const struct clause guest_mmap[] = {
    {.atoms = {LONG(3, anonymous_fixed)}, .atom_count = 1},
    {.atoms = {LONG(3, arena_fixed), INT(4, arena)}, .atom_count = 2},
};

static const struct range clone_sets[] = {ONE(CLONE_PROCESS_SET), ONE(CLONE_THREAD_SET)};
static const struct clause clone_flags[] = {{.atoms = {INT(0, clone_sets)}, .atom_count = 1}};

static const struct range bases[] = {{0x1001, 0x1002}}; /* ARCH_SET_GS ARCH_SET_FS */
static const struct clause set_bases[] = {{.atoms = {INT(0, bases)}, .atom_count = 1}};

static const struct range image[] = {ONE(BROKER_IMAGE)};
static const struct clause on_image[] = {{.atoms = {INT(0, image)}, .atom_count = 1}};

static const struct range standard[] = {{0, 2}};
static const struct clause on_standard[] = {{.atoms = {INT(0, standard)}, .atom_count = 1}};

/* Settings and size of the terminal, bytes that wait, drain, flush. TIOCSTI,
 * TIOCLINUX and the rest of them: no. */
static const struct range tty_requests[] = {
    {0x5401, 0x5404}, /* TCGETS TCSETS TCSETSW TCSETSF */
    ONE(0x5409),      /* TCSBRK */
    ONE(0x540b),      /* TCFLSH */
    ONE(0x5413),      /* TIOCGWINSZ */
    ONE(0x541b),      /* FIONREAD */
};
/* With a listener: SECCOMP_IOCTL_NOTIF_SEND and _RECV on it. */
static const struct range listener[] = {ONE(BROKER_LISTENER)};
static const struct range listener_requests[] = {ONE(0xc0182101), ONE(0xc0502100)};
static const struct clause broker_ioctl[] = {
    {.atoms = {INT(0, standard), INT(1, tty_requests)}, .atom_count = 2},
    {.atoms = {INT(0, listener), INT(1, listener_requests)}, .atom_count = 2}};
static const struct range listener_signals[] = {ONE(SIGNAL_SYS)};
static const struct clause broker_tkill[] = {
    {.atoms = {INT(1, listener_signals)}, .atom_count = 1}};

static const struct range broker_signals[] = {ONE(SIGNAL_KILL), ONE(HOST_KICK)};
static const struct clause broker_tgkill[] = {{.atoms = {INT(2, broker_signals)}, .atom_count = 1}};

static const struct range read_write[] = {{0, 3}}; /* PROT_NONE to READ|WRITE: no EXEC */
static const struct range anonymous[] = {ONE(FLAG_PRIVATE | FLAG_ANONYMOUS),
                                         ONE(FLAG_PRIVATE | FLAG_ANONYMOUS | FLAG_NORESERVE)};
static const struct clause broker_mmap[] = {
    {.atoms = {LONG(2, read_write), LONG(3, anonymous)}, .atom_count = 2}};

static const struct range advices[] = {ONE(4), ONE(9),
                                       ONE(23)}; /* DONTNEED REMOVE POPULATE_WRITE */
static const struct clause broker_madvise[] = {{.atoms = {INT(2, advices)}, .atom_count = 1}};

/* One call of a table. No clauses and not refused: whatever the arguments. */
struct entry {
    const char *name;
    const struct clause *clauses;
    uint16_t clause_count;
    uint16_t listening; /* so many of the clauses, the last ones, with a listener only */
    bool refused;       /* without harm: with this errno */
    uint16_t error;
    bool bases; /* only where FS and GS are set by a call */
};
#define IF(list) (list), ARRAY_COUNT(list)

static const struct entry guest_calls[] = {
    {"futex", IF(futex)},
    {"mmap", IF(guest_mmap)},
    {"munmap"},
    {"mprotect"},
    {"clone", IF(clone_flags)},
    {"rt_sigreturn"},
    {"exit"},
    {"exit_group"},
    {"arch_prctl", IF(set_bases), .bases = true},
};

/* restart_syscall is how a futex wait with a timeout goes on after SIGCONT. brk
 * has no errors: where it fails it answers with the end of the heap as it is, and
 * 0 is below everything. */
static const struct entry broker_calls[] = {
    {"futex", IF(futex)},
    {"pread64", IF(on_image)},
    {"pwrite64", IF(on_image)},
    {"fdatasync", IF(on_image)},
    {"read", IF(on_standard)},
    {"write", IF(on_standard)},
    {"ioctl", IF(broker_ioctl), .listening = 1},
    {"ppoll"},
    {"tgkill", IF(broker_tgkill)},
    {"tkill", IF(broker_tkill), .listening = 1},
    {"wait4"},
    {"clock_gettime"},
    {"getrandom"},
    {"mmap", IF(broker_mmap)},
    {"munmap"},
    {"madvise", IF(broker_madvise)},
    {"restart_syscall"},
    {"rt_sigreturn"},
    {"exit"},
    {"exit_group"},
    {"brk", .refused = true},
    {"mremap", .refused = true, .error = ERRNO_ENOMEM},
};

static const struct range shim_text = {SHIM_TEXT, SHIM_TEXT_END - 1};

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct sys_call *)a)->nr, y = ((const struct sys_call *)b)->nr;
    return (x > y) - (x < y);
}

int box_host_by_name(const char *name, enum box_host *out)
{
    static const char *const names[] = {[BOX_TRAP] = "trap", [BOX_NOTIFY] = "notify"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum box_host)i;
            return 0;
        }
    return -ENOENT;
}

/* What happens to calls that do not stand in a table. */
static uint32_t others(struct box_confined which)
{
    if (which.side == BOX_BROKER)
        return RET_KILL_PROCESS;
    return which.host == BOX_NOTIFY ? RET_USER_NOTIF : RET_TRAP;
}

int box_filter_rules(struct box_confined which, const struct arch *arch, struct ruleset *out,
                     struct err *err)
{
    bool guest = which.side == BOX_GUEST;
    const struct entry *entries = guest ? guest_calls : broker_calls;
    size_t count = guest ? ARRAY_COUNT(guest_calls) : ARRAY_COUNT(broker_calls);
    *out = (struct ruleset){.arch = arch, .unknown = others(which)};
    if (arch->id != ARCH_X86_64)
        return err_set(err, -ENOENT, "there is no box for %s yet, only for x86_64", arch->name);
    struct sys_call *calls = arena_take(&out->memory, count, sizeof *calls);
    out->rules = arena_take(&out->memory, count, sizeof *out->rules);
    if (!out->rules || !calls) {
        ruleset_free(out);
        return err_set(err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &entries[i];
        uint16_t without = which.host == BOX_NOTIFY ? 0 : e->listening;
        if ((without && without == e->clause_count) || (e->bases && !which.set_bases))
            continue;
        calls[out->call_count] = *arch_call_by_name(arch, e->name);
        calls[out->call_count++].rules = (uint16_t)out->rule_count;
        out->rules[out->rule_count++] =
            (struct rule){.allow = RET_ALLOW,
                          .deny = e->refused ? RET_ERRNO(e->error) : out->unknown,
                          .always = e->clause_count == 0 && !e->refused,
                          .clauses = e->clauses,
                          .clause_count = e->clause_count - without};
    }
    qsort(calls, out->call_count, sizeof *calls, by_number);
    out->calls = calls;
    return 0;
}

int box_filter(struct box_confined which, const struct arch *arch, struct program *out,
               struct err *err)
{
    struct ruleset rules;
    uint32_t foreign = others(which);
    int result = box_filter_rules(which, arch, &rules, err);
    if (result == 0) {
        result = bpf_compile((const struct ruleset *[]){&rules}, 1, foreign, out, err);
        ruleset_free(&rules);
    }
    if (result == 0 && which.side == BOX_GUEST && bpf_within(out, arch, &shim_text, foreign) != 0) {
        program_free(out);
        return err_set(err, -ENOMEM, "out of memory");
    }
    return result;
}
