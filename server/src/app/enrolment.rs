//! How a terminal becomes known: tokens, requests, and the person who decides about those that wait.

use std::sync::Arc;

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::audit::Event;
use kaishin_domain::enrolment::{
    BadToken, Cause, EnrolmentRequest, EnrolmentToken, RequestState, TokenScope, Verdict, judge,
};
use kaishin_domain::facility::{Attachment, Code10};
use kaishin_domain::id::{RequestId, TerminalId, TokenId};
use kaishin_domain::job::REIMAGED;
use kaishin_domain::terminal::{KeyHash, Machine, Standing, Terminal};
use kaishin_domain::time::{Span, Time};
use serde_json::{Value as Json, json};

use super::error::AppError;
use super::{App, Change, Cx, jobs, ledger, secret, terminals};
use crate::pki::{DeviceKey, Issued, TERMINAL_CERTIFICATE};
use crate::store::{StoreError, Tx};

const LONGEST_TEXT: usize = 200;
/// More machines than this waiting at once is not a roll-out but an attack.
const MOST_PENDING: u64 = 10_000;

/// What a machine hands in. The key is proved; all else is what it says.
#[derive(Clone, Debug)]
pub struct Ask {
    pub key: DeviceKey,
    pub token: Option<String>,
    pub machine: Machine,
    pub institution_code: Option<String>,
    pub agent_version: String,
    pub peer: String,
}

#[derive(Clone, Debug)]
pub enum Answer {
    Enrolled { terminal: TerminalId, certificate: Issued },
    Pending { request: RequestId, ask_again: Span },
}

/// Safe to repeat: one key has one answer.
pub async fn enroll(app: &Arc<App>, ask: Ask) -> Result<Answer, AppError> {
    let ask = checked(ask)?;
    let key_hash = ask.key.hash();
    if let Some(terminal) = app.store.terminal_by_key(key_hash).await? {
        return known(app, &ask, terminal).await;
    }
    if let Some(request) = app.store.enrolment_request_by_key(key_hash).await? {
        return match request.state {
            RequestState::Pending => Ok(pending(app, request.id)),
            RequestState::Rejected { .. } => Err(rejected()),
            // The terminal has since been given another key: this one is of the past.
            RequestState::Approved { .. } => Err(revoked()),
        };
    }
    let token = match &ask.token {
        Some(shown) => app.store.enrolment_token(secret::hash(shown)).await?,
        None => None,
    };
    let clash = app.store.terminal_in_box(&ask.machine).await?;
    let code = ask.institution_code.as_deref();
    match judge(
        token.as_ref(),
        ask.token.is_some(),
        code,
        clash.as_ref().map(|known| known.id),
        app.now(),
    ) {
        Verdict::Admit => admit(app, ask, token).await,
        Verdict::Wait(cause) => wait(app, ask, cause, clash.map(|known| known.id)).await,
    }
}

fn checked(mut ask: Ask) -> Result<Ask, AppError> {
    let machine = &mut ask.machine;
    for text in [
        &mut machine.hostname,
        &mut machine.manufacturer,
        &mut machine.model,
        &mut machine.serial,
        &mut machine.smbios_uuid,
        &mut machine.os_version,
        &mut ask.agent_version,
    ] {
        *text = text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
    }
    machine.smbios_uuid = machine.smbios_uuid.to_ascii_uppercase();
    ask.institution_code = ask.institution_code.filter(|code| !code.is_empty());
    ask.token = ask.token.filter(|token| !token.is_empty());
    match &ask.institution_code {
        Some(code) if code.len() != 10 || !code.bytes().all(|b| b.is_ascii_digit()) => Err(AppError::invalid(
            "E-ENROL-01",
            "医療機関等コードは10桁の数字で指定してください。",
            "The institution code must be ten digits.",
        )),
        _ => Ok(ask),
    }
}

/// A key that is known already gets a new certificate, as long as it may connect at all.
async fn known(app: &Arc<App>, ask: &Ask, terminal: Terminal) -> Result<Answer, AppError> {
    if !terminal.is_active() {
        return Err(revoked());
    }
    let certificate = app
        .ca
        .issue_terminal(&ask.key, terminal.id, app.now())
        .map_err(AppError::internal)?;
    let renewed = Terminal {
        certificate_until: certificate.not_after,
        ..terminal.clone()
    };
    let id = terminal.id;
    keep_renewed(app, terminal, renewed).await?;
    app.admission.admit(id, ask.key.hash());
    Ok(Answer::Enrolled {
        terminal: id,
        certificate,
    })
}

fn pending(app: &App, request: RequestId) -> Answer {
    Answer::Pending {
        request,
        ask_again: app.settings.ask_again,
    }
}

