#include "enforce/start.h"

#include "enforce/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char default_path[] = "/usr/local/bin:/usr/bin:/bin";
static const char shell[] = "/bin/sh";

/* May the file be executed? 0 or -errno. */
static int executable(int at, const char *path)
{
    struct stat st;
    if (fstatat(at, path, &st, 0) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    return faccessat(at, path, X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

/* DIR/name for a `size` bytes long element of PATH; an empty one is ".". */
static char *join(const char *dir, size_t size, const char *name)
{
    CLEAN_STR struct str path = {0};
    str_add_bytes(&path, dir, size);
    if (size > 0)
        str_add_char(&path, '/');
    else
        str_add(&path, "./");
    str_add(&path, name);
    return str_take(&path);
}

int start_look_up(int at, const char *name, const char *search, char **out)
{
    int result = -ENOENT;
    search = search ? search : default_path;
    if (strchr(name, '/')) {
        result = executable(at, name);
        if (result == 0 && !(*out = strdup(name)))
            result = -ENOMEM;
        return result;
    }
    for (bool last = *name == '\0'; !last;) {
        size_t size = strcspn(search, ":");
        CLEAN_FREE char *path = join(search, size, name);
        int rc = path ? executable(at, path) : -ENOMEM;
        if (rc == 0)
            *out = take_ptr(path);
        if (rc == 0 || rc == -ENOMEM)
            return rc;
        if (rc == -EACCES && faccessat(at, path, F_OK, 0) == 0)
            result = rc; /* not merely a directory that may not be entered */
        last = search[size] == '\0';
        search += size + 1;
    }
    return result;
}

/* Fills err and the exit status for a name that cannot be started. */
static int cannot(const char *name, int rc, int *exit_status, struct err *err)
{
    CLEAN_STR struct str shown = {0};
    quote_visible(&shown, name, strlen(name));
    *exit_status = rc == -ENOENT || rc == -ENOTDIR ? START_NOT_FOUND
                   : rc == -ENOMEM                 ? START_SETUP
                                                   : START_NOT_EXECUTABLE;
    if (*name == '\0')
        return err_set(err, rc, "the program's name is empty");
    if (rc == -ENOENT && !strchr(name, '/'))
        return err_set(err, rc, "%s: not found in PATH", str_get(&shown));
    if (rc == -EACCES)
        return err_set(err, rc, "%s is not executable", str_get(&shown));
    return err_set(err, rc, "%s: %s", str_get(&shown), strerror(-rc));
}

static int bad_file(const char *path, const char *what, int *exit_status, struct err *err)
{
    CLEAN_STR struct str shown = {0};
    quote_visible(&shown, path, strlen(path));
    *exit_status = START_NOT_EXECUTABLE;
    return err_set(err, -ENOEXEC, "%s %s", str_get(&shown), what);
}

static void free_argv(char **argv)
{
    for (char **word = argv; word && *word; word++)
        free(*word);
    free(argv);
}

static size_t count_of(char *const *list)
{
    size_t count = 0;
    while (list[count])
        count++;
    return count;
}

/* Puts `front` in the place of the first word. */
static int replace_first(char ***argv, char *const *front, size_t front_count)
{
    size_t count = count_of(*argv);
    char **out = calloc(front_count + count, sizeof *out);
    bool ok = out;
    for (size_t i = 0; ok && i < front_count; i++)
        ok = (out[i] = strdup(front[i])) != NULL;
    for (size_t i = 1; ok && i < count; i++)
        ok = (out[front_count + i - 1] = strdup((*argv)[i])) != NULL;
    free_argv(ok ? *argv : out);
    if (ok)
        *argv = out;
    return ok ? 0 : -ENOMEM;
}

struct finding {
    struct start *start;
    const char *search; /* PATH, or NULL */
    bool exec;
    int *exit_status;
    struct err *err;
};

/* Adds the file that was found as `path` (taken over) to the steps and reads
 * its first bytes. How many, or -errno; -EACCES: it may not be read. */
static int64_t add_step(struct finding *f, char *path, char head[SHEBANG_SIZE])
{
    struct start_step *step = &f->start->steps[f->start->step_count++];
    *step = (struct start_step){.path = path};
    /* Not open(): musl's sets O_CLOEXEC by a call of its own, again. */
    CLEAN_FD int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == EACCES)
        return -EACCES;
    if (fd < 0)
        return cannot(path, -errno, f->exit_status, f->err);
    step->readable = true;
    struct elf_source source = elf_source_fd(fd);
    int64_t size = source.read(&source, head, SHEBANG_SIZE, 0);
    if (size < 0)
        return cannot(path, (int)size, f->exit_status, f->err);
    step->script = size < 4 || memcmp(head, "\177ELF", 4) != 0;
    struct err reason;
    int rc = step->script ? 0 : elf_read(&source, &step->elf, &reason);
    return rc < 0 ? bad_file(path, reason.text, f->exit_status, f->err) : size;
}

static struct start_step *last_step(struct finding *f)
{
    return &f->start->steps[f->start->step_count - 1];
}

/* The interpreter of the script that was added last cannot be started. */
static int cannot_interpret(struct finding *f, const char *interpreter, int rc)
{
    struct err reason;
    CLEAN_STR struct str script = {0};
    const char *path = last_step(f)->path;
    quote_visible(&script, path, strlen(path));
    cannot(interpreter, rc, f->exit_status, &reason);
    return err_set(f->err, rc, "%.250s: its interpreter %.250s", str_get(&script), reason.text);
}

/* env NAME WORD…: NAME is looked up here; its own name stays argv[0]. */
static int through_env(struct finding *f, const struct shebang *line, char **next)
{
    struct env_words words;
    struct start_step *script = last_step(f);
    int rc = shebang_env(line->argument, &words);
    if (rc < 0 && f->exec)
        return 0; /* env does it */
    if (rc < 0)
        return bad_file(script->path,
                        "asks env for more than a name in its first line, and env may not execute; "
                        "promise exec, or start the interpreter itself with the script behind it",
                        f->exit_status, f->err);
    rc = start_look_up(AT_FDCWD, words.words[0], f->search, next);
    if (rc < 0)
        return cannot_interpret(f, words.words[0], rc);
    words.words[words.count++] = script->path;
    return replace_first(&f->start->argv, words.words, words.count);
}

/* The file that executes the script that was added last: *next, malloc'd, or
 * NULL if there is nothing more to follow. */
static int follow_script(struct finding *f, const char *head, size_t size, char **next)
{
    char *script = last_step(f)->path;
    struct shebang line = {0};
    int rc = shebang_parse(head, size, &line);
    if (rc == 0 && shebang_is_text(head, size))
        strcpy(line.interpreter, shell);
    else if (rc <= 0)
        return bad_file(script, "is no program that this system knows", f->exit_status, f->err);
    const char *base = strrchr(line.interpreter, '/');
    if (*line.argument && strcmp(base ? base + 1 : line.interpreter, "env") == 0) {
        rc = through_env(f, &line, next);
        if (rc < 0 || *next)
            return rc;
    }
    rc = executable(AT_FDCWD, line.interpreter);
    if (rc < 0)
        return cannot_interpret(f, line.interpreter, rc);
    char *front[] = {line.interpreter, *line.argument ? line.argument : script, script};
    *next = strdup(line.interpreter);
    return *next ? replace_first(&f->start->argv, front, *line.argument ? 3 : 2) : -ENOMEM;
}

/* Follows `path` (taken over) to an ELF file. */
static int follow(struct finding *f, char *path)
{
    for (int depth = 0; path; depth++) {
        char head[SHEBANG_SIZE];
        int64_t size = add_step(f, path, head);
        path = NULL;
        if (size == -EACCES && depth == 0)
            return 0; /* a program that may be executed but not read */
        if (size == -EACCES)
            return cannot(last_step(f)->path, -EACCES, f->exit_status, f->err);
        if (size < 0)
            return (int)size;
        if (!last_step(f)->script)
            return 0;
        if (depth == SHEBANG_DEPTH)
            return cannot(last_step(f)->path, -ELOOP, f->exit_status, f->err);
        int rc = follow_script(f, head, (size_t)size, &path);
        if (rc == -ENOMEM)
            return cannot(last_step(f)->path, rc, f->exit_status, f->err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int start_find(const struct start_request *request, struct start *out, int *exit_status,
               struct err *err)
{
    *out = (struct start){0};
    const char *name = request->argv[0] ? request->argv[0] : "";
    struct finding f = {out, env_get(request->envp, "PATH"), request->exec, exit_status, err};
    char *path = NULL;
    out->argv = calloc(count_of(request->argv) + 1, sizeof *out->argv);
    bool ok = out->argv;
    for (size_t i = 0; ok && request->argv[i]; i++)
        ok = (out->argv[i] = strdup(request->argv[i])) != NULL;
    int rc = ok ? start_look_up(AT_FDCWD, name, f.search, &path) : -ENOMEM;
    rc = rc < 0 ? cannot(name, rc, exit_status, err) : follow(&f, path);
    if (rc < 0)
        start_free(out);
    return rc;
}

const struct start_step *start_last(const struct start *start)
{
    return &start->steps[start->step_count - 1];
}

void start_free(struct start *start)
{
    for (size_t i = 0; i < start->step_count; i++) {
        free(start->steps[i].path);
        elf_free(&start->steps[i].elf);
    }
    free_argv(start->argv);
    *start = (struct start){0};
}
