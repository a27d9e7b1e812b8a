//! The new extensions as they lie on the terminal. Each is read to its signature before anything else is touched: what is
//! absent, damaged, somebody else's or too old is refused here.

use std::path::{Path, PathBuf};

use kaishin_proto::profile::{Extension, Profile};
use kaishin_proto::value::{Reason, Version};

use super::super::Failed;
use crate::facts::edge::files::{self, Found};
use crate::os::{Os, Read};
use crate::words;

/// A new extension, proven to be what the profile means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// As facts call it: "delegate".
    pub name: &'static str,
    pub id: String,
    pub old_ids: Vec<String>,
    pub file: PathBuf,
    pub version: Version,
    /// The least that will do.
    pub target: Version,
}

impl New {
    pub fn is(&self, id: &str) -> bool {
        self.id == id || self.old_ids.iter().any(|old| old == id)
    }
}

pub fn all(os: &dyn Os, profile: &Profile) -> Result<Vec<New>, Failed> {
    let found = files::all(os, profile)?;
    let mut all: Vec<New> = Vec::new();
    for (name, extension) in profile.edge.extensions() {
        let new = one(name, extension, &found, &profile.edge.folder)?;
        if let Some(other) = all.iter().find(|other| other.is(&new.id)) {
            let detail = format!("{} has the id of {}", extension.file, other.name);
            return Err(refused(words::EXTENSION_STRANGE, detail));
        }
        all.push(new);
    }
    Ok(all)
}

fn one(name: &'static str, extension: &Extension, found: &[Found], folder: &str) -> Result<New, Failed> {
    let by_id = |found: &&Found| matches!((&found.read, &extension.id), (Ok(crx), Some(id)) if crx.id == *id);
    let by_name = |found: &&Found| found.file.eq_ignore_ascii_case(&extension.file);
    let file = found.iter().find(by_id).or_else(|| found.iter().find(by_name));
    let file = file.ok_or_else(|| {
        let detail = format!(r"{folder}\{} is not there", extension.file);
        refused(words::EXTENSION_ABSENT, detail)
    })?;
    let crx = match &file.read {
        Ok(crx) => crx,
        Err(error) if error.reason == Reason::Damaged => {
            return Err(refused(words::EXTENSION_DAMAGED, error.detail.clone()));
        }
        Err(error) => return Err(error.clone().into()),
    };
    if let Some(id) = extension.id.as_ref().filter(|id| **id != crx.id) {
        let detail = format!("the id of {} is {}, not {id}", file.file, crx.id);
        return Err(refused(words::EXTENSION_STRANGE, detail));
    }
    if crx.version < extension.version {
        let detail = format!("{} is {}, not {} or later", file.file, crx.version, extension.version);
        return Err(refused(words::EXTENSION_TOO_OLD, detail));
    }
    Ok(New {
        name,
        id: crx.id.clone(),
        old_ids: extension
            .old_ids
            .iter()
            .filter(|old| **old != crx.id)
            .cloned()
            .collect(),
        file: PathBuf::from(format!(r"{folder}\{}", file.file)),
        version: crx.version.clone(),
        target: extension.version.clone(),
    })
}

fn refused(code: &'static str, detail: String) -> Failed {
    Failed { code, detail }
}

/// Where the browser is told what to fetch.
pub fn manifest_path(os: &dyn Os) -> Read<PathBuf> {
    let shelf = os.shelf()?;
    let separator = if shelf.to_string_lossy().contains('\\') {
        '\\'
    } else {
        '/'
    };
    Ok(PathBuf::from(format!("{}{separator}extensions.xml", shelf.display())))
}

/// For the browser's own updater: which versions there are, and where.
pub fn manifest(os: &dyn Os, all: &[New]) -> String {
    let app = |new: &New| {
        format!(
            "  <app appid=\"{}\"><updatecheck codebase=\"{}\" version=\"{}\"/></app>\n",
            new.id,
            os.url_of(Path::new(&new.file)),
            new.version
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <gupdate xmlns=\"http://www.google.com/update2/response\" protocol=\"2.0\">\n{}</gupdate>\n",
        all.iter().map(app).collect::<String>()
    )
}
