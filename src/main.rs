//! The command line.

mod cli;

fn main() -> std::process::ExitCode {
    keep_memory();
    cli::main()
}

/// Has glibc keep what is freed: features of large pictures are allocated again and again, and
/// fetching their memory from the system each time takes longer than writing to it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_memory() {
    const STEP: i32 = 64 << 20;
    // SAFETY: nothing has been started yet; these only set numbers that the allocator goes by.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, STEP);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_memory() {}
