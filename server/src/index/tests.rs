use std::collections::BTreeSet;

use kaishin_domain::expr::{Attribute, Expr, Field, JOB_STATES, Kind, Literal, Op, Phrase, SEVERITIES, Standing, Term};
use kaishin_proto::fact;
use kaishin_proto::id::{JobId, TerminalId};
use kaishin_proto::remedy::About;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Reason, Table, Value, Version};

use super::{Asked, Cursor, Entry, Facility, Flags, Hit, Index, Sort, Work, naive};

const NOW: Time = Time(1_790_000_000_000_000);
const ROUNDS: u64 = 40;
/// Until every field has been asked for, whatever the dice say.
const MOST_ROUNDS: u64 = 200;

/// Chances that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // SplitMix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    fn time(&mut self) -> Time {
        let ago = self.pick(&[0, 1, 3_600, 86_400, 604_800]) + self.below(5) as i64;
        NOW - Span::seconds(ago)
    }

    fn text(&mut self) -> String {
        let words = [
            "UKETSUKE",
            "uketsuke",
            "ｕketsuke",
            "受付",
            "ThinkPad E14",
            "ﾊﾟｿｺﾝ",
            "パソコン",
            "",
            "unknown",
            "a*b",
            "x-1",
            "医療法人 ﾊﾟｿｺﾝ",
        ];
        let mut text = self.pick(&words).to_owned();
        if self.one_in(2) {
            text += &self.below(4).to_string();
        }
        text
    }

    fn version(&mut self) -> Version {
        Version(
            self.pick(&["1.2", "1.2.0", "1.10", "01.2", "0", "10.0.19044"])
                .to_owned(),
        )
    }

    fn value(&mut self, kind: fact::Type) -> Value {
        if self.one_in(6) {
            let reason = self.pick(&Reason::ALL);
            return Value::unknown(reason, self.pick(&["", "denied"]));
        }
        match kind {
            fact::Type::Truth => Value::Truth(self.one_in(2)),
            fact::Type::Number => Value::Number(self.pick(&[-1, 0, 17_763, 19_044, i64::MAX])),
            fact::Type::Text => Value::Text(self.text()),
            fact::Type::Version => Value::Version(self.version()),
            fact::Type::Time => Value::Time(self.time()),
            fact::Type::Duration => Value::Duration(Span::seconds(self.below(5) as i64 - 1)),
            fact::Type::Size => Value::Size(self.pick(&[0, 1_000, 8 << 30])),
            fact::Type::List => Value::List((0..self.below(3)).map(|_| self.text()).collect()),
            fact::Type::Table => Value::Table(Table {
                columns: vec!["a".into()],
                rows: (0..self.below(3)).map(|_| vec![self.text()]).collect(),
            }),
        }
    }

    fn id(&mut self) -> TerminalId {
        TerminalId::new(Time(1_000_000), [self.below(40) as u8; 10])
    }

    fn flags(&mut self) -> Flags {
        Flags {
            revoked: self.one_in(5),
            duplicate: self.one_in(5),
            incompatible: self.one_in(5),
        }
    }

    fn rules(&mut self) -> Vec<String> {
        let rules = ["fast-startup-on", "restart-overdue", "受付"];
        (0..self.below(3)).map(|_| self.pick(&rules).to_owned()).collect()
    }

    fn facts(&mut self, of: impl Iterator<Item = &'static fact::Fact>) -> Vec<(String, Value)> {
        let mut facts = Vec::new();
        for fact in of {
            if !self.one_in(4) {
                // Now and then a value that the catalogue does not allow.
                let kind = if self.one_in(20) { fact::Type::Text } else { fact.kind };
                facts.push((fact.key.to_owned(), self.value(kind)));
            }
        }
        facts
    }

    fn entry(&mut self) -> Entry {
        Entry {
            id: self.id(),
            hostname: self.text(),
            institution: (!self.one_in(4)).then(|| format!("131012345{}", self.below(3))),
            flags: self.flags(),
            last_seen: (!self.one_in(4)).then(|| self.time()),
            facts: self.facts(fact::all()).into_iter().collect(),
            faults: self.rules(),
            facility: Facility::new(),
            jobs: (0..self.below(3)).map(|_| self.work()).collect(),
        }
    }

    fn facility(&mut self) -> (kaishin_domain::facility::Facility, Facility) {
        use kaishin_domain::facility::{Kind, Line, Topology, UpdateChoice};
        let code = format!("131012345{}", self.below(3)).parse().expect("a code");
        let mut facility = kaishin_domain::facility::Facility::new(code, self.text());
        facility.kana = self.one_in(2).then(|| self.text());
        facility.address = self.one_in(2).then(|| self.text());
        facility.carrier = (!self.one_in(3)).then(|| self.text());
        facility.provider = (!self.one_in(3)).then(|| self.text());
        facility.reader = (!self.one_in(3)).then(|| self.text());
        facility.line = (!self.one_in(3)).then(|| self.pick(Line::ALL));
        facility.topology = (!self.one_in(3)).then(|| self.pick(Topology::ALL));
        facility.kind = (!self.one_in(3)).then_some(Kind::Clinic);
        facility.prefecture = facility.prefecture.filter(|_| !self.one_in(3));
        facility.update_choice = (!self.one_in(3)).then_some(UpdateChoice::Manual);
        facility.shared_receipt = self.one_in(2).then(|| self.one_in(2));
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        let known = [
            (Attribute::Code, text(&facility.code.to_string())),
            (Attribute::Name, text(&facility.name)),
            (Attribute::Carrier, facility.carrier.as_deref().and_then(text)),
            (Attribute::Provider, facility.provider.as_deref().and_then(text)),
            (Attribute::Reader, facility.reader.as_deref().and_then(text)),
            (Attribute::Line, facility.line.and_then(|line| text(line.name()))),
            (
                Attribute::Topology,
                facility.topology.and_then(|topology| text(topology.name())),
            ),
            (Attribute::Kind, facility.kind.and_then(|_| text("clinic"))),
            (Attribute::Prefecture, facility.prefecture.and_then(|_| text("東京都"))),
            (
                Attribute::UpdateChoice,
                facility.update_choice.and_then(|_| text("manual")),
            ),
            (Attribute::SharedReceipt, facility.shared_receipt.map(Value::Truth)),
        ];
        let known = known
            .into_iter()
            .filter_map(|(attribute, value)| Some((attribute, value?)));
        (facility, known.collect())
    }

    fn work(&mut self) -> Work {
        Work {
            id: JobId::new(NOW, [self.below(4) as u8; 10]),
            remedy: self.pick(&About::all().collect::<Vec<_>>()).id,
            state: self.pick(&JOB_STATES),
        }
    }

    fn severities(&mut self) -> Vec<(String, &'static str)> {
        let rules = ["fast-startup-on", "restart-overdue"];
        rules.map(|rule| (rule.to_owned(), self.pick(&SEVERITIES))).into()
    }

    fn literal(&mut self, kind: Kind) -> Literal {
        if self.one_in(6) {
            return Literal::Unknown;
        }
        if self.one_in(9) {
            return Literal::Absent;
        }
        match kind {
            Kind::Truth => Literal::Truth(self.one_in(2)),
            Kind::Number => Literal::Number(self.pick(&[0, 17_763, 19_044, 7])),
            Kind::Text | Kind::Several => {
                let id = self.id().to_string();
                let text = self.text();
                let known = [
                    "uke*",
                    "*",
                    "fast-startup-on",
                    "restart*",
                    "1310123451",
                    "serious",
                    "open",
                    "failed",
                    "r*",
                    "東京都",
                    "clinic",
                    &id,
                    &text,
                ];
                Literal::Text(Phrase::new(self.pick(&known)))
            }
            Kind::Version => Literal::Version(self.version()),
            Kind::Time => match self.below(3) {
                0 => Literal::Time(self.time()),
                1 => Literal::Day(20_717 - self.below(3) as i64),
                _ => Literal::Age(Span::seconds(self.pick(&[0, 60, 3_600, 86_400, 604_802, -86_400]))),
            },
            Kind::Duration => Literal::Duration(Span::seconds(self.below(4) as i64)),
            Kind::Size => Literal::Size(self.pick(&[0, 1_000, 5_000, 8 << 30])),
            Kind::Standing => Literal::Standing(self.pick(&Standing::ALL)),
        }
    }

    fn field(&mut self) -> Field {
        let fields: Vec<Field> = Field::all().filter(|field| field.indexed()).collect();
        // Of facts there are so many that the rest would seldom be asked for.
        let own = fields.iter().filter(|field| !matches!(field, Field::Fact(_)));
        let own: Vec<Field> = own.copied().collect();
        if self.one_in(3) {
            self.pick(&own)
        } else {
            self.pick(&fields)
        }
    }

    fn expr(&mut self, depth: u32) -> Expr {
        if depth > 0 && self.one_in(2) {
            let of = (0..2 + self.below(2)).map(|_| self.expr(depth - 1)).collect();
            return match self.below(3) {
                0 => Expr::And(of),
                1 => Expr::Or(of),
                _ => Expr::Not(Box::new(self.expr(depth - 1))),
            };
        }
        match self.below(12) {
            0 => Expr::Always,
            1 | 2 => {
                let id = self.id().to_string()[..10].to_owned();
                let text = self.text();
                Expr::Text(Phrase::new(self.pick(&[
                    "uke",
                    "0123",
                    "e14",
                    "ぱ",
                    "医療法人",
                    "131-012",
                    "東京",
                    "",
                    &id,
                    &text,
                ])))
            }
            _ => loop {
                let field = self.field();
                let op = self.pick(&Op::ALL);
                let literal = match field.choices() {
                    Some(choices) if self.one_in(2) => Literal::Text(Phrase::new(self.pick(choices))),
                    Some(_) | None => self.literal(field.kind()),
                };
                if let Some(term) = Term::new(field, op, literal) {
                    return Expr::Term(term);
                }
            },
        }
    }
}

