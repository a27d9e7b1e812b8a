//! The files that a person drags into the browser: whether all three are there, sound and new enough.

use std::path::{Path, PathBuf};

use kaishin_proto::profile::Profile;
use kaishin_proto::value::{Reason, Value};

use crate::crx::{self, Crx};
use crate::os::{EntryKind, Os, OsError, Read};

/// A folder with more of them is not the one that the manuals mean.
const MOST: usize = 20;

pub struct Found {
    pub file: String,
    pub size: u64,
    pub read: Read<Crx>,
}

/// The extension files of the folder. One manual writes `.crux`.
pub fn all(os: &dyn Os, profile: &Profile) -> Read<Vec<Found>> {
    let folder = &profile.edge.folder;
    let entries = match os.list_dir(Path::new(folder)) {
        Ok(entries) => entries,
        Err(error) if error.reason == Reason::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let is_one = |name: &str| {
        let name = name.to_lowercase();
        name.ends_with(".crx") || name.ends_with(".crux")
    };
    let files = entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::File && is_one(&entry.name));
    let read = |file: &str| {
        let bytes = os.read_file(&PathBuf::from(format!(r"{folder}\{file}")))?;
        crx::read(&bytes).map_err(|error| OsError::damaged(format!("{file}: {error}")))
    };
    let found = files.take(MOST).map(|entry| Found {
        read: read(&entry.name),
        size: entry.size,
        file: entry.name,
    });
    Ok(found.collect())
}

/// The id that the file of this name proves.
pub fn id_of(files: &Read<Vec<Found>>, name: &str) -> Read<String> {
    let files = files.as_ref().map_err(OsError::clone)?;
    match files.iter().find(|found| found.file.eq_ignore_ascii_case(name)) {
        Some(found) => found.read.as_ref().map(|crx| crx.id.clone()).map_err(OsError::clone),
        None => Err(OsError::not_found(format!(
            "neither the profile nor a file {name} tells the id"
        ))),
    }
}

/// An absent or unsound file means no; a file that may not be read means that nobody knows.
pub fn ready(files: &Read<Vec<Found>>, profile: &Profile) -> Read<bool> {
    let files = files.as_ref().map_err(OsError::clone)?;
    let mut ready = true;
    for (_, extension) in profile.edge.extensions() {
        let by_id = |found: &&Found| matches!((&found.read, &extension.id), (Ok(crx), Some(id)) if crx.id == *id);
        let by_name = || {
            files
                .iter()
                .find(|found| found.file.eq_ignore_ascii_case(&extension.file))
        };
        let found = files.iter().find(by_id).or_else(by_name);
        ready &= match found.map(|found| &found.read) {
            None => false,
            Some(Ok(crx)) => {
                let is_it = extension.id.as_ref().is_none_or(|id| crx.id == *id);
                is_it && crx.version >= extension.version
            }
            Some(Err(error)) if error.reason == Reason::Damaged => false,
            Some(Err(error)) => return Err(error.clone()),
        };
    }
    Ok(ready)
}

/// Columns: file, size, id, version, name, state.
pub fn table(files: &Read<Vec<Found>>) -> Value {
    let files = match files {
        Ok(files) => files,
        Err(error) => return error.clone().into(),
    };
    let rows = files.iter().map(|found| {
        let (id, version, name, state) = match &found.read {
            Ok(crx) => (
                crx.id.clone(),
                crx.version.to_string(),
                crx.name.clone(),
                "ok".to_owned(),
            ),
            Err(error) => (String::new(), String::new(), String::new(), error.to_string()),
        };
        vec![found.file.clone(), found.size.to_string(), id, version, name, state]
    });
    super::table(&["file", "size", "id", "version", "name", "state"], rows)
}
