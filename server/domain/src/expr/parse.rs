//! From what a person typed to an expression. Full-width punctuation is as good as half-width; positions count characters.

use super::Expr;
use super::error::{ParseError, Problem};
use super::field::{Field, alike};
use super::literal::{Literal, Phrase, is_quote};
use super::term::{Op, Short, Term, is_of_many, short_for};
use crate::fold::{dash, fold, narrow, search_key};

const MOST_CHARS: usize = 4_000;
const MOST_LEVELS: usize = 64;
const KEYWORDS: [&str; 3] = ["AND", "OR", "NOT"];

pub(super) fn parse(text: &str) -> Result<Expr, ParseError> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > MOST_CHARS {
        let problem = Problem::TooLong { most: MOST_CHARS };
        return Err(ParseError {
            at: MOST_CHARS,
            len: chars.len() - MOST_CHARS,
            problem,
        });
    }
    let mut parser = Parser { chars, at: 0, level: 0 };
    parser.skip_space();
    if parser.peek().is_none() {
        return Ok(Expr::Always);
    }
    let expr = parser.alternatives()?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => parser.fail(parser.at, 1, Problem::ParenthesisExtra),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    level: usize,
}

/// Ends a bare word.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | ':' | '<' | '>' | '=') || is_quote(c)
}

/// Ends a value: what looks like an operator is part of it, as in `12:30`.
fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')') || is_quote(c)
}

