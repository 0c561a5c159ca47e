/* Theory of operation. Programs are free of loops and look at each word of
 * seccomp_data only through comparisons of (word & mask) with constants. So
 * all events fall into finitely many classes, one for each pair of a way
 * through the first program and a way through the second that some event takes
 * both. The explorer walks these pairs; what it met on its way is a list of
 * constraints, each on one word, and words are independent of each other. So a
 * pair of ways is possible exactly if every word has a value that meets its
 * constraints (solve). Nothing is sampled: no difference reported means that
 * there is none. */
#include <errno.h>
#include <stdlib.h>

#include "bpf/bpf.h"
#include "bpf/insn.h"

/* How (word & mask) compares with k. */
enum { LESS = 1, EQUAL = 2, GREATER = 4 };

struct constraint {
    uint16_t offset; /* of the word */
    uint8_t accept;  /* LESS | EQUAL | GREATER */
    uint32_t mask, k;
};

struct explorer {
    const struct program *programs[2];
    const struct arch_table *table;
    difference_fn report;
    void *context;
    struct constraint *path;
    size_t path_count, path_capacity;
    size_t *order;                   /* solve's scratch, as large as path */
    uint32_t example[DATA_SIZE / 4]; /* of each word: a value that meets the path */
    uint32_t first_ret;
    int error;
};

/* Bits `bit` to 0 of a value that meets the constraints order[0..count), which
 * the higher bits leave undecided: so far each equals its k. The order within
 * the first `count` may change. */
static bool solve_bits(const struct explorer *e, size_t count, int bit, uint32_t *value)
{
    if (bit < 0) {
        for (size_t i = 0; i < count; i++)
            if (!(e->path[e->order[i]].accept & EQUAL))
                return false;
        return true;
    }
    uint32_t masks = 0;
    for (size_t i = 0; i < count; i++)
        masks |= e->path[e->order[i]].mask;
    for (uint32_t digit = 0; digit <= (masks >> bit & 1); digit++) {
        size_t undecided = 0;
        bool met = true;
        for (size_t i = 0; i < count && met; i++) {
            size_t at = e->order[i];
            const struct constraint *c = &e->path[at];
            uint32_t has = digit & c->mask >> bit, wants = c->k >> bit & 1;
            if (has != wants) {
                met = c->accept & (has < wants ? LESS : GREATER);
                continue;
            }
            e->order[i] = e->order[undecided];
            e->order[undecided++] = at;
        }
        if (met && solve_bits(e, undecided, bit - 1, value)) {
            *value |= digit << bit;
            return true;
        }
    }
    return false;
}

static bool accepts(const struct constraint *c, uint32_t value)
{
    uint32_t cut = value & c->mask;
    return c->accept & (cut < c->k ? LESS : cut > c->k ? GREATER : EQUAL);
}

static bool meets(const struct explorer *e, uint16_t offset, uint32_t value)
{
    for (size_t i = 0; i < e->path_count; i++)
        if (e->path[i].offset == offset && !accepts(&e->path[i], value))
            return false;
    return true;
}

/* The least value of the word at `offset` that meets the path's constraints. */
static bool solve(const struct explorer *e, uint16_t offset, uint32_t *value)
{
    size_t count = 0;
    for (size_t i = 0; i < e->path_count; i++) {
        const struct constraint *c = &e->path[i];
        if (c->offset != offset)
            continue;
        if (c->accept == EQUAL && c->mask == UINT32_MAX) {
            *value = c->k;
            return meets(e, offset, c->k);
        }
        e->order[count++] = i;
    }
    *value = 0;
    return solve_bits(e, count, 31, value);
}

static void push(struct explorer *e, struct constraint c)
{
    size_t capacity = e->path_capacity;
    if (!e->error)
        e->error = array_grow((void **)&e->path, &e->path_capacity, e->path_count, sizeof c);
    if (!e->error && e->path_capacity != capacity) {
        free(e->order);
        e->order = calloc(e->path_capacity, sizeof *e->order);
        e->error = e->order ? 0 : -ENOMEM;
    }
    if (!e->error)
        e->path[e->path_count++] = c;
}

/* Both halves of what lies at `offset`, each as small as it can be. */
static uint64_t solve_whole(const struct explorer *e, uint16_t offset)
{
    uint32_t first, second;
    solve(e, offset, &first);
    solve(e, (uint16_t)(offset + 4), &second);
    return e->table->arch->big_endian ? (uint64_t)first << 32 | second
                                      : (uint64_t)second << 32 | first;
}

