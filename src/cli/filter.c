/* vow filter: what a policy compiles to: printed, run on one call, compared. */
#include "bpf/bpf.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "filter"
#define FOREIGN RET_KILL_PROCESS

static const char usage[] =
    "usage: vow filter [POLICY OPTIONS] [--arch ARCH] [--json] [--raw FILE]\n"
    "       vow filter [POLICY OPTIONS] [--arch ARCH] [--json] --compare PROMISES\n"
    "       vow filter [POLICY OPTIONS] [--arch ARCH] [--json] --simulate CALL [ARGUMENT…]\n"
    "\n"
    "Prints the filter that a policy is compiled to, and its size. Path rules are not in\n"
    "it: they are Landlock's and the view's.\n"
    "\n"
    "  --arch ARCH          for this architecture instead of this machine's\n"
    "  --json               for programs\n"
    "  --raw FILE           write the instructions as seccomp(2) takes them; - is standard\n"
    "                       output\n"
    "  --compare PROMISES   print the calls that only one of two filters allows: the\n"
    "                       policy's, and that of the promises; exit status 1 if there are\n"
    "                       any\n"
    "  --simulate CALL …    run the filter on one call, a name or number, with arguments\n"
    "                       that are numbers; exit status 1 if it is denied\n"
    "  --help               this text\n"
    "\n"
    "Policy options:\n";

struct request {
    const struct arch *arch;
    const struct policy *policy;
    bool json;
    const char *raw, *compare;
    char **call; /* --simulate's words, NULL-terminated */
};

/* What is said of a filter besides its text. */
struct figures {
    size_t longest;  /* way of any call */
    size_t allowed;  /* calls, with some arguments at least */
    size_t ways;     /* the longest of each of them, in sum */
    size_t constant; /* of them in the kernel's bitmap */
};

/* The longest way on which a call is allowed, 0 if it is not. */
static size_t allowed_way(const struct program *program, const struct arch *arch, uint32_t nr)
{
    return bpf_longest_way(program,
                           &(struct bpf_way){.audit = arch->audit, .nr = nr, .end = RET_ALLOW});
}

static struct figures measure(const struct program *program, const struct arch *arch)
{
    const struct arch_table *table = arch_table(arch->id);
    struct figures f = {0};
    f.longest = bpf_longest_way(program, &(struct bpf_way){.any_call = true, .any_end = true});
    for (size_t i = 0; i < table->call_count; i++) {
        size_t way = allowed_way(program, arch, table->calls[i].nr);
        f.allowed += way > 0;
        f.ways += way;
        f.constant += bpf_constant(program, arch->audit, table->calls[i].nr);
    }
    return f;
}

static double mean_way(const struct figures *f)
{
    return f->allowed ? (double)f->ways / (double)f->allowed : 0;
}

/* Printing ------------------------------------------------------------------*/

static void print_text(const struct request *r, const struct program *program)
{
    struct figures f = measure(program, r->arch);
    CLEAN_STR struct str text = {0}, promises = {0};
    bpf_print(&text, program, r->arch);
    promises_print(&promises, r->policy->promises);
    printf("%s\n", str_get(&text));
    printf("'%s' on %s: %zu instructions\n", str_get(&promises), r->arch->name, program->count);
    printf("%zu calls are allowed, %zu of them whatever their arguments: these pass by the\n"
           "kernel's bitmap and never run the filter\n",
           f.allowed, f.constant);
    printf("longest way: %zu instructions\n", f.longest);
    printf("mean way: %.1f instructions, over the allowed calls, each by its longest\n",
           mean_way(&f));
}

static json_t *program_json(const struct program *program)
{
    json_t *list = json_array();
    for (size_t i = 0; i < program->count; i++)
        json_array_append_new(list,
                              json_pack("[i, i, i, I]", program->at[i].code, program->at[i].jt,
                                        program->at[i].jf, (json_int_t)program->at[i].k));
    return list;
}

static json_t *allowed_json(const struct program *program, const struct arch *arch)
{
    const struct arch_table *table = arch_table(arch->id);
    json_t *list = json_array();
    for (size_t i = 0; i < table->call_count; i++) {
        const struct sys_call *call = &table->calls[i];
        size_t way = allowed_way(program, arch, call->nr);
        if (way > 0)
            json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:b}", "name", call_name(call),
                                                  "nr", (json_int_t)call->nr, "longest_way",
                                                  (json_int_t)way, "bitmap",
                                                  bpf_constant(program, arch->audit, call->nr)));
    }
    return list;
}

