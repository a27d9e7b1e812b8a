//! What somebody types while the phone rings, found among very many short texts: for each pair of neighbouring characters
//! the texts that hold it. Two characters are as good as twenty, in any script.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use kaishin_domain::fold::Word;
use roaring::{MultiOps, RoaringBitmap};

use super::search::Search;

/// So many texts that begin with the word are looked at for the best, and as many again of those that have it elsewhere;
/// more only while there are not enough that answer at all. Tests come to that with few.
const LOOKED_AT: usize = if cfg!(test) { 3 } else { 6_000 };
/// Of fewer than one in so many texts that have all pairs of a word each is looked at; else all are read through.
const SPARSE: usize = 8;

/// How well a text answers; the smaller, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A line is just that.
    Exact,
    Beginning,
    /// A number ends so.
    Ending,
    /// A word within begins so.
    WordStart,
    Within,
}

#[derive(Default)]
pub(super) struct Finder {
    /// Per place the lines that are searched, already folded; each line ends with a line feed.
    texts: Search,
    pairs: BTreeMap<(char, char), RoaringBitmap>,
}

/// Every neighbouring pair, where the line feed stands before the first character too.
fn pairs(text: &str) -> impl Iterator<Item = (char, char)> + '_ {
    let before = std::iter::once('\n').chain(text.chars());
    before.zip(text.chars()).filter(|pair| *pair != ('\n', '\n'))
}

impl Finder {
    /// Puts the lines of a place in; none takes them out.
    pub fn set(&mut self, place: u32, lines: &[String]) {
        let mut text = String::new();
        for line in lines.iter().filter(|line| !line.is_empty()) {
            text.push_str(line);
            text.push('\n');
        }
        let old = self.texts.get(place).unwrap_or_default();
        if old == text {
            return;
        }
        for pair in pairs(old) {
            if let Some(places) = self.pairs.get_mut(&pair) {
                places.remove(place);
                if places.is_empty() {
                    self.pairs.remove(&pair);
                }
            }
        }
        for pair in pairs(&text) {
            self.pairs.entry(pair).or_default().insert(place);
        }
        self.texts
            .set(place, Some(text.as_str()).filter(|text| !text.is_empty()));
    }

    /// Those that have every pair of the word; for words of one and two characters that is the answer.
    fn candidates(&self, word: &str) -> RoaringBitmap {
        let mut chars = word.chars();
        let (Some(first), Some(_)) = (chars.next(), chars.next()) else {
            let Some(only) = word.chars().next() else {
                return RoaringBitmap::new();
            };
            let with = self.pairs.range((only, '\0')..=(only, char::MAX));
            return with.map(|(_, places)| places).union();
        };
        let mut sets: Vec<&RoaringBitmap> = Vec::new();
        let mut before = first;
        for c in word.chars().skip(1) {
            let Some(places) = self.pairs.get(&(before, c)) else {
                return RoaringBitmap::new();
            };
            sets.push(places);
            before = c;
        }
        sets.sort_by_key(|places| places.len());
        let mut sets = sets.into_iter();
        let smallest = sets.next().cloned().unwrap_or_default();
        sets.fold(smallest, |all, places| all & places)
    }

    /// Those of which a text has the word.
    pub fn having(&self, word: &Word) -> RoaringBitmap {
        let having = |form: &str| {
            let candidates = self.candidates(form);
            if form.chars().nth(2).is_none() {
                return candidates;
            }
            if candidates.len() as usize * SPARSE > self.texts.len() {
                return self.texts.select(form);
            }
            let has = |place: &u32| self.texts.get(*place).is_some_and(|text| text.contains(form));
            candidates.iter().filter(has).collect()
        };
        word.forms().map(having).union()
    }

    /// How well a place answers to a word; none if it does not.
    pub fn rank(&self, place: u32, word: &Word) -> Option<Rank> {
        let text = self.texts.get(place)?;
        word.forms().filter_map(|form| rank(text, form)).min()
    }

