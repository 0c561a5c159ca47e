/* why: the same answer as a run would get, without running.
 *
 * A question becomes a few steps, each of them a system call with its object:
 * connecting takes a socket first, executing a script takes its interpreter.
 * denial_judge answers every step as it does for the supervisor; the first
 * that is denied is the answer. */
#include "cli/cli.h"
#include "cli/settle.h"
#include "enforce/start.h"
#include "host/look.h"
#include "policy/path.h"
#include "watch/diagnose.h"
#include "watch/json.h"
#include "watch/words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "why";

static const char usage[] =
    "usage: vow why [OPTIONS] open [-rwc] PATH\n"
    "       vow why [OPTIONS] connect HOST:PORT | unix:PATH\n"
    "       vow why [OPTIONS] exec PROGRAM\n"
    "       vow why [OPTIONS] syscall NAME [ARGUMENT...]\n"
    "\n"
    "Says whether a program with this policy may do it, and if not, what is missing.\n"
    "Exit status: 0 allowed, 1 denied.\n"
    "\n"
    "  --arch ARCH          of the system call (default: this machine's)\n"
    "  --json               one object, for programs\n"
    "  --help               this text\n"
    "\n";

enum { STEPS_MAX = 2 * START_STEPS_MAX };

struct why {
    struct policy_options options;
    const struct arch *arch;
    bool json;
    const char *verb;
    char **words; /* behind the verb */
    size_t word_count;
    struct denial steps[STEPS_MAX];
    bool exists[STEPS_MAX]; /* the path of a step is there */
    size_t step_count;
    size_t main_step;             /* the one that is told where all are allowed */
    char *strings[2 * STEPS_MAX]; /* that steps borrow */
    size_t string_count;
    const char *condition; /* of a system call without arguments: when it is allowed */
};

/* Keeps a malloc'd string until the end. */
static const char *keep(struct why *why, char *text)
{
    if (text && why->string_count < ARRAY_COUNT(why->strings))
        why->strings[why->string_count++] = text;
    return text;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* What cannot be looked at may be there. */
static bool is_absent(const char *path)
{
    return !is_there(path) && errno == ENOENT;
}

/* The next step; it comes filled with zeros. */
static struct denial *add_step(struct why *why, enum operation_kind kind, const char *object)
{
    struct denial *step = &why->steps[why->step_count];
    if (why->step_count + 1 < STEPS_MAX)
        why->step_count++;
    *step = (struct denial){.kind = kind, .object = object, .is_there = is_there};
    return step;
}

/* The system call of a step; architectures have the modern ones alone. */
static void set_call(struct why *why, struct denial *step, const char *call, const uint64_t args[4])
{
    const struct sys_call *row = arch_call_by_name(why->arch, call);
    if (!row)
        return;
    step->call = (struct call_event){.arch = why->arch, .nr = row->nr};
    for (size_t i = 0; i < 4; i++)
        step->call.args[i] = args[i];
}
#define ARGS(...) ((const uint64_t[4]){__VA_ARGS__})
#define POINTER 0x1000 /* of what a filter cannot look at */

/* Says where the object of a step leads, and what is there. */
static int set_path(struct why *why, struct denial *step, enum path_kind *kind)
{
    enum path_kind ignored;
    kind = kind ? kind : &ignored;
    char *absolute CLEAN_FREE = path_normalise(step->object, why->options.cwd);
    char *real = NULL;
    int result = absolute ? host_look(NULL, absolute, &real, kind) : -ENOMEM;
    if (result == -EACCES) { /* the system's own word; ours is about the name */
        free(real);
        real = strdup(absolute);
        *kind = PATH_UNKNOWN;
        result = real ? 0 : -ENOMEM;
    }
    if (result < 0) {
        cli_error(name, "cannot look at %s: %s", step->object, strerror(-result));
        return EXIT_SETUP;
    }
    step->object = keep(why, take_ptr(absolute));
    step->real = keep(why, real);
    why->exists[step - why->steps] = *kind != PATH_ABSENT;
    return 0;
}

/* ---------------------------------------------------------------- questions */

static int open_letters(struct why *why, bool *read, bool *write, bool *create)
{
    bool more = true;
    for (; more && why->word_count && why->words[0][0] == '-' && why->words[0][1]; why->words++) {
        more = strcmp(why->words[0], "--") != 0;
        for (const char *at = why->words[0] + 1; more && *at; at++) {
            if (!strchr("rwc", *at))
                return cli_usage_error(name, "open takes -r, -w and -c, not -%s", at);
            *read |= *at == 'r';
            *write |= *at == 'w';
            *create |= *at == 'c';
        }
        why->word_count--;
    }
    *write |= *create && !*read;
    *read |= !*write;
    return 0;
}

static int ask_open(struct why *why)
{
    bool read = false, write = false, create = false;
    enum path_kind found;
    int status = open_letters(why, &read, &write, &create);
    if (status != 0)
        return status;
    if (why->word_count != 1 || !why->words[0][0])
        return cli_usage_error(name, "open wants one path");
    enum operation_kind kind = !write ? OP_OPEN_READ : read ? OP_OPEN_READ_WRITE : OP_OPEN_WRITE;
    struct denial *step = add_step(why, kind, why->words[0]);
    status = set_path(why, step, &found);
    if (status != 0)
        return status;
    bool list = found == PATH_DIRECTORY && !write && !create;
    step->kind = list ? OP_LIST : kind;
    step->creates = create && found == PATH_ABSENT;
    int flags = (write ? read ? O_RDWR : O_WRONLY : O_RDONLY) | (create ? O_CREAT : 0) |
                (list ? O_DIRECTORY : 0);
    set_call(why, step, "openat", ARGS((uint64_t)AT_FDCWD, POINTER, (uint64_t)flags, 0644));
    return 0;
}

static void ask_socket(struct why *why, int family)
{
    struct denial *step = add_step(why, OP_CONNECT, why->words[0]);
    set_call(why, step, "socket", ARGS((uint64_t)family, SOCK_STREAM));
    step = add_step(why, OP_CONNECT, why->words[0]);
    set_call(why, step, "connect", ARGS(3, POINTER, 16));
}

static int ask_unix(struct why *why, const char *path)
{
    if (path[0] == '\0')
        return cli_usage_error(name, "unix: wants a path behind it");
    if (path[0] == '@')
        return cli_usage_error(name, "abstract sockets have no path: those of other programs are "
                                     "out of reach with Landlock ABI 6, see 'vow doctor'");
    ask_socket(why, AF_UNIX);
    why->main_step = why->step_count;
    return set_path(why, add_step(why, OP_CONNECT, path), NULL);
}

/* Takes "HOST:PORT" and "[ADDRESS]:PORT" apart, in place. NULL, or what is wrong. */
static const char *split_target(char *target, char **host, uint16_t *port)
{
    char *colon = strrchr(target, ':'), *end;
    if (!colon || colon == target)
        return "is neither HOST:PORT nor unix:PATH";
    unsigned long number = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end || number < 1 || number > UINT16_MAX)
        return "has no port from 1 to 65535";
    *port = (uint16_t)number;
    *colon = '\0';
    *host = target;
    size_t size = strlen(target);
    if (target[0] != '[' && target[size - 1] != ']')
        return NULL;
    if (size < 3 || target[0] != '[' || target[size - 1] != ']')
        return "has brackets that hold no address";
    target[size - 1] = '\0';
    ++*host;
    return NULL;
}

