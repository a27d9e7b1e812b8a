//! What protects the terminal, and what it belongs to.

use kaishin_proto::convert::Facts;

use super::{About, list, row, text, truth};
use crate::os::{Join, Os, OsError};

pub fn collect(os: &dyn Os, _: &About) -> Facts {
    let antivirus = os.antivirus();
    let names = antivirus.as_ref().map_err(OsError::clone).map(|seen| {
        let mut names: Vec<String> = seen.iter().map(|product| product.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    });
    let on = antivirus.map(|seen| seen.iter().any(|product| product.on));
    let joined = os.joined();
    let to = joined
        .as_ref()
        .map_err(OsError::clone)
        .map(|joined| word(joined.to).to_owned());
    vec![
        row("security.antivirus", list(names)),
        row("security.antivirus_on", truth(on)),
        row("security.join", text(to)),
        row("security.domain", text(joined.map(|joined| joined.name))),
    ]
}

fn word(join: Join) -> &'static str {
    match join {
        Join::Workgroup => "workgroup",
        Join::Domain => "domain",
        Join::Entra => "entra",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{listed, reason, sim, value};
    use super::*;
    use crate::os::Antivirus;
    use kaishin_proto::value::{Reason, Value};

    #[test]
    fn one_product_that_is_on_protects_and_none_does_not() {
        let product = |name: &str, on| Antivirus { name: name.into(), on };
        let sim = sim();
        sim.set_antivirus(vec![product("Microsoft Defender Antivirus", false), product("A", true)]);
        assert_eq!(
            listed(&sim, "security.antivirus"),
            ["A", "Microsoft Defender Antivirus"]
        );
        assert_eq!(value(&sim, "security.antivirus_on"), Value::Truth(true));
        sim.set_antivirus(Vec::new());
        assert_eq!(value(&sim, "security.antivirus_on"), Value::Truth(false));
        sim.fail_call(1, OsError::not_supported("no Security Center"));
        assert_eq!(
            reason(&value(&sim, "security.antivirus_on")),
            Some(Reason::NotSupported)
        );
        sim.fail_call(2, OsError::failed("the workstation service"));
        assert_eq!(reason(&value(&sim, "security.join")), Some(Reason::Failed));
    }
}
