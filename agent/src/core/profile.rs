//! A terminal profile that the server sent: read to the end with the agent's own parser before anything is observed by it.

use std::sync::Arc;

use kaishin_proto::profile::Profile;
use kaishin_proto::v1;

use super::{Core, Effect};

/// What came of a profile that was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// To be kept first and then observed by.
    Usable { text: String, profile: Arc<Profile> },
    /// Why not, for people; what is in use stays so.
    Unusable(String),
}

impl Core {
    pub(super) fn profile_sent(&mut self, sent: v1::TerminalProfile) {
        if sent.version == self.config.profile_version {
            return;
        }
        let received = match Profile::read(&sent.json) {
            Ok(profile) if profile.version == sent.version => Received::Usable {
                text: sent.json,
                profile: profile.into(),
            },
            Ok(profile) => Received::Unusable(format!(
                "版{0}として届いた設定の中身は版{1}です。 / What was sent as version {0} says that it is version {1}.",
                sent.version, profile.version
            )),
            Err(bad) => Received::Unusable(format!("版{0} / Version {0}: {bad}", sent.version)),
        };
        self.effects.push(Effect::Profile(received));
    }

    /// The shell kept it, or told people why not.
    pub(super) fn profile_settled(&mut self, version: u32) {
        let changed = self.config.profile_version != version;
        self.config.profile_version = version;
        if changed {
            self.sampling.want_all();
        } else {
            self.sampling.want("agent");
        }
    }
}
