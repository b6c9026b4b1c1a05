//! The command line.

mod cli;

fn main() -> std::process::ExitCode {
    keep_memory();
    end_with_the_reader();
    cli::main()
}

/// Who reads standard output may have seen enough, as `head` has: that is an end, and no panic.
#[cfg(unix)]
fn end_with_the_reader() {
    // SAFETY: nothing has been started yet; this only restores what programs begin with that are not Rust's.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

#[cfg(not(unix))]
fn end_with_the_reader() {}

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
