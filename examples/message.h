/* message: what components say to each other: a size and as many bytes, over
 * the stream between them. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_SIZE 8192

/* One message; text[size] is always 0. */
struct message {
    uint32_t size;
    char text[MESSAGE_SIZE + 1];
};

/* message_send, message_receive: false when the other side is gone, or says
 * more than a message may have. */
bool message_send(int socket, const char *text, size_t size);
bool message_receive(int socket, struct message *out);

#endif
