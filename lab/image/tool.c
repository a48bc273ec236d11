/* The one program of the lab's image: pause container, probes, Jobs and a tiny HTTP server. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

static void rest(long milliseconds) {
  struct timespec tick = {0, milliseconds * 1000 * 1000};
  nanosleep(&tick, NULL);
}

/* Load on the disk: writes 8 MiB and waits until they are there, again and again. */
static int write_for_ever(const char *path) {
  static char block[1 << 20];
  while (!stopping) {
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (file < 0) {
      perror(path);
      return 1;
    }
    for (int n = 0; n < 8 && !stopping; n++)
      if (write(file, block, sizeof block) < 0) perror("write");
    fsync(file);
    close(file);
    rest(20);
  }
  return 0;
}

/* Load on the network: one request after the other to a server of `tool http`. */
static int fetch_for_ever(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  char text[2048];
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    fprintf(stderr, "%s is no address\n", host);
    return 2;
  }
  while (!stopping) {
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (!connect(server, (struct sockaddr *)&address, sizeof address) &&
        write(server, "GET / HTTP/1.1\r\n\r\n", 18) > 0)
      while (read(server, text, sizeof text) > 0) continue;
    close(server);
    rest(2);
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
  if (!strcmp(command, "io") && count == 3) return write_for_ever(words[2]);
  if (!strcmp(command, "fetch") && count == 4) return fetch_for_ever(words[2], atoi(words[3]));
  fprintf(stderr,
          "usage: tool pause | true | sleep SECONDS | http PORT | io FILE | fetch HOST PORT\n");
  return 2;
}
