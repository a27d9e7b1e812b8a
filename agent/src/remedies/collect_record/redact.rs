//! What leaves no terminal: who was treated, who works there, and what is secret. Of a program's own log, lines that speak of
//! a patient are left out whole and long numbers are masked; better too much than one too few. Pure.

/// A line with one of these may say whose insurance was looked up.
const PATIENTS: &[&str] = &[
    "患者",
    "氏名",
    "被保険者",
    "保険者番号",
    "記号",
    "枝番",
    "生年月日",
    "受診",
    "資格情報",
    "薬剤情報",
    "健診",
    "マイナンバー",
    "個人番号",
    "patient",
    "insured",
    "birth",
];
/// What follows one of these and `=` or `:` is nobody's business.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "token",
    "secret",
    "authorization",
    "cookie",
    "パスワード",
    "暗証番号",
];
/// Numbers of insurers have six digits, those of people more.
const LONG: usize = 6;
const LEFT_OUT: &str = "(a line was left out: it may speak of a patient)";

/// Whose text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Windows' or the agent's own: nothing that a program wrote about its work.
    System,
    Program,
}

/// The text that may leave, and how many of its lines may not.
///
/// `people`: names of accounts, in lower case.
pub fn redact(text: &str, origin: Origin, people: &[String]) -> (String, usize) {
    let mut left_out = 0;
    let mut clean = String::with_capacity(text.len());
    for line in text.lines() {
        if origin == Origin::Program && speaks_of_patients(line) {
            left_out += 1;
            clean.push_str(LEFT_OUT);
        } else {
            let line = without_accounts(&without_users(&without_secrets(line)), people);
            match origin {
                Origin::System => clean.push_str(&line),
                Origin::Program => clean.push_str(&without_numbers(&line)),
            }
        }
        clean.push('\n');
    }
    (clean, left_out)
}

fn speaks_of_patients(line: &str) -> bool {
    let lower = line.to_lowercase();
    PATIENTS.iter().any(|word| lower.contains(word))
}

/// Names of accounts are names of people.
fn without_users(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut clean = String::with_capacity(line.len());
    let mut at = 0;
    for (found, folder) in lower.match_indices(r"\users\") {
        let begins = found + folder.len();
        if begins < at {
            continue;
        }
        let name = line[begins..].find(['\\', '"', '\'', '<', '>', '|', ';', ',']);
        clean.push_str(&line[at..begins]);
        clean.push('*');
        at = name.map_or(line.len(), |length| begins + length);
    }
    clean.push_str(&line[at..]);
    clean
}

/// As Windows writes who did something: `RECEPTION\tanaka`.
fn without_accounts(line: &str, people: &[String]) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        clean.push_str(before);
        clean.push('\\');
        let ends = after.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)));
        let (name, after) = after.split_at(ends.unwrap_or(after.len()));
        let known = people.contains(&name.to_lowercase());
        clean.push_str(if known { "*" } else { name });
        rest = after;
    }
    clean.push_str(rest);
    clean
}

fn without_secrets(line: &str) -> String {
    // Lower case of ASCII alone keeps every place where it is.
    let lower = line.to_ascii_lowercase();
    let found = SECRETS.iter().filter_map(|word| {
        let after = lower.find(word)? + word.len();
        let sign = lower[after..].find(['=', ':', '：', '＝', ' ', '"'])?;
        (sign <= 2).then_some(after)
    });
    // What stands behind the first of them goes as a whole: nobody knows where a secret ends.
    match found.min() {
        Some(at) => format!("{} ***", &line[..at]),
        None => without_queries(line),
    }
}

/// What stands behind the question mark of an address may be anything.
fn without_queries(line: &str) -> String {
    let Some(begins) = line.find("://") else {
        return line.to_owned();
    };
    let rest = &line[begins..];
    let ends = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (address, after) = rest.split_at(ends);
    let host = &address["://".len()..];
    // Before an @ stands who signs in.
    let host = host.split_once('@').map_or(host, |(_, host)| host);
    let host = match host.split_once('?') {
        Some((host, _)) => format!("{host}?***"),
        None => host.to_owned(),
    };
    format!("{}://{host}{}", &line[..begins], without_queries(after))
}

