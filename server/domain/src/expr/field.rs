//! What a filter or a rule can ask about: the catalogue's facts, a terminal's own fields, its facility's and its jobs'.

use std::sync::LazyLock;

use kaishin_proto::fact::{self, Fact, Type};

use crate::facility;
use crate::fold::fold;
use crate::remedy::About;

/// One thing that is known of a terminal.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    Fact(&'static Fact),
    Id,
    Hostname,
    Institution,
    Online,
    LastSeen,
    State,
    /// The rules of its open faults.
    Fault,
    /// How grave its open faults are.
    Severity,
    /// The remedies of its jobs: those that are open, and the last of each.
    Job,
    /// The states of those jobs.
    JobState,
    /// The states of its jobs of one remedy.
    JobOf(&'static str),
    Facility(Attribute),
}

/// What is known of the facility that a terminal stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    Code,
    Name,
    Kind,
    Prefecture,
    Carrier,
    Line,
    Provider,
    Topology,
    Reader,
    UpdateChoice,
    SharedReceipt,
}

impl Attribute {
    pub const ALL: [Attribute; 11] = [
        Attribute::Code,
        Attribute::Name,
        Attribute::Kind,
        Attribute::Prefecture,
        Attribute::Carrier,
        Attribute::Line,
        Attribute::Provider,
        Attribute::Topology,
        Attribute::Reader,
        Attribute::UpdateChoice,
        Attribute::SharedReceipt,
    ];

    /// Called as the ledger calls it; longer where a terminal has something of that name too.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        let called = |name: &'static str, field: facility::Field| {
            let (ja, en) = field.labels();
            (name, ja, en)
        };
        match self {
            Attribute::Code => ("facility.code", "医療機関等コード（台帳）", "Facility code"),
            Attribute::Name => ("facility.name", "医療機関等の名称", "Facility name"),
            Attribute::Kind => ("facility.kind", "施設の種別", "Kind of facility"),
            Attribute::Prefecture => called("facility.prefecture", facility::Field::Prefecture),
            Attribute::Carrier => called("facility.carrier", facility::Field::Carrier),
            Attribute::Line => called("facility.line", facility::Field::Line),
            Attribute::Provider => called("facility.provider", facility::Field::Provider),
            Attribute::Topology => called("facility.topology", facility::Field::Topology),
            Attribute::Reader => called("facility.reader", facility::Field::Reader),
            Attribute::UpdateChoice => called("facility.update_choice", facility::Field::UpdateChoice),
            Attribute::SharedReceipt => called("facility.shared_receipt", facility::Field::SharedReceipt),
        }
    }
}

/// How a terminal stands with the server. `Active` is a terminal with none of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    Active,
    Revoked,
    Duplicate,
    Incompatible,
}

impl Standing {
    pub const ALL: [Standing; 4] = [
        Standing::Active,
        Standing::Revoked,
        Standing::Duplicate,
        Standing::Incompatible,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Standing::Active => "active",
            Standing::Revoked => "revoked",
            Standing::Duplicate => "duplicate",
            Standing::Incompatible => "incompatible",
        }
    }

    pub fn parse(text: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.name() == text)
    }
}

/// What kind of value a field is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Truth,
    Number,
    Text,
    Version,
    Time,
    Duration,
    Size,
    /// Several texts; a comparison asks for one of them.
    Several,
    Standing,
}

/// How grave a fault is, as `fault:serious` asks for it; the worst first.
pub const SEVERITIES: [&str; 3] = ["serious", "warning", "notice"];
/// A job that has no result yet, whatever it is doing: asked for like a state.
pub const OPEN: &str = "open";
/// The states of a job, those of an open one first.
pub const JOB_STATES: [&str; 10] = [
    "ready",
    "offered",
    "accepted",
    "running",
    "succeeded",
    "failed",
    "refused",
    "expired",
    "cancelled",
    "unknown",
];
const JOB_CHOICES: [&str; 11] = [
    OPEN,
    "ready",
    "offered",
    "accepted",
    "running",
    "succeeded",
    "failed",
    "refused",
    "expired",
    "cancelled",
    "unknown",
];

/// Whether a job in that state has no result yet.
pub fn is_open(state: &str) -> bool {
    JOB_STATES[..4].contains(&state)
}

