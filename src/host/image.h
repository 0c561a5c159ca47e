/* image: a file of the host as a device (base/device.h). */
#ifndef VOW_HOST_IMAGE_H
#define VOW_HOST_IMAGE_H

#include "base/base.h"
#include "base/device.h"

/* image_open: opens and locks the file at `path`: against everybody else if it
 * is to be written, else against writers. On success device->context holds
 * the descriptor (image_fd) until image_close. */
int image_open(struct device *out, const char *path, bool write, struct err *err);
int image_fd(const struct device *image);
void image_close(struct device *image);

#endif