/// What was asked with an answer that told something: neither nobody nor everybody.
#[derive(Default)]
struct Heard {
    filtered: BTreeSet<&'static str>,
    sorted: BTreeSet<&'static str>,
    counted: BTreeSet<&'static str>,
    /// How many lists were longer than a page.
    paged: usize,
}

impl Heard {
    /// What has not told anything yet comes first: chance alone leaves something out now and then.
    fn missing(told: &BTreeSet<&'static str>, dice: &mut Dice) -> Field {
        let untold = Field::all().filter(|field| field.indexed() && !told.contains(field.name()));
        let untold: Vec<Field> = untold.collect();
        if untold.is_empty() || dice.one_in(3) {
            dice.field()
        } else {
            dice.pick(&untold)
        }
    }

    fn of(&mut self, expr: &Expr) {
        match expr {
            Expr::Always | Expr::Text(_) => {}
            Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| self.of(part)),
            Expr::Not(part) => self.of(part),
            Expr::Term(term) => {
                self.filtered.insert(term.field().name());
            }
        }
    }
}

/// The index and, beside it, what asks every terminal.
#[derive(Default)]
struct Pair {
    index: Index,
    naive: naive::Fleet,
}

impl Pair {
    fn step(&mut self, dice: &mut Dice) {
        let id = dice.id();
        let at = dice.time();
        match dice.below(15) {
            0..4 => {
                let entry = dice.entry();
                self.index.upsert(entry.clone());
                self.naive.upsert(entry);
            }
            4 | 5 => {
                let section = dice.pick(fact::SECTIONS);
                let facts = dice.facts(section.facts.iter());
                let done = self.naive.set_section(id, section.name, &facts);
                assert_eq!(self.index.set_section(id, section.name, &facts), done);
            }
            6 => {
                let rules = dice.rules();
                let done = self.naive.change(id, |entry| entry.faults.clone_from(&rules));
                assert_eq!(self.index.set_faults(id, &rules), done);
            }
            7 => {
                let flags = dice.flags();
                let done = self.naive.change(id, |entry| entry.flags = flags);
                assert_eq!(self.index.set_flags(id, flags), done);
            }
            8 => {
                let (name, code) = (dice.text(), dice.one_in(2).then(|| dice.text()));
                let done = self.naive.change(id, |entry| {
                    entry.hostname.clone_from(&name);
                    entry.institution.clone_from(&code);
                });
                assert_eq!(self.index.set_hostname(id, &name), done);
                assert_eq!(self.index.set_institution(id, code.as_deref()), done);
            }
            11 if dice.one_in(4) => {
                let (facility, _) = dice.facility();
                self.naive.ledger.remove(&facility.code.to_string());
                self.naive.lines.remove(&facility.code.to_string());
                self.index.remove_facility(facility.code);
            }
            11 => {
                let (facility, known) = dice.facility();
                let lines = facility.search_lines(&[]).join("\n");
                self.naive.ledger.insert(facility.code.to_string(), known);
                self.naive.lines.insert(facility.code.to_string(), lines);
                self.index.put_facilities([&facility]);
            }
            12 => {
                let work = dice.work();
                let done = self.naive.change(id, |entry| {
                    entry.jobs.retain(|other| other.id != work.id);
                    entry.jobs.push(work.clone());
                });
                assert_eq!(self.index.set_job(id, work), done);
            }
            13 => {
                let severities = dice.severities();
                self.naive.set_severities(severities.clone());
                self.index.set_severities(severities);
            }
            9 => assert_eq!(self.index.set_online(id, at), self.naive.set_online(id, at)),
            10 => assert_eq!(self.index.set_offline(id, at), self.naive.set_offline(id, at)),
            _ if dice.one_in(3) => assert_eq!(self.index.remove(id), self.naive.remove(id)),
            _ => {
                self.index.touch_online(at);
                self.naive.touch_online(at);
            }
        }
    }