/// The terminal's own fields, which are not facts that an agent reports.
const OWN: &[(Field, &str, &str, &str)] = &[
    (Field::Id, "id", "端末ID", "Terminal id"),
    (Field::Hostname, "hostname", "コンピューター名", "Computer name"),
    (
        Field::Institution,
        "institution",
        "医療機関等コード",
        "Institution code",
    ),
    (Field::Online, "online", "オンライン", "Online"),
    (Field::LastSeen, "last_seen", "最終接続", "Last seen"),
    (Field::State, "state", "状態", "State"),
    (Field::Fault, "fault", "不具合", "Fault"),
    (Field::Severity, "fault.severity", "不具合の重さ", "Severity of a fault"),
    (Field::Job, "job", "作業", "Job"),
    (Field::JobState, "job.state", "作業の状態", "State of a job"),
];

/// `job.REMEDY` for every remedy there is.
static JOBS: LazyLock<Vec<(&'static str, String, String, String)>> = LazyLock::new(|| {
    let of = |about: &'static About| {
        let (ja, en) = (
            format!("作業の状態: {}", about.title.ja),
            format!("Job: {}", about.title.en),
        );
        (about.id, format!("job.{}", about.id), ja, en)
    };
    About::all().map(of).collect()
});

/// Short names that people say.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("maker", "hardware.manufacturer"),
    ("manufacturer", "hardware.manufacturer"),
    ("model", "hardware.model"),
    ("serial", "hardware.serial"),
    ("build", "os.build"),
    ("faults", "fault"),
    ("severity", "fault.severity"),
    ("jobs", "job"),
    ("facility", "facility.code"),
    ("prefecture", "facility.prefecture"),
    ("都道府県", "facility.prefecture"),
];

impl Field {
    pub fn find(name: &str) -> Option<Field> {
        let name = fold(name);
        let name = ALIASES
            .iter()
            .find(|(alias, _)| *alias == name)
            .map_or(name.as_str(), |(_, key)| key);
        let own = OWN.iter().find(|own| own.1 == name).map(|own| own.0);
        own.or_else(|| fact::find(name).map(Field::Fact))
            .or_else(|| Field::others().find(|field| field.name() == name))
    }

    /// Every field, the terminal's own first.
    pub fn all() -> impl Iterator<Item = Field> {
        let own = OWN.iter().map(|own| own.0);
        own.chain(Field::others()).chain(fact::all().map(Field::Fact))
    }

    fn others() -> impl Iterator<Item = Field> {
        let facility = Attribute::ALL.into_iter().map(Field::Facility);
        facility.chain(JOBS.iter().map(|job| Field::JobOf(job.0)))
    }

    pub fn name(self) -> &'static str {
        self.words().0
    }

    pub fn ja(self) -> &'static str {
        self.words().1
    }

    pub fn en(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Field::Fact(fact) => (fact.key, fact.ja, fact.en),
            Field::Facility(attribute) => attribute.words(),
            Field::JobOf(remedy) => {
                let job = JOBS.iter().find(|job| job.0 == remedy);
                job.map_or(("", "", ""), |job| (&job.1, &job.2, &job.3))
            }
            Field::Id
            | Field::Hostname
            | Field::Institution
            | Field::Online
            | Field::LastSeen
            | Field::State
            | Field::Fault
            | Field::Severity
            | Field::Job
            | Field::JobState => {
                let own = OWN.iter().find(|own| own.0 == self);
                own.map_or(("", "", ""), |own| (own.1, own.2, own.3))
            }
        }
    }

    pub fn kind(self) -> Kind {
        match self {
            Field::Facility(Attribute::SharedReceipt) | Field::Online => Kind::Truth,
            Field::Id | Field::Hostname | Field::Institution | Field::Facility(_) => Kind::Text,
            Field::LastSeen => Kind::Time,
            Field::State => Kind::Standing,
            Field::Fault | Field::Severity | Field::Job | Field::JobState | Field::JobOf(_) => Kind::Several,
            Field::Fact(fact) => match fact.kind {
                Type::Truth => Kind::Truth,
                Type::Number => Kind::Number,
                Type::Text => Kind::Text,
                Type::Version => Kind::Version,
                Type::Time => Kind::Time,
                Type::Duration => Kind::Duration,
                Type::Size => Kind::Size,
                Type::List | Type::Table => Kind::Several,
            },
        }
    }

    /// The words that it can be compared with, where these are few: anything else is a slip of the hand.
    pub fn choices(self) -> Option<&'static [&'static str]> {
        match self {
            Field::Severity => Some(&SEVERITIES),
            Field::JobState | Field::JobOf(_) => Some(&JOB_CHOICES),
            Field::Fact(_)
            | Field::Id
            | Field::Hostname
            | Field::Institution
            | Field::Online
            | Field::LastSeen
            | Field::State
            | Field::Fault
            | Field::Job
            | Field::Facility(_) => None,
        }
    }

    /// Whether filters, columns and facets may ask for it.
    pub fn indexed(self) -> bool {
        match self {
            Field::Fact(fact) => fact.indexed,
            Field::Id
            | Field::Hostname
            | Field::Institution
            | Field::Online
            | Field::LastSeen
            | Field::State
            | Field::Fault
            | Field::Severity
            | Field::Job
            | Field::JobState
            | Field::JobOf(_)
            | Field::Facility(_) => true,
        }
    }

    fn place(self) -> (u8, &'static str) {
        match self {
            Field::Id => (0, ""),
            Field::Hostname => (1, ""),
            Field::Institution => (2, ""),
            Field::Online => (3, ""),
            Field::LastSeen => (4, ""),
            Field::State => (5, ""),
            Field::Fault => (6, ""),
            Field::Severity => (7, ""),
            Field::Job => (8, ""),
            Field::JobState => (9, ""),
            Field::JobOf(remedy) => (10, remedy),
            Field::Facility(attribute) => (11, attribute.words().0),
            Field::Fact(fact) => (12, fact.key),
        }
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Field) -> bool {
        self.place() == other.place()
    }
}
impl Eq for Field {}

