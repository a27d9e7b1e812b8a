//! The page in words: plain Japanese that is understood at a reception desk, and the same in English. Everything that did not
//! come from this program's own text is escaped.

use std::fmt::Write as _;

use kaishin_proto::evidence;
use kaishin_proto::remedy::{Remedy, Restart, Said};
use kaishin_proto::time::{Span, Time};
use kaishin_proto::words::Words;

use super::StepState;
use super::page::{Asked, LATER, NO, Page, Phase, Row, Why};
use crate::remedies::guided;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Japanese,
    English,
}

use Language::{English, Japanese};

impl Language {
    /// The language that a path asks for, and the rest of it.
    pub fn of(path: &str) -> (Language, &str) {
        match path.strip_prefix("/en") {
            Some("") => (English, "/"),
            Some(rest) if rest.starts_with('/') => (English, rest),
            Some(_) | None => (Japanese, path),
        }
    }

    pub fn home(self) -> &'static str {
        match self {
            Japanese => "/",
            English => "/en",
        }
    }

    fn path(self, path: &str) -> String {
        match self {
            Japanese => path.to_owned(),
            English => format!("/en{path}"),
        }
    }

    fn say<'a>(self, ja: &'a str, en: &'a str) -> &'a str {
        match self {
            Japanese => ja,
            English => en,
        }
    }

    fn of_words(self, words: Words) -> String {
        match self {
            Japanese => words.ja,
            English => words.en,
        }
    }

    fn of_said(self, said: Said) -> &'static str {
        match self {
            Japanese => said.ja,
            English => said.en,
        }
    }
}

/// The whole document.
pub fn whole(page: &Page, language: Language, now: Time) -> String {
    let (code, other, other_name) = match language {
        Japanese => ("ja", English, "English"),
        English => ("en", Japanese, "日本語"),
    };
    let say = |ja, en| language.say(ja, en);
    // Only for a browser without scripts; while somebody chooses a reason it comes less often.
    let every = match page.phase {
        Phase::Asked(_) => Some(30),
        Phase::Working => Some(3),
        Phase::Ended { .. } | Phase::Declined | Phase::Later | Phase::TimedOut | Phase::Withdrawn => None,
    };
    let refresh = every.map_or_else(String::new, |seconds| {
        format!("<noscript><meta http-equiv=\"refresh\" content=\"{seconds}\"></noscript>\n")
    });
    format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{refresh}<title>{}</title>\n\
         <link rel=\"stylesheet\" href=\"/guide.css\">\n\
         <script src=\"/guide.js\" defer></script>\n</head>\n<body>\n\
         <header><span>{}</span><a href=\"{}\" lang=\"{}\">{other_name}</a></header>\n\
         <main data-state=\"{}\">{}</main>\n\
         <footer><p id=\"gone\" class=\"card\" role=\"status\" hidden>{}</p></footer>\n</body>\n</html>\n",
        say("この端末のご案内", "A guide for this terminal"),
        say(
            "Kaishin 回診 ・ この端末だけの画面です",
            "Kaishin · this page is on this terminal only"
        ),
        other.home(),
        match other {
            Japanese => "ja",
            English => "en",
        },
        language.path("/state"),
        part(page, language, now),
        say(
            "この案内は終わりました。画面を閉じてかまいません。",
            "This guide has ended. You may close this window.",
        ),
    )
}

/// What changes while it is shown.
pub fn part(page: &Page, language: Language, now: Time) -> String {
    match &page.phase {
        Phase::Asked(asked) => question(page, asked, language, now),
        Phase::Working => working(page, language),
        Phase::Ended { succeeded, words } => ended(page, *succeeded, words, language),
        Phase::Declined => closing(
            language.say("わかりました。何も変えていません。", "Understood. Nothing was changed."),
            language.say(
                "「いいえ」の返事をサポート窓口に伝えました。",
                "The support desk has been told that you said no.",
            ),
            language,
        ),
        Phase::Later => closing(
            language.say("わかりました。今は何もしません。", "Understood. Nothing is done now."),
            language.say(
                "「あとで」の返事をサポート窓口に伝えました。何も変えていません。",
                "The support desk has been told to come back later. Nothing was changed.",
            ),
            language,
        ),
        Phase::TimedOut => closing(
            language.say(
                "時間になったので、確認を終わりました。",
                "The time is over, and the question with it.",
            ),
            language.say(
                "返事がなかったので、何も変えていません。必要なときはサポート窓口がもう一度お願いします。",
                "There was no answer, so nothing was changed. The support desk will ask again if it is needed.",
            ),
            language,
        ),
        Phase::Withdrawn => closing(
            language.say("この確認は取り消されました。", "The question was taken back."),
            language.say(
                "何も変えていません。くわしくはサポート窓口にお尋ねください。",
                "Nothing was changed. Ask the support desk if you want to know more.",
            ),
            language,
        ),
    }
}

