/* cli: one file for each subcommand; main.c is a table. */
#ifndef VOW_CLI_H
#define VOW_CLI_H

#include "arch/arch.h"
#include "policy/decide.h"
#include "policy/policy.h"

/* A subcommand: argv[0] is its name; returns the exit status. */
struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* one line for `vow help` */
};

/* Exit statuses of vow itself (of the wrapped program: its own). */
enum { EXIT_SETUP = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127, EXIT_USAGE = 2 };

/* cli_error: "vow NAME: …" to standard error. cli_usage_error: the same and a
 * pointer to --help; returns EXIT_USAGE. */
void cli_error(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);
int cli_usage_error(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* cli_no_option: for a word that looks like an option; the same. */
int cli_no_option(const char *name, const char *word);
/* cli_option_value: the value of `OPTION VALUE` or `OPTION=VALUE` at
 * argv[*index], which is then behind it; NULL if it is not there. */
const char *cli_option_value(const char *option, int argc, char **argv, int *index);

/* cli_parse_call: words[0] is a call's name or number, NULL-terminated numbers
 * behind it are its arguments. 0 or EXIT_USAGE, reported. */
int cli_parse_call(const char *name, const struct arch *arch, char *const *words,
                   struct call_event *out);

/* cli_choose_arch: --arch's word; 0 or EXIT_USAGE, reported. */
int cli_choose_arch(const char *name, const char *word, const struct arch **out);
/* cli_flush: 0, or EXIT_FAILURE and a message if standard output cannot be
 * written. */
int cli_flush(const char *name);

/* Policy options are the same in every subcommand that takes a policy:
 * -p, -v, --ro/--rw/--rox/--rwx, --policy, --preset, --view, --kill, --env,
 * --setenv, --env-all, --limit. Both `--x=y` and `--x y` are understood, and `-py`.
 * policy_option only collects them; policy_options_finish applies them in the
 * order in which they were given, a policy file as if its lines stood there.
 *
 * Without -p, --policy and --preset the preset of the program comes first, or
 * `stdio rpath` where it has none. */
struct policy_word; /* one option with its value */
struct policy_options {
    struct policy policy;
    char *cwd;       /* absolute: what relative paths are relative to */
    const char *dir; /* where the program starts, if not there */
    struct policy_word *words;
    size_t word_count, word_capacity;
    /* What the user did not say and finish chose: "--preset" "git", or "-p"
     * "stdio rpath"; NULL if nothing. */
    const char *implied_option, *implied_value;
};
/* policy_options_init: 0 or an exit status. */
int policy_options_init(struct policy_options *o, const char *name);
/* policy_option: tries argv[*index]; 1 = it was a policy option (index is
 * behind it), 0 = it was not, -1 = its value is missing (already reported). */
int policy_option(struct policy_options *o, const char *name, int argc, char **argv, int *index);
/* policy_options_finish: `program` is the word that is started, or NULL;
 * *note (may be NULL) is set to a malloc'd line that says what was chosen
 * where the user chose nothing. 0 or an exit status; errors are reported. */
int policy_options_finish(struct policy_options *o, const char *name, const char *program,
                          char **note);
void policy_options_free(struct policy_options *o);
/* policy_options_help: the lines of --help about them. */
extern const char policy_options_help[];

int cmd_run(int argc, char **argv);
/* cmd_run_script: the same for a policy file that is a script ("#!… run
 * --policy"); here argv[0] is vow itself. */
int cmd_run_script(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_filter(int argc, char **argv);
int cmd_promises(int argc, char **argv);
int cmd_box(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_export(int argc, char **argv);

#endif
