//! The browser of a simulated terminal: its profiles with their settings as files, the extension files to drag into it, and
//! its version.

use kaishin_proto::profile::Profile;
use kaishin_proto::time::{Span, Time};
use serde_json::{Value as Json, json};

use super::super::image::Layer;
use super::super::pack::{self, Key};
use super::{HKLM, Image, LONG_AGO, Lot, RegistryValue, TECHNICIAN, USERS};

const CLIENT: &str = r"SOFTWARE\WOW6432Node\Microsoft\EdgeUpdate\Clients\{56EB18F8-B008-4CBD-B6D2-8C97FE7E9062}";
const OLD: &str = "1.2.0.5";
/// Comes with the browser and belongs to nobody's list of faults.
const COMPONENT: &str = "jdiccldimpdaibmpdkjnbmckianbfold";

/// What is wrong with the extensions of a browser profile, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sound,
    Old,
    Missing(usize),
    /// Nobody has put anything in, and looked for how.
    Empty,
    Disabled(usize),
    DeveloperMode,
    /// The machine went off while the browser wrote.
    Corrupt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    Ready,
    Absent,
    Old,
    /// A copy that was interrupted.
    Cut,
}

pub fn furnish(image: &mut Image, mut lot: Lot, technician: bool) {
    let nth = lot.chance.below(3) as usize;
    let state = if lot.fault(3) {
        lot.pick(&[
            State::Old,
            State::Old,
            State::Old,
            State::Missing(nth),
            State::Missing(nth),
            State::Disabled(nth),
            State::Disabled(nth),
            State::DeveloperMode,
            State::DeveloperMode,
            State::Corrupt,
        ])
    } else {
        State::Sound
    };
    let files = if lot.fault(6) {
        lot.pick(&[Files::Absent, Files::Old, Files::Cut])
    } else {
        Files::Ready
    };
    let version = lot.pick(&["126.0.2592.87", "128.0.2739.42", "131.0.2903.86"]);
    let two_users = lot.chance.below(4) == 0 && lot.people.len() > 1;
    let (here, today) = (lot.here().1, lot.today());
    image.share(&format!("browser/version/{version}"), |layer| {
        layer.set(HKLM, CLIENT, "pv", RegistryValue::text(version));
    });
    image.share(&format!("browser/profile/{here}/{state:?}/{today:?}"), |layer| {
        profile(layer, here, state, today)
    });
    if two_users {
        image.share(&format!("browser/second/{today:?}"), |layer| {
            profile(layer, USERS[1].1, State::Sound, today)
        });
    }
    if technician {
        let then = today - Span::days(400);
        image.share(&format!("browser/technician/{today:?}"), |layer| {
            profile(layer, TECHNICIAN.1, State::Empty, then)
        });
    }
    image.share(&format!("browser/files/{files:?}"), |layer| {
        extension_files(layer, files)
    });
}

fn extension_files(layer: &mut Layer, files: Files) {
    let profile = Profile::built_in();
    for (n, (_, extension)) in profile.edge.extensions().into_iter().enumerate() {
        let version = if files == Files::Old {
            OLD
        } else {
            extension.version.0.as_str()
        };
        let manifest = json!({
            "manifest_version": 3,
            "name": extension.names.first(),
            "version": version,
        });
        let mut bytes = pack::pack(&Key::simulated(n), &manifest.to_string());
        match (files, n) {
            (Files::Absent, 1..) => continue,
            (Files::Cut, 2) => bytes.truncate(bytes.len() / 2),
            (Files::Ready | Files::Old | Files::Absent | Files::Cut, _) => {}
        }
        layer.file(format!(r"{}\{}", profile.edge.folder, extension.file), bytes, LONG_AGO);
    }
}

fn profile(layer: &mut Layer, user: &str, state: State, at: Time) {
    let data = format!(r"C:\Users\{user}\AppData\Local\Microsoft\Edge\User Data");
    let local = json!({"profile": {"info_cache": {"Default": {"name": "プロファイル 1", "user_name": ""}}}});
    layer.file(format!(r"{data}\Local State"), local.to_string().into_bytes(), at);
    let on = matches!(state, State::DeveloperMode | State::Empty);
    let secure = json!({
        "extensions": {"settings": settings(state), "ui": {"developer_mode": on}},
        "protection": {"macs": {}},
    });
    let mut secure = secure.to_string().into_bytes();
    if state == State::Corrupt {
        secure.truncate(secure.len() * 2 / 3);
    }
    layer.file(format!(r"{data}\Default\Secure Preferences"), secure, at);
    let plain = json!({"profile": {"name": "プロファイル 1"}, "extensions": {"alerts": {"initialized": true}}});
    layer.file(
        format!(r"{data}\Default\Preferences"),
        plain.to_string().into_bytes(),
        at,
    );
}

fn settings(state: State) -> Json {
    let mut settings = json!({
        COMPONENT: {"location": 5, "manifest": {"name": "Edge relevant text changes", "version": "1.2.1"}},
    });
    for (n, (_, extension)) in Profile::built_in().edge.extensions().into_iter().enumerate() {
        if state == State::Missing(n) || state == State::Empty {
            continue;
        }
        let id = Key::simulated(n).id();
        let version = if state == State::Old {
            OLD
        } else {
            extension.version.0.as_str()
        };
        let mut entry = json!({
            "location": 1,
            "path": format!(r"{id}\{version}_0"),
            "from_webstore": false,
            "manifest": {"manifest_version": 3, "name": extension.names.first(), "version": version},
        });
        // Older browsers have a state and bits, newer ones a list.
        if state == State::Old {
            entry["state"] = json!(1);
        }
        if state == State::Disabled(n) {
            entry["disable_reasons"] = json!([128]);
        }
        settings[id] = entry;
    }
    settings
}
