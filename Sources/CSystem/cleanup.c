#include "cleanup.h"
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

// A model, its provenance and its tokenizer's files are written side by side; a library user may write several models.
enum { slots = 64 };

// A path is written before its slot is armed, and the handler reads armed slots only: it may not allocate or lock.
static char unfinished[slots][PATH_MAX];
static atomic_int armed[slots];
static int in_use;
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

static void remove_and_leave(int number) {
  for (int slot = 0; slot < slots; slot++)
    if (atomic_load(&armed[slot])) unlink(unfinished[slot]);
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

int bertconv_cleanup_begin(const char *path) {
  if (strlen(path) >= PATH_MAX) return -1;
  pthread_mutex_lock(&changing);
  int slot = 0;
  while (slot < slots && atomic_load(&armed[slot])) slot++;
  if (slot < slots) {
    strcpy(unfinished[slot], path);
    atomic_store(&armed[slot], 1);
    if (in_use++ == 0) {
      signal(SIGXFSZ, SIG_IGN);
      set_handlers(remove_and_leave);
    }
  }
  pthread_mutex_unlock(&changing);
  return slot < slots ? slot : -1;
}

void bertconv_cleanup_end(int slot) {
  if (slot < 0) return;
  pthread_mutex_lock(&changing);
  atomic_store(&armed[slot], 0);
  if (--in_use == 0) set_handlers(SIG_DFL);
  pthread_mutex_unlock(&changing);
}