    /// The best `most` places whose text holds all words, with how well each answers.
    pub fn find(&self, words: &[Word], most: usize) -> Vec<(Rank, u32)> {
        let mut words: Vec<&Word> = words.iter().filter(|word| !word.key().is_empty()).collect();
        words.sort_by_key(|word| Reverse(word.key().len()));
        let Some(longest) = words.first() else {
            return Vec::new();
        };
        let candidates = |word: &Word| word.forms().map(|form| self.candidates(form)).union();
        let all = words[1..]
            .iter()
            .fold(candidates(longest), |all, word| all & candidates(word));
        let with = |pair: (Option<char>, Option<char>)| {
            let places = self.pairs.get(&(pair.0.unwrap_or('\n'), pair.1.unwrap_or('\n')));
            places.map(|places| &all & places).unwrap_or_default()
        };
        let starts = longest.forms().map(|form| with((None, form.chars().next()))).union();
        let ends = longest
            .forms()
            .map(|form| with((form.chars().next_back(), None)))
            .union();
        let whole = &starts & &ends;
        let within = &all - &starts;
        let starts = starts - &whole;
        let answers = |place: u32| {
            let ranks = words.iter().map(|word| self.rank(place, word));
            Some((ranks.collect::<Option<Vec<_>>>()?.into_iter().max()?, place))
        };
        best_of([whole, starts, within], most, answers)
    }

    pub fn bytes(&self) -> usize {
        let pairs = self.pairs.values().map(|places| places.serialized_size() + 48);
        self.texts.bytes() + pairs.sum::<usize>()
    }
}

/// The best `most` of those that answer. What comes first is likelier to answer well.
pub(super) fn best_of(
    tiers: impl IntoIterator<Item = RoaringBitmap>,
    most: usize,
    answers: impl Fn(u32) -> Option<(Rank, u32)>,
) -> Vec<(Rank, u32)> {
    let mut best: BinaryHeap<(Rank, u32)> = BinaryHeap::new();
    for places in tiers {
        for (looked_at, place) in places.iter().enumerate() {
            if looked_at >= LOOKED_AT && best.len() >= most {
                break;
            }
            best.extend(answers(place));
            if best.len() > most {
                best.pop();
            }
        }
    }
    best.into_sorted_vec()
}

