/* rights: descriptors under way in messages.
 *
 * A socket in flight is held by the queue that it lies in. Sockets whose queues
 * hold each other are held by nobody who could ever read them: rights_collect
 * finds them from those that somebody does hold. */
#include <stdlib.h>
#include <string.h>

#include "box/broker/net/socket.h"
#include "box/broker/task.h"

static unsigned under_way; /* descriptors */

static struct socket *socket_in(const struct file *f)
{
    return f->ops == &socket_ops ? f->data : NULL;
}

static void count(const struct file *f, int by)
{
    struct socket *s = socket_in(f);
    under_way += (unsigned)by;
    if (s)
        s->inflight += (unsigned)by;
}

static struct rights *new (unsigned files)
{
    if (under_way + files > RIGHTS_MAX)
        rights_collect();
    if (under_way + files > RIGHTS_MAX)
        return NULL;
    return calloc(1, sizeof(struct rights) + files * sizeof(struct file *));
}

static void add(struct rights *r, struct file *f)
{
    r->files[r->count++] = file_hold(f);
    count(f, 1);
}

int rights_take(const struct thread *t, const struct control *c, struct rights **out)
{
    *out = NULL;
    if (c->fd_count == 0)
        return 0;
    for (unsigned i = 0; i < c->fd_count; i++)
        if (!fd_file(t, (uint64_t)c->fds[i]))
            return -EBADF;
    struct rights *r = new (c->fd_count);
    if (!r)
        return -ETOOMANYREFS;
    for (unsigned i = 0; i < c->fd_count; i++)
        add(r, fd_file(t, (uint64_t)c->fds[i]));
    *out = r;
    return 0;
}

struct rights *rights_copy(const struct rights *from)
{
    struct rights *r = new (from->count);
    for (unsigned i = 0; r && i < from->count; i++)
        add(r, from->files[i]);
    return r;
}

/* What is dropped may hold sockets with rights in their queues, and so on: in a
 * loop, for a chain can be long. */
void rights_drop(struct rights *r)
{
    static struct rights *first;
    static bool busy;
    r->next = first;
    first = r;
    if (busy)
        return;
    busy = true;
    while ((r = first)) {
        first = r->next;
        for (unsigned i = 0; i < r->count; i++) {
            count(r->files[i], -1);
            file_drop(r->files[i]);
        }
        free(r);
    }
    busy = false;
}

void rights_hand_over(struct thread *t, struct rights *r, bool close_on_exec,
                      struct control_list *l)
{
    int fds[CONTROL_FDS_MAX];
    size_t room = control_fits(l, sizeof *fds);
    unsigned given = 0;
    while (given < r->count && given < room) {
        int fd = fd_put(t, file_hold(r->files[given]), 0, close_on_exec);
        if (fd < 0)
            break;
        fds[given++] = fd;
    }
    if (given)
        control_add(l, SOL_SOCKET, SCM_RIGHTS, fds, given * sizeof *fds);
    if (given < r->count)
        l->truncated = true;
    rights_drop(r);
}

/* Collecting ---------------------------------------------------------------------------------*/

static struct socket *to_visit;

static void reach(struct socket *s)
{
    if (s->reached)
        return;
    s->reached = true;
    s->next_reached = to_visit;
    to_visit = s;
}

static void visit(const struct socket *s)
{
    for (const struct packet *p = s->first; p; p = p->next)
        for (unsigned i = 0; p->rights && i < p->rights->count; i++)
            if (socket_in(p->rights->files[i]))
                reach(socket_in(p->rights->files[i]));
    for (struct socket *w = s->waiting; w; w = w->next_waiting)
        reach(w);
}

void rights_collect(void)
{
    struct rights *lost = NULL;
    if (!under_way)
        return;
    for (struct socket *s = sockets; s; s = s->next)
        s->reached = false;
    for (struct socket *s = sockets; s; s = s->next)
        if (s->file && s->file->references > s->inflight)
            reach(s);
    while (to_visit) {
        struct socket *s = to_visit;
        to_visit = s->next_reached;
        visit(s);
    }
    for (struct socket *s = sockets; s; s = s->next)
        for (struct packet *p = s->reached ? NULL : s->first; p; p = p->next)
            if (p->rights) {
                p->rights->next = lost;
                lost = p->rights;
                p->rights = NULL;
            }
    while (lost) {
        struct rights *r = lost;
        lost = r->next;
        rights_drop(r);
    }
}
