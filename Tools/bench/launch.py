"""Runs a command and writes what it took to a file: `python launch.py FILE COMMAND…`.

The system counts a process's memory from before it became another program, so that whatever starts it has to be small:
nothing but the least of Python is loaded here.
"""

import os
import sys
import time

start = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
with open(sys.argv[1], "w") as file:
    print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, file=file)
