/* page_cache: contents of the image's files, in memory that guests can read. It
 * has a fixed number of pages; each can be at one of PAGE_WAYS places, and is
 * never dirty: what is written goes to the store at once. */
#ifndef VOW_BOX_PAGE_CACHE_H
#define VOW_BOX_PAGE_CACHE_H

#include "box/broker/node.h"

int page_cache_start(uint32_t count);
/* page_cache_read: as the node's read, whose bytes it keeps. `size` is the file's. */
int64_t page_cache_read(struct node *n, uint64_t file_size, uint64_t offset, void *to, size_t size);
/* page_cache_write: these bytes were written. page_cache_drop: those of a range
 * changed, or are gone. Between publish_changing and publish_changed. */
void page_cache_write(uint32_t ino, uint64_t offset, const void *from, size_t size);
void page_cache_drop(uint32_t ino, uint64_t start, uint64_t end);

#endif