async fn admit(app: &Arc<App>, ask: Ask, token: Option<EnrolmentToken>) -> Result<Answer, AppError> {
    let now = app.now();
    let terminal = new_terminal(app, &ask, token.as_ref(), now);
    let certificate = app
        .ca
        .issue_terminal(&ask.key, terminal.id, now)
        .map_err(AppError::internal)?;
    let terminal = Terminal {
        certificate_until: certificate.not_after,
        ..terminal
    };
    let said = said_by(token.as_ref(), ask.institution_code.as_deref());
    let used = token.map(|token| token.id);
    let event = Event {
        at: now,
        actor: format!("terminal:{}", terminal.id),
        action: "terminal.enrol",
        target: format!("terminal:{}", terminal.id),
        reason: String::new(),
        before: Json::Null,
        after: json!({ "token": used, "machine": terminal.machine, "peer": ask.peer }),
    };
    let (row, claims) = (terminal.clone(), said.clone());
    let written = app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                if let Some(token) = used {
                    tx.use_enrolment_token(token, now).await?;
                }
                tx.insert_terminal(&row).await?;
                if !claims.is_empty() {
                    tx.put_attachment(row.id, &claims).await?;
                }
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await;
    match written {
        // The last use of the token went to another machine at this moment.
        Err(error) if error.code == "E-STORE-01" => return wait(app, ask, Cause::TokenUsedUp, None).await,
        other => other?,
    }
    terminals::became_known(app, &terminal);
    ledger::said(app, terminal.id, said);
    app.bus.changed(Change::Tokens);
    Ok(Answer::Enrolled {
        terminal: terminal.id,
        certificate,
    })
}

fn new_terminal(app: &App, ask: &Ask, token: Option<&EnrolmentToken>, now: Time) -> Terminal {
    let said = said_by(token, ask.institution_code.as_deref());
    Terminal {
        id: TerminalId::new(now, app.entropy.bytes()),
        key_hash: ask.key.hash(),
        generation: 1,
        machine: ask.machine.clone(),
        institution_code: said.code().map(|code| code.to_string()),
        agent_version: ask.agent_version.clone(),
        minor: 0,
        enrolled_at: now,
        enrolled_with: token.map(|token| token.id),
        last_seen: None,
        certificate_until: now + TERMINAL_CERTIFICATE,
        standing: Standing::Active,
        hold: None,
    }
}

/// Where it stands, as its token and it itself say.
fn said_by(token: Option<&EnrolmentToken>, reported: Option<&str>) -> Attachment {
    let scope = token.and_then(|token| token.scope.institution_code.as_deref());
    Attachment {
        by_token: scope.and_then(|code| code.parse().ok()),
        reported: reported.and_then(|code| code.parse().ok()),
        by_hand: None,
    }
}

async fn wait(app: &Arc<App>, ask: Ask, cause: Cause, clashes_with: Option<TerminalId>) -> Result<Answer, AppError> {
    if app.store.count_pending().await? >= MOST_PENDING {
        return Err(AppError::new(
            super::Kind::TooMany,
            "E-ENROL-02",
            "承認待ちの端末が多すぎます。時間をおいてもう一度お試しください。",
            "Too many machines wait for approval. Try again later.",
        ));
    }
    let now = app.now();
    let request = EnrolmentRequest {
        id: RequestId::new(now, app.entropy.bytes()),
        key_hash: ask.key.hash(),
        machine: ask.machine,
        institution_code: ask.institution_code,
        agent_version: ask.agent_version,
        peer: ask.peer,
        cause,
        clashes_with,
        asked_at: now,
        state: RequestState::Pending,
    };
    let id = request.id;
    let event = Event {
        at: now,
        actor: format!("request:{id}"),
        action: "enrolment.ask",
        target: format!("request:{id}"),
        reason: cause.name().to_owned(),
        before: Json::Null,
        after: json!({ "machine": request.machine, "peer": request.peer, "clashes_with": clashes_with }),
    };
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_enrolment_request(&request).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    app.bus.changed(Change::Pending);
    Ok(pending(app, id))
}

/// Newest first.
pub async fn pending_requests(cx: &Cx) -> Result<Vec<EnrolmentRequest>, AppError> {
    cx.require(Permission::ViewPending, Scope::Fleet)?;
    Ok(cx.app.store.pending_requests(500).await?)
}