    fn compare(&self, dice: &mut Dice, bookmarks: &mut Vec<(Sort, Cursor)>, heard: &mut Heard) {
        let expr = dice.expr(3);
        if !bookmarks.is_empty() {
            let (sort, cursor) = dice.pick(bookmarks);
            let page = self.index.query(&expr, sort, Some(&cursor), 3, NOW);
            let expected = self.naive.query(&expr, sort, Some(&cursor), 3, NOW);
            assert_eq!(page, expected, "{expr} {sort:?} {cursor:?}");
        }
        let ids = self.naive.ids(&expr, NOW);
        assert_eq!(self.index.ids(&expr, NOW), ids, "{expr}");
        if (1..self.naive.ids(&Expr::Always, NOW).len()).contains(&ids.len()) {
            heard.of(&expr);
        }
        let sort = Sort {
            field: Heard::missing(&heard.sorted, dice),
            descending: dice.one_in(2),
        };
        let listed = self.naive.query(&expr, sort, None, usize::MAX, NOW).items;
        let listed: Vec<TerminalId> = listed.iter().map(|row| row.entry.id).collect();
        assert_eq!(self.index.in_order(&expr, sort, NOW), listed, "{expr} by {sort}");
        let field = Heard::missing(&heard.counted, dice);
        let (most, limit) = (dice.below(6) as usize, 1 + dice.below(8) as usize);
        let facets = self.naive.facets(&expr, field, most, NOW);
        for (words, count) in &facets.values {
            let Some(equal) = Expr::equals(field, words) else {
                continue;
            };
            let both = Expr::And(vec![expr.clone(), equal]);
            assert_eq!(self.index.count(&both, NOW), *count, "{both} as the facet says");
        }
        if ids.len() > 1 {
            heard.sorted.insert(sort.field.name());
        }
        if !facets.values.is_empty() || facets.unknown > 0 {
            heard.counted.insert(field.name());
        }
        heard.paged += usize::from(ids.len() > limit);
        let mut after: Option<Cursor> = None;
        let mut seen = Vec::new();
        loop {
            let asked = Asked {
                expr: &expr,
                sort,
                after: after.as_ref(),
                limit,
                columns: None,
                facets: &[field],
                most,
            };
            let (page, its_facets) = self.index.explore(&asked, NOW);
            assert_eq!(
                page,
                self.naive.query(&expr, sort, after.as_ref(), limit, NOW),
                "{expr} {sort:?}"
            );
            assert_eq!(its_facets, std::slice::from_ref(&facets), "{expr} {}", field.name());
            seen.extend(page.items.iter().map(|row| row.entry.id));
            match page.next {
                Some(next) => {
                    after = Some(next.to_string().parse().expect("a cursor reads back"));
                    bookmarks.push((sort, next));
                }
                None => break,
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, ids, "all pages together are all that match");
    }
}

#[test]
fn the_index_answers_as_if_it_had_asked_every_terminal() {
    // Places in lists of this fleet and of those before it, whose values may be nowhere any more.
    let mut bookmarks = Vec::new();
    let mut heard = Heard::default();
    for seed in 0..MOST_ROUNDS {
        if seed >= ROUNDS && unasked(&heard).is_empty() {
            break;
        }
        let mut dice = Dice(seed);
        let mut pair = Pair::default();
        for _ in 0..40 {
            for _ in 0..dice.below(12) {
                pair.step(&mut dice);
            }
            pair.compare(&mut dice, &mut bookmarks, &mut heard);
        }
        assert_eq!(pair.index.counts(), pair.naive.counts());
        assert_eq!(pair.index.take_dirty_presence(), pair.naive.take_dirty_presence());
        let everyone = pair.naive.ids(&Expr::Always, NOW);
        for id in everyone {
            assert_eq!(pair.index.get(id), pair.naive.get(id));
            assert_eq!(pair.index.presence(id), pair.naive.presence(id));
        }
    }
    let unasked = unasked(&heard);
    assert!(unasked.is_empty(), "{unasked:#?}");
    assert!(heard.paged > 0, "no list was longer than a page");
}

/// The comparison is worth what it asks: every field filtered, sorted and counted by.
fn unasked(heard: &Heard) -> Vec<String> {
    let mut unasked = Vec::new();
    for field in Field::all().filter(|field| field.indexed()) {
        let name = field.name();
        if !heard.filtered.contains(name) {
            unasked.push(format!("no filter by {name} told anything"));
        }
        if !heard.sorted.contains(name) {
            unasked.push(format!("no list was sorted by {name}"));
        }
        // Moments have too many values, but it is counted how many are unknown; ids are never.
        if field != Field::Id && !heard.counted.contains(name) {
            unasked.push(format!("nothing was counted by {name}"));
        }
    }
    unasked
}

fn terminal(n: u8, hostname: &str) -> Entry {
    Entry::new(TerminalId::new(NOW, [n; 10]), hostname)
}

fn clinic(code: &str, name: &str) -> kaishin_domain::facility::Facility {
    kaishin_domain::facility::Facility::new(code.parse().expect("a code"), name)
}

/// Whom the bar finds, by name.
fn found(index: &Index, text: &str) -> Vec<String> {
    let hits = index.find(text, 10).into_iter();
    hits.map(|hit| match hit {
        Hit::Facility { card, .. } => card.name.to_string(),
        Hit::Terminal(row) => row.entry.hostname,
    })
    .collect()
}

#[test]
fn the_worst_terminal_of_a_facility_is_the_one_with_the_gravest_fault() {
    let index = Index::new();
    index.put_facilities([&clinic("0110113719", "みどり医院")]);
    let grave = [
        ("sound-off", "notice"),
        ("a", "warning"),
        ("b", "warning"),
        ("c", "warning"),
        ("d", "serious"),
    ];
    index.set_severities(grave.map(|(rule, severity)| (rule.to_owned(), severity)));
    for (n, faults) in [
        (1, vec!["a", "b", "d"]),
        (2, vec!["a", "b", "c", "sound-off"]),
        (3, vec!["d"]),
        (4, vec![]),
    ] {
        let mut entry = terminal(n, &format!("PC-{n}"));
        entry.institution = Some("0110113719".into());
        entry.faults = faults.into_iter().map(str::to_owned).collect();
        index.upsert(entry);
    }
    let worst = index.find("みどり", 1).into_iter().find_map(|hit| match hit {
        Hit::Facility { worst, .. } => worst,
        Hit::Terminal(_) => None,
    });
    let mut rows: Vec<_> = (1..5).filter_map(|n| index.get(terminal(n, "").id)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.urgency()));
    let names: Vec<&str> = rows.iter().map(|row| row.entry.hostname.as_str()).collect();
    assert_eq!(names, ["PC-1", "PC-3", "PC-2", "PC-4"], "the page's order is the same");
    assert_eq!(worst, Some(terminal(1, "").id));
}

