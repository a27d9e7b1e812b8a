//! The facility ledger: facilities and the codes they had before.

use kaishin_domain::facility::{Code10, EarlierCode, Facility, Kept, Kind, Line, Prefecture, Topology, UpdateChoice};
use kaishin_domain::time::Time;

use super::codec::{
    count, few_lengths, from_json, list, named, parse, parse_some, rows, some_time, to_json, unreadable, won,
};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(sqlx::FromRow)]
struct Row {
    code: String,
    name: String,
    kana: Option<String>,
    kind: Option<String>,
    prefecture: Option<i64>,
    address: Option<String>,
    phones: Option<String>,
    contact: Option<String>,
    hours: Option<String>,
    carrier: Option<String>,
    line: Option<String>,
    provider: Option<String>,
    topology: Option<String>,
    reader: Option<String>,
    update_choice: Option<String>,
    shared_receipt: Option<bool>,
    notes: Option<String>,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn kept(self) -> Result<Kept, StoreError> {
        let prefecture = self
            .prefecture
            .map(|number| {
                u8::try_from(number)
                    .ok()
                    .and_then(|number| Prefecture::try_from(number).ok())
                    .ok_or_else(|| unreadable("prefecture", number))
            })
            .transpose()?;
        let phones = match &self.phones {
            Some(text) => from_json("telephone numbers", text)?,
            None => Vec::new(),
        };
        Ok(Kept {
            facility: Facility {
                code: parse("institution code", &self.code)?,
                name: self.name,
                kana: self.kana,
                kind: choice("kind of facility", Kind::ALL, Kind::name, self.kind.as_deref())?,
                prefecture,
                address: self.address,
                phones,
                contact: self.contact,
                hours: parse_some("opening hours", self.hours.as_deref())?,
                carrier: self.carrier,
                line: choice("line", Line::ALL, Line::name, self.line.as_deref())?,
                provider: self.provider,
                topology: choice("topology", Topology::ALL, Topology::name, self.topology.as_deref())?,
                reader: self.reader,
                update_choice: choice(
                    "update choice",
                    UpdateChoice::ALL,
                    UpdateChoice::name,
                    self.update_choice.as_deref(),
                )?,
                shared_receipt: self.shared_receipt,
                notes: self.notes,
            },
            revision: count("revision", self.revision)?,
            created_at: Time(self.created_at),
            updated_at: Time(self.updated_at),
        })
    }
}

fn choice<T: Copy>(
    what: &'static str,
    all: &[T],
    name: fn(T) -> &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| named(what, all, name, text)).transpose()
}

#[derive(sqlx::FromRow)]
struct CodeRow {
    code: String,
    facility: String,
    used_from: Option<i64>,
    used_until: Option<i64>,
    reason: String,
}

impl CodeRow {
    fn earlier(self) -> Result<EarlierCode, StoreError> {
        Ok(EarlierCode {
            code: parse("institution code", &self.code)?,
            facility: parse("institution code", &self.facility)?,
            used_from: some_time(self.used_from),
            used_until: some_time(self.used_until),
            reason: self.reason,
        })
    }
}

const COLUMNS: usize = 20;
const PAGE: &str = "SELECT * FROM facility WHERE code > $1 ORDER BY code LIMIT $2";
const BY_CODE: &str = "SELECT * FROM facility WHERE code = $1";
const EARLIER_CODES: &str = "SELECT code, facility, used_from, used_until, reason FROM facility_code ORDER BY code";
const DELETE: &str = "DELETE FROM facility WHERE code = $1 AND revision = $2";
/// Lost if somebody wrote in between.
const UPDATE: &str = "
    UPDATE facility
    SET name = $2, kana = $3, kind = $4, prefecture = $5, address = $6, phones = $7, contact = $8, hours = $9,
        carrier = $10, line = $11, provider = $12, topology = $13, reader = $14, update_choice = $15,
        shared_receipt = $16, notes = $17, revision = $18, created_at = $19, updated_at = $20
    WHERE code = $1 AND revision = $21";
const PUT_CODE: &str = "
    INSERT INTO facility_code (code, facility, used_from, used_until, reason) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (code) DO UPDATE SET facility = excluded.facility, used_from = excluded.used_from,
        used_until = excluded.used_until, reason = excluded.reason";
const MOVE_CODES: &str = "UPDATE facility_code SET facility = $2 WHERE facility = $1";
const FORGET_CODE: &str = "DELETE FROM facility_code WHERE code = $1";

/// Binds a facility's columns in the table's order.
macro_rules! bind_facility {
    ($query:expr, $kept:expr, $phones:expr) => {{
        let of = &$kept.facility;
        $query
            .bind(of.code.to_string())
            .bind(&of.name)
            .bind(&of.kana)
            .bind(of.kind.map(Kind::name))
            .bind(of.prefecture.map(|prefecture| i64::from(prefecture.number())))
            .bind(&of.address)
            .bind($phones)
            .bind(&of.contact)
            .bind(of.hours.as_ref().map(ToString::to_string))
            .bind(&of.carrier)
            .bind(of.line.map(Line::name))
            .bind(&of.provider)
            .bind(of.topology.map(Topology::name))
            .bind(&of.reader)
            .bind(of.update_choice.map(UpdateChoice::name))
            .bind(of.shared_receipt)
            .bind(&of.notes)
            .bind(i64::from($kept.revision))
            .bind($kept.created_at.micros())
            .bind($kept.updated_at.micros())
    }};
}

