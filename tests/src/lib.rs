//! What the tests share: the source tree as data, a server, terminals, a PostgreSQL and a browser of one's own, a plain
//! HTTP client, and waiting on conditions. Nothing of the product is implemented here.

pub mod agent;
pub mod bare;
pub mod browser;
pub mod children;
pub mod fleet;
pub mod harness;
pub mod http;
pub mod line;
pub mod meter;
pub mod postgres;
pub mod require;
pub mod serve;
pub mod sources;
pub mod wait;
pub mod wine;
