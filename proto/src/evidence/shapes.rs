//! The sentences that terminals say, and how people read them.

use super::Shape;

/// Taken in this order: what is told more closely stands first.
pub(super) const SHAPES: &[Shape] = &[
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
        "{}:00 is within reception hours, {} to {}",
        "{0}時台は診療時間（{1}～{2}）に当たります。診療時間の外の時刻を指定してください",
        "The hour from {0}:00 is within reception hours ({1} to {2}); choose one outside them",
    ),
    Shape(
        "so only since the work began, and left: {}",
        "作業中に増えたため、そのままです：{0}",
        "So only since the work began, and left: {0}",
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
    // What is fetched, tried and shown.
    Shape(
        "{} lines, the end of more; {} left out because they may speak of patients",
        "終わりの{0}行です。患者さんに関わるかもしれない{1}行は除きました",
        "The last {0} lines; {1} left out because they may speak of patients",
    ),
    Shape(
        "{} lines; {} left out because they may speak of patients",
        "{0}行です。患者さんに関わるかもしれない{1}行は除きました",
        "{0} lines; {1} left out because they may speak of patients",
    ),
    Shape("{} lines, the end of more", "終わりの{0}行です", "The last {0} lines"),
    Shape("{} lines", "{0}行です", "{0} lines"),
    Shape(
        "the terminal profile does not say where this log is",
        "端末設定に、この記録の場所が登録されていません",
        "The terminal profile does not say where this log is",
    ),
    Shape("there is no {}", "{0}がありません", "There is no {0}"),
    Shape("{} has {} bytes", "{0}は{1}バイトあります", "{0} has {1} bytes"),
    Shape(
        "{} is no text in UTF-8, UTF-16 or Shift_JIS",
        "{0}を文字として読み取れません（UTF-8、UTF-16、Shift_JISのいずれでもありません）",
        "{0} is no text in UTF-8, UTF-16 or Shift_JIS",
    ),
    Shape(
        "no place could be tried",
        "接続を試せませんでした",
        "No place could be tried",
    ),
    Shape(
        "{} ({}): NOT reached, {}",
        "{0}（{1}）：つながりません（{2}）",
        "{0} ({1}): NOT reached ({2})",
    ),
    Shape("{} ({}): reached", "{0}（{1}）：つながりました", "{0} ({1}): reached"),
    Shape("started {}", "{0}を開始しました", "Started {0}"),
    Shape(
        "boot {}; services that run: {}",
        "動いているサービス：{1}",
        "Services that run: {1}",
    ),
    Shape(
        "what was noted before the restart cannot be read",
        "再起動の前に控えた内容を読み取れません",
        "What was noted before the restart cannot be read",
    ),
    Shape(
        "somebody pressed OK",
        "画面で「OK」が押されました",
        "Somebody pressed OK",
    ),
    Shape(
        "stood on the screen for 10 minutes; nobody pressed OK",
        "画面に10分間表示しましたが、「OK」は押されませんでした",
        "Stood on the screen for 10 minutes; nobody pressed OK",
    ),
    Shape("it only reads", "読み取るだけで、何も変えません", "It only reads"),
    Shape(
        "it only shows a message on the screen",
        "画面にお知らせを表示するだけです",
        "It only shows a message on the screen",
    ),
    Shape(
        "the person at the terminal does it; no fact tells it",
        "端末の前の方が行う作業です。済んでいるかどうかは端末からは分かりません",
        "The person at the terminal does it; the terminal cannot tell whether it is done",
    ),
    Shape("not observed", "読み取っていません", "Not observed"),
    Shape(
        "already as it was before",
        "すでに元どおりです",
        "Already as it was before",
    ),
    Shape(
        "changed since: {}",
        "その後に変更されています：{0}",
        "Changed since: {0}",
    ),
    Shape(
        "all values are as they should be",
        "すべて正しい値です",
        "All values are as they should be",
    ),
    Shape(
        "not yet, or not whole",
        "まだ済んでいないか、途中です",
        "Not yet, or not whole",
    ),
    Shape(
        "{} leaves no trace to look for",
        "{0}が済んだかどうかは、端末からは確かめられません",
        "{0} leaves no trace to look for",
    ),
    Shape(
        "this build has no step {}",
        "このエージェントには手順「{0}」がありません",
        "This build has no step {0}",
    ),
    Shape(
        "this build has no such step",
        "このエージェントにはその手順がありません",
        "This build has no such step",
    ),
    Shape(
        "this agent does not know the remedy, or not with these parameters",
        "このエージェントは、この対処かその設定値を知りません",
        "This agent does not know the remedy, or not with these parameters",
    ),
    Shape("finished twice", "終わりの記録が二つあります", "Finished twice"),
    Shape(
        "{} cannot be read again: {}",
        "{0}をもう一度読み取れません：{1}",
        "{0} cannot be read again: {1}",
    ),
    Shape(
        "nobody has a browser profile",
        "ブラウザーのプロファイルがありません",
        "Nobody has a browser profile",
    ),
    Shape(
        "developer mode is on at {}",
        "開発者モードがオンです：{0}",
        "Developer mode is on at {0}",
    ),
    Shape("{} (signed out)", "{0}（サインアウト中）", "{0} (signed out)"),
    Shape(
        "{} is missing at {}",
        "{0}が入っていません：{1}",
        "{0} is missing at {1}",
    ),
    Shape(
        "{} is off, {}, at {}",
        "{0}がオフです（{1}）：{2}",
        "{0} is off ({1}) at {2}",
    ),
    Shape(
        "{} is unknown, {}, at {}",
        "{0}を確かめられません（{1}）：{2}",
        "{0} is unknown ({1}) at {2}",
    ),
    Shape(
        "{} is only {} at {}",
        "{0}が古い版（{1}）のままです：{2}",
        "{0} is only {1} at {2}",
    ),
    Shape(
        "{} is still there at {}",
        "古い拡張機能（{0}）が残っています：{1}",
        "The old {0} is still there at {1}",
    ),
    Shape(
        "its policies are still there: {}",
        "この作業のポリシーが残っています：{0}",
        "Its policies are still there: {0}",
    ),
    Shape("{} has the id of {}", "{0}のIDが{1}と同じです", "{0} has the id of {1}"),
    Shape("{} is not there", "{0}がありません", "{0} is not there"),
    Shape(
        "{} is {}, not {} or later",
        "{0}の版は{1}です（{2}以降が必要です）",
        "{0} is {1}, not {2} or later",
    ),
    Shape(
        "the id of {} is {}, not {}",
        "{0}のIDは{1}です（決められたIDは{2}です）",
        "The id of {0} is {1}, not {2}",
    ),
    Shape(
        "{} is {} by policy",
        "{0}はポリシーで使えなくされています（{1}）",
        "{0} is {1} by policy",
    ),
    Shape(
        "{} is a single value here, which is left alone",
        "{0}が一つの値として書かれているため、変えません",
        "{0} is a single value here, which is left alone",
    ),
    Shape(
        "{} is no JSON object",
        "{0}を読み取れません（JSONのオブジェクトではありません）",
        "{0} is no JSON object",
    ),
    Shape("{} is no text", "{0}を文字として読み取れません", "{0} is no text"),
    Shape("user", "利用者", "by the user"),
    Shape("no reason", "理由なし", "no reason"),
    Shape("none", "なし", "none"),
    Shape("blocked", "禁止", "blocked"),
    Shape("removed", "削除", "removed"),
    Shape("dns", "名前解決", "name resolution"),
    Shape("time", "時刻の同期先", "time server"),
    Shape("proxy", "プロキシ", "proxy"),
    Shape("verification", "オンライン資格確認", "online verification"),
    Shape("distribution", "配信", "distribution"),
    Shape("certificates", "証明書", "certificates"),
    Shape("cloud", "クラウド", "cloud"),
    Shape("timed out", "時間内に応答なし", "timed out"),
];
