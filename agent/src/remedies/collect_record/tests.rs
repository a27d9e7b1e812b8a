use kaishin_proto::profile::Profile;
use kaishin_proto::time::Time;

use super::super::setting::tests::around;
use super::*;
use crate::facts::tests::sim;
use crate::os::OsError;
use crate::os::sim::Sim;

fn text_of(record: Record, sim: &Sim) -> Result<Collected, &'static str> {
    let done = collect(record, sim, &around()).map_err(|failed| failed.code)?;
    Ok(done.collected.unwrap())
}

fn place() -> String {
    Profile::built_in().distribution.log_file.unwrap()
}

fn logged(bytes: impl Into<Vec<u8>>) -> Result<Collected, &'static str> {
    let sim = sim();
    sim.put_file(place(), bytes);
    text_of(Record::Distribution, &sim)
}

#[test]
fn every_record_is_text_without_people_and_below_its_cap() {
    for n in 0..8 {
        let sim = Sim::new(7, n, kaishin_proto::clock::Clock::manual(Time(1_800_000_000_000_000)));
        for record in Record::ALL {
            let around = around();
            around.about.diary.note(Time(0), r"online: C:\Users\incho");
            let done = collect(record, &sim, &around).unwrap();
            let Collected { text, cut } = done.collected.unwrap();
            assert!(text.len() <= MAX_RECORD && !cut, "{record:?}");
            for told in ["uketsuke", "incho", "06123456", "記号"] {
                assert!(!text.contains(told), "{record:?}: {text}");
            }
            assert!(done.evidence.contains("lines"), "{}", done.evidence);
        }
        assert_eq!(sim.writes(), 0);
    }
    assert!(CollectRecord(Record::Agent).act("send", &sim(), &around()).is_err());
}

#[test]
fn the_end_of_a_long_record_is_told_in_whole_lines() {
    for (lines, cut) in [(10, false), (2_000, false), (20_000, true)] {
        let text: String = (0..lines).map(|n| format!("12:00 line {n}\r\n")).collect();
        let got = logged(text).unwrap();
        assert_eq!(got.cut, cut, "{lines}");
        assert!(got.text.len() <= MAX_RECORD && got.text.starts_with("12:00 line "));
        assert!(got.text.ends_with(&format!("line {}\n", lines - 1)));
    }
    let one = logged("あ".repeat(500_000)).unwrap();
    assert!(
        one.text.len() < LONGEST * 2 && one.text.contains('…'),
        "one endless line is shortened"
    );
    assert_eq!(end_of("aé\nbb", 5), ("bb", true), "no letter is cut in two");
    assert_eq!(end_of("", 5), ("", false));
}

#[test]
fn every_encoding_in_use_is_read_and_a_torn_line_costs_only_itself() {
    let text = "更新を適用しました\r\n接続しました\r\n";
    let utf16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let cp932 = encoding_rs::SHIFT_JIS.encode(text).0.into_owned();
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for bytes in [text.as_bytes().to_vec(), marked, utf16, cp932.clone()] {
        assert_eq!(logged(bytes).unwrap().text, "更新を適用しました\n接続しました\n");
    }
    let mixed = [cp932.as_slice(), text.as_bytes(), b"torn \x81\r\nwhole\r\n"].concat();
    let got = logged(mixed).unwrap().text;
    assert_eq!(got.matches("接続しました").count(), 2, "{got}");
    assert!(got.contains("(a line that is no text)\nwhole"), "{got}");
}

#[test]
fn what_cannot_be_fetched_says_why() {
    for (bytes, code) in [
        (b"MZ\x90\0\x03\0\0\0".to_vec(), words::JOB_RECORD_NO_TEXT),
        (vec![0xff; 400], words::JOB_RECORD_NO_TEXT),
        (vec![b'a'; MAX_FILE as usize + 1], words::JOB_RECORD_TOO_LARGE),
    ] {
        assert_eq!(logged(bytes), Err(code));
    }
    let gone = sim();
    gone.remove_file(place());
    assert_eq!(text_of(Record::Distribution, &gone), Err(words::JOB_RECORD_ABSENT));
    let closed = sim();
    closed.close(place());
    assert_eq!(text_of(Record::Distribution, &closed), Err(words::JOB_NO_PERMISSION));
    let mut unsaid = around();
    let mut profile = Profile::built_in();
    profile.distribution.log_file = None;
    unsaid.about.profile = profile.into();
    let refused = collect(Record::Distribution, &sim(), &unsaid).unwrap_err();
    assert!(refused.code == words::JOB_RECORD_UNNAMED && refused.is_refusal());
}

#[test]
fn a_machine_that_fails_at_any_call_says_so_and_nothing_half_is_told() {
    for record in Record::ALL {
        for nth in 1..5 {
            let sim = sim();
            sim.fail_call(nth, OsError::failed("a sick disk"));
            match text_of(record, &sim) {
                Ok(_) => assert!(sim.calls() < nth, "{record:?}, call {nth}"),
                Err(code) => assert_eq!(code, words::JOB_MACHINE_FAILED),
            }
        }
    }
}
