/* decide_path: three parties, one path operation.
 *
 * BPF sees no path: it answers for the kind of operation. Landlock adds up the
 * letters of all rules above the object, and does not look at metadata at all.
 * A view shows what the most specific rule says; it takes away names, writing
 * and executing, never reading alone. */
#include "policy/decide.h"

#include "policy/path.h"
#include "policy/paths.h"
#include "policy/whole.h"

#include <stdlib.h>
#include <string.h>

/* The letter c is about names: it counts on the directory, too. */
static const struct path_operation {
    uint8_t kind;     /* enum operation_kind */
    uint16_t family;  /* what BPF has to grant */
    uint8_t letters;  /* needed on the object */
    uint8_t abi;      /* Landlock looks at it from this ABI on; 0: never */
    bool given;       /* a file's open: BPF also passes what every program may open,
                         and x lets the file be read */
    bool socket;      /* w, but not refused by a read-only mount */
    promise_set with; /* makes the letters count; 0: each letter's own promise */
} operations[] = {
    {OP_OPEN, FAMILY_OPEN_READ, PERM_READ, 1, .given = true},
    {OP_OPEN_READ, FAMILY_OPEN_READ, PERM_READ, 1, .given = true},
    {OP_OPEN_WRITE, FAMILY_OPEN_WRITE, PERM_WRITE, 1, .given = true},
    {OP_OPEN_READ_WRITE, FAMILY_OPEN_READ_WRITE, PERM_READ | PERM_WRITE, 1, .given = true},
    {OP_LIST, FAMILY_LIST, PERM_READ, 1},
    {OP_STAT, FAMILY_LOOK, 0, 0},
    {OP_CHDIR, FAMILY_CHDIR, 0, 0},
    {OP_CREATE, FAMILY_MAKE, PERM_CREATE, 1, .with = PROMISE(CPATH)},
    {OP_REMOVE, FAMILY_REMOVE, PERM_CREATE, 1, .with = PROMISE(CPATH)},
    {OP_RENAME, FAMILY_RENAME, PERM_CREATE, 1, .with = PROMISE(CPATH)},
    {OP_MKNOD, FAMILY_MAKE_NODE, PERM_CREATE, 1, .with = PROMISE(DPATH)},
    {OP_BIND, FAMILY_SOCKET_UNIX, PERM_CREATE, 1, .with = PROMISE(UNIX)},
    {OP_CONNECT, FAMILY_SOCKET_UNIX, PERM_WRITE, 9, .socket = true, .with = PROMISE(UNIX)},
    {OP_TRUNCATE, FAMILY_TRUNCATE, PERM_WRITE, 3},
    {OP_ATTR, FAMILY_CHMOD, PERM_WRITE, 0, .with = PROMISE(FATTR)},
    {OP_CHOWN, FAMILY_CHOWN, PERM_WRITE, 0, .with = PROMISE(FATTR) | PROMISE(CHOWN)},
    {OP_EXEC, FAMILY_EXEC, PERM_EXEC, 1},
};

/* NULL: no operation on a path. */
static const struct path_operation *find_operation(enum operation_kind kind)
{
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++)
        if (operations[i].kind == kind)
            return &operations[i];
    return NULL;
}

uint8_t operation_letters(enum operation_kind kind)
{
    const struct path_operation *op = find_operation(kind);
    return op ? op->letters : 0;
}

/* The letters of a rule that count for an operation. */
static uint8_t counted(const struct policy *p, const struct path_operation *op,
                       const struct path_rule *rule)
{
    if (op->with)
        return p->promises & op->with ? rule->perms : rule->kept;
    uint8_t letters = path_rule_perms(p->promises, rule);
    return op->given && letters & PERM_EXEC ? letters | PERM_READ : letters;
}

static enum answer ask_bpf(const struct policy *p, const struct path_operation *op)
{
    bool granted = family_granted(op->family, p->promises) ||
                   (op->given && family_granted(FAMILY_OPEN_GIVEN, p->promises));
    return granted ? ANSWER_ALLOW : ANSWER_DENY;
}

/* Rights add up from the object to the root. */
static enum answer ask_landlock(const struct policy *p, const struct path_operation *op,
                                const char *object)
{
    if (op->abi == 0 || p->landlock_abi < op->abi)
        return ANSWER_NONE;
    uint8_t letters = 0;
    for (size_t i = 0; i < p->path_count; i++)
        if (path_covers(p->paths[i].real, object))
            letters |= counted(p, op, &p->paths[i]);
    return (op->letters & ~letters) == 0 ? ANSWER_ALLOW : ANSWER_DENY;
}

/* Does something below `path` have to be reached, or through it, if it is a
 * link? The run's terminal is shown by name, so that ttyname works. */
static bool leads_to_shown(const struct policy *p, const char *path)
{
    if (p->tty && path_covers(path, p->tty))
        return true;
    for (size_t i = 0; i < p->path_count; i++) {
        const struct path_rule *rule = &p->paths[i];
        if (rule->perms && (path_covers(path, rule->real) || path_covers(path, rule->path)))
            return true;
    }
    return false;
}

