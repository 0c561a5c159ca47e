/* publish: writes what guests may read without a call (box/published.h). Whatever
 * finds no room there has the index 0, and guests ask for it. */
#ifndef VOW_BOX_PUBLISH_H
#define VOW_BOX_PUBLISH_H

#include "box/broker/node.h"
#include "box/published.h"

/* publish_start: `at`: PUBLISHED_SIZE(page_count) zeros. page_count: a power of
 * two, at least PAGE_WAYS and at most PAGE_COUNT_MAX. 0 or -ENOMEM. */
int publish_start(struct published *at, uint32_t page_count);
/* publish_root: the root directory, which is held to the end. */
void publish_root(uint32_t inode);
/* publish_off: guests are to ask for everything. */
void publish_off(void);

uint32_t publish_place(void);
void publish_drop_place(uint32_t place);
/* publish_cwd: where a process works. */
void publish_cwd(uint32_t place, const struct node *cwd);
/* publish_fd: `file`: 0: none, or not published. */
void publish_fd(uint32_t place, unsigned fd, bool used, uint32_t file);
/* publish_watched: is somebody to be told of opens and closes? */
void publish_watched(bool is);

/* publish_file: its position, if it has one here, is 0. */
uint32_t publish_file(uint32_t inode, uint32_t flags);
void publish_drop_file(uint32_t file);

uint32_t publish_inode(struct node *n);
void publish_drop_inode(uint32_t inode);
/* publish_node: whose index it is, if it has this life (NULL: any); NULL: nobody's.
 * publish_next_life: another one than it had, which it answers. */
struct node *publish_node(uint32_t inode, const uint32_t *life);
uint32_t publish_next_life(uint32_t inode);
/* publish_locked: somebody locks it, or parts of it. */
void publish_locked(uint32_t inode);
/* publish_changing: from here to publish_attr or publish_changed nobody reads it,
 * nor its pages. */
void publish_changing(uint32_t inode);
void publish_changed(uint32_t inode);
/* publish_attr: `target`: of a symbolic link, attr->target_size bytes. */
void publish_attr(uint32_t inode, const struct published_attr *attr, uint32_t flags,
                  const char *target);

/* Around each change of names, places but descriptors, and meanings of indices. */
void publish_names_begin(void);
void publish_names_end(void);

#endif