static int ask_connect(struct why *why)
{
    if (why->word_count != 1)
        return cli_usage_error(name, "connect wants HOST:PORT or unix:PATH");
    const char *target = why->words[0];
    if (strncmp(target, "unix:", 5) == 0)
        return ask_unix(why, target + 5);
    char *copy CLEAN_FREE = strdup(target), *host;
    uint16_t port;
    const char *wrong = copy ? split_target(copy, &host, &port) : "is too much for the memory";
    if (wrong)
        return cli_usage_error(name, "'%s' %s", target, wrong);
    struct in6_addr address;
    bool v6 = inet_pton(AF_INET6, host, &address) == 1;
    if (host != copy && !v6)
        return cli_usage_error(name, "'%s' has brackets that hold no address", target);
    ask_socket(why, v6 ? AF_INET6 : AF_INET);
    why->main_step = why->step_count - 1;
    why->steps[why->main_step].port = port;
    if (v6 || inet_pton(AF_INET, host, &address) == 1)
        return 0;
    return set_path(why, add_step(why, OP_OPEN_READ, "/etc/resolv.conf"), NULL);
}

static int add_exec(struct why *why, const char *path)
{
    struct denial *step = add_step(why, OP_EXEC, path);
    set_call(why, step, "execve", ARGS(POINTER, POINTER, POINTER));
    return set_path(why, step, NULL);
}

static int ask_exec(struct why *why)
{
    char *argv[] = {why->word_count == 1 ? why->words[0] : NULL, NULL};
    struct start start;
    struct err err;
    int status = 0;
    if (!argv[0])
        return cli_usage_error(name, "exec wants one program");
    struct start_request request = {argv, environ, true};
    if (start_find(&request, &start, &status, &err) < 0) {
        cli_error(name, "%s", err.text);
        return status;
    }
    for (size_t i = 0; i < start.step_count && status == 0; i++)
        status = add_exec(why, keep(why, strdup(start.steps[i].path)));
    const char *loader = start_last(&start)->elf.interp;
    if (status == 0 && loader)
        status = add_exec(why, keep(why, strdup(loader)));
    start_free(&start);
    return status;
}

