/* xattr: extended attributes, in the inode and in one block of their own. */
#ifndef VOW_STORE_XATTR_H
#define VOW_STORE_XATTR_H

#include "store/inode.h"

/* xattr_free: gives back the block, when the inode goes. */
int xattr_free(struct store *s, struct node *n);

#endif
