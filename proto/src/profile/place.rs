//! In which line of a profile something is written, so that whoever wrote it finds what to correct.

use serde_json::Deserializer;

/// A text of the profile as it is read, not as it is escaped.
struct Written {
    line: usize,
    text: String,
    is_key: bool,
}

/// Where the value stands below the keys; without one, or if it is not there, where the last of the keys does.
pub(super) fn line_of(json: &str, keys: &[&str], value: Option<&str>) -> usize {
    let all = written(json);
    let mut rest = all.as_slice();
    for key in keys {
        let at = rest.iter().position(|here| here.is_key && here.text == *key);
        rest = &rest[at.unwrap_or(0)..];
    }
    let found = value.and_then(|value| rest.iter().find(|here| !here.is_key && here.text == value));
    found.or(rest.first()).map_or(1, |here| here.line)
}

/// Every text, of what is known to be JSON.
fn written(json: &str) -> Vec<Written> {
    let mut found = Vec::new();
    let (mut line, mut read) = (1, 0);
    while let Some(gap) = json[read..].find('"') {
        let start = read + gap;
        line += json[read..start].matches('\n').count();
        let mut texts = Deserializer::from_str(&json[start..]).into_iter::<String>();
        let Some(Ok(text)) = texts.next() else { break };
        read = start + texts.byte_offset();
        let is_key = json[read..].trim_start().starts_with(':');
        found.push(Written { line, text, is_key });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{
        "names": ["models", "x", "a\"", "models:"],
        "arp": {
            "adapters": ["models"],
            "models" :
                [{"model": "\u5009\u201c"},
                 {"model": "x"}, {"model": ""}]
        }
    }"#;

    #[test]
    fn a_value_is_found_below_its_keys_however_it_is_escaped() {
        for (keys, value, line) in [
            (&["names"][..], Some("x"), 2),
            (&["arp", "models"], Some("x"), 7),
            (&["arp", "models"], Some("倉“"), 6),
            (&["arp", "models"], Some(""), 7),
            (&["arp", "models"], Some("nowhere"), 5),
            (&["arp", "models"], None, 5),
            (&["models"], None, 5),
            (&[], Some("a\""), 2),
            (&["nowhere"], None, 2),
        ] {
            assert_eq!(line_of(JSON, keys, value), line, "{keys:?} {value:?}");
        }
    }
}