/// One facility with one terminal, and another with none.
fn clinics() -> Index {
    let index = Index::new();
    let mut yamamoto = clinic("0110113719", "医療法人社団 髙橋山本内科");
    yamamoto.kana = Some("タカハシヤマモトナイカ".into());
    yamamoto.address = Some("札幌市緑ヶ丘1-2-3".into());
    yamamoto.phones = vec![kaishin_domain::facility::Phone::read("03-1111-2222").expect("a phone")];
    index.set_earlier_codes(yamamoto.code, &["0110113700".parse().expect("a code")]);
    index.put_facilities([&yamamoto, &clinic("1340000015", "みどり薬局")]);
    let mut entry = terminal(1, "UKETSUKE-01");
    entry.institution = Some("0110113719".into());
    entry
        .facts
        .insert("hardware.model".into(), Value::Text("ThinkPad E14".into()));
    index.upsert(entry);
    index.upsert(terminal(2, "KAIKEI-01"));
    index
}

#[test]
fn the_bar_and_the_list_behind_it_find_by_everything_that_a_caller_says() {
    let index = clinics();
    for (typed, terminals) in [
        ("北海道 内科", 1_i64),
        ("緑が丘", 1),
        ("高橋", 1),
        ("たかはし", 1),
        ("(医) 髙橋", 1),
        ("医療法人社団 高橋", 1),
        ("医療法人社団 みどり", 0),
        ("0110113700", 1),
        ("011-0113700", 1),
        ("+81 3-1111-2222", 1),
        ("03ｰ1111ｰ2222", 1),
        ("TEL 03-1111-2222", 1),
        ("03/1111/2222", 1),
        ("ThinkPad", 1),
        ("UKETSUKE 山本", 1),
        ("山本 UKETSUKE e14", 1),
        ("KAIKEI 山本", -1),
        ("うめ", -1),
    ] {
        let hits = found(&index, typed);
        assert_eq!(hits.is_empty(), terminals < 0, "{typed} finds {hits:?}");
        let query = kaishin_domain::fold::Query::read(typed);
        let all = |words: &[kaishin_domain::fold::Word]| {
            let texts = words.iter().map(|word| Expr::Text(Phrase::new(word.raw())));
            Expr::all(texts.collect())
        };
        let behind = Expr::any(query.readings().map(all).collect());
        assert_eq!(
            index.count(&behind, NOW),
            u64::try_from(terminals).unwrap_or(0),
            "{behind}"
        );
    }
    assert_eq!(found(&index, "UKETSUKE 山本"), ["UKETSUKE-01"]);
}

