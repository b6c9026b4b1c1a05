#!/usr/bin/env bash
# Builds, serves and tests Impasto, and installs what is missing for that.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'EOF'
./build.sh               build the static site into dist/ and the npm package into pkg/
./build.sh pkg           the same (the package is made from the site's files)
./build.sh serve [PORT]  build, then serve it on this machine (port 8080)
./build.sh test          format, types, lints, library, command line and browser tests
./build.sh help          this text

dist/ works from any sub-path of any static host.

Environment:
  CARGO_TARGET_DIR   compiled code (default: ~/.cache/impasto/target)
  IMPASTO_WASM_STD   where the wasm32 standard library comes from: auto (default), rustup,
                     or debian (built from the sources in Debian's rust-src package)
  CHROMIUM           the browser for the tests (default: chromium or google-chrome)
EOF
}

WASM=wasm32-unknown-unknown
BINDGEN_VERSION=$(sed -n 's/^wasm-bindgen = "=\(.*\)"$/\1/p' Cargo.toml)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/impasto
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
export PATH=$CACHE/tools/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
mkdir -p "$CACHE"

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }
# limit SECONDS COMMAND...: where the system has no such tool (macOS), without a limit.
limit() { if has timeout; then timeout "$@"; else "${@:2}"; fi; }
has() { command -v "$1" >/dev/null 2>&1; }

# ---- tools ---------------------------------------------------------------------------------

# apt_install WHAT-FOR PACKAGE...
apt_install() {
  local purpose=$1 root=()
  shift
  has apt-get || die "$purpose is missing: install it with your package manager (Debian calls it: $*)"
  if [ "$(id -u)" != 0 ]; then
    has sudo || die "$purpose is missing: as root, run: apt-get install $*"
    root=(sudo)
  fi
  say "installing $purpose ($*)"
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need_rust() {
  has cc || apt_install 'a C linker' gcc libc6-dev
  if ! has cargo; then
    has curl || apt_install curl curl ca-certificates
    say 'installing Rust with rustup, into your home directory'
    curl --proto '=https' --tlsv1.2 -sSf --connect-timeout 20 https://sh.rustup.rs |
      sh -s -- -y --profile minimal --default-toolchain none --no-modify-path ||
      die 'rustup could not be installed; see https://rustup.rs'
  fi
  local wanted
  wanted=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
  # The first call makes rustup fetch the toolchain that rust-toolchain.toml names.
  local found
  found=$(rustc --version) || die "Rust $wanted could not be installed: rustup toolchain install $wanted"
  case $found in
    "rustc $wanted "*) ;;
    *) die "Rust $wanted is needed but $(command -v rustc) is ${found#rustc }: install rustup (https://rustup.rs), which reads rust-toolchain.toml" ;;
  esac
}

need_rust_lints() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  has rustup || die 'rustfmt and clippy are missing: install them as you installed Rust'
  say 'installing rustfmt and clippy'
  rustup component add rustfmt clippy
}

