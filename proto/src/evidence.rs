//! What terminals say of a step or a result, in words: they tell it in one short sentence of English, which goes into the
//! record as it is; people read it in their own language where its shape is known. A new sentence is one more line here.

mod change;

use crate::fact;
use crate::words::Words;
pub use change::change;

/// A sentence as it is told, with `{}` for what differs; and how people read it, with `{0}`, `{1}` for the same.
struct Shape(&'static str, &'static str, &'static str);

/// Taken in this order: what is told more closely stands first.
const SHAPES: &[Shape] = &[
    // Who is asked.
    Shape(
        "yes, by the button at the terminal",
        "端末の画面で「はい」が押されました",
        "Yes, by the button on the screen",
    ),
    Shape(
        "yes, by the code that the terminal showed",
        "端末に出た番号で確認できました",
        "Yes, by the code on the screen",
    ),
    Shape(
        "nobody answered the question on the screen",
        "画面の確認に返事がありませんでした",
        "Nobody answered the question on the screen",
    ),
    Shape(
        "three wrong codes were given",
        "番号を3回まちがえました",
        "Three wrong codes were given",
    ),
    Shape(
        "wrong code, {} of {}",
        "番号が違います（{0}回目。{1}回まちがえると中止します）",
        "Wrong code ({0}; it is given up after {1})",
    ),
    Shape("later: {}", "あとで：{0}", "Later: {0}"),
    Shape(
        "nobody is there to ask: {}",
        "確認できる方がいません：{0}",
        "Nobody is there to ask: {0}",
    ),
    Shape(
        "nobody is signed in at the terminal",
        "端末に誰もサインインしていません",
        "Nobody is signed in",
    ),
    Shape(
        "nobody is signed in",
        "端末に誰もサインインしていません",
        "Nobody is signed in",
    ),
    // What is waited for.
    Shape(
        "waits: reception hours until {}",
        "診療時間のため、{0}まで待っています",
        "Waits: reception hours until {0}",
    ),
    Shape(
        "waits: the clock is more than ten minutes off",
        "時計が10分以上ずれているため、直るのを待っています",
        "Waits: the clock is more than ten minutes off",
    ),
    Shape(
        "waits: cannot tell whether the clock is right",
        "時計が正しいか確かめられるまで、待っています",
        "Waits: whether the clock is right cannot be told yet",
    ),
    Shape(
        "waits: two changes in a row have failed; a person is to look at the terminal",
        "変更が2回続けて失敗したため、人が端末を確かめるのを待っています",
        "Waits: two changes in a row have failed; somebody is to look at the terminal",
    ),
    Shape(
        "waits: somebody is using the terminal",
        "使用中のため、待っています",
        "Waits: somebody is using the terminal",
    ),
    Shape(
        "waits: Windows Update is installing",
        "Windows Updateのインストールが終わるのを待っています",
        "Waits: Windows Update is installing",
    ),
    Shape(
        "waits: the distribution software is downloading or updating",
        "配信アプリのダウンロードか更新が終わるのを待っています",
        "Waits: the distribution software is downloading or updating",
    ),
    Shape(
        "waits: the terminal runs on battery",
        "バッテリーで動いているため、電源につながるのを待っています",
        "Waits: the terminal runs on battery",
    ),
    Shape(
        "waits: no terminal restarts before {}",
        "{0}までは再起動しない時間帯のため、待っています",
        "Waits: no terminal restarts before {0}",
    ),
    Shape(
        "waits: cannot tell whether Windows Update is installing",
        "Windows Updateの状態を確認できないため、待っています",
        "Waits: whether Windows Update is installing cannot be told",
    ),
    Shape(
        "waits: cannot tell what the distribution software is doing",
        "配信アプリの状態を確認できないため、待っています",
        "Waits: what the distribution software is doing cannot be told",
    ),
    Shape(
        "waits: cannot tell whether it runs on battery",
        "電源の状態を確認できないため、待っています",
        "Waits: whether it runs on battery cannot be told",
    ),
    Shape(
        "waits: nobody is signed in at the terminal",
        "誰もサインインしていないため、待っています",
        "Waits: nobody is signed in",
    ),
    Shape(
        "waits: nobody is signed in",
        "誰もサインインしていないため、待っています",
        "Waits: nobody is signed in",
    ),
    Shape(
        "waits: the person at the terminal",
        "端末の前の方の操作を待っています",
        "Waits: the person at the terminal",
    ),
    Shape(
        "waits: for Windows to restart",
        "Windowsが再起動するのを待っています",
        "Waits: for Windows to restart",
    ),
    Shape(
        "waits: {} to run again",
        "{0}が動き始めるのを待っています",
        "Waits: for {0} to run again",
    ),
    Shape(
        "waits: the distribution software says {}",
        "配信アプリを待っています：{0}",
        "Waits: the distribution software says {0}",
    ),
    Shape(
        "waits: 0x{}: {} / {}; tries again at {}",
        "{3}にもう一度試します：{1}（0x{0}）",
        "Tries again at {3}: {2} (0x{0})",
    ),
    Shape(
        "waits for the browser: {}",
        "ブラウザーの処理を待っています：{0}",
        "Waits for the browser: {0}",
    ),
    Shape(
        "all three are there and on for everybody",
        "三つとも、すべての利用者で有効です",
        "All three are there and on for everybody",
    ),
    Shape(
        "nothing to remove: the new ones stand in the place of the old",
        "新しいものが古いものと置き換わったため、外すものはありません",
        "Nothing to remove: the new ones stand in the place of the old",
    ),
    Shape(
        "no profile has an old one",
        "古いものは残っていません",
        "No profile has an old one",
    ),
    Shape(
        "nothing to take back",
        "元に戻すものはありません",
        "Nothing to take back",
    ),
    Shape(
        "this terminal belongs to no domain",
        "この端末はドメインに参加していません",
        "This terminal belongs to no domain",
    ),
    Shape(
        "waits until one of these signs in: {}",
        "次の方のサインインを待っています：{0}",
        "Waits until one of these signs in: {0}",
    ),
    Shape(
        "waits: {} are to be dragged from {} into Edge: {}",
        "Edgeの「拡張機能の管理」で開発者モードをオンにし、フォルダー {1} の {0} を一つずつその画面へ入れてください（まだのもの：{2}）",
        "In Edge's extensions page, switch developer mode on and drag {0} from {1} onto it, one by one (still to come: {2})",
    ),
    Shape(
        "waits: developer mode is to be switched off in Edge: {}",
        "Edgeの「拡張機能の管理」で開発者モードをオフにしてください（{0}）",
        "In Edge's extensions page, switch developer mode off ({0})",
    ),
    Shape(
        "waits: the browser follows policy in its own time: {}",
        "Edgeがポリシーに従うのを待っています。Edgeを開き直すと早まることがあります（{0}）",
        "Waits until Edge follows the policy; opening Edge anew may help ({0})",
    ),
    Shape(
        "waits: the terminal cannot be looked at just now: {}",
        "端末の状態をいま読み取れないため、もう一度確かめます（{0}）",
        "The terminal cannot be looked at just now; it is tried again ({0})",
    ),
    Shape("waits: {}", "待っています：{0}", "Waits: {0}"),
    // Restarting.
    Shape(
        "announced on the screen: restarts within 3 minutes unless somebody refuses",
        "画面でお知らせ中です。断られなければ、3分以内に再起動します",
        "Announced on the screen: restarts within 3 minutes unless somebody refuses",
    ),
    Shape(
        "announced for 3 minutes, and nobody refused",
        "画面で3分間お知らせし、断られませんでした",
        "Announced for 3 minutes, and nobody refused",
    ),
    Shape(
        "agreed to on the screen",
        "画面で了承されました",
        "Agreed to on the screen",
    ),
    Shape(
        "refused on the screen; nothing was changed",
        "画面で断られました",
        "Refused on the screen",
    ),
    Shape(
        "Windows was told to restart",
        "Windowsに再起動を指示しました",
        "Windows was told to restart",
    ),
    Shape(
        "restarted: boot {}; {} services run again",
        "再起動し、サービス{1}個が動いています",
        "Restarted; {1} services run again",
    ),
    Shape("restarted: boot {}", "再起動しました", "Restarted"),
    Shape("still boot {}", "再起動していません", "Not restarted"),
    Shape(
        "does not run again: {}",
        "動いていません：{0}",
        "Does not run again: {0}",
    ),
    // Updates.
    Shape("searching for updates", "更新を検索しています", "Searching for updates"),
    Shape(
        "downloading {} updates",
        "更新{0}件をダウンロードしています",
        "Downloading {0} updates",
    ),
    Shape(
        "installing {} updates",
        "更新{0}件をインストールしています",
        "Installing {0} updates",
    ),
    Shape(
        "{} updates installed",
        "更新{0}件をインストールしました",
        "{0} updates installed",
    ),
    Shape(
        "no update was left to install",
        "インストールする更新はありません",
        "No update was left to install",
    ),
    Shape(
        "installed; a restart is needed before it holds",
        "インストール済みです。有効にするには再起動が必要です",
        "Installed; a restart is needed before it holds",
    ),
    Shape(
        "nothing is left to do",
        "残っている更新はありません",
        "Nothing is left to do",
    ),
    Shape("0x{}: {} / {}", "{1}（0x{0}）", "{2} (0x{0})"),
    // The distribution software.
    Shape(
        "not needed: no update is left",
        "未適用の更新はないため、不要です",
        "Not needed: no update is left",
    ),
    Shape(
        "it says that no update is left",
        "未適用の更新はありません",
        "No update is left",
    ),
    Shape(
        "after 3 hours it still says {}",
        "3時間たっても「{0}」のままです",
        "After 3 hours it still says: {0}",
    ),
    Shape(
        "after three rounds it says {}",
        "3回くり返しても「{0}」です",
        "After three rounds it says: {0}",
    ),
    Shape("downloading", "ダウンロード中", "downloading"),
    Shape("updating", "アップデート中", "updating"),
    Shape("restart-pending", "再起動待ち", "waiting for a restart"),
    Shape("stopped", "停止中", "stopped"),
    Shape("waiting-for-server", "サーバー接続待ち", "waiting for the server"),
    Shape("up-to-date", "未適用の更新なし", "up to date"),
    Shape("other", "その他の状態", "another state"),
    // Settings, before and after.
    Shape(
        "already as it should be",
        "すでに正しい状態です",
        "Already as it should be",
    ),
    Shape("nothing to write", "書き換えるものはありません", "Nothing to write"),
    Shape(
        "read again and found as written",
        "もう一度読み、書いたとおりであることを確かめました",
        "Read again and found as written",
    ),
    Shape(
        "read again and found as before",
        "もう一度読み、元どおりであることを確かめました",
        "Read again and found as before",
    ),
    Shape(
        "read again and found right",
        "もう一度読み、正しいことを確かめました",
        "Read again and found right",
    ),
    Shape(
        "reads again as before: {}",
        "書き換えても元のままです：{0}",
        "Reads again as before: {0}",
    ),
    Shape("not as before: {}", "元どおりではありません：{0}", "Not as before: {0}"),
    Shape(
        "all is as it was before",
        "すべて元どおりです",
        "All is as it was before",
    ),
    Shape(
        "seen to be right",
        "端末の状態から、正しいことを確かめました",
        "Seen to be right",
    ),
    Shape(
        "ticked by the person at the terminal",
        "端末の前の方が「できました」を押しました",
        "Ticked by the person at the terminal",
    ),
    Shape("still {}", "まだ直っていません：{0}", "Still {0}"),
    Shape("stands on the screen", "画面に表示しています", "Stands on the screen"),
    Shape("{} sections", "{0}項目を読み取りました", "{0} sections read"),
    Shape(
        "no adapter here is one of those named that have the setting",
        "対象のネットワークアダプターがありません",
        "No network adapter here is one of those it is for",
    ),
    Shape(
        "a restart is pending: updates may not install before it",
        "再起動待ちです。再起動するまで更新が入らないことがあります",
        "A restart is pending: updates may not install before it",
    ),
    Shape(
        "today is a release day: the servers are busy, and it may take hours",
        "本日は配信日です。混み合うため、数時間かかることがあります",
        "Today is a release day: the servers are busy, and it may take hours",
    ),
    Shape(
        "{} is neither set here nor does it answer: {}",
        "{0}は設定されておらず、応答もありません：{1}",
        "{0} is neither set here nor does it answer: {1}",
    ),
    Shape(
        "not signed in, and left as they are: {}",
        "サインインしていないため、そのままです：{0}",
        "Not signed in, and left as they are: {0}",
    ),
    Shape(
        "a policy says the active hours here",
        "アクティブ時間はポリシーで決められています",
        "A policy says the active hours here",
    ),
    Shape(
        "no minute after {}:00 is to be used",
        "{0}時台に使える時刻がありません",
        "No minute after {0}:00 may be used",
    ),
    Shape(
        "there is no task {} here",
        "タスク「{0}」がありません",
        "There is no task {0} here",
    ),
    Shape(
        "nothing is kept of that job here",
        "その作業の記録が端末に残っていません",
        "Nothing is kept of that job",
    ),
    Shape("by job {}", "元に戻した作業：{0}", "By job {0}"),
    // Why the terminal did not begin, or gave it up.
    Shape(
        "three changes were made today",
        "本日すでに3回変更しています",
        "Three changes were made today",
    ),
    Shape(
        "it was restarted today",
        "本日すでに再起動しています",
        "It was restarted today",
    ),
    Shape(
        "six messages were shown today",
        "お知らせは今日、すでに6回表示しています",
        "Six messages were shown today",
    ),
    Shape(
        "the clock is more than ten minutes off",
        "時計が10分以上ずれています",
        "The clock is more than ten minutes off",
    ),
    Shape(
        "offered after its deadline",
        "期限を過ぎてから届きました",
        "It came after its deadline",
    ),
    Shape(
        "what it waited for did not come",
        "待っていたことが、期限までに起きませんでした",
        "What it waited for did not come",
    ),
    Shape(
        "too much work is waiting",
        "処理待ちの作業が多すぎます",
        "Too much work is waiting",
    ),
    Shape(
        "taken by an agent of another version",
        "別の版のエージェントが受け取った作業です",
        "Taken by an agent of another version",
    ),
    // What the server says itself.
    Shape(
        "cancelled before the terminal had it",
        "端末に届く前に取り消されました",
        "Cancelled before the terminal had it",
    ),
    Shape(
        "the terminal was revoked before the job had a result",
        "結果が届く前に、端末が失効しました",
        "The terminal was revoked before there was a result",
    ),
    Shape(
        "the terminal was reimaged or replaced before the job had a result",
        "結果が届く前に、端末が初期化または交換されました",
        "The terminal was reimaged or replaced before there was a result",
    ),
    Shape(
        "the terminal was not online before the deadline",
        "期限までに端末が接続しませんでした",
        "The terminal was not online before the deadline",
    ),
    Shape(
        "the terminal did not take the job before the deadline",
        "期限までに端末が受け取りませんでした",
        "The terminal did not take it before the deadline",
    ),
    Shape(
        "the terminal took the job and has not been heard of since",
        "受け取ったまま、連絡がありません",
        "The terminal took it and has not been heard of since",
    ),
];

/// `None` where the sentence is none that is known: then it is shown as it was told.
pub fn words(said: &str) -> Option<Words> {
    let known = SHAPES.iter().find_map(|Shape(told, ja, en)| {
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
    });
    known.or_else(|| change::words(said)).or_else(|| both(said))
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
        let named = said.split("; ").map(named);
        let joined = named.reduce(|one, other| Words::new(one.ja + "、" + &other.ja, one.en + "; " + &other.en));
        joined.unwrap_or_else(|| Words::new(said, said))
    })
}

/// "display.scale 125", with the fact as people call it.
fn named(said: &str) -> Words {
    let found = said
        .split_once(' ')
        .and_then(|(key, value)| Some((fact::find(key)?, value)));
    match found {
        Some((fact, value)) => Words::new(format!("{} {value}", fact.ja), format!("{} {value}", fact.en)),
        None => Words::new(said, said),
    }
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