#[test]
fn a_code_of_the_past_means_the_facility_that_has_another_today() {
    let index = clinics();
    let count = |text: &str| index.count(&Expr::parse(text).expect("it is read"), NOW);
    assert_eq!(count("facility:0110113700"), 1);
    assert_eq!(count("institution:0110113700 OR facility:1340000015"), 1);
    assert_eq!(count("facility:0110113799"), 0);
    index.remove_facility("0110113719".parse().expect("a code"));
    assert_eq!(
        (count("facility:0110113700"), found(&index, "0110113700").len()),
        (0, 0)
    );
}

fn names(index: &Index, after: Option<&Cursor>) -> (Vec<String>, Option<Cursor>) {
    let page = index.query(&Expr::Always, Sort::default(), after, 2, NOW);
    let names = page.items.into_iter().map(|row| row.entry.hostname);
    (names.collect(), page.next)
}

#[test]
fn pages_neither_repeat_nor_skip_when_terminals_come_and_go_in_between() {
    let index = Index::new();
    index.upsert_all((1..=6).map(|n| terminal(n, &format!("PC-{n}"))));
    let (first, next) = names(&index, None);
    assert_eq!(first, ["PC-1", "PC-2"]);
    index.remove(terminal(2, "").id);
    index.upsert(terminal(7, "PC-0"));
    index.upsert(terminal(8, "PC-25"));
    let (second, next) = names(&index, next.as_ref());
    assert_eq!(second, ["PC-25", "PC-3"]);
    let (third, next) = names(&index, next.as_ref());
    assert_eq!(third, ["PC-4", "PC-5"]);
    assert_eq!(names(&index, next.as_ref()), (vec!["PC-6".to_owned()], None));
    assert!("zz".parse::<Cursor>().is_err() && "7b7d".parse::<Cursor>().is_err());
}

