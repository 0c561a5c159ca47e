/* static_fs: trees of small texts: /sys and /proc/sys. */
#ifndef VOW_BOX_STATIC_FS_H
#define VOW_BOX_STATIC_FS_H

#include "box/broker/node.h"

/* static_root: of /sys; of /proc/sys, whose parent is /proc. Held by nobody. */
struct node *sys_root(void);
struct node *proc_sys_root(void);
/* text_file: a file that reads as `s`, which it takes over. 0 or -errno. */
int text_file(struct str *s, struct node *n, uint32_t flags, struct file **out);

#endif
