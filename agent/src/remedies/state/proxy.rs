//! Proxy settings as people can compare them: the server, and which exceptions come and go, whatever form Windows keeps them in.

use crate::facts::proxy::{CONNECTION, WINHTTP, blob, bypass};
use crate::os::RegistryValue;

struct Told {
    /// `None`: this value is about the exceptions alone.
    server: Option<String>,
    exceptions: Vec<String>,
}

/// What this value says of the proxy, beside what was there; `None` where it is about something else.
pub fn shown(name: &str, value: &RegistryValue, was: Option<&RegistryValue>) -> Option<String> {
    let Some(told) = read(name, value)? else {
        return Some("damaged".to_owned());
    };
    let mut shown = format!("{} exceptions", told.exceptions.len());
    if let Some(was) = was.and_then(|was| read(name, was)).flatten() {
        let changes = [
            ("added", without(&told.exceptions, &was.exceptions)),
            ("removed", without(&was.exceptions, &told.exceptions)),
        ];
        let changes = changes.into_iter().filter(|(_, entries)| !entries.is_empty());
        let changes: Vec<String> = changes.map(|(how, entries)| format!("{how} {entries}")).collect();
        if !changes.is_empty() {
            shown += &format!(" ({})", changes.join(", "));
        }
    }
    Some(match told.server {
        None => shown,
        Some(server) if server.is_empty() => "direct".to_owned(),
        Some(server) => format!("{server} with {shown}"),
    })
}

/// `Some(None)`: it is damaged.
fn read(name: &str, value: &RegistryValue) -> Option<Option<Told>> {
    let told = |server, written: &str| Told {
        server,
        exceptions: bypass::entries(written),
    };
    match name {
        "ProxyOverride" => Some(value.as_text().ok().map(|written| told(None, &written))),
        CONNECTION | WINHTTP => {
            let seen = blob::read(value).ok();
            Some(seen.map(|seen| told(Some(seen.server.unwrap_or_default()), &seen.bypass)))
        }
        _ => None,
    }
}

/// The entries that the others do not have.
fn without(entries: &[String], others: &[String]) -> String {
    let own = entries.iter().filter(|entry| !others.contains(entry));
    own.map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_told_as_its_server_and_the_exceptions_that_come_and_go() {
        let of = |server, bypass| blob::write(blob::SERVICES, server, bypass);
        let (old, new) = (of(Some("a:80"), "*.x;*.y"), of(Some("b:80"), "*.y;*.z"));
        assert_eq!(shown(WINHTTP, &old, None).as_deref(), Some("a:80 with 2 exceptions"));
        assert_eq!(
            shown(WINHTTP, &new, Some(&old)).as_deref(),
            Some("b:80 with 2 exceptions (added *.z, removed *.x)")
        );
        assert_eq!(shown(CONNECTION, &of(None, ""), None).as_deref(), Some("direct"));
        let text = RegistryValue::text;
        assert_eq!(shown(CONNECTION, &text("?"), None).as_deref(), Some("damaged"));
        assert_eq!(
            shown("ProxyOverride", &text("*.x;*.y"), Some(&text("*.x"))).as_deref(),
            Some("2 exceptions (added *.y)")
        );
        assert_eq!(shown("ProxyServer", &text("a:80"), None), None);
    }
}