static int print_object(json_t *object)
{
    if (!object) {
        cli_error(NAME, "out of memory");
        return EXIT_FAILURE;
    }
    json_dumpf(object, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(object);
    return 0;
}

static int print_filter(const struct request *r, const struct program *program)
{
    if (!r->json) {
        print_text(r, program);
        return 0;
    }
    struct figures f = measure(program, r->arch);
    CLEAN_STR struct str promises = {0};
    promises_print(&promises, r->policy->promises);
    return print_object(
        json_pack("{s:s, s:s, s:I, s:I, s:f, s:I, s:o, s:o}", "arch", r->arch->name, "promises",
                  str_get(&promises), "instructions", (json_int_t)program->count, "longest_way",
                  (json_int_t)f.longest, "mean_way", mean_way(&f), "bitmap", (json_int_t)f.constant,
                  "allowed", allowed_json(program, r->arch), "program", program_json(program)));
}

static int write_raw(const char *path, const struct program *program)
{
    bool to_stdout = strcmp(path, "-") == 0;
    FILE *file = to_stdout ? stdout : fopen(path, "we");
    bool written =
        file && fwrite(program->at, sizeof *program->at, program->count, file) == program->count;
    int error = errno;
    if (file && (to_stdout ? fflush(file) : fclose(file)) != 0) {
        written = false;
        error = errno;
    }
    if (!written)
        cli_error(NAME, "cannot write %s: %s", path, strerror(error));
    return written ? 0 : EXIT_FAILURE;
}

/* One call ------------------------------------------------------------------*/

static int simulate(const struct request *r, const struct program *program)
{
    struct call_event call = {0};
    int status = cli_parse_call(NAME, r->arch, r->call, &call);
    if (status != 0)
        return status;
    struct seccomp_event event = {.nr = call.nr, .arch = r->arch->audit};
    memcpy(event.args, call.args, sizeof event.args);
    uint32_t ret;
    size_t steps;
    if (bpf_run(program, r->arch, &event, &ret, &steps) != 0) {
        cli_error(NAME, "the filter does not end: a mistake in vow, please report it");
        return EXIT_FAILURE;
    }
    CLEAN_STR struct str words = {0};
    bpf_print_ret(&words, ret, r->arch);
    bool bitmap = bpf_constant(program, r->arch->audit, call.nr);
    if (r->json)
        status = print_object(json_pack("{s:s, s:I, s:I, s:b, s:b}", "answer", str_get(&words),
                                        "return", (json_int_t)ret, "steps", (json_int_t)steps,
                                        "allowed", ret == RET_ALLOW, "bitmap", bitmap));
    else
        printf("%s, after %zu instructions%s\n", str_get(&words), steps,
               bitmap ? "; the kernel's bitmap has it" : "");
    return status != 0 ? status : ret == RET_ALLOW ? 0 : 1;
}

/* Two filters ---------------------------------------------------------------*/

/* What only one of the two filters allows. */
struct extra {
    const struct sys_call *call; /* NULL: a number that no call has */
    struct seccomp_event event;  /* an example */
    bool second;                 /* the second one allows it */
    bool whatever;               /* whatever the arguments, and the other never */
};

struct extras {
    struct extra *at;
    size_t count, capacity;
    bool failed;
};

/* One entry for each call and side: the first example. */
static void note_extra(void *context, const struct sys_call *call, const struct difference *d)
{
    struct extras *extras = context;
    bool second = d->second == RET_ALLOW;
    if (second == (d->first == RET_ALLOW))
        return; /* denied in different ways */
    for (size_t i = 0; i < extras->count; i++)
        if (extras->at[i].event.nr == d->event.nr && extras->at[i].second == second)
            return;
    if (array_grow((void **)&extras->at, &extras->capacity, extras->count, sizeof *extras->at))
        extras->failed = true;
    else
        extras->at[extras->count++] = (struct extra){call, d->event, second, false};
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct extra *)a)->event.nr, y = ((const struct extra *)b)->event.nr;
    return (x > y) - (x < y);
}

static void print_extra(const struct extra *extra)
{
    if (extra->call)
        printf("  %s", call_name(extra->call));
    else
        printf("  call %u", extra->event.nr);
    size_t count = ARRAY_COUNT(extra->event.args);
    while (count > 0 && extra->event.args[count - 1] == 0)
        count--;
    for (size_t i = 0; !extra->whatever && i < (count ? count : 1); i++)
        printf("%s0x%jx", i ? ", " : ", for example with (", (uintmax_t)extra->event.args[i]);
    puts(extra->whatever ? "" : ")");
}

static size_t print_side(const struct extras *extras, bool second)
{
    size_t count = 0;
    for (size_t i = 0; i < extras->count; i++) {
        if (extras->at[i].second != second)
            continue;
        if (count++ == 0)
            printf("the %s also allows:\n", second ? "second" : "first");
        print_extra(&extras->at[i]);
    }
    return count;
}

