//! The source tree as data: which files there are, and Rust text taken apart just far enough to judge it (code, string
//! literals, tests) without a compiler.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A text file, by its path from the root of the tree, `/` on every system.
#[derive(Clone, Debug)]
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub fn is_under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    /// Lies with the tests: a whole file of tests rather than a module inside a file.
    pub fn is_test_file(&self) -> bool {
        self.path.starts_with("tests/all") || self.path.ends_with("/tests.rs") || self.path.contains("/src/tests/")
    }
}

#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Names at the top level, folders with a trailing slash.
    pub top: Vec<String>,
    pub files: Vec<Source>,
}

impl Tree {
    /// The repository that this crate was built from. What is not text is left out.
    pub fn read() -> std::io::Result<Tree> {
        let root = root();
        let mut tree = Tree::default();
        for entry in std::fs::read_dir(&root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "target" || name == ".git" {
                continue;
            }
            let folder = entry.file_type()?.is_dir();
            tree.top.push(if folder { format!("{name}/") } else { name });
            gather(&root, &entry.path(), &mut tree.files)?;
        }
        tree.top.sort();
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    pub fn of(files: &[(&str, &str)]) -> Tree {
        Tree {
            top: Vec::new(),
            files: files.iter().map(|(path, text)| Source::new(path, text)).collect(),
        }
    }

    pub fn rust(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(|file| file.is_rust())
    }

    pub fn get(&self, path: &str) -> Option<&Source> {
        self.files.iter().find(|file| file.path == path)
    }
}

pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn gather(root: &Path, path: &Path, files: &mut Vec<Source>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            gather(root, &entry?.path(), files)?;
        }
    } else if let Ok(text) = String::from_utf8(std::fs::read(path)?) {
        let name = path.strip_prefix(root).unwrap_or(path);
        files.push(Source {
            path: name.to_string_lossy().replace('\\', "/"),
            text,
        });
    }
    Ok(())
}

#[derive(Clone, Debug)]
pub struct Literal {
    pub at: usize,
    pub text: String,
}

/// Rust text with comments and the insides of literals blanked; offsets and lines are those of the file.
#[derive(Clone, Debug)]
pub struct Code {
    pub text: String,
    pub literals: Vec<Literal>,
    tests: Vec<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ident<'a> {
    pub at: usize,
    pub name: &'a str,
}

impl Code {
    pub fn of(source: &Source) -> Code {
        let (text, literals) = blank(&source.text);
        let tests = if source.is_test_file() {
            std::iter::once(0..text.len()).collect()
        } else {
            test_items(&text)
        };
        Code { text, literals, tests }
    }

    pub fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    pub fn in_tests(&self, at: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&at))
    }

    pub fn idents(&self) -> impl Iterator<Item = Ident<'_>> {
        idents(&self.text)
    }

    /// Places where this piece of code stands.
    pub fn find<'a>(&'a self, piece: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.text.match_indices(piece).map(|(at, _)| at)
    }

    /// Every function with a body: where it begins and ends, and its name.
    pub fn functions(&self) -> Vec<(Range<usize>, String)> {
        let idents: Vec<Ident<'_>> = self.idents().collect();
        let named = idents.windows(2).filter(|pair| pair[0].name == "fn");
        named
            .filter_map(|pair| {
                let end = item_end(&self.text, pair[0].at)?;
                self.text[..end]
                    .ends_with('}')
                    .then(|| (pair[0].at..end, pair[1].name.to_owned()))
            })
            .collect()
    }

    /// The first names after `crate::`, through one level of braces: what this file reaches for in its own crate.
    pub fn crate_paths(&self) -> Vec<Ident<'_>> {
        let mut found = Vec::new();
        for at in self.find("crate::").filter(|at| !self.text[..*at].ends_with('$')) {
            let after = at + "crate::".len();
            let rest = &self.text[after..];
            if let Some(group) = rest.strip_prefix('{') {
                found.extend(heads_of_group(after + 1, group));
            } else {
                found.extend(idents(rest).next().map(|first| Ident {
                    at: after + first.at,
                    name: first.name,
                }));
            }
        }
        found
    }
}

fn heads_of_group(from: usize, group: &str) -> Vec<Ident<'_>> {
    let mut heads = Vec::new();
    let (mut depth, mut fresh, mut at) = (0_usize, true, 0);
    while at < group.len() {
        let rest = &group[at..];
        let first = rest.as_bytes()[0];
        match first {
            b'}' if depth == 0 => break,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' => fresh = depth == 0,
            _ if fresh && is_word(first) => {
                let length = word_length(rest);
                heads.push(Ident {
                    at: from + at,
                    name: &rest[..length],
                });
                fresh = false;
                at += length;
                continue;
            }
            _ => {}
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    heads
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word_length(text: &str) -> usize {
    text.bytes().take_while(|byte| is_word(*byte)).count()
}

fn idents(text: &str) -> impl Iterator<Item = Ident<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let bytes = text.as_bytes();
        while at < bytes.len() && !is_word(bytes[at]) {
            at += 1;
        }
        let length = word_length(text.get(at..)?);
        let found = (length > 0).then(|| Ident {
            at,
            name: &text[at..at + length],
        });
        at += length;
        found
    })
}