fn question(page: &Page, asked: &Asked, language: Language, now: Time) -> String {
    let say = |ja, en| language.say(ja, en);
    let about = page.remedy.about();
    let mut html = format!(
        "<h1>{}</h1>\n<p>{}</p>\n<section class=\"card\"><h2>{}</h2><p class=\"what\">{}</p><p>{}</p>\
         <dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd></dl></section>\n",
        say("この作業を行ってもよいですか？", "May this be done on this terminal?"),
        say(
            "サポート窓口が、この端末で次の作業を行う許可をお願いしています。",
            "The support desk asks for your permission to do the following on this terminal.",
        ),
        say("行うこと", "What will be done"),
        escaped(&language.of_words(page.remedy.spelled())),
        escaped(&language.of_words(page.remedy.effect())),
        say("かかる時間", "How long"),
        lasts(about.seconds, language),
        say("再起動", "Restart"),
        restart(about.restart, language),
    );
    if asked.failures > 0 {
        let _ = writeln!(
            html,
            "<p class=\"card warn\">{}</p>",
            match language {
                Japanese => format!(
                    "この端末では、直前の作業が続けて{}回うまくいきませんでした。不安なときは「いいえ」か「あとで」を選んでください。",
                    asked.failures
                ),
                English => format!(
                    "The last {} piece(s) of work on this terminal failed. If you are not sure, choose no or later.",
                    asked.failures
                ),
            }
        );
    }
    html += &choices(language);
    if let Some(code) = &asked.code {
        let _ = writeln!(
            html,
            "<section class=\"card\"><h2>{}</h2><p>{}</p><p class=\"code\" id=\"code\">{}</p><p class=\"small\">{}</p></section>",
            say("電話でお話し中のとき", "If you are on the phone"),
            say(
                "サポート窓口の担当者にこの番号を読み上げてください。",
                "Read this number out to the person at the support desk.",
            ),
            escaped(code),
            say(
                "番号を伝えると「はい」を押したのと同じになります。",
                "Telling the number is the same as pressing yes.",
            ),
        );
    }
    let minutes = asked.until.since(now).0.max(0) / Span::minutes(1).0 + 1;
    let _ = write!(
        html,
        "<p class=\"small\">{}</p>\n<p class=\"small\">{}</p>",
        say(
            "心当たりがないとき、相手がサポート窓口か分からないときは「いいえ」を選んでください。",
            "If you did not expect this, or are not sure who is calling, choose no.",
        ),
        match language {
            Japanese => format!("あと約{minutes}分で自動的に閉じます。返事がなければ何も変えません。"),
            English => format!("It closes by itself in about {minutes} min. Without an answer nothing is changed."),
        }
    );
    html
}

fn choices(language: Language) -> String {
    let say = |ja, en| language.say(ja, en);
    let to = language.path("/answer");
    format!(
        "<div class=\"choices\"><form method=\"post\" action=\"{to}\"><button class=\"yes\" id=\"yes\" name=\"answer\" \
         value=\"yes\">{}</button></form>\n<div class=\"others\">{}\n{}</div></div>\n",
        say("はい、行ってよい", "Yes, go ahead"),
        reasons("no", say("いいえ", "No"), NO, language),
        reasons("later", say("あとで", "Later"), LATER, language),
    )
}

fn reasons(answer: &str, label: &str, of: &[Why], language: Language) -> String {
    let mut html = format!(
        "<details id=\"{answer}\"><summary id=\"{answer}-why\">{label}</summary><form method=\"post\" action=\"{}\">\
         <input type=\"hidden\" name=\"answer\" value=\"{answer}\"><p class=\"small\">{}</p>",
        language.path("/answer"),
        language.say("理由を選ぶと送信します", "Choose why; it is sent at once"),
    );
    for why in of {
        let _ = write!(
            html,
            "<button name=\"reason\" id=\"{answer}-{}\" value=\"{}\">{}</button>",
            why.id,
            why.id,
            language.say(why.ja, why.en)
        );
    }
    html + "</form></details>"
}

fn working(page: &Page, language: Language) -> String {
    let say = |ja, en| language.say(ja, en);
    let guided = matches!(page.remedy, Remedy::Guided(_));
    let (head, foot) = if guided {
        (
            say(
                "次の順に操作をお願いします。",
                "Please do the following, in this order.",
            ),
            say(
                "できたところから自動で印がつきます。印がつかない手順は「できました」を押してください。",
                "Steps tick themselves as they are done. Where a step has a button, press it when you have done it.",
            ),
        )
    } else {
        (
            say(
                "ありがとうございます。作業をしています。",
                "Thank you. The work is under way.",
            ),
            say(
                "電源を切らずにお待ちください。この画面を閉じても作業は続きます。",
                "Please leave the terminal switched on. The work goes on even if you close this window.",
            ),
        )
    };
    let later = match (&page.told.later, guided) {
        (Some(_), _) => format!(
            "<p class=\"card\">{}</p>",
            say(
                "「あとで」の返事をサポート窓口に伝えています。",
                "The support desk is being told to come back later."
            )
        ),
        (None, true) => reasons("later", say("あとでする", "Later"), LATER, language),
        (None, false) => String::new(),
    };
    format!(
        "<h1 role=\"status\">{head}</h1>\n<section class=\"card\"><p class=\"what\">{}</p>{}</section>\n\
         <p class=\"small\">{foot}</p>{later}",
        escaped(&language.of_words(page.remedy.spelled())),
        steps(page, language),
    )
}