static enum answer ask_view(const struct policy *p, const struct path_operation *op,
                            const char *path, const struct path_rule *rule)
{
    if (p->view != VIEW_SYSTEM && p->view != VIEW_ALL)
        return ANSWER_NONE;
    if (rule && rule->perms == 0)
        return ANSWER_HIDE;
    if (!rule && p->view == VIEW_SYSTEM && !leads_to_shown(p, path) && !whole_covers(p, path))
        return ANSWER_HIDE;
    bool writable = rule && path_rule_writable(p->promises, rule);
    if (op->letters & (PERM_WRITE | PERM_CREATE) && !op->socket)
        return writable ? ANSWER_ALLOW : ANSWER_DENY;
    if (op->letters & PERM_EXEC && rule)
        return counted(p, op, rule) & PERM_EXEC ? ANSWER_ALLOW : ANSWER_DENY;
    return ANSWER_ALLOW;
}

static unsigned count_of(promise_set set)
{
    unsigned count = 0;
    for (; set; set &= set - 1)
        count++;
    return count;
}

/* The smallest set of promises that grants a family, less those held. */
static promise_set smallest(const struct policy *p, unsigned family)
{
    size_t count;
    const promise_set *sets = family_sets(family, &count);
    promise_set best = 0;
    for (size_t i = 0; i < count; i++) {
        promise_set more = sets[i] & ~p->promises;
        if (best == 0 || count_of(more) < count_of(best))
            best = more;
    }
    return best;
}

/* The promises without which these letters do not count. */
static promise_set missing_for(const struct policy *p, const struct path_operation *op,
                               uint8_t letters)
{
    if (op->with)
        return letters && !(p->promises & op->with) ? op->with & -op->with : 0;
    promise_set needed = (letters & PERM_READ ? PROMISE(RPATH) : 0) |
                         (letters & PERM_WRITE ? PROMISE(WPATH) : 0) |
                         (letters & PERM_EXEC ? PROMISE(EXEC) : 0);
    return needed & ~p->promises;
}

/* A promise that opens the path by itself, where that says better what the
 * program is about than letters do. dns also grants sockets: it is offered
 * only where one letter or promise alone would not do. */
static promise_set better(const struct policy *p, const struct path_operation *op, const char *path,
                          const struct path_verdict *v)
{
    promise_set offers = policy_exception(p, path, op->letters) & ~p->promises;
    if (!(v->missing && v->missing_perms))
        offers &= ~PROMISE(DNS);
    offers &= -offers;
    struct policy with = {.promises = p->promises | offers};
    return offers && op->letters && ask_bpf(&with, op) == ANSWER_ALLOW ? offers : 0;
}

/* Fills in what would have to be added. `parent` is NULL where it has no say. */
static void find_missing(const struct policy *p, const struct path_operation *op,
                         const struct path_event *event, const char *parent, struct path_verdict *v)
{
    uint8_t letters = op->letters ? op->letters : PERM_READ; /* any letter shows a name */
    if (v->bpf == ANSWER_DENY)
        v->missing = smallest(p, op->family);
    bool judged = v->landlock == ANSWER_DENY || v->view == ANSWER_DENY || v->view == ANSWER_HIDE;
    const struct path_rule *rules[] = {parent ? paths_most_specific(p, parent) : v->rule, v->rule};
    for (size_t i = 0; judged && i < ARRAY_COUNT(rules); i++) {
        uint8_t lack = letters & ~(rules[i] ? rules[i]->perms : 0);
        if (lack && !v->missing_perms) {
            v->missing_perms = lack;
            v->on_parent = parent && i == 0;
        }
        uint8_t idle = letters & ~(rules[i] ? counted(p, op, rules[i]) : 0);
        if (op->letters)
            v->missing |= missing_for(p, op, idle);
    }
    promise_set offer = better(p, op, event->path, v);
    if (offer) {
        v->missing = offer;
        v->missing_perms = 0;
        v->on_parent = false;
    }
}

void decide_path(const struct policy *p, const struct path_event *event, struct path_verdict *out)
{
    const struct path_operation *op = find_operation(event->kind);
    *out = (struct path_verdict){.allowed = true};
    if (!op)
        return;
    char *parent CLEAN_FREE = op->letters & PERM_CREATE ? path_parent(event->path) : NULL;
    out->rule = paths_most_specific(p, event->path);
    out->bpf = ask_bpf(p, op);
    out->landlock = ask_landlock(p, op, parent ? parent : event->path);
    out->view = ask_view(p, op, event->path, out->rule);
    const enum answer answers[] = {out->bpf, out->landlock, out->view};
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++)
        out->allowed &= answers[i] == ANSWER_NONE || answers[i] == ANSWER_ALLOW;
    if (!out->allowed)
        find_missing(p, op, event, parent, out);
}
