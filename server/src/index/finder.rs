//! What somebody types while the phone rings, found among very many short texts: for each pair of neighbouring characters
//! the texts that hold it. Two characters are as good as twenty, in any script.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use roaring::{MultiOps, RoaringBitmap};

/// So many texts are looked at for the best beginnings, and as many again for what lies within.
const LOOKED_AT: usize = 6_000;

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
    texts: Vec<Box<str>>,
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
        let at = place as usize;
        if self.texts.len() <= at {
            self.texts.resize(at + 1, Box::default());
        }
        let mut text = String::new();
        for line in lines.iter().filter(|line| !line.is_empty()) {
            text.push_str(line);
            text.push('\n');
        }
        if *self.texts[at] == *text {
            return;
        }
        let old = std::mem::replace(&mut self.texts[at], text.into_boxed_str());
        for pair in pairs(&old) {
            if let Some(places) = self.pairs.get_mut(&pair) {
                places.remove(place);
                if places.is_empty() {
                    self.pairs.remove(&pair);
                }
            }
        }
        for pair in pairs(&self.texts[at]) {
            self.pairs.entry(pair).or_default().insert(place);
        }
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

    /// The best `most` places whose text holds all words, with how well each answers.
    pub fn find(&self, words: &[String], most: usize) -> Vec<(Rank, u32)> {
        let mut words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .filter(|word| !word.is_empty())
            .collect();
        words.sort_by_key(|word| Reverse(word.len()));
        let Some(longest) = words.first() else {
            return Vec::new();
        };
        let mut candidates = self.candidates(longest);
        for word in &words[1..] {
            candidates &= self.candidates(word);
        }
        let first = longest.chars().next().unwrap_or('\n');
        let starts = self
            .pairs
            .get(&('\n', first))
            .map(|places| &candidates & places)
            .unwrap_or_default();
        let mut best: BinaryHeap<(Rank, u32)> = BinaryHeap::new();
        let mut look = |places: &mut dyn Iterator<Item = u32>| {
            for place in places.take(LOOKED_AT) {
                let text = &self.texts[place as usize];
                if let Some(rank) = words.iter().map(|word| rank(text, word)).collect::<Option<Vec<_>>>() {
                    best.push((rank.into_iter().max().unwrap_or(Rank::Within), place));
                    if best.len() > most {
                        best.pop();
                    }
                }
            }
        };
        look(&mut starts.iter());
        look(&mut (candidates - starts).iter());
        best.into_sorted_vec()
    }

    pub fn bytes(&self) -> usize {
        let texts = self.texts.iter().map(|text| text.len() + 24);
        let pairs = self.pairs.values().map(|places| places.serialized_size() + 48);
        texts.sum::<usize>() + pairs.sum::<usize>()
    }
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
    use kaishin_domain::fold::{search_key, search_words};

    use super::*;

    fn finder(texts: &[&[&str]]) -> Finder {
        let mut finder = Finder::default();
        for (place, lines) in (0_u32..).zip(texts) {
            finder.set(place, &lines.iter().map(|line| search_key(line)).collect::<Vec<_>>());
        }
        finder
    }

    fn found(finder: &Finder, query: &str) -> Vec<u32> {
        let found = finder.find(&search_words(query), 10).into_iter();
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
        let ranks = |query: &str| finder.find(&search_words(query), 10);
        assert_eq!(ranks("131")[0], (Rank::Beginning, 0));
        assert_eq!(ranks("1410123456")[0], (Rank::Exact, 1));
        assert_eq!(ranks("高橋")[2], (Rank::Within, 3));
        assert_eq!(ranks("23456")[0].0, Rank::Ending);
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
            let word = text(3);
            let hits = finder.find(std::slice::from_ref(&word), 100).into_iter();
            let mut found: Vec<u32> = hits.map(|(_, place)| place).collect();
            found.sort_unstable();
            let holds = |(_, text): &(u32, &String)| !word.is_empty() && text.contains(&word);
            let expected = (0_u32..).zip(&texts).filter(holds).map(|(place, _)| place);
            assert_eq!(found, expected.collect::<Vec<_>>(), "{word:?} in {texts:?}");
        }
    }
}
