//! Where the terminal stands: the hours in which its people are not to be disturbed, as the carrier's ledger has them. What
//! cannot be understood is as good as not known, and the usual hours hold.

use kaishin_proto::calendar::Hours;
use kaishin_proto::convert::hours_from_wire;
use kaishin_proto::v1;

use super::{Core, Effect};

const BAD_HOURS: &str = "E-SITE-01";

impl Core {
    pub(super) fn site_told(&mut self, site: &v1::Site) {
        let hours = match hours_from_wire(site) {
            Ok(hours) => hours,
            Err(bad) => {
                let words = v1::Words {
                    ja:
                        "施設の受付時間を読み取れないため、標準の受付時間を使います。台帳の受付時間を確認してください。"
                            .to_owned(),
                    en: format!(
                        "The facility's hours cannot be used ({bad}), so the usual ones are. Check them in the ledger."
                    ),
                };
                self.effects.push(Effect::Note(v1::Notice {
                    code: BAD_HOURS.to_owned(),
                    words: Some(words),
                }));
                Hours::default()
            }
        };
        self.hours = hours.clone();
        self.effects.push(Effect::Hours(hours));
        // Looked at after the hours have been taken: its facts are held against them.
        self.sampling.want("update");
    }
}