/// Where the item that begins at or after `from` ends: behind its first block, or behind a semicolon before any block.
fn item_end(text: &str, from: usize) -> Option<usize> {
    let (mut braces, mut parens) = (0_usize, 0_usize);
    for (offset, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => parens += 1,
            b')' | b']' => parens = parens.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces <= 1 => return Some(offset + 1),
            b'}' => braces -= 1,
            b';' if braces == 0 && parens == 0 => return Some(offset + 1),
            _ => {}
        }
    }
    None
}

fn test_items(text: &str) -> Vec<Range<usize>> {
    let marks = ["#[cfg(test)]", "#[test]", "#[tokio::test"];
    let starts = marks.iter().flat_map(|mark| text.match_indices(mark).map(|(at, _)| at));
    starts
        .map(|at| at..item_end(text, behind_attributes(text, at)).unwrap_or(text.len()))
        .collect()
}

fn behind_attributes(text: &str, from: usize) -> usize {
    let mut at = from;
    while text[at..].trim_start().starts_with("#[") {
        let mut depth = 0_usize;
        let end = text.bytes().enumerate().skip(at).find_map(|(offset, byte)| {
            match byte {
                b'[' => depth += 1,
                b']' if depth == 1 => return Some(offset + 1),
                b']' => depth -= 1,
                _ => {}
            }
            None
        });
        match end {
            Some(end) => at = end,
            None => break,
        }
    }
    at
}

fn blank(text: &str) -> (String, Vec<Literal>) {
    let mut out = String::with_capacity(text.len());
    let mut literals = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some((open, inside, length)) = string_literal(rest).filter(|_| !ends_in_word(&out)) {
            literals.push(Literal {
                at,
                text: rest[open..open + inside].to_owned(),
            });
            length
        } else {
            let next = char_literal(rest).unwrap_or(0);
            if next == 0 {
                let plain = rest.chars().next().map_or(1, char::len_utf8);
                out.push_str(&rest[..plain]);
                at += plain;
                continue;
            }
            next
        };
        out.extend(
            rest[..length]
                .bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
        );
        at += length;
    }
    (out, literals)
}

fn ends_in_word(text: &str) -> bool {
    text.bytes().last().is_some_and(is_word)
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// Where the inside begins, how long it is, and how long the whole literal is.
fn string_literal(text: &str) -> Option<(usize, usize, usize)> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        rest.starts_with('"') || (prefix.ends_with('r') && rest.trim_start_matches('#').starts_with('"'))
    })?;
    let rest = &text[prefix.len()..];
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    if hashes > 0 && !prefix.ends_with('r') {
        return None;
    }
    let open = prefix.len() + hashes + 1;
    let inside = if prefix.ends_with('r') {
        let close = format!("\"{}", "#".repeat(hashes));
        text[open..].find(&close)?
    } else {
        let mut escaped = false;
        text[open..].bytes().position(|byte| {
            let end = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            end
        })?
    };
    Some((open, inside, open + inside + 1 + hashes))
}

/// The length of `'x'` or `'\n'`; a lifetime is none.
fn char_literal(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let mut letters = inside.chars();
    let first = letters.next()?;
    if first == '\\' {
        let close = inside[2..].find('\'')?;
        return Some(close + 4);
    }
    (letters.next()? == '\'').then(|| first.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code::of(&Source::new("x/src/lib.rs", text))
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        let code = code(
            "let a = \"sqlx \\\" x\"; // axum\n/* a /* b */ tonic */ let b = r#\"r\"ing\"#; let c = '\"'; fn f<'a>() {}",
        );
        let names: Vec<&str> = code.idents().map(|ident| ident.name).collect();
        assert_eq!(names, ["let", "a", "let", "b", "let", "c", "fn", "f", "a"]);
        let texts: Vec<&str> = code.literals.iter().map(|literal| literal.text.as_str()).collect();
        assert_eq!(texts, ["sqlx \\\" x", "r\"ing"]);
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        let code = code("fn a() {}\n#[cfg(test)]\n#[expect(x, reason = \"a]b\")]\nmod tests { fn b() {} }\nfn c() {}");
        let outside: Vec<String> = code
            .functions()
            .into_iter()
            .filter(|(range, _)| !code.in_tests(range.start))
            .map(|(_, name)| name)
            .collect();
        assert_eq!(outside, ["a", "c"]);
    }

    #[test]
    fn a_function_reaches_to_its_closing_brace() {
        let code = code("trait T { fn no_body(&self, a: [u8; 2]); }\nfn long() {\n    if x {\n    }\n}\n");
        let functions = code.functions();
        assert_eq!(functions.len(), 1);
        assert_eq!((code.line(functions[0].0.start), code.line(functions[0].0.end)), (2, 5));
    }

    #[test]
    fn paths_in_the_crate_are_found_through_braces() {
        let code =
            code("use crate::{app::{x, y}, store::z};\nuse crate::index::a; pub(crate) fn f() { crate::pki::b() }");
        let names: Vec<&str> = code.crate_paths().iter().map(|ident| ident.name).collect();
        assert_eq!(names, ["app", "store", "index", "pki"]);
    }
}
