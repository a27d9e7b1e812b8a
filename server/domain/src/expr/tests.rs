use std::collections::BTreeMap;

use kaishin_proto::time::Span;
use kaishin_proto::value::{Reason, Version};
use proptest::prelude::*;

use super::*;

const NOW: Time = Time(1_790_000_000_000_000);

#[derive(Clone, Debug)]
struct Known {
    id: TerminalId,
    hostname: String,
    institution: Option<String>,
    online: bool,
    last_seen: Option<Time>,
    standing: Standing,
    faults: Vec<String>,
    facts: BTreeMap<String, Value>,
}

impl Subject for Known {
    fn id(&self) -> TerminalId {
        self.id
    }
    fn hostname(&self) -> &str {
        &self.hostname
    }
    fn institution(&self) -> Option<&str> {
        self.institution.as_deref()
    }
    fn online(&self) -> bool {
        self.online
    }
    fn last_seen(&self) -> Option<Time> {
        self.last_seen
    }
    fn stands(&self, standing: Standing) -> bool {
        self.standing == standing
    }
    fn faults(&self) -> Vec<&str> {
        self.faults.iter().map(String::as_str).collect()
    }
    fn fact(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.facts.get(key).map(Cow::Borrowed)
    }
    fn severities(&self) -> Vec<&str> {
        self.faults.iter().map(|_| "warning").collect()
    }
    fn facility(&self, attribute: Attribute) -> Option<Cow<'_, Value>> {
        match attribute {
            Attribute::Name => Some(Cow::Owned(Value::Text("山田内科クリニック".into()))),
            Attribute::Prefecture => Some(Cow::Owned(Value::Text("東京都".into()))),
            Attribute::SharedReceipt => Some(Cow::Owned(Value::Truth(true))),
            Attribute::Code
            | Attribute::Kind
            | Attribute::Carrier
            | Attribute::Line
            | Attribute::Provider
            | Attribute::Topology
            | Attribute::Reader
            | Attribute::UpdateChoice => None,
        }
    }
    fn jobs(&self) -> Vec<(&str, &str)> {
        vec![("fast-startup-off", "failed"), ("refresh-facts", "running")]
    }
}

fn reception() -> Known {
    let facts = [
        ("power.fast_startup", Value::Truth(true)),
        ("power.hibernate", Value::unknown(Reason::NoPermission, "denied")),
        ("os.build", Value::Number(19_044)),
        ("os.revision", Value::unknown(Reason::NotFound, "")),
        ("os.version", Value::Version(Version("10.0.19044.4291".into()))),
        ("hardware.model", Value::Text("ThinkPad E14 Gen 2".into())),
        ("hardware.serial", Value::Text("PF-3ABC".into())),
        ("hardware.memory", Value::Size(8 << 30)),
        ("boot.time", Value::Time(NOW - Span::days(10))),
    ];
    Known {
        id: TerminalId::new(NOW, [7; 10]),
        hostname: "UKETSUKE-01".into(),
        institution: Some("1310123456".into()),
        online: false,
        last_seen: Some(NOW - Span::days(8)),
        standing: Standing::Active,
        faults: vec!["fast-startup-on".into()],
        facts: facts.map(|(key, value)| (key.to_owned(), value)).into(),
    }
}

