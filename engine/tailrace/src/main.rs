//! The only binary: see the library beside it.

fn main() -> std::process::ExitCode {
    tailrace::main()
}
