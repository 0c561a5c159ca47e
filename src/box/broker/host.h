/* host: the calls that the broker makes to the kernel while it serves. The whole
 * of what its filter allows is behind these functions, malloc and the image's
 * device. */
#ifndef VOW_BOX_BROKER_HOST_H
#define VOW_BOX_BROKER_HOST_H

#include "box/broker/wait.h"

/* host_wake: whoever sleeps on a word of the channel. host_sleep: until the word
 * differs from `value`, a signal, or a moment of the monotonic clock. */
void host_wake(uint32_t *word);
void host_sleep(uint32_t *word, uint32_t value, int64_t until);
/* host_start: catches the signals of the host, and starts what watches its
 * descriptors 0, 1 and 2. Before the filter. */
int host_start(void);
/* host_thread: one of the broker's own, which gets no signals. It sets *started and
 * wakes it when it has made the calls of its start. 0 or -errno. */
int host_thread(void *(*run)(void *), uint32_t *started);
bool host_has_news(void);
/* host_news: children that ended, signals of the terminal, ready descriptors. */
void host_news(void);
bool host_is_child(int pid); /* alive or not yet waited for */
void host_kill(int pid);
/* host_end_strangers: kills, and waits for, the children above `first` and up to
 * `last` that no process of the box is. */
void host_end_strangers(int first, int last);

/* The standard descriptors of the caller. */
enum host_kind { HOST_FILE, HOST_PIPE, HOST_TTY };
enum host_kind host_kind(int fd);
/* host_ready: poll's bits of what can be done now; queue: woken when that may
 * have changed, after host_watch asked for it. */
int host_ready(int fd, int events);
void host_watch(int fd, int events);
extern struct queue host_queue;
int64_t host_read(int fd, void *to, size_t size);
int64_t host_write(int fd, const void *from, size_t size);
int host_ioctl(int fd, unsigned long request, void *argument);
void host_random(void *to, size_t size);

#endif