#[test]
fn what_an_operator_types_finds_the_terminal() {
    use Truth3::{False, True, Unknown};
    let terminal = reception();
    for (text, expected) in [
        ("", True),
        ("*", True),
        ("uketsuke", True),
        ("ｕｋｅｔｓｕｋｅ　3456", True),
        ("kaikei", False),
        ("thinkpad OR kaikei", True),
        ("kaikei OR nobody thinkpad", False),
        ("(kaikei OR uketsuke) AND 3abc", True),
        ("-kaikei", True),
        ("NOT uketsuke", False),
        ("NOT kaikei uketsuke", True),
        ("power.fast_startup:yes", True),
        ("power.fast_startup：有効", True),
        ("power.fast_startup:unknown", False),
        ("power.hibernate:no", Unknown),
        ("-power.hibernate:no", Unknown),
        ("power.hibernate:unknown", True),
        ("power.hibernate!=unknown", False),
        ("hardware.uuid:不明", True),
        ("hardware.uuid:absent", Unknown),
        ("power.hibernate:absent", Unknown),
        ("os.build:absent", False),
        ("os.revision:absent", True),
        ("os.revision!=absent", False),
        ("hardware.uuid:\"unknown\"", Unknown),
        ("power.hibernate:no OR online:no", True),
        ("power.hibernate:no online:yes", False),
        ("model:\"ThinkPad E14 Gen 2\"", True),
        ("model:thinkpad*", True),
        ("model=thinkpad*", False),
        ("model!=thinkpad", True),
        ("os.version<10.0.19044.5000", True),
        ("os.version >= 10.0.19044.4291.0", True),
        ("os.version>10.0.9", True),
        ("build:19044", True),
        ("build＜１９０４４", False),
        ("hardware.memory>=8GB", True),
        ("last_seen>7d", True),
        ("last_seen<1w", False),
        ("boot.time>9d boot.time<=10d", True),
        ("boot.time<+1d", True),
        ("boot.time>+1d", False),
        ("boot.time<2000-01-01", False),
        ("state:active fault:fast-startup-on", True),
        ("fault:fast*", True),
        ("fault:restart-overdue", False),
        ("-fault:*", False),
        ("institution:1310123456 hostname:*01", True),
        ("（online：no）", True),
        ("online:unknown", False),
        ("fault:any", True),
        ("fault:＊", True),
        ("fault!=any", False),
        ("fault:Warning", True),
        ("fault:serious OR fault.severity:notice", False),
        ("fault:\"warning\"", False),
        ("has:fault -unknown:fault", True),
        ("has:os.build unknown:power.hibernate", True),
        ("unknown:os.build OR has:hardware.uuid", False),
        ("山田内科", True),
        ("山田内科ｸﾘﾆｯｸ", True),
        ("医療法人 山田内科", True),
        ("-医療法人 山田内科", True),
        ("医療法人", False),
        ("医療法人 山本", False),
        ("thinkpade14", True),
        ("\"ThinkPad E14\" uke", True),
        ("PF―3ABC", True),
        ("131-0123456", True),
        ("prefecture:東京都 都道府県:東*", True),
        ("facility.prefecture!=東京都", False),
        ("prefecture:tokyo prefecture:東京", True),
        ("facility.shared_receipt:yes", True),
        ("facility.carrier:NTT*", Unknown),
        ("unknown:facility", True),
        ("job:open job:any", True),
        ("job:failed", True),
        ("job.fast-startup-off:failed", True),
        ("job.fast-startup-off:open", False),
        ("job.refresh-facts:open job.refresh-facts:running", True),
        ("job:fast-startup-off", True),
        ("job.state:unknown", False),
        ("fault:なし", False),
        ("fault!=なし", True),
        ("-job:absent", True),
        ("facility.carrier:なし", True),
        ("facility.carrier!=なし", False),
        ("facility.name:なし", False),
        ("job.state!=failed", False),
    ] {
        let expr = Expr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(expr.evaluate(&terminal, NOW), expected, "{text}");
    }
}

#[test]
fn who_is_online_is_being_seen() {
    let terminal = Known {
        online: true,
        ..reception()
    };
    let expr = Expr::parse("last_seen<1m").expect("it is read");
    assert_eq!(expr.evaluate(&terminal, NOW), Truth3::True);
}

#[test]
fn a_value_of_another_kind_than_the_catalogue_says_is_unknown() {
    let mut terminal = reception();
    terminal.facts.insert("os.build".into(), Value::Text("19044".into()));
    let expr = Expr::parse("os.build:unknown").expect("it is read");
    assert_eq!(expr.evaluate(&terminal, NOW), Truth3::True);
}