#[test]
fn who_comes_and_goes_is_written_once_for_each_batch() {
    let index = Index::new();
    let id = terminal(1, "").id;
    assert!(!index.set_online(id, NOW), "an unknown terminal is not online");
    index.upsert(terminal(1, "PC-1"));
    assert!(index.set_online(id, NOW));
    assert!(!index.set_online(id, NOW + Span::seconds(1)), "it was online already");
    assert!(index.set_offline(id, NOW + Span::seconds(5)));
    assert!(index.set_online(id, NOW + Span::seconds(7)));
    let [written] = index.take_dirty_presence()[..] else {
        panic!("one terminal changed");
    };
    assert_eq!(written.online_since, Some(NOW + Span::seconds(7)));
    assert_eq!(written.last_seen, Some(NOW + Span::seconds(7)));
    assert!(index.take_dirty_presence().is_empty());
    index.mark_dirty_presence([id, terminal(2, "").id]);
    assert_eq!(
        index.take_dirty_presence(),
        [written],
        "what could not be written comes again"
    );
}

#[test]
fn an_older_row_from_the_database_does_not_undo_what_was_seen_since() {
    let index = Index::new();
    let mut entry = terminal(1, "PC-1");
    index.upsert(entry.clone());
    index.set_online(entry.id, NOW);
    entry.last_seen = Some(NOW - Span::days(3));
    index.upsert(entry.clone());
    let row = index.get(entry.id).expect("it is known");
    assert!(row.online() && row.entry.last_seen == Some(NOW));
}

