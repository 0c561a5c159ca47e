/* vow promises: what each promise allows, in words or down to the calls. */
#include "arch/arch.h"
#include "cli/cli.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define NAME "promises"
#define WIDTH 100
#define INDENT 6

static const char usage[] =
    "usage: vow promises [--syscalls] [--arch ARCH] [--json] [PROMISE…]\n"
    "\n"
    "Prints the promises, or those named, and what each allows.\n"
    "\n"
    "  --syscalls   down to the system calls and the conditions on their arguments\n"
    "  --arch ARCH  for this architecture instead of this machine's\n"
    "  --json       for programs\n"
    "  --help       this text\n";

struct request {
    promise_set promises;
    const struct arch *arch;
    bool syscalls, json;
};

static promise_set bit(enum promise promise)
{
    return UINT64_C(1) << promise;
}

/* The next clause under which a family allows a call, NULL behind the last;
 * *index starts at 0. */
static const struct grant *next_grant(const struct sys_call *call, unsigned family, size_t *index)
{
    const struct grant *grants = call_grants(call);
    while (*index < call_rules(call)->grant_count)
        if (grants[(*index)++].family == family)
            return &grants[*index - 1];
    return NULL;
}

/* Text ----------------------------------------------------------------------*/

/* Prints a word behind others, on a new line where it does not fit. */
static int put_word(int column, int indent, const char *word, int size)
{
    if (column && column + 1 + size > WIDTH) {
        putchar('\n');
        column = 0;
    }
    return column +
           (column ? printf(" %.*s", size, word) : printf("%*s%.*s", indent, "", size, word));
}

static int put_name(int column, const struct sys_call *call)
{
    column = put_word(column, INDENT, call_name(call), (int)strlen(call_name(call)));
    return column + (call->opaque ? printf("*") : 0);
}

/* The calls that the family allows whatever their arguments, side by side. */
static void print_free_calls(const struct arch_table *table, unsigned family)
{
    int column = 0;
    for (const struct sys_call *c = table->calls; c < table->calls + table->call_count; c++) {
        size_t index = 0;
        const struct grant *grant = next_grant(c, family, &index);
        if (grant && !*grant_words(table->arch, grant))
            column = put_name(column, c);
    }
    if (column)
        putchar('\n');
}

static void print_clause(const struct sys_call *call, const char *words)
{
    int column = put_name(0, call);
    while (*words) {
        size_t size = strcspn(words, " ");
        column = put_word(column, INDENT + 4, words, (int)size);
        words += size + strspn(words + size, " ");
    }
    putchar('\n');
}

/* The others, a line for each clause. */
static void print_judged_calls(const struct arch_table *table, unsigned family)
{
    for (const struct sys_call *c = table->calls; c < table->calls + table->call_count; c++) {
        size_t index = 0;
        const struct grant *grant;
        while ((grant = next_grant(c, family, &index)))
            if (*grant_words(table->arch, grant))
                print_clause(c, grant_words(table->arch, grant));
    }
}

static bool has_calls(const struct arch_table *table, unsigned family)
{
    for (size_t i = 0; i < table->call_count; i++) {
        size_t index = 0;
        if (next_grant(&table->calls[i], family, &index))
            return true;
    }
    return false;
}

static void print_family(const struct arch_table *table, unsigned family, promise_set others)
{
    if (!has_calls(table, family))
        return; /* socketcall's, on most architectures */
    CLEAN_STR struct str with = {0};
    promises_print(&with, others);
    printf("  %s%s%s%s\n", family_words(family), others ? " (with " : "", str_get(&with),
           others ? ")" : "");
    print_free_calls(table, family);
    print_judged_calls(table, family);
}

/* The families that a promise grants, alone or with others; promise 0: those
 * that every policy has. */
static void print_families(const struct arch *arch, promise_set promise)
{
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        size_t count;
        const promise_set *sets = family_sets(family, &count);
        for (size_t i = 0; i < count; i++)
            if ((sets[i] & promise) == promise && (promise || sets[i] == 0))
                print_family(arch_table(arch->id), family, sets[i] & ~promise);
    }
}

static void print_text(const struct request *request)
{
    const char *gap = "";
    if (request->syscalls) {
        printf("On %s. a0 is a call's first argument. *: what matters is in memory, where the\n"
               "filter cannot look.\n\nAlways:\n",
               request->arch->name);
        print_families(request->arch, 0);
        gap = "\n";
    }
    for (enum promise p = 0; p < PROMISE_COUNT; p++) {
        if (!(request->promises & bit(p)))
            continue;
        printf("%s%-10s %s\n", gap, promise_name(p), promise_words(p));
        if (request->syscalls)
            print_families(request->arch, bit(p));
    }
}

