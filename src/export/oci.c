#include "export/oci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/bpf.h"
#include "export/match.h"

#define ENOSYS_BUT_ON_MIPS 38

/* What containers call the architectures: Go's words. */
static const char *const go_names[ARCH_COUNT] = {
    [ARCH_X86_64] = "amd64",     [ARCH_I386] = "386",
    [ARCH_AARCH64] = "arm64",    [ARCH_ARM] = "arm",
    [ARCH_RISCV64] = "riscv64",  [ARCH_PPC64LE] = "ppc64le",
    [ARCH_S390X] = "s390x",      [ARCH_LOONGARCH64] = "loong64",
    [ARCH_MIPS64EL] = "mips64le"};

/* A profile while it is collected. A set of architectures has bit ARCH_…. */
struct collection {
    const struct policy *policy;
    json_t *rules;    /* rule without names, as text → name → architectures that have it so */
    json_t *has;      /* name → architectures that have the call */
    json_t *judged;   /* name → architectures on which its arguments are looked at */
    json_t *narrower; /* name → architectures on which some arguments are lost */
    json_t *runtime;  /* name → architectures on which only the runtime has it */
};

/* Between loading the profile and the program's start: crun calls execve, runc
 * looks first which descriptors are to be closed. */
bool oci_runtime_calls(const char *name)
{
    static const char *const names[] = {"execve", "fstatfs", "fstatfs64", "getdents64"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void set_bit(json_t *object, const char *name, enum arch_id arch)
{
    json_int_t bits = json_integer_value(json_object_get(object, name));
    json_object_set_new(object, name, json_integer(bits | (json_int_t)1 << arch));
}

/* Notes that this architecture has this rule for the call. Takes `rule`. */
static int note(struct collection *c, enum arch_id arch, const char *name, json_t *rule)
{
    CLEAN_FREE char *key = rule ? json_dumps(rule, JSON_COMPACT) : NULL;
    json_decref(rule);
    if (!key)
        return -ENOMEM;
    json_t *names = json_object_get(c->rules, key);
    if (!names) {
        names = json_object();
        json_object_set_new(c->rules, key, names);
    }
    set_bit(names, name, arch);
    return 0;
}

static json_t *condition_json(size_t arg, uint64_t mask, uint64_t value)
{
    if (mask == UINT64_MAX)
        return json_pack("{s:I, s:I, s:s}", "index", (json_int_t)arg, "value", (json_int_t)value,
                         "op", "SCMP_CMP_EQ");
    return json_pack("{s:I, s:I, s:I, s:s}", "index", (json_int_t)arg, "value", (json_int_t)mask,
                     "valueTwo", (json_int_t)value, "op", "SCMP_CMP_MASKED_EQ");
}

/* JSON numbers are written from 64 bits with a sign. */
static bool fits(const struct match *match)
{
    for (size_t i = 0; i < 6; i++)
        if ((match->mask[i] != UINT64_MAX && match->mask[i] > INT64_MAX) ||
            match->value[i] > INT64_MAX)
            return false;
    return true;
}

static json_t *match_json(const struct match *match)
{
    json_t *args = json_array();
    for (size_t i = 0; i < 6; i++)
        if (match->mask[i])
            json_array_append_new(args, condition_json(i, match->mask[i], match->value[i]));
    return json_pack("{s:s, s:o}", "action", "SCMP_ACT_ALLOW", "args", args);
}

static int note_clauses(struct collection *c, const struct arch *arch, const char *name,
                        const struct rule *rule)
{
    struct matches matches;
    int result = matches_of_rule(rule, &matches);
    bool narrower = matches.narrower;
    for (size_t i = 0; i < matches.count && result == 0; i++) {
        if (fits(&matches.at[i]))
            result = note(c, arch->id, name, match_json(&matches.at[i]));
        else
            narrower = true;
    }
    if (narrower)
        set_bit(c->narrower, name, arch->id);
    set_bit(c->judged, name, arch->id);
    matches_free(&matches);
    return result;
}

static int note_call(struct collection *c, const struct arch *arch, uint32_t nr,
                     const struct rule *rule)
{
    const char *name = call_name(arch_call(arch, nr));
    set_bit(c->has, name, arch->id);
    bool by_runtime = !rule->always && oci_runtime_calls(name);
    if (by_runtime)
        set_bit(c->runtime, name, arch->id);
    if (rule->always || by_runtime)
        return note(c, arch->id, name, json_pack("{s:s}", "action", "SCMP_ACT_ALLOW"));
    if (rule->clause_count > 0)
        return note_clauses(c, arch, name, rule);
    if (rule->deny == RET_KILL_PROCESS)
        return note(c, arch->id, name, json_pack("{s:s}", "action", "SCMP_ACT_KILL_PROCESS"));
    uint32_t error = rule->deny & 0xffff;
    if (error == arch->enosys)
        return 0; /* as the default */
    return note(c, arch->id, name,
                json_pack("{s:s, s:i}", "action", "SCMP_ACT_ERRNO", "errnoRet", (int)error));
}

static int collect(struct collection *c, const struct arch *arch, struct err *err)
{
    struct filter_mode mode = {.deny = c->policy->kill ? RET_KILL_PROCESS : 0};
    struct ruleset set;
    int result = ruleset_from_policy(c->policy, arch, &mode, &set, err);
    if (result)
        return result;
    for (size_t i = 0; i < set.call_count && result == 0; i++)
        result = note_call(c, arch, set.calls[i].nr, &set.rules[set.calls[i].rules]);
    ruleset_free(&set);
    return result ? err_set(err, result, "out of memory") : 0;
}

/* What was collected becomes JSON ------------------------------------------*/

static json_t *arch_words(json_int_t archs_wanted)
{
    json_t *words = json_array();
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (archs_wanted >> i & 1)
            json_array_append_new(words, json_string(go_names[i]));
    return words;
}

/* One entry for the names that have a rule on the same architectures; 0: on
 * all that have the call. */
static void add_entry(json_t *syscalls, const char *key, json_int_t archs_wanted, json_t *names)
{
    json_t *entry = json_pack("{s:O}", "names", names);
    json_t *rule = json_loads(key, 0, NULL);
    json_object_update(entry, rule);
    json_decref(rule);
    if (archs_wanted)
        json_object_set_new(entry, "includes",
                            json_pack("{s:o}", "arches", arch_words(archs_wanted)));
    json_array_append_new(syscalls, entry);
}

/* The entries of one rule. */
static void add_entries(const struct collection *c, json_t *syscalls, const char *key,
                        json_t *names)
{
    json_t *groups = json_object(), *group; /* architectures, as text → names */
    const char *name, *text;
    json_t *bits;
    json_object_foreach(names, name, bits)
    {
        char archs_text[24];
        json_int_t all = json_integer_value(json_object_get(c->has, name));
        json_int_t some = json_integer_value(bits) == all ? 0 : json_integer_value(bits);
        snprintf(archs_text, sizeof archs_text, "%lld", (long long)some);
        group = json_object_get(groups, archs_text);
        if (!group) {
            group = json_array();
            json_object_set_new(groups, archs_text, group);
        }
        json_array_append_new(group, json_string(name));
    }
    json_object_foreach(groups, text, group)
        add_entry(syscalls, key, strtoll(text, NULL, 10), group);
    json_decref(groups);
}

static json_t *syscalls_json(const struct collection *c)
{
    json_t *syscalls = json_array(), *names;
    const char *key;
    json_object_foreach(c->rules, key, names) add_entries(c, syscalls, key, names);
    return syscalls;
}

/* Is it one of those that one file can be for? mips has another ENOSYS. */
static bool shares_file(const struct arch *arch)
{
    return arch->id != ARCH_X32 && arch->enosys == ENOSYS_BUT_ON_MIPS;
}

static json_t *arch_map(void)
{
    json_t *map = json_array();
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (shares_file(&archs[i]))
            json_array_append_new(map, json_pack("{s:s, s:[]}", "architecture", archs[i].oci_name,
                                                 "subArchitectures"));
    return map;
}

static void list_names(struct str *lost, const char *what, json_t *names)
{
    const char *name;
    json_t *bits;
    if (json_object_size(names) == 0)
        return;
    str_add(lost, what);
    json_object_foreach(names, name, bits) str_addf(lost, " %s", name);
    str_add_char(lost, '\n');
}

static void list_lost(const struct collection *c, bool for_all, struct str *lost)
{
    const struct policy *p = c->policy;
    str_add(lost, "path rules, and that signals and abstract sockets stay inside: the container's "
                  "mounts and\nnamespaces have to see to it\n");
    list_names(lost, "the denial of what runtimes start the program with:", c->runtime);
    list_names(lost,
               p->kill ? "a denial that ends the program; ENOSYS instead, where arguments "
                         "decide:"
                       : "EPERM; ENOSYS instead, where arguments decide:",
               c->judged);
    list_names(lost, "some allowed arguments, which are denied, of:", c->narrower);
    if (for_all)
        str_add(lost, "programs of 32 bits on 64-bit machines: they are killed\n"
                      "mips64el, where ENOSYS is another number: use --arch mips64el\n");
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (p->limit_given[i]) {
            str_add(lost, "resource limits: the container's configuration has them\n");
            break;
        }
    if (p->env || p->setenv || p->env_all)
        str_add(lost, "the environment: the container's configuration has it\n");
}

static json_t *profile_json(const struct collection *c, const struct arch *arch)
{
    json_t *root = json_pack("{s:s, s:i}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet",
                             arch ? (int)arch->enosys : ENOSYS_BUT_ON_MIPS);
    if (arch)
        json_object_set_new(root, "architectures", json_pack("[s]", arch->oci_name));
    else
        json_object_set_new(root, "archMap", arch_map());
    json_object_set_new(root, "syscalls", syscalls_json(c));
    return root;
}

int oci_profile(const struct policy *p, const struct arch *arch, json_t **out, struct str *lost,
                struct err *err)
{
    struct collection c = {.policy = p,
                           .rules = json_object(),
                           .has = json_object(),
                           .judged = json_object(),
                           .narrower = json_object(),
                           .runtime = json_object()};
    int result = 0;
    for (size_t i = 0; i < ARCH_COUNT && result == 0; i++)
        if (arch ? arch == &archs[i] : shares_file(&archs[i]))
            result = collect(&c, &archs[i], err);
    *out = result == 0 ? profile_json(&c, arch) : NULL;
    if (result == 0 && !*out)
        result = err_set(err, -ENOMEM, "out of memory");
    if (result == 0)
        list_lost(&c, arch == NULL, lost);
    json_decref(c.rules);
    json_decref(c.has);
    json_decref(c.judged);
    json_decref(c.narrower);
    json_decref(c.runtime);
    return result;
}
