//! The swap of extensions on a real browser: Debian's Chromium with its managed policies in place of the terminals' Edge, and
//! the agent's own reading of the browser's own profile as the proof.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kaishin_agent::crx;
use kaishin_agent::facts::{self, About};
use kaishin_agent::os::linux::{Browser, Linux};
use kaishin_agent::remedies::before::Record;
use kaishin_agent::remedies::{self, Acted, Around, Failed, Story, Told};
use kaishin_proto::id::JobId;
use kaishin_proto::profile::Profile;
use kaishin_proto::remedy::{Remedy, Strategy};
use kaishin_proto::time::Time;
use kaishin_proto::value::{Value, Version};
use kaishin_tests::children::Child;
use kaishin_tests::need;
use kaishin_tests::require::program;
use kaishin_tests::wait::{eventually, within};

use super::foreign::pack;

const SWAP: Remedy = Remedy::EdgeExtensionSwap {
    strategy: Strategy::Managed,
};
/// Where Debian's Chromium looks for what an administrator wants.
const MANAGED: &str = "/etc/chromium/policies/managed";
const EXTENSIONS: [&str; 3] = ["delegate", "nopinauth", "pinauth"];
const OLD: &str = "1.2.0.5";
const NEW: &str = "2.0.0.0";
/// The browser writes its profile every ten seconds, and looks at changed policies after five.
const AT_LEISURE: Duration = Duration::from_secs(120);

/// Files among the policies of this machine's browser, and what was made for them; gone with this, however the test fares.
struct Policies {
    before: PathBuf,
    own: PathBuf,
    made: Vec<PathBuf>,
}

impl Policies {
    /// `None` where this user may not write there.
    fn new() -> Option<Policies> {
        let folder = PathBuf::from(MANAGED);
        let parents = folder.ancestors().take_while(|folder| !folder.exists());
        let made: Vec<PathBuf> = parents.map(Path::to_owned).collect();
        std::fs::create_dir_all(&folder).ok()?;
        let policies = Policies {
            before: folder.join("kaishin-test-1-before.json"),
            own: folder.join("kaishin-test-2-agent.json"),
            made,
        };
        std::fs::write(&policies.before, "{}").ok()?;
        Some(policies)
    }
}

