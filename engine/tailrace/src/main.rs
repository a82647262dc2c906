//! The only binary: see the library beside it.
//!
//! It brings its allocator: an event is made on one thread and freed on another, which costs the system's
//! allocator a quarter of all processor time (see *Where the time of an event goes* in docs/benchmarks.md).

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    tailrace::main()
}
