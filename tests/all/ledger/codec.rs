//! CP932 as the rest of the world writes it: every double-byte character is read as Python's codec reads it, and what is
//! written, Python reads as the same text.

use std::process::Command;

use kaishin_tests::harness::Harness;
use kaishin_tests::need;

use super::{upload, write};
use kaishin::app::facilities::{self, CsvEncoding};
use kaishin::app::ledger::Asked;
use kaishin_domain::facility::Field;

/// Every character that Python's cp932 knows, a hundred to a row between brackets, as a ledger: in its bytes, and in
/// UTF-8.
const SCRIPT: &str = r#"
import sys, os
leads = list(range(0x81, 0xa0)) + list(range(0xe0, 0xfd))
pairs = [bytes([lead, trail]) for lead in leads for trail in range(0x40, 0xfd)]
known = [bytes([one]) for one in range(0xa1, 0xe0)]
for pair in pairs:
    try:
        if len(pair.decode('cp932')) == 1:
            known.append(pair)
    except UnicodeDecodeError:
        pass
head = 'code,name,notes\r\n'
raw, text = head.encode('ascii'), head
for n in range(0, len(known), 100):
    code = '13100%05d' % (n // 100)
    part = b''.join(known[n:n + 100])
    raw += ('%s,x,[' % code).encode('ascii') + part + b']\r\n'
    text += '"%s","x","[%s]"\r\n' % (code, part.decode('cp932'))
folder = sys.argv[1]
open(os.path.join(folder, 'raw'), 'wb').write(raw)
open(os.path.join(folder, 'text'), 'wb').write(text.encode('utf-8'))
print(len(known))
"#;

const BACK: &str = r#"
import sys, os
folder = sys.argv[1]
ours = open(os.path.join(folder, 'ours'), 'rb').read().decode('cp932').split('\r\n')[1:]
text = open(os.path.join(folder, 'text'), 'rb').read().decode('utf-8').split('\r\n')[1:]
assert ours == text, [pair for pair in zip(ours, text) if pair[0] != pair[1]][:1]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_character_of_cp932_goes_in_and_out_as_python_has_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let python = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(folder.path())
        .output()
        .ok();
    let python = need!(python.filter(|done| done.status.success()), "Python 3");
    let count: u32 = String::from_utf8_lossy(&python.stdout).trim().parse().expect("a count");
    assert!(count > 9_000, "{count} characters");
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("what Python wrote");

    let harness = Harness::start().await;
    let (_, plan) = write(&harness, upload(read("raw"))).await.expect("an import");
    assert_eq!(
        (plan.format.name(), plan.counts.refused),
        ("cp932", 0),
        "{:?}",
        plan.remarks.first()
    );
    let cx = harness.local();
    let fields = [Field::Code, Field::Name, Field::Notes];
    let utf8 = facilities::csv(&cx, &Asked::default(), &fields, CsvEncoding::Utf8)
        .await
        .expect("a file");
    let text = String::from_utf8(utf8.bytes).expect("UTF-8");
    let expected = String::from_utf8(read("text")).expect("UTF-8");
    for (line, should) in text.lines().skip(1).zip(expected.lines().skip(1)) {
        assert_eq!(line, should);
    }
    let cp932 = facilities::csv(&cx, &Asked::default(), &fields, CsvEncoding::Cp932)
        .await
        .expect("a file");
    assert!(cp932.unmappable.is_empty(), "{:?}", cp932.unmappable);
    // The 396 characters that stand twice in CP932 are written as Windows writes them, where Python takes the other of
    // the two: so the bytes may differ, and the text may not.
    std::fs::write(folder.path().join("ours"), &cp932.bytes).expect("a file");
    let done = Command::new("python3")
        .args(["-c", BACK])
        .arg(folder.path())
        .output()
        .expect("Python runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