#[test]
fn values_and_texts_that_nobody_has_any_more_are_forgotten() {
    let index = Index::new();
    let round = |n: u32| {
        for slot in 0..40 {
            let mut entry = terminal(slot, &format!("PC-{n}-{slot}"));
            let serial = Value::Text(format!("SN-{n}-{slot}"));
            entry.facts.insert("hardware.serial".into(), serial);
            index.upsert(entry);
        }
    };
    round(0);
    for n in 1..200 {
        round(n);
    }
    assert!(index.bytes() < 2_000_000, "{} bytes for forty terminals", index.bytes());
    let count = |text: &str| index.count(&Expr::parse(text).expect("it is read"), NOW);
    assert_eq!(count("sn-199-7"), 1);
    assert_eq!(count("serial:sn-199-7 hostname:pc-199-7"), 1);
    assert_eq!(count("sn-3-7 OR hostname:pc-3-7"), 0);
    let (first, _) = names(&index, None);
    assert_eq!(first, ["PC-199-0", "PC-199-1"]);
}

#[test]
fn what_is_offered_counts_every_spelling_of_a_value_under_the_usual_one() {
    let one = |words: &str, count| (words.to_owned(), count);
    let field = Field::find("hardware.model").expect("it is a fact");
    // Few different values are looked through, many are gone along in order.
    for others in [&[][..], &["LAVIE 2", "Latitude", "ProDesk"]] {
        let index = Index::new();
        let models = ["ＬＡＶＩＥ １", "LAVIE 1", "lavie 1", "LAVIE 1"].iter().chain(others);
        for (slot, model) in models.enumerate() {
            let mut entry = terminal(u8::try_from(slot).expect("a few"), &format!("PC-{slot}"));
            entry
                .facts
                .insert("hardware.model".into(), Value::Text((*model).into()));
            index.upsert(entry);
        }
        let mut offered = vec![one("LAVIE 1", 4)];
        assert_eq!(index.values(field, "lavie", 1), offered);
        if !others.is_empty() {
            offered.push(one("LAVIE 2", 1));
        }
        assert_eq!(index.values(field, "lavie", 9), offered);
    }
}

