#pragma once

/// Threads that share the tasks of one caller.
typedef struct bertconv_workers bertconv_workers;
/// `threads` counts the caller, who works too. Starts fewer where the system allows no more.
bertconv_workers *bertconv_workers_start(long threads);
long bertconv_workers_count(const bertconv_workers *workers);
/// Runs task(context, 0 …< tasks, worker), each once, and returns when all are done. `worker` is below the count, and
/// no two tasks run under the same at a time.
void bertconv_workers_run(
    bertconv_workers *workers, long tasks, void (*task)(void *context, long task, long worker), void *context);
void bertconv_workers_stop(bertconv_workers *workers);
