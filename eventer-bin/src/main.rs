//! The program `eventer`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eventer_bin::run()
}