/// Runs of many digits, but for a date at the beginning of the line and for codes that begin with `0x` or `KB`.
fn without_numbers(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(begins) = rest.find(|c: char| c.is_numeric()) {
        let (before, run) = rest.split_at(begins);
        let ends = run.find(|c: char| !c.is_numeric()).unwrap_or(run.len());
        let (run, after) = run.split_at(ends);
        let stands_first = clean.is_empty() && before.trim_matches(['[', ' ']).is_empty();
        let dated = stands_first && run.starts_with("20") && run.len() >= "20270115".len();
        clean.push_str(before);
        let coded = ["0x", "0X", "KB"].iter().any(|sign| clean.ends_with(sign));
        // Two numbers with a dash or a dot between them are one to people, but times and versions look so too.
        if run.chars().count() < LONG || dated || coded {
            clean.push_str(run);
        } else {
            clean.push_str("######");
        }
        rest = after;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_tells_of_people_stays_on_the_terminal() {
        for (line, clean) in [
            (
                "2027-01-15 09:12:03 update 2.0.1 found",
                "2027-01-15 09:12:03 update 2.0.1 found",
            ),
            (
                "20270115091203 更新ファイルを取得しました",
                "20270115091203 更新ファイルを取得しました",
            ),
            (
                "[20270115] error 0x80240438, KB5021237",
                "[20270115] error 0x80240438, KB5021237",
            ),
            ("保存 20270115", "保存 ######"),
            ("file C1234567890.xml", "file C######.xml"),
            ("番号１２３４５６７８を送信", "番号######を送信"),
            (r"C:\Users\uketsuke\AppData\x.dll", r"C:\Users\*\AppData\x.dll"),
            (
                r#"open "c:\users\山田 花子\Desktop" and C:\USERS\incho"#,
                r#"open "c:\users\*\Desktop" and C:\USERS\*"#,
            ),
            ("proxy_password=hunter2 host=a", "proxy_password ***"),
            ("パスワード：himitsu", "パスワード ***"),
            ("Authorization: Bearer abc", "Authorization ***"),
            ("GET https://a.example/x?id=5 done", "GET https://a.example/x?*** done"),
            ("via http://user:pw@proxy:8080/ ok", "via http://proxy:8080/ ok"),
            ("患者 山田花子 の資格を確認", LEFT_OUT),
            ("被保険者証記号・番号 12", LEFT_OUT),
            ("Patient id 5", LEFT_OUT),
        ] {
            let (text, left_out) = redact(line, Origin::Program, &[]);
            assert_eq!(text.trim_end(), clean, "{line}");
            assert_eq!(left_out == 1, clean == LEFT_OUT, "{line}");
        }
    }

    #[test]
    fn of_the_system_itself_only_users_and_secrets_go() {
        for (line, clean) in [
            (
                "Kernel-Power 41 BugcheckCode 159, 18446743",
                "Kernel-Power 41 BugcheckCode 159, 18446743",
            ),
            (r"msedge.exe C:\Users\uketsuke\x", r"msedge.exe C:\Users\*\x"),
            ("token=abcdef", "token ***"),
            (r"UKETSUKE-1\Tanaka restarts", r"UKETSUKE-1\* restarts"),
            (r"C:\tanaka2\tanaka.exe by tanaka", r"C:\tanaka2\tanaka.exe by tanaka"),
        ] {
            assert_eq!(
                redact(line, Origin::System, &["tanaka".to_owned()]),
                (format!("{clean}\n"), 0)
            );
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_stumble_and_what_is_clean_stays_so(line in "[a-zA-Z0-9０-９ =:/?@.\\\\患者氏パスワード]{0,60}") {
            let (clean, _) = redact(&line, Origin::Program, &[]);
            let again = redact(&clean, Origin::Program, &[]).0;
            prop_assert_eq!(&again, &clean, "what is clean stays so");
            prop_assert_eq!(clean.lines().count(), line.lines().count());
        }
    }
}
