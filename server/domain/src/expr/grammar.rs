//! The language as people are told of it: its grammar, and examples that a test reads.

use super::field::ALIASES;
use super::literal::{ABSENT, NONE, SIZES, SPANS, TRUTHS, UNKNOWN};

/// In the notation of the standard for grammars (EBNF), for the help page: with all words that are read.
pub fn grammar() -> String {
    let any = |words: Vec<&str>| {
        let words = words.into_iter().filter(|word| !word.is_empty());
        words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" | ")
    };
    let spans = any(SPANS.iter().flat_map(|(_, names)| *names).copied().collect());
    let sizes = any(SIZES.iter().flat_map(|(_, names)| *names).copied().collect());
    let truths = any(TRUTHS.iter().flat_map(|(_, words)| words).copied().collect());
    let (unknown, absent) = (any(UNKNOWN.to_vec()), any(ABSENT.to_vec()));
    let short = any(ALIASES.iter().map(|(alias, _)| *alias).collect());
    format!(
        r#"expression  = [ either ] ;
either      = alternative {{ "OR" alternative }} ;
alternative = condition {{ [ "AND" ] condition }} ;
condition   = "NOT" condition | "-" condition (* without a space between *) | "(" either ")" | "*" | term | word ;
term        = key operator value | "has:" key | "unknown:" key ;
key         = ? one of the fields ? | {short} ;
operator    = ":" | "=" | "!=" | "<" | "<=" | ">" | ">=" ;
value       = truth | number | version | time | age | duration | size | text | "any" | unknown | absent ;
unknown     = {unknown} ;
absent      = {absent} | "{NONE}" (* of what there can be several *) ;
truth       = {truths} ;
number      = [ "-" ] digits ;
version     = digits {{ "." digits }} ;
time        = date [ "T" hour ":" minute [ ":" second [ "." digits ] ] [ "Z" | zone ] ] ;
date        = year ( "-" | "/" ) month ( "-" | "/" ) day ;
zone        = ( "+" | "-" ) hour ":" minute ;
age         = [ "+" ] digits unit ;
duration    = [ "-" ] digits unit ;
unit        = {spans} ;
size        = digits [ {sizes} ] ;
text        = ? characters without spaces, parentheses and quotes ? | '"' ? any characters; \" is a quote, \\ a backslash ? '"'
              (* after ":" a "*" in it stands for anything *) ;
word        = text (* with a letter or a digit; without quotes it has no ":", "=", "<", ">" and "!=" in it, no "-" before it,
                      and is in whatever case not "AND", "OR" or "NOT" *) ;"#
    )
}

/// What can be typed, and what it finds in Japanese and English.
pub const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "受付",
        "コンピューター名、機種、製造番号か、医療機関等のコード・名称・読み・住所・電話番号に「受付」を含む端末",
        "The word in the computer's name, model or serial number, or in its facility's code, name, reading, address or telephone",
    ),
    (
        "fault:fast-startup-on prefecture:東京都",
        "東京都にあり、その不具合がある端末",
        "In Tokyo, with this fault",
    ),
    (
        "fault:serious OR fault:warning",
        "重大または注意の不具合がある端末",
        "With a serious fault or a warning",
    ),
    ("-fault:any", "不具合がない端末", "Without any fault"),
    (
        "model:\"ThinkPad E14 Gen 2\" online:yes",
        "その機種で、オンラインの端末",
        "Of this model, and online",
    ),
    (
        "hostname:UKETSUKE*",
        "名前がUKETSUKEで始まる端末",
        "Whose name begins with UKETSUKE",
    ),
    (
        "os.version<10.0.19044.4291",
        "OSの版数がそれより古い端末（版数として比べる）",
        "With an older OS, compared number by number",
    ),
    (
        "last_seen>7d",
        "7日より長く接続していない端末",
        "Not seen for more than seven days",
    ),
    (
        "boot.time<2026-11-01",
        "11月1日より前に起動したままの端末",
        "Up since before 1 November",
    ),
    (
        "hardware.memory<8GB",
        "メモリーが8GBより少ない端末",
        "With less than 8 GB of memory",
    ),
    (
        "unknown:power.fast_startup",
        "高速スタートアップの設定を読み取れていない端末",
        "Of which it is not known whether fast startup is on",
    ),
    (
        "oqs.link.version:absent",
        "調べて、そのソフトがなかった端末",
        "Which was looked at and does not have this program",
    ),
    (
        "has:institution state:active",
        "医療機関等コードがわかっている、通常の端末",
        "In good standing, with a known institution code",
    ),
    (
        "facility.shared_receipt:yes facility.update_choice!=manual",
        "レセコンと兼用で、Windows Updateの方法が手動でない端末",
        "Shared with the receipt computer, where Windows Update is not chosen to be manual",
    ),
    (
        "job:open",
        "終わっていない作業がある端末",
        "With a job that has no result yet",
    ),
    (
        "job.fast-startup-off:failed",
        "その作業が最後に失敗した端末",
        "Whose last job of this kind has failed",
    ),
    (
        "(prefecture:東京都 OR prefecture:神奈川県) NOT online:yes",
        "東京都か神奈川県にあり、オフラインの端末",
        "In Tokyo or Kanagawa, and not online",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Expr, Op};

    #[test]
    fn every_example_reads() {
        for (text, ja, en) in EXAMPLES {
            let expr = Expr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(Expr::parse(&expr.to_string()), Ok(expr), "{text}");
            assert!(!ja.is_empty() && !en.is_empty());
        }
    }

    #[test]
    fn the_grammar_names_every_operator_and_every_word_that_is_read() {
        let told = grammar();
        let words = ["不明", "なし", "none", "はい", "off", "週間", "TiB", "都道府県"];
        let all = Op::ALL.iter().map(Op::to_string).chain(words.map(str::to_owned));
        for word in all {
            assert!(told.contains(&format!("\"{word}\"")), "{word}");
        }
        for text in [
            "certificates.expires<+60d",
            "boot.time<2026/11/21",
            "fault:any",
            "online:はい",
        ] {
            assert!(Expr::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn parentheses_hold_something_and_values_end_where_the_grammar_says() {
        for text in ["()", "( ) 受付", "online:yes ()"] {
            assert!(Expr::parse(text).is_err(), "{text}");
        }
        for (joined, apart) in [
            ("hostname:a(b)", "hostname:a b"),
            ("hostname:a\"b\"", "hostname:a b"),
            ("os.product:a:b=<c>", "os.product:\"a:b=<c>\""),
        ] {
            assert_eq!(Expr::parse(joined), Expr::parse(apart), "{joined}");
            assert!(Expr::parse(joined).is_ok(), "{joined}");
        }
    }
}
