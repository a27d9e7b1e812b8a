//! What a simulated terminal's disk and registry hold: a few layers that the whole fleet shares, and on top of them what this
//! terminal alone has. So thousands of terminals fit into memory, and each is still written to as if it were alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use kaishin_proto::time::Time;

use crate::os::{Entry, EntryKind, Hive, RegistryKey, RegistryTree, RegistryValue};

/// Lower case, because neither the registry nor the disk tells cases apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(pub Hive, pub String);

impl KeyPath {
    pub fn new(hive: Hive, key: &str) -> KeyPath {
        KeyPath(hive, key.trim_matches('\\').to_lowercase())
    }

    /// Whether this is `other` or lies below it.
    pub fn is_within(&self, other: &KeyPath) -> bool {
        self.0 == other.0 && within(&self.1, &other.1)
    }
}

fn within(path: &str, other: &str) -> bool {
    path.strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePath(String);

impl FilePath {
    pub fn new(path: &Path) -> FilePath {
        FilePath(shown(path).to_lowercase())
    }

    pub fn is_within(&self, other: &FilePath) -> bool {
        within(&self.0, &other.0)
    }
}

/// Windows takes either slash.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('/', r"\");
    text.trim_end_matches('\\').to_owned()
}

#[derive(Default)]
struct Key {
    /// As first written, for listings.
    shown: Box<str>,
    /// `None` hides what a layer below has.
    values: Vec<(Box<str>, Option<RegistryValue>)>,
    /// What the layers below have here, and below here, counts no longer.
    hides: bool,
}

struct File {
    shown: Box<str>,
    /// `None`: the file is gone.
    bytes: Option<Arc<[u8]>>,
    modified: Time,
}

#[derive(Default)]
pub struct Layer {
    registry: BTreeMap<KeyPath, Key>,
    files: BTreeMap<FilePath, File>,
}

impl Layer {
    pub fn set(&mut self, hive: Hive, key: &str, name: &str, value: RegistryValue) {
        self.put(hive, key, name, Some(value));
    }

    fn put(&mut self, hive: Hive, key: &str, name: &str, value: Option<RegistryValue>) {
        let key = self.key(hive, key);
        match key.values.iter_mut().find(|(known, _)| same(known, name)) {
            Some(known) => known.1 = value,
            None => key.values.push((name.into(), value)),
        }
    }

    /// Makes a key that may have no values.
    pub fn add_key(&mut self, hive: Hive, key: &str) {
        self.key(hive, key);
    }

    fn key(&mut self, hive: Hive, key: &str) -> &mut Key {
        self.registry.entry(KeyPath::new(hive, key)).or_insert_with(|| Key {
            shown: key.trim_matches('\\').into(),
            ..Key::default()
        })
    }

    pub fn file(&mut self, path: impl AsRef<Path>, bytes: impl Into<Arc<[u8]>>, modified: Time) {
        self.put_file(path.as_ref(), Some(bytes.into()), modified);
    }

    fn put_file(&mut self, path: &Path, bytes: Option<Arc<[u8]>>, modified: Time) {
        let file = File {
            shown: shown(path).into(),
            bytes,
            modified,
        };
        self.files.insert(FilePath::new(path), file);
    }

