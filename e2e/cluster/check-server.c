/* What `check` runs in pods: answers every connection on port 8080 with the name of its host, and ends on SIGTERM. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(int signal) {
    (void)signal;
    _exit(0);
}

int main(void) {
    char host[256] = "", request[4096], answer[512];
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(8080)};
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

    signal(SIGTERM, end);
    signal(SIGPIPE, SIG_IGN);
    gethostname(host, sizeof host - 1);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 64)) {
        perror("port 8080");
        return 1;
    }
    printf("serving as %s\n", host);
    fflush(stdout);
    for (;;) {
        int peer = accept(listener, 0, 0);
        if (peer < 0)
            continue;
        if (read(peer, request, sizeof request) > 0) {
            int length = snprintf(answer, sizeof answer,
                                  "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                                  strlen(host) + 1, host);
            if (write(peer, answer, length) != length)
                perror("answer");
        }
        close(peer);
    }
}
