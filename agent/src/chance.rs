//! Chance that can be repeated: a small generator whose seed is passed in, so that a trace can be run again. For jitter and
//! simulation only; keys and identities never come from here.

/// SplitMix64: tiny, and every seed is a good one.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// An independent generator for the `n`th of many.
    pub fn fork(&self, n: u64) -> Chance {
        let mut mixed = Chance(self.0 ^ n.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Chance(mixed.next())
    }

    #[expect(clippy::should_implement_trait, reason = "never ends, and so is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to but not `limit`; 0 where the limit is 0. The bias is far below what jitter could feel.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    pub fn bytes16(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_le_bytes());
        bytes[8..].copy_from_slice(&self.next().to_le_bytes());
        bytes
    }
}
