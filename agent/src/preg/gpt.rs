//! `gpt.ini` beside the policy file: it tells Windows that the file has changed, and which part of Windows is to read it.
//! Pure; what others have written there stays byte for byte.

/// Who carries out the policy file, and the editor that writes it.
const READER: &str = "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}";
const EDITOR: &str = "{D02B1F72-3407-48AE-BA88-E8213C6761F1}";
const SECTION: &str = "[general]";
const NAMES: &str = "gPCMachineExtensionNames";
const VERSION: &str = "Version";
/// A file larger than this is none.
const LARGEST: usize = 64 * 1024;

/// The file with the machine's version one higher and the policy file's reader named; `None` where it is no such file.
pub fn announced(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > LARGEST {
        return None;
    }
    // One letter a byte and back: whatever the encoding of what others wrote, it passes through.
    let text: String = bytes.iter().copied().map(char::from).collect();
    // The wide form has other bytes between its letters.
    if text.contains('\0') {
        return None;
    }
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let general = match lines.iter().position(|line| is_section(line, SECTION)) {
        Some(at) => at,
        None => {
            end_line(&mut lines);
            lines.push("[General]\r\n".to_owned());
            lines.len() - 1
        }
    };
    let version = value(&lines, general, VERSION).map_or(0, |(_, version)| version.trim().parse().unwrap_or(0));
    let names = value(&lines, general, NAMES).map_or_else(String::new, |(_, names)| names);
    put(&mut lines, general, NAMES, &with_reader(&names));
    put(&mut lines, general, VERSION, &next(version).to_string());
    Some(lines.concat().chars().map(|letter| letter as u8).collect())
}

fn is_section(line: &str, name: &str) -> bool {
    line.trim().eq_ignore_ascii_case(name)
}

/// The upper half counts the changes of users' policies. Zero would mean that there are none.
fn next(version: u32) -> u32 {
    let machine = (version & 0xffff) + 1;
    (version & 0xffff_0000) | if machine > 0xffff { 1 } else { machine }
}

/// Groups in order of their first name: `[{reader}{editor}][{reader}{editor}]`.
fn with_reader(names: &str) -> String {
    let names = names.trim();
    if names.to_uppercase().contains(&format!("[{READER}")) {
        return names.to_owned();
    }
    let mut groups: Vec<String> = names.split_inclusive(']').map(str::to_owned).collect();
    let ours = format!("[{READER}{EDITOR}]");
    let at = groups.iter().position(|group| group.to_uppercase() > ours);
    groups.insert(at.unwrap_or(groups.len()), ours);
    groups.concat()
}

/// The line's number and what stands behind the sign.
fn value(lines: &[String], section: usize, name: &str) -> Option<(usize, String)> {
    let of_section = lines.iter().enumerate().skip(section + 1);
    let mut of_section = of_section.take_while(|(_, line)| !line.trim_start().starts_with('['));
    of_section.find_map(|(at, line)| {
        let (key, value) = line.split_once('=')?;
        let same = key.trim().eq_ignore_ascii_case(name);
        same.then(|| (at, value.trim_end_matches(['\r', '\n']).to_owned()))
    })
}

fn put(lines: &mut Vec<String>, section: usize, name: &str, new: &str) {
    let line = format!("{name}={new}\r\n");
    match value(lines, section, name) {
        Some((at, _)) => lines[at] = line,
        None => {
            if let Some(head) = lines.get_mut(section).filter(|head| !head.ends_with('\n')) {
                head.push_str("\r\n");
            }
            lines.insert(section + 1, line);
        }
    }
}

fn end_line(lines: &mut [String]) {
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OURS: &str = "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]";

    fn told(text: &str) -> String {
        String::from_utf8(announced(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_machines_version_rises_and_everything_else_stays() {
        let before = format!("[General]\r\nfunction=x\r\n{NAMES}={OURS}\r\nVersion=196611\r\ndisplayName=y\r\n");
        assert_eq!(told(&before), before.replace("196611", "196612"));
        let other = "[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]";
        let before = format!("[general]\ngpcmachineextensionnames={other}\nVERSION=65535\n[Other]\nVersion=9\n");
        let after = format!("[general]\n{NAMES}={OURS}{other}\r\nVersion=1\r\n[Other]\nVersion=9\n");
        assert_eq!(told(&before), after);
    }

    #[test]
    fn what_is_absent_is_made() {
        assert_eq!(told(""), format!("[General]\r\nVersion=1\r\n{NAMES}={OURS}\r\n"));
        assert_eq!(
            told("[General]"),
            format!("[General]\r\nVersion=1\r\n{NAMES}={OURS}\r\n")
        );
        assert_eq!(
            told("[Other]\r\nVersion=7"),
            format!("[Other]\r\nVersion=7\r\n[General]\r\nVersion=1\r\n{NAMES}={OURS}\r\n")
        );
        assert_eq!(announced(b"[\0G\0"), None);
        assert_eq!(announced(&vec![b' '; LARGEST + 1]), None);
    }

    proptest! {
        #[test]
        fn telling_it_again_only_counts_on(bytes in proptest::collection::vec(1u8.., 0..200)) {
            let once = announced(&bytes).unwrap();
            let twice = announced(&once).unwrap();
            let without = |bytes: &[u8]| -> Vec<Vec<u8>> {
                let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
                lines.filter(|line| !line.to_ascii_lowercase().starts_with(b"version=")).collect()
            };
            prop_assert_eq!(without(&once), without(&twice));
        }
    }
}
