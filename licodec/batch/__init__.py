"""Many pictures in one call: what the `licodec` command and the Ray recipe stand on.

inputs, -o --paths--> jobs --run--> outcomes
                             |
      Compression or Decompression codes each job whole, here or in a process of a pool;
      outputs are checked before and written after that by the process that was called.
"""

from licodec.batch.compress import Compression, EncodeOptions, compression_paths
from licodec.batch.decompress import Decompression, decompression_paths
from licodec.batch.jobs import FatalError, Job, Outcome, Result
from licodec.batch.paths import PathError, PathRules, Plan, plan_files
from licodec.batch.run import default_jobs, run_jobs

__all__ = [
    "Compression",
    "Decompression",
    "EncodeOptions",
    "FatalError",
    "Job",
    "Outcome",
    "PathError",
    "PathRules",
    "Plan",
    "Result",
    "compression_paths",
    "decompression_paths",
    "default_jobs",
    "plan_files",
    "run_jobs",
]
