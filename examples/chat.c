/* chat: a bot that tells people their keys, over HTTP.
 *
 *   chat DIRECTORY      prints the port that it listens on
 *
 * A file DIRECTORY/NAME holds NAME's password and key. Who posts "NAME PASSWORD"
 * is told the key.
 *
 *   keeper   reads those files, and knows no network
 *   talker   one for each visitor: reads what he sent; has his connection and
 *            nothing else
 *
 * The bot accepts visitors and passes on what they ask for. Whoever takes over a
 * talker can ask for keys, and needs their passwords like everybody. */
#include "hole.h"
#include "message.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

static const char refusal[] = "no";

static void find_key(const char *directory, const char *request, char *key, size_t size)
{
    char name[32], password[64], kept[64] = "", found[64], path[4096];
    snprintf(key, size, "%s", refusal);
    if (sscanf(request, "%31s %63s", name, password) != 2)
        return;
    for (const char *c = name; *c; c++)
        if (!islower((unsigned char)*c))
            return;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%63s %63s", kept, found) == 2 && strlen(kept) == strlen(password) &&
        CRYPTO_memcmp(kept, password, strlen(kept)) == 0)
        snprintf(key, size, "%s", found);
    if (file)
        fclose(file);
}

static int keeper(int socket, void *directory)
{
    struct message request;
    char key[64];
    if (unveil(directory, "r") != 0 || pledge("stdio rpath", NULL) != 0)
        err(1, "%s", (char *)directory);
    while (message_receive(socket, &request)) {
        find_key(directory, request.text, key, sizeof key);
        if (!message_send(socket, key, strlen(key)))
            return 1;
    }
    return 0;
}

/* read_request: the body of an HTTP request; the hole of this program. */
static void read_request(FILE *visitor, char *body, size_t size)
{
    char line[1024];
    size_t wanted = 0;
    while (fgets(line, sizeof line, visitor) && strcmp(line, "\r\n") != 0)
        sscanf(line, "Content-Length: %zu", &wanted);
    if (wanted >= size || fread(body, 1, wanted, visitor) != wanted)
        wanted = 0;
    body[wanted] = '\0';
    HOLE(body);
}

static int talker(int socket, void *connection)
{
    char body[256];
    struct message key;
    FILE *visitor = fdopen(*(int *)connection, "r+");
    if (!visitor || pledge("stdio", NULL) != 0)
        return 1;
    read_request(visitor, body, sizeof body);
    if (!message_send(socket, body, strlen(body)) || !message_receive(socket, &key))
        return 1;
    bool granted = strcmp(key.text, refusal) != 0;
    fprintf(visitor, "HTTP/1.1 %s\r\nContent-Length: %u\r\nConnection: close\r\n\r\n%s\n",
            granted ? "200 OK" : "403 Forbidden", key.size + 1, key.text);
    return fclose(visitor) != 0;
}

static void serve(int connection, int keys)
{
    struct vow_error error;
    struct message request, key;
    struct vow_component visitor = {
        .run = talker, .argument = &connection, .fds = &connection, .fd_count = 1};
    if (vow_spawn(&visitor, &error) != 0)
        errx(1, "%s", error.text);
    close(connection);
    if (message_receive(visitor.socket, &request)) {
        if (!message_send(keys, request.text, request.size) || !message_receive(keys, &key))
            errx(1, "the keeper is gone");
        message_send(visitor.socket, key.text, key.size);
    }
    close(visitor.socket);
    close(visitor.pidfd);
    waitpid(visitor.pid, NULL, 0);
}

static int listening(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, size) != 0 || listen(fd, 5) != 0 ||
        getsockname(fd, (struct sockaddr *)&here, &size) != 0)
        err(1, "listen");
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(1, "usage: chat DIRECTORY");
    struct vow_error error;
    struct vow_component keys = {.run = keeper, .argument = argv[1]};
    if (vow_spawn(&keys, &error) != 0)
        errx(1, "%s", error.text);
    int listener = listening();
    if (pledge("stdio inet proc", NULL) != 0)
        err(1, "pledge");
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection >= 0)
            serve(connection, keys.socket);
    }
}
