#!/bin/bash
# A Ray cluster for the time of one job of Slurm, and `dvc repro` on it:
#
#   cd PROJECT && sbatch --nodes=4 /path/to/deploy/slurm.sh [COMMAND...]
#
# The project lies on a file system that all nodes share, and its .venv has mentor3ad[cluster]. In its
# params.yaml: runtime.engine ray, runtime.address auto.
#SBATCH --job-name=mentor3ad
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
set -euo pipefail

source .venv/bin/activate
export RAY_USAGE_STATS_ENABLED=0 RAY_health_check_period_ms=1000 RAY_health_check_failure_threshold=3
port=$((20000 + SLURM_JOB_ID % 20000)) # another for each job of this user
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')

# Both stay in the foreground of their srun, so that they end with the job.
srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
  ray start --head --node-ip-address="$address" --port="$port" --block &
for _ in $(seq 60); do
  ray status --address="$address:$port" > /dev/null 2>&1 && break
  sleep 2
done
for node in "${nodes[@]:1}"; do # one by one: nodes that start together may collide
  srun --overlap --nodes=1 --ntasks=1 --nodelist="$node" \
    ray start --address="$address:$port" --block &
  sleep 5
done

if [ $# -eq 0 ]; then set -- dvc repro; fi
RAY_ADDRESS="$address:$port" "$@"
