//! The list of places that go past the proxy, held against the one that is wanted: as a set, because the order means
//! nothing and a clinic may have entries of its own. A semicolon that was lost makes two entries one, which then means
//! neither; that is told apart from an entry that nobody wrote.

/// Who lost more semicolons than these wrote something else.
const MOST_PARTS: usize = 10;
/// What people take for a semicolon.
const SEPARATORS: [char; 6] = [',', ':', '、', '；', '，', '.'];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Wanted, and nowhere to be found.
    pub missing: Vec<String>,
    /// As written: two entries or more without what should part them.
    pub joined: Vec<String>,
    /// The site's own.
    pub extra: Vec<String>,
}

/// Windows parts entries by semicolons and blanks.
pub fn entries(written: &str) -> Vec<String> {
    let parted = written.split(|c: char| c == ';' || c.is_whitespace());
    let mut entries: Vec<String> = parted.map(plain).filter(|entry| !entry.is_empty()).collect();
    let mut seen = std::collections::BTreeSet::new();
    entries.retain(|entry| seen.insert(entry.clone()));
    entries
}

fn plain(entry: &str) -> String {
    let entry = entry.trim().to_lowercase();
    let bare = entry.strip_prefix("http://").or_else(|| entry.strip_prefix("https://"));
    bare.unwrap_or(&entry).to_owned()
}

pub fn compare(written: &str, wanted: &[String]) -> Compared {
    let wanted: Vec<String> = wanted.iter().map(|entry| plain(entry)).collect();
    let mut compared = Compared::default();
    let mut within = Vec::new();
    for entry in entries(written) {
        if wanted.contains(&entry) || entry == "<local>" {
            continue;
        }
        let parts = parts(&entry, &wanted);
        if parts.is_empty() {
            compared.extra.push(entry);
        } else {
            within.extend(parts);
            compared.joined.push(entry);
        }
    }
    let there = entries(written);
    let missing = wanted
        .iter()
        .filter(|entry| !there.contains(entry) && !within.contains(entry));
    compared.missing = missing.cloned().collect();
    compared
}

/// The list with what is missing added and what is run together parted; whatever else stands there stays as it is written.
pub fn repaired(written: &str, wanted: &[String]) -> String {
    let wanted: Vec<String> = wanted.iter().map(|entry| plain(entry)).collect();
    let mut repaired: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let parted = written.split(|c: char| c == ';' || c.is_whitespace());
    let each = parted.flat_map(|entry| {
        let parts = parted_entry(&plain(entry), &wanted);
        // In the site's own spelling where there is nothing to part.
        if parts.len() > 1 { parts } else { vec![entry.to_owned()] }
    });
    for entry in each.chain(wanted.iter().cloned()) {
        if !plain(&entry).is_empty() && seen.insert(plain(&entry)) {
            repaired.push(entry);
        }
    }
    repaired.join(";")
}

/// An entry in its parts; itself where it is one.
fn parted_entry(entry: &str, wanted: &[String]) -> Vec<String> {
    let is_one = || vec![entry.to_owned()];
    if wanted.iter().any(|known| known == entry) || parts(entry, wanted).is_empty() {
        return is_one();
    }
    if let Some(whole) = whole(entry, wanted, MOST_PARTS) {
        return whole;
    }
    let rest = |rest: &str| parted_entry(rest.trim_matches(SEPARATORS), wanted);
    for known in wanted.iter().filter(|known| known.starts_with("*.")) {
        if let Some(before) = entry.strip_suffix(known.as_str()).filter(|before| !before.is_empty()) {
            return rest(before).into_iter().chain([known.clone()]).collect();
        }
    }
    for known in wanted {
        if let Some(behind) = entry
            .strip_prefix(known.as_str())
            .filter(|behind| behind.starts_with("*."))
        {
            return [known.clone()].into_iter().chain(rest(behind)).collect();
        }
    }
    is_one()
}

/// The wanted entries that this one runs together, with each other or with one of the site's own; none where it is simply
/// another entry.
fn parts(entry: &str, wanted: &[String]) -> Vec<String> {
    if let Some(parts) = whole(entry, wanted, MOST_PARTS)
        && parts.len() > 1
    {
        return parts;
    }
    // A star in the middle cannot be meant.
    let star = |rest: &str| rest.starts_with("*.");
    let behind = wanted
        .iter()
        .filter(|known| star(known) && entry.len() > known.len() && entry.ends_with(*known));
    let before = wanted
        .iter()
        .filter(|known| entry.strip_prefix(known.as_str()).is_some_and(star));
    behind.chain(before).cloned().collect()
}

