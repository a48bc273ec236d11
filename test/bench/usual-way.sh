#!/usr/bin/env bash
# How containerd is usually patched: one node after another is drained, patched over SSH and given
# back. Usage: usual-way.sh VERSION NODE=ADDRESS... -- SSH_OPTION...; expects kubectl on the PATH and
# KUBECONFIG. Prints the time at which each step of each node begins.
set -euo pipefail
version=$1
shift
nodes=()
while [ "$1" != -- ]; do
  nodes+=("$1")
  shift
done
shift
step() { printf '%s\t%s\t%s\n' "$EPOCHREALTIME" "$1" "$2"; }
for pair in "${nodes[@]}"; do
  node=${pair%%=*}
  step drain "$node"
  kubectl drain "$node" --ignore-daemonsets --delete-emptydir-data --timeout=300s >&2
  step apt "$node"
  ssh "$@" "root@${pair#*=}" \
    "DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confold containerd=$version" >&2
  step ready "$node"
  kubectl wait --for=condition=Ready "node/$node" --timeout=120s >&2
  kubectl uncordon "$node" >&2
done
step end -
