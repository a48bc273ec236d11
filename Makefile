# Every target does all of its own set-up, from `npm ci` on, on a machine with Node 20 or later,
# npm, Go, Python 3, git and Debian's apt. `make demo` is the place to start.
.DEFAULT_GOAL := help
NPM := npm --no-fund --no-audit --loglevel=error

.PHONY: help demo lab lab-down check test matrix people bench chaos evidence power format

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

node_modules/.package-lock.json: package.json package-lock.json
	$(NPM) ci
	@touch $@

demo: node_modules/.package-lock.json ## Bring a real fleet up and roll a real patch through it
	@npm run -s demo

lab: node_modules/.package-lock.json ## Bring the lab up (as root, on Linux)
	@npm run -s lab -- up

lab-down: node_modules/.package-lock.json ## Take the lab away with everything it made
	@npm run -s lab -- down

check: node_modules/.package-lock.json ## Format, lint, types, unit, workflow and replay tests
	@npm run -s check

test: node_modules/.package-lock.json ## `check`, and everything that needs the lab
	@test/run.sh

matrix: node_modules/.package-lock.json ## The long tests on the lab: stops, reboots, trouble with packages, plans of drains
	@test/run.sh matrix

people: node_modules/.package-lock.json ## Approvals on the lab by command line, chat, signal, and Temporal's UI in a browser
	@test/run.sh people

bench: node_modules/.package-lock.json ## Compare with the usual way, on the lab
	@npm run -s bench

chaos: node_modules/.package-lock.json ## Strike faults into rollouts on the lab, and judge every node
	@npm run -s chaos -- $(ARGS)

evidence: node_modules/.package-lock.json ## Slow and harmless patches on the lab, told apart by what is measured
	@npm run -s evidence -- $(ARGS)

power: node_modules/.package-lock.json ## Simulate how often a judgement errs, against the size of an effect
	@npm run -s power

format: node_modules/.package-lock.json ## Format and fix what can be fixed
	@npm run -s format
