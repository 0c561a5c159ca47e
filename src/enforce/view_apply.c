/* view_apply: carries out a plan.
 *
 * A tmpfs is mounted over the host's root, where nobody looks: paths still
 * resolve in the root below. In it,
 *
 *   root/   becomes the view: a bind of itself, or a copy of the host's tree
 *   0, 1 …  what is mounted over something: private directories, and the empty
 *           ones that hide; the number is the action's
 *
 * Then root/ becomes the root of the namespace, and all that is not in it,
 * the tmpfs and the host's tree, is detached. */
#include "enforce/view.h"

#include "host/child.h"
#include "host/mount.h"
#include "host/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A private /tmp and what hides can hold this much. */
#define TMPFS_SIZE "50%"

static bool entered;

char *view_link(UNUSED void *context, const char *path)
{
    char text[PATH_MAX];
    ssize_t size = readlink(path, text, sizeof text);
    return size < 0 || size == sizeof text ? NULL : strndup(text, (size_t)size);
}

static int enter(struct err *err)
{
    if (entered)
        return 0;
    int failed = userns_enter(err);
    if (failed)
        return failed;
    failed = mount_private();
    entered = !failed;
    return failed ? userns_why(failed, err) : 0;
}

int view_enter(struct err *err)
{
    int failed = !entered && userns_is_doubtful() ? view_probe(err) : 0;
    return failed ? failed : enter(err);
}

/* Where a view is built. */
struct site {
    int base;  /* the tmpfs */
    int root;  /* what becomes the root */
    int aside; /* a place below the old root */
};

static int put(int tree, int dir, const char *path)
{
    if (tree < 0)
        return tree;
    CLEAN_FD int place = mount_place(dir, path);
    return place < 0 ? place : mount_attach(tree, place);
}

static int bind_host(const struct site *site, const struct view_action *action)
{
    CLEAN_FD int tree = mount_clone(AT_FDCWD, action->path, action->attrs);
    return put(tree, site->root, action->path + 1);
}

static int pin(const struct site *site, const char *path)
{
    CLEAN_FD int place = mount_place(site->root, path);
    if (place < 0)
        return place;
    CLEAN_FD int tree = mount_clone(place, "", 0);
    return tree < 0 ? tree : mount_attach(tree, place);
}

/* Mounts an object of the tmpfs: `mode` has its type and permissions. What is
 * still to be filled is sealed later. */
static int cover(const struct site *site, const struct view_action *action, size_t index,
                 mode_t mode)
{
    char name[32];
    snprintf(name, sizeof name, "%zu", index);
    bool directory = S_ISDIR(mode);
    int made =
        directory ? mkdirat(site->base, name, mode & 07777) : mknodat(site->base, name, mode, 0);
    if (made < 0)
        return -errno;
    unsigned attrs = action->attrs;
    CLEAN_FD int tree =
        mount_clone(site->base, name, directory ? attrs & ~(unsigned)VIEW_READ_ONLY : attrs);
    return put(tree, site->root, action->path + 1);
}

static int apply_action(const struct site *site, const struct view_action *action, size_t index)
{
    const char *path = action->path + 1;
    int made;
    switch (action->kind) {
    case VIEW_DIRECTORY: made = mkdirat(site->root, path, 0755); break;
    case VIEW_FILE: made = mknodat(site->root, path, S_IFREG | 0444, 0); break;
    case VIEW_SYMLINK: made = symlinkat(action->target, site->root, path); break;
    case VIEW_BIND: return bind_host(site, action);
    case VIEW_PIN: return pin(site, path);
    case VIEW_OWN: return cover(site, action, index, S_IFDIR | 01777);
    case VIEW_HIDE:
        return cover(site, action, index, S_IFDIR | (action->attrs & VIEW_PASSABLE ? 0111 : 0));
    case VIEW_HIDE_FILE: return cover(site, action, index, S_IFREG);
    default: return -EINVAL;
    }
    return made < 0 ? -errno : 0;
}

static int fail(struct err *err, int code, const char *what, const char *path)
{
    return err_set(err, code, "cannot %s %s: %s", what, path, strerror(-code));
}

