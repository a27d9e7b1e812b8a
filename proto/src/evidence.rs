//! What terminals say of a step or a result, in words: they tell it in one short sentence of English, which goes into the
//! record as it is; people read it in their own language where its shape is known. A new sentence is one more line here.

mod change;
mod shapes;

use crate::fact;
use crate::words::Words;
pub use change::change;
use shapes::SHAPES;

/// A sentence as it is told, with `{}` for what differs; and how people read it, with `{0}`, `{1}` for the same.
struct Shape(&'static str, &'static str, &'static str);

/// `None` where the sentence is none that is known: then it is shown as it was told.
pub fn words(said: &str) -> Option<Words> {
    sentences(said)
        .or_else(|| read(SHAPES, said, inner))
        .or_else(|| change::words(said))
        .or_else(|| both(said))
}

/// Several that are each known by themselves: "started \\a; today is a release day: ...".
fn sentences(said: &str) -> Option<Words> {
    let (first, rest) = said.split_once("; ").filter(|(first, _)| !first.starts_with("waits"))?;
    let (first, rest) = (words(first)?, words(rest)?);
    Some(Words::new(
        format!("{}。{}", first.ja, rest.ja),
        format!("{}; {}", first.en, rest.en),
    ))
}

/// By the first of the shapes that it is of.
fn read(shapes: &[Shape], said: &str, inner: fn(&str) -> Words) -> Option<Words> {
    shapes.iter().find_map(|Shape(told, ja, en)| {
        let holes: Vec<Words> = holes(told, said)?.into_iter().map(inner).collect();
        let filled = |text: &str, of: fn(&Words) -> &str| {
            let mut pieces = text.split('{');
            let mut filled = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                let (number, rest) = piece.split_once('}').unwrap_or_default();
                filled += number.parse().ok().and_then(|n: usize| holes.get(n)).map_or("", of);
                filled += rest;
            }
            filled
        };
        Some(Words::new(filled(ja, |words| &words.ja), filled(en, |words| &words.en)))
    })
}

/// "いまは困る / not now": what people chose on a page that says it in both languages.
fn both(said: &str) -> Option<Words> {
    let (ja, en) = said.split_once(" / ")?;
    (!ja.is_ascii() && en.is_ascii()).then(|| Words::new(ja, en))
}

/// What stands in the holes of a shape, if it is one of this shape. None of them is empty.
fn holes<'a>(told: &str, said: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = told.split("{}").peekable();
    let mut rest = said.strip_prefix(parts.next()?)?;
    let mut holes = Vec::new();
    while let Some(part) = parts.next() {
        let (hole, after) = if parts.peek().is_none() {
            (rest.strip_suffix(part)?, "")
        } else {
            rest.split_once(part)?
        };
        if hole.is_empty() {
            return None;
        }
        holes.push(hole);
        rest = after;
    }
    rest.is_empty().then_some(holes)
}

/// A part of a sentence: one in itself, facts with their values, or just what it is.
fn inner(said: &str) -> Words {
    words(said).unwrap_or_else(|| {
        let named = said.split("; ").map(|part| words(part).unwrap_or_else(|| named(part)));
        let joined = named.reduce(|one, other| Words::new(one.ja + "、" + &other.ja, one.en + "; " + &other.en));
        joined.unwrap_or_else(|| Words::new(said, said))
    })
}

/// "display.scale 125", with the fact as people call it.
fn named(said: &str) -> Words {
    let (key, value) = said.split_once(' ').unwrap_or((said, ""));
    let Some(fact) = fact::find(key) else {
        return Words::new(said, said);
    };
    let value = change::value(key, value);
    let named = |name: &str, value: &str| format!("{name} {value}").trim_end().to_owned();
    Words::new(named(fact.ja, &value.ja), named(fact.en, &value.en))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_of_a_known_shape_is_read_in_both_languages() {
        for (said, ja, en) in [
            (
                "waits: reception hours until 19:00",
                "診療時間のため、19:00まで待っています",
                "Waits: reception hours until 19:00",
            ),
            (
                "nobody is there to ask: nobody is signed in at the terminal",
                "確認できる方がいません：端末に誰もサインインしていません",
                "Nobody is there to ask: Nobody is signed in",
            ),
            (
                "waits: the distribution software says restart-pending",
                "配信アプリを待っています：再起動待ち",
                "Waits: the distribution software says waiting for a restart",
            ),
            (
                "waits: 0x8024402C: 接続できません。 / No connection.; tries again at 19:00",
                "19:00にもう一度試します：接続できません。（0x8024402C）",
                "Tries again at 19:00: No connection. (0x8024402C)",
            ),
            (
                "waits: display.scale 125; made.up x",
                "待っています：表示の拡大率 (%) 125、made.up x",
                "Waits: Display scale (%) 125; made.up x",
            ),
            (
                r"started \a; today is a release day: the servers are busy, and it may take hours",
                r"\aを開始しました。本日は配信日です。混み合うため、数時間かかることがあります",
                r"Started \a; Today is a release day: the servers are busy, and it may take hours",
            ),
            (
                "verification (h:443): NOT reached, timed out; time (n:123): reached",
                "オンライン資格確認（h:443）：つながりません（時間内に応答なし）。時刻の同期先（n:123）：つながりました",
                "online verification (h:443): NOT reached (timed out); time server (n:123): reached",
            ),
            (
                "waits: the browser follows policy in its own time: pinauth is only 1.2 at a/b (signed out); x is off, user, at c/d",
                "Edgeがポリシーに従うのを待っています。Edgeを開き直すと早まることがあります（pinauthが古い版（1.2）のままです：a/b（サインアウト中）。xがオフです（利用者）：c/d）",
                "Waits until Edge follows the policy; opening Edge anew may help (pinauth is only 1.2 at a/b (signed out); x is off (by the user) at c/d)",
            ),
            (
                "still tasks.missing A, B; accounts.oqs_admin no",
                "まだ直っていません：ないタスク A, B、連携用アカウントが管理者 いいえ",
                "Still Tasks missing A, B; Link account is an administrator no",
            ),
            ("later: 会計中 / at the till", "あとで：会計中", "Later: at the till"),
            ("later: {0} 会計中", "あとで：{0} 会計中", "Later: {0} 会計中"),
        ] {
            assert_eq!(words(said), Some(Words::new(ja, en)), "{said}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_as_it_was_told() {
        for said in [
            "",
            "Invented 1 -> 0",
            "later: ",
            "waits: ",
            "waits",
            "something that a newer agent says",
        ] {
            assert_eq!(words(said), None, "{said}");
        }
    }

    #[test]
    fn every_shape_fills_its_own_holes_in_both_languages() {
        for (n, Shape(told, ja, en)) in SHAPES.iter().enumerate() {
            let example = told.replace("{}", "7");
            let first = SHAPES.iter().position(|shape| holes(shape.0, &example).is_some());
            assert_eq!(first, Some(n), "{told} stands behind one that takes its place");
            assert!(told.is_ascii() && en.is_ascii() && !ja.is_ascii(), "{told}");
            assert!(!told.split("{}").all(str::is_empty), "a shape is more than a hole");
            let read = words(&example).expect(told);
            assert!(!read.ja.contains('{') && !read.en.contains('{'), "{told}");
        }
    }
}
