#!/bin/sh
# Runs one node as a machine and starts it again each time it reboots.
#   supervise-node.sh CGROUP_DIRS COMMAND...
# CGROUP_DIRS: the node's cgroups, one for each hierarchy, with colons between them. This shell
# moves into them first, so that systemd-nspawn's cgroup namespace has its root there and the
# nodes' kubelets do not meet.
set -eu
groups=$1
shift
IFS=:
for group in $groups; do echo $$ >"$group/cgroup.procs"; done
unset IFS

# A stop asks the machine to power off (systemd-nspawn passes it on) and ends this loop.
stopping=
machine=
trap 'stopping=yes; [ -z "$machine" ] || kill -TERM "$machine"' TERM INT

while [ -z "$stopping" ]; do
  "$@" &
  machine=$!
  # Told to stop in the instant of a reboot.
  [ -z "$stopping" ] || kill -TERM "$machine"
  code=0
  wait "$machine" || code=$?
  # A signal ends `wait` early: wait for the machine itself.
  while kill -0 "$machine" 2>/dev/null; do
    code=0
    wait "$machine" || code=$?
  done
  # 133: the machine asked for a reboot.
  [ "$code" -eq 133 ] || exit "$code"
done
