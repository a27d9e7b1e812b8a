//! The programs as they are typed: real processes, their answers for people and for programs, their exit codes.

mod agent;
mod audit;
mod ledger;
mod listing;
mod people;
mod profile;
mod serve;
mod terminal;

use std::path::PathBuf;

use kaishin_tests::serve::CommandLine;
use serde_json::Value;
use tempfile::TempDir;

/// A command line on a folder that is not there yet.
struct Fresh {
    line: CommandLine,
    data: PathBuf,
    _folder: TempDir,
}

impl Fresh {
    fn new() -> Fresh {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("kaishin");
        Fresh {
            line: CommandLine::on(&data),
            data,
            _folder: folder,
        }
    }
}

fn code(refused: &Value) -> &str {
    refused["error"]["code"].as_str().unwrap_or_default()
}
