/* rounds: times commands against each other.
 *
 *   rounds COUNT < COMMANDS     one command a line, its words separated by tabs
 *
 * Runs all commands COUNT times; each round starts with another one, so that
 * what disturbs the machine disturbs all alike. A line a run: "INDEX WALL-NS
 * MAX-RSS-KB", or "INDEX failed STATUS". Commands get /dev/null for their
 * three standard descriptors. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 32
#define MAX_WORDS 64

static char *commands[MAX_COMMANDS][MAX_WORDS + 1];
static int command_count;

static void read_commands(void)
{
    static char line[4096];
    while (command_count < MAX_COMMANDS && fgets(line, sizeof line, stdin)) {
        int words = 0;
        line[strcspn(line, "\n")] = '\0';
        for (char *word = strtok(line, "\t"); word && words < MAX_WORDS; word = strtok(NULL, "\t"))
            commands[command_count][words++] = strdup(word);
        command_count += words > 0;
    }
}

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void run(int index, int null)
{
    struct rusage usage;
    int status;
    long long start = now_ns();
    pid_t pid = vfork();
    if (pid == 0) {
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execvp(commands[index][0], commands[index]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        exit(1);
    long long wall = now_ns() - start;
    if (status != 0)
        printf("%d failed %d\n", index, status);
    else
        printf("%d %lld %ld\n", index, wall, usage.ru_maxrss);
}

int main(int argc, char **argv)
{
    int rounds = argc == 2 ? atoi(argv[1]) : 0;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    read_commands();
    if (rounds < 1 || null < 0 || command_count == 0) {
        fputs("usage: rounds COUNT < COMMANDS\n", stderr);
        return 2;
    }
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < command_count; i++)
            run((i + round) % command_count, null);
    return 0;
}