/// Makes it a terminal. Where the same box is known already, the terminal there goes on with the new key.
pub async fn approve(cx: &Cx, id: RequestId, reason: &str) -> Result<TerminalId, AppError> {
    cx.require(Permission::DecidePending, Scope::Fleet)?;
    let (app, now) = (&cx.app, cx.now());
    let request = undecided(app, id).await?;
    let replaced = match request.clashes_with {
        Some(known) => app.store.terminal(known).await?.filter(Terminal::is_active),
        None => None,
    };
    let terminal = match &replaced {
        Some(known) => known.replaced(request.key_hash, request.machine.clone()),
        None => Terminal {
            id: TerminalId::new(now, app.entropy.bytes()),
            key_hash: request.key_hash,
            generation: 1,
            machine: request.machine.clone(),
            institution_code: request.institution_code.clone(),
            agent_version: request.agent_version.clone(),
            minor: 0,
            enrolled_at: now,
            enrolled_with: None,
            last_seen: None,
            certificate_until: now + TERMINAL_CERTIFICATE,
            standing: Standing::Active,
            hold: None,
        },
    };
    let decision = RequestState::Approved {
        terminal: terminal.id,
        at: now,
        by: cx.actor.name.clone(),
    };
    let before = json!({ "state": "pending", "generation": replaced.as_ref().map(|known| known.generation) });
    let after = json!({ "state": "approved", "terminal": terminal.id, "generation": terminal.generation });
    let event = cx.event("enrolment.approve", format!("request:{id}"), reason, before, after);
    let own = admitted(cx, &terminal, replaced.as_ref(), reason);
    let reported: Option<Code10> = request.institution_code.as_deref().and_then(|code| code.parse().ok());
    let said = Attachment {
        reported,
        ..app.store.attachment(terminal.id).await?
    };
    let (row, claims) = (terminal.clone(), said.clone());
    let lost = app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.decide_enrolment_request(id, &decision).await?;
                let lost = match replaced {
                    Some(known) => reimaged(tx, &known, &row, now).await?,
                    None => {
                        tx.insert_terminal(&row).await?;
                        Vec::new()
                    }
                };
                if !claims.is_empty() {
                    tx.put_attachment(row.id, &claims).await?;
                }
                tx.audit(event).await?;
                tx.audit(own).await?;
                Ok(lost)
            })
        })
        .await?;
    if terminal.generation > 1 {
        // Whoever still holds the old key is cut off before the new one may connect.
        terminals::cut(app, terminal.id);
        jobs::told(app, &lost);
    }
    terminals::became_known(app, &terminal);
    ledger::said(app, terminal.id, said);
    app.bus.changed(Change::Pending);
    Ok(terminal.id)
}

/// What the terminal's own story tells of its admission.
fn admitted(cx: &Cx, terminal: &Terminal, replaced: Option<&Terminal>, reason: &str) -> Event {
    let action = if replaced.is_some() {
        "terminal.replace"
    } else {
        "terminal.enrol"
    };
    let generation = |of: Option<&Terminal>| json!({ "generation": of.map(|terminal| terminal.generation) });
    cx.event(
        action,
        format!("terminal:{}", terminal.id),
        reason,
        generation(replaced),
        generation(Some(terminal)),
    )
}

/// The old key's facts and running jobs say nothing about the new machine.
async fn reimaged(
    tx: &mut Tx,
    known: &Terminal,
    replaced: &Terminal,
    now: Time,
) -> Result<Vec<kaishin_domain::job::Job>, StoreError> {
    tx.update_terminal(known, replaced).await?;
    tx.forget_sections(known.id).await?;
    tx.close_all_faults(known.id, now).await?;
    jobs::end_open(tx, known.id, REIMAGED, now).await
}

pub async fn reject(cx: &Cx, id: RequestId, reason: &str) -> Result<(), AppError> {
    cx.require(Permission::DecidePending, Scope::Fleet)?;
    let reason = cx.reason(reason)?;
    let request = undecided(&cx.app, id).await?;
    let decision = RequestState::Rejected {
        at: cx.now(),
        by: cx.actor.name.clone(),
        reason: reason.clone(),
    };
    let event = cx.event(
        "enrolment.reject",
        format!("request:{id}"),
        &reason,
        json!({ "state": "pending", "machine": request.machine }),
        json!({ "state": "rejected" }),
    );
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.decide_enrolment_request(id, &decision).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Pending);
    cx.app.bus.changed(Change::Audit);
    Ok(())
}

async fn undecided(app: &App, id: RequestId) -> Result<EnrolmentRequest, AppError> {
    let request = app.store.enrolment_request(id).await?.ok_or_else(|| {
        AppError::not_found(
            "E-ENROL-03",
            "この登録申請は見つかりません。承認待ちの一覧を更新してください。",
            "There is no such request. Reload the list of pending requests.",
        )
    })?;
    if request.state != RequestState::Pending {
        return Err(AppError::conflict(
            "E-ENROL-04",
            "この登録申請はすでに処理されています。承認待ちの一覧を更新してください。",
            "This request has been decided already. Reload the list of pending requests.",
        ));
    }
    Ok(request)
}

/// What somebody wants a token for.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub label: String,
    pub most_uses: u32,
    pub life: Span,
    pub scope: TokenScope,
}

