//! Files between us and programs that know nothing of us: what they write we can read, and what we write they can.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kaishin_agent::crx::{self, Crx};
use kaishin_agent::facts::{About, certificates};
use kaishin_agent::os::sim::Sim;
use kaishin_agent::os::{RegistryKind, RegistryValue};
use kaishin_agent::preg::{Policy, Said};
use kaishin_agent::remedies::{self, Acted, Around, Story, Told};
use kaishin_proto::clock::Clock;
use kaishin_proto::remedy::{Remedy, UpdateMode};
use kaishin_proto::time::Time;
use kaishin_proto::value::Version;
use kaishin_tests::need;
use kaishin_tests::require::{program, skipped};
use sha2::{Digest, Sha256};

const AU: &str = r"Software\Policies\Microsoft\Windows\WindowsUpdate\AU";

/// A program that may not outlive the test, however it fares.
fn run(command: &Path, arguments: &[&str]) -> Output {
    let timeout = program("timeout").expect("coreutils are there");
    let output = Command::new(timeout)
        .args(["--kill-after=5", "60"])
        .arg(command)
        .args(arguments)
        .output();
    output.expect("the program can be started")
}

/// Packs the folder as the browser's own developer page does.
pub fn pack(chromium: &Path, folder: &Path, key: Option<&Path>) -> Vec<u8> {
    let data = tempfile::tempdir().expect("a folder");
    let file = folder.with_extension("crx");
    let _ = std::fs::remove_file(&file);
    let mut arguments = vec![
        "--headless".to_owned(),
        "--no-sandbox".to_owned(),
        format!("--user-data-dir={}", data.path().display()),
        format!("--pack-extension={}", folder.display()),
    ];
    arguments.extend(key.map(|key| format!("--pack-extension-key={}", key.display())));
    let output = run(chromium, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    std::fs::read(&file).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// From the private key that the browser made, past all code of ours.
fn id_by_openssl(key: &Path) -> Option<String> {
    let key = key.to_string_lossy();
    let public = run(
        &program("openssl")?,
        &["pkey", "-in", &key, "-pubout", "-outform", "DER"],
    );
    let hash = hex::encode(Sha256::digest(public.stdout));
    let letter = |digit: char| char::from(b'a' + digit.to_digit(16).unwrap_or_default() as u8);
    Some(hash.chars().take(32).map(letter).collect())
}

#[test]
fn an_extension_that_the_real_browser_packed_tells_its_id_and_version() {
    let chromium = need!(program("chromium"), "Chromium");
    let folder = tempfile::tempdir().expect("a folder");
    let extension = folder.path().join("delegate");
    let write = |version: &str, more: &str| {
        std::fs::create_dir_all(&extension).expect("a folder");
        let manifest = format!(r#"{{"manifest_version": 3, "name": "目視確認", "version": "{version}"{more}}}"#);
        std::fs::write(extension.join("manifest.json"), manifest).expect("a file");
        std::fs::write(extension.join("受付.js"), "// ".repeat(40_000)).expect("a file");
    };
    write("1.4", "");
    let old = pack(&chromium, &extension, None);
    let key = folder.path().join("delegate.pem");
    let read = crx::read(&old).expect("a sound file");
    assert_eq!(read.name, "目視確認");
    assert_eq!(read.version, Version("1.4".into()));
    match id_by_openssl(&key) {
        Some(id) => assert_eq!(read.id, id),
        None => return skipped("OpenSSL"),
    }
    write("2.0.0.0", r#", "description": "あたらしい""#);
    let new = pack(&chromium, &extension, Some(&key));
    let expected = Crx {
        id: read.id,
        version: Version("2.0.0.0".into()),
        name: read.name,
    };
    assert_eq!(crx::read(&new), Ok(expected));
    for damage in [new.len() / 4, new.len() / 2, new.len() - 30] {
        let mut damaged = new.clone();
        damaged[damage] ^= 0x10;
        assert!(crx::read(&damaged).is_err(), "byte {damage}");
        assert!(crx::read(&new[..damage]).is_err(), "cut at {damage}");
    }
}

/// Debian's Samba belongs to Debian's Python, which need not be the first one in the path.
fn python_with_samba() -> Option<PathBuf> {
    let own = PathBuf::from("/usr/bin/python3");
    let pythons = [Some(own), program("python3")].into_iter().flatten();
    pythons
        .filter(|python| python.exists())
        .find(|python| run(python, &["-c", "import samba.dcerpc.preg"]).status.success())
}

/// One line for each record, as Samba understood it.
const READ: &str = r"
import sys
from samba.dcerpc import preg
from samba.ndr import ndr_unpack
for entry in ndr_unpack(preg.file, open(sys.argv[1], 'rb').read()).entries:
    print(entry.keyname, entry.valuename, entry.type, repr(entry.data), sep='|')
";

const WRITE: &str = r"
import sys
from samba.dcerpc import preg
from samba.ndr import ndr_pack
def entry(key, name, kind, data):
    made = preg.entry()
    made.keyname, made.valuename, made.type, made.data = key, name, kind, data
    return made
file = preg.file()
file.header.signature, file.header.version = 'PReg', 1
au = r'Software\Policies\Microsoft\Windows\WindowsUpdate\AU'
# The count first: the list is cut to it.
entries = [entry(au, 'NoAutoUpdate', 4, 0), entry(au, 'AUOptions', 4, 4), entry(au, '**del.Other', 1, ' '),
           entry(r'Software\別', '受付', 1, '受付;[1]')]
file.num_entries = len(entries)
file.entries = entries
open(sys.argv[1], 'wb').write(ndr_pack(file))
";

#[test]
fn a_policy_file_of_ours_is_understood_by_samba() {
    let python = need!(python_with_samba(), "python3-samba");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("Registry.pol");
    let mut policy = Policy::default();
    policy.set(AU, "NoAutoUpdate", &RegistryValue::dword(0));
    policy.set(AU, "AUOptions", &RegistryValue::dword(4));
    policy.remove(AU, "ScheduledInstallTime");
    policy.set(r"Software\別", "受付", &RegistryValue::text("受付;[1]"));
    let binary = RegistryValue::new(RegistryKind::BINARY, vec![0, 91, 0, 93, 255]);
    policy.set(r"Software\別", "Blob", &binary);
    std::fs::write(&file, policy.write()).expect("a file");
    let output = run(&python, &["-c", READ, &file.to_string_lossy()]);
    let told = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<_> = told.lines().collect();
    let expected = [
        format!("{AU}|NoAutoUpdate|4|0"),
        format!("{AU}|AUOptions|4|4"),
        format!("{AU}|**del.ScheduledInstallTime|1|' '"),
        r"Software\別|受付|1|'受付;[1]'".to_owned(),
        r"Software\別|Blob|3|b'\x00[\x00]\xff'".to_owned(),
    ];
    assert_eq!(lines, expected, "{}", String::from_utf8_lossy(&output.stderr));
}

/// What Samba understands of a file, a line for each record.
fn told_by_samba(python: &Path, file: &Path) -> Vec<String> {
    let output = run(python, &["-c", READ, &file.to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Of the lines of a file, those about the update mode and all others.
fn ours_and_others(lines: &[String]) -> (Vec<String>, Vec<String>) {
    let names = [
        "NoAutoUpdate",
        "AUOptions",
        "ScheduledInstallDay",
        "ScheduledInstallTime",
        "ScheduledInstallEveryWeek",
    ];
    let is_ours = |line: &&String| {
        let name = line.split('|').nth(1).unwrap_or_default();
        line.starts_with(AU) && names.contains(&name.trim_start_matches("**del."))
    };
    let of = |wanted: bool| lines.iter().filter(|line| is_ours(line) == wanted).cloned().collect();
    (of(true), of(false))
}

#[test]
fn the_update_mode_changes_exactly_its_own_records_of_a_policy_file_of_sambas() {
    const POLICY: &str = r"C:\Windows\System32\GroupPolicy\Machine\Registry.pol";
    let python = need!(python_with_samba(), "python3-samba");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("Registry.pol");
    let output = run(&python, &["-c", WRITE, &file.to_string_lossy()]);
    let whole = std::fs::read(&file).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let (_, others) = ours_and_others(&told_by_samba(&python, &file));
    assert_eq!(others.len(), 2, "{others:?}");

    let terminal = Sim::new(1, 1, Clock::manual(Time(1_800_000_000_000_000)));
    terminal.put_file(POLICY, whole);
    let around = |kept| Around {
        about: About::new("0.1.0", Time(0)),
        now: Time(0),
        story: Story {
            kept,
            ..Story::default()
        },
        told: Told::default(),
    };
    let order = |mode| {
        let remedy = Remedy::WindowsUpdateMode { mode, hour: 5 };
        let mut undo = Vec::new();
        for step in remedies::steps(remedy) {
            match remedies::act(remedy, step.name, &terminal, &around(undo.clone())).expect(step.name) {
                Acted::Done(done) => undo.extend(done.undo),
                Acted::Again { evidence, .. } => panic!("{evidence}"),
            }
        }
        std::fs::write(&file, terminal.file(POLICY).expect("a file")).expect("a file");
        (undo, told_by_samba(&python, &file))
    };
    let (_, said) = order(UpdateMode::Automatic);
    assert_eq!(ours_and_others(&said), (automatic(), others.clone()));

    let (undo, said) = order(UpdateMode::Manual);
    let (mut manual, foreign) = ours_and_others(&said);
    assert_eq!(foreign, others);
    manual.sort();
    let gone = [
        "AUOptions",
        "ScheduledInstallDay",
        "ScheduledInstallEveryWeek",
        "ScheduledInstallTime",
    ];
    let mut expected: Vec<String> = gone.map(|name| format!(r"{AU}|**del.{name}|1|' '")).into();
    expected.push(format!("{AU}|NoAutoUpdate|4|1"));
    expected.sort();
    assert_eq!(manual, expected);
    // Byte for byte: what is not ours is the same stretch of the file, before, between and after.
    let bytes = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let written = terminal.file(POLICY).expect("a file");
    let stands = |text: &str| written.windows(bytes(text).len()).any(|window| window == bytes(text));
    assert!(stands("受付;[1]") && stands(r"**del.Other"));

    for before in &undo {
        before.put_back(&terminal).expect("it goes back");
    }
    std::fs::write(&file, terminal.file(POLICY).expect("a file")).expect("a file");
    let (mut ours, foreign) = ours_and_others(&told_by_samba(&python, &file));
    ours.sort();
    let mut expected = automatic();
    expected.sort();
    assert_eq!((ours, foreign), (expected, others));
}

/// As Samba tells it.
fn automatic() -> Vec<String> {
    let said = [
        ("NoAutoUpdate", 0),
        ("AUOptions", 4),
        ("ScheduledInstallDay", 0),
        ("ScheduledInstallTime", 5),
        ("ScheduledInstallEveryWeek", 1),
    ];
    said.map(|(name, number)| format!("{AU}|{name}|4|{number}")).into()
}

#[test]
fn a_policy_file_of_sambas_is_read_and_changed_without_touching_the_rest() {
    let python = need!(python_with_samba(), "python3-samba");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("Registry.pol");
    let output = run(&python, &["-c", WRITE, &file.to_string_lossy()]);
    let whole = std::fs::read(&file).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let mut policy = Policy::read(&whole).expect("a sound file");
    assert_eq!(policy.said(AU, "AUOptions"), Said::Set(RegistryValue::dword(4)));
    assert_eq!(policy.said(AU, "other"), Said::Removed);
    let other = policy.said(r"SOFTWARE\別", "受付");
    assert_eq!(other, Said::Set(RegistryValue::text("受付;[1]")));
    assert_eq!(policy.write(), whole);
    policy.set(AU, "AUOptions", &RegistryValue::dword(3));
    let changed = policy.write();
    let differ = whole
        .iter()
        .zip(&changed)
        .filter(|(before, after)| before != after)
        .count();
    assert_eq!((whole.len(), differ), (changed.len(), 1));
}

#[test]
fn a_certificate_that_openssl_makes_is_read_as_openssl_reads_it() {
    let openssl = need!(program("openssl"), "OpenSSL");
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (key, made) = (place("key.pem"), place("certificate.der"));
    let subject = "/O=受付/CN=Online Billing NW Common Root CA";
    let run = |arguments: &[&str]| {
        let output = run(&openssl, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a text")
    };
    let command = "req -x509 -utf8 -newkey rsa:2048 -nodes -days 41 -outform DER -keyout";
    let mut arguments: Vec<_> = command.split(' ').collect();
    arguments.extend([&key, "-out", &made, "-subj", subject]);
    run(&arguments);
    let der = std::fs::read(&made).expect("a certificate");
    let read = certificates::parsed(&certificates::stored(&der, Some("{8A1B}"))).expect("a sound record");
    let said = run(&[
        "x509",
        "-inform",
        "DER",
        "-in",
        &made,
        "-noout",
        "-fingerprint",
        "-sha1",
    ]);
    let fingerprint = said.trim().rsplit('=').next().unwrap_or_default().replace(':', "");
    assert_eq!(read.thumbprint, fingerprint);
    assert_eq!(read.issuer, "Online Billing NW Common Root CA");
    let said = run(&[
        "x509", "-inform", "DER", "-in", &made, "-noout", "-enddate", "-dateopt", "iso_8601",
    ]);
    let until = said.trim().trim_start_matches("notAfter=").replacen(' ', "T", 1);
    assert_eq!(read.expires.rfc3339(), until);
    for cut in 0..der.len() {
        let damaged = certificates::stored(&der[..cut], None);
        assert!(certificates::parsed(&damaged).is_err(), "cut at {cut}");
    }
}
