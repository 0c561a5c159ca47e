/* rights: descriptors under way in messages.
 *
 * A socket under way is held by the queue that it lies in. Sockets whose queues
 * hold each other are held by nobody who could ever read them. rights_collect
 * looks at those that nothing but queues holds, and keeps what a queue outside
 * of them holds, and all that can be reached from there. */
#include <stdlib.h>
#include <string.h>

#include "box/broker/net/socket.h"
#include "box/broker/task.h"

enum { LOOKS_PER_RELEASE = 1024 };

static unsigned under_way;    /* descriptors */
static struct socket *flying; /* sockets of which one is under way */

static struct socket *socket_in(const struct file *f)
{
    return f->ops == &socket_ops ? f->data : NULL;
}

static void takes_off(struct socket *s)
{
    if (s->inflight++)
        return;
    s->next_flying = flying;
    s->prev_flying = NULL;
    if (flying)
        flying->prev_flying = s;
    flying = s;
}

static void lands(struct socket *s)
{
    if (--s->inflight)
        return;
    *(s->prev_flying ? &s->prev_flying->next_flying : &flying) = s->next_flying;
    if (s->next_flying)
        s->next_flying->prev_flying = s->prev_flying;
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
    under_way++;
    if (socket_in(f))
        takes_off(socket_in(f));
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

static struct rights *to_drop;
static bool drops;

/* What is dropped may hold sockets with rights in their queues, and so on: in a
 * loop, for a chain can be long. */
void rights_drop(struct rights *r)
{
    r->next = to_drop;
    to_drop = r;
    if (drops)
        return;
    drops = true;
    while ((r = to_drop)) {
        to_drop = r->next;
        for (unsigned i = 0; i < r->count; i++) {
            struct socket *s = socket_in(r->files[i]);
            under_way--;
            if (s)
                lands(s);
            file_drop(r->files[i]);
        }
        free(r);
    }
    drops = false;
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

static bool is_candidate(const struct socket *s)
{
    return s->inflight && s->file && s->file->references == s->inflight;
}

static unsigned looked_at; /* packets and sockets, of a collection */

static void each_in_queue(struct socket *s, void (*do_it)(struct socket *))
{
    looked_at += 1 + s->packets;
    for (struct packet *p = s->first; p; p = p->next)
        for (unsigned i = 0; p->rights && i < p->rights->count; i++)
            if (socket_in(p->rights->files[i]))
                do_it(socket_in(p->rights->files[i]));
}

/* The sockets that lie in a socket's queue, and in those of who waits to be accepted. */
static void each_held(struct socket *s, void (*do_it)(struct socket *))
{
    each_in_queue(s, do_it);
    for (struct socket *w = s->waiting; w; w = w->next_waiting)
        each_in_queue(w, do_it);
}

static void count_inside(struct socket *s)
{
    s->inside++;
}

static struct socket *to_visit;

static void reach(struct socket *s)
{
    if (s->reached)
        return;
    s->reached = true;
    s->next_reached = to_visit;
    to_visit = s;
}

/* Takes the descriptors out of a lost socket's queue. */
static void empty(struct socket *s, struct rights **lost)
{
    for (struct packet *p = s->first; p; p = p->next)
        if (p->rights) {
            p->rights->next = *lost;
            *lost = p->rights;
            p->rights = NULL;
        }
}

static struct rights *find_lost(void)
{
    struct rights *lost = NULL;
    for (struct socket *s = flying; s; s = s->next_flying) {
        s->inside = 0;
        s->reached = false;
    }
    for (struct socket *s = flying; s; s = s->next_flying)
        if (is_candidate(s))
            each_held(s, count_inside);
    for (struct socket *s = flying; s; s = s->next_flying)
        if (!is_candidate(s) || s->inside < s->inflight)
            reach(s);
    while (to_visit) {
        struct socket *s = to_visit;
        to_visit = s->next_reached;
        each_held(s, reach);
    }
    for (struct socket *s = flying; s; s = s->next_flying) {
        if (!s->reached)
            empty(s, &lost);
        for (struct socket *w = s->reached ? NULL : s->waiting; w; w = w->next_waiting)
            empty(w, &lost);
    }
    return lost;
}

void rights_collect(void)
{
    if (!flying || drops)
        return; /* what is dropped now may be lost only afterwards: next time */
    looked_at = 0;
    struct rights *lost = find_lost();
    while (lost) {
        struct rights *r = lost;
        lost = r->next;
        r->next = to_drop;
        to_drop = r;
    }
    if (to_drop) {
        struct rights *first = to_drop;
        to_drop = first->next;
        rights_drop(first);
    }
}

/* So that closing many sockets costs no more than a few looks at all of them. */
void rights_released(void)
{
    static unsigned skipped;
    if (flying && skipped++ < looked_at / LOOKS_PER_RELEASE)
        return;
    skipped = 0;
    rights_collect();
}
