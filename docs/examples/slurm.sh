#!/bin/bash
# A large checkpoint on a SLURM cluster: each task of an array measures its part of the layers; nothing but eigentail
# and a folder that every node sees is needed.
#
#   sbatch slurm.sh /data/model /data/parts
#   eigentail merge /data/parts/part*.json -o model.html       # when all of them are done
#
#SBATCH --job-name=eigentail
#SBATCH --array=0-7
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
set -euo pipefail

model=$1
parts=$2
mkdir -p "$parts"

# The dearest layers are dealt out in turn, so that the parts take about as long as each other.
eigentail analyze "$model" \
  --shard "${SLURM_ARRAY_TASK_ID}/${SLURM_ARRAY_TASK_COUNT}" \
  --workers "${SLURM_CPUS_PER_TASK}" \
  --max-memory 30GB \
  --no-store \
  --format quiet \
  -o "$parts/part${SLURM_ARRAY_TASK_ID}.json"