#[test]
fn an_error_says_where_what_and_what_instead() {
    for (text, code, at, len, expected) in [
        ("a (", "E-EXPR-01", 3, 0, Some("key:value")),
        ("a OR", "E-EXPR-01", 4, 0, None),
        ("受付 hostnme:x", "E-EXPR-02", 3, 7, None),
        ("mode:x", "E-EXPR-02", 0, 4, Some("hardware.model")),
        ("online:", "E-EXPR-03", 7, 0, Some("yes")),
        ("online:maybe", "E-EXPR-04", 7, 5, Some("no")),
        ("state:unknown state:lost", "E-EXPR-04", 20, 4, Some("revoked")),
        ("last_seen:7d", "E-EXPR-04", 10, 2, None),
        ("model<3", "E-EXPR-05", 0, 6, Some("!=")),
        ("a \"b", "E-EXPR-06", 2, 1, Some("\"")),
        ("(a", "E-EXPR-07", 0, 1, Some(")")),
        ("a)", "E-EXPR-08", 1, 1, Some("OR")),
        ("agent.started>1d", "E-EXPR-11", 0, 13, None),
        ("a :x =y", "E-EXPR-02", 0, 1, None),
        (":x", "E-EXPR-12", 0, 1, None),
        ("has:", "E-EXPR-01", 4, 0, None),
        ("has:os.colour", "E-EXPR-02", 4, 9, None),
        ("job.state:faild", "E-EXPR-04", 10, 5, Some("failed")),
        ("fault:unknown", "E-EXPR-04", 6, 7, Some("any")),
        ("job:不明", "E-EXPR-04", 4, 2, Some("any")),
        ("online:なし", "E-EXPR-04", 7, 2, Some("yes")),
        ("foo:bar", "E-EXPR-02", 0, 3, Some("hostname")),
        ("agent.started:x", "E-EXPR-11", 0, 13, Some("hostname")),
        (")", "E-EXPR-01", 0, 0, Some("key:value")),
        ("fault.severity:grave", "E-EXPR-04", 15, 5, Some("serious")),
        ("- fault:any", "E-EXPR-13", 0, 1, Some("-key:value")),
        ("online:yes －　fault:any", "E-EXPR-13", 11, 1, Some("-key:value")),
        ("-", "E-EXPR-13", 0, 1, Some("-text")),
        ("受付 − 会計", "E-EXPR-13", 3, 1, Some("-text")),
        ("\"\"", "E-EXPR-14", 0, 2, Some("*")),
        ("a -\"・\"", "E-EXPR-14", 3, 3, Some("text")),
        ("，", "E-EXPR-14", 0, 1, Some("*")),
        ("fault:any or online:no", "E-EXPR-15", 10, 2, Some("OR")),
        ("fault:any　ａｎｄ online:no", "E-EXPR-15", 10, 3, Some("AND")),
        ("Not fault:any", "E-EXPR-15", 0, 3, Some("NOT")),
        ("not(online:yes)", "E-EXPR-15", 0, 3, Some("NOT")),
        ("and", "E-EXPR-15", 0, 3, Some("\"and\"")),
    ] {
        let error = Expr::parse(text).expect_err(text);
        assert_eq!((error.code(), error.at, error.len), (code, at, len), "{text}: {error}");
        if let Some(expected) = expected {
            assert!(error.expected().iter().any(|word| word == expected), "{text}: {error}");
        }
        assert!(!error.ja().is_empty() && !error.en().is_empty());
        assert!(!error.expected().is_empty(), "{text}: {error}");
    }
    let deep = "-".repeat(65) + "a";
    assert_eq!(Expr::parse(&deep).expect_err("too deep").code(), "E-EXPR-10");
    let long = Expr::parse(&"a ".repeat(2_001)).expect_err("too long");
    assert_eq!((long.code(), long.expected().len()), ("E-EXPR-09", 1));
}

#[test]
fn expressions_are_printed_as_they_are_best_typed() {
    for (text, printed) in [
        ("NOT  a AND　b", "-a b"),
        ("a OR (b c) OR model：\"x y\"", "a OR (b c) OR hardware.model:\"x y\""),
        ("\"AND\" \"-x\" last_seen > 14d", "\"AND\" \"-x\" last_seen>2w"),
        ("\"or\" \"Not\" nor", "\"or\" \"Not\" nor"),
        ("path \"C:\\OQS\"", "path \"C:\\\\OQS\""),
        ("", "*"),
    ] {
        assert_eq!(Expr::parse(text).expect(text).to_string(), printed);
    }
}

#[test]
fn a_facets_value_becomes_a_condition() {
    let field = Field::find("model").expect("there is");
    for text in ["ThinkPad E14", "unknown", "a*b", "say \"x\"", "後＊"] {
        let expr = Expr::equals(field, text).expect("it fits");
        let mut terminal = reception();
        terminal.facts.insert("hardware.model".into(), Value::Text(text.into()));
        assert_eq!(Expr::parse(&expr.to_string()), Ok(expr.clone()), "{expr}");
        assert!(expr.evaluate(&terminal, NOW).is_true(), "{expr}");
        assert!(!expr.evaluate(&reception(), NOW).is_true());
    }
}

