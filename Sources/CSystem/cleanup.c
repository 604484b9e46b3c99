#include "cleanup.h"
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

// Written before the handler is armed and read only by it: a signal handler may not allocate or lock.
static char unfinished[PATH_MAX];
static atomic_int armed;

static void remove_and_leave(int number) {
  if (atomic_load(&armed)) unlink(unfinished);
  _exit(128 + number);
}

static void set_handlers(void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  for (int i = 0; i < 3; i++) {
    struct sigaction current;
    // A parent that wants a signal ignored (nohup) keeps its wish.
    if (sigaction(signals[i], NULL, &current) == 0 && current.sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
  }
}

void bertconv_cleanup_begin(const char *path) {
  if (strlen(path) >= sizeof unfinished) return;
  strcpy(unfinished, path);
  atomic_store(&armed, 1);
  set_handlers(remove_and_leave);
}

void bertconv_cleanup_end(void) {
  atomic_store(&armed, 0);
  set_handlers(SIG_DFL);
}
