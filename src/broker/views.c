#include "broker/views.h"

#include "broker/caller.h"
#include "host/direct.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_ANCESTORS 64

static bool is_alive(const struct view *view)
{
    struct pollfd process = {view->process_fd, POLLIN, 0};
    return poll(&process, 1, 0) == 0;
}

/* by_process: the latest view of a process. */
static struct view *by_process(const struct views *views, pid_t process)
{
    for (size_t i = views->count; i-- > 0;)
        if (views->at[i]->process == process && is_alive(views->at[i]))
            return views->at[i];
    return NULL;
}

/* by_ancestors: that of the process or of the nearest one above. `top` is the
 * process where the search ended. */
static struct view *by_ancestors(const struct views *views, pid_t process, pid_t *top)
{
    for (int i = 0; process > 1 && i < MAX_ANCESTORS; i++) {
        struct view *view = by_process(views, process);
        *top = process;
        if (view)
            return view;
        process = caller_number(process, "PPid:");
    }
    return NULL;
}

void views_of(const struct views *views, pid_t thread, struct judges *out)
{
    pid_t top;
    struct view *view = views->count == 1
                            ? views->at[0]
                            : by_ancestors(views, caller_number(thread, "Tgid:"), &top);
    out->count = 0;
    for (struct view *at = view; at; at = at->under)
        out->at[out->count++] = at;
    for (size_t i = 0; !view && !views->forgotten && i < views->count; i++)
        out->at[out->count++] = views->at[i];
}

bool views_serve(const struct views *views, pid_t pid)
{
    pid_t top;
    return by_ancestors(views, caller_number(pid, "Tgid:"), &top);
}

static bool is_under(const struct views *views, const struct view *view)
{
    for (size_t i = 0; i < views->count; i++)
        if (views->at[i]->under == view)
            return true;
    return false;
}

static void close_view(struct view *view)
{
    for (size_t i = 0; i < view->rules.directory_count; i++)
        close(view->rules.directories[i].fd);
    loader_end(&view->executables);
    close(view->process_fd);
    direct(munmap, view, sizeof *view);
}

/* forget: makes room, by what belongs to a process that has ended. */
static bool forget(struct views *views)
{
    for (size_t i = 1; i < views->count; i++) {
        struct view *view = views->at[i];
        if (is_alive(view) || is_under(views, view))
            continue;
        close_view(view);
        views->at[i] = views->at[--views->count];
        return views->forgotten = true;
    }
    return false;
}

static bool bind_to(struct view *view, pid_t process)
{
    view->process = process;
    view->process_fd = caller_process(process);
    return view->process_fd >= 0;
}

static struct view *add(struct views *views, pid_t process)
{
    if (views->count == VIEWS && !forget(views))
        return NULL;
    struct view *view =
        mmap(NULL, sizeof *view, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (view == MAP_FAILED)
        return NULL;
    if (!bind_to(view, process)) {
        direct(munmap, view, sizeof *view);
        return NULL;
    }
    return views->at[views->count++] = view;
}

/* copy: as after fork(). */
static struct view *copy(struct views *views, const struct view *from, pid_t process)
{
    struct view *view = add(views, process);
    if (!view)
        return NULL;
    bool whole = true;
    int process_fd = view->process_fd;
    *view = *from;
    view->process = process;
    view->process_fd = process_fd;
    view->executables = (struct executables){0};
    for (size_t i = 0; i < view->rules.directory_count; i++) {
        struct rule_directory *directory = &view->rules.directories[i];
        directory->fd = fcntl(directory->fd, F_DUPFD_CLOEXEC, 0);
        whole &= directory->fd >= 0;
    }
    if (!whole) {
        close_view(view);
        views->count--;
        return NULL;
    }
    return view;
}

/* adopt: a process without ancestors, while there is only one view: this is
 * its own, then. */
static struct view *adopt(struct views *views, pid_t process)
{
    struct view *only = views->at[0];
    if (is_alive(only))
        return copy(views, only, process);
    close(only->process_fd);
    return bind_to(only, process) ? only : NULL;
}

struct view *views_own(struct views *views, pid_t thread, bool anew)
{
    pid_t process = caller_number(thread, "Tgid:"), top = process;
    if (views->count == 0)
        return add(views, process);
    struct view *has = by_ancestors(views, process, &top);
    if (!has && views->count == 1)
        has = adopt(views, top);
    if (!has || (has->process == process && !anew))
        return has;
    if (!anew)
        return copy(views, has, process);
    struct view *view = add(views, process);
    if (view)
        view->under = has;
    return view;
}
