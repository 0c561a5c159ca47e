#include "watch/diagnose.h"

#include <string.h>

/* What the loader, the C library and libselinux try at every start, and do
 * without. Only reading is quiet. */
static const char *const start_probes[] = {
    "/etc/ld.so.cache",           "/etc/ld.so.preload", "/etc/nsswitch.conf",
    "/etc/selinux/config",        "/proc/filesystems",  "/proc/self/auxv",
    "/proc/self/mounts",          "/sys/fs/selinux",    "/proc/sys/kernel/ngroups_max",
    "/proc/sys/kernel/osrelease", "/selinux",
};

static bool is_start_probe(enum operation_kind kind, const char *path)
{
    if (kind != OP_OPEN_READ && kind != OP_LIST && kind != OP_STAT)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(start_probes); i++)
        if (strcmp(path, start_probes[i]) == 0)
            return true;
    return strstr(path, "/gconv/") || strstr(path, "/glibc-hwcaps/");
}

/* What the filter says of the call itself counts more than what it would say
 * of such operations in general. */
static struct path_verdict ask_path(const struct policy *p, enum operation_kind kind,
                                    const struct denial *denial)
{
    struct path_event event = {.kind = kind, .path = denial->real};
    struct path_verdict verdict;
    decide_path(p, &event, &verdict);
    if (denial->call.arch) {
        verdict.bpf = denial->verdict.bpf;
        verdict.allowed = verdict.bpf == ANSWER_ALLOW && verdict.landlock != ANSWER_DENY &&
                          verdict.view != ANSWER_DENY && verdict.view != ANSWER_HIDE;
    }
    return verdict;
}

bool denial_ask(const struct policy *p, struct denial *denial)
{
    denial->verdict.bpf = ANSWER_NONE;
    if (denial->call.arch)
        decide_call(p, &denial->call, &denial->verdict);
    uint16_t only = decide_only_port(p->promises, p->landlock_abi);
    if (denial->port && only)
        denial->path.landlock = denial->port == only ? ANSWER_ALLOW : ANSWER_DENY;
    if (!denial->real)
        return denial->verdict.bpf != ANSWER_DENY && denial->path.landlock != ANSWER_DENY;
    denial->path = ask_path(p, denial->creates ? OP_CREATE : denial->kind, denial);
    if (denial->creates && denial->path.allowed)
        denial->path = ask_path(p, denial->kind, denial);
    else if (denial->creates)
        denial->kind = OP_CREATE;
    return denial->path.allowed;
}

bool denial_out_of_sight(const struct denial *denial)
{
    const struct path_rule *rule = denial->real ? denial->path.rule : NULL;
    return rule && rule->origin == ORIGIN_PRIVATE && denial->path.allowed &&
           !(operation_letters(denial->kind) & PERM_CREATE) &&
           strcmp(rule->real, denial->real) != 0;
}

void denial_hide(struct denial *denial)
{
    uint8_t letters = operation_letters(denial->kind);
    char *path = strdup(denial->real);
    denial->path.view = ANSWER_HIDE;
    denial->path.allowed = false;
    denial->path.missing_perms = letters ? letters : PERM_READ;
    denial->remedy =
        (struct remedy){.rules = {{path, denial->path.missing_perms}}, .rule_count = path != NULL};
}

bool denial_judge(const struct policy *p, struct denial *denial)
{
    const struct denial question = *denial;
    if (denial_ask(p, denial))
        return false;
    remedy_find(p, &question, &denial->remedy);
    return true;
}

void denial_free(struct denial *denial)
{
    remedy_free(&denial->remedy);
}

static void take_subject(const struct subject *subject, struct denial *out)
{
    out->kind = subject->kind;
    out->object = subject->path;
    out->real = subject->real;
    out->creates = subject->create && !subject->exists;
}

/* diagnose_made: what is to be made is there already. Does the run see that? */
static enum diagnosis diagnose_made(const struct policy *p, const struct denial *question,
                                    struct denial *out)
{
    struct denial look = *question;
    look.kind = OP_STAT;
    *out = look;
    if (denial_ask(p, out))
        return DIAGNOSIS_QUIET;
    remedy_find(p, &look, &out->remedy);
    return DIAGNOSIS_DENIED;
}

