#!/usr/bin/env bash
# Checks that every choice of features that makes sense compiles. What the page and `./build.sh test` use is not among
# them: these are for programs that depend on the crate, and for who builds the command line with one engine only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export RUSTFLAGS="${RUSTFLAGS:-} -D warnings"
# The command line comes with codecs and threads, training with the command line.
for features in cpu gpu cpu,gpu gpu,learn cli,cpu cli,gpu train,cpu train,gpu; do
  printf '\033[1m==> %s\033[0m\n' "$features"
  cargo check --locked --all-targets --no-default-features --features "$features"
done