#[test]
fn a_list_of_more_terminals_than_are_kept_in_a_heap_is_sorted_as_well() {
    let index = Index::new();
    let id = |n: u32| {
        let mut random = [0; 10];
        random[..4].copy_from_slice(&n.to_be_bytes());
        TerminalId::new(NOW, random)
    };
    index.upsert_all((0..3_000).map(|n| Entry::new(id(n), format!("PC-{:04}", 2_999 - n))));
    let page = index.query(&Expr::Always, Sort::default(), None, 2_500, NOW);
    assert_eq!((page.items.len(), page.total), (2_500, 3_000));
    assert!(
        page.items
            .is_sorted_by(|one, other| one.entry.hostname < other.entry.hostname)
    );
    let rest = index.query(&Expr::Always, Sort::default(), page.next.as_ref(), 2_500, NOW);
    assert_eq!((rest.items.len(), rest.next), (500, None));
    let facets = index.facets(&Expr::Always, Field::Hostname, 3, NOW);
    let first: Vec<&str> = facets.values.iter().map(|(words, _)| words.as_str()).collect();
    assert_eq!((first, facets.more), (vec!["PC-0000", "PC-0001", "PC-0002"], 2_997));
}

#[test]
fn a_certificate_is_shared_by_those_who_were_here_together_and_not_by_a_machine_and_its_successor() {
    let index = Index::new();
    let key = "certificates.thumbprint";
    let with = |n: u8, days: i64| {
        let mut entry = terminal(n, &format!("PC-{n}"));
        entry.facts.insert(key.into(), Value::Text("AA".into()));
        entry.last_seen = Some(NOW - Span::days(days));
        index.upsert(entry.clone());
        entry.id
    };
    let shares = |id| index.get(id).expect("it is known").shared == [key];
    let (old, new) = (with(1, 30), with(2, 0));
    assert!(!shares(old) && !shares(new));
    assert_eq!(index.sharing(key), []);
    // Taken out of the cupboard again.
    index.set_online(old, NOW);
    assert!(shares(old) && shares(new));
    assert_eq!(index.sharing(key).len(), 2);
    let third = with(3, 10);
    assert!(shares(third));
}
