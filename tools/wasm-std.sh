# Sourced by build.sh: where the standard library for wasm32 comes from.

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
