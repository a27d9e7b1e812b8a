//! `Enrolment.Enroll`: the one thing that a caller without a certificate may do.

use std::sync::Arc;

use kaishin_domain::terminal::Machine;
use kaishin_proto::limits::{negotiate, our_protocol};
use kaishin_proto::v1;
use kaishin_proto::v1::enroll_response::Outcome;
use kaishin_proto::v1::enrolment_server::Enrolment;
use tonic::{Request, Response, Status};
use tracing::{info, warn};

use super::listener::Caller;
use super::rate::PerAddress;
use super::wire;
use crate::app::enrolment::{Answer, Ask, enroll};
use crate::app::{App, Kind};
use crate::pki::DeviceKey;

pub struct EnrolmentService {
    app: Arc<App>,
    rate: PerAddress,
}

impl EnrolmentService {
    pub fn new(app: Arc<App>) -> EnrolmentService {
        let rate = PerAddress::new(app.settings.enrolments);
        EnrolmentService { app, rate }
    }

    async fn decide(&self, asked: v1::EnrollRequest, caller: Caller) -> Result<Outcome, Status> {
        let ours = our_protocol();
        if asked
            .protocol
            .as_ref()
            .is_none_or(|theirs| negotiate(&ours, theirs).is_none())
        {
            info!(peer = %caller.peer, agent = asked.agent_version, "an agent of another protocol asked to enrol");
            return Ok(Outcome::Incompatible(wire::incompatible(ours)));
        }
        let key = match DeviceKey::from_csr(&asked.csr) {
            Ok(key) => key,
            Err(refused) => {
                return Ok(Outcome::Refused(wire::both(refused.code(), &refused.to_string())));
            }
        };
        let some = |text: String| (!text.is_empty()).then_some(text);
        let machine = asked.machine.unwrap_or_default();
        let ask = Ask {
            key,
            token: some(asked.token),
            machine: Machine {
                hostname: machine.hostname,
                manufacturer: machine.manufacturer,
                model: machine.model,
                serial: machine.serial,
                smbios_uuid: machine.smbios_uuid,
                os_version: machine.os_version,
            },
            institution_code: some(asked.institution_code),
            agent_version: asked.agent_version,
            peer: caller.peer.ip().to_string(),
        };
        match enroll(&self.app, ask).await {
            Ok(Answer::Enrolled { terminal, certificate }) => Ok(Outcome::Enrolled(v1::Enrolled {
                terminal_id: terminal.to_string(),
                certificate: Some(v1::CertificateChain {
                    certificates: certificate.chain,
                }),
            })),
            Ok(Answer::Pending { request, ask_again }) => Ok(Outcome::Pending(v1::Pending {
                request_id: request.to_string(),
                ask_again_seconds: u32::try_from(ask_again.as_seconds()).unwrap_or(60),
            })),
            Err(error) if matches!(error.kind, Kind::Internal | Kind::Conflict | Kind::TooMany) => {
                if error.kind == Kind::Internal {
                    warn!(error = ?error, "an enrolment failed");
                }
                // The agent asks again by itself.
                Err(Status::unavailable(error.to_string()))
            }
            Err(error) => Ok(Outcome::Refused(wire::refusal(&error))),
        }
    }
}

#[tonic::async_trait]
impl Enrolment for EnrolmentService {
    async fn enroll(&self, request: Request<v1::EnrollRequest>) -> Result<Response<v1::EnrollResponse>, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Status::internal("no connection"))?;
        if !self.rate.take(caller.peer.ip(), self.app.now()) {
            count("too-many");
            return Err(Status::resource_exhausted(
                "E-ENROL-10 too many requests from this address",
            ));
        }
        let outcome = self
            .decide(request.into_inner(), caller)
            .await
            .inspect_err(|_| count("failed"))?;
        count(match &outcome {
            Outcome::Enrolled(_) => "enrolled",
            Outcome::Pending(_) => "pending",
            Outcome::Refused(_) => "refused",
            Outcome::Incompatible(_) => "incompatible",
        });
        Ok(Response::new(v1::EnrollResponse { outcome: Some(outcome) }))
    }
}

/// Requests to become known, by what came of them.
fn count(result: &'static str) {
    metrics::counter!("kaishin_enrolment_requests_total", "result" => result).increment(1);
}