/// The token and its secret, which is shown this once.
pub async fn create_token(cx: &Cx, new: NewToken) -> Result<(EnrolmentToken, String), AppError> {
    cx.require(Permission::ManageTokens, Scope::Fleet)?;
    EnrolmentToken::check_new(new.most_uses, new.life).map_err(|bad| match bad {
        BadToken::Uses => AppError::invalid(
            "E-ENROL-05",
            "使用回数は1回以上50,000回以下で指定してください。",
            "A token needs at least one use and at most 50,000.",
        ),
        BadToken::Life => AppError::invalid(
            "E-ENROL-06",
            "有効期間は、1回用のトークンは72時間以内、複数回用は90日以内で指定してください。",
            "A one-time token lives at most 72 hours, one for many terminals at most 90 days.",
        ),
    })?;
    let now = cx.now();
    let secret = secret::make(cx.app.entropy, "kshe");
    let token = EnrolmentToken {
        id: TokenId::new(now, cx.app.entropy.bytes()),
        label: new
            .label
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_TEXT)
            .collect(),
        most_uses: new.most_uses,
        used: 0,
        expires_at: now + new.life,
        scope: new.scope,
        created_at: now,
        created_by: cx.actor.name.clone(),
        revoked_at: None,
    };
    let after = json!({ "label": token.label, "most_uses": token.most_uses, "expires_at": token.expires_at.rfc3339() });
    let event = cx.event("token.create", format!("token:{}", token.id), "", Json::Null, after);
    let row = token.clone();
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_enrolment_token(&row, secret.kept).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Tokens);
    Ok((token, secret.shown))
}

/// Newest first.
pub async fn tokens(cx: &Cx) -> Result<Vec<EnrolmentToken>, AppError> {
    cx.require(Permission::ViewTokens, Scope::Fleet)?;
    Ok(cx.app.store.enrolment_tokens().await?)
}

pub async fn revoke_token(cx: &Cx, id: TokenId, reason: &str) -> Result<(), AppError> {
    cx.require(Permission::ManageTokens, Scope::Fleet)?;
    let now = cx.now();
    let event = cx.event(
        "token.revoke",
        format!("token:{id}"),
        reason,
        json!({ "revoked": false }),
        json!({ "revoked": true }),
    );
    let revoked = cx
        .app
        .store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                tx.revoke_enrolment_token(id, now).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await;
    if let Err(StoreError::LostRace(_)) = revoked {
        return Err(AppError::not_found(
            "E-ENROL-07",
            "このトークンは見つからないか、すでに失効しています。",
            "There is no such token, or it has been revoked already.",
        ));
    }
    revoked?;
    cx.app.bus.changed(Change::Tokens);
    cx.app.bus.changed(Change::Audit);
    Ok(())
}

/// Renewal over a live session: the same key, a new certificate.
pub async fn renew(app: &Arc<App>, id: TerminalId, key: &DeviceKey) -> Result<Issued, AppError> {
    let terminal = app.store.terminal(id).await?.ok_or_else(AppError::no_such_terminal)?;
    if !terminal.is_active() || terminal.key_hash != key.hash() {
        return Err(revoked());
    }
    let issued = app.ca.issue_terminal(key, id, app.now()).map_err(AppError::internal)?;
    let renewed = Terminal {
        certificate_until: issued.not_after,
        ..terminal.clone()
    };
    keep_renewed(app, terminal, renewed).await?;
    app.bus.changed(Change::Terminal(id));
    Ok(issued)
}

async fn keep_renewed(app: &Arc<App>, terminal: Terminal, renewed: Terminal) -> Result<(), AppError> {
    let until = |terminal: &Terminal| json!({ "certificate_until": terminal.certificate_until.rfc3339() });
    let event = Event {
        at: app.now(),
        actor: format!("terminal:{}", terminal.id),
        action: super::history::RENEWED,
        target: format!("terminal:{}", terminal.id),
        reason: String::new(),
        before: until(&terminal),
        after: until(&renewed),
    };
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.update_terminal(&terminal, &renewed).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await
}

/// Which keys may connect, from the database: at the start, and whenever another process may have changed it.
pub fn allowed(terminal: &Terminal) -> Option<(TerminalId, KeyHash)> {
    terminal.is_active().then_some((terminal.id, terminal.key_hash))
}

fn rejected() -> AppError {
    AppError::denied(
        "E-ENROL-08",
        "この端末の登録は承認されませんでした。サポート窓口に連絡してください。",
        "This machine was not approved. Contact the support desk.",
    )
}

fn revoked() -> AppError {
    AppError::denied(
        "E-ENROL-09",
        "この端末の登録は取り消されています。サポート窓口に連絡してください。",
        "This terminal's enrolment has been revoked. Contact the support desk.",
    )
}
