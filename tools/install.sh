# Sourced by build.sh: installs what building and testing need and is missing.

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

browser_packages() {
  local installed=tests/browser/node_modules/.package-lock.json
  [ -f "$installed" ] && [ ! tests/browser/package-lock.json -nt "$installed" ] && return
  say 'installing the packages of the build and of the browser tests'
  npm ci --prefix tests/browser --no-audit --no-fund --loglevel=error
}

find_firefox() {
  local name
  for name in "${FIREFOX:-firefox-esr}" firefox-esr firefox; do
    has "$name" && { command -v "$name"; return; }
  done
  return 1
}

# Firefox and WebKit, of which the tests skip the one that cannot be had, and say so.
try_browsers() {
  find_firefox >/dev/null || (apt_install Firefox firefox-esr) || true
  { has WebKitWebDriver && has Xvfb; } || (apt_install "WebKit, and a screen for it" webkit2gtk-driver xvfb xauth) || true
  FIREFOX=$(find_firefox) || FIREFOX=
  export FIREFOX
}
