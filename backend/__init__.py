"""Server, jobs, store and streams of LRD Lab, and the `lrd` command."""

import os

# Read when NumPy is imported, before all else here: it starts threads then, and who has threads
# must not fork (`jobs.cradle`). NumPy has little to do here, and torch has threads of its own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
