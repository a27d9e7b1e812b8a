//! Japan as 47 tiles of one size: each prefecture is as easy to hit as any other, and each tile says its share.

use kaishin_domain::facility::Prefecture;

use super::super::Page;

/// A tile's side and the gap to the next, in units of the drawing.
const SIDE: u64 = 42;
const STEP: u64 = 45;

/// The short form in Latin letters, and column and row of the tile; in the order of the prefectures' numbers.
const TILES: [(&str, u64, u64); 47] = [
    ("HKD", 12, 0),
    ("AOM", 12, 1),
    ("IWT", 12, 2),
    ("MYG", 12, 3),
    ("AKT", 11, 2),
    ("YGT", 11, 3),
    ("FKS", 11, 4),
    ("IBR", 12, 5),
    ("TCG", 11, 5),
    ("GNM", 10, 5),
    ("SIT", 10, 6),
    ("CHB", 12, 6),
    ("TKY", 11, 6),
    ("KNG", 10, 7),
    ("NGT", 10, 4),
    ("TYM", 9, 4),
    ("ISK", 8, 4),
    ("FKI", 7, 5),
    ("YMN", 9, 6),
    ("NGN", 9, 5),
    ("GIF", 8, 5),
    ("SZO", 9, 7),
    ("AIC", 8, 6),
    ("MIE", 8, 7),
    ("SIG", 7, 6),
    ("KYT", 6, 6),
    ("OSK", 6, 7),
    ("HYG", 5, 6),
    ("NAR", 7, 7),
    ("WKY", 6, 8),
    ("TTR", 4, 6),
    ("SMN", 3, 6),
    ("OKY", 4, 7),
    ("HRS", 3, 7),
    ("YGC", 2, 7),
    ("TKS", 5, 9),
    ("KGW", 5, 8),
    ("EHM", 4, 8),
    ("KOC", 4, 9),
    ("FKO", 2, 8),
    ("SAG", 1, 8),
    ("NGS", 0, 8),
    ("KMM", 1, 9),
    ("OIT", 2, 9),
    ("MYZ", 2, 10),
    ("KGS", 1, 10),
    ("OKN", 0, 11),
];

/// What is known of the terminals of one prefecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub prefecture: Prefecture,
    pub terminals: u64,
    pub faulty: u64,
    pub offline: u64,
}

pub struct Tiles {
    pub width: u64,
    pub height: u64,
    pub side: u64,
    pub tiles: Vec<Tile>,
    /// Those with terminals, the largest share first.
    pub rows: Vec<Row>,
}

pub struct Tile {
    pub x: u64,
    pub y: u64,
    pub middle: u64,
    pub name: String,
    pub share: String,
    pub title: String,
    /// How deep its colour is; nothing where there are no terminals.
    pub level: Option<u8>,
    pub href: String,
}

pub struct Row {
    pub name: String,
    pub href: String,
    pub area: Area,
    pub faulty: String,
    pub offline: String,
}

fn level(part: u64, whole: u64) -> Option<u8> {
    match (part, part * 100 / whole.max(1)) {
        _ if whole == 0 => None,
        (0, _) => Some(0),
        (_, 0..5) => Some(1),
        (_, 5..15) => Some(2),
        (_, 15..30) => Some(3),
        _ => Some(4),
    }
}

/// Colour and share are those of the faulty terminals.
pub fn tiles(page: &Page, areas: &[Area], href: impl Fn(Prefecture) -> String) -> Tiles {
    let tile = |(prefecture, (latin, column, row)): (Prefecture, &(&'static str, u64, u64))| {
        let area = areas.iter().find(|area| area.prefecture == prefecture);
        let (terminals, faulty, offline) = area.map_or((0, 0, 0), |area| (area.terminals, area.faulty, area.offline));
        let words = prefecture.words();
        let title = page.lang.with(
            "tile-title",
            &[
                ("name", &page.of(&words)),
                ("terminals", &page.count(&terminals)),
                ("faulty", &page.count(&faulty)),
                ("offline", &page.count(&offline)),
            ],
        );
        let short: String = words.ja.chars().take(2).collect();
        Tile {
            x: column * STEP,
            y: row * STEP,
            middle: column * STEP + SIDE / 2,
            name: page.lang.choose(&short, latin).to_owned(),
            share: (faulty * 100)
                .checked_div(terminals)
                .map_or_else(String::new, |share| format!("{share}%")),
            title,
            level: level(faulty, terminals),
            href: href(prefecture),
        }
    };
    let mut rows: Vec<Row> = areas
        .iter()
        .map(|area| Row {
            name: page.of(&area.prefecture.words()).to_owned(),
            href: href(area.prefecture),
            area: *area,
            faulty: page.share(&area.faulty, &area.terminals),
            offline: page.share(&area.offline, &area.terminals),
        })
        .collect();
    let share = |row: &Row| row.area.faulty * 10_000 / row.area.terminals.max(1);
    rows.sort_by_key(|row| (std::cmp::Reverse((share(row), row.area.terminals)), row.area.prefecture));
    Tiles {
        width: 12 * STEP + SIDE,
        height: 11 * STEP + SIDE,
        side: SIDE,
        tiles: Prefecture::all().zip(&TILES).map(tile).collect(),
        rows,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn every_prefecture_has_a_tile_of_its_own() {
        for lang in Lang::ALL {
            let page = sample::page(lang, None, None);
            let drawn = tiles(&page, &[], |prefecture| prefecture.number().to_string());
            assert_eq!(drawn.tiles.len(), 47);
            let places: BTreeSet<_> = drawn.tiles.iter().map(|tile| (tile.x, tile.y)).collect();
            let names: BTreeSet<_> = drawn.tiles.iter().map(|tile| &tile.name).collect();
            assert_eq!((places.len(), names.len()), (47, 47), "{names:?}");
            assert!(
                drawn
                    .tiles
                    .iter()
                    .all(|tile| tile.x < drawn.width && tile.y < drawn.height)
            );
        }
    }

    #[test]
    fn the_worst_comes_first_and_an_empty_prefecture_has_no_share() {
        let page = sample::page(Lang::En, None, None);
        let area = |number, terminals, faulty| Area {
            prefecture: Prefecture::try_from(number).expect("a prefecture"),
            terminals,
            faulty,
            offline: 0,
        };
        let drawn = tiles(&page, &[area(1, 100, 3), area(13, 10, 10)], |_| String::new());
        let seen: Vec<_> = drawn
            .rows
            .iter()
            .map(|row| (row.name.as_str(), row.faulty.as_str()))
            .collect();
        assert_eq!(seen, [("Tokyo", "100.0%"), ("Hokkaido", "3.0%")]);
        assert_eq!((drawn.tiles[0].level, drawn.tiles[0].share.as_str()), (Some(1), "3%"));
        assert_eq!((drawn.tiles[1].level, drawn.tiles[1].share.as_str()), (None, ""));
        assert_eq!(drawn.tiles[12].level, Some(4));
    }
}