impl Parser {
    fn fail<T>(&self, at: usize, len: usize, problem: Problem) -> Result<T, ParseError> {
        Err(ParseError { at, len, problem })
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied().map(narrow)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Takes a keyword where it stands as a word of its own.
    fn keyword(&mut self, word: &str) -> bool {
        let fits = word
            .chars()
            .enumerate()
            .all(|(ahead, c)| self.peek_at(ahead) == Some(c));
        let whole = self
            .peek_at(word.len())
            .is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')') || is_quote(next));
        if fits && whole {
            self.at += word.len();
            self.skip_space();
        }
        fits && whole
    }

    fn deeper(&mut self) -> Result<(), ParseError> {
        self.level += 1;
        if self.level > MOST_LEVELS {
            return self.fail(self.at, 1, Problem::TooDeep { most: MOST_LEVELS });
        }
        Ok(())
    }

    fn alternatives(&mut self) -> Result<Expr, ParseError> {
        let mut any = vec![self.sequence()?];
        while self.keyword("OR") {
            any.push(self.sequence()?);
        }
        Ok(Expr::any(any))
    }

    fn sequence(&mut self) -> Result<Expr, ParseError> {
        let mut all = vec![self.negation()?];
        loop {
            self.skip_space();
            if self.keyword("AND") {
                all.push(self.negation()?);
                continue;
            }
            let before = self.at;
            let ends = self.peek().is_none_or(|c| c == ')') || self.keyword("OR");
            self.at = before;
            if ends {
                return Ok(Expr::all(all));
            }
            all.push(self.negation()?);
        }
    }

    fn negation(&mut self) -> Result<Expr, ParseError> {
        let tight = self.peek() == Some('-') && self.peek_at(1).is_some_and(|next| !next.is_whitespace());
        if tight {
            self.at += 1;
        } else if !self.keyword("NOT") {
            return self.leaf();
        }
        self.deeper()?;
        let inner = self.negation()?;
        self.level -= 1;
        Ok(Expr::Not(Box::new(inner)))
    }

    fn leaf(&mut self) -> Result<Expr, ParseError> {
        let start = self.at;
        match self.peek() {
            None | Some(')') => self.fail(start, 0, Problem::TermMissing),
            Some('(') => self.group(),
            Some(c) if is_quote(c) => {
                let text = self.quoted()?;
                self.word(text, start, self.at - start)
            }
            Some(_) => self.word_or_term(),
        }
    }

    fn group(&mut self) -> Result<Expr, ParseError> {
        let open = self.at;
        self.at += 1;
        self.deeper()?;
        self.skip_space();
        let inner = self.alternatives()?;
        self.skip_space();
        if self.peek() != Some(')') {
            return self.fail(open, 1, Problem::ParenthesisOpen);
        }
        self.at += 1;
        self.level -= 1;
        self.skip_space();
        Ok(inner)
    }

    fn quoted(&mut self) -> Result<String, ParseError> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(&c) = self.chars.get(self.at) {
            self.at += 1;
            if is_quote(c) {
                return Ok(text);
            }
            // A backslash is itself, as paths need it, unless it stands before a quote or another one.
            match self.chars.get(self.at) {
                Some(&next) if c == '\\' && (is_quote(next) || next == '\\') => {
                    text.push(next);
                    self.at += 1;
                }
                _ => text.push(c),
            }
        }
        self.fail(open, 1, Problem::QuoteOpen)
    }

    fn taken_while(&mut self, goes_on: impl Fn(&Parser, char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| goes_on(self, c)) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn word_or_term(&mut self) -> Result<Expr, ParseError> {
        let start = self.at;
        let word = self.taken_while(|parser, c| !(ends_word(c) || c == '!' && parser.peek_at(1) == Some('=')));
        let len = self.at - start;
        self.skip_space();
        let Some(op) = self.operator() else {
            if matches!(word.as_str(), "*" | "＊") {
                return Ok(Expr::Always);
            }
            if let Some(keyword) = keyword_meant(&word) {
                return self.fail(start, len, Problem::KeywordSmall { word, keyword });
            }
            if !word.is_empty() && word.chars().all(|c| dash(c) == '-') {
                return self.fail(start, len, Problem::MinusAlone);
            }
            return self.word(word, start, len);
        };
        if word.is_empty() {
            return self.fail(start, self.at - start, Problem::OperatorAlone);
        }
        match (fold(&word).as_str(), op) {
            ("has", Op::Has) => return self.known(true),
            ("unknown", Op::Has) => return self.known(false),
            (_, _) => {}
        }
        let field = self.field(&word, start, len)?;
        self.value(field, op, start)
    }

    /// A word to look for. One that has nothing to look for would be found everywhere.
    fn word(&self, text: String, start: usize, len: usize) -> Result<Expr, ParseError> {
        if says_nothing(&text) {
            return self.fail(start, len, Problem::WordEmpty);
        }
        Ok(Expr::Text(Phrase::new(text)))
    }

    fn field(&self, word: &str, start: usize, len: usize) -> Result<Field, ParseError> {
        let Some(field) = Field::find(word) else {
            let (key, alike) = (word.to_owned(), alike(word));
            return self.fail(start, len, Problem::UnknownKey { key, alike });
        };
        if !field.indexed() {
            return self.fail(start, len, Problem::NotIndexed { key: field.name() });
        }
        Ok(field)
    }

    /// `has:KEY` and `unknown:KEY`.
    fn known(&mut self, known: bool) -> Result<Expr, ParseError> {
        self.skip_space();
        let start = self.at;
        let word = self.taken_while(|_, c| !ends_value(c));
        if word.is_empty() {
            return self.fail(start, 0, Problem::TermMissing);
        }
        let field = self.field(&word, start, self.at - start)?;
        self.skip_space();
        if is_of_many(field) {
            // These are always known, also where there is none.
            return Ok(if known { any(field) } else { Expr::any(Vec::new()) });
        }
        let op = if known { Op::NotEqual } else { Op::Has };
        Ok(Term::new(field, op, Literal::Unknown).map_or(Expr::Always, Expr::Term))
    }

    fn operator(&mut self) -> Option<Op> {
        let (op, len) = match (self.peek()?, self.peek_at(1)) {
            (':', _) => (Op::Has, 1),
            ('=', _) => (Op::Equal, 1),
            ('!', Some('=')) => (Op::NotEqual, 2),
            ('<', Some('=')) => (Op::LessOrEqual, 2),
            ('>', Some('=')) => (Op::GreaterOrEqual, 2),
            ('<', _) => (Op::Less, 1),
            ('>', _) => (Op::Greater, 1),
            (_, _) => return None,
        };
        self.at += len;
        Some(op)
    }

    fn value(&mut self, field: Field, op: Op, start: usize) -> Result<Expr, ParseError> {
        let (key, kind) = (field.name(), field.kind());
        let op_end = self.at;
        self.skip_space();
        let at = self.at;
        let quoted = self.peek().is_some_and(is_quote);
        let text = if quoted {
            self.quoted()?
        } else {
            self.taken_while(|_, c| !ends_value(c))
        };
        let len = self.at - at;
        if len == 0 {
            return self.fail(op_end, 0, Problem::ValueMissing { key, kind });
        }
        let short = if quoted { None } else { short_for(field, &text) };
        if let Some(short) = short.filter(|_| matches!(op, Op::Has | Op::Equal | Op::NotEqual)) {
            self.skip_space();
            return Ok(match short {
                Short::Any if op == Op::NotEqual => Expr::Not(Box::new(any(field))),
                Short::Any => any(field),
                Short::Of(of) => {
                    let word = Literal::Text(Phrase::new(fold(&text)));
                    Term::new(of, op, word).map_or(Expr::Always, Expr::Term)
                }
            });
        }
        let quoted = quoted || self.is_choice(field, &text);
        let Some(literal) = Literal::read(kind, &text, quoted) else {
            return self.fail(at, len, Problem::ValueWrong { key, kind, value: text });
        };
        self.skip_space();
        if literal == Literal::Absent && is_of_many(field) && op.fits(kind) {
            let some = any(field);
            return Ok(if op == Op::NotEqual {
                some
            } else {
                Expr::Not(Box::new(some))
            });
        }
        match Term::new(field, op, literal) {
            Some(term) => Ok(Expr::Term(term)),
            None if op.fits(kind) => self.fail(at, len, Problem::ValueWrong { key, kind, value: text }),
            None => self.fail(start, op_end - start, Problem::OperatorWrong { key, kind, op }),
        }
    }

    /// A job's state can be `unknown`, which is then no more unknown than any other.
    fn is_choice(&self, field: Field, text: &str) -> bool {
        field
            .choices()
            .is_some_and(|choices| choices.contains(&fold(text).as_str()))
    }
}

/// Signs alone, or nothing.
pub(super) fn says_nothing(word: &str) -> bool {
    !search_key(word).chars().any(char::is_alphanumeric)
}

/// What somebody meant who wrote a keyword otherwise than in capitals.
pub(super) fn keyword_meant(word: &str) -> Option<&'static str> {
    let word = fold(word);
    KEYWORDS.into_iter().find(|keyword| word.eq_ignore_ascii_case(keyword))
}

fn any(field: Field) -> Expr {
    let some = Literal::Text(Phrase::new("*"));
    Term::new(field, Op::Has, some).map_or(Expr::Always, Expr::Term)
}