/* JSON ----------------------------------------------------------------------*/

static json_t *set_json(promise_set set)
{
    json_t *names = json_array();
    for (enum promise p = 0; p < PROMISE_COUNT; p++)
        if (set & bit(p))
            json_array_append_new(names, json_string(promise_name(p)));
    return names;
}

/* {"name", "nr", "when": [conditions, any of them; absent: always], "opaque"},
 * NULL if the family does not have the call. */
static json_t *call_json(const struct arch *arch, const struct sys_call *call, unsigned family)
{
    size_t index = 0;
    const struct grant *grant = next_grant(call, family, &index);
    if (!grant)
        return NULL;
    json_t *object = json_pack("{s:s, s:I, s:b}", "name", call_name(call), "nr",
                               (json_int_t)call->nr, "opaque", call->opaque);
    json_t *when = json_array();
    for (; grant; grant = next_grant(call, family, &index))
        if (*grant_words(arch, grant))
            json_array_append_new(when, json_string(grant_words(arch, grant)));
    if (json_array_size(when))
        json_object_set(object, "when", when);
    json_decref(when);
    return object;
}

static json_t *family_json(const struct arch_table *table, unsigned family)
{
    size_t count;
    const promise_set *sets = family_sets(family, &count);
    json_t *granted_by = json_array(), *calls = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(granted_by, set_json(sets[i]));
    for (size_t i = 0; i < table->call_count; i++)
        json_array_append_new(calls, call_json(table->arch, &table->calls[i], family));
    return json_pack("{s:s, s:s, s:o, s:o}", "name", family_name(family), "words",
                     family_words(family), "granted_by", granted_by, "calls", calls);
}

/* Is one of the family's promise sets made of the wanted ones at least in part? */
static bool is_wanted(unsigned family, promise_set wanted)
{
    size_t count;
    const promise_set *sets = family_sets(family, &count);
    for (size_t i = 0; i < count; i++)
        if (sets[i] == 0 || sets[i] & wanted)
            return true;
    return false;
}

static void print_json(const struct request *request)
{
    json_t *promises = json_array(), *families = json_array();
    for (enum promise p = 0; p < PROMISE_COUNT; p++)
        if (request->promises & bit(p))
            json_array_append_new(promises,
                                  json_pack("{s:s, s:s, s:b}", "name", promise_name(p), "words",
                                            promise_words(p), "inert", promise_inert(p)));
    json_t *root = json_pack("{s:o}", "promises", promises);
    for (unsigned f = 0; request->syscalls && f < FAMILY_COUNT; f++)
        if (is_wanted(f, request->promises))
            json_array_append_new(families, family_json(arch_table(request->arch->id), f));
    if (request->syscalls) {
        json_object_set_new(root, "arch", json_string(request->arch->name));
        json_object_set(root, "families", families);
    }
    json_dumpf(root, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(families);
    json_decref(root);
}

/* The command line ----------------------------------------------------------*/

/* 0, or the exit status of a usage error. */
static int read_promises(struct request *request, int count, char **words)
{
    if (count == 0)
        request->promises = (UINT64_C(1) << PROMISE_COUNT) - 1;
    for (int i = 0; i < count; i++) {
        struct err err;
        promise_set set;
        if (promises_parse(words[i], &set, &err) != 0)
            return cli_usage_error(NAME, "%s", err.text);
        request->promises |= set;
    }
    return 0;
}

int cmd_promises(int argc, char **argv)
{
    static const struct option options[] = {{"syscalls", no_argument, NULL, 's'},
                                            {"arch", required_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {.arch = arch_native()};
    int status = 0;
    opterr = 0;
    for (int option; status == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's': request.syscalls = true; break;
        case 'j': request.json = true; break;
        case 'a': status = cli_choose_arch(NAME, optarg, &request.arch); break;
        case 'h': fputs(usage, stdout); return 0;
        default: status = cli_usage_error(NAME, "no option '%s'", argv[optind - 1]);
        }
    }
    if (status == 0)
        status = read_promises(&request, argc - optind, argv + optind);
    if (status != 0)
        return status;
    if (request.json)
        print_json(&request);
    else
        print_text(&request);
    return cli_flush(NAME);
}