fn literal(kind: Kind) -> BoxedStrategy<Literal> {
    match kind {
        Kind::Truth => any::<bool>().prop_map(Literal::Truth).boxed(),
        Kind::Number => prop_oneof![any::<i64>(), Just(19_044)]
            .prop_map(Literal::Number)
            .boxed(),
        Kind::Text | Kind::Several => "(\\PC{0,6}|[a-c*\"\\\\]{0,4}|unknown|ＵＮＫＮＯＷＮ|Ａbsent|なし|AND)"
            .prop_map(|text| Literal::Text(Phrase::new(text)))
            .boxed(),
        Kind::Version => "[0-9]{1,4}(\\.[0-9]{1,4}){0,4}"
            .prop_map(|text| Literal::Version(Version(text)))
            .boxed(),
        Kind::Time => prop_oneof![
            (0_i64..9_000_000_000_000_000).prop_map(|at| Literal::Time(Time(at))),
            (-700_000_i64..2_900_000).prop_map(Literal::Day),
            (-10_000_000_i64..10_000_000).prop_map(|seconds| Literal::Age(Span::seconds(seconds))),
        ]
        .boxed(),
        Kind::Duration => (-10_000_000_i64..10_000_000)
            .prop_map(|seconds| Literal::Duration(Span::seconds(seconds)))
            .boxed(),
        Kind::Size => any::<u64>().prop_map(Literal::Size).boxed(),
        Kind::Standing => prop::sample::select(Standing::ALL.to_vec())
            .prop_map(Literal::Standing)
            .boxed(),
    }
}

fn term() -> impl Strategy<Value = Term> {
    let indexed: Vec<Field> = Field::all().filter(|field| field.indexed()).collect();
    prop::sample::select(indexed)
        .prop_flat_map(|field| {
            let literal =
                prop_oneof![9 => literal(field.kind()), 1 => Just(Literal::Unknown), 1 => Just(Literal::Absent)];
            (Just(field), prop::sample::select(Op::ALL.to_vec()), literal)
        })
        .prop_filter_map("they fit", |(field, op, literal)| Term::new(field, op, literal))
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        8 => term().prop_map(Expr::Term),
        2 => "(\\PC{0,6}|AND|OR|ＯＲ|or|Not|－a|-a|\\*|＊|uke|医療法人|unknown|不明)"
            .prop_filter("there is something to look for", |text| !parse::says_nothing(text))
            .prop_map(|text| Expr::Text(Phrase::new(text))),
        1 => Just(Expr::Always),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|expr| Expr::Not(Box::new(expr))),
        ]
    })
}

fn not(expr: &Expr) -> Expr {
    Expr::Not(Box::new(expr.clone()))
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same(expr in expr()) {
        let text = expr.to_string();
        prop_assert_eq!(Expr::parse(&text), Ok(expr), "{}", text);
    }

    #[test]
    fn de_morgan_holds_with_unknown_too(one in expr(), other in expr(), online: bool) {
        let terminal = Known { online, ..reception() };
        let value = |expr: Expr| expr.evaluate(&terminal, NOW);
        let both = Expr::And(vec![one.clone(), other.clone()]);
        let either = Expr::Or(vec![one.clone(), other.clone()]);
        prop_assert_eq!(value(not(&both)), value(Expr::Or(vec![not(&one), not(&other)])));
        prop_assert_eq!(value(not(&either)), value(Expr::And(vec![not(&one), not(&other)])));
        prop_assert_eq!(value(not(&not(&one))), value(one));
    }

    #[test]
    fn nothing_that_is_typed_makes_it_panic(text in "\\PC{0,40}") {
        let _ = Expr::parse(&text);
    }

    #[test]
    fn nothing_made_of_its_own_signs_makes_it_panic(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "(", ")", "（", "\"", "”", "\\", ":", "<=", "!=", "!", "-", "－", " ", "　", "AND", "OR", "NOT", "or", "os.build",
                "last_seen", "7d", "unknown", "受付", "*", "hardware.memory", "99999999999999999999", "2026-13-45", "T",
            ]),
            0..20,
        )
    ) {
        let text = pieces.concat();
        match Expr::parse(&text) {
            Ok(expr) => prop_assert_eq!(Expr::parse(&expr.to_string()), Ok(expr)),
            Err(error) => {
                prop_assert!(error.at + error.len <= text.chars().count());
                prop_assert!(error.to_string().starts_with("E-EXPR-"));
            }
        }
    }
}
