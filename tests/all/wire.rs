//! The wire, with terminals played by hand against a real server: what each side may say, and what it gets for it.

mod enrolment;
mod handshake;
mod history;
mod hostile;
mod jobs;
mod limits;
mod profile;
mod remedies;
mod renewal;
mod session;
mod site;
mod traffic;
