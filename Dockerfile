# The image of Tidegate's worker and of its command line, from one source tree: Node runs the
# TypeScript files as they are, so there is no build step.
#
#   docker build -t tidegate .
#   docker run --rm tidegate                       the worker
#   docker run --rm tidegate tidegate status       the command line

# glibc, not musl: Temporal's native core has no build for Alpine. The version must match the
# devDependency `node` in package.json, which is what the tests run with.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No install scripts: all of them are optional speed-ups (ssh2's native crypto) or of development.
# Temporal's core comes for five platforms in one package; the image keeps its own.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && npm cache clean --force \
  && core=node_modules/@temporalio/core-bridge/releases \
  && keep="$(uname -m)-unknown-linux-gnu" \
  && test -d "$core/$keep" \
  && find "$core" -mindepth 1 -maxdepth 1 ! -name "$keep" -exec rm -rf {} +

FROM ${NODE_IMAGE}
# ssh-keygen checks the signatures of votes, and makes those of `tidegate chat`.
RUN apt-get update \
  && apt-get install -y --no-install-recommends openssh-client \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production \
  TIDEGATE_CONFIG=/config
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY workflows ./workflows
COPY activities ./activities
COPY ledger ./ledger
COPY worker ./worker
COPY client ./client
# bin/tidegate runs the checkout's own Node; here that is the image's.
RUN mkdir -p node_modules/.bin \
  && ln -sf "$(command -v node)" node_modules/.bin/node \
  && ln -s /app/bin/tidegate /usr/local/bin/tidegate \
  && mkdir /config && chown node:node /config \
  && tidegate --version
# The image's unprivileged user (1000), which must be able to read what is mounted.
USER node
# Must be above the worker's shutdownForceTime (20 s), or running steps are cut instead of handed on:
# `docker stop --time 30`, `stop_grace_period` in compose, `terminationGracePeriodSeconds` in pods.
STOPSIGNAL SIGTERM
CMD ["node", "worker/main.ts"]
