//! Kaishin tested as a whole, in one binary so that it links once. `cargo test -p kaishin-tests --test all tidy` runs a part.

mod all {
    mod access;
    mod answers;
    mod browser;
    mod calls;
    mod cli;
    mod foreign;
    mod kill;
    mod ledger;
    mod observed;
    mod pages;
    mod store;
    mod swap;
    mod tidy;
    mod verdicts;
    mod wine;
    mod wire;
}
