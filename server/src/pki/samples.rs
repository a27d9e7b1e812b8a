//! An authority and requests for this room's tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use rcgen::{CertificateParams, KeyPair};

use super::{Ca, Passphrase, Random};

pub const NOW: Time = Time(1_795_000_000_000_000);

/// Never twice the same, and the same in every run.
pub fn random() -> Random {
    let state = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    Arc::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            let mut x = state.load(Ordering::Relaxed);
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            state.store(x, Ordering::Relaxed);
            *byte = x.to_le_bytes()[3];
        }
    })
}

pub fn passphrase() -> Passphrase {
    Passphrase::new("for tests").expect("not empty")
}

pub fn ca() -> Ca {
    let dir = tempfile::tempdir().expect("a directory");
    Ca::open_or_create(dir.path(), &passphrase(), "kaishin.local", NOW, random()).expect("an authority")
}

pub fn terminal(n: u8) -> TerminalId {
    TerminalId::new(NOW, [n; 10])
}

pub fn csr(key: &KeyPair) -> Vec<u8> {
    let params = CertificateParams::new(Vec::new()).expect("parameters");
    params.serialize_request(key).expect("a request").der().to_vec()
}