static json_t *extra_json(const struct extra *extra)
{
    json_t *args = json_array();
    for (size_t i = 0; i < ARRAY_COUNT(extra->event.args); i++)
        json_array_append_new(args, json_sprintf("0x%jx", (uintmax_t)extra->event.args[i]));
    return json_pack("{s:s?, s:I, s:s, s:b, s:o}", "name",
                     extra->call ? call_name(extra->call) : NULL, "nr", (json_int_t)extra->event.nr,
                     "allowed_by", extra->second ? "second" : "first", "whatever_arguments",
                     extra->whatever, "example", args);
}

/* 0 if both allow the same, 1 if not. */
static int print_extras(const struct request *r, const struct extras *extras)
{
    int status = extras->count > 0;
    if (r->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < extras->count; i++)
            json_array_append_new(list, extra_json(&extras->at[i]));
        return print_object(list) ? EXIT_FAILURE : status;
    }
    if (print_side(extras, true) + print_side(extras, false) == 0)
        puts("both allow the same calls");
    return status;
}

static int compile(const struct request *r, const struct policy *policy, struct program *out)
{
    struct filter_mode mode = {.deny = policy->kill ? RET_KILL_PROCESS : 0};
    struct ruleset set;
    struct err err;
    int result = ruleset_from_policy(policy, r->arch, &mode, &set, &err);
    if (result == 0) {
        result = bpf_compile((const struct ruleset *[]){&set}, 1, FOREIGN, out, &err);
        ruleset_free(&set);
    }
    if (result != 0)
        cli_error(NAME, "%s", err.text);
    return result == 0 ? 0 : EXIT_FAILURE;
}

static int compare(const struct request *r, const struct program *first)
{
    struct policy policy = *r->policy; /* nothing of it is freed */
    struct program second;
    struct err err;
    if (promises_parse(r->compare, &policy.promises, &err) != 0)
        return cli_usage_error(NAME, "--compare: %s", err.text);
    int status = compile(r, &policy, &second);
    if (status != 0)
        return status;
    struct extras extras = {0};
    if (bpf_compare(first, &second, r->arch, note_extra, &extras) != 0 || extras.failed) {
        cli_error(NAME, "cannot compare: out of memory");
        status = EXIT_FAILURE;
    }
    for (size_t i = 0; i < extras.count; i++) {
        struct extra *e = &extras.at[i];
        const struct program *mine = e->second ? &second : first;
        const struct program *other = e->second ? first : &second;
        e->whatever = bpf_constant(mine, r->arch->audit, e->event.nr) &&
                      allowed_way(other, r->arch, e->event.nr) == 0;
    }
    if (extras.count > 0)
        qsort(extras.at, extras.count, sizeof *extras.at, by_number);
    if (status == 0)
        status = print_extras(r, &extras);
    free(extras.at);
    program_free(&second);
    return status;
}

/* The command line ----------------------------------------------------------*/

static int answer(const struct request *r)
{
    struct program program;
    int status = compile(r, r->policy, &program);
    if (status != 0)
        return status;
    if (r->call)
        status = simulate(r, &program);
    else if (r->compare)
        status = compare(r, &program);
    else if (r->raw)
        status = write_raw(r->raw, &program);
    else
        status = print_filter(r, &program);
    program_free(&program);
    int flushed = cli_flush(NAME);
    return flushed ? flushed : status;
}

/* One option of our own; 0 or an exit status. */
static int parse_option(struct request *r, int argc, char **argv, int *index)
{
    const char *value;
    if (strcmp(argv[*index], "--json") == 0) {
        r->json = true;
        ++*index;
    } else if (strcmp(argv[*index], "--simulate") == 0 && *index + 1 < argc) {
        r->call = argv + *index + 1;
        *index = argc;
    } else if ((value = cli_option_value("--arch", argc, argv, index))) {
        return cli_choose_arch(NAME, value, &r->arch);
    } else if ((value = cli_option_value("--raw", argc, argv, index))) {
        r->raw = value;
    } else if ((value = cli_option_value("--compare", argc, argv, index))) {
        r->compare = value;
    } else {
        return cli_no_option(NAME, argv[*index]);
    }
    return 0;
}

int cmd_filter(int argc, char **argv)
{
    struct policy_options options;
    int status = policy_options_init(&options, NAME);
    struct request request = {.arch = arch_native(), .policy = &options.policy};
    CLEAN_FREE char *note = NULL;
    for (int index = 1; status == 0 && index < argc;) {
        if (strcmp(argv[index], "--help") == 0) {
            printf("%s%s", usage, policy_options_help);
            policy_options_free(&options);
            return cli_flush(NAME);
        }
        int taken = policy_option(&options, NAME, argc, argv, &index);
        if (taken < 0)
            status = EXIT_USAGE;
        else if (taken == 0)
            status = parse_option(&request, argc, argv, &index);
    }
    if (status == 0)
        status = policy_options_finish(&options, NAME, NULL, &note);
    if (status == 0 && note)
        cli_error(NAME, "%s", note);
    if (status == 0)
        status = answer(&request);
    policy_options_free(&options);
    return status;
}
