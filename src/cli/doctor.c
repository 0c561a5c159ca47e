/* doctor: `vow doctor`, what this machine can enforce.
 *
 * A row of the table is one thing that vow promises to hold. It needs a
 * version of Landlock or a view, or holds by either; where what it needs is
 * missing, the row says what happens then and what to do about it. */
#include "cli/cli.h"
#include "enforce/view.h"
#include "host/probe.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const char name[] = "doctor";

enum level { EXACTLY, APPROXIMATELY, NOT_AT_ALL, LEVEL_COUNT };
static const char *const levels[LEVEL_COUNT] = {"exactly", "approximately", "not at all"};

/* What was found out about the machine. `text` of what is missing says why. */
struct machine {
    int filters, landlock, view, listener; /* -errno, else there; landlock: its ABI */
    struct err no_filters, no_landlock, no_view, no_listener;
    struct utsname kernel;
};

/* What a row needs. */
enum need { NEED_FILTERS, NEED_LANDLOCK, NEED_VIEW, NEED_LISTENER };

static const struct row {
    const char *what, *held; /* what is held, and by what */
    enum need need;
    int abi;            /* of Landlock, where it alone or it instead of a view is enough */
    enum level without; /* how well it is held otherwise … */
    const char *then;   /* … and what that means */
    const char *kernel; /* that has this ABI */
} rows[] = {
    {"system calls", "a filter judges each call and its arguments", NEED_FILTERS, 0, NOT_AT_ALL,
     "vow does not run anything", NULL},
    {"files", "Landlock opens, creates and removes what path rules allow", NEED_LANDLOCK, 1,
     NOT_AT_ALL, "with --best-effort only a view hides files", NULL},
    {"renaming between directories", "Landlock allows it where both sides are granted",
     NEED_LANDLOCK, 2, APPROXIMATELY, "it always fails", "5.19"},
    {"truncating", "Landlock asks for w", NEED_LANDLOCK, 3, NOT_AT_ALL,
     "truncate() reaches every file that the user may write", "6.2"},
    {"device commands", "the filter judges the command, Landlock the device", NEED_LANDLOCK, 5,
     APPROXIMATELY, "the filter judges the command, on whatever device is open", "6.10"},
    {"signals", "they stay inside the run", NEED_LANDLOCK, 6, NOT_AT_ALL,
     "they reach other processes of the same user", "6.12"},
    {"abstract unix sockets", "those of other programs are out of reach", NEED_LANDLOCK, 6,
     NOT_AT_ALL, "with the promise unix those of other programs can be connected to", "6.12"},
    {"unix sockets of files", "a path rule has to show them", NEED_VIEW, 9, NOT_AT_ALL,
     "with the promise unix each that the user may use can be connected to", NULL},
    {"names, sizes and times of files",
     "outside /etc, /proc and /sys, what no rule shows is not there", NEED_VIEW, 0, NOT_AT_ALL,
     "stat shows them; Landlock keeps the contents", NULL},
    {"modes and owners of files", "the view is read-only where no rule has w or c", NEED_VIEW, 0,
     NOT_AT_ALL, "with fattr or chown those of every file of the user can be changed", NULL},
    {"code that the program wrote", "the view lets none be mapped executable", NEED_VIEW, 0,
     NOT_AT_ALL, "it can be mapped executable although prot_exec is not promised", NULL},
    {"rules below rules", "a rule may take away from the one above it", NEED_VIEW, 0, NOT_AT_ALL,
     "such a policy is refused", NULL},
    {"explanations", "a supervisor is told what was denied", NEED_LISTENER, 0, NOT_AT_ALL,
     "denials stay what they are, without a word", NULL},
};

static void examine(struct machine *m)
{
    *m = (struct machine){0};
    m->filters = probe_filters(&m->no_filters);
    m->landlock = probe_landlock(&m->no_landlock);
    m->view = view_probe(&m->no_view);
    m->listener = probe_listener(&m->no_listener);
    uname(&m->kernel);
}

static bool is_held(const struct row *row, const struct machine *m)
{
    if (row->abi && m->landlock >= row->abi)
        return true;
    switch (row->need) {
    case NEED_FILTERS: return m->filters >= 0;
    case NEED_LANDLOCK: return false;
    case NEED_VIEW: return m->view >= 0;
    case NEED_LISTENER: return m->listener >= 0;
    }
    return false;
}

