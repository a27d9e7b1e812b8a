//! Kaishin's agent as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    kaishin_agent::cli::main()
}
