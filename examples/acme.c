/* acme: gets a certificate from a server, in the manner of ACME.
 *
 *   acme KEY DIRECTORY ADDRESS PORT
 *
 * Three parts that need different things, each in a process of its own:
 *
 *   signer   has the account's key, and only signs what it is shown
 *   net      has one connection, and reads what the server sends
 *   store    writes one file into the directory
 *
 * The caller tells one what another said, and has nothing itself. Whoever takes
 * over `net`, which is the one that strangers speak to, has that connection; to
 * the others it can say what the server could have said anyway. */
#include "hole.h"
#include "message.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

static char **arguments; /* KEY DIRECTORY ADDRESS PORT */

/* signer: a message, its signature in hexadecimal. */
static int signer(int socket, void *unused)
{
    (void)unused;
    FILE *file = fopen(arguments[0], "r");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (!key)
        err(1, "%s", arguments[0]);
    fclose(file);
    if (pledge("stdio", NULL) != 0)
        err(1, "pledge");
    struct message what;
    while (message_receive(socket, &what)) {
        unsigned char signature[512];
        size_t size = sizeof signature;
        char text[2 * sizeof signature + 1] = "";
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
            EVP_DigestSign(context, signature, &size, (unsigned char *)what.text, what.size) != 1)
            errx(1, "cannot sign");
        EVP_MD_CTX_free(context);
        for (size_t i = 0; i < size; i++)
            snprintf(text + 2 * i, 3, "%02x", signature[i]);
        if (!message_send(socket, text, 2 * size))
            break;
    }
    return 0;
}

/* read_answer: the body of an HTTP answer; the hole of this program. */
static void read_answer(FILE *connection, struct message *body)
{
    char line[1024];
    unsigned size = 0;
    if (!fgets(line, sizeof line, connection) || !strstr(line, " 200 "))
        errx(1, "the server refuses: %.60s", line);
    while (fgets(line, sizeof line, connection) && strcmp(line, "\r\n") != 0)
        sscanf(line, "Content-Length: %u", &size);
    if (size > MESSAGE_SIZE || fread(body->text, 1, size, connection) != size)
        errx(1, "the server's answer is cut");
    body->size = size;
    body->text[size] = '\0';
    HOLE(body->text);
}

/* net: a request of two lines, method and path, and body; the answer's body. */
static int net(int socket_, void *unused)
{
    (void)unused;
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons((in_port_t)atoi(arguments[3]))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, arguments[2], &server.sin_addr) != 1 || fd < 0 ||
        connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
        err(1, "%s", arguments[2]);
    FILE *connection = fdopen(fd, "r+");
    if (!connection || pledge("stdio", NULL) != 0)
        err(1, "pledge");
    struct message message;
    while (message_receive(socket_, &message)) {
        char *body = strchr(message.text, '\n');
        if (!body)
            return 1;
        *body++ = '\0';
        fprintf(connection, "%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n%s",
                message.text, arguments[2], strlen(body), body);
        if (fflush(connection) != 0)
            err(1, "%s", arguments[2]);
        read_answer(connection, &message);
        if (!message_send(socket_, message.text, message.size))
            break;
    }
    return 0;
}

/* store: one message, into one file. */
static int store(int socket, void *unused)
{
    (void)unused;
    struct message certificate;
    char path[4096];
    if (!message_receive(socket, &certificate))
        return 1;
    snprintf(path, sizeof path, "%s/certificate.pem", arguments[1]);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, certificate.text, certificate.size) != (ssize_t)certificate.size)
        err(1, "%s", path);
    return 0;
}

static struct vow_component start(int (*run)(int, void *), const char *promises, const char *path,
                                  const char *permissions)
{
    struct vow_error error = {"out of memory"};
    struct vow_policy *policy = vow_policy_new();
    struct vow_component component = {.policy = policy, .run = run};
    if (!policy || vow_policy_promises(policy, promises, &error) != 0 ||
        (path && vow_policy_path(policy, path, permissions, &error) != 0) ||
        vow_spawn(&component, &error) != 0)
        errx(1, "%s", error.text);
    vow_policy_free(policy);
    return component;
}

static void ask(struct vow_component *whom, struct message *message)
{
    if (!message_send(whom->socket, message->text, message->size) ||
        !message_receive(whom->socket, message))
        errx(1, "a component ended early");
}

int main(int argc, char **argv)
{
    if (argc != 5)
        errx(1, "usage: acme KEY DIRECTORY ADDRESS PORT");
    arguments = argv + 1;
    struct vow_component key = start(signer, "stdio rpath", argv[1], "r");
    struct vow_component server = start(net, "stdio inet", NULL, NULL);
    struct vow_component file = start(store, "stdio wpath cpath", argv[2], "wc");
    if (pledge("stdio", NULL) != 0)
        err(1, "pledge");

    struct message nonce = {.text = "GET /nonce\n"}, order;
    nonce.size = (uint32_t)strlen(nonce.text);
    ask(&server, &nonce);
    struct message signature = nonce;
    ask(&key, &signature);
    order.size = (uint32_t)snprintf(order.text, sizeof order.text, "POST /order\n%.100s %.1100s",
                                    nonce.text, signature.text);
    ask(&server, &order);
    if (!message_send(file.socket, order.text, order.size))
        errx(1, "a component ended early");

    int status;
    if (waitpid(file.pid, &status, 0) != file.pid || status != 0)
        errx(1, "the certificate was not written");
    puts("a new certificate is there");
    return 0;
}
