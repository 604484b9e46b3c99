#!/usr/bin/env bash
# Runs docs/ci/slurm.sh as an array of three tasks under a Slurm of its own on this machine, and merges what the tasks left.
# The cluster is one node; it lives in Downloads/slurm and ends with this script.
set -euo pipefail
cd "$(dirname "$0")/.."
models=$PWD/Tests/Fixtures/models/distilbert/mlm
folder=$PWD/Downloads/slurm
rm -rf "$folder"
mkdir -p "$folder"/{state,spool,munge}
chmod 711 "$folder/munge"
export PATH=$(dirname "$BERTCONV"):$PATH:/usr/sbin SLURM_CONF=$folder/slurm.conf

dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
chmod 400 "$folder/munge/key"
cat >"$SLURM_CONF" <<CONF
ClusterName=bertconv
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
ReturnToService=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
# Nothing is confined here; Slurm loads a plugin all the same, and this one asks for no service.
printf 'CgroupPlugin=cgroup/v1\n' >"$folder/cgroup.conf"

started=()
trap 'kill "${started[@]}" 2>/dev/null; wait' EXIT
munged --foreground --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
  --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" 2>/dev/null &
started+=($!)
until [ -S "$folder/munge/socket" ]; do sleep 0.2; done
slurmctld -D -L "$folder/slurmctld.log" 2>/dev/null &
started+=($!)
slurmd -D -N "$(hostname -s)" -L "$folder/slurmd.log" 2>/dev/null &
started+=($!)
for _ in $(seq 100); do
  [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] && break
  sleep 0.3
done
sinfo
[ "$(sinfo --noheader --format=%T)" = idle ] || { tail "$folder/slurmd.log"; exit 1; }

status=0
(cd "$folder" && sbatch --wait --array=0-2 "$OLDPWD/docs/ci/slurm.sh" "$models" "$folder/results") || status=$?
tail -n 1 "$folder"/bertconv-*.log
ls "$folder/results" | grep '^shard-'
bertconv zoo report "$folder/results" --junit "$folder/zoo.xml" || status=$?
[ "$(ls "$folder/results" | grep -c '^shard-.-of-3')" = 3 ] || status=1
exit $status