/* Without arguments: allowed if a family allows it whatever they are, or under
 * a condition that is then told. */
static void judge_bare_call(struct why *why, const struct sys_call *call, struct denial *step)
{
    const struct policy *p = &why->options.policy;
    const struct grant *grants = call_grants(call);
    struct str conditions CLEAN_STR = {0};
    for (size_t i = 0; i < call_rules(call)->grant_count; i++) {
        const char *words = grant_words(why->arch, &grants[i]);
        if (!family_granted(grants[i].family, p->promises))
            continue;
        if (!words[0])
            return; /* zeros are as good as anything */
        str_addf(&conditions, "%s%s", conditions.size ? "; or " : "", words);
    }
    if (conditions.size) {
        why->condition = keep(why, str_take(&conditions));
        step->call.arch = NULL; /* nothing is left to judge */
        step->verdict.call = call;
    }
}

static int ask_syscall(struct why *why)
{
    struct call_event event;
    if (why->word_count < 1)
        return cli_usage_error(name, "syscall wants a name");
    int status = cli_parse_call(name, why->arch, why->words, &event);
    if (status != 0)
        return status;
    struct denial *step = add_step(why, OP_NONE, NULL);
    step->call = event;
    const struct sys_call *call = arch_call(why->arch, event.nr);
    if (why->word_count == 1 && call)
        judge_bare_call(why, call, step);
    return 0;
}

static const struct verb {
    const char *name;
    int (*ask)(struct why *why);
} verbs[] = {
    {"open", ask_open}, {"connect", ask_connect}, {"exec", ask_exec}, {"syscall", ask_syscall}};

static const char *verb_name(size_t index)
{
    return verbs[index].name;
}

static int ask(struct why *why)
{
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
        if (strcmp(why->verb, verbs[i].name) == 0)
            return verbs[i].ask(why);
    const char *near = word_nearest(why->verb, strlen(why->verb), verb_name, ARRAY_COUNT(verbs));
    if (near)
        return cli_usage_error(name, "no question '%s'; did you mean '%s'?", why->verb, near);
    return cli_usage_error(name, "no question '%s': there are open, connect, exec and syscall",
                           why->verb);
}

/* ------------------------------------------------------------------ answers */

static const char *word_of(enum answer answer)
{
    static const char *const words[] = {[ANSWER_NONE] = "none",
                                        [ANSWER_ALLOW] = "allow",
                                        [ANSWER_DENY] = "deny",
                                        [ANSWER_HIDE] = "hide"};
    return words[answer];
}

/* What BPF says: of the call where there is one, else of the operation. */
static enum answer bpf_of(const struct denial *step)
{
    return step->call.arch ? step->verdict.bpf : step->path.bpf;
}

static void print_party(const char *party, enum answer answer, const char *idle)
{
    static const char *const says[] = {
        [ANSWER_ALLOW] = "allows it", [ANSWER_DENY] = "denies it", [ANSWER_HIDE] = "hides it"};
    printf("  %-9s %s\n", party, answer == ANSWER_NONE ? idle : says[answer]);
}

static void print_rule(const struct path_rule *rule)
{
    static const char *const origins[] = {
        [ORIGIN_USER] = "yours",
        [ORIGIN_SYSTEM] = "a default for the system",
        [ORIGIN_WORKDIR] = "a default for the working directory",
        [ORIGIN_CLOSURE] = "the program's own files",
        [ORIGIN_PROMISE] = "a promise opens it",
        [ORIGIN_PRIVATE] = "the private directory",
    };
    struct str text CLEAN_STR = {0}, word CLEAN_STR = {0};
    perms_print(&text, rule->perms);
    str_addf(&text, ":%s", rule->path);
    quote_shell(&word, str_get(&text));
    printf("  %-9s %s (%s)\n", "rule", str_get(&word), origins[rule->origin]);
}

