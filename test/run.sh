#!/usr/bin/env bash
# All tests: those that need nothing, then those that need the lab, which is taken away at the end.
set -uo pipefail
cd "$(dirname "$0")/.."

npm run -s check || exit 1
trap 'npm run -s lab -- down' EXIT
npm run -s lab -- up || exit 1
# One file after the other, since they share five nodes; the lab's own life and death comes last.
standing=$(ls test/lab/*.test.ts | grep -v lifecycle)
# shellcheck disable=SC2086
node_test() { node_modules/.bin/node --test --test-concurrency=1 --test-timeout=600000 "$@"; }
node_test $standing test/lab/*lifecycle.test.ts