/* An event that goes these ways, but for its number. */
static void solve_event(const struct explorer *e, struct seccomp_event *event)
{
    *event = (struct seccomp_event){.arch = e->table->arch->audit, .ip = solve_whole(e, DATA_IP)};
    for (unsigned i = 0; i < ARRAY_COUNT(event->args); i++)
        event->args[i] = solve_whole(e, (uint16_t)(DATA_ARGS + 8 * i));
}

/* Reports one call, after both programs were run on it. */
static void report(struct explorer *e, const struct sys_call *call, struct difference *d)
{
    const struct arch *arch = e->table->arch;
    uint32_t first = 0, second = 0;
    bpf_run(e->programs[0], arch, &d->event, &first, NULL);
    bpf_run(e->programs[1], arch, &d->event, &second, NULL);
    if (first != d->first || second != d->second)
        e->error = -EPROTO; /* the explorer is wrong */
    else
        e->report(e->context, call, d);
}

/* Both ways have ended, differently. */
static void both_ended(struct explorer *e, uint32_t second_ret)
{
    struct difference d = {.first = e->first_ret, .second = second_ret};
    solve_event(e, &d.event);
    size_t path_count = e->path_count;
    for (size_t i = 0; i < e->table->call_count && !e->error; i++) {
        const struct sys_call *call = &e->table->calls[i];
        e->path_count = path_count;
        if (meets(e, DATA_NR, call->nr)) {
            d.event.nr = call->nr;
            report(e, call, &d);
        }
    }
    for (size_t i = 0; i < e->table->call_count; i++) /* any number but those */
        push(e, (struct constraint){DATA_NR, LESS | GREATER, UINT32_MAX, e->table->calls[i].nr});
    if (!e->error && solve(e, DATA_NR, &d.event.nr))
        report(e, NULL, &d);
    e->path_count = path_count;
}

/* What the register holds. */
struct symbol {
    uint16_t offset;
    uint32_t mask; /* 0: the constant 0 */
};

static void explore(struct explorer *e, int which, size_t pc, struct symbol a);

/* Goes on at pc if an event can get there. */
static void explore_if(struct explorer *e, int which, size_t pc, struct symbol a,
                       struct constraint c)
{
    uint32_t *example = &e->example[c.offset / 4], before = *example;
    push(e, c);
    if (e->error)
        return;
    if (accepts(&c, before) || solve(e, c.offset, example))
        explore(e, which, pc, a);
    *example = before;
    e->path_count--;
}

static void explore_test(struct explorer *e, int which, size_t pc, struct symbol a)
{
    const struct insn *i = &e->programs[which]->at[pc];
    struct constraint c = {a.offset, GREATER, a.mask, i->k};
    switch (i->code) {
    case INSN_JEQ: c.accept = EQUAL; break;
    case INSN_JGE: c.accept = EQUAL | GREATER; break;
    case INSN_JSET: c.mask &= i->k; c.k = 0;
    }
    explore_if(e, which, pc + 1 + i->jt, a, c);
    c.accept = (LESS | EQUAL | GREATER) & ~c.accept;
    explore_if(e, which, pc + 1 + i->jf, a, c);
}

static void explore(struct explorer *e, int which, size_t pc, struct symbol a)
{
    for (;;) {
        const struct insn *i = &e->programs[which]->at[pc++];
        switch (i->code) {
        case INSN_LOAD: a = (struct symbol){(uint16_t)i->k, UINT32_MAX}; break;
        case INSN_AND: a.mask &= i->k; break;
        case INSN_JUMP: pc += i->k; break;
        case INSN_RET:
            if (which == 0) {
                e->first_ret = i->k;
                explore(e, 1, 0, (struct symbol){DATA_NR, 0});
            } else if (i->k != e->first_ret) {
                both_ended(e, i->k);
            }
            return;
        default: explore_test(e, which, pc - 1, a); return;
        }
    }
}

int bpf_compare(const struct program *first, const struct program *second, const struct arch *arch,
                difference_fn report_fn, void *context)
{
    struct err err;
    if (bpf_check(first, &err) || bpf_check(second, &err) || !arch_table(arch->id))
        return -EINVAL;
    struct explorer e = {.programs = {first, second},
                         .table = arch_table(arch->id),
                         .report = report_fn,
                         .context = context};
    push(&e, (struct constraint){DATA_ARCH, EQUAL, UINT32_MAX, arch->audit});
    e.example[DATA_ARCH / 4] = arch->audit;
    if (!e.error)
        explore(&e, 0, 0, (struct symbol){DATA_NR, 0});
    free(e.path);
    free(e.order);
    return e.error;
}