enum diagnosis diagnose_path(const struct policy *p, const struct subject *subject,
                             struct denial *out)
{
    struct denial question = *out;
    take_subject(subject, &question);
    if (subject->futile)
        return subject->exists ? diagnose_made(p, &question, out) : DIAGNOSIS_QUIET;
    *out = question;
    bool allowed = denial_ask(p, out);
    if (allowed && (subject->create || !denial_out_of_sight(out) || subject->seen(subject->asked)))
        return DIAGNOSIS_ALLOWED;
    if (is_start_probe(subject->kind, subject->real) || !subject->permitted(subject->asked))
        return DIAGNOSIS_QUIET;
    if (allowed)
        denial_hide(out);
    else
        remedy_find(p, &question, &out->remedy);
    return DIAGNOSIS_DENIED;
}

/* choose: the path that a rule is missing for, else the first; NULL: none. */
static const struct subject *choose(const struct policy *p, const struct subject *subjects,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct path_verdict verdict;
        struct path_event event = {.kind = subjects[i].kind, .path = subjects[i].real};
        decide_path(p, &event, &verdict);
        if (verdict.missing_perms && !subjects[i].futile)
            return &subjects[i];
    }
    return count > 0 ? &subjects[0] : NULL;
}

/* without_rule: the system would not do it either, so no rule would help: what is
 * missing is the promise alone. */
static void without_rule(struct denial *out)
{
    out->real = NULL;
    if (out->creates)
        out->kind = OP_CREATE;
}

bool diagnose_call(const struct policy *p, const struct subject *subjects, size_t count,
                   struct denial *out)
{
    const struct subject *chosen = choose(p, subjects, count);
    bool quiet = chosen && is_start_probe(chosen->kind, chosen->real);
    if (quiet && !p->kill)
        return false;
    if (chosen)
        take_subject(chosen, out);
    if (chosen && (chosen->futile || !chosen->permitted(chosen->asked)))
        without_rule(out);
    if (!denial_judge(p, out))
        return false;
    quiet = out->verdict.probe && !p->kill;
    if (quiet)
        denial_free(out);
    return !quiet;
}

/* What a script's own redirections open is opened for reading or for writing, not
 * for both. */
static bool is_shell_probe(const struct denial *denial)
{
    static const char *const shells[] = {"sh", "bash", "dash", "zsh", "ksh", "mksh", "fish"};
    const char *path = denial->real ? denial->real : "";
    bool opens = denial->kind == OP_OPEN_READ_WRITE &&
                 (strcmp(path, "/dev/tty") == 0 || strncmp(path, "/dev/pts/", 9) == 0);
    bool searches =
        denial->kind == OP_LIST && (strcmp(path, "/dev") == 0 || strcmp(path, "/dev/pts") == 0);
    bool terminal = opens || searches;
    for (size_t i = 0; terminal && i < ARRAY_COUNT(shells); i++)
        if (strcmp(denial->program, shells[i]) == 0)
            return true;
    return false;
}

/* Inside a run vow tries to have a view, and asks the settings that may say why
 * there is none. */
static bool is_vow_probe(const struct denial *denial)
{
    static const char *const settings[] = {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/unprivileged_userns_clone", "/proc/sys/user/max_mnt_namespaces",
        "/proc/sys/user/max_user_namespaces"};
    const struct sys_call *call = denial->verdict.call;
    if (strcmp(denial->program, "vow") != 0 || denial->killed)
        return false;
    for (size_t i = 0; denial->real && i < ARRAY_COUNT(settings); i++)
        if (strcmp(denial->real, settings[i]) == 0)
            return denial->kind == OP_OPEN_READ;
    return call && strcmp(call_name(call), "unshare") == 0;
}

bool diagnose_known_probe(const struct denial *denial)
{
    return is_shell_probe(denial) || is_vow_probe(denial);
}
