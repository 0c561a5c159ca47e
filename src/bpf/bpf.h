/* bpf: rule sets → classic BPF for seccomp, and back. PURE: the linux headers are
 * used for nothing; encodings are written down in insn.h, so that this
 * compiles and runs anywhere. */
#ifndef VOW_BPF_H
#define VOW_BPF_H

#include "arch/arch.h"
#include "policy/decide.h"

/* Same layout as struct sock_filter. */
struct insn {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

struct program {
    struct insn *at;
    size_t count, capacity;
};

/* What a filter sees, words already in host order (struct seccomp_data). */
struct seccomp_event {
    uint32_t nr;
    uint32_t arch;
    uint64_t ip;
    uint64_t args[6];
};

/* SECCOMP_RET_*. */
#define RET_KILL_PROCESS 0x80000000u
#define RET_TRAP 0x00030000u
#define RET_ERRNO(e) (0x00050000u | (uint32_t)(e))
#define RET_USER_NOTIF 0x7fc00000u
#define RET_LOG 0x7ffc0000u
#define RET_ALLOW 0x7fff0000u

/* What calls are answered: `allow` where a clause holds (or always), else `settled` (success
 * without the call, or an errno) where one of those that follow them holds,
 * else `deny`. */
struct rule {
    uint32_t allow, settled, deny;
    const struct clause *clauses;
    uint16_t clause_count, settled_count;
    bool always; /* allow whatever the arguments */
};

/* One architecture's calls, sorted by nr; every other number → `unknown`. */
struct ruleset {
    const struct arch *arch;
    uint32_t unknown;
    const struct sys_call *calls; /* the architecture's, or others */
    size_t call_count;
    struct rule *rules; /* by calls[].rules; most calls share theirs with others */
    size_t rule_count;
    struct arena memory;  /* of the rules and their clauses, and of … */
    struct range *launch; /* $launch_secret, or NULL */
};

/* How verdicts become return values. */
struct filter_mode {
    uint32_t deny;       /* 0: RET_ERRNO of each call; else this for every denial of a
                            known call (RET_KILL_PROCESS, RET_TRAP, RET_USER_NOTIF) but
                            those with ENOSYS, which libcs take as a hint to fall back */
    bool spare_probes;   /* … and but those of family probe, which keep their errno */
    uint32_t unknown;    /* 0: RET_ERRNO(ENOSYS) */
    uint32_t path_allow; /* 0: RET_ALLOW; RET_USER_NOTIF to look at allowed calls that … */
    uint32_t path_kinds; /* … do one of these operations on a name: 1 << OP_x each */
};

/* ruleset_from_policy: asks the tables, not decide; that the two agree is
 * what tests/sim proves. */
int ruleset_from_policy(const struct policy *p, const struct arch *arch,
                        const struct filter_mode *mode, struct ruleset *out, struct err *err);
void ruleset_free(struct ruleset *rules);
/* ruleset_eval: the reference meaning of a rule set, by plain search. */
uint32_t ruleset_eval(const struct ruleset *rules, const struct seccomp_event *event);

/* bpf_compile: one program for several architectures; any other architecture
 * (and x32 numbers where x86_64 is among them) → `foreign`. Only LD W ABS,
 * JA, JEQ, JGE, JGT, JSET with constants, AND with a constant and RET K are
 * emitted: the kernel's allow bitmap understands no others. -E2BIG above 4096
 * instructions; -EINVAL, and which, for rules or ranges that are not in order. */
int bpf_compile(const struct ruleset *const *sets, size_t set_count, uint32_t foreign,
                struct program *out, struct err *err);
void program_free(struct program *program);
/* bpf_within: puts a test in front: a call whose instruction pointer lies
 * outside of `text` → `elsewhere`. -EINVAL if the ends of the range have
 * different high words; -E2BIG, -ENOMEM: the program is as it was. */
int bpf_within(struct program *program, const struct arch *arch, const struct range *text,
               uint32_t elsewhere) MUST_USE;

/* bpf_run: the kernel's interpreter for these programs; -EINVAL on anything
 * that the kernel's checker would refuse. `steps` (may be NULL) counts. */
int bpf_run(const struct program *program, const struct arch *arch,
            const struct seccomp_event *event, uint32_t *ret, size_t *steps);
/* bpf_check: would the kernel load it? */
int bpf_check(const struct program *program, struct err *err);
/* bpf_constant: does the kernel's allow bitmap cover this number (allowed
 * without a look at the arguments, by instructions that it emulates)? */
bool bpf_constant(const struct program *program, uint32_t audit_arch, uint32_t nr);

/* Which ways through a program count. */
struct bpf_way {
    bool any_call; /* else those of this number on this architecture */
    uint32_t audit, nr;
    bool any_end; /* else those that end in this return value */
    uint32_t end;
};
/* bpf_longest_way: in instructions; 0 if there is none. The program has passed
 * bpf_check. A way counts if no look at number and architecture rules it out;
 * about arguments everything is thought possible. */
size_t bpf_longest_way(const struct program *program, const struct bpf_way *way);
/* bpf_reaches: does such a way lead over instruction `pc`? (`end` is not asked) */
bool bpf_reaches(const struct program *program, const struct bpf_way *way, size_t pc);

/* bpf_print: one line an instruction, for a person, with the names of one
 * architecture's calls. bpf_print_ret: the words for a return value. */
void bpf_print(struct str *out, const struct program *program, const struct arch *arch);
void bpf_print_ret(struct str *out, uint32_t ret, const struct arch *arch);

/* A call that two programs answer differently, and how. */
struct difference {
    struct seccomp_event event;
    uint32_t first, second; /* return values */
};
/* bpf_compare: reports every way in which two programs differ on one
 * architecture, with an example each; `call` is NULL where the number is
 * unknown. Exact: what is not reported is equal for all arguments and numbers.
 * Takes at most as many steps as there are pairs of ways. -EINVAL for a
 * program that bpf_check refuses. */
typedef void (*difference_fn)(void *context, const struct sys_call *call,
                              const struct difference *difference);
int bpf_compare(const struct program *first, const struct program *second, const struct arch *arch,
                difference_fn report, void *context);

#endif