static void print_text(const struct why *why, const struct denial *step, bool allowed)
{
    struct str words CLEAN_STR = {0}, advice CLEAN_STR = {0};
    if (allowed)
        operation_words(&words, step);
    else
        denial_words(&words, step);
    printf("%s: %s\n", allowed ? "allowed" : "denied", str_get(&words));
    if (why->condition)
        printf("  only if   %s\n", why->condition);
    else
        print_party("seccomp", bpf_of(step), "is not asked");
    if (step->port && step->path.landlock != ANSWER_NONE)
        print_party("Landlock", step->path.landlock, "");
    if (step->real) {
        print_party("Landlock", step->path.landlock,
                    why->options.policy.landlock_abi < 1 ? "is not there"
                                                         : "does not look at this");
        print_party("view", step->path.view, "there is none");
        if (step->path.rule)
            print_rule(step->path.rule);
    }
    bool makes = step->creates || step->kind == OP_CREATE || step->kind == OP_BIND;
    if (step->real && !makes && is_absent(step->real))
        printf("  %-9s nothing is there: it fails without vow as well\n", "note");
    if (allowed)
        return;
    denial_advice(&advice, step);
    printf("  %-9s %s\n", "add", advice.size ? str_get(&advice) : "nothing would allow it");
}

static void print_json(const struct why *why, const struct denial *step, bool allowed)
{
    struct str words CLEAN_STR = {0};
    if (allowed)
        operation_words(&words, step);
    else
        denial_words(&words, step);
    json_t *object =
        json_pack("{s:b, s:s, s:s, s:s, s:s}", "allowed", allowed, "text", str_get(&words),
                  "seccomp", why->condition ? "condition" : word_of(bpf_of(step)), "landlock",
                  word_of(step->path.landlock), "view", word_of(step->path.view));
    json_set_missing(object, &step->remedy);
    if (why->condition)
        json_object_set_new(object, "condition", json_string(why->condition));
    char *line = json_dumps(object, JSON_COMPACT);
    puts(line ? line : "{}");
    free(line);
    json_decref(object);
}

/* What is in the host's /tmp is not in the program's own. */
static bool is_out_of_sight(struct denial *step, bool exists)
{
    bool hidden = exists && denial_out_of_sight(step);
    if (hidden)
        denial_hide(step);
    return hidden;
}

/* Tells the first step that is denied, or the main one. */
static int answer(struct why *why)
{
    size_t i = 0;
    while (i < why->step_count && !denial_judge(&why->options.policy, &why->steps[i]) &&
           !is_out_of_sight(&why->steps[i], why->exists[i]))
        i++;
    bool allowed = i == why->step_count;
    const struct denial *told = &why->steps[allowed ? why->main_step : i];
    (why->json ? print_json : print_text)(why, told, allowed);
    int flushed = cli_flush(name);
    return flushed ? EXIT_SETUP : allowed ? 0 : 1;
}

/* ------------------------------------------------------------- command line */

/* One option of our own; 0 or an exit status. */
static int parse_option(struct why *why, int argc, char **argv, int *index)
{
    const char *arch = cli_option_value("--arch", argc, argv, index);
    if (arch)
        return cli_choose_arch(name, arch, &why->arch);
    if (strcmp(argv[*index], "--json") != 0)
        return cli_no_option(name, argv[*index]);
    why->json = true;
    ++*index;
    return 0;
}

/* 0, an exit status, or -1: help was asked for. */
static int parse(struct why *why, int argc, char **argv)
{
    int index = 1, status = 0;
    while (status == 0 && index < argc && argv[index][0] == '-' && strcmp(argv[index], "--") != 0) {
        if (strcmp(argv[index], "--help") == 0 || strcmp(argv[index], "-h") == 0)
            return -1;
        int taken = policy_option(&why->options, name, argc, argv, &index);
        if (taken <= 0)
            status = taken < 0 ? EXIT_USAGE : parse_option(why, argc, argv, &index);
    }
    index += index < argc && strcmp(argv[index], "--") == 0;
    if (status == 0 && index >= argc)
        return cli_usage_error(name, "no question: open, connect, exec or syscall");
    why->verb = argv[index];
    why->words = argv + index + 1;
    why->word_count = (size_t)(argc - index - 1);
    return status;
}

static int run(struct why *why, int argc, char **argv)
{
    char *note CLEAN_FREE = NULL;
    int status = parse(why, argc, argv);
    if (status == -1) {
        printf("%s%s", usage, policy_options_help);
        return cli_flush(name);
    }
    if (status == 0)
        status = policy_options_finish(&why->options, name, NULL, &note);
    if (status == 0 && note)
        cli_error(name, "%s", note);
    if (status == 0)
        status = settle_policy(&why->options, name);
    if (status == 0)
        status = ask(why);
    return status == 0 ? answer(why) : status;
}

int cmd_why(int argc, char **argv)
{
    struct why why = {.arch = arch_native()};
    int status = policy_options_init(&why.options, name);
    if (status == 0)
        status = run(&why, argc, argv);
    for (size_t i = 0; i < why.step_count; i++)
        denial_free(&why.steps[i]);
    for (size_t i = 0; i < why.string_count; i++)
        free(why.strings[i]);
    policy_options_free(&why.options);
    return status;
}
