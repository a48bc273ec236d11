/* The one program of the lab's image: pause container, probes, Jobs and a tiny HTTP server. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_SECONDS = 3 };

static volatile sig_atomic_t stopping;

static void stop(int signal) {
  (void)signal;
  stopping = 1;
}

static void on(int signal, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler; /* no SA_RESTART: accept and pause return when a signal comes */
  sigaction(signal, &action, NULL);
}

static time_t now(void) {
  struct timespec moment;
  clock_gettime(CLOCK_MONOTONIC, &moment);
  return moment.tv_sec;
}

/* Holds a pod's namespaces and reaps its orphans until it is told to stop. */
static int hold(void) {
  sigset_t all;
  sigemptyset(&all);
  sigaddset(&all, SIGTERM);
  sigaddset(&all, SIGINT);
  sigaddset(&all, SIGCHLD);
  sigprocmask(SIG_BLOCK, &all, NULL);
  for (;;) {
    int signal = sigwaitinfo(&all, NULL);
    if (signal == SIGTERM || signal == SIGINT) return 0;
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
  }
}

/* Sleeps and exits with 0; 143 when it was told to stop before. */
static int sleep_for(long seconds) {
  time_t end = now() + seconds;
  while (!stopping && now() < end) {
    struct timespec tick = {0, 100 * 1000 * 1000};
    nanosleep(&tick, NULL);
  }
  return stopping ? 143 : 0;
}

static void answer(int client) {
  char request[2048], name[256] = "", response[512];
  struct timeval patience = {2, 0};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (read(client, request, sizeof request) > 0) {
    gethostname(name, sizeof name - 1);
    int length = snprintf(response, sizeof response,
                          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n\r\n%s\n",
                          strlen(name) + 1, name);
    if (write(client, response, (size_t)length) < 0) perror("write");
    shutdown(client, SHUT_WR);
  }
  close(client);
}

/* Answers 200 with the host's name; after SIGTERM it goes on for a grace period, then exits. */
static int serve(int port) {
  int yes = 1, server = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  struct timeval tick = {0, 200 * 1000};
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
  if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 128)) {
    perror("listen");
    return 1;
  }
  printf("serving on port %d\n", port);
  fflush(stdout);
  for (time_t end = 0; !end || now() < end;) {
    if (stopping && !end) end = now() + GRACE_SECONDS;
    int client = accept(server, NULL, NULL);
    if (client >= 0) answer(client);
    else if (errno != EAGAIN && errno != EINTR) perror("accept");
  }
  return 0;
}

int main(int count, char **words) {
  const char *command = count > 1 ? words[1] : "";
  on(SIGPIPE, SIG_IGN);
  if (!strcmp(command, "true")) return 0;
  if (!strcmp(command, "pause")) return hold();
  on(SIGTERM, stop);
  on(SIGINT, stop);
  if (!strcmp(command, "sleep") && count == 3) return sleep_for(atol(words[2]));
  if (!strcmp(command, "http") && count == 3) return serve(atoi(words[2]));
  fprintf(stderr, "usage: tool pause | true | sleep SECONDS | http PORT\n");
  return 2;
}
