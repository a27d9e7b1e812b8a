//! The language as people are told of it: its grammar, and examples that a test reads.

/// In the notation of the standard for grammars (EBNF), for the help page.
pub const GRAMMAR: &str = r#"expression  = [ alternative { "OR" alternative } ] ;
alternative = condition { [ "AND" ] condition } ;
condition   = ( "NOT" | "-" ) condition | "(" expression ")" | "*" | term | word ;
term        = key operator value | "has:" key | "unknown:" key ;
operator    = ":" | "=" | "!=" | "<" | "<=" | ">" | ">=" ;
value       = truth | number | version | time | age | duration | size | text | "unknown" | "absent" ;
truth       = "yes" | "no" | "有効" | "無効" ;
version     = digits { "." digits } ;
time        = year "-" month "-" day [ "T" hour ":" minute [ ":" second ] [ "Z" | zone ] ] ;
age         = digits ( "w" | "d" | "h" | "m" | "s" | "週" | "日" | "時間" | "分" | "秒" ) ;
duration    = [ "-" ] age ;
size        = digits [ "KB" | "MB" | "GB" | "TB" ] ;
text        = characters without spaces, in which "*" stands for anything | '"' any characters '"' ;
word        = text ;"#;

/// What can be typed, and what it finds in Japanese and English.
pub const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "受付",
        "コンピューター名、機種、製造番号、医療機関等コードや名称に「受付」を含む端末",
        "The word in the computer's name, model, serial number, institution code or the facility's name",
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
    fn the_grammar_names_every_operator() {
        for op in Op::ALL {
            assert!(GRAMMAR.contains(&format!("\"{op}\"")), "{op}");
        }
    }
}