static int apply_actions(const struct view_plan *plan, const struct site *site, struct err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        int failed = apply_action(site, &plan->actions[i], i);
        if (failed)
            return fail(err, failed, "show or hide", plan->actions[i].path);
    }
    for (size_t i = 0; i < plan->count; i++) {
        const char *path = plan->actions[i].path;
        int failed = plan->actions[i].kind == VIEW_HIDE ? mount_seal(site->root, path + 1) : 0;
        if (failed)
            return fail(err, failed, "seal", path);
    }
    int failed = plan->host_root ? 0 : mount_seal(site->root, ".");
    return failed ? fail(err, failed, "seal", "/") : 0;
}

/* Any directory of the old root will do. */
static int find_aside(void)
{
    static const char *const dirs[] = {"/proc", "/usr", "/dev", "/etc"};
    int place = -ENOENT;
    for (size_t i = 0; i < ARRAY_COUNT(dirs) && place == -ENOENT; i++)
        place = mount_place(AT_FDCWD, dirs[i]);
    return place;
}

/* Lays the site out: the tmpfs over the old root, in it root/. */
static int prepare_site(const struct view_plan *plan, struct site *site, struct err *err)
{
    site->aside = find_aside();
    if (site->aside < 0)
        return fail(err, site->aside, "find a directory in", "/");
    /* Before the tmpfs is there: the copy shall not have it. */
    if (plan->host_root)
        site->root = mount_clone(AT_FDCWD, "/", plan->root_attrs);
    site->base = mount_tmpfs(TMPFS_SIZE);
    if (site->base < 0)
        return fail(err, site->base, "mount", "a tmpfs");
    int failed = put(site->base, AT_FDCWD, "/");
    if (failed)
        return fail(err, failed, "mount a tmpfs on", "/");
    if (mkdirat(site->base, "root", 0755) < 0)
        return fail(err, -errno, "make", "root/");
    if (!plan->host_root)
        site->root = mount_clone(site->base, "root", VIEW_NO_DEVICES | VIEW_NO_EXEC);
    failed = put(site->root, site->base, "root");
    return failed ? fail(err, failed, "copy the mounts of", "/") : 0;
}

static int build(const struct view_plan *plan, struct site *site, struct err *err)
{
    int failed = prepare_site(plan, site, err);
    if (!failed)
        failed = apply_actions(plan, site, err);
    if (failed)
        return failed;
    failed = mount_pivot(site->root, site->base, site->aside);
    if (failed)
        return fail(err, failed, "change", "the root directory");
    return chdir(plan->cwd) < 0 ? fail(err, -errno, "enter", plan->cwd) : 0;
}

int view_apply(const struct view_plan *plan, struct err *err)
{
    _Static_assert(VIEW_READ_ONLY == (int)MOUNT_READ_ONLY && VIEW_NO_EXEC == (int)MOUNT_NO_EXEC &&
                       VIEW_NO_DEVICES == (int)MOUNT_NO_DEVICES,
                   "attributes are handed through");
    int failed = enter(err);
    if (failed)
        return failed;
    struct site site = {-1, -1, -1};
    mode_t mask = umask(0);
    failed = build(plan, &site, err);
    umask(mask);
    clean_fd(&site.base);
    clean_fd(&site.root);
    clean_fd(&site.aside);
    return failed;
}

/* In the child of view_probe: tells the reason of a failure. */
static _Noreturn void probe(int pipe)
{
    char root[] = "/";
    struct view_plan nothing = {.cwd = root};
    struct err err;
    int failed = view_apply(&nothing, &err);
    ssize_t written = failed ? write(pipe, err.text, strlen(err.text)) : 0;
    _exit(failed || written < 0 ? 1 : 0);
}

int view_probe(struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = child_clone(0);
    if (pid == 0)
        probe(ends[1]);
    close(ends[1]);
    CLEAN_FD int from = ends[0];
    if (pid < 0)
        return err_set(err, pid, "cannot fork: %s", strerror(-pid));
    char text[sizeof err->text] = "";
    ssize_t size = read(from, text, sizeof text - 1);
    int status, failed = child_wait(pid, &status);
    if (failed)
        return err_set(err, failed, "cannot wait: %s", strerror(-failed));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return err_set(err, -EPERM, "%s", size > 0 ? text : "the attempt to build one died");
}
