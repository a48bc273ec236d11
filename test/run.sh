#!/usr/bin/env bash
# All tests: those that need nothing, then those that need the lab, which is taken away at the end.
set -uo pipefail
cd "$(dirname "$0")/.."

npm run -s check || exit 1
trap 'npm run -s lab -- down' EXIT
npm run -s lab -- up --workload || exit 1
# One file after the other: they share five nodes.
npx --no-install node --test --test-concurrency=1 --test-timeout=900000 'test/lab/**/*.test.ts'