/// The best place of a word in a text; none if it is not there.
fn rank(text: &str, word: &str) -> Option<Rank> {
    let mut best = None;
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        let before = text[..at].chars().next_back().unwrap_or('\n');
        let (starts, ends) = (before == '\n', text[end..].starts_with('\n'));
        let rank = if starts && ends {
            Rank::Exact
        } else if starts {
            Rank::Beginning
        } else if ends && before.is_ascii_digit() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            Rank::Ending
        } else if !before.is_alphanumeric() {
            Rank::WordStart
        } else {
            Rank::Within
        };
        best = Some(best.map_or(rank, |best: Rank| best.min(rank)));
        if rank == Rank::Exact {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use kaishin_domain::fold::{Query, search_key};

    use super::*;

    fn finder(texts: &[&[&str]]) -> Finder {
        let mut finder = Finder::default();
        for (place, lines) in (0_u32..).zip(texts) {
            finder.set(place, &lines.iter().map(|line| search_key(line)).collect::<Vec<_>>());
        }
        finder
    }

    fn found(finder: &Finder, query: &str) -> Vec<u32> {
        let found = finder.find(Query::read(query).words(), 10).into_iter();
        found.map(|(_, place)| place).collect()
    }

    #[test]
    fn what_is_typed_on_the_phone_finds_the_facility_best_first() {
        let finder = finder(&[
            &[
                "1310123456",
                "医療法人社団 髙橋内科クリニック",
                "タカハシナイカクリニック",
                "0312345678",
            ],
            &["1410123456", "山﨑医院", "ヤマザキイイン"],
            &["1310999131", "高橋歯科", "タカハシシカ"],
            &["2710123456", "東高橋薬局", "ヒガシタカハシヤッキョク"],
        ]);
        for (query, expected) in [
            ("高橋", vec![0, 2, 3]),
            ("髙橋", vec![0, 2, 3]),
            ("山崎", vec![1]),
            ("ﾀｶﾊｼ", vec![0, 2, 3]),
            ("たかはしし", vec![2]),
            ("131", vec![0, 2]),
            ("1410123456", vec![1]),
            ("23456", vec![0, 1, 3]),
            ("0312345678", vec![0]),
            ("高橋 薬局", vec![3]),
            ("橋", vec![0, 2, 3]),
            ("ない名", vec![]),
            ("", vec![]),
        ] {
            let mut found = found(&finder, query);
            if query != "131" {
                found.sort_unstable();
            }
            assert_eq!(found, expected, "{query}");
        }
        let ranks = |query: &str| finder.find(Query::read(query).words(), 10);
        assert_eq!(ranks("131")[0], (Rank::Beginning, 0));
        assert_eq!(ranks("1410123456")[0], (Rank::Exact, 1));
        assert_eq!(ranks("高橋")[2], (Rank::Within, 3));
        assert_eq!(ranks("23456")[0].0, Rank::Ending);
    }

    #[test]
    fn what_is_just_that_comes_first_however_many_begin_so() {
        let mut names: Vec<String> = (0..40).map(|n| format!("pc-{n}")).collect();
        names.push("pc".to_owned());
        let texts: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
        let texts: Vec<&[&str]> = texts.iter().map(|lines| &lines[..]).collect();
        let finder = finder(&texts);
        assert_eq!(finder.find(Query::read("PC").words(), 2)[0], (Rank::Exact, 40));
    }

    #[test]
    fn what_was_taken_out_is_not_found() {
        let mut finder = finder(&[&["uketsuke-01"], &["kaikei-01"]]);
        finder.set(0, &[]);
        assert_eq!(found(&finder, "01"), [1]);
        finder.set(1, &["受付".to_owned()]);
        assert_eq!((found(&finder, "kai"), found(&finder, "受付")), (vec![], vec![1]));
        assert_eq!(finder.pairs.len(), 3);
    }

    #[test]
    fn it_finds_what_looking_everywhere_finds() {
        let mut dice: u64 = 1;
        let mut text = |most: u64| {
            let mut next = || {
                dice = dice
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                dice >> 33
            };
            let len = next() % (most + 1);
            (0..len)
                .map(|_| ['a', 'b', 'あ', '1', '-'][(next() % 5) as usize])
                .collect::<String>()
        };
        for _ in 0..200 {
            let mut finder = Finder::default();
            let mut texts = vec![String::new(); 20];
            for place in (0..20).chain(5..12) {
                texts[place as usize] = text(8);
                finder.set(place, std::slice::from_ref(&texts[place as usize]));
            }
            let word = Word::new(&text(3));
            let hits = finder.find(std::slice::from_ref(&word), 100).into_iter();
            let mut found: Vec<u32> = hits.map(|(_, place)| place).collect();
            found.sort_unstable();
            let holds = |(_, text): &(u32, &String)| !word.key().is_empty() && word.is_in(text);
            let expected = (0_u32..).zip(&texts).filter(holds).map(|(place, _)| place);
            let expected: Vec<u32> = expected.collect();
            assert_eq!(found, expected, "{word:?} in {texts:?}");
            // However few are asked for, none is left out for one that only looked like it.
            for most in 1..4 {
                let few = finder.find(std::slice::from_ref(&word), most);
                assert_eq!(few.len(), expected.len().min(most), "{word:?} in {texts:?}");
                assert!(few.iter().all(|(_, place)| expected.contains(place)));
            }
            if !word.key().is_empty() {
                let having = finder.having(&word);
                assert_eq!(having.iter().collect::<Vec<_>>(), expected, "{word:?} in {texts:?}");
            }
        }
    }
}
