//! `kaishin`: the server and its operators' command line.

use std::process::ExitCode;

// Many small allocations from many threads, held for long: where the system's allocator fragments.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    kaishin::cli::run()
}
