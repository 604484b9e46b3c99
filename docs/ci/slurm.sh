#!/bin/bash
# Verifies a folder of models as a job array:  sbatch --array=0-15 docs/ci/slurm.sh MODELS RESULTS
# Every task takes its share by SLURM_ARRAY_TASK_ID. RESULTS lies on a file system that all nodes see.
#SBATCH --job-name=bertconv
#SBATCH --output=bertconv-%A-%a.log
#SBATCH --requeue
exec bertconv zoo verify "$1" --results "$2" --resume