/// The fields that a mistyped name may have meant: same beginning or same ending.
pub(super) fn alike(name: &str) -> Vec<&'static str> {
    let name = fold(name);
    let last = name.rsplit('.').next().unwrap_or(&name).to_owned();
    let mut near: Vec<&'static str> = Field::all()
        .map(Field::name)
        .filter(|key| {
            let end = key.rsplit('.').next().unwrap_or(key);
            !last.is_empty() && (end.starts_with(&last) || last.starts_with(end) || key.starts_with(&name))
        })
        .collect();
    near.truncate(5);
    near
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobState, Outcome};
    use crate::rule::Severity;

    #[test]
    fn every_field_is_found_by_its_name_and_has_words() {
        for field in Field::all() {
            assert_eq!(Field::find(field.name()), Some(field));
            assert!(!field.ja().is_empty() && !field.en().is_empty(), "{}", field.name());
        }
        for (alias, key) in ALIASES {
            assert_eq!(Field::find(alias), Field::find(key), "{alias}");
            assert!(Field::find(key).is_some(), "{key}");
        }
        assert_eq!(Field::find("ＯＮＬＩＮＥ"), Some(Field::Online));
        assert_eq!(Field::find("os.colour"), None);
    }

    #[test]
    fn what_the_ledger_says_is_called_as_the_ledger_calls_it() {
        for (name, field) in [
            ("facility.carrier", facility::Field::Carrier),
            ("facility.provider", facility::Field::Provider),
            ("facility.topology", facility::Field::Topology),
            ("facility.update_choice", facility::Field::UpdateChoice),
        ] {
            let told = Field::find(name).map(|field| (field.ja(), field.en()));
            assert_eq!(told, Some(field.labels()));
        }
    }

    #[test]
    fn no_fact_takes_a_name_that_is_taken() {
        let mut names: Vec<&str> = Field::all().map(Field::name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }

    #[test]
    fn the_words_to_choose_from_are_those_that_jobs_and_rules_use() {
        let severities = [Severity::Serious, Severity::Warning, Severity::Notice];
        assert_eq!(severities.map(Severity::name), SEVERITIES);
        let open = [
            JobState::Ready,
            JobState::Offered {
                until: kaishin_proto::time::Time(0),
            },
            JobState::Accepted,
            JobState::Running { step: 1 },
        ];
        assert!(open.iter().map(JobState::name).eq(JOB_STATES[..4].iter().copied()));
        assert!(Outcome::ALL.map(Outcome::name).iter().eq(&JOB_STATES[4..]));
        assert_eq!(JOB_CHOICES[1..], JOB_STATES);
    }

    #[test]
    fn a_mistyped_name_finds_its_neighbours() {
        assert!(alike("host").contains(&"hostname"));
        assert!(alike("hardware.mod").contains(&"hardware.model"));
    }
}
