#include "message.h"

#include <sys/socket.h>

static bool receive_all(int socket, void *to, size_t size)
{
    return recv(socket, to, size, MSG_WAITALL) == (ssize_t)size;
}

static bool send_all(int socket, const void *from, size_t size)
{
    return send(socket, from, size, MSG_NOSIGNAL) == (ssize_t)size;
}

bool message_send(int socket, const char *text, size_t size)
{
    uint32_t head = (uint32_t)size;
    return size <= MESSAGE_SIZE && send_all(socket, &head, sizeof head) &&
           send_all(socket, text, size);
}

bool message_receive(int socket, struct message *out)
{
    if (!receive_all(socket, &out->size, sizeof out->size) || out->size > MESSAGE_SIZE ||
        !receive_all(socket, out->text, out->size))
        return false;
    out->text[out->size] = '\0';
    return true;
}