/// Nothing but wanted entries, one after the other; a separator of another kind may stand between.
fn whole(entry: &str, wanted: &[String], most: usize) -> Option<Vec<String>> {
    let entry = entry.trim_start_matches(SEPARATORS);
    if entry.is_empty() {
        return Some(Vec::new());
    }
    let most = most.checked_sub(1)?;
    wanted.iter().find_map(|known| {
        let mut parts = whole(entry.strip_prefix(known.as_str())?, wanted, most)?;
        parts.insert(0, known.clone());
        Some(parts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::profile::Profile;
    use proptest::prelude::*;

    fn wanted() -> Vec<String> {
        Profile::built_in().proxy.bypass
    }

    fn compared(written: &str) -> Compared {
        compare(written, &wanted())
    }

    #[test]
    fn neither_order_nor_case_nor_the_sites_own_entries_are_faults() {
        let whole = wanted().join(";");
        assert_eq!(compared(&whole), Compared::default());
        let mut turned = wanted();
        turned.reverse();
        let written = format!(
            " {};<local>; 192.168.1.* ;KARTE.local;;",
            turned.join(" ; ").to_uppercase()
        );
        let found = compared(&written);
        assert_eq!((found.missing, found.joined), (vec![], vec![]));
        assert_eq!(found.extra, ["192.168.1.*", "karte.local"]);
    }

    #[test]
    fn a_lost_semicolon_is_found_and_not_taken_for_missing_entries() {
        let whole = wanted().join(";");
        for (from, to, joined) in [
            ("*.rece;pweb", "*.recepweb", "*.recepweb.base.oqs-pdl.org"),
            (
                "*.flets-east.jp;*",
                "*.flets-east.jp*",
                "*.flets-east.jp*.flets-west.jp",
            ),
            (
                "*.flets-east.jp;*",
                "*.flets-east.jp,*",
                "*.flets-east.jp,*.flets-west.jp",
            ),
            (
                "*.onshikaku.org;",
                "10.1.2.3*.onshikaku.org;",
                "10.1.2.3*.onshikaku.org",
            ),
            (
                "*.onshikaku.org;",
                "*.onshikaku.org*.karte.jp;",
                "*.onshikaku.org*.karte.jp",
            ),
        ] {
            let written = whole.replace(from, to);
            assert_ne!(written, whole, "{from}");
            let found = compared(&written);
            assert_eq!(found.joined, [joined]);
            assert_eq!((found.missing, found.extra), (vec![], vec![]), "{to}");
        }
    }

    #[test]
    fn an_entry_that_only_begins_alike_is_the_sites_own() {
        let written = format!("{};*.receipt.local;mypweb.base.oqs-pdl.org", wanted().join(";"));
        let found = compared(&written);
        assert_eq!(found.extra, ["*.receipt.local", "mypweb.base.oqs-pdl.org"]);
        assert!(found.joined.is_empty() && found.missing.is_empty());
    }

    #[test]
    fn what_nobody_wrote_is_missing() {
        assert_eq!(compared("").missing, wanted());
        let without = wanted().join(";").replace("*.lineauth.mnw;", "*.lineauth.mnwg;");
        let found = compared(&without);
        assert_eq!(
            (found.missing, found.extra),
            (vec!["*.lineauth.mnw".to_owned()], vec!["*.lineauth.mnwg".to_owned()])
        );
    }

    #[test]
    fn a_repaired_list_has_every_entry_by_itself_and_the_sites_own_as_they_were() {
        let whole = wanted().join(";");
        assert_eq!(repaired("", &wanted()), whole);
        assert_eq!(repaired(&whole, &wanted()), whole);
        for (from, to, extra) in [
            ("*.rece;pweb", "*.recepweb", ""),
            ("*.flets-east.jp;*", "*.flets-east.jp*", ""),
            ("*.flets-east.jp;*", "*.flets-east.jp、*", ""),
            ("*.onshikaku.org;", "10.1.2.3*.onshikaku.org;", "10.1.2.3"),
            ("*.onshikaku.org;", "*.onshikaku.org*.karte.jp;", "*.karte.jp"),
            ("*.rece;", "KARTE.local;", "karte.local"),
        ] {
            let written = whole.replace(from, to);
            assert_ne!(written, whole);
            let found = repaired(&written, &wanted());
            assert_eq!(compared(&found).extra.join(";"), extra, "{found}");
            assert_eq!(compared(&found).joined, Vec::<String>::new(), "{found}");
            assert_eq!(compared(&found).missing, Vec::<String>::new(), "{found}");
        }
        let written = format!("KARTE.Local;{whole}");
        assert_eq!(repaired(&format!("{written};;*.RECE"), &wanted()), written);
    }

    proptest! {
        #[test]
        fn what_is_repaired_lacks_nothing_and_stays(written in "[*.a-z;, ]{0,60}", cut in 0..9usize, joined in any::<bool>()) {
            let some: Vec<String> = wanted().into_iter().skip(cut).collect();
            let list = some.join(if joined { "" } else { ";" });
            let once = repaired(&format!("{written};{list}"), &wanted());
            prop_assert!(compared(&once).missing.is_empty(), "{}", once);
            prop_assert_eq!(repaired(&once, &wanted()), once);
        }

        #[test]
        fn every_wanted_entry_is_there_missing_or_run_together(written in "[*.a-z;, ]{0,60}", cut in 0..9usize) {
            let some: Vec<String> = wanted().into_iter().skip(cut).collect();
            let found = compared(&format!("{written};{}", some.join(";")));
            for entry in some {
                prop_assert!(!found.missing.contains(&entry));
            }
        }
    }
}
