//! Rules of an installation: a folder of files, read when the server starts.

use std::io;
use std::path::Path;

use kaishin_domain::rule::{BadPack, OwnRules};

#[derive(Debug, thiserror::Error)]
#[error("E-START-08 独自のルール（{place}）を使えません。 / The rules of your own in {place} cannot be used.")]
pub struct BadOwnRules {
    place: String,
    #[source]
    source: Box<Why>,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Unread(io::Error),
    #[error(transparent)]
    Unsound(BadPack),
}

impl BadOwnRules {
    pub fn unsound(folder: &Path, bad: BadPack) -> BadOwnRules {
        BadOwnRules {
            place: folder.display().to_string(),
            source: Box::new(Why::Unsound(bad)),
        }
    }
}

/// Every `*.json`, in the order of their names.
pub fn read(folder: &Path) -> Result<OwnRules, BadOwnRules> {
    let unread = |place: &Path| {
        let place = place.display().to_string();
        move |error| BadOwnRules {
            place,
            source: Box::new(Why::Unread(error)),
        }
    };
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<_> = entries
        .map_err(unread(folder))?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(unread(&path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, text));
    }
    Ok(OwnRules::new(files))
}
