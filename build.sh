#!/usr/bin/env bash
# Builds, serves and tests Impasto, and installs what is missing for that.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'EOF'
./build.sh               build the static site into dist/ and the npm package into pkg/
./build.sh site          build the site alone
./build.sh page          the same from the engines that were compiled last, in seconds
./build.sh serve [PORT]  build the site, then serve it on this machine (port 8080)
./build.sh dev [PORT]    the same, and build and load the page anew when www/ changes
./build.sh test          format, types, lints, library, command line and browser tests
./build.sh help          this text

dist/ works from any sub-path of any static host.

Environment:
  CARGO_TARGET_DIR   compiled code (default: ~/.cache/impasto/target)
  IMPASTO_WASM_STD   where the wasm32 standard library comes from: auto (default), rustup,
                     or debian (built from the sources in Debian's rust-src package)
  CHROMIUM, FIREFOX  the browsers for the tests (default: chromium or google-chrome; firefox-esr or firefox)
  GITHUB_REPOSITORY  OWNER/NAME, which the npm package names as its home (default: where git's origin is)
EOF
}

WASM=wasm32-unknown-unknown
BINDGEN_VERSION=$(sed -n 's/^wasm-bindgen = { version = "=\([^"]*\)".*/\1/p' Cargo.toml)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/impasto
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
export PATH=$CACHE/tools/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
mkdir -p "$CACHE"

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }
# limit SECONDS COMMAND...: where the system has no such tool (macOS), without a limit.
limit() { if has timeout; then timeout "$@"; else "${@:2}"; fi; }
has() { command -v "$1" >/dev/null 2>&1; }

source tools/install.sh
source tools/wasm-std.sh
source tools/tally.sh

# Cargo tells two checkouts of one package apart by the age of their files only. Where they share a
# target directory, one could be given what was compiled from the other.
claim_target() {
  local mark=$CARGO_TARGET_DIR/impasto-checkout
  [ "$(cat "$mark" 2>/dev/null)" = "$PWD" ] && return
  mkdir -p "$CARGO_TARGET_DIR"
  touch src/lib.rs
  echo "$PWD" >"$mark"
}

# ---- building ------------------------------------------------------------------------------

# wasm_cargo COMMAND FEATURES PROFILE [ARGUMENT...]: cargo for the library in the browser.
wasm_cargo() {
  local command=$1 features=$2 profile=$3
  shift 3
  env ${std_env[@]+"${std_env[@]}"} RUSTFLAGS='-C target-feature=+simd128' \
    cargo "$command" ${std_args[@]+"${std_args[@]}"} --lib --target $WASM --profile "$profile" \
    --no-default-features --features "$features" "$@"
}

# engine NAME FEATURES PROFILE: compiles the crate for the browser and writes $CACHE/engine/NAME.
engine() {
  local name=$1 features=$2 profile=$3 wasm out sum
  say "engine: $name (wasm)"
  wasm_cargo build "$features" "$profile"
  wasm=$CARGO_TARGET_DIR/$WASM/$profile/impasto.wasm
  out=$CACHE/engine/$name
  sum="$BINDGEN_VERSION $(cksum <"$wasm")"
  [ "$(cat "$out/made-from" 2>/dev/null)" = "$sum" ] && return
  rm -rf "$out"
  wasm-bindgen --target web --out-name impasto --out-dir "$out" \
    --remove-name-section --remove-producers-section "$wasm"
  echo "$sum" >"$out/made-from"
}

# copy_engines FOLDER FILE...: these files of each engine, into FOLDER/NAME.
copy_engines() {
  local folder=$1 name
  shift
  for name in cpu gpu learn; do
    mkdir -p "$folder/$name"
    cp "${@/#/$CACHE/engine/$name/}" "$folder/$name/"
  done
}

# The page's modules and the libraries that they import, as one file (and one more for what is only
# sometimes needed). stylizer.js and offline.js stay apart: they find other files by their own place.
bundle_page() {
  if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    say 'installing the packages of the page'
    npm ci --no-audit --no-fund --silent
    touch node_modules/.package-lock.json
  fi
  rm -r dist.new/www/page
  node_modules/.bin/esbuild www/page/main.js --bundle --splitting --format=esm --target=es2022 --minify \
    --external:../stylizer.js --external:../offline.js --outdir=dist.new/www/page --log-level=warning
}

# Compiles the engines. $CACHE/engine then has what the site and the package are made from.
engines() {
  [ -f models/impasto.safetensors ] || die 'models/impasto.safetensors is missing: the page needs the trained weights'
  need_rust
  need_node
  need_wasm_std
  need_bindgen
  claim_target
  engine cpu cpu,web web
  engine gpu gpu,web web-gpu
  engine learn gpu,learn,web web-gpu
}