fn ended(page: &Page, succeeded: bool, words: &Words, language: Language) -> String {
    let (class, head) = if succeeded {
        ("good", language.say("終わりました。", "It is done."))
    } else {
        (
            "bad",
            language.say("終わりましたが、うまくいきませんでした。", "It ended, but not well."),
        )
    };
    format!(
        "<div data-over><h1 role=\"status\" class=\"{class}\">{head}</h1>\n<p>{}</p>\n<section class=\"card\">\
         <p class=\"what\">{}</p>{}</section>\n<p>{}</p></div>",
        escaped(language.say(&words.ja, &words.en)),
        escaped(&language.of_words(page.remedy.spelled())),
        steps(page, language),
        done_with(language),
    )
}

fn closing(head: &str, text: &str, language: Language) -> String {
    format!(
        "<div data-over><h1 role=\"status\">{head}</h1>\n<p>{text}</p>\n<p>{}</p></div>",
        done_with(language)
    )
}

fn done_with(language: Language) -> &'static str {
    language.say("この画面は閉じてかまいません。", "You may close this window.")
}

fn steps(page: &Page, language: Language) -> String {
    let mut html = String::from("<ol>");
    for (at, row) in page.steps.iter().enumerate() {
        html += &step(page, at + 1, row, language);
    }
    html + "</ol>"
}

fn step(page: &Page, number: usize, row: &Row, language: Language) -> String {
    let (class, mark, name) = match row.state {
        StepState::Open => ("open", number.to_string(), language.say("これから", "to come")),
        StepState::Doing => ("doing", number.to_string(), language.say("作業中", "under way")),
        StepState::Waiting => ("waiting", number.to_string(), language.say("待っています", "waiting")),
        StepState::Done => ("done", "✓".to_owned(), language.say("できました", "done")),
        StepState::Failed => ("failed", "×".to_owned(), language.say("できませんでした", "failed")),
    };
    let by_hand = row.is_under_way() && guided::is_ticked_by_hand(page.remedy, row.about.id);
    let tick = match (by_hand, page.told.ticked.iter().any(|ticked| ticked == row.about.id)) {
        (true, false) => format!(
            "<form method=\"post\" action=\"{}\"><button id=\"tick-{}\" name=\"tick\" value=\"{}\">{}</button></form>",
            language.path("/answer"),
            row.about.id,
            row.about.id,
            language.say("できました", "Done")
        ),
        (true, true) | (false, _) => String::new(),
    };
    // What went well needs no explaining; what does not can be read out on the phone.
    let more = match row.state {
        StepState::Waiting | StepState::Failed if !row.evidence.is_empty() && !by_hand => {
            let known = evidence::words(&row.evidence).map(|words| language.of_words(words));
            format!(": {}", escaped(known.as_ref().unwrap_or(&row.evidence)))
        }
        StepState::Waiting | StepState::Failed | StepState::Open | StepState::Doing | StepState::Done => String::new(),
    };
    format!(
        "<li class=\"{class}\" id=\"step-{}\"><span class=\"mark\" aria-hidden=\"true\">{mark}</span><span>{}</span>\
         <span class=\"small\">{name}{more}</span>{tick}</li>",
        row.about.id,
        language.of_said(row.about.title)
    )
}

fn lasts(seconds: u32, language: Language) -> String {
    let (many, ja, en) = match seconds {
        0..60 => (seconds.max(1), "秒", "s"),
        60..3_600 => (seconds.div_ceil(60), "分", "min"),
        3_600.. => (seconds.div_ceil(3_600), "時間", "h"),
    };
    match language {
        Japanese => format!("約{many}{ja}"),
        English => format!("about {many} {en}"),
    }
}

fn restart(restart: Restart, language: Language) -> &'static str {
    match restart {
        Restart::None => language.say("しません", "none"),
        Restart::Next => language.say(
            "今はしません（次に再起動したときから有効になります）",
            "not now (it holds from the next restart on)",
        ),
        Restart::Made => language.say(
            "します（3分前に画面でお知らせします。その場で断れます）",
            "yes (the screen tells 3 minutes before, and you can refuse)",
        ),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            plain => out.push(plain),
        }
    }
    out
}