/* What to do about a row that is not held. */
static void add_remedy(struct str *out, const struct row *row, const struct machine *m)
{
    switch (row->need) {
    case NEED_FILTERS: str_add(out, m->no_filters.text); break;
    case NEED_LANDLOCK:
        if (m->landlock < 0)
            str_add(out, m->no_landlock.text);
        else
            str_addf(out, "Linux %s or newer", row->kernel);
        break;
    case NEED_VIEW: str_add(out, m->no_view.text); break;
    case NEED_LISTENER: str_add(out, m->no_listener.text); break;
    }
}

static enum level level_of(const struct row *row, const struct machine *m)
{
    return is_held(row, m) ? EXACTLY : row->without;
}

/* The next row of a level from `i` on, NULL at the end. */
static const struct row *next_row(size_t *i, enum level level, const struct machine *m)
{
    for (; *i < ARRAY_COUNT(rows); ++*i)
        if (level_of(&rows[*i], m) == level)
            return &rows[(*i)++];
    return NULL;
}

/* The rows of a level; what helps several in a row stands once, behind them. */
static void print_level(struct str *out, enum level level, const struct machine *m)
{
    size_t i = 0;
    const struct row *row = next_row(&i, level, m);
    if (row)
        str_addf(out, "\nenforced %s\n", levels[level]);
    while (row) {
        const struct row *next = next_row(&i, level, m);
        bool held = is_held(row, m);
        str_addf(out, "  %-33s%s\n", row->what, held ? row->held : row->then);
        CLEAN_STR struct str remedy = {0}, other = {0};
        if (!held)
            add_remedy(&remedy, row, m);
        if (next && !held)
            add_remedy(&other, next, m);
        if (remedy.size > 0 && strcmp(str_get(&remedy), str_get(&other)) != 0)
            str_addf(out, "    → %s\n", str_get(&remedy));
        row = next;
    }
}

static void print_text(struct str *out, const struct machine *m)
{
    str_addf(out, "%s %s, %s, Landlock ", m->kernel.sysname, m->kernel.release, m->kernel.machine);
    str_addf(out, m->landlock > 0 ? "ABI %d\n" : "not there\n", m->landlock);
    for (enum level level = 0; level < LEVEL_COUNT; level++)
        print_level(out, level, m);
}

static json_t *row_json(const struct row *row, const struct machine *m)
{
    bool held = is_held(row, m);
    CLEAN_STR struct str advice = {0};
    if (!held)
        add_remedy(&advice, row, m);
    return json_pack("{s:s, s:s, s:s, s:s*}", "what", row->what, "held", levels[level_of(row, m)],
                     "detail", held ? row->held : row->then, "remedy",
                     held ? NULL : str_get(&advice));
}

static void print_json(struct str *out, const struct machine *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        json_array_append_new(list, row_json(&rows[i], m));
    json_t *all =
        json_pack("{s:s, s:s, s:i, s:o}", "kernel", m->kernel.release, "machine", m->kernel.machine,
                  "landlock", m->landlock > 0 ? m->landlock : 0, "findings", list);
    char *text = json_dumps(all, JSON_INDENT(2));
    if (text)
        str_addf(out, "%s\n", text);
    free(text);
    json_decref(all);
}

static int report(bool json)
{
    struct machine m;
    CLEAN_STR struct str out = {0};
    examine(&m);
    if (json)
        print_json(&out, &m);
    else
        print_text(&out, &m);
    if (out.failed || out.size == 0 || fputs(str_get(&out), stdout) < 0 || fflush(stdout) != 0) {
        cli_error(name, "standard output cannot be written");
        return EXIT_SETUP;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (!is_held(&rows[i], &m))
            return 1;
    return 0;
}

int cmd_doctor(int argc, char **argv)
{
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            puts("usage: vow doctor [--json]\n\n"
                 "Says what this machine enforces exactly, approximately, not at all, and what to "
                 "do about it.\n"
                 "Exit status: 0 if all is enforced exactly, else 1.");
            return 0;
        } else {
            return cli_usage_error(name, "nothing is called '%s'", argv[i]);
        }
    }
    return report(json);
}