    fn keys_below(&self, path: &KeyPath) -> impl Iterator<Item = (&KeyPath, &Key)> {
        self.registry
            .range(KeyPath(path.0, format!(r"{}\", path.1))..KeyPath(path.0, format!("{}]", path.1)))
    }

    fn files_below(&self, path: &FilePath) -> impl Iterator<Item = (&FilePath, &File)> {
        self.files
            .range(FilePath(format!(r"{}\", path.0))..FilePath(format!("{}]", path.0)))
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// By name: whoever asks for the same name means the same layer.
static SHARED: Mutex<BTreeMap<String, Arc<Layer>>> = Mutex::new(BTreeMap::new());

#[derive(Default)]
pub struct Image {
    /// From the bottom up.
    shared: Vec<Arc<Layer>>,
    pub own: Layer,
}

impl Image {
    /// Lays the layer of this name on top of those that are there, made once for the whole fleet.
    pub fn share(&mut self, name: &str, make: impl FnOnce(&mut Layer)) {
        let known = SHARED.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let layer = known.unwrap_or_else(|| {
            // Two may make it at once; both made the same.
            let mut layer = Layer::default();
            make(&mut layer);
            let layer = Arc::new(layer);
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared.entry(name.to_owned()).or_insert(layer).clone()
        });
        self.shared.push(layer);
    }

    /// From the top down.
    fn layers(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        std::iter::once(&self.own).chain(self.shared.iter().rev().map(Arc::as_ref))
    }

    /// Whether the terminal itself has removed what the shared layers have at this key.
    fn is_hidden(&self, path: &KeyPath) -> bool {
        let mut at = path.1.as_str();
        loop {
            let key = KeyPath(path.0, at.to_owned());
            if self.own.registry.get(&key).is_some_and(|key| key.hides) {
                return true;
            }
            match at.rfind('\\') {
                Some(end) => at = &at[..end],
                None => return false,
            }
        }
    }

    /// The layers that count for a key, from the top down.
    fn layers_of(&self, path: &KeyPath) -> impl DoubleEndedIterator<Item = &Layer> {
        let count = if self.is_hidden(path) { 1 } else { 1 + self.shared.len() };
        // From either end, because what is lowest is listed first.
        let layers: Vec<&Layer> = self.layers().take(count).collect();
        layers.into_iter()
    }

    pub fn get(&self, hive: Hive, key: &str, name: &str) -> Option<&RegistryValue> {
        let path = KeyPath::new(hive, key);
        let value = |layer: &'_ Layer| {
            let values = &layer.registry.get(&path)?.values;
            values.iter().position(|(known, _)| same(known, name))
        };
        let (layer, at) = self
            .layers_of(&path)
            .find_map(|layer| value(layer).map(|at| (layer, at)))?;
        layer.registry.get(&path)?.values.get(at)?.1.as_ref()
    }

    pub fn delete(&mut self, hive: Hive, key: &str, name: &str) {
        if self.get(hive, key, name).is_some() {
            self.own.put(hive, key, name, None);
        }
    }

    /// With all that lies below.
    pub fn remove_key(&mut self, hive: Hive, key: &str) {
        let path = KeyPath::new(hive, key);
        self.own.registry.retain(|known, _| !known.is_within(&path));
        if self.exists(hive, key) {
            self.own.key(hive, key).hides = true;
        }
    }

    pub fn exists(&self, hive: Hive, key: &str) -> bool {
        let path = KeyPath::new(hive, key);
        self.layers_of(&path).any(|layer| {
            let here = layer
                .registry
                .get(&path)
                .is_some_and(|key| !key.hides || !key.values.is_empty());
            here || layer
                .keys_below(&path)
                .any(|(_, key)| !key.hides || !key.values.is_empty())
        })
    }

    pub fn list(&self, hive: Hive, key: &str) -> Option<RegistryKey> {
        if !self.exists(hive, key) {
            return None;
        }
        let path = KeyPath::new(hive, key);
        let mut values: Vec<(Box<str>, bool)> = Vec::new();
        let mut subkeys: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for layer in self.layers_of(&path).rev() {
            for (name, value) in layer.registry.get(&path).map(|key| &key.values).into_iter().flatten() {
                values.retain(|(known, _)| !same(known, name));
                values.push((name.clone(), value.is_some()));
            }
            for (below, held) in layer.keys_below(&path) {
                let child = below.1.get(path.1.len() + 1..).and_then(|rest| rest.split('\\').next());
                let Some(child) = child.filter(|child| !seen.contains(*child)) else {
                    continue;
                };
                let child_key = format!(r"{}\{child}", path.1);
                if self.exists(hive, &child_key) {
                    let name = held.shown.split('\\').nth(path.1.split('\\').count()).unwrap_or(child);
                    subkeys.push(name.to_owned());
                    seen.insert(child.to_owned());
                }
            }
        }
        let values = values.into_iter().filter(|(_, there)| *there);
        Some(RegistryKey {
            subkeys,
            values: values.map(|(name, _)| name.into_string()).collect(),
        })
    }

    pub fn tree(&self, hive: Hive, key: &str, depth: u32) -> Option<RegistryTree> {
        let listed = self.list(hive, key)?;
        let value = |name: String| self.get(hive, key, &name).cloned().map(|value| (name, value));
        let below = |name: String| {
            let tree = match depth {
                0 => None,
                more => self.tree(hive, &format!(r"{key}\{name}"), more - 1),
            };
            tree.map(|tree| (name, tree))
        };
        Some(RegistryTree {
            values: listed.values.into_iter().filter_map(value).collect(),
            keys: listed.subkeys.into_iter().filter_map(below).collect(),
        })
    }

    pub fn file(&self, path: &Path) -> Option<Arc<[u8]>> {
        let path = FilePath::new(path);
        self.layers().find_map(|layer| layer.files.get(&path))?.bytes.clone()
    }

    pub fn remove_file(&mut self, path: &Path) {
        self.own.put_file(path, None, Time::ZERO);
    }

    /// `None` where the folder is absent: there is none without something in it.
    pub fn list_dir(&self, path: &Path) -> Option<Vec<Entry>> {
        let folder = FilePath::new(path);
        let mut found: BTreeMap<String, Entry> = BTreeMap::new();
        let mut gone = BTreeSet::new();
        for layer in self.layers() {
            for (below, file) in layer.files_below(&folder) {
                if gone.contains(&below.0) {
                    continue;
                }
                let Some(bytes) = &file.bytes else {
                    gone.insert(below.0.clone());
                    continue;
                };
                let rest = below.0.get(folder.0.len() + 1..).unwrap_or_default();
                let (child, is_folder) = match rest.split_once('\\') {
                    Some((child, _)) => (child, true),
                    None => (rest, false),
                };
                let name = file
                    .shown
                    .split('\\')
                    .nth(folder.0.split('\\').count())
                    .unwrap_or(child);
                found.entry(child.to_owned()).or_insert_with(|| Entry {
                    name: name.to_owned(),
                    kind: if is_folder { EntryKind::Folder } else { EntryKind::File },
                    size: if is_folder { 0 } else { bytes.len() as u64 },
                    modified: Some(file.modified),
                });
            }
        }
        (!found.is_empty()).then(|| found.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HKLM: Hive = Hive::LocalMachine;

    fn image() -> Image {
        let mut image = Image::default();
        image.share("test/one", |layer| {
            layer.set(HKLM, r"SOFTWARE\OQS\Face", "Version", RegistryValue::dword(1));
            layer.set(HKLM, r"SOFTWARE\OQS\Link", "Version", RegistryValue::dword(1));
            layer.file(r"C:\OQS\Face\a.txt", *b"one", Time(1));
            layer.file(r"C:\OQS\b.txt", *b"one", Time(1));
        });
        image.share("test/two", |layer| {
            layer.set(HKLM, r"SOFTWARE\OQS\Face", "VERSION", RegistryValue::dword(2));
            layer.file(r"C:\OQS\B.TXT", *b"two!", Time(2));
        });
        image
    }

    #[test]
    fn what_lies_on_top_counts_and_the_shared_layers_stay_as_they_are() {
        let mut image = image();
        assert_eq!(
            image.get(HKLM, r"software\oqs\FACE", "version"),
            Some(&RegistryValue::dword(2))
        );
        image
            .own
            .set(HKLM, r"SOFTWARE\OQS\Face", "Version", RegistryValue::dword(3));
        image.own.file("c:/oqs/FACE/A.txt", *b"mine", Time(3));
        assert_eq!(
            image.get(HKLM, r"software\oqs\FACE", "version"),
            Some(&RegistryValue::dword(3))
        );
        assert_eq!(
            image.file(Path::new(r"C:\OQS\face\a.txt")).as_deref(),
            Some(&b"mine"[..])
        );
        assert_eq!(image.file(Path::new(r"C:\OQS\b.txt")).as_deref(), Some(&b"two!"[..]));
        let other = self::image();
        assert_eq!(
            other.file(Path::new(r"C:\OQS\face\a.txt")).as_deref(),
            Some(&b"one"[..])
        );
    }

    #[test]
    fn what_is_removed_stays_away_until_it_is_made_again() {
        let mut image = image();
        image.delete(HKLM, r"SOFTWARE\OQS\Face", "version");
        assert_eq!(image.get(HKLM, r"SOFTWARE\OQS\Face", "Version"), None);
        assert!(image.exists(HKLM, r"SOFTWARE\OQS\Face"));
        image.remove_key(HKLM, r"SOFTWARE\OQS");
        assert_eq!(image.list(HKLM, r"SOFTWARE\OQS"), None);
        assert_eq!(image.tree(HKLM, "SOFTWARE", 9), Some(RegistryTree::default()));
        image
            .own
            .set(HKLM, r"SOFTWARE\OQS\Face", "New", RegistryValue::dword(4));
        let tree = image.tree(HKLM, "SOFTWARE", 9).unwrap();
        let oqs = tree.key("oqs").unwrap();
        assert_eq!(oqs.keys.len(), 1);
        assert_eq!(
            oqs.key("face").unwrap().values,
            [("New".into(), RegistryValue::dword(4))]
        );
        image.remove_file(Path::new(r"C:\OQS\b.txt"));
        assert_eq!(image.file(Path::new(r"C:\OQS\B.txt")), None);
        let names: Vec<_> = image
            .list_dir(Path::new(r"C:\OQS\"))
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert_eq!(names, ["Face"]);
    }

    #[test]
    fn folders_are_listed_by_name_kind_and_size() {
        let entries = image().list_dir(Path::new("c:/oqs")).unwrap();
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.kind, entry.size))
            .collect();
        assert_eq!(seen, [("B.TXT", EntryKind::File, 4), ("Face", EntryKind::Folder, 0)]);
        assert_eq!(image().list_dir(Path::new(r"C:\OQ")), None);
    }
}