# The site from the engines that were compiled last.
page() {
  [ -f "$CACHE/engine/learn/made-from" ] || die 'the engines are not compiled yet: ./build.sh site'
  rm -rf dist.new
  mkdir -p dist.new/models
  cp -r index.html www dist.new/
  bundle_page
  cp -r models/{impasto,vgg19-relu4_1}.safetensors models/tuned dist.new/models/
  copy_engines dist.new/engine impasto.js impasto_bg.wasm
  rm dist.new/www/tsconfig*.json dist.new/www/node.js
  node tools/licences.mjs dist.new/licences.txt
  node tools/finish-site.mjs dist.new
  rm -rf dist
  mv dist.new dist
}

site() {
  engines
  page
  say 'dist/ is ready; bytes raw and after brotli:'
  node tests/browser/sizes.mjs "$CACHE/brotli.json" dist
}

build() {
  site
  pkg
}

# The modules of the npm package, of which the types of the first two are for those who use it.
MODULES=(stylizer photo-stylizer adapter device download failure film known live node screen start trusted tuned worker worker-cpu worker-gpu worker-learn)

# types CONFIGURATION...: runs tsc over www/. The engines' types exist only once they are compiled, so
# it works on a copy that has both.
types() {
  local copy=$CACHE/types tsc=$PWD/tests/browser/node_modules/.bin/tsc project
  browser_packages
  rm -rf "$copy"
  mkdir -p "$copy"
  cp -r www "$copy/"
  ln -s "$PWD/node_modules" "$copy/node_modules"
  copy_engines "$copy/engine" impasto.d.ts
  for project in "$@"; do
    (cd "$copy" && "$tsc" -p "www/$project.json") || return
  done
}

# The npm package, from a site that is built.
pkg() {
  local module
  rm -rf pkg.new
  mkdir -p pkg.new/www pkg.new/models
  for module in "${MODULES[@]}"; do cp "www/$module.js" pkg.new/www/; done
  cp dist/www/build.js www/build.d.ts pkg.new/www/
  cp dist/models/*.safetensors pkg.new/models/
  copy_engines pkg.new/engine impasto.js impasto.d.ts impasto_bg.wasm
  types tsconfig.package
  cp "$CACHE"/types/out/www/*.d.ts pkg.new/www/
  cat npm/element.d.ts >>pkg.new/www/photo-stylizer.d.ts
  cp npm/README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT dist/licences.txt pkg.new/
  node tools/package.mjs pkg.new/package.json
  rm -rf pkg
  mv pkg.new pkg
  say 'pkg/ is ready: npm pack ./pkg'
}

# ---- testing -------------------------------------------------------------------------------

run_tests() {
  need_rust
  need_rust_lints
  need_node
  find_chromium >/dev/null || apt_install 'a browser for the tests' chromium
  CHROMIUM=$(find_chromium) || die 'chromium is missing: install it, or name one in CHROMIUM'
  export CHROMIUM
  try_browsers
  has ffmpeg && has ffprobe || apt_install 'ffmpeg for the film tests' ffmpeg
  claim_target

  check 'format' cargo fmt --check || true
  check 'lints' cargo clippy --release --all-targets --features train -- -D warnings || true
  need_wasm_std
  check 'lints for the browser' wasm_cargo clippy cpu,web web -- -D warnings || true
  check 'lints for learning in the browser' wasm_cargo clippy cpu,learn,web web -- -D warnings || true
  check 'lints for programs of others in a browser' wasm_cargo clippy cpu web -- -D warnings || true
  tests 'library and command line' '^test result:' cargo test --release --features train --no-fail-fast
  # The command line that the browser tests compare with is the one that cargo test built: a plain
  # cargo build would choose other features for some dependencies and compile nearly all again.
  # The site is built by a process of its own, because `&&` switches `set -e` off for functions.
  if check 'site' ./build.sh build; then
    check 'sizes' node tests/browser/sizes.mjs "$CACHE/brotli.json" dist --check || true
    check 'types' types tsconfig tsconfig.service-worker || true
    tests 'browser' '^ℹ (pass|fail|cancelled|skipped) ' \
      node --test --test-concurrency=2 --test-reporter=spec tests/browser/
  fi

  echo
  printf '%s\n' "${summary[@]}"
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
}

# ---- commands ------------------------------------------------------------------------------

case ${1:-build} in
  build | pkg) build ;;
  site) site ;;
  page) page ;;
  serve)
    site
    exec node tests/browser/server.mjs dist "${2:-8080}"
    ;;
  dev)
    site
    exec node tools/dev.mjs dist "${2:-8080}" www index.html -- ./build.sh page
    ;;
  test) run_tests ;;
  help | -h | --help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