need_node() {
  has node && has npm || apt_install 'Node.js' nodejs npm
  local version
  version=$(node --version)
  version=${version#v}
  [ "${version%%.*}" -ge 20 ] || die "Node.js 20 or newer is needed and this is $version: see https://nodejs.org"
}

find_chromium() {
  local name
  for name in "${CHROMIUM:-chromium}" chromium chromium-browser google-chrome google-chrome-stable; do
    has "$name" && { command -v "$name"; return; }
  done
  return 1
}

need_bindgen() {
  [ "$(wasm-bindgen --version 2>/dev/null)" = "wasm-bindgen $BINDGEN_VERSION" ] && return
  say "installing wasm-bindgen-cli $BINDGEN_VERSION"
  local install=(cargo install wasm-bindgen-cli --version "=$BINDGEN_VERSION" --root "$CACHE/tools" --force --quiet)
  # Its own lock file first; a registry mirror may lack one of the versions in it.
  "${install[@]}" --locked || "${install[@]}"
}

# ---- the standard library for wasm32 --------------------------------------------------------

std_args=()
std_env=()

# Chooses, in order: the installed target, rustup's download, the sources in Debian's rust-src.
need_wasm_std() {
  local sysroot
  sysroot=$(rustc --print sysroot)
  case ${IMPASTO_WASM_STD:-auto} in
    auto | rustup)
      if compgen -G "$sysroot/lib/rustlib/$WASM/lib/libstd-*.rlib" >/dev/null; then
        say "wasm32 standard library: installed"
        return
      fi
      if has rustup && RUSTUP_MAX_RETRIES=1 limit 120 rustup target add "$WASM" 2>"$CACHE/rustup.log"; then
        say "wasm32 standard library: downloaded by rustup"
        return
      fi
      [ "${IMPASTO_WASM_STD:-auto}" = auto ] || die "rustup target add $WASM failed: $(tail -n 1 "$CACHE/rustup.log")"
      ;;
    debian) ;;
    *) die "IMPASTO_WASM_STD is ${IMPASTO_WASM_STD}: auto, rustup or debian" ;;
  esac
  [ -f "$sysroot/lib/rustlib/src/rust/library/Cargo.lock" ] || debian_rust_src "$sysroot"
  say "wasm32 standard library: built from Debian's rust-src"
  std_args=(-Z build-std=std,panic_abort)
  # -Z asks for a nightly compiler; this lets the pinned one do it.
  std_env=(RUSTC_BOOTSTRAP=1)
}

# Unpacks the library sources of exactly this compiler's version from Debian's package into the
# sysroot. The package is not installed, and apt's own configuration stays as it is.
debian_rust_src() {
  local sysroot=$1 dir=$CACHE/rust-src version mirror package apt
  local how="get the wasm32 target by hand (rustup target add $WASM) and start again"
  has apt-get && has dpkg-deb || die "the wasm32 standard library is missing: $how"
  version=$(rustc --version | cut -d ' ' -f 2)
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | awk '/\/debian\/*$/ && !n++')
  [ -n "$mirror" ] || die "apt knows no Debian mirror: $how"
  say "fetching the library sources of Rust $version from $mirror"
  mkdir -p "$dir"/lists/partial "$dir"/archives/partial
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie-backports main" >"$dir/sources.list"
  apt=(-oDir::Etc::SourceList="$dir/sources.list" -oDir::Etc::SourceParts=/dev/null
    -oDir::State::Lists="$dir/lists" -oDir::Cache::Archives="$dir/archives"
    -oDir::Cache::pkgcache= -oDir::Cache::srcpkgcache= -oAPT::Sandbox::User="$(id -un)" -oDebug::NoLocking=1)
  apt-get "${apt[@]}" update -qq || die "could not read $mirror: $how"
  package=$(apt-cache "${apt[@]}" madison rust-src | awk -v v="$version" '$3 ~ "^" v "[+-]" && !n++ { print $3 }')
  [ -n "$package" ] || die "Debian has no rust-src $version: $how"
  (cd "$dir" && rm -f rust-src_*.deb && apt-get "${apt[@]}" download -qq "rust-src=$package")
  rm -rf "$dir/unpacked"
  dpkg-deb -x "$dir"/rust-src_*.deb "$dir/unpacked"
  local target=$sysroot/lib/rustlib/src/rust
  mkdir -p "$target" 2>/dev/null && [ -w "$target" ] || die "cannot write to $target: $how"
  # Moved into place whole, so that an interrupted copy is not taken for the library.
  rm -rf "$target/library.new"
  cp -r "$dir/unpacked/usr/src/rustc-$version/library" "$target/library.new"
  rm -rf "$target/library"
  mv "$target/library.new" "$target/library"
  rm -rf "$dir/unpacked"
}

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

