#include "workers.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

// How often a worker looks for new tasks before it sleeps: the gap between two steps of a model is some microseconds,
// waking a thread costs more.
enum { LOOKS = 2000 };

struct bertconv_workers {
  pthread_mutex_t lock;
  pthread_cond_t begun, ended;
  pthread_t *threads;
  long count;      // with the caller
  long sleeping;   // under the lock
  int stopping;    // under the lock
  void (*task)(void *, long, long);
  void *context;
  long tasks;
  atomic_long round;  // counts the calls of run
  atomic_long next;   // the first task nobody took
  atomic_long busy;   // threads that have not finished this round
};

typedef struct {
  bertconv_workers *workers;
  long number;
} seat;

static inline void look_again(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void work(bertconv_workers *workers, long number) {
  for (;;) {
    long task = atomic_fetch_add_explicit(&workers->next, 1, memory_order_relaxed);
    if (task >= workers->tasks) return;
    workers->task(workers->context, task, number);
  }
}

static void *serve(void *argument) {
  seat mine = *(seat *)argument;
  free(argument);
  bertconv_workers *workers = mine.workers;
  for (long seen = 0;; seen++) {
    for (int look = 0; look < LOOKS && atomic_load(&workers->round) == seen; look++) look_again();
    if (atomic_load(&workers->round) == seen) {
      pthread_mutex_lock(&workers->lock);
      workers->sleeping++;
      while (atomic_load(&workers->round) == seen && !workers->stopping)
        pthread_cond_wait(&workers->begun, &workers->lock);
      workers->sleeping--;
      int stop = workers->stopping;
      pthread_mutex_unlock(&workers->lock);
      if (stop) return NULL;
    }
    work(workers, mine.number);
    if (atomic_fetch_sub(&workers->busy, 1) == 1) {
      pthread_mutex_lock(&workers->lock);
      pthread_cond_signal(&workers->ended);
      pthread_mutex_unlock(&workers->lock);
    }
  }
}

bertconv_workers *bertconv_workers_start(long threads) {
  bertconv_workers *workers = calloc(1, sizeof *workers);
  if (!workers) abort();
  pthread_mutex_init(&workers->lock, NULL);
  pthread_cond_init(&workers->begun, NULL);
  pthread_cond_init(&workers->ended, NULL);
  workers->count = 1;
  workers->threads = calloc((size_t)threads, sizeof *workers->threads);
  if (!workers->threads) abort();
  while (workers->count < threads) {
    seat *place = malloc(sizeof *place);
    if (!place) break;
    *place = (seat){workers, workers->count};
    if (pthread_create(&workers->threads[workers->count], NULL, serve, place)) {
      free(place);
      break;
    }
    workers->count++;
  }
  return workers;
}

long bertconv_workers_count(const bertconv_workers *workers) { return workers->count; }

void bertconv_workers_run(
    bertconv_workers *workers, long tasks, void (*task)(void *, long, long), void *context) {
  if (workers->count == 1 || tasks == 1) {
    for (long i = 0; i < tasks; i++) task(context, i, 0);
    return;
  }
  workers->task = task;
  workers->context = context;
  workers->tasks = tasks;
  atomic_store(&workers->next, 0);
  atomic_store(&workers->busy, workers->count - 1);
  pthread_mutex_lock(&workers->lock);
  atomic_fetch_add(&workers->round, 1);
  if (workers->sleeping) pthread_cond_broadcast(&workers->begun);
  pthread_mutex_unlock(&workers->lock);
  work(workers, 0);
  for (int look = 0; look < LOOKS && atomic_load(&workers->busy); look++) look_again();
  pthread_mutex_lock(&workers->lock);
  while (atomic_load(&workers->busy)) pthread_cond_wait(&workers->ended, &workers->lock);
  pthread_mutex_unlock(&workers->lock);
}

void bertconv_workers_stop(bertconv_workers *workers) {
  pthread_mutex_lock(&workers->lock);
  workers->stopping = 1;
  pthread_cond_broadcast(&workers->begun);
  pthread_mutex_unlock(&workers->lock);
  for (long i = 1; i < workers->count; i++) pthread_join(workers->threads[i], NULL);
  pthread_mutex_destroy(&workers->lock);
  pthread_cond_destroy(&workers->begun);
  pthread_cond_destroy(&workers->ended);
  free(workers->threads);
  free(workers);
}