fn phones(of: &Facility) -> Result<Option<String>, StoreError> {
    if of.phones.is_empty() {
        return Ok(None);
    }
    to_json("telephone numbers", &of.phones).map(Some)
}

impl Store {
    pub async fn facility(&self, code: Code10) -> Result<Option<Kept>, StoreError> {
        let row: Option<Row> =
            on_pool!(self, c => sqlx::query_as(BY_CODE).bind(code.to_string()).fetch_optional(c).await)?;
        row.map(Row::kept).transpose()
    }

    /// All facilities in order of code, a page at a time; start with None.
    pub async fn facilities_after(&self, after: Option<Code10>, limit: u32) -> Result<Vec<Kept>, StoreError> {
        let after = after.map(|code| code.to_string()).unwrap_or_default();
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(PAGE).bind(after).bind(i64::from(limit)).fetch_all(c).await)?;
        rows.into_iter().map(Row::kept).collect()
    }

    /// These facilities, in no particular order; one that is not there is left out.
    pub async fn facilities(&self, codes: &[Code10]) -> Result<Vec<Kept>, StoreError> {
        let mut found = Vec::with_capacity(codes.len());
        for part in few_lengths(codes) {
            let text = format!("SELECT * FROM facility WHERE code IN ({})", list(1, part.len()));
            let text = self.statement(text);
            let rows: Vec<Row> = on_pool!(self, c => {
                let mut query = sqlx::query_as(text);
                for code in part {
                    query = query.bind(code.to_string());
                }
                query.fetch_all(c).await
            })?;
            for row in rows {
                found.push(row.kept()?);
            }
        }
        Ok(found)
    }

    pub async fn earlier_codes(&self) -> Result<Vec<EarlierCode>, StoreError> {
        let rows: Vec<CodeRow> = on_pool!(self, c => sqlx::query_as(EARLIER_CODES).fetch_all(c).await)?;
        rows.into_iter().map(CodeRow::earlier).collect()
    }
}

impl Tx {
    pub async fn facility(&mut self, code: Code10) -> Result<Option<Kept>, StoreError> {
        let row: Option<Row> =
            on_tx!(self, c => sqlx::query_as(BY_CODE).bind(code.to_string()).fetch_optional(c).await)?;
        row.map(Row::kept).transpose()
    }

    /// Many facilities, new ones with whatever revision. A lost race is an error: one is there already, or no longer has the
    /// revision before this one.
    pub async fn put_facilities(&mut self, all: &[Kept]) -> Result<(), StoreError> {
        for part in few_lengths(all) {
            let text = format!(
                "INSERT INTO facility VALUES {}
                 ON CONFLICT (code) DO UPDATE SET name = excluded.name, kana = excluded.kana, kind = excluded.kind,
                     prefecture = excluded.prefecture, address = excluded.address, phones = excluded.phones,
                     contact = excluded.contact, hours = excluded.hours, carrier = excluded.carrier,
                     line = excluded.line, provider = excluded.provider, topology = excluded.topology,
                     reader = excluded.reader, update_choice = excluded.update_choice,
                     shared_receipt = excluded.shared_receipt, notes = excluded.notes, revision = excluded.revision,
                     created_at = excluded.created_at, updated_at = excluded.updated_at
                 WHERE facility.revision = excluded.revision - 1",
                rows(part.len(), &[""; COLUMNS])
            );
            let mut written = Vec::with_capacity(part.len());
            for kept in part {
                written.push(phones(&kept.facility)?);
            }
            let text = self.statement(text);
            let done = on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (kept, phones) in part.iter().zip(written) {
                    query = bind_facility!(query, kept, phones);
                }
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            if done != part.len() as u64 {
                return Err(StoreError::LostRace("facility"));
            }
        }
        Ok(())
    }

    /// A lost race is an error: the row no longer has the revision before this one.
    pub async fn update_facility(&mut self, is: &Kept) -> Result<(), StoreError> {
        let written = phones(&is.facility)?;
        let rows = on_tx!(self, c => bind_facility!(sqlx::query(UPDATE), is, written)
            .bind(i64::from(is.revision) - 1)
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("facility", rows)
    }

    pub async fn delete_facility(&mut self, code: Code10, revision: u32) -> Result<(), StoreError> {
        let rows = on_tx!(self, c => sqlx::query(DELETE)
            .bind(code.to_string())
            .bind(i64::from(revision))
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("facility", rows)
    }

    pub async fn put_earlier_code(&mut self, earlier: &EarlierCode) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(PUT_CODE)
            .bind(earlier.code.to_string())
            .bind(earlier.facility.to_string())
            .bind(earlier.used_from.map(Time::micros))
            .bind(earlier.used_until.map(Time::micros))
            .bind(&earlier.reason)
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Codes that led to one facility lead to another from now on.
    pub async fn move_earlier_codes(&mut self, from: Code10, to: Code10) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(MOVE_CODES).bind(from.to_string()).bind(to.to_string()).execute(c).await.map(drop))?;
        Ok(())
    }

    pub async fn forget_earlier_code(&mut self, code: Code10) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(FORGET_CODE).bind(code.to_string()).execute(c).await.map(drop))?;
        Ok(())
    }
}