# wasm_cargo COMMAND DEVICE PROFILE [ARGUMENT...]: cargo for the library in the browser.
wasm_cargo() {
  local command=$1 device=$2 profile=$3
  shift 3
  env ${std_env[@]+"${std_env[@]}"} RUSTFLAGS='-C target-feature=+simd128' \
    cargo "$command" ${std_args[@]+"${std_args[@]}"} --lib --target $WASM --profile "$profile" \
    --no-default-features --features "$device" "$@"
}

# engine DEVICE PROFILE: compiles the crate for the browser and writes $CACHE/engine/DEVICE.
engine() {
  local device=$1 profile=$2 wasm out sum
  say "engine for the $device (wasm)"
  wasm_cargo build "$device" "$profile"
  wasm=$CARGO_TARGET_DIR/$WASM/$profile/impasto.wasm
  out=$CACHE/engine/$device
  sum="$BINDGEN_VERSION $(cksum <"$wasm")"
  [ "$(cat "$out/made-from" 2>/dev/null)" = "$sum" ] && return
  rm -rf "$out"
  wasm-bindgen --target web --out-name impasto --out-dir "$out" \
    --remove-name-section --remove-producers-section "$wasm"
  echo "$sum" >"$out/made-from"
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

browser_packages() {
  local installed=tests/browser/node_modules/.package-lock.json
  [ -f "$installed" ] && [ ! tests/browser/package-lock.json -nt "$installed" ] && return
  say 'installing the packages of the build and of the browser tests'
  npm ci --prefix tests/browser --no-audit --no-fund --loglevel=error
}

# Compiles both engines. $CACHE/engine then has what the site and the package are made from.
engines() {
  [ -f models/impasto.safetensors ] || die 'models/impasto.safetensors is missing: the page needs the trained weights'
  need_rust
  need_node
  need_wasm_std
  need_bindgen
  claim_target
  engine cpu web
  engine gpu web-gpu
}

build() {
  engines
  rm -rf dist.new
  mkdir -p dist.new/models dist.new/engine/cpu dist.new/engine/gpu
  cp -r index.html www dist.new/
  bundle_page
  cp -r models/{impasto,vgg19-relu4_1}.safetensors models/tuned dist.new/models/
  for device in cpu gpu; do
    cp "$CACHE/engine/$device"/{impasto.js,impasto_bg.wasm} "dist.new/engine/$device/"
  done
  rm dist.new/www/tsconfig*.json
  node tools/licences.mjs dist.new/licences.txt
  node tools/finish-site.mjs dist.new
  rm -rf dist
  mv dist.new dist
  pkg
  say 'dist/ is ready; bytes raw and after brotli:'
  node tests/browser/sizes.mjs "$CACHE/brotli.json" dist
}

# The modules of the npm package, of which the types of the first two are for those who use it.
MODULES=(stylizer photo-stylizer adapter device download failure film known live screen start trusted tuned worker worker-cpu worker-gpu)

# types CONFIGURATION...: runs tsc over www/. The engines' types exist only once they are compiled, so
# it works on a copy that has both.
types() {
  local copy=$CACHE/types tsc=$PWD/tests/browser/node_modules/.bin/tsc device project
  browser_packages
  rm -rf "$copy"
  mkdir -p "$copy/engine/cpu" "$copy/engine/gpu"
  cp -r www "$copy/"
  ln -s "$PWD/node_modules" "$copy/node_modules"
  for device in cpu gpu; do cp "$CACHE/engine/$device/impasto.d.ts" "$copy/engine/$device/"; done
  for project in "$@"; do
    (cd "$copy" && "$tsc" -p "www/$project.json") || return
  done
}

# The npm package, from a site that is built.
pkg() {
  local module device
  rm -rf pkg.new
  mkdir -p pkg.new/www pkg.new/models pkg.new/engine/cpu pkg.new/engine/gpu
  for module in "${MODULES[@]}" build; do cp "dist/www/$module.js" pkg.new/www/; done
  cp dist/models/*.safetensors pkg.new/models/
  for device in cpu gpu; do
    cp "$CACHE/engine/$device"/{impasto.js,impasto.d.ts,impasto_bg.wasm} "pkg.new/engine/$device/"
  done
  types tsconfig.package
  cp "$CACHE"/types/out/www/*.d.ts pkg.new/www/
  cp www/build.d.ts pkg.new/www/
  cp npm/README.md LICENSE-APACHE LICENSE-MIT dist/licences.txt pkg.new/
  sed "s/\"VERSION\"/\"$(sed -n '/^version/s/^version = "\(.*\)"$/\1/p' Cargo.toml)\"/" npm/package.json >pkg.new/package.json
  rm -rf pkg
  mv pkg.new pkg
  say 'pkg/ is ready: npm pack ./pkg'
}

# ---- testing -------------------------------------------------------------------------------

passed=0
failed=0
summary=()

# check NAME COMMAND...: a step without tests of its own; it counts only when it fails.
check() {
  local name=$1
  shift
  say "$name"
  "$@" && return
  summary+=("$name: FAILED")
  failed=$((failed + 1))
  return 1
}

# tests NAME PATTERN COMMAND...: a step that runs tests; PATTERN finds the runner's summary lines.
tests() {
  local name=$1 pattern=$2 log status=0 line runner_failed=0
  shift 2
  say "$name"
  log=$(mktemp)
  "$@" 2>&1 | tee "$log" || status=1
  while IFS= read -r line; do
    summary+=("$name: $line")
    # cargo: "test result: ok. 3 passed; 0 failed; …"; node: "ℹ pass 3", "ℹ fail 0".
    if [[ $line =~ ([0-9]+)\ passed\;\ ([0-9]+)\ failed ]]; then
      passed=$((passed + BASH_REMATCH[1]))
      runner_failed=$((runner_failed + BASH_REMATCH[2]))
    elif [[ $line =~ pass\ ([0-9]+) ]]; then
      passed=$((passed + BASH_REMATCH[1]))
    elif [[ $line =~ (fail|cancelled)\ ([0-9]+) ]]; then
      runner_failed=$((runner_failed + BASH_REMATCH[2]))
    fi
  done < <(grep -E "$pattern" "$log")
  rm -f "$log"
  if [ $status != 0 ] && [ $runner_failed = 0 ]; then
    summary+=("$name: FAILED outside its tests, see above")
    runner_failed=1
  fi
  failed=$((failed + runner_failed))
}

run_tests() {
  need_rust
  need_rust_lints
  need_node
  find_chromium >/dev/null || apt_install 'a browser for the tests' chromium
  CHROMIUM=$(find_chromium) || die 'chromium is missing: install it, or name one in CHROMIUM'
  export CHROMIUM
  claim_target

  check 'format' cargo fmt --check || true
  check 'lints' cargo clippy --release --all-targets --features train -- -D warnings || true
  need_wasm_std
  check 'lints for the browser' wasm_cargo clippy cpu web -- -D warnings || true
  tests 'library and command line' '^test result:' cargo test --release --features train --no-fail-fast
  # The command line that the browser tests compare with is the one that cargo test built: a plain
  # cargo build would choose other features for some dependencies and compile nearly all again.
  # The site is built by a process of its own, because `&&` switches `set -e` off for functions.
  if check 'site' ./build.sh build; then
    check 'sizes' node tests/browser/sizes.mjs "$CACHE/brotli.json" dist --check || true
    check 'types' types tsconfig tsconfig.service-worker || true
    tests 'browser' '^ℹ (pass|fail|cancelled) ' \
      node --test --test-concurrency=1 --test-reporter=spec tests/browser/
  fi

  echo
  printf '%s\n' "${summary[@]}"
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
}

# ---- commands ------------------------------------------------------------------------------

case ${1:-build} in
  build | pkg) build ;;
  serve)
    build
    exec node tests/browser/server.mjs dist "${2:-8080}"
    ;;
  test) run_tests ;;
  help | -h | --help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
