/* reach: who has this address on the local network? One ARP question.
 *
 *   reach INTERFACE ADDRESS
 *
 * It needs a raw socket, and privilege to get it; then it reads what anybody on
 * the network sends. By then its terminal can only be written to, standard input
 * is gone, and all that is left to do is to send and receive such packets. */
#include "hole.h"

#include <arpa/inet.h>
#include <err.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vow.h>

struct question {
    struct ether_header ethernet;
    struct ether_arp arp;
};

static int open_socket(const char *interface, struct ether_arp *arp)
{
    struct ifreq request = {0};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP));
    strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
    struct sockaddr_ll here = {.sll_family = AF_PACKET,
                               .sll_protocol = htons(ETH_P_ARP),
                               .sll_ifindex = (int)if_nametoindex(interface)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) != 0 ||
        ioctl(fd, SIOCGIFHWADDR, &request) != 0)
        err(2, "%s", interface);
    memcpy(arp->arp_sha, request.ifr_hwaddr.sa_data, ETH_ALEN);
    if (ioctl(fd, SIOCGIFADDR, &request) != 0)
        err(2, "%s", interface);
    memcpy(arp->arp_spa, &((struct sockaddr_in *)&request.ifr_addr)->sin_addr, 4);
    return fd;
}

static void ask(int fd, struct question *question)
{
    struct ether_arp *arp = &question->arp;
    memset(question->ethernet.ether_dhost, 0xff, ETH_ALEN);
    memcpy(question->ethernet.ether_shost, arp->arp_sha, ETH_ALEN);
    question->ethernet.ether_type = htons(ETHERTYPE_ARP);
    arp->arp_hrd = htons(ARPHRD_ETHER);
    arp->arp_pro = htons(ETHERTYPE_IP);
    arp->arp_hln = ETH_ALEN;
    arp->arp_pln = 4;
    arp->arp_op = htons(ARPOP_REQUEST);
    if (send(fd, question, sizeof *question, 0) != sizeof *question)
        err(2, "send");
}

/* answered: packets of others are passed over; the hole of this program. */
static bool answered(int fd, const struct question *question)
{
    struct pollfd ready = {fd, POLLIN, 0};
    char bytes[1500];
    while (poll(&ready, 1, 1000) == 1) {
        ssize_t size = recv(fd, bytes, sizeof bytes - 1, 0);
        struct question answer;
        if (size < (ssize_t)sizeof answer)
            continue;
        bytes[size] = '\0';
        HOLE(bytes + sizeof answer);
        memcpy(&answer, bytes, sizeof answer);
        if (answer.arp.arp_op != htons(ARPOP_REPLY) ||
            memcmp(answer.arp.arp_spa, question->arp.arp_tpa, 4) != 0)
            continue;
        printf("it is there\n");
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct question question = {0};
    if (argc != 3 || inet_pton(AF_INET, argv[2], question.arp.arp_tpa) != 1)
        errx(2, "usage: reach INTERFACE ADDRESS");
    int fd = open_socket(argv[1], &question.arp);
    if (vow_limit_fd(STDOUT_FILENO, "w") != 0 || vow_limit_fd(STDERR_FILENO, "w") != 0)
        err(2, "vow_limit_fd");
    close(STDIN_FILENO);
    if (pledge("stdio", NULL) != 0)
        err(2, "pledge");

    ask(fd, &question);
    if (!answered(fd, &question))
        errx(1, "nobody answers");
    return 0;
}