impl Drop for Policies {
    fn drop(&mut self) {
        // What is not there need not go, and a folder with somebody else's file stays.
        let _ = std::fs::remove_file(&self.before);
        let _ = std::fs::remove_file(&self.own);
        for folder in &self.made {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// A clinic's disk with a browser that policy has given three old extensions.
struct Clinic {
    chromium: PathBuf,
    folder: tempfile::TempDir,
    policies: Policies,
    linux: Linux,
    around: Around,
    browser: Option<Child>,
}

impl Clinic {
    fn new(chromium: PathBuf, policies: Policies) -> Clinic {
        let folder = tempfile::Builder::new()
            .prefix("kaishin-swap-")
            .tempdir()
            .expect("a folder");
        let place = |name: &str| folder.path().join(name);
        for name in [
            "shelf",
            "before",
            "drive/Users/uketsuke",
            "drive/Program Files/OQS-Auth/ext",
        ] {
            std::fs::create_dir_all(place(name)).expect("a folder");
        }
        let mut profile = Profile::built_in();
        let (mut manifest, mut list) = (String::new(), Vec::new());
        for (nth, name) in EXTENSIONS.into_iter().enumerate() {
            // The third is replaced by a later version of itself.
            let old = packed(&chromium, &place("before"), &format!("{name}-1"), OLD, None);
            let key = (nth == 2).then(|| place("before").join(format!("{name}-1.pem")));
            let new = packed(&chromium, &place("before"), &format!("{name}-2"), NEW, key.as_deref());
            let file = place("drive/Program Files/OQS-Auth/ext").join(format!("{name}.crx"));
            std::fs::copy(&new.1, file).expect("a copy");
            let wanted = [
                &mut profile.edge.delegate,
                &mut profile.edge.nopinauth,
                &mut profile.edge.pinauth,
            ];
            let wanted = wanted.into_iter().nth(nth).expect("three");
            wanted.id = Some(new.0);
            wanted
                .old_ids
                .extend(Some(old.0.clone()).filter(|id| Some(id) != wanted.id.as_ref()));
            let url = format!("file://{}", old.1.display());
            manifest += &format!(
                "<app appid=\"{}\"><updatecheck codebase=\"{url}\" version=\"{OLD}\"/></app>",
                old.0
            );
            list.push(format!("{};file://{}", old.0, place("before/old.xml").display()));
        }
        let manifest = format!(
            "<?xml version=\"1.0\"?><gupdate xmlns=\"http://www.google.com/update2/response\" protocol=\"2.0\">{manifest}</gupdate>"
        );
        std::fs::write(place("before/old.xml"), manifest).expect("a file");
        let said = serde_json::json!({"ExtensionInstallForcelist": list, "BookmarkBarEnabled": true});
        std::fs::write(&policies.before, said.to_string()).expect("a file");
        let linux = Linux::new("/").with_browser(Browser {
            drive: place("drive"),
            policies: policies.own.clone(),
            shelf: place("shelf"),
        });
        let mut about = About::new("0.1.0", Time(1));
        about.profile = profile.into();
        Clinic {
            chromium,
            linux,
            policies,
            around: Around {
                about,
                now: Time(2),
                story: Story::default(),
                told: Told::default(),
            },
            folder,
            browser: None,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("drive/Program Files/OQS-Auth/ext").join(name)
    }

    fn profile(&self) -> PathBuf {
        let user = self.folder.path().join("drive/Users/uketsuke");
        user.join("AppData/Local/Microsoft/Edge/User Data")
    }

    /// As when somebody switches the terminal on in the morning.
    fn start_browser(&mut self) {
        self.browser = None;
        let mut command = Command::new(&self.chromium);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
        // Hours between two looks for updates, otherwise.
        command.arg("--extensions-update-frequency=5");
        command.arg(format!("--user-data-dir={}", self.profile().display()));
        self.browser = Some(Child::spawn(command.arg("about:blank")).expect("Chromium starts"));
    }

    fn facts(&self) -> Vec<(String, Value)> {
        facts::section("edge", &self.linux, &self.around.about).expect("a section")
    }

    fn version(&self, name: &str) -> Option<Version> {
        let key = format!("edge.{name}.version");
        let found = self.facts().into_iter().find(|(known, _)| *known == key)?.1;
        if let Value::Version(version) = found {
            Some(version)
        } else {
            None
        }
    }

    fn has(&self, version: &str) -> bool {
        let version = Version(version.to_owned());
        EXTENSIONS
            .iter()
            .all(|name| self.version(name).as_ref() == Some(&version))
    }

    /// What some profile has no working one of, old or new. `None`: the browser is writing.
    fn without(&self) -> Option<Vec<String>> {
        let list = |value| {
            if let Value::List(list) = value {
                Some(list)
            } else {
                None
            }
        };
        let facts = self.facts().into_iter();
        let both = facts.filter(|(key, _)| key == "edge.missing" || key == "edge.disabled");
        let lists: Option<Vec<_>> = both.map(|(_, value)| list(value)).collect();
        lists.map(|lists| lists.concat())
    }

    fn act(&mut self, step: &str) -> Result<Acted, Failed> {
        let acted = remedies::act(SWAP, step, &self.linux, &self.around);
        if let Ok(Acted::Done(done)) = &acted {
            self.around.story.kept.extend(done.undo.iter().cloned());
        }
        acted
    }

    fn installed(&self, id: &str) -> Vec<String> {
        let folder = self.profile().join("Default/Extensions").join(id);
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

/// Its id and its file, by the browser's own hand.
fn packed(chromium: &Path, folder: &Path, name: &str, version: &str, key: Option<&Path>) -> (String, PathBuf) {
    let extension = folder.join(name);
    std::fs::create_dir_all(&extension).expect("a folder");
    let manifest = format!(r#"{{"manifest_version": 3, "name": "{name}", "version": "{version}"}}"#);
    std::fs::write(extension.join("manifest.json"), manifest).expect("a file");
    let read = crx::read(&pack(chromium, &extension, key)).expect("a sound file");
    assert_eq!(read.version, Version(version.to_owned()));
    (read.id, extension.with_extension("crx"))
}

#[tokio::test]
async fn a_real_browser_gets_the_new_extensions_before_the_old_ones_go_and_goes_back() {
    let chromium = need!(program("chromium"), "Chromium");
    let policies = need!(Policies::new(), "right to write policies of Chromium's");
    let mut clinic = Clinic::new(chromium, policies);
    let before = std::fs::read(&clinic.policies.before).expect("a file");
    clinic.start_browser();
    eventually(AT_LEISURE, "three old extensions", async || {
        clinic.has(OLD).then_some(())
    })
    .await;

    refuses_files_that_will_not_do(&mut clinic);
    let looked = swap(&mut clinic).await;
    assert!(looked > 20, "looked only {looked} times");

    assert!(clinic.has(NEW) && clinic.without() == Some(Vec::new()));
    let profile = clinic.around.about.profile.clone();
    for (_, extension) in profile.edge.extensions() {
        let id = extension.id.as_ref().expect("an id");
        assert!(
            clinic.installed(id).iter().any(|version| version.starts_with(NEW)),
            "{id}"
        );
    }
    let own = std::fs::read_to_string(&clinic.policies.own).expect("our policies");
    assert!(
        !own.contains("removed") && !own.contains("override") && own.contains("extensions.xml"),
        "{own}"
    );
    assert_eq!(std::fs::read(&clinic.policies.before).expect("a file"), before);
    clinic.start_browser();
    assert!(
        within(Duration::from_secs(12), async || (!clinic.has(NEW)).then_some(()))
            .await
            .is_none()
    );

    take_back(&mut clinic).await;
    assert_eq!(std::fs::read(&clinic.policies.before).expect("a file"), before);
}

fn refuses_files_that_will_not_do(clinic: &mut Clinic) {
    let sound = std::fs::read(clinic.file("delegate.crx")).expect("a file");
    let mut corrupt = sound.clone();
    let middle = corrupt.len() / 2;
    corrupt[middle] ^= 1;
    let strange = std::fs::read(clinic.file("nopinauth.crx")).expect("a file");
    for (bytes, code) in [(corrupt, "E-JOB-71"), (strange, "E-JOB-72")] {
        std::fs::write(clinic.file("delegate.crx"), bytes).expect("a file");
        for step in ["preflight", "allow"] {
            let failed = clinic.act(step).expect_err("a refusal");
            assert!(failed.code == code && failed.is_refusal(), "{failed:?}");
        }
        assert!(!clinic.policies.own.exists(), "nothing was touched");
    }
    std::fs::write(clinic.file("delegate.crx"), sound).expect("a file");
    assert!(clinic.has(OLD));
}

/// Step by step to the end; at every look everybody has a working one of each.
async fn swap(clinic: &mut Clinic) -> u32 {
    let mut looked = 0;
    for step in remedies::steps(SWAP) {
        if step.name == "install" {
            // A later version of what is there may have to wait until the browser starts, as it does every morning.
            let those_with_new_ids = async || match clinic.act("install") {
                Ok(Acted::Again { evidence, .. }) if evidence.contains("missing") => None,
                Ok(Acted::Again { .. } | Acted::Done(_)) => Some(()),
                Err(failed) => panic!("{failed:?}"),
            };
            eventually(AT_LEISURE, "those with new ids", those_with_new_ids).await;
            clinic.start_browser();
        }
        let turn = async || {
            if let Some(without) = clinic.without() {
                assert_eq!(without, [""; 0], "left without at {}", step.name);
                looked += 1;
            }
            match clinic.act(step.name) {
                Ok(Acted::Done(_)) => Some(()),
                Ok(Acted::Again { .. }) => None,
                Err(failed) => panic!("{}: {failed:?}", step.name),
            }
        };
        eventually(AT_LEISURE, step.name, turn).await;
    }
    looked
}

/// The old ones come back by the policy that had brought them; of itself a browser has no way back to an older version.
async fn take_back(clinic: &mut Clinic) {
    let places = clinic.around.story.kept.clone();
    assert!(!places.is_empty());
    let job = JobId::new(Time(1), [1; 10]);
    clinic.around.story.record = Some(Record {
        job,
        sections: vec!["edge".to_owned()],
        places,
        taken_back: None,
    });
    let undo = Remedy::Undo { job };
    for step in remedies::steps(undo) {
        let acted = remedies::act(undo, step.name, &clinic.linux, &clinic.around);
        assert!(matches!(acted, Ok(Acted::Done(_))), "{}: {acted:?}", step.name);
    }
    let left = std::fs::read_to_string(&clinic.policies.own).ok();
    assert_eq!(left, None, "nothing of ours is left");
    let version = |clinic: &Clinic, name| clinic.version(name).map(|version| version.0);
    let back = async || (version(clinic, "delegate")? == OLD && version(clinic, "nopinauth")? == OLD).then_some(());
    eventually(AT_LEISURE, "the old ones are back", back).await;
    assert_eq!(version(clinic, "pinauth").as_deref(), Some(NEW));
    assert_eq!(clinic.without(), Some(Vec::new()));
}
