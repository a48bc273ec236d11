#!/usr/bin/env bash
# All tests: those that need nothing, then those that need the lab, which is taken away at the end.
# With "matrix": the long ones over stops, reboots, packages and plans, which need the lab as well.
# With "people": approvals through every channel, one of them Temporal's UI in a browser, which is installed.
set -uo pipefail
cd "$(dirname "$0")/.."

# One file after the other, since they share five nodes.
on_lab() { node_modules/.bin/node --test --test-concurrency=1 --test-timeout=600000 "$@"; }

if [ $# -eq 0 ]; then npm run -s check || exit 1; fi
trap 'npm run -s lab -- down' EXIT
npm run -s lab -- up --workload || exit 1
if [ $# -gt 0 ]; then
  on_lab "test/$1"/*.test.ts
  exit
fi
on_lab test/lab/*.test.ts || exit 1
# Faults in the middle of rollouts: the quick set; `make chaos` has all of them.
npm run -s chaos -- --quick || exit 1
# A rollout is measured, its Prometheus dies, and a person is asked. What depends on numbers, and so on how
# busy the machine is, is not for here: `make evidence` has all cases, and 20 runs.
npm run -s evidence -- --only provider-dies || exit 1
# The lab's own life and death: takes it away several times.
on_lab test/lifecycle/*.test.ts
